#include "base/err.h"

#include "base/log.h"
#include "lib/check.h"

static void
test_table(void **state)
{
	static const struct {
		enum err_kind kind;
		int status;
		enum err_retry retry;
		const char *name, *title;
	} cases[] = {
		{ERR_INPUT, 400, ERR_RETRY_NEVER, "input", "Bad Request"},
		{ERR_NOT_FOUND, 404, ERR_RETRY_NEVER, "not_found", "Not Found"},
		{ERR_NOT_ACCEPTABLE, 406, ERR_RETRY_NEVER, "not_acceptable", "Not Acceptable"},
		{ERR_GONE, 410, ERR_RETRY_NEVER, "gone", "Gone"},
		{ERR_TOO_MANY, 429, ERR_RETRY_LATER, "too_many", "Too Many Requests"},
		{ERR_TIMEOUT, 504, ERR_RETRY_LATER, "timeout", "Gateway Timeout"},
		{ERR_STOPPED, 503, ERR_RETRY_LATER, "stopped", "Service Unavailable"},
		{ERR_DB_GONE, 503, ERR_RETRY_LATER, "db_gone", "Service Unavailable"},
		{ERR_UNCERTAIN, 503, ERR_RETRY_UNSURE, "uncertain", "Service Unavailable"},
		{ERR_ADDRESS, 502, ERR_RETRY_NEVER, "address", "Bad Gateway"},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct err *e = err_new(a, cases[i].kind, "x");

		assert_int_equal(err_status(e), cases[i].status);
		assert_int_equal(err_retry(e), cases[i].retry);
		assert_string_equal(err_name(cases[i].kind), cases[i].name);
		assert_string_equal(err_title(cases[i].kind), cases[i].title);
	}
	for (int k = 0; k < ERR_KINDS; k++) {
		const struct err *e = err_new(a, (enum err_kind)k, "x");

		assert_in_range(err_status(e), 400, 599);
		assert_in_range(err_level(e), LOG_DEBUG, LOG_ERROR);
		assert_true(strlen(err_name((enum err_kind)k)) > 0);
		/* What a peer can cause is never an error of ours in the log. */
		if (err_status(e) < 500)
			assert_true(err_level(e) <= LOG_INFO);
	}
	arena_free(a);
}

static void
test_wrap(void **state)
{
	struct arena *a = arena_new(), *b = arena_new();
	const struct err *e = err_new(a, ERR_GONE, "%s is %s", "it", "gone"), *copy;
	struct err hinted = *e;

	(void)state;
	hinted.retry_after_s = 30;
	e = err_wrap(a, &hinted, "fetching %d", 7);
	e = err_wrap(a, e, "polling");
	assert_int_equal(e->kind, ERR_GONE);
	assert_int_equal(e->retry_after_s, 30);
	check_span(err_text(a, e), SPAN("polling: fetching 7: it is gone"));
	copy = err_copy(b, e);
	arena_free(a); /* the copy stands alone, with all its causes */
	check_span(err_text(b, copy), SPAN("polling: fetching 7: it is gone"));
	assert_int_equal(copy->cause->cause->kind, ERR_GONE);
	assert_null(copy->cause->cause->cause);
	assert_null(err_copy(b, NULL));
	arena_free(b);
}

/* However long the chain, the text has an end. */
static void
test_long(void **state)
{
	struct arena *a = arena_new();
	const struct err *e = err_new(a, ERR_INPUT, "root");
	struct span text;

	(void)state;
	for (int i = 0; i < 500; i++)
		e = err_wrap(a, e, "level %d", i);
	text = err_text(a, e);
	assert_true(text.n > 900 && text.n <= 1000);
	assert_true(span_starts(text, SPAN("level 499: level 498: ")));
	arena_free(a);
}

/* A single sentence is cut, not dropped; and what a stranger sent can be stored. */
static void
test_strange(void **state)
{
	struct arena *a = arena_new();
	char *text = arena_alloc(a, 3000);
	struct span s;

	(void)state;
	memset(text, 'x', 3000);
	s = err_text(a, err_new(a, ERR_INPUT, "%.*s", 3000, text));
	assert_int_equal(s.n, 1000);
	s = err_text(a, err_new(a, ERR_INPUT, "\"https://www.m\xfcller.de/\" is not a URL"));
	check_span(s, SPAN("\"https://www.m\xef\xbf\xbdller.de/\" is not a URL"));
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_strange),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
