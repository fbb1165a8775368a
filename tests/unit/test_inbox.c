/* The decisions around an inbox: types, paths, what a sender is told, what an activity means.
 */
#include "ap/inbox.h"
#include "ap/receive.h"
#include "lib/check.h"
#include "lib/example.h"

static struct arena *arena;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new();
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
test_types(void **state)
{
	static const struct {
		const char *type;
		bool takes;
	} cases[] = {
		{"application/activity+json", true},
		{"Application/Activity+JSON; charset=utf-8", true},
		{"application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\"",
			true},
		{"application/json", true},
		{"application/jsonx", false},
		{"text/plain", false},
		{"application/x-www-form-urlencoded", false},
		{"", false},
		{NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(inbox_takes_type(span_of(cases[i].type)), cases[i].takes);
}

static void
test_slugs(void **state)
{
	static const struct {
		const char *path, *slug;
	} cases[] = {
		{"/o/stadt/inbox", "stadt"},
		{"/o/a/b/inbox", "a/b"}, /* no such account */
		{"/inbox", NULL},
		{"/hub/inbox", NULL},
		{"/actor/inbox", NULL},
		{"/o//inbox", NULL},
		{"/o/inbox", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_span(inbox_slug(span_of(cases[i].path)), span_of(cases[i].slug));
}

static void
test_refusals(void **state)
{
	static const struct {
		enum err_kind kind;
		int after_s, status, retry;
		bool says; /* the error's own sentence */
	} cases[] = {
		{ERR_INPUT, 0, 400, 0, true},
		{ERR_AUTH, 0, 401, 0, true},
		{ERR_GONE, 0, 401, 0, true},
		{ERR_NOT_FOUND, 0, 404, 0, true},
		{ERR_TOO_LARGE, 0, 413, 0, true},
		{ERR_MEDIA_TYPE, 0, 415, 0, true},
		{ERR_TOO_MANY, 7, 429, 7, true},
		{ERR_UNAVAILABLE, 200, 503, 200, true},
		{ERR_UNAVAILABLE, 0, 503, 60, true},
		{ERR_STOPPED, 0, 503, 60, false},
		{ERR_TIMEOUT, 0, 503, 60, false},
		{ERR_NETWORK, 0, 503, 60, false},
		{ERR_DB, 0, 503, 60, false}, /* names a statement: not for strangers */
		{ERR_DB_GONE, 0, 503, 60, false},
		{ERR_INTERNAL, 0, 503, 60, false},
		{ERR_CORRUPT, 0, 503, 60, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct err e = {.kind = cases[i].kind,
			.retry_after_s = cases[i].after_s,
			.text = SPAN("our own sentence")};
		const struct inbox_refusal r = inbox_refuse(arena, &e);

		if (r.status != cases[i].status || r.retry_after_s != cases[i].retry ||
			span_has(r.text, e.text) != cases[i].says || r.text.n == 0)
			check_fail("%s: %d, after %d: %.*s", err_name(e.kind), r.status,
				r.retry_after_s, SPAN_FMT(r.text));
	}
}

/* ---- what an activity means ---- */

#define ALICE "https://a.example/users/alice"
#define OURS "https://hub.example/o/stadt"

static struct receive_plan
plan(const char *type, const char *object)
{
	const struct hub h = example_hub();
	struct activity_in in;
	struct span body = arena_printf(arena,
		"{\"id\":\"https://a.example/1\",\"type\":\"%s\",\"actor\":\"" ALICE
		"\",\"object\":%s}",
		type, object);

	check_ok(arena, activity_parse(arena, &h, body, &in));
	return receive_plan(&h, &in);
}

static void
test_plans(void **state)
{
	static const struct {
		const char *type, *object;
		enum receive_kind kind;
		const char *slug, *follow;
	} cases[] = {
		{"Follow", "\"" OURS "\"", RECEIVE_FOLLOW, "stadt", "https://a.example/1"},
		{"Follow", "\"https://hub.example/hub\"", RECEIVE_FOLLOW, "hub",
			"https://a.example/1"},
		{"Follow", "\"https://hub.example/actor\"", RECEIVE_COUNT, NULL, NULL},
		{"Follow", "\"https://b.example/users/x\"", RECEIVE_COUNT, NULL, NULL},
		{"Follow", "\"https://www.w3.org/ns/activitystreams#Public\"", RECEIVE_COUNT,
			NULL, NULL},
		{"Undo",
			"{\"id\":\"https://a.example/0\",\"type\":\"Follow\",\"actor\":\"" ALICE
			"\",\"object\":\"" OURS "\"}",
			RECEIVE_UNFOLLOW, "stadt", "https://a.example/0"},
		{"Undo", "\"https://a.example/0\"", RECEIVE_UNFOLLOW, NULL,
			"https://a.example/0"},
		{"Undo",
			"{\"id\":\"https://a.example/0\",\"type\":\"Like\",\"actor\":\"" ALICE
			"\",\"object\":\"" OURS "\"}",
			RECEIVE_COUNT, NULL, NULL},
		{"Undo", "{\"type\":\"Follow\",\"actor\":\"" ALICE "\"}", RECEIVE_COUNT, NULL,
			NULL},
		{"Block", "\"" OURS "\"", RECEIVE_UNFOLLOW, "stadt", NULL},
		{"Block", "\"https://b.example/users/x\"", RECEIVE_COUNT, NULL, NULL},
		{"Delete", "\"" ALICE "\"", RECEIVE_GONE, NULL, NULL},
		{"Delete", "\"https://a.example/notes/1\"", RECEIVE_COUNT, NULL, NULL},
		{"Update", "{\"id\":\"" ALICE "\",\"type\":\"Person\"}", RECEIVE_REFRESH, NULL,
			NULL},
		{"Accept", "\"https://hub.example/x\"", RECEIVE_COUNT, NULL, NULL},
		{"Like", "\"https://hub.example/p/1\"", RECEIVE_COUNT, NULL, NULL},
		{"Arrive", "\"https://b.example/x\"", RECEIVE_COUNT, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct receive_plan p = plan(cases[i].type, cases[i].object);

		if (p.kind != cases[i].kind)
			check_fail("case %zu (%s): kind %d", i, cases[i].type, p.kind);
		assert_non_null(p.outcome);
		if (p.kind != RECEIVE_FOLLOW && p.kind != RECEIVE_UNFOLLOW)
			continue;
		check_span(p.slug, span_of(cases[i].slug));
		check_span(p.follow, span_of(cases[i].follow));
	}
}

static void
test_ends(void **state)
{
	static const struct {
		enum err_kind kind;
		enum receive_kind what;
		int64_t attempt;
		enum receive_end end;
	} cases[] = {
		{ERR_CONFLICT, RECEIVE_FOLLOW, 1, RECEIVE_END_LOST},
		{ERR_STOPPED, RECEIVE_FOLLOW, 1, RECEIVE_END_BACK},
		{ERR_DB_GONE, RECEIVE_FOLLOW, 1, RECEIVE_END_AGAIN},
		{ERR_DB_GONE, RECEIVE_FOLLOW, 10, RECEIVE_END_BURY},
		{ERR_UNCERTAIN, RECEIVE_FOLLOW, 1, RECEIVE_END_AGAIN},
		{ERR_INPUT, RECEIVE_COUNT, 1, RECEIVE_END_OUTCOME},
		{ERR_NOT_FOUND, RECEIVE_FOLLOW, 1, RECEIVE_END_OUTCOME},
		{ERR_NETWORK, RECEIVE_GONE, 1, RECEIVE_END_AGAIN},
		{ERR_NETWORK, RECEIVE_GONE, 10, RECEIVE_END_OUTCOME},
		{ERR_UNAVAILABLE, RECEIVE_REFRESH, 1, RECEIVE_END_OUTCOME},
		{ERR_DB_GONE, RECEIVE_REFRESH, 1, RECEIVE_END_AGAIN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct err e = {.kind = cases[i].kind, .text = SPAN("x")};

		assert_int_equal(
			receive_judge(&e, cases[i].what, cases[i].attempt), cases[i].end);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_slugs),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_plans),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests_name("unit.inbox", tests, setup, teardown);
}
