#include "base/codec.h"

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

static void
test_hex(void **state)
{
	struct arena *a = *state;
	struct span out = SPAN_NONE;

	check_span(hex_encode(a, span_from("\x00\x7f\x80\xff", 4)), SPAN("007f80ff"));
	check_span(hex_encode(a, SPAN("")), SPAN(""));
	assert_true(hex_decode(a, SPAN("007F80fF"), &out));
	check_span(out, span_from("\x00\x7f\x80\xff", 4));
	assert_true(hex_decode(a, SPAN(""), &out) && out.n == 0);
	assert_false(hex_decode(a, SPAN("0"), &out));
	assert_false(hex_decode(a, SPAN("0g"), &out));
	assert_false(hex_decode(a, SPAN("g0"), &out));
	assert_false(hex_decode(a, SPAN(" 0"), &out));
	assert_false(hex_decode(a, SPAN("0x"), &out));
}

/* RFC 4648, 10. */
static void
test_base64(void **state)
{
	static const struct {
		const char *plain, *padded, *url;
	} cases[] = {
		{"", "", ""},
		{"f", "Zg==", "Zg"},
		{"fo", "Zm8=", "Zm8"},
		{"foo", "Zm9v", "Zm9v"},
		{"foob", "Zm9vYg==", "Zm9vYg"},
		{"fooba", "Zm9vYmE=", "Zm9vYmE"},
		{"foobar", "Zm9vYmFy", "Zm9vYmFy"},
		{"\xfb\xff\xfe", "+//+", "-__-"},
	};
	static const char *const refused[] = {
		"Z",          /* one letter says nothing */
		"Zg=",        /* half a padding */
		"Zg===",      /* too much */
		"Zh==",       /* bits left over: another spelling of "f" */
		"Zm9=",       /* the same of two */
		"Zg==Zg==",   /* padding in the middle */
		"Zm9v\nYg==", /* a line break */
		" Zg==",
		"Zg== ",
		"Z===",
		"====",
		"=",
		"Zm-v", /* the other alphabet */
		"Zm9\xc3",
	};
	struct arena *a = *state;
	struct span out;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		check_span(base64_encode(a, span_of(cases[i].plain)), span_of(cases[i].padded));
		check_span(base64url_encode(a, span_of(cases[i].plain)), span_of(cases[i].url));
		assert_true(base64_decode(a, span_of(cases[i].padded), &out));
		check_span(out, span_of(cases[i].plain));
	}
	assert_true(base64_decode(a, SPAN("Zg"), &out)); /* padding is optional */
	check_span(out, SPAN("f"));
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (base64_decode(a, span_of(refused[i]), &out))
			check_fail("\"%s\" was taken", refused[i]);
}

/* All lengths, all byte values, there and back. */
static void
test_round_trips(void **state)
{
	struct arena *a = *state;
	char bytes[300];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		const struct span s = span_from(bytes, n);
		struct span out;

		assert_true(hex_decode(a, hex_encode(a, s), &out) && span_eq(out, s));
		assert_true(base64_decode(a, base64_encode(a, s), &out) && span_eq(out, s));
		assert_true(percent_decode(a, percent_encode(a, s), false, &out) &&
			    span_eq(out, s));
		if (n > 128)
			continue;
		assert_true(base58_decode(a, base58_encode(a, s), &out) && span_eq(out, s));
	}
}

static void
test_base58(void **state)
{
	/* draft-msporny-base58, 5; and leading zeros. */
	static const struct {
		const char *hex, *text;
	} cases[] = {
		{"48656c6c6f20576f726c6421", "2NEpo7TZRRrLZSi2U"},
		{"54686520717569636b2062726f776e20666f78206a756d7073206f76657220746865206c617a7"
		 "9206"
		 "46f672e",
			"USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z"},
		{"0000287fb4cd", "11233QC4"},
		{"", ""},
		{"00", "1"},
		{"39", "z"},
		{"3a", "21"},
	};
	struct arena *a = *state;
	struct span bytes, out;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_true(hex_decode(a, span_of(cases[i].hex), &bytes));
		check_span(base58_encode(a, bytes), span_of(cases[i].text));
		assert_true(base58_decode(a, span_of(cases[i].text), &out));
		check_span(out, bytes);
	}
	assert_false(base58_decode(a, SPAN("0"), &out));
	assert_false(base58_decode(a, SPAN("O"), &out));
	assert_false(base58_decode(a, SPAN("I"), &out));
	assert_false(base58_decode(a, SPAN("l"), &out));
	assert_false(base58_decode(a, SPAN(" 2"), &out));
	assert_false(base58_decode(a, span_from("2\0z", 3), &out));
	assert_true(base58_decode(a, arena_printf(a, "%0176d", 0), &out) == false);
	{
		char longest[177];

		memset(longest, 'z', sizeof(longest));
		assert_true(base58_decode(a, span_from(longest, 176), &out));
		assert_false(base58_decode(a, span_from(longest, 177), &out));
		memset(longest, '1', sizeof(longest));
		assert_true(base58_decode(a, span_from(longest, 176), &out));
		assert_int_equal(out.n, 176);
	}
}

static void
test_percent(void **state)
{
	static const struct {
		const char *in;
		bool plus;
		const char *want; /* NULL = refused */
	} cases[] = {
		{"a%20b", false, "a b"},
		{"a+b", false, "a+b"},
		{"a+b", true, "a b"},
		{"%2B", true, "+"},
		{"%c3%A4", false, "\xc3\xa4"},
		{"%25%32%35", false, "%25"}, /* once */
		{"", false, ""},
		{"%", false, NULL},
		{"%2", false, NULL},
		{"a%2", false, NULL},
		{"%2g", false, NULL},
		{"%g2", false, NULL},
		{"%%20", false, NULL},
		{"%-1", false, NULL},
	};
	struct arena *a = *state;
	struct span out;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const bool ok = percent_decode(a, span_of(cases[i].in), cases[i].plus, &out);

		if (ok != (cases[i].want != NULL))
			check_fail("\"%s\"", cases[i].in);
		if (ok)
			check_span(out, span_of(cases[i].want));
	}
	assert_true(percent_decode(a, SPAN("%00"), false, &out));
	check_span(out, span_from("\0", 1));
	check_span(percent_encode(a, SPAN("AZaz09-._~ /?#%+&=\xc3\xa4")),
		SPAN("AZaz09-._~%20%2F%3F%23%25%2B%26%3D%C3%A4"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hex),
		TEST(test_base64),
		TEST(test_round_trips),
		TEST(test_base58),
		TEST(test_percent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
