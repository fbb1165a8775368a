#include "markup/sanitize.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "markup/hashtag.h"
#include "markup/html_tree.h"

#define LINKS_MAX 500 /* of one text: what follows stays text */

/* ---- HTML to text ---- */

static void
text_node(struct buf *b, const GumboNode *n)
{
	for (const char *p = n->v.text.text; *p; p++)
		buf_byte(b, (char)(*p == '\n' || *p == '\r' ? ' ' : *p));
}

static void
text_children(struct buf *b, const GumboVector *v, int depth, size_t *nodes)
{
	for (unsigned i = 0; i < v->length && depth <= HTML_DEPTH_MAX * 2; i++) {
		const GumboNode *n = v->data[i];
		const char *space;
		GumboTag tag;

		if (++*nodes > 4 * HTML_NODES_MAX)
			return;
		if (n->type == GUMBO_NODE_TEXT || n->type == GUMBO_NODE_CDATA ||
			n->type == GUMBO_NODE_WHITESPACE)
			text_node(b, n);
		if (n->type != GUMBO_NODE_ELEMENT || html_tag_dropped(n->v.element.tag))
			continue;
		tag = n->v.element.tag;
		space = tag == GUMBO_TAG_BR || tag == GUMBO_TAG_LI   ? "\n"
			: html_tag_is_block(tag)                     ? "\n\n"
			: tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH ? " "
								     : "";
		buf_add_cstr(b, space);
		text_children(b, &n->v.element.children, depth + 1, nodes);
		if (tag != GUMBO_TAG_BR && tag != GUMBO_TAG_LI)
			buf_add_cstr(b, space);
	}
}

struct span
html_to_text(struct arena *a, struct span html)
{
	struct html_tree tree;
	size_t nodes = 0;
	struct buf b;
	struct span s;

	html_tree_init(html, &tree);
	if (tree.root) {
		buf_init(&b, 2 * HTML_MAX);
		text_children(&b, html_tree_body(&tree), 0, &nodes);
		s = text_clean(a, buf_span(&b), HTML_MAX);
		buf_fini(&b);
	} else {
		s = text_clean(a, html_tree_bare(&tree), HTML_MAX);
	}
	html_tree_fini(&tree);
	return s;
}

/* ---- text to HTML ---- */

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

struct text_out {
	struct arena *a;
	struct buf b;
	struct span text, hashtag_base;
	size_t links;
};

/* Writes what begins at i, if that is more than a character: its length in the text, or 0. */
static size_t
text_special(struct text_out *o, size_t i)
{
	struct span rest = span_slice(o->text, i, o->text.n);
	bool word = i > 0 && word_byte(o->text.p[i - 1]);
	size_t n;

	if (rest.p[0] == '\n') {
		n = span_starts(rest, SPAN("\n\n")) ? 2 : 1;
		buf_add_cstr(&o->b, n == 2 ? "</p><p>" : "<br>");
		return n;
	}
	if (o->links == LINKS_MAX)
		return 0;
	if (!word && (n = bare_url_length(rest)) > 8) {
		o->links++;
		text_link(o->a, &o->b, span_slice(rest, 0, n), span_slice(rest, 0, n));
		return n;
	}
	if (rest.p[0] == '#' && o->hashtag_base.p && hashtag_may_stand(o->text, i) &&
		(n = hashtag_length(span_slice(rest, 1, rest.n))) > 0) {
		o->links++;
		hashtag_link(o->a, &o->b, o->hashtag_base, span_slice(rest, 1, 1 + n));
		return 1 + n;
	}
	return 0;
}

struct safe_html
html_from_text(struct arena *a, struct span text, struct span hashtag_base)
{
	struct text_out o = {
		.a = a, .text = text_clean(a, text, HTML_MAX), .hashtag_base = hashtag_base};
	struct safe_html safe;
	size_t from = 0;

	buf_init(&o.b, 32 * HTML_MAX); /* more than LINKS_MAX links and escaping can make */
	if (o.text.n)
		buf_lit(&o.b, "<p>");
	for (size_t i = 0, n; i < o.text.n; i += n) {
		bool special = strchr("\n#hH", o.text.p[i]) != NULL;

		if (special) {
			text_escape_html(&o.b, span_slice(o.text, from, i));
			from = i;
		}
		n = special ? text_special(&o, i) : 0;
		from += n;
		n += n == 0;
	}
	text_escape_html(&o.b, span_slice(o.text, from, o.text.n));
	if (o.text.n)
		buf_lit(&o.b, "</p>");
	safe.html = arena_dup(a, buf_span(&o.b));
	buf_fini(&o.b);
	return safe;
}

struct safe_html
html_join(struct arena *a, const struct safe_html *parts, size_t n)
{
	struct safe_html safe;
	size_t total = 0;
	struct buf b;

	for (size_t i = 0; i < n; i++)
		total += parts[i].html.n;
	buf_init(&b, total);
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
	buf_init(&b, 100 + 6 * (prefix.n + u.text.n + label.n));
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
	buf_init(&b, 100 + 6 * title.n);
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
