/* The bounded map: age, order of eviction, ownership. */
#include "ap/lru.h"
#include "base/arena.h"
#include "base/clock.h"
#include "lib/check.h"

static int released;

static void
release(void *value)
{
	released++;
	free(value);
}

static int *
number(int n)
{
	int *p = xmalloc(sizeof(*p));

	*p = n;
	return p;
}

static int
get(struct lru *c, const char *key)
{
	const int *p = lru_get(c, span_of(key));

	return p ? *p : -1;
}

static void
test_lru(void **state)
{
	struct lru *c = lru_new(2, 1000, release);

	(void)state;
	released = 0;
	clock_fake(1, 1000);
	lru_put(c, SPAN("a"), number(1));
	lru_put(c, SPAN("b"), number(2));
	assert_int_equal(get(c, "a"), 1); /* now b is the longest unused */
	lru_put(c, SPAN("c"), number(3));
	assert_int_equal(get(c, "b"), -1);
	assert_int_equal(released, 1);
	lru_put(c, SPAN("a"), number(4)); /* replaced */
	assert_int_equal(get(c, "a"), 4);
	assert_int_equal(released, 2);
	clock_fake(1, 1999);
	assert_int_equal(get(c, "c"), 3);
	clock_fake(1, 2000); /* a second after putting, whenever it was used */
	assert_int_equal(get(c, "c"), -1);
	assert_int_equal(released, 3);
	lru_drop(c, SPAN("nothing"));
	lru_put(c, SPAN(""), number(5));
	assert_int_equal(get(c, ""), 5);
	assert_int_equal(released, 3);
	lru_drop(c, SPAN("a"));
	assert_int_equal(released, 4);
	lru_free(c);
	assert_int_equal(released, 5);
	lru_free(NULL);
	clock_fake(0, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_lru)};

	return cmocka_run_group_tests_name("unit.lru", tests, NULL, NULL);
}
