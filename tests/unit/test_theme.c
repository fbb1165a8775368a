/* The style sheet's colours: text 4.5:1, what has to be seen 3:1, light and dark
 * (WCAG 1.4.3, 1.4.11). */
#include <math.h>

#include "base/embed.h"
#include "base/codec.h"
#include "lib/check.h"

static struct arena *a;
static struct span css;

/* The value of --name in a block. */
static struct span
token(struct span block, const char *name)
{
	struct span key = arena_printf(a, "--%s: ", name), value;
	size_t at = span_find(block, key);

	if (at == SIZE_MAX)
		check_fail("--%s is missing", name);
	value = span_slice(block, at + key.n, block.n);
	return span_slice(value, 0, span_find_byte(value, ';'));
}

static double
linear(unsigned char c)
{
	double v = c / 255.0;

	return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static double
luminance(struct span colour)
{
	struct span rgb;
	const unsigned char *p;

	if (colour.n != 7 || !hex_decode(a, span_slice(colour, 1, 7), &rgb))
		check_fail("\"%.*s\" is no #rrggbb", SPAN_FMT(colour));
	p = (const unsigned char *)rgb.p;
	return 0.2126 * linear(p[0]) + 0.7152 * linear(p[1]) + 0.0722 * linear(p[2]);
}

static double
contrast(struct span x, struct span y)
{
	double p = luminance(x), q = luminance(y);

	return p > q ? (p + 0.05) / (q + 0.05) : (q + 0.05) / (p + 0.05);
}

/* From a line that begins so to the brace that ends its first block. */
static struct span
block(const char *from, const char *behind)
{
	size_t at = behind ? span_find(css, span_of(behind)) : 0;
	struct span rest = span_slice(css, at, css.n);

	at = span_find(rest, span_of(from));
	if (at == SIZE_MAX)
		check_fail("\"%s\" is not in the style sheet", from);
	rest = span_slice(rest, at, rest.n);
	return span_slice(rest, 0, span_find_byte(rest, '}'));
}

static void
test_tokens(void **state)
{
	static const struct {
		const char *front, *back;
		double least;
	} pairs[] = {
		{"ink", "paper", 7},
		{"ink", "card", 7},
		{"ink", "tint", 7},
		{"soft", "paper", 4.5},
		{"soft", "card", 4.5},
		{"link", "paper", 4.5},
		{"link", "card", 4.5},
		{"link", "tint", 4.5},
		{"link-on", "card", 4.5},
		{"link-on", "tint", 4.5},
		{"band-ink", "band", 7},
		{"band-soft", "band", 4.5},
		{"edge", "card", 3},
		{"edge", "paper", 3},
		{"focus", "paper", 3},
		{"focus", "card", 3},
		{"focus", "tint", 3},
		{"brass", "band", 3},
	};
	const struct span themes[] = {block(":root {", NULL),
		block(":root {", "prefers-color-scheme: dark"),
		block(":root {", "@media print")};

	(void)state;
	for (size_t t = 0; t < ARRAY_LEN(themes); t++)
		for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
			double got;

			/* On paper the tokens that are not set are not printed. */
			if (t == 2 && (strcmp(pairs[i].front, "edge") == 0 ||
					      strcmp(pairs[i].front, "focus") == 0 ||
					      strcmp(pairs[i].front, "brass") == 0))
				continue;
			got = contrast(token(themes[t], pairs[i].front),
				token(themes[t], pairs[i].back));
			if (got < pairs[i].least)
				check_fail("theme %zu: %s on %s is %.2f:1, not %.1f:1", t,
					pairs[i].front, pairs[i].back, got, pairs[i].least);
		}
}

static void
test_tints(void **state)
{
	const struct span white = SPAN("#ffffff");

	(void)state;
	for (int i = 0; i < 8; i++) {
		struct span rule = block(arena_printf(a, ".tint-%d {", i).p, NULL);
		size_t at = span_find_byte(rule, '#');
		double got = contrast(span_slice(rule, at, at + 7), white);

		if (got < 4.5)
			check_fail("tint %d under white is %.2f:1", i, got);
	}
}

/* Nothing is loaded from anywhere, nothing moves by itself. */
static void
test_still(void **state)
{
	static const char *const never[] = {
		"url(", "@import", "@font-face", "animation", "transition", "!important"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(never); i++)
		if (span_has(css, span_of(never[i])))
			check_fail("\"%s\" is in the style sheet", never[i]);
}

static int
setup(void **state)
{
	const struct embed_file *f = embed_find(embed_assets, "litfass.css");

	(void)state;
	a = arena_new();
	assert_non_null(f);
	css = span_from(f->data, f->size);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_tints),
		cmocka_unit_test(test_still),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
