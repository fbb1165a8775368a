#include "markup/hashtag.h"

#include "base/codec.h"
#include "base/text.h"

static bool
word_byte(char c)
{
	return (unsigned char)c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

size_t
hashtag_length(struct span s)
{
	size_t n = 0;
	bool letter = false;

	while (n < s.n && n < HASHTAG_MAX && word_byte(s.p[n])) {
		/* Punctuation beyond ASCII (dashes, quotes, ellipsis) ends a tag. */
		if ((unsigned char)s.p[n] == 0xe2 ||
			((unsigned char)s.p[n] == 0xc2 && n + 1 < s.n &&
				(unsigned char)s.p[n + 1] < 0xb0))
			break;
		letter = letter || !(s.p[n] >= '0' && s.p[n] <= '9');
		n++;
	}
	/* Never half a character. */
	while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return letter ? n : 0;
}

bool
hashtag_may_follow(char before)
{
	/* Not within a word, an entity or the fragment of an address. */
	return !word_byte(before) && before != '&' && before != '/' && before != '#';
}

bool
hashtag_may_stand(struct span text, size_t i)
{
	return i == 0 || hashtag_may_follow(text.p[i - 1]);
}

void
hashtag_link(struct arena *a, struct buf *b, struct span base, struct span tag)
{
	buf_lit(b, "<a href=\"");
	text_escape_html(b, base);
	text_escape_html(b, percent_encode(a, tag));
	buf_lit(b, "\" class=\"mention hashtag\" rel=\"tag\">#<span>");
	text_escape_html(b, tag);
	buf_lit(b, "</span></a>");
}

size_t
text_hashtags(struct arena *a, struct span text, struct span *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n && n < max; i++) {
		size_t len, k = 0;
		struct span tag;

		if (text.p[i] != '#' || !hashtag_may_stand(text, i))
			continue;
		len = hashtag_length(span_slice(text, i + 1, text.n));
		if (!len)
			continue;
		tag = arena_dup(a, span_slice(text, i + 1, i + 1 + len));
		while (k < n && !span_eq_nocase(out[k], tag))
			k++;
		if (k == n)
			out[n++] = tag;
		i += len;
	}
	return n;
}

/* ---- in HTML of ours ---- */

struct link_walk {
	struct arena *a;
	struct span base;
	struct buf b;
	char before; /* what stands before in the text, across inline elements */
};

/* Elements whose content is not looked at. */
static struct span
closing_of(struct span tag)
{
	if (span_starts(tag, SPAN("<a ")))
		return SPAN("</a>");
	if (span_starts(tag, SPAN("<pre>")))
		return SPAN("</pre>");
	if (span_starts(tag, SPAN("<code>")))
		return SPAN("</code>");
	return SPAN_NONE;
}

static bool
begins_line(struct span tag)
{
	static const char *const names[] = {"<p", "</p", "<br", "<li", "</li", "<ul", "</ul",
		"<ol", "</ol", "<pre", "<blockquote", "</blockquote"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_starts(tag, span_of(names[i])))
			return true;
	return false;
}

/* The content of a link: a hashtag alone, as others and as we write it, or SPAN_NONE. */
static struct span
linked_tag(struct span inner)
{
	if (!span_starts(inner, SPAN("#")))
		return SPAN_NONE;
	inner = span_slice(inner, 1, inner.n);
	if (span_starts(inner, SPAN("<span>")) && span_ends(inner, SPAN("</span>")))
		inner = span_slice(inner, 6, inner.n - 7);
	return inner.n && hashtag_length(inner) == inner.n ? inner : SPAN_NONE;
}

/* From a '<' on: a tag, or an element that is taken whole. Returns its length. */
static size_t
walk_tag(struct link_walk *w, struct span rest)
{
	size_t open = span_find_byte(rest, '>'), end;
	struct span closing = closing_of(rest), tag;

	if (open == SIZE_MAX)
		open = rest.n - 1;
	end = closing.p ? span_find(rest, closing) : SIZE_MAX;
	if (end == SIZE_MAX || end <= open) {
		buf_add(&w->b, span_slice(rest, 0, open + 1));
		if (begins_line(rest))
			w->before = ' ';
		return open + 1;
	}
	tag = rest.p[1] == 'a' ? linked_tag(span_slice(rest, open + 1, end)) : SPAN_NONE;
	if (tag.p)
		hashtag_link(w->a, &w->b, w->base, tag);
	else
		buf_add(&w->b, span_slice(rest, 0, end + closing.n));
	w->before = begins_line(rest) ? ' ' : 'x';
	return end + closing.n;
}

static size_t
walk_text(struct link_walk *w, struct span rest)
{
	size_t n = 0;

	if (span_starts(rest, SPAN("&amp;"))) {
		buf_lit(&w->b, "&amp;");
		w->before = '&';
		return 5;
	}
	if (rest.p[0] == '#' && hashtag_may_follow(w->before))
		n = hashtag_length(span_slice(rest, 1, rest.n));
	if (n > 0)
		hashtag_link(w->a, &w->b, w->base, span_slice(rest, 1, 1 + n));
	else
		buf_byte(&w->b, rest.p[0]);
	w->before = rest.p[n];
	return 1 + n;
}

struct safe_html
html_link_hashtags(struct arena *a, struct safe_html html, struct span base)
{
	struct link_walk w = {.a = a, .base = base, .before = ' '};
	struct span s = html.html;
	struct safe_html safe;

	if (span_find_byte(s, '#') == SIZE_MAX)
		return html;
	buf_init(&w.b, 16 * HTML_MAX);
	for (size_t i = 0; i < s.n;) {
		struct span rest = span_slice(s, i, s.n);

		i += rest.p[0] == '<' ? walk_tag(&w, rest) : walk_text(&w, rest);
	}
	safe.html = arena_dup(a, buf_span(&w.b));
	buf_fini(&w.b);
	return safe;
}
