#include "base/text.h"

#include "lib/check.h"

static int
setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	arena_free(*state);
	return 0;
}

/* Well-formed and ill-formed sequences of table 3-7 of the Unicode standard. */
static void
test_utf8(void **state)
{
	static const struct {
		const char *in;
		bool valid;
		const char *repaired; /* NULL = itself */
	} cases[] = {
		{"", true, NULL},
		{"ascii \x7f", true, NULL},
		{"\xc2\x80\xdf\xbf", true, NULL},
		{"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", true, NULL},
		{"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true, NULL},
		{"\x80", false, "\xef\xbf\xbd"},
		{"a\xbf"
		 "b",
			false,
			"a\xef\xbf\xbd"
			"b"},
		{"\xc0\x80", false, "\xef\xbf\xbd\xef\xbf\xbd"}, /* NUL in two bytes */
		{"\xc1\xbf", false, "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xc3", false, "\xef\xbf\xbd"},
		{"\xc3"
		 "a",
			false,
			"\xef\xbf\xbd"
			"a"},
		{"\xe0\x9f\xbf", false, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* overlong */
		{"\xe2\x82", false, "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xed\xa0\x80", false, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
		{"\xf0\x8f\xbf\xbf", false, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf4\x90\x80\x80", false, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf5\x80\x80\x80", false, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xff\xfe", false, "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xc3\xa4\xe4\xc3\xb6", false, "\xc3\xa4\xef\xbf\xbd\xc3\xb6"},
	};
	struct arena *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct span s = span_of(cases[i].in);
		const struct span r = utf8_repair(a, s);

		if (utf8_valid(s) != cases[i].valid)
			check_fail("case %zu", i);
		check_span(r, span_of(cases[i].repaired ? cases[i].repaired : cases[i].in));
		assert_true(utf8_valid(r));
	}
	assert_int_equal(utf8_count(SPAN("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x9a\x92")), 4);
	assert_int_equal(utf8_count(SPAN_NONE), 0);
}

/* Every sequence of two bytes against the rule written out another way. */
static void
test_utf8_pairs(void **state)
{
	(void)state;
	for (int x = 0; x < 256; x++) {
		for (int y = 0; y < 256; y++) {
			const char two[2] = {(char)x, (char)y};
			const bool ascii = x < 128 && y < 128;
			const bool pair = x >= 0xc2 && x <= 0xdf && y >= 0x80 && y <= 0xbf;

			assert_int_equal(utf8_valid(span_from(two, 2)), ascii || pair);
		}
	}
}

static void
test_cp1252(void **state)
{
	struct arena *a = *state;
	char all[256];
	struct span s;

	check_span(utf8_from_cp1252(a, SPAN("Gr\xfc\xdf"
					    "e \x96 5 \x80 \x93"
					    "x\x94 \x85")),
		SPAN("Gr\xc3\xbc\xc3\x9f"
		     "e \xe2\x80\x93 5 \xe2\x82\xac \xe2\x80\x9c"
		     "x\xe2\x80\x9d "
		     "\xe2\x80\xa6"));
	check_span(utf8_from_cp1252(a, SPAN("\x81\x8d\x8f\x90\x9d")),
		SPAN("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"));
	check_span(utf8_from_cp1252(a, SPAN("\xa0\xff")), SPAN("\xc2\xa0\xc3\xbf"));
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	s = utf8_from_cp1252(a, span_from(all, 256));
	assert_true(utf8_valid(s));
	assert_int_equal(utf8_count(s), 256);
}

static void
test_truncate(void **state)
{
	static const struct {
		const char *in;
		size_t max;
		const char *want;
	} cases[] = {
		{"short", 5, "short"},
		{"shorter", 5, "shor\xe2\x80\xa6"},
		{"", 5, ""},
		{"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", 4, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f"},
		{"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", 3, "\xc3\xa4\xc3\xb6\xe2\x80\xa6"},
		/* At a word where that costs little, in the word where it costs much. */
		{"The fire brigade was called", 20, "The fire brigade\xe2\x80\xa6"},
		{"A Rindfleischetikettierung", 12, "A Rindfleis\xe2\x80\xa6"},
		{"two words", 5, "two\xe2\x80\xa6"},
		{"ab", 1, "\xe2\x80\xa6"},
	};
	struct arena *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct span s = text_truncate(a, span_of(cases[i].in), cases[i].max);

		check_span(s, span_of(cases[i].want));
		assert_true(utf8_count(s) <= cases[i].max);
	}
}

static void
test_clean(void **state)
{
	static const struct {
		const char *in, *line, *lines;
	} cases[] = {
		{"plain", "plain", "plain"},
		{"  a \t b  ", "a b", "a b"},
		{"a\r\nb\rc\nd", "a b c d", "a\nb\nc\nd"},
		{"a\n\n\n\nb", "a b", "a\n\nb"},
		{"a \n b", "a b", "a\nb"},
		{"\n\na\n\n", "a", "a"},
		{"a\xc2\xa0\xe2\x80\x83\xe3\x80\x80"
		 "b",
			"a b", "a b"}, /* wide spaces */
		{"a\xe2\x80\xa8"
		 "b",
			"a b", "a b"}, /* line separator */
		{"a\x01\x7f\xc2\x85"
		 "b",
			"ab", "ab"}, /* controls */
		/* Reordering: the exe that looks like a picture. */
		{"\xe2\x80\xae"
		 "gpj.exe\xe2\x80\xac",
			"gpj.exe", "gpj.exe"},
		{"\xe2\x81\xa6"
		 "a\xe2\x81\xa9\xd8\x9c\xe2\x80\x8f",
			"a", "a"},
		{"\xef\xbb\xbf"
		 "bom",
			"bom", "bom"},
		{"tag\xf3\xa0\x81\xa1", "tag", "tag"}, /* invisible tag letters */
		{"\xef\xbf\xbf"
		 "x\xf0\x9f\xbf\xbe",
			"x", "x"}, /* noncharacters */
		/* The joiner stays: it makes one family of four people. */
		{"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",
			"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",
			"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7"},
		{"bad\xff", "bad\xef\xbf\xbd", "bad\xef\xbf\xbd"},
		{" \t\n", "", ""},
		{"", "", ""},
	};
	struct arena *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		check_span(
			text_clean_line(a, span_of(cases[i].in), 100), span_of(cases[i].line));
		check_span(text_clean(a, span_of(cases[i].in), 100), span_of(cases[i].lines));
	}
	check_span(text_clean_line(a, SPAN("a\0b"), 100), SPAN("ab"));
	check_span(text_clean_line(a, SPAN("abcdef"), 3), SPAN("abc"));
	check_span(text_clean_line(a, SPAN("ab cdef"), 3), SPAN("ab"));
	check_span(text_clean_line(a, SPAN("\xc3\xa4\xc3\xb6\xc3\xbc"), 2),
		SPAN("\xc3\xa4\xc3\xb6"));
	for (size_t max = 1; max < 12; max++)
		assert_true(utf8_count(text_clean(a, SPAN("a\n\nb\n\nc d\n\ne"), max)) <= max);
}

static void
test_nfc(void **state)
{
	struct arena *a = *state;

	check_span(text_nfc(a, SPAN("a\xcc\x88")), SPAN("\xc3\xa4"));
	check_span(text_nfc(a, SPAN("\xc3\xa4")), SPAN("\xc3\xa4"));
	check_span(
		text_nfc(a, SPAN("\xe2\x84\xab")), SPAN("\xc3\x85")); /* Angstrom to A-ring */
	check_span(text_nfc(a, SPAN("plain")), SPAN("plain"));
	check_span(text_nfc(a, SPAN("")), SPAN(""));
	check_span(text_nfc(a, SPAN("\xff")), SPAN("\xef\xbf\xbd"));
}

static void
test_slug(void **state)
{
	static const struct {
		const char *in;
		size_t max;
		const char *want;
	} cases[] = {
		{"Feuerwehr Musterstadt", 30, "feuerwehr_musterstadt"},
		{"B\xc3\xbcrgerb\xc3\xbcro Sch\xc3\xb6nau", 30, "buergerbuero_schoenau"},
		{"\xc3\x84rzte & Caf\xc3\xa9", 30, "aerzte_cafe"},
		{"STRA\xc3\x9f"
		 "E",
			30, "strasse"},
		{"--a--b--", 30, "a_b"},
		{"_a_", 30, "a"},
		{"123", 30, "123"},
		{"\xe6\x97\xa5\xe6\x9c\xac", 30, ""},
		{"", 30, ""},
		{"abc def", 4, "abc"}, /* no '_' at the cut */
		{"abc def", 5, "abc_d"},
		{"\xff\xfe", 30, ""},
	};
	struct arena *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_span(text_slug(a, span_of(cases[i].in), cases[i].max),
			span_of(cases[i].want));
}

static void
test_escape(void **state)
{
	static const struct {
		const char *in, *html, *xml, *json;
	} cases[] = {
		{"plain", "plain", "plain", "plain"},
		{"<a href=\"x\" b='y'>&amp;",
			"&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;",
			"&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;",
			"<a href=\\\"x\\\" b='y'>&amp;"},
		{"a\x01\x1b\tb\n", "a\x01\x1b\tb\n", "a\tb\n", "a\\u0001\\u001b\\u0009b\\n"},
		{"\xef\xbf\xbe", "\xef\xbf\xbe", "", "\xef\xbf\xbe"},
		{"\xff", "\xff", "", "\\ufffd"},
		{"\\", "\\", "\\", "\\\\"},
		{"\xe2\x80\xa8\x7f", "\xe2\x80\xa8\x7f", "\xe2\x80\xa8\x7f", "\\u2028\\u007f"},
		{"\xc3\xa4\xf0\x9f\x9a\x92", "\xc3\xa4\xf0\x9f\x9a\x92",
			"\xc3\xa4\xf0\x9f\x9a\x92", "\xc3\xa4\xf0\x9f\x9a\x92"},
		{"", "", "", ""},
	};
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		buf_reset(&b);
		text_escape_html(&b, span_of(cases[i].in));
		check_span(buf_span(&b), span_of(cases[i].html));
		buf_reset(&b);
		text_escape_xml(&b, span_of(cases[i].in));
		check_span(buf_span(&b), span_of(cases[i].xml));
		buf_reset(&b);
		text_escape_json(&b, span_of(cases[i].in));
		check_span(buf_span(&b), span_of(cases[i].json));
	}
	buf_reset(&b);
	text_escape_html(&b, span_from("a\0b", 3));
	check_span(buf_span(&b), SPAN("a\xef\xbf\xbd"
				      "b"));
	buf_reset(&b);
	text_escape_xml(&b, span_from("a\0b", 3));
	check_span(buf_span(&b), SPAN("ab"));
	buf_fini(&b);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_utf8),
		TEST(test_utf8_pairs),
		TEST(test_cp1252),
		TEST(test_truncate),
		TEST(test_clean),
		TEST(test_nfc),
		TEST(test_slug),
		TEST(test_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
