#include "lib/page_lint.h"

#include <gumbo.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define IDS_MAX 400

struct lint {
	struct span media;
	struct buf out;
	const char *ids[IDS_MAX], *refs[IDS_MAX], *labels[IDS_MAX], *controls[IDS_MAX];
	size_t n_ids, n_refs, n_labels, n_controls;
	int h1, heading, mains;
	bool focusable_seen;
	unsigned texts; /* of the five, which are linked */
};

static const char *const lint_texts[] = {"/impressum", "/datenschutz", "/barrierefreiheit",
	"/leichte-sprache", "/gebaerdensprache"};

static void PRINTF_LIKE(2, 3) lint_say(struct lint *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&l->out, fmt, ap);
	va_end(ap);
	buf_byte(&l->out, '\n');
}

static const char *
attr(const GumboElement *e, const char *name)
{
	const GumboAttribute *a = gumbo_get_attribute(&e->attributes, name);

	return a ? a->value : NULL;
}

static void
remember(const char **list, size_t *n, const char *value)
{
	assert(*n < IDS_MAX);
	list[(*n)++] = value;
}

static bool
among(const char *const *list, size_t n, const char *value)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], value) == 0)
			return true;
	return false;
}

/* Is there anything that can be read aloud? */
static bool
has_name(const GumboNode *n)
{
	if (n->type == GUMBO_NODE_TEXT)
		return true;
	if (n->type != GUMBO_NODE_ELEMENT)
		return false;
	if (attr(&n->v.element, "aria-hidden"))
		return false;
	if (n->v.element.tag == GUMBO_TAG_IMG)
		return attr(&n->v.element, "alt") && *attr(&n->v.element, "alt");
	for (unsigned i = 0; i < n->v.element.children.length; i++)
		if (has_name(n->v.element.children.data[i]))
			return true;
	return false;
}

static bool
has_lang(const GumboNode *n)
{
	if (n->type != GUMBO_NODE_ELEMENT)
		return false;
	if (attr(&n->v.element, "lang"))
		return true;
	for (unsigned i = 0; i < n->v.element.children.length; i++)
		if (has_lang(n->v.element.children.data[i]))
			return true;
	return false;
}

/* ---- one element ---- */

static void
lint_heading(struct lint *l, int level)
{
	l->h1 += level == 1;
	if (level > l->heading + 1)
		lint_say(l, "h%d follows h%d", level, l->heading);
	l->heading = level;
}

static void
lint_source(struct lint *l, const char *url)
{
	struct span s = span_of(url);

	if (s.p && !span_starts(s, SPAN("/assets/")) && !span_starts(s, l->media))
		lint_say(l, "loads %s", url);
}

static void
lint_image(struct lint *l, const GumboElement *e)
{
	struct span set = span_of(attr(e, "srcset")), one;

	if (!attr(e, "alt"))
		lint_say(l, "img without alt: %s", attr(e, "src"));
	if (!attr(e, "width") || !attr(e, "height"))
		lint_say(l, "img without size: %s", attr(e, "src"));
	lint_source(l, attr(e, "src"));
	while (set.p && span_cut(&set, ',', &one))
		if (!span_starts(span_trim(one), l->media))
			lint_say(l, "loads %.*s", SPAN_FMT(one));
}

static void
lint_link(struct lint *l, const GumboNode *n)
{
	const char *href = attr(&n->v.element, "href");

	if (!href)
		return;
	if (!l->focusable_seen && *href != '#')
		lint_say(l, "the first link is no skip link: %s", href);
	if (*href == '#')
		remember(l->refs, &l->n_refs, href + 1);
	if (strncmp(href, "javascript:", 11) == 0 || strncmp(href, "data:", 5) == 0)
		lint_say(l, "a link with a scheme of its own: %s", href);
	if (!has_name(n))
		lint_say(l, "a link without a name: %s", href);
	for (size_t i = 0; i < ARRAY_LEN(lint_texts); i++)
		if (strncmp(href, lint_texts[i], strlen(lint_texts[i])) == 0)
			l->texts |= 1u << i;
	l->focusable_seen = true;
}

static void
lint_control(struct lint *l, const GumboElement *e)
{
	const char *type = attr(e, "type"), *id = attr(e, "id");

	l->focusable_seen = true;
	if (type && strcmp(type, "hidden") == 0)
		return;
	if (!id)
		lint_say(l, "a control without an id");
	else
		remember(l->controls, &l->n_controls, id);
}

static void
lint_references(struct lint *l, const GumboElement *e)
{
	static const char *const names[] = {"aria-labelledby", "aria-describedby"};
	const char *id = attr(e, "id"), *index = attr(e, "tabindex");

	if (id && among(l->ids, l->n_ids, id))
		lint_say(l, "the id %s comes twice", id);
	if (id)
		remember(l->ids, &l->n_ids, id);
	if (index && strcmp(index, "-1") != 0 && strcmp(index, "0") != 0)
		lint_say(l, "tabindex %s", index);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (attr(e, names[i]))
			remember(l->refs, &l->n_refs, attr(e, names[i]));
	for (unsigned i = 0; i < e->attributes.length; i++) {
		const GumboAttribute *a = e->attributes.data[i];

		if (strncmp(a->name, "on", 2) == 0 || strcmp(a->name, "style") == 0)
			lint_say(l, "the attribute %s", a->name);
	}
}

static void
lint_element(struct lint *l, const GumboNode *n)
{
	const GumboElement *e = &n->v.element;

	lint_references(l, e);
	switch (e->tag) {
	case GUMBO_TAG_HTML:
		if (!attr(e, "lang"))
			lint_say(l, "html without lang");
		break;
	case GUMBO_TAG_H1:
	case GUMBO_TAG_H2:
	case GUMBO_TAG_H3:
	case GUMBO_TAG_H4:
		lint_heading(l, (int)e->tag - GUMBO_TAG_H1 + 1);
		break;
	case GUMBO_TAG_MAIN:
		l->mains++;
		break;
	case GUMBO_TAG_ARTICLE:
		if (attr(e, "aria-labelledby") && !has_lang(n))
			lint_say(l, "a post without a language");
		break;
	case GUMBO_TAG_IMG:
		lint_image(l, e);
		break;
	case GUMBO_TAG_A:
		lint_link(l, n);
		break;
	case GUMBO_TAG_LABEL:
		remember(l->labels, &l->n_labels, attr(e, "for") ? attr(e, "for") : "");
		break;
	case GUMBO_TAG_INPUT:
	case GUMBO_TAG_SELECT:
	case GUMBO_TAG_TEXTAREA:
		lint_control(l, e);
		break;
	case GUMBO_TAG_LINK:
		if (attr(e, "rel") && (strcmp(attr(e, "rel"), "stylesheet") == 0 ||
					      strcmp(attr(e, "rel"), "icon") == 0))
			lint_source(l, attr(e, "href"));
		break;
	case GUMBO_TAG_NAV:
		if (!attr(e, "aria-label") && !attr(e, "aria-labelledby"))
			lint_say(l, "a nav without a name");
		break;
	case GUMBO_TAG_SCRIPT:
	case GUMBO_TAG_STYLE:
	case GUMBO_TAG_IFRAME:
		lint_say(l, "a <%s>", gumbo_normalized_tagname(e->tag));
		break;
	default:
		break;
	}
}

static void
lint_tree(struct lint *l, const GumboNode *n)
{
	if (n->type != GUMBO_NODE_ELEMENT)
		return;
	lint_element(l, n);
	for (unsigned i = 0; i < n->v.element.children.length; i++)
		lint_tree(l, n->v.element.children.data[i]);
}

/* ---- the page ---- */

static void
lint_whole(struct lint *l)
{
	if (l->h1 != 1)
		lint_say(l, "%d h1", l->h1);
	if (l->mains != 1)
		lint_say(l, "%d main", l->mains);
	for (size_t i = 0; i < l->n_refs; i++)
		if (!among(l->ids, l->n_ids, l->refs[i]))
			lint_say(l, "#%s leads nowhere", l->refs[i]);
	for (size_t i = 0; i < l->n_controls; i++)
		if (!among(l->labels, l->n_labels, l->controls[i]))
			lint_say(l, "the control %s has no label", l->controls[i]);
	for (size_t i = 0; i < ARRAY_LEN(lint_texts); i++)
		if (!(l->texts & 1u << i))
			lint_say(l, "no link to %s", lint_texts[i]);
}

struct span
page_lint(struct arena *a, struct span html, struct span media)
{
	GumboOptions options = kGumboDefaultOptions;
	GumboOutput *doc;
	struct lint *l = ARENA_NEW(a, struct lint);
	struct span out;

	l->media = media;
	buf_init(&l->out, 1 << 16);
	options.max_errors = 50;
	doc = gumbo_parse_with_options(&options, html.p, html.n);
	if (doc->errors.length)
		lint_say(l, "%u parse errors", doc->errors.length);
	lint_tree(l, doc->root);
	lint_whole(l);
	out = arena_dup(a, buf_span(&l->out));
	buf_fini(&l->out);
	gumbo_destroy_output(&options, doc);
	return out;
}
