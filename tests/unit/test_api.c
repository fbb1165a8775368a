/* What the API's endpoints share: parameters, their errors, the Link header. */
#include "web/api.h"

#include "lib/check.h"
#include "lib/example.h"

static struct arena *arena;
static struct hub hub;
static struct page_ask ask;

static const char *const params[] = {API_RANGE_NAMES, "local", "q", NULL};
static const struct page page = {.params = params};

enum { PARAM_LOCAL = RANGE_PARAMS, PARAM_Q };

static int
setup(void **state)
{
	(void)state;
	arena = arena_new();
	hub = example_hub();
	ask = (struct page_ask){.arena = arena, .hub = &hub, .page = &page};
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void
test_range(void **state)
{
	static const struct {
		enum api_range_param param;
		const char *value;
		int64_t want; /* -1 = refused; the limit is asked for with one more */
	} rows[] = {
		{RANGE_LIMIT, NULL, API_PAGE_DEFAULT + 1},
		{RANGE_LIMIT, "", API_PAGE_DEFAULT + 1},
		{RANGE_LIMIT, "1", 2},
		{RANGE_LIMIT, "40", 41},
		{RANGE_LIMIT, "41", 41},
		{RANGE_LIMIT, "9999", 41},
		{RANGE_LIMIT, "0", -1},
		{RANGE_LIMIT, "-1", -1},
		{RANGE_LIMIT, "1e9", -1},
		{RANGE_LIMIT, " 5", -1},
		{RANGE_LIMIT, "99999999999999999999", -1},
		{RANGE_MAX_ID, NULL, 0},
		{RANGE_MAX_ID, "9223372036854775807", INT64_MAX},
		{RANGE_MAX_ID, "9223372036854775808", -1},
		{RANGE_MAX_ID, "x", -1},
		{RANGE_SINCE_ID, "0", 0},
		{RANGE_SINCE_ID, "12", 12},
		{RANGE_MIN_ID, "12", 12},
		{RANGE_MIN_ID, "12'", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct api_statuses s = {0};
		const int64_t *const got[] = {[RANGE_LIMIT] = &s.page.limit,
			[RANGE_MAX_ID] = &s.page.max_id,
			[RANGE_SINCE_ID] = &s.page.since_id,
			[RANGE_MIN_ID] = &s.page.min_id};
		const struct err *e;

		ask.param[rows[i].param] = span_of(rows[i].value);
		e = api_range(&ask, &s);
		if (e ? rows[i].want != -1 : *got[rows[i].param] != rows[i].want)
			check_fail("%s=%s: %lld", params[rows[i].param], rows[i].value,
				(long long)*got[rows[i].param]);
		if (e) {
			assert_int_equal(err_status(e), 422);
			assert_true(span_has(e->text, span_of(params[rows[i].param])));
		}
		ask.param[rows[i].param] = SPAN_NONE;
	}
}

static void
test_flag(void **state)
{
	static const char *const yes[] = {"true", "1", "on", "t", "yes", "TRUE"};
	static const char *const no[] = {NULL, "", "false", "0", "off", "tr", "truer"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		ask.param[PARAM_LOCAL] = span_of(yes[i]);
		assert_true(api_flag(&ask, PARAM_LOCAL));
	}
	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		ask.param[PARAM_LOCAL] = span_of(no[i]);
		assert_false(api_flag(&ask, PARAM_LOCAL));
	}
}

static void
test_path_id(void **state)
{
	static const char *const bad[] = {"", "0", "-1", "abc", "1.5", "9223372036854775808"};
	int64_t id = 0;

	(void)state;
	ask.capture[0] = SPAN("116153332531200001");
	check_ok(arena, api_path_id(&ask, &id));
	assert_int_equal(id, EXAMPLE_POST);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct err *e;

		ask.capture[0] = span_of(bad[i]);
		e = api_path_id(&ask, &id);
		assert_non_null(e);
		assert_int_equal(err_status(e), 404);
	}
}

static void
test_link(void **state)
{
	(void)state;
	assert_null(api_link(&ask, SPAN("/api/x"), 0, 0, false).p);
	check_span(api_link(&ask, SPAN("/api/x"), 9, 5, true),
		SPAN("<https://hub.example/api/x?max_id=5>; rel=\"next\", "
		     "<https://hub.example/api/x?min_id=9>; rel=\"prev\""));
	check_span(api_link(&ask, SPAN("/api/x"), 9, 5, false),
		SPAN("<https://hub.example/api/x?min_id=9>; rel=\"prev\""));
	/* Cursors are replaced, everything else comes again. */
	ask.param[RANGE_MAX_ID] = SPAN("20");
	ask.param[RANGE_SINCE_ID] = SPAN("1");
	ask.param[RANGE_LIMIT] = SPAN("2");
	ask.param[PARAM_LOCAL] = SPAN("true");
	ask.param[PARAM_Q] = SPAN("a b&c>; rel=\"x\"\r\n");
	check_span(api_link(&ask, SPAN("/api/x"), 9, 5, false),
		SPAN("<https://hub.example/api/x?limit=2&local=true&"
		     "q=a%20b%26c%3E%3B%20rel%3D%22x%22%0D%0A&min_id=9>; rel=\"prev\""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_range, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flag, setup, teardown),
		cmocka_unit_test_setup_teardown(test_path_id, setup, teardown),
		cmocka_unit_test_setup_teardown(test_link, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
