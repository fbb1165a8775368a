#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <uninorm.h>

/* One code point, or -1; *len is at least 1 (of an invalid byte: what to skip). */
static int32_t
utf8_next(struct span s, size_t at, size_t *len)
{
	unsigned char c = (unsigned char)s.p[at];
	size_t n = c < 0x80                ? 1
		   : c >= 0xc2 && c < 0xe0 ? 2
		   : (c & 0xf0) == 0xe0    ? 3
		   : c >= 0xf0 && c < 0xf5 ? 4
					   : 0;
	int32_t v = n == 1 ? c : n == 2 ? c & 31 : n == 3 ? c & 15 : c & 7;

	*len = 1;
	if (n == 0 || at + n > s.n)
		return -1;
	for (size_t i = 1; i < n; i++) {
		unsigned char t = (unsigned char)s.p[at + i];

		if ((t & 0xc0) != 0x80)
			return -1;
		v = v << 6 | (t & 63);
	}
	if ((n == 3 && v < 0x800) || (n == 4 && v < 0x10000) || v > 0x10ffff ||
		(v >= 0xd800 && v <= 0xdfff))
		return -1;
	*len = n;
	return v;
}

bool
utf8_valid(struct span s)
{
	for (size_t i = 0, len; i < s.n; i += len) {
		if ((unsigned char)s.p[i] < 0x80) {
			len = 1;
			continue;
		}
		if (utf8_next(s, i, &len) < 0)
			return false;
	}
	return true;
}

struct span
utf8_repair(struct arena *a, struct span s)
{
	static const unsigned char mark[] = {0xef, 0xbf, 0xbd}; /* U+FFFD */
	char *out;
	size_t n = 0;

	if (utf8_valid(s))
		return arena_dup(a, s);
	out = arena_alloc(a, s.n * 3 + 1);
	for (size_t i = 0, len; i < s.n; i += len) {
		if (utf8_next(s, i, &len) < 0) {
			memcpy(out + n, mark, sizeof(mark));
			n += sizeof(mark);
		} else {
			memcpy(out + n, s.p + i, len);
			n += len;
		}
	}
	return span_from(out, n);
}

static size_t
utf8_put(char *out, uint32_t v)
{
	if (v < 0x80) {
		out[0] = (char)v;
		return 1;
	}
	if (v < 0x800) {
		out[0] = (char)(0xc0 | v >> 6);
		out[1] = (char)(0x80 | (v & 63));
		return 2;
	}
	out[0] = (char)(0xe0 | v >> 12);
	out[1] = (char)(0x80 | (v >> 6 & 63));
	out[2] = (char)(0x80 | (v & 63));
	return 3;
}

struct span
utf8_from_cp1252(struct arena *a, struct span s)
{
	/* 0x80-0x9f; the five unassigned bytes become U+FFFD. */
	static const uint16_t high[32] = {0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026,
		0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd,
		0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122,
		0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178};
	char *out = arena_alloc(a, s.n * 3 + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		n += utf8_put(out + n, c >= 0x80 && c < 0xa0 ? high[c - 0x80] : c);
	}
	return span_from(out, n);
}

size_t
utf8_count(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

struct span
text_truncate(struct arena *a, struct span s, size_t max)
{
	size_t chars = 0, cut = s.n, word = 0;

	if (utf8_count(s) <= max)
		return arena_dup(a, s);
	for (size_t i = 0, len; i < s.n; i += len) {
		(void)utf8_next(s, i, &len);
		if (chars++ == (max ? max - 1 : 0)) {
			cut = i;
			break;
		}
		if (s.p[i] == ' ' || s.p[i] == '\n')
			word = i;
	}
	/* A word is only spared when that costs little. */
	if (word > cut / 2)
		cut = word;
	return arena_printf(a, "%.*s…", SPAN_FMT(span_trim(span_slice(s, 0, cut))));
}

/* Code points that hide or reorder text: never wanted in names, titles and alt texts. */
static bool
text_unwanted(int32_t c)
{
	return (c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7f && c < 0xa0) || c == 0x61c ||
	       c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
	       (c & 0xfffe) == 0xfffe || (c >= 0xe0000 && c <= 0xe007f);
}

static bool
text_blank(int32_t c)
{
	return c == ' ' || c == '\t' || c == 0xa0 || c == 0x2028 || c == 0x2029 ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x3000;
}

static struct span
text_cleaned(struct arena *a, struct span s, size_t max_chars, bool lines)
{
	struct span in = utf8_valid(s) ? s : utf8_repair(a, s);
	/* At most four bytes of each character that is taken. */
	char *out = arena_alloc(a, (in.n / 4 < max_chars ? in.n : 4 * max_chars) + 2);
	size_t n = 0, chars = 0;
	int breaks = 0;
	bool gap = false;

	for (size_t i = 0, len; i < in.n; i += len) {
		int32_t c = utf8_next(in, i, &len);

		if (c == '\r') {
			c = '\n';
			if (i + 1 < in.n && in.p[i + 1] == '\n')
				len = 2;
		}
		if (c == '\n' && lines) {
			breaks++;
			continue;
		}
		if (c == '\n' || text_blank(c)) {
			gap = true;
			continue;
		}
		if (c < 0 || text_unwanted(c))
			continue;
		/* White space is written when something follows it, and not at the start. */
		if (n > 0 && breaks > 0) {
			if (chars + 2 >= max_chars)
				break;
			out[n++] = '\n';
			chars++;
			if (breaks > 1) {
				out[n++] = '\n';
				chars++;
			}
		} else if (n > 0 && gap) {
			out[n++] = ' ';
			chars++;
		}
		breaks = 0;
		gap = false;
		if (chars >= max_chars)
			break;
		memcpy(out + n, in.p + i, len);
		n += len;
		chars++;
	}
	return span_trim(span_from(out, n));
}

struct span
text_clean_line(struct arena *a, struct span s, size_t max_chars)
{
	return text_cleaned(a, s, max_chars, false);
}

struct span
text_clean(struct arena *a, struct span s, size_t max_chars)
{
	return text_cleaned(a, s, max_chars, true);
}

struct span
text_nfc(struct arena *a, struct span s)
{
	size_t n = 0;
	uint8_t *p;
	struct span out;

	if (s.n == 0)
		return SPAN("");
	p = u8_normalize(UNINORM_NFC, (const uint8_t *)s.p, s.n, NULL, &n);
	if (!p)
		return arena_dup(a, utf8_repair(a, s)); /* not UTF-8: nothing to compose */
	out = arena_dup(a, span_from(p, n));
	free(p);
	return out;
}

struct span
text_slug(struct arena *a, struct span s, size_t max)
{
	static const struct {
		int32_t c;
		const char *to;
	} fold[] = {
		{0xe4, "ae"},
		{0xf6, "oe"},
		{0xfc, "ue"},
		{0xc4, "ae"},
		{0xd6, "oe"},
		{0xdc, "ue"},
		{0xdf, "ss"},
		{0xe9, "e"},
		{0xe8, "e"},
		{0xe1, "a"},
		{0xe0, "a"},
		{0xe7, "c"},
	};
	char *out = arena_alloc(a, s.n * 2 + 1);
	size_t n = 0;

	for (size_t i = 0, len; i < s.n; i += len) {
		int32_t c = utf8_next(s, i, &len);
		const char *to = NULL;
		char one[2] = {0};

		for (size_t k = 0; k < ARRAY_LEN(fold) && !to; k++)
			if (fold[k].c == c)
				to = fold[k].to;
		if (!to && c >= 'A' && c <= 'Z')
			one[0] = (char)(c + ('a' - 'A'));
		else if (!to && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
			one[0] = (char)c;
		else if (!to && n > 0 && out[n - 1] != '_')
			one[0] = '_';
		if (!to)
			to = one;
		for (; *to; to++)
			out[n++] = *to;
	}
	if (n > max)
		n = max;
	while (n > 0 && out[n - 1] == '_')
		n--;
	return span_from(out, n);
}

/* ---- escaping ---- */

static const char *
text_entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void
text_escape_html(struct buf *b, struct span s)
{
	size_t from = 0;

	for (size_t i = 0; i < s.n; i++) {
		const char *entity = text_entity(s.p[i]);

		if (!entity && s.p[i] != '\0')
			continue;
		buf_add(b, span_slice(s, from, i));
		buf_add_cstr(b, entity ? entity : "\xef\xbf\xbd");
		from = i + 1;
	}
	buf_add(b, span_slice(s, from, s.n));
}

void
text_escape_xml(struct buf *b, struct span s)
{
	size_t from = 0;

	for (size_t i = 0, len; i < s.n; i += len) {
		int32_t c = utf8_next(s, i, &len);
		const char *entity = len == 1 ? text_entity(s.p[i]) : NULL;
		bool bad = c < 0 || (c < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
			   (c & 0xfffe) == 0xfffe;

		if (!entity && !bad)
			continue;
		buf_add(b, span_slice(s, from, i));
		if (entity)
			buf_add_cstr(b, entity);
		from = i + len;
	}
	buf_add(b, span_slice(s, from, s.n));
}

void
text_escape_json(struct buf *b, struct span s)
{
	for (size_t i = 0, len; i < s.n; i += len) {
		int32_t c = utf8_next(s, i, &len);

		if (c < 0)
			buf_lit(b, "\\ufffd");
		else if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", (char)c);
		else if (c == '\n')
			buf_lit(b, "\\n");
		else if (c < 0x20 || c == 0x7f || c == 0x2028 || c == 0x2029)
			buf_printf(b, "\\u%04x", (unsigned)c);
		else
			buf_add(b, span_slice(s, i, i + len));
	}
}
