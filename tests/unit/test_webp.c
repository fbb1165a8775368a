/* The container of WebP: nothing but pixels passes, and what does not can be cut off. */
#include "lib/check.h"
#include "lib/file.h"
#include "media/webp.h"

/* Chunks are given as "NAME" and body; sizes and padding are made here. */
struct chunk {
	const char *name;
	struct span body;
};

static void
put32(struct buf *b, size_t v)
{
	for (int shift = 0; shift < 32; shift += 8)
		buf_byte(b, (char)(v >> shift & 255));
}

static struct span
webp_of(struct arena *a, const struct chunk *c, size_t n)
{
	struct span out;
	struct buf b, whole;

	buf_init(&b, 4096);
	buf_init(&whole, 4096);
	buf_lit(&b, "WEBP");
	for (size_t i = 0; i < n; i++) {
		buf_add_cstr(&b, c[i].name);
		put32(&b, c[i].body.n);
		buf_add(&b, c[i].body);
		if (c[i].body.n & 1)
			buf_byte(&b, '\0');
	}
	buf_lit(&whole, "RIFF");
	put32(&whole, b.n);
	buf_add(&whole, buf_span(&b));
	out = arena_dup(a, buf_span(&whole));
	buf_fini(&b);
	buf_fini(&whole);
	return out;
}

#define CANVAS "\x3f\0\0\x3f\0\0"
#define WEBP(...)                                                                              \
	webp_of(a, (const struct chunk[]){__VA_ARGS__},                                        \
		sizeof((const struct chunk[]){__VA_ARGS__}) / sizeof(struct chunk))

static void
test_pixels_only(void **state)
{
	struct arena *a = arena_new();
	const struct chunk lossy = {"VP8 ", SPAN("lossy")}, alpha = {"ALPH", SPAN("a")},
			   exif = {"EXIF", SPAN("MM\0*")},
			   flags = {"VP8X", SPAN("\x10\0\0\0" CANVAS)},
			   exif_flags = {"VP8X", SPAN("\x18\0\0\0" CANVAS)};
	const struct {
		const char *what;
		struct span file;
		bool good;
	} cases[] = {
		{"lossy", WEBP(lossy), true},
		{"lossless", WEBP({"VP8L", SPAN("lossless")}), true},
		{"lossy with transparency", WEBP(flags, alpha, lossy), true},
		{"with Exif", WEBP(exif_flags, alpha, lossy, exif), false},
		{"with Exif and no flag for it", WEBP(flags, alpha, lossy, exif), false},
		{"with a flag for Exif alone", WEBP(exif_flags, alpha, lossy), false},
		{"with XMP behind", WEBP(lossy, {"XMP ", SPAN("<x/>")}), false},
		{"with a profile", WEBP(lossy, {"ICCP", SPAN("profile")}), false},
		{"an animation", WEBP(flags, {"ANIM", SPAN("123456")}, {"ANMF", SPAN("x")}),
			false},
		{"two pictures", WEBP(lossy, lossy), false},
		{"transparency without a canvas", WEBP(alpha, lossy), false},
		{"a canvas without transparency", WEBP(flags, lossy), false},
		{"no pixels", WEBP(flags, alpha), false},
		{"a canvas of another size", WEBP({"VP8X", SPAN("\x10\0\0")}, alpha, lossy),
			false},
		{"nothing", SPAN(""), false},
		{"another container", SPAN("RIFF\4\0\0\0WAVE"), false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (webp_pixels_only(cases[i].file) != cases[i].good)
			check_fail("%s: expected %d", cases[i].what, cases[i].good);
	/* Cut anywhere, or with something behind it, it is not a file. */
	for (size_t n = 0; n < cases[2].file.n; n++)
		assert_false(webp_pixels_only(span_slice(cases[2].file, 0, n)));
	assert_false(webp_pixels_only(arena_printf(a, "%s", "RIFF")));
	arena_free(a);
}

static void
test_strip(void **state)
{
	struct arena *a = arena_new();
	const struct span file = file_read(a, "media/metadata.webp");
	const struct span clear = WEBP({"VP8X", SPAN("\x1c\0\0\0" CANVAS)}, {"ICCP", SPAN("p")},
		{"ALPH", SPAN("a")}, {"VP8 ", SPAN("lossy")}, {"EXIF", SPAN("Erika")},
		{"XMP ", SPAN("Erika")});
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_true(span_has(file, SPAN("Erika")));
	assert_false(webp_pixels_only(file));
	assert_true(webp_strip(file, &b));
	assert_true(webp_pixels_only(buf_span(&b)));
	assert_false(span_has(buf_span(&b), SPAN("Erika")));

	buf_reset(&b);
	assert_true(webp_strip(clear, &b));
	assert_true(webp_pixels_only(buf_span(&b)));
	check_span(buf_span(&b), WEBP({"VP8X", SPAN("\x10\0\0\0" CANVAS)}, {"ALPH", SPAN("a")},
					 {"VP8 ", SPAN("lossy")}));

	assert_false(webp_strip(SPAN("RIFF"), &b));
	assert_false(webp_strip(WEBP({"ALPH", SPAN("a")}, {"VP8 ", SPAN("lossy")}), &b));
	buf_fini(&b);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pixels_only),
		cmocka_unit_test(test_strip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
