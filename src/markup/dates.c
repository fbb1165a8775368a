#include "markup/dates.h"

#include "base/clock.h"

/* Numbers, words and signs of a date, without the name of the day. */
enum token_kind {
	TOKEN_NUMBER,
	TOKEN_WORD,
	TOKEN_OTHER,
};

struct token {
	enum token_kind kind;
	struct span text;
	int value;
};

#define TOKENS_MAX 16

static enum token_kind
kind_of(char c)
{
	if (c >= '0' && c <= '9')
		return TOKEN_NUMBER;
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80)
		return TOKEN_WORD;
	return TOKEN_OTHER;
}

static size_t
tokens_of(struct span s, struct token *out)
{
	size_t n = 0, i = 0;

	while (i < s.n && n < TOKENS_MAX) {
		struct token *t = &out[n];
		size_t from = i;
		uint64_t v = 0;

		if (s.p[i] == ' ' || s.p[i] == '\t' || s.p[i] == '\n' || s.p[i] == ',') {
			i++;
			continue;
		}
		t->kind = kind_of(s.p[i]);
		do
			i++;
		while (t->kind != TOKEN_OTHER && i < s.n && kind_of(s.p[i]) == t->kind);
		t->text = span_slice(s, from, i);
		if (t->kind == TOKEN_NUMBER &&
			(t->text.n > 9 || !span_u64(t->text, 999999999, &v)))
			return 0;
		t->value = (int)v;
		n++;
	}
	return n;
}

static int
month_of(struct span s)
{
	static const struct {
		const char *name;
		int month;
	} months[] = {
		{"jan", 1},
		{"jän", 1},
		{"feb", 2},
		{"mar", 3},
		{"mär", 3},
		{"mrz", 3},
		{"apr", 4},
		{"may", 5},
		{"mai", 5},
		{"jun", 6},
		{"jul", 7},
		{"aug", 8},
		{"sep", 9},
		{"okt", 10},
		{"oct", 10},
		{"nov", 11},
		{"dez", 12},
		{"dec", 12},
	};

	for (size_t i = 0; i < ARRAY_LEN(months); i++)
		if (span_starts_nocase(s, span_of(months[i].name)))
			return months[i].month;
	return 0;
}

static bool
zone_of(struct span s, int *minutes)
{
	static const struct {
		const char *name;
		int minutes;
	} zones[] = {
		{"gmt", 0},
		{"ut", 0},
		{"utc", 0},
		{"z", 0},
		{"cet", 60},
		{"mez", 60},
		{"cest", 120},
		{"mesz", 120},
		{"wet", 0},
		{"west", 60},
		{"bst", 60},
		{"eet", 120},
		{"eest", 180},
		{"est", -300},
		{"edt", -240},
		{"cst", -360},
		{"cdt", -300},
		{"mst", -420},
		{"mdt", -360},
		{"pst", -480},
		{"pdt", -420},
	};

	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		if (span_is_nocase(s, zones[i].name)) {
			*minutes = zones[i].minutes;
			return true;
		}
	}
	return false;
}

static bool
is_sign(const struct token *t, char c)
{
	return t->kind == TOKEN_OTHER && t->text.p[0] == c;
}

/* Four digits, or two as RFC 2822 4.3 reads them. */
static bool
year_of(const struct token *t, int *year)
{
	if (t->kind != TOKEN_NUMBER)
		return false;
	if (t->text.n == 4)
		*year = t->value;
	else if (t->text.n == 2)
		*year = t->value + (t->value < 50 ? 2000 : 1900);
	else
		return false;
	return true;
}

/* The day in one of three orders; *at is then behind it. */
static bool
day_parse(const struct token *t, size_t n, size_t *at, struct civil *c)
{
	size_t i = *at;

	/* 2026-05-12 */
	if (i + 4 < n && t[i].kind == TOKEN_NUMBER && t[i].text.n == 4 &&
		is_sign(&t[i + 1], '-') && t[i + 2].kind == TOKEN_NUMBER &&
		is_sign(&t[i + 3], '-') && t[i + 4].kind == TOKEN_NUMBER) {
		c->year = t[i].value;
		c->month = t[i + 2].value;
		c->day = t[i + 4].value;
		*at = i + 5;
		return true;
	}
	if (i >= n || t[i].kind != TOKEN_NUMBER || t[i].text.n > 2)
		return false;
	c->day = t[i++].value;
	/* 12.05.2026, and "12. Mai 2026" */
	if (i < n && is_sign(&t[i], '.'))
		i++;
	if (i < n && is_sign(&t[i], '-'))
		i++;
	if (i < n && t[i].kind == TOKEN_NUMBER && t[i].text.n <= 2) {
		c->month = t[i++].value;
		if (i >= n || !is_sign(&t[i], '.'))
			return false;
		i++;
	} else if (i < n && t[i].kind == TOKEN_WORD && (c->month = month_of(t[i].text))) {
		i++;
		if (i < n && (is_sign(&t[i], '.') || is_sign(&t[i], '-')))
			i++;
	} else {
		return false;
	}
	if (i >= n || !year_of(&t[i], &c->year))
		return false;
	*at = i + 1;
	return true;
}

/* "18:02[:00[.000]]", perhaps behind a "T" or "um"; absent means midnight. */
static bool
clock_parse(const struct token *t, size_t n, size_t *at, struct civil *c)
{
	size_t i = *at;

	if (i < n &&
		(span_is_nocase(t[i].text, "T") || span_is_nocase(t[i].text, "um") ||
			is_sign(&t[i], '-') || is_sign(&t[i], '|')) &&
		i + 1 < n)
		i++;
	if (i + 2 >= n || t[i].kind != TOKEN_NUMBER || !is_sign(&t[i + 1], ':') ||
		t[i + 2].kind != TOKEN_NUMBER)
		return i == *at;
	c->hour = t[i].value;
	c->minute = t[i + 2].value;
	i += 3;
	if (i + 1 < n && is_sign(&t[i], ':') && t[i + 1].kind == TOKEN_NUMBER) {
		c->second = t[i + 1].value;
		i += 2;
		if (i + 1 < n && is_sign(&t[i], '.') && t[i + 1].kind == TOKEN_NUMBER)
			i += 2;
	}
	if (i < n && span_is_nocase(t[i].text, "Uhr"))
		i++;
	*at = i;
	return true;
}

/* True when there is a zone; what stands behind it is a comment. */
static bool
offset_parse(const struct token *t, size_t n, size_t at, int *minutes)
{
	int sign;

	if (at >= n)
		return false;
	if (t[at].kind == TOKEN_WORD)
		return zone_of(t[at].text, minutes);
	if (at + 1 >= n || (!is_sign(&t[at], '+') && !is_sign(&t[at], '-')) ||
		t[at + 1].kind != TOKEN_NUMBER)
		return false;
	if (t[at + 1].text.n > 4)
		return false;
	sign = is_sign(&t[at], '-') ? -1 : 1;
	if (t[at + 1].text.n == 4)
		*minutes = sign * (t[at + 1].value / 100 * 60 + t[at + 1].value % 100);
	else if (at + 3 < n && is_sign(&t[at + 2], ':') && t[at + 3].kind == TOKEN_NUMBER)
		*minutes = sign * (t[at + 1].value * 60 + t[at + 3].value);
	else
		*minutes = sign * t[at + 1].value * 60;
	return *minutes >= -1440 && *minutes <= 1440;
}

static bool
civil_believable(const struct civil *c)
{
	static const int len[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = c->year % 4 == 0 && (c->year % 100 != 0 || c->year % 400 == 0);

	if (c->year < 1900 || c->year > 9999 || c->month < 1 || c->month > 12 || c->day < 1 ||
		c->day > len[c->month - 1] + (leap && c->month == 2))
		return false;
	if (c->hour == 24)
		return c->minute == 0 && c->second == 0;
	return c->hour < 24 && c->minute < 60 && c->second <= 60;
}

bool
date_parse(struct span s, int64_t *us)
{
	struct token t[TOKENS_MAX];
	struct civil c = {0};
	size_t n, at = 0;
	int offset;

	s = span_trim(s);
	if (s.n < 6 || s.n > 80 || (n = tokens_of(s, t)) == 0)
		return false;
	/* The name of the day says nothing that the date does not. */
	if (t[0].kind == TOKEN_WORD) {
		at++;
		if (n > 1 && is_sign(&t[1], '.'))
			at++;
	}
	if (!day_parse(t, n, &at, &c) || !clock_parse(t, n, &at, &c))
		return false;
	if (!civil_believable(&c))
		return false;
	if (!offset_parse(t, n, at, &offset))
		offset = berlin_offset_of_local(&c);
	*us = civil_to_us(&c, offset);
	return true;
}

bool
date_believable(int64_t us, int64_t now_us)
{
	static const struct civil start = {.year = 2000, .month = 1, .day = 1};

	return us >= civil_to_us(&start, 0) && us <= now_us + 600 * US_PER_S;
}
