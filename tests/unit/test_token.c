#include "crypto/token.h"

#include "lib/check.h"

static void
test_random(void **state)
{
	struct arena *a = arena_new();
	unsigned char x[64] = {0}, y[64] = {0};
	struct span s, t;
	int same = 0;

	(void)state;
	token_random(x, sizeof(x));
	token_random(y, sizeof(y));
	for (size_t i = 0; i < sizeof(x); i++)
		same += x[i] == y[i];
	assert_true(same < 32); /* 1 in 10^60 by chance */
	s = token_new(a, 32);
	t = token_new(a, 32);
	assert_int_equal(s.n, 43); /* 256 bits in letters of 6, without padding */
	assert_false(span_eq(s, t));
	for (size_t i = 0; i < s.n; i++)
		assert_true(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456"
				   "789-_",
				    s.p[i]) != NULL);
	arena_free(a);
}

static void
test_wipe(void **state)
{
	char secret[16] = "0123456789abcde";

	(void)state;
	token_wipe(secret, 10);
	for (int i = 0; i < 10; i++)
		assert_int_equal(secret[i], 0);
	assert_string_equal(secret + 10, "abcde");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_wipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
