#include "base/span.h"

#include <string.h>

struct span
span_of(const char *cstr)
{
	return cstr ? (struct span){.p = cstr, .n = strlen(cstr)} : SPAN_NONE;
}

struct span
span_from(const void *p, size_t n)
{
	return (struct span){.p = p, .n = n};
}

struct span
span_slice(struct span s, size_t from, size_t to)
{
	if (!s.p)
		return SPAN_NONE;
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	return (struct span){.p = s.p + from, .n = to - from};
}

static unsigned char
span_lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
span_eq_nocase(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (span_lower(a.p[i]) != span_lower(b.p[i]))
			return false;
	return true;
}

bool
span_is(struct span a, const char *cstr)
{
	return a.p && span_eq(a, span_of(cstr));
}

bool
span_is_nocase(struct span a, const char *cstr)
{
	return a.p && span_eq_nocase(a, span_of(cstr));
}

bool
span_starts(struct span s, struct span prefix)
{
	return s.n >= prefix.n && span_eq(span_slice(s, 0, prefix.n), prefix);
}

bool
span_starts_nocase(struct span s, struct span prefix)
{
	return s.n >= prefix.n && span_eq_nocase(span_slice(s, 0, prefix.n), prefix);
}

bool
span_ends(struct span s, struct span suffix)
{
	return s.n >= suffix.n && span_eq(span_slice(s, s.n - suffix.n, s.n), suffix);
}

size_t
span_find_byte(struct span s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : SIZE_MAX;
}

size_t
span_rfind_byte(struct span s, char c)
{
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == c)
			return i - 1;
	return SIZE_MAX;
}

size_t
span_find(struct span s, struct span needle)
{
	const char *at;

	if (needle.n == 0)
		return 0;
	if (s.n < needle.n)
		return SIZE_MAX;
	at = memmem(s.p, s.n, needle.p, needle.n);
	return at ? (size_t)(at - s.p) : SIZE_MAX;
}

size_t
span_find_nocase(struct span s, struct span needle)
{
	for (size_t i = 0; i + needle.n <= s.n; i++)
		if (span_eq_nocase(span_slice(s, i, i + needle.n), needle))
			return i;
	return SIZE_MAX;
}

bool
span_has(struct span s, struct span needle)
{
	return span_find(s, needle) != SIZE_MAX;
}

static bool
span_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct span
span_trim(struct span s)
{
	while (s.n > 0 && span_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && span_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool
span_cut(struct span *rest, char sep, struct span *field)
{
	size_t at;

	if (!rest->p)
		return false;
	at = span_find_byte(*rest, sep);
	if (at == SIZE_MAX) {
		*field = *rest;
		*rest = SPAN_NONE;
		return true;
	}
	*field = span_slice(*rest, 0, at);
	*rest = span_slice(*rest, at + 1, rest->n);
	return true;
}

bool
span_u64(struct span s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 20)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = (unsigned char)s.p[i] - (unsigned)'0';

		if (d > 9 || v > (UINT64_MAX - d) / 10)
			return false;
		v = v * 10 + d;
	}
	if (v > max)
		return false;
	*out = v;
	return true;
}

bool
span_i64(struct span s, int64_t min, int64_t max, int64_t *out)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	uint64_t magnitude;
	int64_t v;

	if (negative)
		s = span_slice(s, 1, s.n);
	if (!span_u64(s, negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX, &magnitude))
		return false;
	if (negative)
		v = magnitude > (uint64_t)INT64_MAX ? INT64_MIN : -(int64_t)magnitude;
	else
		v = (int64_t)magnitude;
	if (v < min || v > max)
		return false;
	*out = v;
	return true;
}
