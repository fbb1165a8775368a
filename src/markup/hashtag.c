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
hashtag_may_follow(struct span before)
{
	char c = before.n ? before.p[before.n - 1] : ' ';

	/* Not within a word, an entity or the fragment of an address. */
	return !word_byte(c) && c != '&' && c != '/' && c != '#' &&
	       !span_ends(before, SPAN("&amp;"));
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

		if (text.p[i] != '#' || !hashtag_may_follow(span_slice(text, 0, i)))
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

/* From a '<' on: a tag, or an element that is taken whole. Returns its length. */
static size_t
take_tag(struct arena *a, struct buf *b, struct span rest, struct span base)
{
	size_t open = span_find_byte(rest, '>'), end;
	struct span closing = closing_of(rest), inner;

	if (open == SIZE_MAX)
		open = rest.n - 1;
	end = closing.p ? span_find(rest, closing) : SIZE_MAX;
	if (end == SIZE_MAX || end <= open) {
		buf_add(b, span_slice(rest, 0, open + 1));
		return open + 1;
	}
	inner = span_slice(rest, open + 1, end);
	if (rest.p[1] == 'a' && span_starts(inner, SPAN("#")) && inner.n > 1 &&
		hashtag_length(span_slice(inner, 1, inner.n)) == inner.n - 1)
		hashtag_link(a, b, base, span_slice(inner, 1, inner.n));
	else
		buf_add(b, span_slice(rest, 0, end + closing.n));
	return end + closing.n;
}

struct safe_html
html_link_hashtags(struct arena *a, struct safe_html html, struct span base)
{
	struct span s = html.html;
	struct safe_html safe;
	struct buf b;

	if (span_find_byte(s, '#') == SIZE_MAX)
		return html;
	buf_init(&b, 16 * HTML_MAX);
	for (size_t i = 0; i < s.n;) {
		struct span rest = span_slice(s, i, s.n);
		size_t n = 0;

		if (rest.p[0] == '<') {
			i += take_tag(a, &b, rest, base);
			continue;
		}
		if (rest.p[0] == '#' && hashtag_may_follow(span_slice(s, 0, i)))
			n = hashtag_length(span_slice(rest, 1, rest.n));
		if (n > 0)
			hashtag_link(a, &b, base, span_slice(rest, 1, 1 + n));
		else
			buf_byte(&b, rest.p[0]);
		i += 1 + n;
	}
	safe.html = arena_dup(a, buf_span(&b));
	buf_fini(&b);
	return safe;
}
