#include "markup/html_tree.h"

#include <setjmp.h>
#include <string.h>

#include "base/text.h"
#include "markup/sanitize.h"

/* ---- gumbo's memory ---- */

struct html_memory {
	struct arena *arena;
	size_t max;
	unsigned nodes;
	unsigned attributes; /* since the last node: those of one tag */
	jmp_buf full;
};

/* gumbo does not look whether memory was given, so it is left by a jump. */
static void *
memory_take(void *arg, size_t size)
{
	struct html_memory *m = arg;

	if (size == sizeof(GumboAttribute)) {
		m->attributes++;
	} else if (size == sizeof(GumboNode)) {
		m->attributes = 0;
		m->nodes++;
	}
	if (m->attributes > HTML_ATTRIBUTES_MAX || m->nodes > 4 * HTML_TAGS_MAX ||
		arena_used(m->arena) + size > m->max)
		longjmp(m->full, 1);
	return arena_alloc(m->arena, size);
}

static void
memory_give_back(void *arg, void *p)
{
	(void)arg;
	(void)p;
}

/* ---- parsing ---- */

size_t
html_control(struct span s)
{
	unsigned char c = (unsigned char)s.p[0];

	if (c < 0x20 || c == 0x7f)
		return c == '\t' || c == '\n' || c == '\f' || c == '\r' ? 0 : 1;
	return c == 0xc2 && s.n > 1 && (unsigned char)s.p[1] < 0xa0 ? 2 : 0;
}

/* Valid UTF-8 without control characters, of which gumbo would make replacement characters. */
static struct span
html_plain(struct arena *a, struct span s)
{
	struct span in = utf8_repair(a, s);
	char *out = (char *)(uintptr_t)in.p; /* a copy of ours, made shorter in place */
	size_t n = 0;

	for (size_t i = 0; i < in.n;) {
		size_t skip = html_control(span_slice(in, i, in.n));

		if (!skip)
			out[n++] = in.p[i];
		i += skip + (skip == 0);
	}
	return span_from(out, n);
}

/* The text up to the first tag that is one too many. */
static struct span
html_cut_tags(struct span s)
{
	size_t tags = 0;

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '<' && ++tags > HTML_TAGS_MAX)
			return span_slice(s, 0, i);
	return s;
}

/* ---- how deep ---- */

#define TAG_NAME_MAX 32

/* Elements that are open, as far as tags tell. */
struct html_open {
	struct span name[HTML_OPEN_MAX];
	size_t n;
};

/* Those that end by themselves when the next one of their kind begins, or at once. */
static bool
open_never_deepens(struct span name)
{
	static const char *const names[] = {"p", "li", "td", "th", "tr", "tbody", "thead",
		"tfoot", "dt", "dd", "option", "area", "base", "br", "col", "embed", "hr",
		"img", "input", "link", "meta", "param", "source", "track", "wbr"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_is_nocase(name, names[i]))
			return true;
	return false;
}

/* Only the element itself: what is not closed inside it may go on behind it. */
static void
open_close(struct html_open *o, struct span name)
{
	size_t i = o->n;

	while (i > 0 && !span_eq_nocase(o->name[i - 1], name))
		i--;
	if (i == 0)
		return;
	memmove(&o->name[i - 1], &o->name[i], (o->n - i) * sizeof(*o->name));
	o->n--;
}

static struct span
tag_name(struct span s)
{
	size_t n = 0;

	while (n < s.n && n < TAG_NAME_MAX && s.p[n] != '>' && s.p[n] != '/' &&
		(unsigned char)s.p[n] > ' ')
		n++;
	return span_slice(s, 0, n);
}

/* For each tag gumbo goes through all elements that are open. */
static bool
html_too_deep(struct span s)
{
	struct html_open o;

	o.n = 0;
	for (size_t i = 0; i + 1 < s.n; i++) {
		const bool closes = s.p[i + 1] == '/';
		struct span name;

		if (s.p[i] != '<')
			continue;
		name = tag_name(span_slice(s, i + 1 + closes, s.n));
		if (name.n == 0 || open_never_deepens(name))
			continue;
		if (closes)
			open_close(&o, name);
		else if (o.n == HTML_OPEN_MAX)
			return true;
		else
			o.name[o.n++] = name;
	}
	return false;
}

void
html_tree_init(struct span html, struct html_tree *out)
{
	struct html_memory m = {.arena = arena_new()};
	GumboOptions options = kGumboDefaultOptions;
	const GumboOutput *doc;

	out->arena = m.arena;
	out->root = NULL;
	out->text = html_plain(m.arena, span_slice(html, 0, HTML_MAX));
	html = html_cut_tags(out->text);
	m.max = arena_used(m.arena) + (8 << 20) + 8 * html.n;
	options.max_errors = 0;
	options.allocator = memory_take;
	options.deallocator = memory_give_back;
	options.userdata = &m;
	if (html_too_deep(html) || setjmp(m.full) != 0)
		return;
	doc = gumbo_parse_with_options(&options, html.p, html.n);
	out->root = doc->root;
}

void
html_tree_fini(struct html_tree *t)
{
	arena_free(t->arena);
}

const GumboVector *
html_tree_body(const struct html_tree *t)
{
	const GumboVector *top = &t->root->v.element.children;

	for (unsigned i = 0; i < top->length; i++) {
		const GumboNode *n = top->data[i];

		if (n->type == GUMBO_NODE_ELEMENT && n->v.element.tag == GUMBO_TAG_BODY)
			return &n->v.element.children;
	}
	return top;
}

struct span
html_tree_bare(const struct html_tree *t)
{
	char *out = arena_alloc(t->arena, t->text.n + 1);
	bool tag = false;
	size_t n = 0;

	for (size_t i = 0; i < t->text.n; i++) {
		char c = t->text.p[i];

		if (c == '<')
			tag = true;
		if (!tag)
			out[n++] = c;
		if (c == '>') {
			if (tag)
				out[n++] = ' ';
			tag = false;
		}
	}
	return span_from(out, n);
}

/* ---- elements ---- */

struct span
html_attr(const GumboElement *e, const char *name)
{
	const GumboAttribute *at = gumbo_get_attribute(&e->attributes, name);

	return at ? span_of(at->value) : SPAN_NONE;
}

static bool
tag_among(GumboTag tag, const GumboTag *tags, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (tags[i] == tag)
			return true;
	return false;
}

bool
html_tag_dropped(GumboTag tag)
{
	static const GumboTag tags[] = {GUMBO_TAG_SCRIPT, GUMBO_TAG_STYLE, GUMBO_TAG_TEMPLATE,
		GUMBO_TAG_NOSCRIPT, GUMBO_TAG_NOEMBED, GUMBO_TAG_NOFRAMES, GUMBO_TAG_IFRAME,
		GUMBO_TAG_FRAMESET, GUMBO_TAG_OBJECT, GUMBO_TAG_EMBED, GUMBO_TAG_APPLET,
		GUMBO_TAG_SVG, GUMBO_TAG_MATH, GUMBO_TAG_TEXTAREA, GUMBO_TAG_TITLE,
		GUMBO_TAG_XMP, GUMBO_TAG_PLAINTEXT, GUMBO_TAG_HEAD, GUMBO_TAG_SELECT,
		GUMBO_TAG_DATALIST, GUMBO_TAG_BUTTON, GUMBO_TAG_AUDIO, GUMBO_TAG_VIDEO,
		GUMBO_TAG_CANVAS, GUMBO_TAG_RP};

	return tag_among(tag, tags, ARRAY_LEN(tags));
}

bool
html_tag_is_block(GumboTag tag)
{
	static const GumboTag tags[] = {GUMBO_TAG_P, GUMBO_TAG_DIV, GUMBO_TAG_UL, GUMBO_TAG_OL,
		GUMBO_TAG_LI, GUMBO_TAG_BLOCKQUOTE, GUMBO_TAG_PRE, GUMBO_TAG_LISTING,
		GUMBO_TAG_H1, GUMBO_TAG_H2, GUMBO_TAG_H3, GUMBO_TAG_H4, GUMBO_TAG_H5,
		GUMBO_TAG_H6, GUMBO_TAG_HR, GUMBO_TAG_TABLE, GUMBO_TAG_CAPTION, GUMBO_TAG_TR,
		GUMBO_TAG_SECTION, GUMBO_TAG_ARTICLE, GUMBO_TAG_FIGURE, GUMBO_TAG_FIGCAPTION,
		GUMBO_TAG_HEADER, GUMBO_TAG_FOOTER, GUMBO_TAG_HGROUP, GUMBO_TAG_ADDRESS,
		GUMBO_TAG_DL, GUMBO_TAG_DT, GUMBO_TAG_DD, GUMBO_TAG_ASIDE, GUMBO_TAG_MAIN,
		GUMBO_TAG_NAV, GUMBO_TAG_FORM, GUMBO_TAG_FIELDSET, GUMBO_TAG_LEGEND,
		GUMBO_TAG_DETAILS, GUMBO_TAG_SUMMARY, GUMBO_TAG_CENTER, GUMBO_TAG_DIR,
		GUMBO_TAG_MENU};

	return tag_among(tag, tags, ARRAY_LEN(tags));
}
