#include "base/span.h"

#include "lib/check.h"

static void
test_compare(void **state)
{
	static const struct {
		const char *a, *b;
		bool eq, nocase;
	} cases[] = {
		{"", "", true, true},
		{"a", "a", true, true},
		{"a", "A", false, true},
		{"AbC-9", "aBc-9", false, true},
		{"a", "ab", false, false},
		{"ab", "a", false, false},
		{"b", "ab", false, false},
		/* ASCII only: no other letter is folded, '@' is not '`'. */
		{"\xc3\x84", "\xc3\xa4", false, false},
		{"@", "`", false, false},
		{"[", "{", false, false},
		{"\x7f", "\x80", false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct span a = span_of(cases[i].a), b = span_of(cases[i].b);

		assert_int_equal(span_eq(a, b), cases[i].eq);
		assert_int_equal(span_is(a, cases[i].b), cases[i].eq);
		assert_int_equal(span_eq_nocase(a, b), cases[i].nocase);
		assert_int_equal(span_is_nocase(a, cases[i].b), cases[i].nocase);
	}
	assert_true(span_eq(SPAN_NONE, SPAN("")));
	assert_false(span_is(SPAN_NONE, "")); /* absent is not empty */
	assert_true(span_is(SPAN(""), ""));
	assert_null(span_of(NULL).p);
	/* A NUL is a byte like others. */
	assert_false(span_eq(span_from("a\0b", 3), span_from("a\0c", 3)));
}

static void
test_slice(void **state)
{
	static const struct {
		size_t from, to;
		const char *want;
	} cases[] = {{0, 5, "hello"}, {1, 3, "el"}, {0, 0, ""}, {5, 5, ""},
		{2, SIZE_MAX, "llo"}, {9, 12, ""}, {4, 2, ""}, {SIZE_MAX, SIZE_MAX, ""}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_span(span_slice(SPAN("hello"), cases[i].from, cases[i].to),
			span_of(cases[i].want));
	assert_null(span_slice(SPAN_NONE, 0, 3).p);
}

static void
test_find(void **state)
{
	static const struct {
		const char *in, *what;
		size_t at, nocase;
	} cases[] = {
		{"banana", "an", 1, 1},
		{"banana", "ana", 1, 1},
		{"banana", "", 0, 0},
		{"", "", 0, 0},
		{"", "a", SIZE_MAX, SIZE_MAX},
		{"ban", "bana", SIZE_MAX, SIZE_MAX},
		{"BaNaNa", "nan", SIZE_MAX, 2},
		{"aab", "ab", 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct span s = span_of(cases[i].in), w = span_of(cases[i].what);

		assert_int_equal(span_find(s, w), cases[i].at);
		assert_int_equal(span_find_nocase(s, w), cases[i].nocase);
		assert_int_equal(span_has(s, w), cases[i].at != SIZE_MAX);
	}
	assert_int_equal(span_find_byte(SPAN("a.b.c"), '.'), 1);
	assert_int_equal(span_rfind_byte(SPAN("a.b.c"), '.'), 3);
	assert_int_equal(span_find_byte(SPAN("abc"), '.'), SIZE_MAX);
	assert_int_equal(span_rfind_byte(SPAN_NONE, '.'), SIZE_MAX);
	assert_int_equal(span_find_byte(SPAN_NONE, '.'), SIZE_MAX);
	assert_true(span_starts(SPAN("abc"), SPAN("ab")) && span_starts(SPAN("abc"), SPAN("")));
	assert_false(
		span_starts(SPAN("a"), SPAN("ab")) || span_starts(SPAN("abc"), SPAN("bc")));
	assert_true(span_starts_nocase(SPAN("ABc"), SPAN("aB")));
	assert_true(span_ends(SPAN("abc"), SPAN("bc")) && span_ends(SPAN("abc"), SPAN("")));
	assert_false(span_ends(SPAN("c"), SPAN("bc")) || span_ends(SPAN("abc"), SPAN("ab")));
}

static void
test_trim(void **state)
{
	(void)state;
	check_span(span_trim(SPAN(" \t\r\n\f\v a b \n")), SPAN("a b"));
	check_span(span_trim(SPAN(" \n ")), SPAN(""));
	check_span(span_trim(SPAN("\xc2\xa0x")), SPAN("\xc2\xa0x")); /* no-break space stays */
	assert_int_equal(span_trim(SPAN_NONE).n, 0);
}

static void
test_cut(void **state)
{
	static const struct {
		const char *in;
		size_t n;
		const char *fields[4];
	} cases[] = {
		{"a,b,c", 3, {"a", "b", "c"}},
		{"a", 1, {"a"}},
		{"", 1, {""}},
		{",", 2, {"", ""}},
		{"a,,b", 3, {"a", "", "b"}},
		{"a,", 2, {"a", ""}},
	};
	struct span none = SPAN_NONE, field;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span rest = span_of(cases[i].in);
		size_t n = 0;

		while (span_cut(&rest, ',', &field)) {
			assert_true(n < cases[i].n);
			check_span(field, span_of(cases[i].fields[n]));
			n++;
		}
		assert_int_equal(n, cases[i].n);
	}
	assert_false(span_cut(&none, ',', &field));
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *in;
		bool u, i;
		uint64_t uv;
		int64_t iv;
	} cases[] = {
		{"0", true, true, 0, 0}, {"007", true, true, 7, 7},
		{"18446744073709551615", true, false, UINT64_MAX, 0},
		{"18446744073709551616", false, false, 0, 0},
		{"99999999999999999999", false, false, 0, 0},
		{"000000000000000000001", false, false, 0, 0}, /* 21 digits */
		{"9223372036854775807", true, true, INT64_MAX, INT64_MAX},
		{"9223372036854775808", true, false, (uint64_t)INT64_MAX + 1, 0},
		{"-9223372036854775808", false, true, 0, INT64_MIN},
		{"-9223372036854775809", false, false, 0, 0}, {"-1", false, true, 0, -1},
		{"-0", false, true, 0, 0}, {"", false, false, 0, 0}, {"-", false, false, 0, 0},
		{"--1", false, false, 0, 0}, {"+1", false, false, 0, 0},
		{" 1", false, false, 0, 0}, {"1 ", false, false, 0, 0},
		{"1x", false, false, 0, 0}, {"0x10", false, false, 0, 0},
		{"1e3", false, false, 0, 0},
		{"\xd9\xa1", false, false, 0, 0}, /* an Arabic digit */
	};
	uint64_t u = 4711;
	int64_t v = 4711;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct span s = span_of(cases[i].in);

		u = 4711;
		v = 4711;
		if (span_u64(s, UINT64_MAX, &u) != cases[i].u ||
			u != (cases[i].u ? cases[i].uv : 4711))
			check_fail("unsigned \"%s\"", cases[i].in);
		if (span_i64(s, INT64_MIN, INT64_MAX, &v) != cases[i].i ||
			v != (cases[i].i ? cases[i].iv : 4711))
			check_fail("signed \"%s\"", cases[i].in);
	}
	assert_true(span_u64(SPAN("255"), 255, &u));
	assert_false(span_u64(SPAN("256"), 255, &u));
	assert_true(span_i64(SPAN("-5"), -5, 5, &v) && span_i64(SPAN("5"), -5, 5, &v));
	assert_false(span_i64(SPAN("-6"), -5, 5, &v) || span_i64(SPAN("6"), -5, 5, &v));
}

static void
test_hash(void **state)
{
	(void)state;
	assert_true(span_hash(SPAN("abc")) == span_hash(span_from("abcd", 3)));
	assert_true(span_hash(SPAN("abc")) != span_hash(SPAN("abd")));
	assert_true(span_hash(SPAN("")) != span_hash(span_from("\0", 1)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_slice),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
