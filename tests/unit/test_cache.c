/* The cache: what it keeps, how long, and what makes it forget. */
#include "web/cache.h"

#include "base/clock.h"
#include "lib/check.h"

#define KB ((size_t)1024)
#define NOW INT64_C(1000000)

static struct cache *cache;

static int
setup(void **state)
{
	(void)state;
	clock_fake(US_PER_S, NOW);
	cache = cache_new(256 * KB);
	cache_saw(cache, 1, NOW);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	cache_free(cache);
	clock_fake(0, 0);
	return 0;
}

static void
put(const char *key, int64_t generation, size_t size)
{
	static char body[512 * KB];
	struct httpd_frozen *f;

	memset(body, 'x', sizeof(body));
	f = httpd_freeze(
		&(const struct httpd_reply){.status = 200, .body = span_from(body, size)});
	cache_put(cache, span_of(key), generation, f);
	httpd_frozen_unref(f); /* the cache has its own reference */
}

static bool
has(const char *key)
{
	return cache_get(cache, span_of(key)) != NULL;
}

static void
test_generation(void **state)
{
	(void)state;
	put("a", 1, 100);
	put("b", 1, 100);
	assert_true(has("a") && has("b") && !has("c"));
	cache_saw(cache, 1, NOW + 500);
	assert_true(has("a") && has("b"));
	cache_saw(cache, 2, NOW + 1000);
	assert_false(has("a") || has("b"));
	assert_int_equal(cache_count(cache), 0);
	assert_int_equal(cache_bytes(cache), 0);
}

/* Rendered from what was before the change, finished behind it. */
static void
test_late(void **state)
{
	(void)state;
	cache_saw(cache, 2, NOW);
	put("old", 1, 100);
	assert_false(has("old"));
	put("new", 2, 100);
	assert_true(has("new"));
	/* A restored backup counts from lower down: that is another generation, too. */
	cache_saw(cache, 1, NOW);
	assert_false(has("new"));
}

static void
test_unknown(void **state)
{
	struct cache *c = cache_new(256 * KB);
	struct httpd_frozen *f = httpd_freeze(&(const struct httpd_reply){.status = 200});

	(void)state;
	assert_int_equal(cache_generation(c), CACHE_GENERATION_UNKNOWN);
	cache_put(c, SPAN("a"), cache_generation(c), f);
	assert_null(cache_get(c, SPAN("a")));
	httpd_frozen_unref(f);
	cache_free(c);
}

/* The database is away: 60 s from the last reading that succeeded, by when it was begun. */
static void
test_blind(void **state)
{
	(void)state;
	cache_saw(cache, 1, NOW - 100);
	put("a", 1, 100);
	clock_fake(US_PER_S, NOW - 100 + CACHE_BLIND_MS);
	assert_true(has("a"));
	clock_fake(US_PER_S, NOW - 100 + CACHE_BLIND_MS + 1);
	assert_false(has("a"));
	/* It is back: what was dropped is not there again, but new things are kept. */
	cache_saw(cache, 1, NOW + CACHE_BLIND_MS);
	assert_false(has("a"));
	put("a", 1, 100);
	assert_true(has("a"));
}

static void
test_bounded(void **state)
{
	char key[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(key, sizeof(key), "key%d", i);
		put(key, 1, 4 * KB);
		assert_true(has(key));
		assert_true(has("key0")); /* in use all the time */
		assert_true(cache_bytes(cache) <= 256 * KB);
	}
	assert_false(has("key1"));
	assert_true(cache_count(cache) > 20);
	/* One that would take too much of the room is not kept. */
	put("big", 1, 100 * KB);
	assert_false(has("big"));
	assert_true(has("key0"));
}

static void
test_replace(void **state)
{
	size_t bytes;

	(void)state;
	put("a", 1, 1000);
	bytes = cache_bytes(cache);
	put("a", 1, 1000);
	assert_int_equal(cache_bytes(cache), bytes);
	assert_int_equal(cache_count(cache), 1);
}

/* Who sends it while the cache drops it needs a reference: the bytes stay until then. */
static void
test_reference(void **state)
{
	struct httpd_frozen *f;

	(void)state;
	put("a", 1, 100);
	f = httpd_frozen_ref(cache_get(cache, SPAN("a")));
	cache_saw(cache, 2, NOW);
	assert_true(httpd_frozen_size(f) >= 100);
	httpd_frozen_unref(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_generation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reference, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
