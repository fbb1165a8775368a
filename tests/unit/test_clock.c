#include "base/clock.h"

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
	clock_fake(0, 0);
	return 0;
}

/* Seconds since 1970 of known moments; made with another program (date -u -d ... +%s). */
static const struct {
	int64_t s;
	const char *rfc3339, *http;
	int weekday;
} moments[] = {
	{0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT", 4},
	{-1, "1969-12-31T23:59:59Z", "Wed, 31 Dec 1969 23:59:59 GMT", 3},
	{784111777, "1994-11-06T08:49:37Z", "Sun, 06 Nov 1994 08:49:37 GMT", 0}, /* RFC 9110 */
	{951825600, "2000-02-29T12:00:00Z", "Tue, 29 Feb 2000 12:00:00 GMT", 2},
	{1772359200, "2026-03-01T10:00:00Z", "Sun, 01 Mar 2026 10:00:00 GMT", 0},
	{-2203891200, "1900-03-01T00:00:00Z", "Thu, 01 Mar 1900 00:00:00 GMT", 4},
	{253402300799, "9999-12-31T23:59:59Z", "Fri, 31 Dec 9999 23:59:59 GMT", 5},
	{-62135596800, "0001-01-01T00:00:00Z", "Mon, 01 Jan 0001 00:00:00 GMT", 1},
};

static void
test_moments(void **state)
{
	struct arena *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
		const int64_t us = moments[i].s * US_PER_S;
		const struct civil c = civil_utc(us);
		int64_t back;

		check_span(time_rfc3339(a, us), span_of(moments[i].rfc3339));
		check_span(time_http(a, us), span_of(moments[i].http));
		assert_int_equal(c.weekday, moments[i].weekday);
		assert_int_equal(civil_to_us(&c, 0), us);
		assert_true(time_parse_rfc3339(span_of(moments[i].rfc3339), &back));
		assert_int_equal(back, us);
		assert_true(time_parse_http(span_of(moments[i].http), &back));
		assert_int_equal(back, us);
		/* The microseconds of the same second, also before 1970. */
		check_span(time_rfc3339(a, us + 999999), span_of(moments[i].rfc3339));
	}
	check_span(time_rfc3339_ms(a, 1500), SPAN("1970-01-01T00:00:00.001Z"));
	check_span(time_rfc3339_ms(a, -1), SPAN("1969-12-31T23:59:59.999Z"));
	check_span(
		time_rfc822(a, 1772359200 * US_PER_S), SPAN("Sun, 01 Mar 2026 10:00:00 +0000"));
}

/* Every day of four centuries, counted on by hand from a known one. */
static void
test_calendar(void **state)
{
	static const int len[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	struct civil want = {.year = 1800, .month = 1, .day = 1, .weekday = 3};
	int64_t us = INT64_C(-5364662400) * US_PER_S; /* date -u -d 1800-01-01 +%s */

	(void)state;
	for (int day = 0; day < 150000; day++, us += 86400 * US_PER_S) {
		const struct civil c = civil_utc(us);
		const bool leap =
			want.year % 4 == 0 && (want.year % 100 != 0 || want.year % 400 == 0);

		assert_int_equal(c.year, want.year);
		assert_int_equal(c.month, want.month);
		assert_int_equal(c.day, want.day);
		assert_int_equal(c.weekday, want.weekday);
		assert_int_equal(c.hour + c.minute + c.second, 0);
		assert_int_equal(civil_to_us(&c, 0), us);
		want.weekday = (want.weekday + 1) % 7;
		if (++want.day > len[want.month - 1] + (leap && want.month == 2)) {
			want.day = 1;
			if (++want.month > 12) {
				want.month = 1;
				want.year++;
			}
		}
	}
	assert_true(want.year > 2200);
}

static void
test_rfc3339(void **state)
{
	static const struct {
		const char *in;
		int64_t us; /* TIME_NONE = refused */
	} cases[] = {
		/* The examples of RFC 3339, 5.8. */
		{"1985-04-12T23:20:50.52Z", INT64_C(482196050520000)},
		{"1996-12-19T16:39:57-08:00", INT64_C(851042397000000)},
		{"1990-12-31T23:59:60Z", INT64_C(662688000000000)}, /* a leap second */
		{"1990-12-31T15:59:60-08:00", INT64_C(662688000000000)},
		{"1937-01-01T12:00:27.87+00:20", INT64_C(-1041337172130000)},
		/* Small letters and a space are allowed there as well. */
		{"1985-04-12t23:20:50.52z", INT64_C(482196050520000)},
		{"1985-04-12 23:20:50.52Z", INT64_C(482196050520000)},
		{"2026-03-01T10:00:00.123456789Z", INT64_C(1772359200123456)},
		{"2026-03-01T10:00:00-00:00", INT64_C(1772359200000000)},
		{"2026-03-01T10:00:00+23:59", INT64_C(1772272860000000)},
		{"2024-02-29T00:00:00Z", INT64_C(1709164800000000)},
		{"2026-02-29T00:00:00Z", TIME_NONE},
		{"1900-02-29T00:00:00Z", TIME_NONE},
		{"2026-13-01T00:00:00Z", TIME_NONE},
		{"2026-00-01T00:00:00Z", TIME_NONE},
		{"2026-01-00T00:00:00Z", TIME_NONE},
		{"2026-04-31T00:00:00Z", TIME_NONE},
		{"2026-03-01T24:00:00Z", TIME_NONE},
		{"2026-03-01T10:60:00Z", TIME_NONE},
		{"2026-03-01T10:00:61Z", TIME_NONE},
		{"2026-03-01T10:00:00", TIME_NONE},
		{"2026-03-01T10:00Z", TIME_NONE},
		{"2026-03-01", TIME_NONE},
		{"2026-03-01T10:00:00.Z", TIME_NONE},
		{"2026-03-01T10:00:00.1234567890Z", TIME_NONE},
		{"2026-03-01T10:00:00,5Z", TIME_NONE},
		{"2026-03-01T10:00:00+24:00", TIME_NONE},
		{"2026-03-01T10:00:00+01:60", TIME_NONE},
		{"2026-03-01T10:00:00+0100", TIME_NONE},
		{"2026-03-01T10:00:00Zx", TIME_NONE},
		{" 2026-03-01T10:00:00Z", TIME_NONE},
		{"26-03-01T10:00:00Z", TIME_NONE},
		{"+2026-03-01T10:00:00Z", TIME_NONE},
		{"2026-3-01T10:00:00Z", TIME_NONE},
		{"2026-03-01T-1:00:00Z", TIME_NONE},
		{"", TIME_NONE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t us = TIME_NONE;

		if (time_parse_rfc3339(span_of(cases[i].in), &us) !=
				(cases[i].us != TIME_NONE) ||
			us != cases[i].us)
			check_fail("\"%s\": %lld", cases[i].in, (long long)us);
	}
}

static void
test_http(void **state)
{
	static const struct {
		const char *in;
		int64_t s; /* -1 = refused */
	} cases[] = {
		/* The three forms of RFC 9110, 5.6.7. */
		{"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
		{"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
		{"Sun Nov  6 08:49:37 1994", 784111777},
		{"Wed Nov 16 08:49:37 1994", 784975777},
		/* Two digits: 69 is 2069, 70 is 1970. */
		{"Thursday, 01-Jan-70 00:00:00 GMT", 0},
		{"Tuesday, 01-Jan-69 00:00:00 GMT", INT64_C(3124224000)},
		{"Sun, 06 Nov 1994 08:49:37 UTC", -1},
		{"Sun, 06 Nov 1994 08:49:37 +0000", -1},
		{"Sun, 6 Nov 1994 08:49:37 GMT", -1},
		{"Sun, 06 Nov 94 08:49:37 GMT", -1},
		{"Sun, 06-Nov-1994 08:49:37 GMT", -1},
		{"Sun, 32 Nov 1994 08:49:37 GMT", -1},
		{"Sun, 06 Foo 1994 08:49:37 GMT", -1},
		{"Sun, 06 Nov 1994 25:49:37 GMT", -1},
		{"Sun, 06 Nov 1994 08:49:37 GMT ", -1},
		{"06 Nov 1994 08:49:37 GMT", -1},
		{"Sun,06 Nov 1994 08:49:37 GMT", -1},
		{"784111777", -1},
		{"Sun, ", -1},
		{",", -1},
		{"", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t us = -1;

		if (time_parse_http(span_of(cases[i].in), &us) != (cases[i].s >= 0) ||
			us != (cases[i].s < 0 ? -1 : cases[i].s * US_PER_S))
			check_fail("\"%s\": %lld", cases[i].in, (long long)us);
	}
}

/* The hours around the changes of 2026 (29 March, 25 October) and 2027 (28 March, 31 October).
 */
static void
test_berlin(void **state)
{
	static const struct {
		const char *utc;
		int offset;
		int day, hour, minute;
	} cases[] = {
		{"2026-01-01T00:00:00Z", 60, 1, 1, 0},
		{"2025-12-31T23:30:00Z", 60, 1, 0, 30}, /* already the new year */
		{"2026-03-29T00:59:59Z", 60, 29, 1, 59},
		{"2026-03-29T01:00:00Z", 120, 29, 3, 0}, /* 2 o'clock does not happen */
		{"2026-07-01T22:30:00Z", 120, 2, 0, 30},
		{"2026-10-25T00:59:59Z", 120, 25, 2, 59},
		{"2026-10-25T01:00:00Z", 60, 25, 2, 0}, /* and here it happens twice */
		{"2026-10-25T02:00:00Z", 60, 25, 3, 0},
		{"2027-03-28T00:59:59Z", 60, 28, 1, 59},
		{"2027-03-28T01:00:00Z", 120, 28, 3, 0},
		{"2027-10-31T00:59:59Z", 120, 31, 2, 59},
		{"2027-10-31T01:00:00Z", 60, 31, 2, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct civil c;
		int64_t us;

		assert_true(time_parse_rfc3339(span_of(cases[i].utc), &us));
		c = civil_berlin(us);
		assert_int_equal(berlin_offset_min(us), cases[i].offset);
		assert_int_equal(c.day, cases[i].day);
		assert_int_equal(c.hour, cases[i].hour);
		assert_int_equal(c.minute, cases[i].minute);
		assert_int_equal(civil_to_us(&c, cases[i].offset), us);
	}
}

/* A wall clock's time without a zone, as feeds give it. */
static void
test_berlin_local(void **state)
{
	static const struct {
		struct civil local;
		int offset;
	} cases[] = {
		{{.year = 2026, .month = 1, .day = 15, .hour = 12}, 60},
		{{.year = 2026, .month = 7, .day = 15, .hour = 12}, 120},
		{{.year = 2026, .month = 3, .day = 29, .hour = 1, .minute = 59}, 60},
		{{.year = 2026, .month = 3, .day = 29, .hour = 3}, 120},
		{{.year = 2026, .month = 10, .day = 25, .hour = 1, .minute = 59}, 120},
		/* Happens twice: the first time counts. */
		{{.year = 2026, .month = 10, .day = 25, .hour = 2, .minute = 30}, 120},
		{{.year = 2026, .month = 10, .day = 25, .hour = 3}, 60},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(berlin_offset_of_local(&cases[i].local), cases[i].offset);
}

static void
test_clocks(void **state)
{
	const int64_t wall = clock_us(), mono = clock_mono_ms();

	(void)state;
	assert_true(wall > INT64_C(1700000000) * US_PER_S);
	assert_true(clock_us() >= wall && clock_mono_ms() >= mono);
	clock_fake(5, 7);
	assert_int_equal(clock_us(), 5);
	assert_int_equal(clock_mono_ms(), 7);
	clock_fake(0, 0);
	assert_true(clock_us() >= wall);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_moments),
		TEST(test_calendar),
		TEST(test_rfc3339),
		TEST(test_http),
		TEST(test_berlin),
		TEST(test_berlin_local),
		TEST(test_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
