#include "markup/sanitize.h"

#include <gumbo.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "markup/hashtag.h"

/* What may stand in the output, and what the input's tags become. */
enum keep {
	KEEP_NOT,  /* the tag goes, its content stays */
	KEEP_DROP, /* the tag goes with its content */
	KEEP_AS,   /* written as `as` */
};

struct tag_rule {
	GumboTag tag;
	enum keep keep;
	const char *as;
};

static const struct tag_rule tag_rules[] = {
	{GUMBO_TAG_P, KEEP_AS, "p"},
	{GUMBO_TAG_BR, KEEP_AS, "br"},
	{GUMBO_TAG_A, KEEP_AS, "a"},
	{GUMBO_TAG_SPAN, KEEP_AS, "span"},
	{GUMBO_TAG_STRONG, KEEP_AS, "strong"},
	{GUMBO_TAG_B, KEEP_AS, "b"},
	{GUMBO_TAG_EM, KEEP_AS, "em"},
	{GUMBO_TAG_I, KEEP_AS, "i"},
	{GUMBO_TAG_U, KEEP_AS, "u"},
	{GUMBO_TAG_DEL, KEEP_AS, "del"},
	{GUMBO_TAG_S, KEEP_AS, "del"},
	{GUMBO_TAG_STRIKE, KEEP_AS, "del"},
	{GUMBO_TAG_UL, KEEP_AS, "ul"},
	{GUMBO_TAG_OL, KEEP_AS, "ol"},
	{GUMBO_TAG_LI, KEEP_AS, "li"},
	{GUMBO_TAG_BLOCKQUOTE, KEEP_AS, "blockquote"},
	{GUMBO_TAG_PRE, KEEP_AS, "pre"},
	{GUMBO_TAG_CODE, KEEP_AS, "code"},
	{GUMBO_TAG_H1, KEEP_AS, "h"},
	{GUMBO_TAG_H2, KEEP_AS, "h"},
	{GUMBO_TAG_H3, KEEP_AS, "h"},
	{GUMBO_TAG_H4, KEEP_AS, "h"},
	{GUMBO_TAG_H5, KEEP_AS, "h"},
	{GUMBO_TAG_H6, KEEP_AS, "h"},
	{GUMBO_TAG_SCRIPT, KEEP_DROP, NULL},
	{GUMBO_TAG_STYLE, KEEP_DROP, NULL},
	{GUMBO_TAG_TEMPLATE, KEEP_DROP, NULL},
	{GUMBO_TAG_NOSCRIPT, KEEP_DROP, NULL},
	{GUMBO_TAG_IFRAME, KEEP_DROP, NULL},
	{GUMBO_TAG_OBJECT, KEEP_DROP, NULL},
	{GUMBO_TAG_EMBED, KEEP_DROP, NULL},
	{GUMBO_TAG_SVG, KEEP_DROP, NULL},
	{GUMBO_TAG_MATH, KEEP_DROP, NULL},
	{GUMBO_TAG_TEXTAREA, KEEP_DROP, NULL},
	{GUMBO_TAG_TITLE, KEEP_DROP, NULL},
	{GUMBO_TAG_XMP, KEEP_DROP, NULL},
	{GUMBO_TAG_PLAINTEXT, KEEP_DROP, NULL},
	{GUMBO_TAG_HEAD, KEEP_DROP, NULL},
	{GUMBO_TAG_SELECT, KEEP_DROP, NULL},
	{GUMBO_TAG_BUTTON, KEEP_DROP, NULL},
	{GUMBO_TAG_AUDIO, KEEP_DROP, NULL},
	{GUMBO_TAG_VIDEO, KEEP_DROP, NULL},
	{GUMBO_TAG_CANVAS, KEEP_DROP, NULL},
};

static const struct tag_rule *
rule_of(GumboTag tag)
{
	for (size_t i = 0; i < ARRAY_LEN(tag_rules); i++)
		if (tag_rules[i].tag == tag)
			return &tag_rules[i];
	return NULL;
}

/* Elements that begin a line of their own: their content must not run into what stands before.
 */
static bool
tag_is_block(GumboTag tag)
{
	static const GumboTag blocks[] = {GUMBO_TAG_P, GUMBO_TAG_DIV, GUMBO_TAG_UL,
		GUMBO_TAG_OL, GUMBO_TAG_LI, GUMBO_TAG_BLOCKQUOTE, GUMBO_TAG_PRE, GUMBO_TAG_H1,
		GUMBO_TAG_H2, GUMBO_TAG_H3, GUMBO_TAG_H4, GUMBO_TAG_H5, GUMBO_TAG_H6,
		GUMBO_TAG_TABLE, GUMBO_TAG_TR, GUMBO_TAG_SECTION, GUMBO_TAG_ARTICLE,
		GUMBO_TAG_FIGURE, GUMBO_TAG_FIGCAPTION, GUMBO_TAG_HEADER, GUMBO_TAG_FOOTER,
		GUMBO_TAG_DL, GUMBO_TAG_DT, GUMBO_TAG_DD, GUMBO_TAG_ASIDE, GUMBO_TAG_MAIN,
		GUMBO_TAG_NAV};

	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		if (blocks[i] == tag)
			return true;
	return false;
}

/*
 * The writer keeps the output well-formed by itself: blocks are p, pre, ul, ol, blockquote;
 * inline content stands in a block; a block that begins closes the open paragraph. Because the
 * output uses only this grammar, parsing and writing it again yields the same.
 */
struct html_out {
	struct arena *a;
	const struct url *base;
	struct buf b;
	size_t nodes;
	bool in_p; /* a <p> of ours is open */
	int pre;   /* inside <pre> */
	int list;  /* depth of ul and ol */
	bool in_li;
	bool in_a;
	bool blank; /* the last character written was a space, or a block began */
	bool gap;   /* white space was seen and not written yet */
};

static void
out_open_p(struct html_out *o)
{
	if (o->in_p || o->pre || o->in_li)
		return;
	buf_lit(&o->b, "<p>");
	o->in_p = true;
	o->blank = true;
	o->gap = false;
}

static void
out_close_p(struct html_out *o)
{
	static const struct span empty = {.p = "<p>", .n = 3};

	if (!o->in_p)
		return;
	while (o->b.n >= 4 && memcmp(o->b.p + o->b.n - 4, "<br>", 4) == 0)
		o->b.n -= 4;
	/* A paragraph without content leaves nothing behind. */
	if (span_ends(buf_span(&o->b), empty))
		o->b.n -= empty.n;
	else
		buf_lit(&o->b, "</p>");
	o->in_p = false;
	o->gap = false;
	o->blank = true;
}

static void
out_text(struct html_out *o, const char *text)
{
	struct span raw = span_of(text);
	size_t from = 0;

	if (o->pre) {
		text_escape_html(&o->b, utf8_repair(o->a, raw));
		return;
	}

	raw = utf8_repair(o->a, raw);
	for (size_t i = 0; i <= raw.n; i++) {
		bool space = i < raw.n &&
			     (raw.p[i] == ' ' || (raw.p[i] >= '\t' && raw.p[i] <= '\r'));

		if (i < raw.n && !space)
			continue;
		if (i > from) {
			out_open_p(o);
			if (o->gap && !o->blank)
				buf_byte(&o->b, ' ');
			text_escape_html(&o->b, span_slice(raw, from, i));
			o->gap = false;
			o->blank = false;
		}
		if (i < raw.n)
			o->gap = true;
		from = i + 1;
	}
}

static struct span
attr(const GumboElement *e, const char *name)
{
	const GumboAttribute *at = gumbo_get_attribute(&e->attributes, name);

	return at ? span_of(at->value) : SPAN_NONE;
}

/* The target of a link, written again; SPAN_NONE when it is not http, https or mailto. */
static struct span
link_target(struct html_out *o, struct span href)
{
	struct url u;

	href = span_trim(href);
	if (span_starts_nocase(href, SPAN("mailto:"))) {
		for (size_t i = 0; i < href.n; i++)
			if ((unsigned char)href.p[i] <= ' ' || (unsigned char)href.p[i] >= 0x7f)
				return SPAN_NONE;
		return href.n < 320 ? href : SPAN_NONE;
	}
	if (o->base ? url_resolve(o->a, o->base, href, &u) != NULL
		    : url_parse(o->a, href, &u) != NULL)
		return SPAN_NONE;
	return u.text;
}

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

static void
out_flush_gap(struct html_out *o)
{
	if (o->gap && !o->blank) {
		buf_byte(&o->b, ' ');
		o->blank = true;
	}
	o->gap = false;
}

/* Text that names another host than the link leads to is a trap: the real host is said. */
static bool
link_misleads(struct html_out *o, const GumboElement *e, struct span target)
{
	struct buf b;
	struct url shown, real;
	struct span text;
	bool bad = false;

	buf_init(&b, 4096);
	for (unsigned i = 0; i < e->children.length; i++) {
		const GumboNode *n = e->children.data[i];

		if (n->type == GUMBO_NODE_TEXT)
			buf_add_cstr(&b, n->v.text.text);
	}
	text = span_trim(buf_span(&b));
	if ((span_starts_nocase(text, SPAN("http://")) ||
		    span_starts_nocase(text, SPAN("https://"))) &&
		!url_parse(o->a, arena_dup(o->a, text), &shown) &&
		!url_parse(o->a, target, &real))
		bad = !span_eq(shown.host, real.host);
	buf_fini(&b);
	return bad;
}

static void
out_link(struct html_out *o, const GumboElement *e, int depth)
{
	struct span target = o->in_a || o->pre ? SPAN_NONE : link_target(o, attr(e, "href"));
	struct url real;

	if (!target.p) {
		out_children(o, &e->children, depth);
		return;
	}
	out_open_p(o);
	out_flush_gap(o);
	buf_lit(&o->b, "<a href=\"");
	text_escape_html(&o->b, target);
	buf_lit(&o->b, "\" rel=\"nofollow noopener ugc\">");
	size_t from = o->b.n;

	o->in_a = true;
	o->blank = true;
	if (link_misleads(o, e, target) && !url_parse(o->a, target, &real)) {
		text_escape_html(&o->b, real.host);
		o->blank = false;
	} else {
		out_children(o, &e->children, depth);
	}
	o->in_a = false;
	/* A link without text could not be followed by everyone. */
	if (o->b.n == from) {
		text_escape_html(&o->b, target);
		o->blank = false;
	}
	buf_lit(&o->b, "</a>");
	o->blank = false;
}

static void
out_inline(struct html_out *o, const GumboElement *e, const char *as, int depth)
{
	struct span lang = attr(e, "lang");
	bool with_lang = lang.p && lang_valid(lang), gap, blank;
	size_t before, from;

	if (strcmp(as, "span") == 0 && !with_lang) {
		out_children(o, &e->children, depth);
		return;
	}
	out_open_p(o);
	before = o->b.n;
	gap = o->gap;
	blank = o->blank;
	out_flush_gap(o);
	buf_printf(&o->b, "<%s", as);
	if (with_lang)
		buf_printf(&o->b, " lang=\"%.*s\"", SPAN_FMT(lang));
	buf_byte(&o->b, '>');
	from = o->b.n;
	/* Blocks inside inline elements would tear the grammar: they are read as inline. */
	out_children(o, &e->children, depth);
	if (o->b.n > from) {
		buf_printf(&o->b, "</%s>", as);
		return;
	}
	/* As if it had not been there; white space in it counts. */
	o->b.n = before;
	o->gap = o->gap || gap;
	o->blank = blank;
}

static void
out_list(struct html_out *o, const GumboElement *e, const char *as, int depth)
{
	bool outer_li = o->in_li;
	size_t before, from;

	out_close_p(o);
	before = o->b.n;
	buf_printf(&o->b, "<%s>", as);
	from = o->b.n;
	o->list++;
	o->in_li = false;
	for (unsigned i = 0; i < e->children.length; i++) {
		const GumboNode *n = e->children.data[i];
		size_t item, start;

		if (n->type != GUMBO_NODE_ELEMENT || n->v.element.tag != GUMBO_TAG_LI ||
			++o->nodes > HTML_NODES_MAX)
			continue;
		item = o->b.n;
		buf_lit(&o->b, "<li>");
		start = o->b.n;
		o->in_li = true;
		o->blank = true;
		o->gap = false;
		out_children(o, &n->v.element.children, depth + 1);
		o->in_li = false;
		if (o->b.n == start)
			o->b.n = item;
		else
			buf_lit(&o->b, "</li>");
	}
	o->list--;
	o->in_li = outer_li;
	o->blank = true;
	o->gap = false;
	if (o->b.n == from)
		o->b.n = before;
	else
		buf_printf(&o->b, "</%s>", as);
}

static void
out_block(struct html_out *o, const GumboElement *e, const char *as, int depth)
{
	size_t before, from;

	if (o->in_li || o->in_a) {
		/* In an item only text stands; a block in it is a line. */
		if (!o->blank)
			o->gap = true;
		out_children(o, &e->children, depth);
		o->gap = true;
		return;
	}
	if (strcmp(as, "p") == 0) {
		out_close_p(o);
		out_children(o, &e->children, depth);
		out_close_p(o);
		return;
	}
	out_close_p(o);
	if (strcmp(as, "h") == 0) {
		buf_lit(&o->b, "<p><strong>");
		from = o->b.n;
		o->in_p = true;
		o->blank = true;
		/* Inside the heading everything is inline. */
		o->in_a = true;
		out_children(o, &e->children, depth);
		o->in_a = false;
		if (o->b.n == from) {
			o->b.n -= sizeof("<p><strong>") - 1;
		} else {
			buf_lit(&o->b, "</strong></p>");
		}
		o->in_p = false;
		o->blank = true;
		o->gap = false;
		return;
	}
	before = o->b.n;
	buf_printf(&o->b, "<%s>", as);
	from = o->b.n;
	o->pre += strcmp(as, "pre") == 0;
	out_children(o, &e->children, depth);
	o->pre -= strcmp(as, "pre") == 0;
	out_close_p(o);
	if (o->b.n == from)
		o->b.n = before;
	else
		buf_printf(&o->b, "</%s>", as);
	o->blank = true;
	o->gap = false;
}

static void
out_element(struct html_out *o, const GumboElement *e, int depth)
{
	const struct tag_rule *rule = rule_of(e->tag);
	const char *as = rule && rule->keep == KEEP_AS ? rule->as : NULL;

	if (rule && rule->keep == KEEP_DROP)
		return;
	if (e->tag_namespace != GUMBO_NAMESPACE_HTML)
		return;
	if (e->tag == GUMBO_TAG_BR) {
		if (o->pre)
			buf_byte(&o->b, '\n');
		else if (o->in_p && !o->in_a)
			buf_lit(&o->b, "<br>");
		else
			o->gap = true;
		o->blank = o->blank || o->in_p;
		o->gap = o->gap && !o->in_p;
		return;
	}
	if (o->pre) {
		out_children(o, &e->children, depth);
		return;
	}
	if (e->tag == GUMBO_TAG_A) {
		out_link(o, e, depth);
		return;
	}
	if (as && (e->tag == GUMBO_TAG_UL || e->tag == GUMBO_TAG_OL)) {
		if (o->in_a || o->in_li || o->list > 0)
			out_block(o, e, "p", depth);
		else
			out_list(o, e, as, depth);
		return;
	}
	if (as && tag_is_block(e->tag)) {
		out_block(o, e, e->tag == GUMBO_TAG_LI ? "p" : as, depth);
		return;
	}
	if (as) {
		out_inline(o, e, as, depth);
		return;
	}
	if (tag_is_block(e->tag))
		out_block(o, e, "p", depth);
	else
		out_children(o, &e->children, depth);
}

static void
out_children(struct html_out *o, const GumboVector *v, int depth)
{
	if (depth > HTML_DEPTH_MAX)
		return;
	for (unsigned i = 0; i < v->length; i++) {
		const GumboNode *n = v->data[i];

		if (++o->nodes > HTML_NODES_MAX || o->b.toobig)
			return;
		if (n->type == GUMBO_NODE_TEXT || n->type == GUMBO_NODE_CDATA)
			out_text(o, n->v.text.text);
		else if (n->type == GUMBO_NODE_WHITESPACE && o->pre)
			out_text(o, n->v.text.text);
		else if (n->type == GUMBO_NODE_WHITESPACE)
			o->gap = true;
		else if (n->type == GUMBO_NODE_ELEMENT)
			out_element(o, &n->v.element, depth + 1);
	}
}

/* ---- parsing ---- */

/*
 * gumbo builds its tree without a limit of depth and frees it recursively in places; a text
 * with thousands of open tags is not a text for people and is read as plain text instead.
 */
static bool
html_too_deep(struct span html)
{
	size_t opened = 0, closed = 0;

	for (size_t i = 0; i + 1 < html.n; i++) {
		if (html.p[i] != '<')
			continue;
		if (html.p[i + 1] == '/')
			closed++;
		else if ((html.p[i + 1] | 32) >= 'a' && (html.p[i + 1] | 32) <= 'z')
			opened++;
	}
	return opened > 20000 || (opened > closed && opened - closed > 4000);
}

static GumboOutput *
html_parse(struct arena *a, struct span *html)
{
	GumboOptions options = kGumboDefaultOptions;

	*html = utf8_repair(a, span_slice(*html, 0, HTML_MAX));
	if (html_too_deep(*html))
		return NULL;
	options.max_errors = 0;
	return gumbo_parse_with_options(&options, html->p, html->n);
}

/* Every parser of HTML takes <body>'s children: a fragment is a body. */
static const GumboVector *
html_body(const GumboOutput *out)
{
	const GumboElement *root = &out->root->v.element;

	for (unsigned i = 0; i < root->children.length; i++) {
		const GumboNode *n = root->children.data[i];

		if (n->type == GUMBO_NODE_ELEMENT && n->v.element.tag == GUMBO_TAG_BODY)
			return &n->v.element.children;
	}
	return &root->children;
}

struct safe_html
html_sanitize(struct arena *a, struct span html, const struct url *base)
{
	GumboOutput *doc = html_parse(a, &html);
	struct html_out o = {.a = a, .base = base, .blank = true};
	struct safe_html safe;

	if (!doc)
		return html_from_text(a, html, SPAN_NONE);
	buf_init(&o.b, 2 * HTML_MAX);
	out_children(&o, html_body(doc), 0);
	out_close_p(&o);
	safe.html = arena_dup(a, buf_span(&o.b));
	buf_fini(&o.b);
	gumbo_destroy_output(&kGumboDefaultOptions, doc);
	return safe;
}

/* ---- text ---- */

static void
text_children(struct buf *b, const GumboVector *v, int depth, size_t *nodes)
{
	if (depth > HTML_DEPTH_MAX * 2)
		return;
	for (unsigned i = 0; i < v->length; i++) {
		const GumboNode *n = v->data[i];
		const struct tag_rule *rule;
		bool block;

		if (++*nodes > 4 * HTML_NODES_MAX)
			return;
		if (n->type == GUMBO_NODE_TEXT || n->type == GUMBO_NODE_CDATA ||
			n->type == GUMBO_NODE_WHITESPACE) {
			struct span s = span_of(n->v.text.text);

			for (size_t k = 0; k < s.n; k++)
				buf_byte(b, (char)(s.p[k] == '\n' || s.p[k] == '\r' ? ' '
										    : s.p[k]));
			continue;
		}
		if (n->type != GUMBO_NODE_ELEMENT)
			continue;
		rule = rule_of(n->v.element.tag);
		if (rule && rule->keep == KEEP_DROP)
			continue;
		block = tag_is_block(n->v.element.tag);
		if (n->v.element.tag == GUMBO_TAG_BR)
			buf_byte(b, '\n');
		if (block)
			buf_add_cstr(b, n->v.element.tag == GUMBO_TAG_LI ? "\n" : "\n\n");
		text_children(b, &n->v.element.children, depth + 1, nodes);
		if (block && n->v.element.tag != GUMBO_TAG_LI)
			buf_lit(b, "\n\n");
	}
}

struct span
html_to_text(struct arena *a, struct span html)
{
	GumboOutput *doc = html_parse(a, &html);
	size_t nodes = 0;
	struct buf b;
	struct span s;

	if (!doc)
		return text_clean(a, html, HTML_MAX);
	buf_init(&b, 2 * HTML_MAX);
	text_children(&b, html_body(doc), 0, &nodes);
	s = text_clean(a, buf_span(&b), HTML_MAX);
	buf_fini(&b);
	gumbo_destroy_output(&kGumboDefaultOptions, doc);
	return s;
}

static bool
word_byte(char c)
{
	return (unsigned char)c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

static size_t
bare_url_length(struct span s)
{
	size_t n = 0;

	if (!span_starts_nocase(s, SPAN("https://")) && !span_starts_nocase(s, SPAN("http://")))
		return 0;
	while (n < s.n && (unsigned char)s.p[n] > ' ' && s.p[n] != '<' && s.p[n] != '>' &&
		s.p[n] != '"')
		n++;
	while (n > 0 && strchr(".,;:!?)]'", s.p[n - 1]))
		n--;
	return n;
}

static void
text_link(struct arena *a, struct buf *b, struct span href, struct span label)
{
	struct url u;

	if (url_parse(a, href, &u)) {
		text_escape_html(b, label);
		return;
	}
	buf_lit(b, "<a href=\"");
	text_escape_html(b, u.text);
	buf_lit(b, "\" rel=\"nofollow noopener ugc\">");
	text_escape_html(b, label);
	buf_lit(b, "</a>");
}

struct safe_html
html_from_text(struct arena *a, struct span text, struct span hashtag_base)
{
	struct span s = text_clean(a, text, HTML_MAX);
	struct safe_html safe;
	struct buf b;

	buf_init(&b, 8 * HTML_MAX);
	if (s.n)
		buf_lit(&b, "<p>");
	for (size_t i = 0; i < s.n;) {
		struct span rest = span_slice(s, i, s.n);
		size_t n;

		if (span_starts(rest, SPAN("\n\n"))) {
			buf_lit(&b, "</p><p>");
			i += 2;
		} else if (rest.p[0] == '\n') {
			buf_lit(&b, "<br>");
			i++;
		} else if ((i == 0 || !word_byte(s.p[i - 1])) &&
			   (n = bare_url_length(rest)) > 8) {
			text_link(a, &b, span_slice(rest, 0, n), span_slice(rest, 0, n));
			i += n;
		} else if (rest.p[0] == '#' && hashtag_base.p && hashtag_may_stand(s, i) &&
			   (n = hashtag_length(span_slice(rest, 1, rest.n))) > 0) {
			hashtag_link(a, &b, hashtag_base, span_slice(rest, 1, 1 + n));
			i += 1 + n;
		} else {
			text_escape_html(&b, span_slice(rest, 0, 1));
			i++;
		}
	}
	if (s.n)
		buf_lit(&b, "</p>");
	safe.html = arena_dup(a, buf_span(&b));
	buf_fini(&b);
	return safe;
}

struct safe_html
html_join(struct arena *a, const struct safe_html *parts, size_t n)
{
	struct safe_html safe;
	struct buf b;

	buf_init(&b, 16 * HTML_MAX);
	for (size_t i = 0; i < n; i++)
		buf_add(&b, parts[i].html);
	safe.html = arena_dup(a, buf_span(&b));
	buf_fini(&b);
	return safe;
}

struct safe_html
html_link_line(struct arena *a, struct span prefix, struct span url, struct span label)
{
	struct safe_html safe = {.html = SPAN("")};
	struct url u;
	struct buf b;

	if (url_parse(a, url, &u))
		return safe;
	buf_init(&b, 64 * 1024);
	buf_lit(&b, "<p>");
	text_escape_html(&b, prefix);
	text_link(a, &b, u.text, label);
	buf_lit(&b, "</p>");
	safe.html = arena_dup(a, buf_span(&b));
	buf_fini(&b);
	return safe;
}

struct safe_html
html_title(struct arena *a, struct span title)
{
	struct safe_html safe = {.html = SPAN("")};
	struct buf b;

	if (title.n == 0)
		return safe;
	buf_init(&b, 64 * 1024);
	buf_lit(&b, "<p><strong>");
	text_escape_html(&b, title);
	buf_lit(&b, "</strong></p>");
	safe.html = arena_dup(a, buf_span(&b));
	buf_fini(&b);
	return safe;
}

struct safe_html
html_stored(struct span html)
{
	return (struct safe_html){.html = html};
}

/* ---- walking the tree without recursion, for images and links ---- */

typedef bool visit_fn(void *arg, const GumboElement *e); /* false ends the walk */

static void
html_walk(const GumboNode *root, visit_fn *fn, void *arg)
{
	const GumboNode *n = root;
	size_t seen = 0;

	while (n && ++seen < 50000) {
		const GumboVector *v =
			n->type == GUMBO_NODE_ELEMENT || n->type == GUMBO_NODE_TEMPLATE
				? &n->v.element.children
				: NULL;

		if (n->type == GUMBO_NODE_ELEMENT && !fn(arg, &n->v.element))
			return;
		if (v && v->length > 0) {
			n = v->data[0];
			continue;
		}
		for (;;) {
			const GumboVector *siblings;

			if (n == root || !n->parent || n->parent->type == GUMBO_NODE_DOCUMENT)
				return;
			siblings = &n->parent->v.element.children;
			if (n->index_within_parent + 1 < siblings->length) {
				n = siblings->data[n->index_within_parent + 1];
				break;
			}
			n = n->parent;
		}
	}
}

/* The widest candidate of srcset, or the one with the greatest density. */
static struct span
srcset_best(struct span set)
{
	struct span best = SPAN_NONE, field;
	uint64_t best_size = 0;

	while (set.p && span_cut(&set, ',', &field)) {
		struct span url, size;
		uint64_t v = 1;

		size = span_trim(field);
		if (!span_cut(&size, ' ', &url))
			continue;
		size = span_trim(size);
		if (size.n > 1 && (size.p[size.n - 1] == 'w' || size.p[size.n - 1] == 'x'))
			(void)!span_u64(span_slice(size, 0, size.n - 1), 100000, &v);
		if (url.n && v > best_size) {
			best = url;
			best_size = v;
		}
	}
	return best;
}

struct image_walk {
	struct arena *a;
	const struct url *base;
	struct html_image *out;
	size_t n, max;
};

static struct span
image_address(const struct image_walk *w, struct span src)
{
	struct url u;

	if (!src.p || span_starts_nocase(src, SPAN("data:")) ||
		(w->base ? url_resolve(w->a, w->base, src, &u) != NULL
			 : url_parse(w->a, src, &u) != NULL))
		return SPAN_NONE;
	return u.text;
}

static bool
image_visit(void *arg, const GumboElement *e)
{
	struct image_walk *w = arg;
	struct html_image *img = &w->out[w->n];
	struct span plain, better;

	if (e->tag != GUMBO_TAG_IMG)
		return true;
	plain = image_address(w, attr(e, "src"));
	better = image_address(w, srcset_best(attr(e, "srcset")));
	if (!better.p)
		better = image_address(w, attr(e, "data-src"));
	if (!better.p)
		better = plain;
	if (!better.p)
		return true;
	*img = (struct html_image){
		.url = better, .other = span_eq(plain, better) ? SPAN_NONE : plain};
	img->alt = text_clean_line(w->a, attr(e, "alt").p ? attr(e, "alt") : SPAN(""), 1500);
	(void)!span_i64(attr(e, "width"), 0, 100000, &img->width);
	(void)!span_i64(attr(e, "height"), 0, 100000, &img->height);
	return ++w->n < w->max;
}

size_t
html_images(struct arena *a, struct span html, const struct url *base, struct html_image *out,
	size_t max)
{
	struct image_walk w = {.a = a, .base = base, .out = out, .max = max};
	GumboOutput *doc = html_parse(a, &html);

	if (!doc || max == 0)
		return 0;
	html_walk(doc->root, image_visit, &w);
	gumbo_destroy_output(&kGumboDefaultOptions, doc);
	return w.n;
}

struct feed_walk {
	struct arena *a;
	const struct url *page;
	struct url base;
	bool based;
	struct html_feed *out;
	int *rank;
	size_t n, max;
};

static bool
list_has(struct span list, const char *word)
{
	struct span field;

	while (list.p && span_cut(&list, ' ', &field))
		if (span_is_nocase(span_trim(field), word))
			return true;
	return false;
}

/* Smaller is better: other hosts and feeds of comments come last, Atom before RSS before JSON.
 */
static int
feed_rank(struct feed_walk *w, const struct html_feed *f, const struct url *u)
{
	int rank = span_has(f->type, SPAN("atom")) ? 0 : span_has(f->type, SPAN("rss")) ? 1 : 2;

	if (!span_eq(u->host, w->page->host))
		rank += 10;
	if (span_find_nocase(f->title, SPAN("kommentar")) != SIZE_MAX ||
		span_find_nocase(f->title, SPAN("comment")) != SIZE_MAX)
		rank += 100;
	return rank;
}

static bool
feed_visit(void *arg, const GumboElement *e)
{
	static const char *const types[] = {"application/atom+xml", "application/rss+xml",
		"application/feed+json", "application/json", "application/rdf+xml"};
	struct feed_walk *w = arg;
	struct html_feed f = {.type = span_trim(attr(e, "type"))};
	struct url u;
	size_t k = 0, at;
	int rank;

	if (e->tag == GUMBO_TAG_BASE && !w->based && attr(e, "href").p) {
		w->based = !url_resolve(w->a, w->page, attr(e, "href"), &u);
		if (w->based)
			w->base = u;
		return true;
	}
	if (e->tag != GUMBO_TAG_LINK || !list_has(attr(e, "rel"), "alternate"))
		return true;
	while (k < ARRAY_LEN(types) && !span_is_nocase(f.type, types[k]))
		k++;
	if (k == ARRAY_LEN(types) || !attr(e, "href").p ||
		url_resolve(w->a, &w->base, attr(e, "href"), &u))
		return true;
	f.url = u.text;
	f.type = span_of(types[k]);
	f.title = text_clean_line(w->a, attr(e, "title").p ? attr(e, "title") : SPAN(""), 200);
	rank = feed_rank(w, &f, &u);
	for (at = w->n; at > 0 && w->rank[at - 1] > rank; at--)
		;
	if (w->n == w->max)
		return false;
	memmove(&w->out[at + 1], &w->out[at], (w->n - at) * sizeof(*w->out));
	memmove(&w->rank[at + 1], &w->rank[at], (w->n - at) * sizeof(*w->rank));
	w->out[at] = f;
	w->rank[at] = rank;
	w->n++;
	return true;
}

size_t
html_feeds(struct arena *a, struct span html, const struct url *page, struct html_feed *out,
	size_t max)
{
	struct feed_walk w = {.a = a, .page = page, .base = *page, .max = max};
	GumboOutput *doc = html_parse(a, &html);

	if (!doc || max == 0)
		return 0;
	w.out = ARENA_ARRAY(a, max + 1, struct html_feed);
	w.rank = ARENA_ARRAY(a, max + 1, int);
	html_walk(doc->root, feed_visit, &w);
	gumbo_destroy_output(&kGumboDefaultOptions, doc);
	memcpy(out, w.out, w.n * sizeof(*out));
	return w.n;
}
