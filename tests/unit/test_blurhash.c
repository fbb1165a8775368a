/* Blurhash: read back what was made, by the definition of the format. */
#include "lib/check.h"
#include "media/helper/blurhash.h"

static int
digits(const char *s, int n)
{
	static const char alphabet[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"#$%*+,-.:;=?@[]^_{|}~";
	int v = 0;

	for (int i = 0; i < n; i++)
		v = v * 83 + (int)(strchr(alphabet, s[i]) - alphabet);
	return v;
}

#define SIDE 32

static void
fill(unsigned char *p, unsigned colour(int x, int y))
{
	for (int y = 0; y < SIDE; y++)
		for (int x = 0; x < SIDE; x++, p += 3) {
			unsigned c = colour(x, y);

			p[0] = (unsigned char)(c >> 16);
			p[1] = (unsigned char)(c >> 8);
			p[2] = (unsigned char)c;
		}
}

static unsigned
blue(int x, int y)
{
	(void)x;
	(void)y;
	return 0x2080c0;
}

static unsigned
left_bright(int x, int y)
{
	(void)y;
	return x < SIDE / 2 ? 0xffffff : 0;
}

static unsigned
bottom_bright(int x, int y)
{
	(void)x;
	return y < SIDE / 2 ? 0 : 0xffffff;
}

/* The step of red in the wave number k, from 0 to 18; grey has the same in all colours. */
static int
step(const char *s, int k)
{
	return digits(s + 6 + 2 * k, 2) / 361;
}

static void
test_plain(void **state)
{
	unsigned char rgb[SIDE * SIDE * 3];
	char s[BLURHASH_SIZE];

	(void)state;
	fill(rgb, blue);
	blurhash_make(rgb, SIDE, SIDE, s);
	assert_int_equal(strlen(s), 28);
	assert_int_equal(s[0], 'L'); /* 4 x 3 */
	assert_int_equal(digits(s + 2, 4), 0x2080c0);
	/* No wave with whole periods is in it: the middle of the scale. */
	assert_int_equal(step(s, 1), 9);
}

static void
test_waves(void **state)
{
	unsigned char rgb[SIDE * SIDE * 3];
	char s[BLURHASH_SIZE];

	(void)state;
	/* Waves are taken at the left and upper edges of the pixels, so the middle is not
	 * exact. */
	fill(rgb, left_bright);
	blurhash_make(rgb, SIDE, SIDE, s);
	assert_true(digits(s + 1, 1) > 60); /* strong contrast */
	assert_int_equal(step(s, 0), 18);
	assert_in_range(step(s, 3), 8, 11);

	fill(rgb, bottom_bright);
	blurhash_make(rgb, SIDE, SIDE, s);
	assert_in_range(step(s, 0), 8, 11);
	assert_int_equal(step(s, 3), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_waves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
