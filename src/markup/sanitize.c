#include "markup/sanitize.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "markup/html_tree.h"

#define QUOTES_MAX 8     /* blockquotes in each other */
#define INLINE_MAX 12    /* inline elements in each other */
#define VISITS_MAX 20000 /* nodes looked at: more than an output of ours can have */
#define MARGIN 4096      /* bytes kept for closing what is open */

/*
 * The writer. Its output has one grammar, whatever the input's is:
 *
 *	flow    = *( <p> text </p> / <pre> / <ul|ol> 1*( <li> text </li> ) / <blockquote> flow )
 *	text    = characters, <br>, and inline elements, each in itself at most once
 *
 * Elements of the input only say what is wanted; tags are written when there are characters to
 * stand in them. So nothing empty appears, a block in an inline element closes and opens it
 * again, and what has this grammar is written as it is: the output is a fixpoint.
 */
enum block {
	BLOCK_NONE,
	BLOCK_P,
	BLOCK_LI,
};

struct inline_tag {
	const char *name;
	struct span href, lang; /* of <a>; of any, SPAN_NONE = not said */
};

struct html_out {
	struct arena *a; /* of the writing */
	const struct url *base;
	struct buf b;
	size_t visits, tags;
	bool full; /* a limit is reached: only closing tags follow */

	enum block block; /* open */
	bool gap;         /* white space was seen */
	int breaks;       /* <br> were seen */
	int quotes, quotes_open;
	const char *list; /* "ul" or "ol" around us; lists in lists are one list */
	bool list_open;
	struct inline_tag want[INLINE_MAX];
	size_t n_want, n_open;
};

/* ---- writing ---- */

static void
out_close_inlines(struct html_out *o, size_t until)
{
	while (o->n_open > until)
		buf_printf(&o->b, "</%s>", o->want[--o->n_open].name);
}

/* The end of a paragraph or of an item of a list. */
static void
out_end(struct html_out *o)
{
	out_close_inlines(o, 0);
	if (o->block != BLOCK_NONE)
		buf_printf(&o->b, "</%s>", o->block == BLOCK_P ? "p" : "li");
	o->block = BLOCK_NONE;
	o->gap = false;
	o->breaks = 0;
}

/* A block begins or ends here. In an item of a list that is only a new line. */
static void
out_boundary(struct html_out *o)
{
	if (!o->list)
		out_end(o);
	else if (o->block == BLOCK_LI && o->breaks == 0)
		o->breaks = 1;
}

/* Is there room for n bytes and all that must be opened before them? */
static bool
out_room(struct html_out *o, size_t n)
{
	size_t tags = 4 + (size_t)(o->quotes - o->quotes_open) + o->n_want - o->n_open;

	for (size_t i = o->n_open; i < o->n_want; i++)
		n += 6 * o->want[i].href.n + 100;
	if (o->tags + tags > HTML_NODES_MAX || o->b.n + 6 * n > HTML_MAX - MARGIN)
		o->full = true;
	return !o->full;
}

static void
out_tag(struct html_out *o, const char *name)
{
	buf_printf(&o->b, "<%s>", name);
	o->tags++;
}

static void
out_open_inline(struct html_out *o, const struct inline_tag *t)
{
	o->tags++;
	buf_printf(&o->b, "<%s", t->name);
	if (t->href.p) {
		buf_lit(&o->b, " href=\"");
		text_escape_html(&o->b, t->href);
		buf_lit(&o->b, "\" rel=\"nofollow noopener ugc\"");
	}
	if (t->lang.p)
		buf_printf(&o->b, " lang=\"%.*s\"", SPAN_FMT(t->lang));
	buf_byte(&o->b, '>');
}

static void
out_open_quotes(struct html_out *o)
{
	for (; o->quotes_open < o->quotes; o->quotes_open++)
		out_tag(o, "blockquote");
}

/* Everything that is wanted, so that characters can follow. */
static void
out_prepare(struct html_out *o)
{
	if (o->block == BLOCK_NONE) {
		out_open_quotes(o);
		if (o->list && !o->list_open)
			out_tag(o, o->list);
		o->list_open = o->list != NULL;
		o->block = o->list ? BLOCK_LI : BLOCK_P;
		out_tag(o, o->list ? "li" : "p");
	} else if (o->breaks > 0) {
		out_tag(o, "br");
		if (o->breaks > 1)
			out_tag(o, "br");
	} else if (o->gap) {
		buf_byte(&o->b, ' ');
	}
	o->gap = false;
	o->breaks = 0;
	for (; o->n_open < o->n_want; o->n_open++)
		out_open_inline(o, &o->want[o->n_open]);
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
out_word(struct html_out *o, struct span word)
{
	if (o->full || !out_room(o, word.n))
		return;
	out_prepare(o);
	text_escape_html(&o->b, word);
}

static void
out_text(struct html_out *o, struct span s)
{
	size_t from = 0, i = 0, n;

	if (!utf8_valid(
		    s)) /* gumbo makes odd bytes of character references that are too large */
		s = utf8_repair(o->a, s);
	while (i < s.n) {
		n = is_space(s.p[i]) ? 1 : html_control(span_slice(s, i, s.n));
		if (n == 0) {
			i++;
			continue;
		}
		if (i > from)
			out_word(o, span_slice(s, from, i));
		o->gap = o->gap || is_space(s.p[i]);
		i += n;
		from = i;
	}
	if (i > from)
		out_word(o, span_slice(s, from, i));
}

/* ---- what the input's elements want ---- */

static void out_children(struct html_out *o, const GumboVector *v, int depth);

static bool
lang_valid(struct span s)
{
	if (s.n < 2 || s.n > 35)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
			    (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '-'))
			return false;
	return true;
}

/* The language in which text stands here, as far as the input says. */
static struct span
out_language(const struct html_out *o)
{
	for (size_t i = o->n_want; i > 0; i--)
		if (o->want[i - 1].lang.p)
			return o->want[i - 1].lang;
	return SPAN_NONE;
}

static struct span
wanted_lang(const struct html_out *o, const GumboElement *e)
{
	struct span lang = html_attr(e, "lang");

	return lang.p && lang_valid(lang) && !span_eq_nocase(lang, out_language(o)) ? lang
										    : SPAN_NONE;
}

static bool
is_wanted(const struct html_out *o, const char *name)
{
	for (size_t i = 0; i < o->n_want; i++)
		if (strcmp(o->want[i].name, name) == 0)
			return true;
	return false;
}

static void
out_wanting(struct html_out *o, const struct inline_tag *t, const GumboVector *v, int depth)
{
	if (o->n_want == INLINE_MAX) {
		out_children(o, v, depth);
		return;
	}
	o->want[o->n_want++] = *t;
	out_children(o, v, depth);
	out_close_inlines(o, o->n_want - 1);
	o->n_want--;
}

/* Content of a block, in the block's language. */
static void
out_content(struct html_out *o, const GumboElement *e, int depth)
{
	const struct inline_tag t = {.name = "span", .lang = wanted_lang(o, e)};

	if (t.lang.p)
		out_wanting(o, &t, &e->children, depth);
	else
		out_children(o, &e->children, depth);
}

static void
out_inline(struct html_out *o, const GumboElement *e, const char *name, int depth)
{
	const struct inline_tag t = {.name = name, .lang = wanted_lang(o, e)};

	if (!t.lang.p && (strcmp(name, "span") == 0 || is_wanted(o, name)))
		out_children(o, &e->children, depth);
	else
		out_wanting(o, &t, &e->children, depth);
}

static void
out_list(struct html_out *o, const GumboElement *e, const char *name, int depth)
{
	bool outermost = o->list == NULL;

	out_end(o);
	if (outermost)
		o->list = name;
	out_content(o, e, depth);
	out_end(o);
	if (!outermost)
		return;
	if (o->list_open)
		buf_printf(&o->b, "</%s>", o->list);
	o->list = NULL;
	o->list_open = false;
}

static void
out_quote(struct html_out *o, const GumboElement *e, int depth)
{
	bool deeper = !o->list && o->quotes < QUOTES_MAX;

	out_boundary(o);
	o->quotes += deeper;
	out_content(o, e, depth);
	out_boundary(o);
	o->quotes -= deeper;
	if (o->quotes_open > o->quotes) {
		buf_lit(&o->b, "</blockquote>");
		o->quotes_open--;
	}
}

static void
out_heading(struct html_out *o, const GumboElement *e, int depth)
{
	const struct inline_tag t = {.name = "strong", .lang = wanted_lang(o, e)};

	out_boundary(o);
	if (!t.lang.p && is_wanted(o, "strong"))
		out_children(o, &e->children, depth);
	else
		out_wanting(o, &t, &e->children, depth);
	out_boundary(o);
}

/* ---- preformatted text: characters only ---- */

static void
pre_text(struct html_out *o, struct buf *b, const GumboVector *v, int depth)
{
	for (unsigned i = 0; i < v->length && depth <= HTML_DEPTH_MAX; i++) {
		const GumboNode *n = v->data[i];

		if (++o->visits > VISITS_MAX)
			return;
		if (n->type == GUMBO_NODE_TEXT || n->type == GUMBO_NODE_CDATA ||
			n->type == GUMBO_NODE_WHITESPACE) {
			buf_add_cstr(b, n->v.text.text);
		} else if (n->type == GUMBO_NODE_ELEMENT) {
			if (n->v.element.tag == GUMBO_TAG_BR)
				buf_byte(b, '\n');
			else if (!html_tag_dropped(n->v.element.tag))
				pre_text(o, b, &n->v.element.children, depth + 1);
		}
	}
}

/* Line ends are LF; a first one would be eaten by the next reader, so there is none. */
static void
pre_clean(struct span s, struct buf *b)
{
	for (size_t i = 0; i < s.n; i++) {
		struct span rest = span_slice(s, i, s.n);
		size_t n = html_control(rest);

		if (span_starts(rest, SPAN("\r\n")))
			continue;
		if (s.p[i] == '\n' || s.p[i] == '\r') {
			if (b->n > 0)
				buf_byte(b, '\n');
		} else if (n == 0) {
			buf_byte(b, s.p[i]);
		} else {
			i += n - 1;
		}
	}
}

static void
pre_write(struct html_out *o, struct span text)
{
	if (o->full || span_trim(text).n == 0 || !out_room(o, text.n))
		return;
	out_open_quotes(o);
	out_tag(o, "pre");
	text_escape_html(&o->b, text);
	buf_lit(&o->b, "</pre>");
}

static void
out_pre(struct html_out *o, const GumboElement *e, int depth)
{
	struct buf raw, clean;

	out_boundary(o);
	buf_init(&raw, 2 * HTML_MAX);
	buf_init(&clean, 2 * HTML_MAX);
	pre_text(o, &raw, &e->children, depth);
	pre_clean(utf8_repair(o->a, buf_span(&raw)), &clean);
	if (o->list)
		out_text(o, buf_span(&clean)); /* an item of a list is running text */
	else
		pre_write(o, buf_span(&clean));
	buf_fini(&raw);
	buf_fini(&clean);
	out_boundary(o);
}

/* ---- links ---- */

/* The target of a link, written again; SPAN_NONE when it is not http, https or mailto. */
static struct span
link_target(struct arena *a, const struct url *base, struct span href)
{
	struct url u;

	href = span_trim(href);
	if (href.n == 0)
		return SPAN_NONE;
	if (span_starts_nocase(href, SPAN("mailto:"))) {
		for (size_t i = 0; i < href.n; i++)
			if ((unsigned char)href.p[i] <= ' ' || (unsigned char)href.p[i] >= 0x7f)
				return SPAN_NONE;
		return href.n < 320 ? href : SPAN_NONE;
	}
	if (base ? url_resolve(a, base, href, &u) != NULL : url_parse(a, href, &u) != NULL)
		return SPAN_NONE;
	return u.text;
}

/* What a reader sees, white space where words end. */
static void
link_text(struct buf *b, const GumboVector *v, int depth)
{
	for (unsigned i = 0; i < v->length && depth <= HTML_DEPTH_MAX; i++) {
		const GumboNode *n = v->data[i];
		GumboTag tag;

		if (n->type == GUMBO_NODE_TEXT || n->type == GUMBO_NODE_WHITESPACE)
			buf_add_cstr(b, n->v.text.text);
		if (n->type != GUMBO_NODE_ELEMENT)
			continue;
		tag = n->v.element.tag;
		if (html_tag_dropped(tag))
			continue;
		if (tag == GUMBO_TAG_BR || tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH ||
			html_tag_is_block(tag))
			buf_byte(b, ' ');
		link_text(b, &n->v.element.children, depth + 1);
		if (html_tag_is_block(tag) || tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH)
			buf_byte(b, ' ');
	}
}

static struct span
host_without_www(struct span host)
{
	return span_starts(host, SPAN("www.")) ? span_slice(host, 4, host.n) : host;
}

/* Does the word look like the address of another host? */
static bool
word_misleads(struct arena *a, struct span word, struct span host)
{
	struct url shown;

	if (span_starts_nocase(word, SPAN("www.")))
		word = arena_printf(
			a, "http://%.*s", (int)(word.n > URL_MAX ? URL_MAX : word.n), word.p);
	else if (!span_starts_nocase(word, SPAN("http://")) &&
		 !span_starts_nocase(word, SPAN("https://")))
		return false;
	/* Up to the path: what follows may be cut short with an ellipsis. */
	for (size_t i = 8; i < word.n; i++)
		if (word.p[i] == '/' || word.p[i] == '?' || word.p[i] == '#')
			word = span_slice(word, 0, i);
	while (word.n > 0 && strchr(".,;:!?)", word.p[word.n - 1]))
		word.n--;
	return url_parse(a, word, &shown) ||
	       !span_eq(host_without_www(shown.host), host_without_www(host));
}

/* Text that names another host than the link leads to is a trap: then the real host is said. */
static bool
link_misleads(struct arena *a, const GumboElement *e, struct span target, struct span *host)
{
	struct span rest, word;
	struct url real;
	bool bad = false;
	struct buf b;

	if (url_parse(a, target, &real))
		return false; /* a mail address: nobody is led to a page */
	*host = real.host;
	buf_init(&b, HTML_MAX);
	link_text(&b, &e->children, 0);
	for (size_t i = 0; i < b.n; i++)
		if (is_space(b.p[i]))
			b.p[i] = ' ';
	rest = buf_span(&b);
	while (!bad && span_cut(&rest, ' ', &word))
		bad = word_misleads(a, word, real.host);
	buf_fini(&b);
	return bad;
}

/* A link around nothing but a picture: to the picture itself it is of no use as text. */
static bool
link_is_picture(struct span target)
{
	static const char *const exts[] = {".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif"};
	struct span path = span_slice(target, 0, span_find_byte(target, '?'));

	for (size_t i = 0; i < ARRAY_LEN(exts); i++) {
		size_t n = strlen(exts[i]);

		if (path.n > n &&
			span_eq_nocase(span_slice(path, path.n - n, path.n), span_of(exts[i])))
			return true;
	}
	return false;
}

/* The target as text: of a mail address nothing but the address. */
static struct span
link_words(struct span target)
{
	if (!span_starts_nocase(target, SPAN("mailto:")))
		return target;
	target = span_slice(target, 7, target.n);
	return span_slice(target, 0, span_find_byte(target, '?'));
}

/* a: of this link alone; a text has them by the thousand. */
static void
out_linked(struct html_out *o, struct arena *a, const GumboElement *e, struct inline_tag t,
	int depth)
{
	size_t before = o->b.n;
	struct span host;

	o->want[o->n_want++] = t;
	if (link_misleads(a, e, t.href, &host))
		out_word(o, host);
	else
		out_children(o, &e->children, depth);
	/* A link without text could not be followed by everyone. */
	if (o->b.n == before && !link_is_picture(t.href))
		out_word(o, link_words(t.href));
	out_close_inlines(o, o->n_want - 1);
	o->n_want--;
}

static void
out_link(struct html_out *o, const GumboElement *e, int depth)
{
	struct inline_tag t = {.name = "a", .lang = wanted_lang(o, e)};
	struct arena *a = arena_new();

	if (!is_wanted(o, "a") && o->n_want < INLINE_MAX)
		t.href = link_target(a, o->base, html_attr(e, "href"));
	if (t.href.p)
		out_linked(o, a, e, t, depth);
	else
		out_inline(o, e, "span", depth);
	arena_free(a);
}

/* ---- elements ---- */

static const struct {
	GumboTag tag;
	const char *as;
} inline_tags[] = {
	{GUMBO_TAG_SPAN, "span"},
	{GUMBO_TAG_STRONG, "strong"},
	{GUMBO_TAG_B, "b"},
	{GUMBO_TAG_EM, "em"},
	{GUMBO_TAG_I, "i"},
	{GUMBO_TAG_U, "u"},
	{GUMBO_TAG_DEL, "del"},
	{GUMBO_TAG_S, "del"},
	{GUMBO_TAG_STRIKE, "del"},
	{GUMBO_TAG_CODE, "code"},
};

static const char *
inline_of(GumboTag tag)
{
	for (size_t i = 0; i < ARRAY_LEN(inline_tags); i++)
		if (inline_tags[i].tag == tag)
			return inline_tags[i].as;
	return "span";
}

static void
out_block(struct html_out *o, const GumboElement *e, int depth)
{
	out_boundary(o);
	out_content(o, e, depth);
	out_boundary(o);
}

static void
out_element(struct html_out *o, const GumboElement *e, int depth)
{
	if (html_tag_dropped(e->tag) || e->tag_namespace != GUMBO_NAMESPACE_HTML)
		return;
	switch (e->tag) {
	case GUMBO_TAG_BR:
		o->breaks++;
		break;
	case GUMBO_TAG_A:
		out_link(o, e, depth);
		break;
	case GUMBO_TAG_UL:
	case GUMBO_TAG_OL:
		out_list(o, e, e->tag == GUMBO_TAG_UL ? "ul" : "ol", depth);
		break;
	case GUMBO_TAG_LI:
		out_end(o);
		out_content(o, e, depth);
		out_end(o);
		break;
	case GUMBO_TAG_BLOCKQUOTE:
		out_quote(o, e, depth);
		break;
	case GUMBO_TAG_PRE:
	case GUMBO_TAG_LISTING:
		out_pre(o, e, depth);
		break;
	case GUMBO_TAG_H1:
	case GUMBO_TAG_H2:
	case GUMBO_TAG_H3:
	case GUMBO_TAG_H4:
	case GUMBO_TAG_H5:
	case GUMBO_TAG_H6:
		out_heading(o, e, depth);
		break;
	case GUMBO_TAG_TD:
	case GUMBO_TAG_TH:
		o->gap = true;
		out_content(o, e, depth);
		o->gap = true;
		break;
	default:
		if (html_tag_is_block(e->tag))
			out_block(o, e, depth);
		else
			out_inline(o, e, inline_of(e->tag), depth);
	}
}

static void
out_children(struct html_out *o, const GumboVector *v, int depth)
{
	for (unsigned i = 0; i < v->length && depth <= HTML_DEPTH_MAX; i++) {
		const GumboNode *n = v->data[i];

		if (o->full || ++o->visits > VISITS_MAX)
			return;
		if (n->type == GUMBO_NODE_TEXT || n->type == GUMBO_NODE_CDATA)
			out_text(o, span_of(n->v.text.text));
		else if (n->type == GUMBO_NODE_WHITESPACE)
			o->gap = true;
		else if (n->type == GUMBO_NODE_ELEMENT)
			out_element(o, &n->v.element, depth + 1);
	}
}

struct safe_html
html_sanitize(struct arena *a, struct span html, const struct url *base)
{
	struct html_out o = {.a = arena_new(), .base = base};
	struct safe_html safe;
	struct html_tree tree;

	html_tree_init(html, &tree);
	buf_init(&o.b, HTML_MAX);
	if (tree.root)
		out_children(&o, html_tree_body(&tree), 0);
	else
		out_text(&o, html_tree_bare(&tree));
	out_end(&o);
	safe.html = arena_dup(a, buf_span(&o.b));
	buf_fini(&o.b);
	html_tree_fini(&tree);
	arena_free(o.a);
	return safe;
}
