/* Token buckets: burst, refill, the hint when to come again, the cap on keys. */
#include "lib/check.h"

#include "base/clock.h"
#include "net/limit.h"

#define START 1000000

static int
setup(void **state)
{
	(void)state;
	clock_fake(1, START);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	clock_fake(0, 0);
	return 0;
}

static void
burst_then_rate(void **state)
{
	struct limit *l = limit_new(2, 3, 10);
	int after = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(limit_take(l, SPAN("a"), &after));
	assert_false(limit_take(l, SPAN("a"), &after));
	assert_int_equal(after, 1);
	assert_true(limit_take(l, SPAN("b"), &after)); /* others have their own */
	clock_fake(1, START + 499);
	assert_false(limit_take(l, SPAN("a"), &after));
	clock_fake(1, START + 500);
	assert_true(limit_take(l, SPAN("a"), &after));
	assert_false(limit_take(l, SPAN("a"), &after));
	/* A long absence gives the burst, not more. */
	clock_fake(1, START + 3600000);
	for (int i = 0; i < 3; i++)
		assert_true(limit_take(l, SPAN("a"), &after));
	assert_false(limit_take(l, SPAN("a"), &after));
	limit_free(l);
}

/* Whoever waits as long as he was told is served. */
static void
hint_is_enough(void **state)
{
	static const double rates[] = {0.01, 0.3, 1, 7, 1000};
	int after = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		struct limit *l = limit_new(rates[i], 1, 10);

		clock_fake(1, START);
		assert_true(limit_take(l, SPAN("a"), &after));
		assert_false(limit_take(l, SPAN("a"), &after));
		assert_true(after >= 1 && after <= 1 / rates[i] + 1);
		clock_fake(1, START + 1000 * (int64_t)after);
		assert_true(limit_take(l, SPAN("a"), &after));
		limit_free(l);
	}
}

/* A flood of keys forgets the longest unused ones, not those that are busy. */
static void
keys_are_bounded(void **state)
{
	struct limit *l = limit_new(0.001, 2, 100);
	char key[32];
	int after;

	(void)state;
	assert_true(limit_take(l, SPAN("busy"), &after));
	assert_true(limit_take(l, SPAN("busy"), &after));
	assert_true(limit_take(l, SPAN("gone"), &after));
	assert_true(limit_take(l, SPAN("gone"), &after));
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(key, sizeof(key), "key%d", i);
		assert_true(limit_take(l, span_of(key), &after));
		assert_false(limit_take(l, SPAN("busy"), &after));
	}
	assert_true(limit_take(l, SPAN("gone"), &after));
	limit_free(l);
	limit_free(NULL);
}

static void
client_keys(void **state)
{
	static const struct {
		const char *ip, *key;
	} rows[] = {
		{"192.0.2.7", "192.0.2.7"},
		{"::ffff:192.0.2.7", "192.0.2.7"},
		{"::ffff:c000:207", "192.0.2.7"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"2001:db8::1", "2001:db8:0:0::/64"},
		{"2001:db8::ffff:1", "2001:db8:0:0::/64"},
		{"2001:0DB8:0000:0000:ffff::", "2001:db8:0:0::/64"},
		{"::1", "0:0:0:0::/64"},
		{"unknown", "unknown"},
		{"", ""},
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_span(limit_client_key(span_of(rows[i].ip), buf, sizeof(buf)),
			span_of(rows[i].key));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(burst_then_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(hint_is_enough, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_are_bounded, setup, teardown),
		cmocka_unit_test(client_keys),
	};

	return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
