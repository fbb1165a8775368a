/* Dates as feeds spell them, and what is none. */
#include "lib/check.h"

#include "base/clock.h"
#include "markup/dates.h"

static void
reads_dates(void **state)
{
	static const struct {
		const char *text, *utc;
	} rows[] = {
		{"Sun, 01 Mar 2026 10:00:00 +0100", "2026-03-01T09:00:00Z"},
		{"Sun, 01 Mar 2026 10:00:00 GMT", "2026-03-01T10:00:00Z"},
		{"01 Mar 2026 10:00 GMT", "2026-03-01T10:00:00Z"},
		{"1 Mar 26 10:00:00 EST", "2026-03-01T15:00:00Z"},
		{"1 Mar 99 10:00:00 UT", "1999-03-01T10:00:00Z"},
		{"Sun, 01 Mar 2026 10:00:00", "2026-03-01T09:00:00Z"},
		{"Mon, 01 Jun 2026 10:00:00 MESZ", "2026-06-01T08:00:00Z"},
		{"Mon, 01 Jun 2026 10:00:00 CET", "2026-06-01T09:00:00Z"},
		{"Mon, 01 Jun 2026 10:00:00", "2026-06-01T08:00:00Z"},
		{"Sun, 01 Mar 2026 10:00:00 +01:00 (CET)", "2026-03-01T09:00:00Z"},
		{"Sun, 01 Mar 2026 10:00:00 -0530", "2026-03-01T15:30:00Z"},
		{"Sun, 01 Mar 2026 10:00:00 +1", "2026-03-01T09:00:00Z"},
		{"Sunday, 01-Mar-26 10:00:00 GMT", "2026-03-01T10:00:00Z"},
		{"2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"},
		{"2026-03-01T10:00:00.123+02:00", "2026-03-01T08:00:00Z"},
		{"2026-03-01t10:00:00z", "2026-03-01T10:00:00Z"},
		{"2026-03-01T10:00:00", "2026-03-01T09:00:00Z"},
		{"2026-03-01 10:00", "2026-03-01T09:00:00Z"},
		{"2026-03-01", "2026-02-28T23:00:00Z"},
		{"2026-06-01", "2026-05-31T22:00:00Z"},
		{"01.03.2026", "2026-02-28T23:00:00Z"},
		{"1.3.2026 10:00", "2026-03-01T09:00:00Z"},
		{"01.03.26, 10:00 Uhr", "2026-03-01T09:00:00Z"},
		{"So, 1. M\xc3\xa4rz 2026, 10:00 Uhr", "2026-03-01T09:00:00Z"},
		{"Sonntag, 1. M\xc3\xa4rz 2026 um 10:00 Uhr", "2026-03-01T09:00:00Z"},
		{"1. Mai 2026", "2026-04-30T22:00:00Z"},
		{"24. Dez. 2026 18:00", "2026-12-24T17:00:00Z"},
		{"3. Okt 2026 10:00:00 MESZ", "2026-10-03T08:00:00Z"},
		{"28.02.2026 24:00", "2026-02-28T23:00:00Z"},
		{"29.02.2028 12:00", "2028-02-29T11:00:00Z"},
		{"31.12.2026 24:00", "2026-12-31T23:00:00Z"},
		/* The hours around the change of the clocks in Berlin. */
		{"29.03.2026 01:59", "2026-03-29T00:59:00Z"},
		{"29.03.2026 03:00", "2026-03-29T01:00:00Z"},
		{"25.10.2026 01:59", "2026-10-24T23:59:00Z"},
		{"25.10.2026 03:00", "2026-10-25T02:00:00Z"},
		{"  2026-03-01T10:00:00Z\n", "2026-03-01T10:00:00Z"},
		{"1 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"},
		{"31 Dec 1969 23:59:59 GMT", "1969-12-31T23:59:59Z"},
		{"19 Jan 2038 03:14:08 GMT", "2038-01-19T03:14:08Z"},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t us;

		if (!date_parse(span_of(rows[i].text), &us))
			check_fail("\"%s\" was not read", rows[i].text);
		if (!span_is(time_rfc3339(a, us), rows[i].utc))
			check_fail(
				"\"%s\" is %.*s", rows[i].text, SPAN_FMT(time_rfc3339(a, us)));
	}
	arena_free(a);
}

static void
refuses_the_rest(void **state)
{
	static const char *const rows[] = {"", " ", "gestern", "0", "2026", "2026-03", "10:00",
		"2026-13-01", "2026-00-01", "2026-03-00", "2026-03-32", "32.01.2026",
		"30.02.2026", "31.04.2026", "29.02.2026", "01.03.2026 25:00",
		"01.03.2026 10:60", "1. Foo 2026", "1 Mar 12345", "1 Mar 1899", "-1 Mar 2026",
		"99999999999 Mar 2026", "1/3/2026", "28.02.2026 24:01",
		("2026-03-01T10:00:00Z"
		 "                                                              x")};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t us;

		if (date_parse(span_of(rows[i]), &us))
			check_fail("\"%s\" was read", rows[i]);
	}
}

/* What comes behind a time and is no zone says nothing; it never is a huge number. */
static void
odd_zones(void **state)
{
	static const char *const rows[] = {"1 Mar 2026 10:00 +999999999",
		"1 Mar 2026 10:00 +99:99", "1 Mar 2026 10:00 XYZ", "1 Mar 2026 10:00 +",
		"1 Mar 2026 10:00 -9999"};
	int64_t want, us;

	(void)state;
	assert_true(date_parse(SPAN("1 Mar 2026 10:00"), &want));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(date_parse(span_of(rows[i]), &us));
		assert_true(us == want);
	}
}

static void
believable(void **state)
{
	int64_t now, us;

	(void)state;
	assert_true(date_parse(SPAN("2026-03-01T10:00:00Z"), &now));
	assert_true(date_believable(now, now));
	assert_true(date_believable(now + 600 * US_PER_S, now));
	assert_false(date_believable(now + 601 * US_PER_S, now));
	assert_true(date_parse(SPAN("2000-01-01T00:00:00Z"), &us));
	assert_true(date_believable(us, now));
	assert_false(date_believable(us - 1, now));
	assert_false(date_believable(0, now));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_dates),
		cmocka_unit_test(refuses_the_rest),
		cmocka_unit_test(odd_zones),
		cmocka_unit_test(believable),
	};

	return cmocka_run_group_tests_name("dates", tests, NULL, NULL);
}
