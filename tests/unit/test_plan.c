/* What the server thinks of a downloaded file before the helper sees it, and of its answer. */
#include "lib/check.h"
#include "lib/file.h"
#include "media/plan.h"
#include "media/pull.h"

static void
test_good(void **state)
{
	static const struct {
		const char *name, *type;
		enum frame_format format;
		int64_t width, height;
		int large, small;
	} cases[] = {
		{"everywhere.jpg", "image/jpeg", FRAME_JPEG, 1600, 900, 1280, 400},
		{"cmyk.jpg", "image/jpeg; charset=binary", FRAME_JPEG, 640, 400, 640, 400},
		{"profile.jpg", NULL, FRAME_JPEG, 320, 200, 320, 320},
		{"scans.jpg", "IMAGE/JPEG", FRAME_JPEG, 6300, 6300, 1280, 400},
		{"deep.png", "image/png", FRAME_PNG, 500, 300, 500, 400},
		{"animated.gif", "image/gif", FRAME_GIF, 120, 90, 120, 120},
		{"metadata.webp", "image/webp", FRAME_WEBP, 600, 420, 600, 400},
		/* Servers name kinds carelessly: the bytes are right. */
		{"deep.png", "image/jpeg", FRAME_PNG, 500, 300, 500, 400},
		{"deep.png", "application/octet-stream", FRAME_PNG, 500, 300, 500, 400},
		{"deep.png", "", FRAME_PNG, 500, 300, 500, 400},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct span name = arena_printf(a, "media/%s", cases[i].name);
		struct plan p;

		check_ok(a, plan_picture(a, span_of(cases[i].type), file_read(a, name.p), &p));
		assert_int_equal(p.format, cases[i].format);
		assert_int_equal(p.width, cases[i].width);
		assert_int_equal(p.height, cases[i].height);
		assert_int_equal(p.large, cases[i].large);
		assert_int_equal(p.small, cases[i].small);
	}
	arena_free(a);
}

/* Headers alone, of the kinds that no file of tests/data has. */
static void
test_headers(void **state)
{
	const struct {
		const char *what;
		struct span file;
		int64_t width, height;
	} cases[] = {
		{"a lossy WebP",
			SPAN("RIFF\x20\0\0\0WEBPVP8 "
			     "\x14\0\0\0\0\0\0\x9d\x01\x2a\x80\x02\xe0\x01"),
			640, 480},
		{"a lossless WebP",
			SPAN("RIFF\x20\0\0\0WEBPVP8L\x14\0\0\0\x2f\x7f\xc2\x77\0\0\0\0\0\0"),
			640, 480},
		{"a progressive JPEG with fill bytes",
			SPAN("\xff\xd8\xff\xff\xe0\0\4xx\xff\xc2\0\x0b\x08\x01\xe0\x02\x80\3\0"
			     "\0\0"),
			640, 480},
		{"an old GIF", SPAN("GIF87a\x80\x02\xe0\x01\0\0\0"), 640, 480},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct plan p;
		const struct err *e = plan_picture(a, SPAN_NONE, cases[i].file, &p);

		if (e)
			check_fail("%s: %.*s", cases[i].what, SPAN_FMT(err_text(a, e)));
		assert_int_equal(p.width, cases[i].width);
		assert_int_equal(p.height, cases[i].height);
	}
	arena_free(a);
}

static void
test_bad_files(void **state)
{
	static const struct {
		const char *name, *type;
		enum err_kind kind;
		const char *says;
	} cases[] = {
		{"drawing.svg", "image/svg+xml", ERR_MEDIA_TYPE, "a drawing (SVG)"},
		{"drawing.svg", "image/png", ERR_MEDIA_TYPE, "a drawing (SVG)"},
		{"archive.jpg", "image/jpeg", ERR_MEDIA_TYPE, "a ZIP archive"},
		{"empty.jpg", "image/jpeg", ERR_UNPROCESSABLE, "empty"},
		{"bomb.png", "image/png", ERR_TOO_LARGE, "30000 x 30000"},
		{"tracker.gif", "image/gif", ERR_UNPROCESSABLE, "1 x 1 pixels small"},
		{"everywhere.jpg", "text/html; charset=utf-8", ERR_MEDIA_TYPE, "\"text/html"},
		{"everywhere.jpg", "image/svg+xml", ERR_MEDIA_TYPE, "image/svg+xml"},
		{"everywhere.jpg", "application/activity+json", ERR_MEDIA_TYPE,
			"activity+json"},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct span name = arena_printf(a, "media/%s", cases[i].name);
		struct plan p;
		const struct err *e =
			plan_picture(a, span_of(cases[i].type), file_read(a, name.p), &p);

		if (!e)
			check_fail("%s as %s is taken", cases[i].name, cases[i].type);
		assert_int_equal(e->kind, cases[i].kind);
		assert_int_equal(err_retry(e), ERR_RETRY_NEVER);
		if (!span_has(err_text(a, e), span_of(cases[i].says)))
			check_fail("%s: %.*s", cases[i].name, SPAN_FMT(err_text(a, e)));
	}
	arena_free(a);
}

static void
test_bad_bytes(void **state)
{
	const struct {
		struct span file;
		const char *says;
	} cases[] = {
		{SPAN("<!doctype html><p>Not found"), "a web page"},
		{SPAN("%PDF-1.7"), "a PDF"},
		{SPAN("\0\0\0\x1c"
		      "ftypheic"),
			"HEIC"},
		{SPAN("II*\0"), "TIFF"},
		{SPAN("hello"), "something else"},
		/* The head of a format and nothing behind it. */
		{SPAN("\xff\xd8\xff"), "header is damaged"},
		{SPAN("\xff\xd8\xff\xe0\0\1xxxxxxxxxx"), "header is damaged"},
		{SPAN("\xff\xd8\xff\xe0\xff\xffxxxxxxxxxx"), "header is damaged"},
		{SPAN("\xff\xd8\xff\xda\0\4xxxxxxxxxxxx"), "header is damaged"},
		{SPAN("\xff\xd8\xff\xc0\0\x0b\x08\0\0\0\0\3\0\0\0"), "header is damaged"},
		{SPAN("\x89PNG\r\n\x1a\n"), "header is damaged"},
		{SPAN("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\0"), "header is damaged"},
		{SPAN("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff\xff\xff\xff\xff"),
			"4294967295"},
		{SPAN("GIF89a\0"), "header is damaged"},
		{SPAN("RIFF\4\0\0\0WEBP"), "header is damaged"},
		{SPAN("RIFF\4\0\0\0WEBPVP8 xxxxxxxxxxxxxxxxxxxx"), "header is damaged"},
		{SPAN("RIFF\4\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff"),
			"16777216"},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct plan p;
		const struct err *e = plan_picture(a, SPAN_NONE, cases[i].file, &p);

		if (!e || !span_has(err_text(a, e), span_of(cases[i].says)))
			check_fail("case %zu: %.*s", i,
				SPAN_FMT(e ? err_text(a, e) : SPAN("taken")));
	}
	arena_free(a);
}

/* Every file cut off at every place near its head: never a read beyond it, never a surprise. */
static void
test_cut(void **state)
{
	static const char *const names[] = {"media/everywhere.jpg", "media/deep.png",
		"media/animated.gif", "media/metadata.webp"};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct span file = file_read(a, names[i]);

		for (size_t n = 0; n < 1200 && n < file.n; n++) {
			/* Memory of its own, so that the sanitizer sees where it ends. */
			char *copy = xmalloc(n + 1);
			struct plan p;
			const struct err *e;

			memcpy(copy, file.p, n);
			copy[n] = '\x7f';
			copy = xrealloc(copy, n ? n : 1);
			e = plan_picture(a, SPAN_NONE, span_from(copy, n), &p);
			if (!e)
				assert_true(p.width > 0 && p.height > 0);
			free(copy);
		}
	}
	arena_free(a);
}

#define WEBP_FILE "RIFF\x10\0\0\0WEBPVP8 \4\0\0\0xxxx"
#define WEBP_EXIF "RIFF\x1c\0\0\0WEBPVP8 \4\0\0\0xxxxEXIF\4\0\0\0MM\0*"

static void
test_check(void **state)
{
	const struct plan p = {.format = FRAME_JPEG, .large = 1280, .small = 400};
	const struct frame_reply good = {.large_size = {720, 1280},
		.small_size = {225, 400},
		.large = SPAN(WEBP_FILE),
		.small = SPAN(WEBP_FILE)};
	struct frame_reply r[4] = {good, good, good, good};
	struct arena *a = arena_new();

	(void)state;
	check_ok(a, plan_check(a, &p, &good));
	r[0].large_size.width = 1281;
	r[1].small_size.height = 401;
	r[2].large = SPAN(WEBP_EXIF);
	r[3].small = SPAN("<svg/>");
	for (size_t i = 0; i < ARRAY_LEN(r); i++) {
		const struct err *e = plan_check(a, &p, &r[i]);

		if (!e)
			check_fail("answer %zu is taken", i);
		assert_int_equal(e->kind, ERR_UPSTREAM);
	}
	arena_free(a);
}

static void
test_pauses(void **state)
{
	(void)state;
	for (int64_t tries = 1; tries < PULL_TRIES; tries++)
		assert_true(plan_pause_ms(tries) > plan_pause_ms(tries - 1));
	assert_int_equal(plan_pause_ms(0), 0);
	assert_int_equal(plan_pause_ms(PULL_TRIES), 0);
	assert_int_equal(plan_pause_ms(INT64_MAX), 0);
	/* While the post waits, it is a matter of seconds. */
	assert_true(plan_pause_ms(1) + plan_pause_ms(2) <= 60000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_bad_bytes),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_pauses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
