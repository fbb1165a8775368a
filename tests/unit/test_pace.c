/* When a source is asked again, and what is said about its health. */
#include "base/clock.h"
#include "connector/pace.h"
#include "lib/check.h"

#define NOW_US (INT64_C(1778608800) * US_PER_S)
#define DAY_US (INT64_C(86400) * US_PER_S)
#define MIDDLE (PACE_JITTER / 2) /* no jitter */

static struct source
some_source(void)
{
	return (struct source){.id = 7,
		.url = SPAN("https://feed.example/"),
		.health = SPAN("ok"),
		.interval_s = 600,
		.moved_us = TIME_NONE,
		.connected_us = NOW_US - 30 * DAY_US,
		.last_ok_us = NOW_US - DAY_US,
		.backfill_again_us = TIME_NONE};
}

static struct source_polled
read_page(struct arena *a, const struct source *s, const struct ingest *f, bool news,
	const char *cache_control)
{
	struct http_header h = {SPAN("Cache-Control"), span_of(cache_control)};
	const struct http_call c = {.status = f ? 200 : 304,
		.reply_headers = &h,
		.n_reply_headers = cache_control ? 1 : 0};
	const struct pace_page p = {
		.call = &c, .found = f, .news = news, .again_us = TIME_NONE};
	struct source_polled out;

	pace_read(a, s, &p, NOW_US, MIDDLE, &out);
	return out;
}

static void
test_interval(void **state)
{
	static const struct {
		int64_t before, asked_by_feed, set;
		bool news;
		const char *cache_control;
		int64_t after;
	} cases[] = {
		{600, 0, 0, true, NULL, 600}, {600, 0, 0, false, NULL, 900},
		{21600, 0, 0, false, NULL, 32400}, {21600, 0, 0, true, NULL, 600},
		{80000, 0, 0, false, NULL, 86400}, {600, 3600, 0, true, NULL, 3600},
		{600, 0, 0, true, "public, max-age=1800", 1800},
		{600, 3600, 0, true, "MAX-AGE=1800", 3600},
		{600, 0, 0, true, "max-age=99999999", 86400},
		{600, 0, 0, true, "max-age=x, no-cache", 600},
		{600, 0, 0, true, "s-maxage=9999", 600}, {0, 0, 0, false, NULL, 600},
		{600, 3600, 60, false, "max-age=1800", 60}, /* the operator's word */
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct source s = some_source();
		const struct ingest f = {.min_interval_s = cases[i].asked_by_feed};
		struct source_polled out;

		s.interval_s = cases[i].before;
		s.min_interval_s = cases[i].set;
		out = read_page(a, &s, &f, cases[i].news, cases[i].cache_control);
		if (out.interval_s != cases[i].after || out.next_ms != cases[i].after * 1000)
			check_fail("case %zu: %lld", i, (long long)out.interval_s);
		assert_true(out.ok && out.connected);
		assert_int_equal(out.found_new, cases[i].news);
	}
	arena_free(a);
}

static void
test_jitter(void **state)
{
	struct arena *a = arena_new();
	const struct http_call c = {.status = 200};
	const struct ingest f = {0};
	const struct pace_page p = {
		.call = &c, .found = &f, .news = true, .again_us = TIME_NONE};
	struct source s = some_source();
	struct source_polled out;

	(void)state;
	pace_read(a, &s, &p, NOW_US, 0, &out);
	assert_int_equal(out.next_ms, 540000);
	pace_read(a, &s, &p, NOW_US, PACE_JITTER, &out);
	assert_int_equal(out.next_ms, 660000);
	s.min_interval_s = 600;
	pace_read(a, &s, &p, NOW_US, 0, &out);
	assert_int_equal(out.next_ms, 600000);
	arena_free(a);
}

/* An item that waits needs the page once more, at its time, changed or not. */
/* 18:00 UTC, and the source sleeps from 18 to 20, and around midnight. */
static void
test_skip_hours(void **state)
{
	const uint32_t night = 1U << 18 | 1U << 19 | 1U << 23 | 1U << 0;
	static const struct {
		int64_t interval_s, set, next_s;
		bool slept;
	} cases[] = {
		{600, 0, 2 * 3600, true},       /* 18:10 */
		{2 * 3600, 0, 2 * 3600, false}, /* 20:00 */
		{5 * 3600, 0, 7 * 3600, true},  /* 23:00, the next day at one */
		{86400, 0, 26 * 3600, true},    /* 18:00 of the next day */
		{600, 600, 600, false},         /* the operator's word */
	};
	struct arena *a = arena_new();
	struct source s = some_source();
	struct source_polled failed;
	struct source_backfilled back;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const int64_t behind = cases[i].slept ? MIDDLE * 3000 : 0;
		const struct ingest f = {
			.skip_hours = night, .min_interval_s = cases[i].interval_s};
		struct source_polled out;

		s = some_source();
		s.min_interval_s = cases[i].set;
		out = read_page(a, &s, &f, true, NULL);
		/* Not all that slept wake up in the same moment. */
		if (out.next_ms != cases[i].next_s * 1000 + behind)
			check_fail("case %zu: %lld", i, (long long)out.next_ms);
		assert_int_equal(out.skip_hours, night);
		/* Remembered when the page has not changed. */
		s.skip_hours = night;
		s.interval_s = cases[i].interval_s * 2 / 3;
		out = read_page(a, &s, NULL, false, NULL);
		assert_int_equal(out.skip_hours, night);
		assert_int_equal(out.next_ms, cases[i].next_s * 1000 + behind);
	}
	/* Failures, and the pages behind the first one, keep to it as well. */
	s.min_interval_s = 0;
	pace_failed(&s, err_new(a, ERR_NETWORK, "x"), SPAN("x"), NOW_US, MIDDLE, &failed);
	assert_int_equal(failed.next_ms, 2 * 3600 * 1000 + MIDDLE * 3000);
	pace_backfill(a, &s, &(struct pace_page){.again_us = TIME_NONE}, NOW_US, MIDDLE, &back);
	assert_int_equal(back.next_ms, 2 * 3600 * 1000 + MIDDLE * 3000);
	arena_free(a);
}

static void
test_waiting(void **state)
{
	struct arena *a = arena_new();
	const struct http_call c = {.status = 200};
	const struct ingest f = {.etag = SPAN("\"1\""), .last_modified = SPAN("yesterday")};
	const struct {
		int64_t again_us, next_ms;
	} cases[] = {
		{NOW_US + 120 * US_PER_S, 121000},
		{NOW_US + US_PER_S, 30000},
		{NOW_US - US_PER_S, 30000},
		{NOW_US + DAY_US, 600000},
	};
	const struct source s = some_source();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct pace_page p = {
			.call = &c, .found = &f, .news = true, .again_us = cases[i].again_us};
		struct source_polled out;

		pace_read(a, &s, &p, NOW_US, MIDDLE, &out);
		assert_int_equal(out.next_ms, cases[i].next_ms);
		assert_non_null(out.etag.p);
		assert_int_equal(out.etag.n, 0);
		assert_non_null(out.last_modified.p);
		assert_int_equal(out.last_modified.n, 0);
	}
	arena_free(a);
}

static void
test_validators(void **state)
{
	struct arena *a = arena_new();
	const struct source s = some_source();
	struct ingest f = {.etag = SPAN("\"1\"")};
	struct source_polled out;

	(void)state;
	out = read_page(a, &s, &f, true, NULL);
	check_span(out.etag, SPAN("\"1\""));
	/* A page without one has none: the one before was about another page. */
	assert_non_null(out.last_modified.p);
	assert_int_equal(out.last_modified.n, 0);
	/* Not modified: they stay as they are. */
	out = read_page(a, &s, NULL, false, NULL);
	assert_null(out.etag.p);
	assert_null(out.last_modified.p);
	arena_free(a);
}

/* What the database or the next request would refuse is not kept. */
static void
test_unusable_validators(void **state)
{
	struct arena *a = arena_new();
	const struct source s = some_source();
	char *text = arena_alloc(a, 1025);
	const struct {
		struct span value;
		bool kept;
	} cases[] = {
		{SPAN("\"\xc3\xa4\""), true},
		{SPAN("\"\xe4\""), false},
		{SPAN("\"a\rb\""), false},
		{SPAN("a\tb"), false},
		{SPAN("a\0b"), false},
		{SPAN("a\x7f"), false},
		{span_from(text, 1024), true},
		{span_from(text, 1025), false},
	};

	(void)state;
	memset(text, 'x', 1025);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct ingest f = {
			.etag = cases[i].value, .last_modified = cases[i].value};
		const struct span want = cases[i].kept ? cases[i].value : SPAN("");
		const struct source_polled out = read_page(a, &s, &f, true, NULL);

		check_span(out.etag, want);
		check_span(out.last_modified, want);
	}
	arena_free(a);
}

static void
test_health(void **state)
{
	struct ingest_bad bad = {.error = SPAN("its text is too long")};
	const struct {
		struct ingest f;
		const char *health, *says;
	} cases[] = {
		{{.n_items = 3}, "ok", NULL},
		{{.recovered = true}, "degraded", "not well-formed"},
		{{.expired = true}, "gone", "has ended"},
		{{.truncated = true}, "degraded", "too large: at most 10000 items"},
		{{.n_items = 3, .bad = &bad, .n_bad = 1}, "degraded",
			"1 of 4 items cannot be read: its text is too long"},
	};
	struct arena *a = arena_new();
	struct source s = some_source();
	struct source_polled out;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		out = read_page(a, &s, &cases[i].f, false, NULL);
		check_span(out.health, span_of(cases[i].health));
		if (cases[i].says && !span_has(out.health_text, span_of(cases[i].says)))
			check_fail("%.*s", SPAN_FMT(out.health_text));
		assert_int_equal(cases[i].says == NULL, out.health_text.p == NULL);
	}
	/* Expired: looked at once a day all the same. */
	out = read_page(a, &s, &cases[2].f, false, NULL);
	assert_int_equal(out.next_ms, 86400000);

	/* The same page as last time, so what is wrong with it still is. */
	s.health = SPAN("degraded");
	s.health_text = SPAN("the feed is not well-formed");
	out = read_page(a, &s, NULL, false, NULL);
	check_span(out.health, SPAN("degraded"));
	check_span(out.health_text, s.health_text);
	/* But a failure is over when the server answers again. */
	s.fail_count = 3;
	out = read_page(a, &s, NULL, false, NULL);
	check_span(out.health, SPAN("ok"));
	assert_null(out.health_text.p);
	arena_free(a);
}

/* Older items are read behind a first connect alone. */
static void
test_first_page(void **state)
{
	struct arena *a = arena_new();
	const struct ingest f = {.older = SPAN("https://feed.example/2")};
	struct source s = some_source();
	struct source_polled out = read_page(a, &s, &f, true, NULL);

	(void)state;
	assert_null(out.backfill_url.p);
	s.connected_us = TIME_NONE;
	out = read_page(a, &s, &f, true, NULL);
	check_span(out.backfill_url, f.older);
	assert_int_equal(out.backfill_ms, 1000);
	arena_free(a);
}

static void
test_backfill(void **state)
{
	struct ingest_item items[] = {{.remote_id = SPAN("a")}, {.remote_id = SPAN("b")}};
	const struct ingest more = {.older = SPAN("https://feed.example/3"),
				    .items = items,
				    .n_items = 2},
			    empty = {.older = SPAN("https://feed.example/3")},
			    last = {.items = items, .n_items = 1};
	const struct {
		const struct ingest *found;
		const char *before;
		int64_t pages;
		bool goes_on, says;
	} cases[] = {
		{&more, "c b", 0, true, false},
		{&more, "a c", 48, true, false},
		{&more, "c d", 49, false, true},
		{&more, "a b", 0, false, false},
		{&empty, "", 0, true, false},
		{&last, "c d", 0, false, false},
		{NULL, "c d", 0, false, false},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct source s = some_source();
		struct source_backfilled out;
		const struct pace_page page = {.found = cases[i].found, .again_us = TIME_NONE};

		s.backfill_pages = cases[i].pages;
		s.backfill_fails = 3;
		s.backfill_seen = span_of(cases[i].before);
		pace_backfill(a, &s, &page, NOW_US, MIDDLE, &out);
		check_span(out.url, cases[i].goes_on ? more.older : SPAN_NONE);
		assert_int_equal(out.error.n > 0, cases[i].says);
		assert_int_equal(out.pages, cases[i].pages + 1);
		assert_int_equal(out.fails, 0);
		assert_int_equal(out.next_ms, 1000);
		if (cases[i].found == &more)
			check_span(out.seen, SPAN("a b"));
	}
	arena_free(a);
}

/* Items of older pages that have to wait: all pages once more behind the last of their times.
 */
static void
test_backfill_waits(void **state)
{
	const int64_t hour = 3600 * US_PER_S;
	struct ingest_item items[] = {{.remote_id = SPAN("a")}, {.remote_id = SPAN("b")}};
	struct ingest more = {
		.items = items, .n_items = 2, .older = SPAN("https://feed.example/?3")};
	struct ingest last = {.items = items, .n_items = 2};
	const struct err *gone;
	struct pace_page page = {.found = &more, .again_us = NOW_US + hour};
	struct source s = some_source();
	struct source_backfilled out;
	struct arena *a = arena_new();

	(void)state;
	s.backfill_url = SPAN("https://feed.example/?2");
	s.backfill_seen = SPAN("c d");
	/* It holds nothing up, and the latest counts. */
	pace_backfill(a, &s, &page, NOW_US, MIDDLE, &out);
	check_span(out.url, more.older);
	assert_null(out.error.p);
	assert_int_equal(out.again_us, NOW_US + hour);
	s.backfill_again_us = NOW_US + 2 * hour;
	pace_backfill(a, &s, &page, NOW_US, MIDDLE, &out);
	assert_int_equal(out.again_us, NOW_US + 2 * hour);
	/* At the end it begins anew. */
	page.found = &last;
	s.backfill_pages = 3;
	pace_backfill(a, &s, &page, NOW_US, MIDDLE, &out);
	check_span(out.url, s.url);
	assert_true(out.error.n > 0);
	assert_int_equal(out.pages, 0);
	assert_null(out.seen.p);
	assert_int_equal(out.again_us, TIME_NONE);
	assert_int_equal(out.next_ms, 7201 * 1000);
	/* Also when the end is a page that is not there; not when it was given up. */
	s.backfill_url = SPAN("https://feed.example/?paged=4");
	gone = err_new(a, ERR_NOT_FOUND, "x");
	pace_backfill_failed(&s, gone, SPAN("why"), NOW_US, MIDDLE, &out);
	check_span(out.url, s.url);
	s.backfill_fails = 9;
	gone = err_new(a, ERR_UNAVAILABLE, "x");
	pace_backfill_failed(&s, gone, SPAN("why"), NOW_US, MIDDLE, &out);
	assert_null(out.url.p);
	check_span(out.error, SPAN("why"));
	s.backfill_pages = BACKFILL_PAGES_MAX - 1;
	page.found = &more;
	pace_backfill(a, &s, &page, NOW_US, MIDDLE, &out);
	assert_null(out.url.p);
	assert_true(out.error.n > 0);
	/* The same page as before, and the newest one, have nothing new that waits. */
	s = some_source();
	s.backfill_url = SPAN("https://feed.example/?2");
	s.backfill_seen = SPAN("a b");
	pace_backfill(a, &s, &page, NOW_US, MIDDLE, &out);
	assert_null(out.url.p);
	assert_null(out.error.p);
	s.backfill_seen = SPAN_NONE;
	s.backfill_url = s.url;
	page.found = &last;
	pace_backfill(a, &s, &page, NOW_US, MIDDLE, &out);
	assert_null(out.url.p);
	/* Not in the hours in which it does not want to be asked. */
	s.backfill_again_us = NOW_US;
	s.skip_hours = INT64_C(1) << (NOW_US / hour % 24);
	pace_backfill(a, &s, &page, NOW_US, MIDDLE, &out);
	assert_true(out.next_ms > (hour - NOW_US % hour) / 1000 - 1000);
	arena_free(a);
}

static void
test_backfill_failed(void **state)
{
	static const struct {
		enum err_kind kind;
		int64_t fails;
		int retry_after_s;
		bool again, says;
		int64_t next_s;
		bool counted;
	} cases[] = {
		{ERR_NETWORK, 0, 0, true, true, 60, false},
		{ERR_UPSTREAM, 3, 0, true, true, 480, false},
		{ERR_TIMEOUT, 8, 0, true, true, 15360, false},
		{ERR_UPSTREAM, 9, 0, false, true, 21600, false},
		{ERR_TOO_MANY, 0, 900, true, true, 900, false},
		{ERR_TOO_MANY, 3, 60, true, true, 480, false},
		{ERR_FORBIDDEN, 0, 0, true, true, 60, false},
		{ERR_INPUT, 0, 0, true, true, 60, false},
		{ERR_CONFLICT, 0, 0, true, true, 60, false},
		{ERR_NOT_ACCEPTABLE, 9, 0, false, true, 21600, false},
		{ERR_UNPROCESSABLE, 0, 0, false, true, 60, false},
		/* A hole, where the feed has named it; the end, where pages are counted up. */
		{ERR_NOT_FOUND, 0, 0, true, true, 60, false},
		{ERR_GONE, 0, 0, true, true, 60, false},
		{ERR_NOT_FOUND, 0, 0, false, false, 60, true},
		{ERR_GONE, 0, 0, false, false, 60, true},
		{ERR_UPSTREAM, 0, 0, true, true, 60, true},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct source s = some_source();
		struct err *e = (struct err *)(uintptr_t)err_new(a, cases[i].kind, "why");
		struct source_backfilled out;

		e->retry_after_s = cases[i].retry_after_s;
		s.backfill_url = cases[i].counted ? SPAN("https://feed.example/?paged=2")
						  : SPAN("https://feed.example/2");
		s.backfill_seen = SPAN("a b");
		s.backfill_pages = 7;
		s.backfill_fails = cases[i].fails;
		pace_backfill_failed(&s, e, SPAN("why"), NOW_US, MIDDLE, &out);
		check_span(out.url, cases[i].again ? s.backfill_url : SPAN_NONE);
		check_span(out.error, cases[i].says ? SPAN("why") : SPAN_NONE);
		assert_int_equal(out.pages, 7);
		check_span(out.seen, s.backfill_seen);
		assert_int_equal(out.fails, cases[i].fails + 1);
		if (out.next_ms != cases[i].next_s * 1000)
			check_fail("case %zu: %lld", i, (long long)out.next_ms);
	}
	arena_free(a);
}

static void
test_moved(void **state)
{
	static const struct {
		const char *before;
		int64_t ago_us;
		bool permanent;
		const char *moved_to, *url;
	} cases[] = {
		{NULL, 0, true, "https://new.example/", NULL},
		{"https://new.example/", DAY_US - US_PER_S, true, "https://new.example/", NULL},
		{"https://new.example/", DAY_US, true, NULL, "https://new.example/"},
		{"https://other.example/", 2 * DAY_US, true, "https://new.example/", NULL},
		{"https://new.example/", 2 * DAY_US, false, NULL, NULL},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct source s = some_source();
		struct http_call c = {.status = 304, .moved_permanently = cases[i].permanent};
		const struct pace_page p = {.call = &c, .again_us = TIME_NONE};
		struct source_polled out;

		check_ok(a, url_parse(a, SPAN("https://new.example/"), &c.final));
		s.moved_to = span_of(cases[i].before);
		s.moved_us = s.moved_to.p ? NOW_US - cases[i].ago_us : TIME_NONE;
		pace_read(a, &s, &p, NOW_US, MIDDLE, &out);
		check_span(out.moved_to, span_of(cases[i].moved_to));
		check_span(out.url, span_of(cases[i].url));
	}
	arena_free(a);
}

static void
test_failures(void **state)
{
	static const struct {
		const char *what;
		enum err_kind kind;
		int64_t fails;
		int retry_after_s;
		bool connected;
		int64_t last_ok_days;
		const char *health;
		int64_t next_s;
	} cases[] = {
		{"once", ERR_NETWORK, 0, 0, true, 1, "ok", 60},
		{"twice", ERR_NETWORK, 1, 0, true, 1, "ok", 120},
		{"three times", ERR_UPSTREAM, 2, 0, true, 1, "degraded", 240},
		{"for long", ERR_TIMEOUT, 50, 0, true, 1, "degraded", 3600},
		{"never worked", ERR_INPUT, 0, 0, false, 0, "degraded", 60},
		{"refused once", ERR_FORBIDDEN, 0, 0, true, 1, "ok", 60},
		{"refused often", ERR_FORBIDDEN, 2, 0, true, 1, "auth_needed", 21600},
		{"gone", ERR_GONE, 0, 0, true, 1, "gone", 86400},
		{"missing", ERR_NOT_FOUND, 5, 0, true, 13, "ok", 1920},
		{"missing for weeks", ERR_NOT_FOUND, 5, 0, true, 15, "degraded", 1920},
		{"never there", ERR_NOT_FOUND, 0, 0, false, 0, "degraded", 60},
		{"too many", ERR_TOO_MANY, 0, 900, true, 1, "paused_quota", 900},
		{"too many, soon again", ERR_TOO_MANY, 2, 5, true, 1, "paused_quota", 240},
		{"closed for a day", ERR_UPSTREAM, 0, 86400, true, 1, "ok", 86400},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct err e = {
			.kind = cases[i].kind, .retry_after_s = cases[i].retry_after_s};
		struct source s = some_source();
		struct source_polled out;

		s.fail_count = cases[i].fails;
		s.connected_us = cases[i].connected ? NOW_US - 30 * DAY_US : TIME_NONE;
		s.last_ok_us = cases[i].last_ok_days ? NOW_US - cases[i].last_ok_days * DAY_US
						     : TIME_NONE;
		s.moved_to = SPAN("https://new.example/");
		pace_failed(&s, &e, SPAN("it failed"), NOW_US, MIDDLE, &out);
		if (!span_is(out.health, cases[i].health) ||
			out.next_ms != cases[i].next_s * 1000)
			check_fail("%s: %.*s, %lld ms", cases[i].what, SPAN_FMT(out.health),
				(long long)out.next_ms);
		check_span(out.health_text, SPAN("it failed"));
		assert_false(out.ok || out.connected);
		/* A failure in between does not contradict a move. */
		check_span(out.moved_to, s.moved_to);
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interval),
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_skip_hours),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_validators),
		cmocka_unit_test(test_unusable_validators),
		cmocka_unit_test(test_health),
		cmocka_unit_test(test_first_page),
		cmocka_unit_test(test_backfill),
		cmocka_unit_test(test_backfill_waits),
		cmocka_unit_test(test_backfill_failed),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
