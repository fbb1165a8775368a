/* The API's rate limit: windows, clients, and what happens when there are too many of them. */
#include "web/rate.h"

#include "base/clock.h"
#include "lib/check.h"

#define WINDOW_US (RATE_WINDOW_S * US_PER_S)
#define START_US (WINDOW_US * 5000000)

static int
teardown(void **state)
{
	(void)state;
	clock_fake(0, 0);
	return 0;
}

static void
test_window(void **state)
{
	struct rate *r = rate_new(3);
	struct rate_state s;

	(void)state;
	clock_fake(START_US + 1, 1);
	assert_int_equal(rate_limit(r), 3);
	for (int left = 2; left >= 0; left--) {
		s = rate_take(r, SPAN("192.0.2.1"));
		assert_false(s.refused);
		assert_int_equal(s.remaining, left);
		assert_int_equal(s.reset_us, START_US + WINDOW_US);
	}
	s = rate_take(r, SPAN("192.0.2.1"));
	assert_true(s.refused);
	assert_int_equal(s.remaining, 0);
	assert_false(rate_take(r, SPAN("192.0.2.2")).refused);
	clock_fake(START_US + WINDOW_US - 1, 1);
	assert_true(rate_take(r, SPAN("192.0.2.1")).refused);
	clock_fake(START_US + WINDOW_US, 1);
	s = rate_take(r, SPAN("192.0.2.1"));
	assert_false(s.refused);
	assert_int_equal(s.remaining, 2);
	rate_free(r);
}

static void
test_client(void **state)
{
	static const struct {
		const char *first, *second;
		bool same;
	} rows[] = {
		{"2001:db8::1", "2001:db8::ffff:2", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"192.0.2.1", "192.0.2.2", false},
		{"unknown", "unknown", true},
	};

	(void)state;
	clock_fake(START_US, 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rate *r = rate_new(1);

		assert_false(rate_take(r, span_of(rows[i].first)).refused);
		if (rate_take(r, span_of(rows[i].second)).refused != rows[i].same)
			check_fail("%s and %s", rows[i].first, rows[i].second);
		rate_free(r);
	}
}

static void
test_many(void **state)
{
	struct rate *r = rate_new(1);
	char ip[32];

	(void)state;
	clock_fake(START_US, 1);
	for (int i = 0; i < RATE_CLIENTS_MAX; i++) {
		(void)snprintf(ip, sizeof(ip), "10.%d.%d.1", i / 256, i % 256);
		assert_false(rate_take(r, span_of(ip)).refused);
	}
	/* Those that are counted stay counted, the next ones pass. */
	assert_true(rate_take(r, SPAN("10.0.0.1")).refused);
	for (int i = 0; i < 3; i++)
		assert_false(rate_take(r, SPAN("192.0.2.1")).refused);
	rate_free(r);
}

static void
test_off(void **state)
{
	(void)state;
	assert_null(rate_new(0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_window, teardown),
		cmocka_unit_test_teardown(test_client, teardown),
		cmocka_unit_test_teardown(test_many, teardown),
		cmocka_unit_test(test_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
