#include "base/json.h"

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

static const struct json_limits small = {.bytes = 100, .depth = 3, .values = 8, .string = 10};

static void
test_parse(void **state)
{
	static const struct {
		const char *in;
		int kind; /* -1 = taken */
		const char *says;
	} cases[] = {
		{"{}", -1, NULL},
		{" [1, 2.5, true, null, \"x\"] ", -1, NULL},
		{"\"text\"", -1, NULL},
		{"7", -1, NULL},
		{"[[[1]]]", -1, NULL},
		{"[[[[1]]]]", ERR_INPUT, "deeper than 3"},
		{"{\"a\":{\"b\":{\"c\":1}}}", -1, NULL},
		{"{\"a\":{\"b\":{\"c\":[]}}}", ERR_INPUT, "deeper than 3"},
		/* Brackets in a text are text. */
		{"[\"[[[[{{{{\"]", -1, NULL},
		{"[\"\\\"[[[[\"]", -1, NULL},
		{"[1,2,3,4,5,6,7]", -1, NULL},
		{"[1,2,3,4,5,6,7,8,9]", ERR_TOO_LARGE, "over 8 values"},
		{"\"1234567890\"", -1, NULL}, /* exactly at the limit */
		{"\"12345678901\"", ERR_TOO_LARGE, "string of over 10"},
		{"[\"12345678901\"]", ERR_TOO_LARGE, "string of over 10"},
		{"{\"12345678901\":1}", ERR_TOO_LARGE, "string of over 10"},
		{"{\"a\":1,\"a\":2}", ERR_INPUT, "duplicate"},
		{"{\"a\":1,\"\\u0061\":2}", ERR_INPUT, "duplicate"},
		{"", ERR_INPUT, "line 1"},
		{"{", ERR_INPUT, "line 1"},
		{"[\n1,\n]", ERR_INPUT, "line 3"},
		{"{} x", ERR_INPUT, "line 1"},
		{"{'a':1}", ERR_INPUT, "line 1"},
		{"[1,]", ERR_INPUT, "line 1"},
		{"[01]", ERR_INPUT, "line 1"},
		{"[NaN]", ERR_INPUT, "line 1"},
		{"[1e999]", ERR_INPUT, "line 1"},
		{"[9223372036854775808]", ERR_INPUT, "line 1"}, /* no silent double */
		{"[\"\\u0000\"]", ERR_INPUT, "line 1"},
		{"[\"\xff\"]", ERR_INPUT, "line 1"},
		{"[\"\xed\xa0\x80\"]", ERR_INPUT, "line 1"},
		{"[\"\\ud800\"]", ERR_INPUT, "line 1"},
		{"[\"a\nb\"]", ERR_INPUT, "line 1"},
		{"\xef\xbb\xbf[]", ERR_INPUT, "line 1"},
		{"]]]]]]]][[[[", ERR_INPUT, "line 1"},
		{"\"\\", ERR_INPUT, "line 1"},
	};
	struct arena *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *j = NULL;
		const struct err *e = json_parse(a, span_of(cases[i].in), &small, &j);

		if ((e ? (int)e->kind : -1) != cases[i].kind)
			check_fail("%s: %.*s", cases[i].in,
				SPAN_FMT(e ? err_text(a, e) : SPAN("taken")));
		if (!e)
			assert_non_null(j);
		else if (!span_has(err_text(a, e), span_of(cases[i].says)))
			check_fail("%s: %.*s", cases[i].in, SPAN_FMT(err_text(a, e)));
	}
	{
		json_t *j = NULL;

		assert_non_null(json_parse(a, span_from("[1]\0[", 5), &small, &j));
		assert_non_null(json_parse(a, arena_printf(a, "%100d1", 1), &small, &j));
	}
}

/* The limits that are in use hold: a bomb is refused before anything is built of it. */
static void
test_limits(void **state)
{
	struct arena *a = *state;
	char *bomb = arena_alloc(a, 9 << 20);
	json_t *j = NULL;
	const struct err *e;

	memset(bomb, '[', 9 << 20);
	e = json_parse(a, span_from(bomb, 1 << 20), &json_limits_ap, &j);
	assert_int_equal(e->kind, ERR_INPUT);
	e = json_parse(a, span_from(bomb, (1 << 20) + 1), &json_limits_ap, &j);
	assert_int_equal(e->kind, ERR_TOO_LARGE);
	e = json_parse(a, span_from(bomb, 9 << 20), &json_limits_feed, &j);
	assert_int_equal(e->kind, ERR_TOO_LARGE);
	memset(bomb, ',', 9 << 20);
	e = json_parse(a, span_from(bomb, 1 << 20), &json_limits_ap, &j);
	assert_int_equal(e->kind, ERR_TOO_LARGE);
	bomb[0] = '"';
	memset(bomb + 1, 'x', 1 << 20);
	e = json_parse(a, span_from(bomb, 1 << 20), &json_limits_ap, &j);
	assert_int_equal(e->kind, ERR_TOO_LARGE);
	assert_null(j);
}

static void
test_getters(void **state)
{
	struct arena *a = *state;
	struct span s = SPAN("default");
	int64_t v = 4711;
	bool b = true;
	const struct err *e;
	json_t *j;

	check_ok(a,
		json_parse(a,
			SPAN("{\"t\":\"text\",\"n\":5,\"big\":9223372036854775807,"
			     "\"r\":1.5,\"b\":false,\"z\":null,\"o\":{},\"l\":[],\"e\":\"\"}"),
			&json_limits_ap, &j));
	check_ok(a, json_need_text(a, j, "t", 4, &s));
	check_span(s, SPAN("text"));
	check_ok(a, json_need_text(a, j, "e", 4, &s));
	check_span(s, SPAN(""));
	e = json_need_text(a, j, "absent", 4, &s);
	check_span(e->text, SPAN("\"absent\" is missing"));
	e = json_need_text(a, j, "n", 4, &s);
	check_span(e->text, SPAN("\"n\" is not a text"));
	e = json_need_text(a, j, "z", 4, &s);
	check_span(e->text, SPAN("\"z\" is not a text"));
	e = json_need_text(a, j, "t", 3, &s);
	check_span(e->text, SPAN("\"t\" is longer than 3 bytes"));
	/* Of what is no object at all. */
	assert_non_null(json_need_text(a, json_object_get(j, "l"), "t", 9, &s));
	assert_non_null(json_need_text(a, NULL, "t", 9, &s));

	s = SPAN("default");
	assert_false(json_want_text(j, "n", 9, &s) || json_want_text(j, "absent", 9, &s) ||
		     json_want_text(j, "t", 3, &s) || json_want_text(NULL, "t", 9, &s));
	check_span(s, SPAN("default"));
	assert_true(json_want_text(j, "t", 9, &s));
	assert_false(json_want_int(j, "n", 6, 9, &v) || json_want_int(j, "n", 0, 4, &v) ||
		     json_want_int(j, "r", 0, 9, &v) || json_want_int(j, "t", 0, 9, &v) ||
		     json_want_int(NULL, "n", 0, 9, &v));
	assert_int_equal(v, 4711);
	assert_true(json_want_int(j, "n", 5, 5, &v) && v == 5);
	assert_true(json_want_int(j, "big", 0, INT64_MAX, &v) && v == INT64_MAX);
	assert_false(json_want_bool(j, "n", &b) || json_want_bool(j, "z", &b));
	assert_true(b);
	assert_true(json_want_bool(j, "b", &b));
	assert_false(b);
	assert_non_null(json_want_array(j, "l"));
	assert_null(json_want_array(j, "o"));
	assert_null(json_text(json_object_get(j, "n")).p);
	assert_null(json_text(NULL).p);
}

static void
test_write(void **state)
{
	struct arena *a = *state;
	AUTO(json_t) *o = json_object();

	assert_int_equal(json_object_set_new(o, "b",
				 json_str(SPAN("x\xff"
					       "y"))),
		0);
	assert_int_equal(json_object_set_new(o, "a", json_str(SPAN_NONE)), 0);
	assert_int_equal(json_object_set_new(o, "c", json_str(SPAN("\xc3\xa4"))), 0);
	assert_int_equal(json_object_set_new(o, "d", json_integer(INT64_MIN)), 0);
	check_span(json_dump(a, o), SPAN("{\"b\":\"x\xef\xbf\xbdy\",\"a\":null,\"c\":"
					 "\"\xc3\xa4\",\"d\":-9223372036854775808}"));
	check_span(json_dump_sorted(a, o), SPAN("{\"a\":null,\"b\":\"x\xef\xbf\xbdy\",\"c\":"
						"\"\xc3\xa4\",\"d\":-9223372036854775808}"));
	check_span(json_dump(a, json_object_get(o, "d")), SPAN("-9223372036854775808"));
	assert_ptr_equal(json_own(a, NULL), NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_parse),
		TEST(test_limits),
		TEST(test_getters),
		TEST(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
