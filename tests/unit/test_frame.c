/* What server and helper say to each other: round trips, and every way to say it wrongly. */
#include "base/arena.h"
#include "lib/check.h"
#include "media/frame.h"

static struct frame_reply
some_reply(void)
{
	return (struct frame_reply){.status = FRAME_DONE,
		.large_size = {1280, 720},
		.small_size = {400, 225},
		.blurhash = SPAN("L5HLMV~XjY~X"),
		.large = SPAN("RIFFlarge"),
		.small = SPAN("RIFFs")};
}

static void
test_request(void **state)
{
	static const enum frame_format formats[] = {
		FRAME_JPEG, FRAME_PNG, FRAME_WEBP, FRAME_GIF};
	struct frame_request got;
	struct buf b;

	(void)state;
	buf_init(&b, FRAME_REQUEST_MAX);
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		const struct frame_request r = {.format = formats[i],
			.large = 1280,
			.small = 65535,
			.file = SPAN("\0bytes\xff")};

		buf_reset(&b);
		frame_request_put(&b, &r);
		assert_false(b.toobig);
		assert_true(frame_request_get(buf_span(&b), &got));
		assert_int_equal(got.format, r.format);
		assert_int_equal(got.large, 1280);
		assert_int_equal(got.small, 65535);
		check_span(got.file, r.file);
	}
	buf_fini(&b);
}

static void
test_request_bad(void **state)
{
	const struct {
		const char *what;
		struct span message;
	} cases[] = {
		{"nothing", SPAN("")},
		{"half a head", SPAN("\1\1\5\0")},
		{"no file", SPAN("\1\1\5\0\1\x90")},
		{"another version", SPAN("\2\1\5\0\1\x90x")},
		{"no format", SPAN("\1\0\5\0\1\x90x")},
		{"an unknown format", SPAN("\1\5\5\0\1\x90x")},
		{"no large side", SPAN("\1\1\0\0\1\x90x")},
		{"no small side", SPAN("\1\1\5\0\0\0x")},
	};
	struct frame_request got;
	char *huge = xcalloc(1, FRAME_REQUEST_MAX + 1);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (frame_request_get(cases[i].message, &got))
			check_fail("%s is taken for a request", cases[i].what);
	memcpy(huge, "\1\1\5\0\1\x90", 6);
	assert_true(frame_request_get(span_from(huge, 6 + FRAME_FILE_MAX), &got));
	assert_false(frame_request_get(span_from(huge, 7 + FRAME_FILE_MAX), &got));
	free(huge);
}

static void
test_reply(void **state)
{
	const struct frame_reply r = some_reply();
	struct frame_reply got;
	struct buf b;

	(void)state;
	buf_init(&b, FRAME_REPLY_MAX);
	frame_reply_put(&b, &r);
	assert_true(frame_reply_get(buf_span(&b), &got));
	assert_int_equal(got.status, FRAME_DONE);
	assert_int_equal(got.large_size.width, 1280);
	assert_int_equal(got.large_size.height, 720);
	assert_int_equal(got.small_size.width, 400);
	assert_int_equal(got.small_size.height, 225);
	check_span(got.blurhash, r.blurhash);
	check_span(got.large, r.large);
	check_span(got.small, r.small);

	/* Cut anywhere, or with a byte too many, it is no reply. */
	for (size_t n = 0; n < b.n; n++)
		assert_false(frame_reply_get(span_slice(buf_span(&b), 0, n), &got));
	buf_byte(&b, 'x');
	assert_false(frame_reply_get(buf_span(&b), &got));
	buf_fini(&b);
}

static void
test_reason(void **state)
{
	static const enum frame_status statuses[] = {FRAME_REFUSED, FRAME_FAILED};
	char text[FRAME_REASON_MAX + 10];
	struct frame_reply r = {0}, got;
	struct buf b;

	(void)state;
	memset(text, 'x', sizeof(text));
	buf_init(&b, FRAME_REPLY_MAX);
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		r.status = statuses[i];
		r.reason = SPAN("it is broken");
		buf_reset(&b);
		frame_reply_put(&b, &r);
		assert_true(frame_reply_get(buf_span(&b), &got));
		assert_int_equal(got.status, statuses[i]);
		check_span(got.reason, r.reason);
		/* A long one is cut where it is written, and refused where it is read. */
		r.reason = span_from(text, sizeof(text));
		buf_reset(&b);
		frame_reply_put(&b, &r);
		assert_true(frame_reply_get(buf_span(&b), &got));
		assert_int_equal(got.reason.n, FRAME_REASON_MAX);
		buf_byte(&b, 'x');
		assert_false(frame_reply_get(buf_span(&b), &got));
	}
	buf_fini(&b);
}

static void
test_reply_bad(void **state)
{
	const struct {
		const char *what;
		struct span message;
	} cases[] = {
		{"nothing", SPAN("")},
		{"a version alone", SPAN("\1")},
		{"another version", SPAN("\2\1why")},
		{"an unknown status", SPAN("\1\3why")},
		{"no reason", SPAN("\1\1")},
		{"a width of 0", SPAN("\1\0\0\0\0\1\0\1\0\1\6LLLLLL\0\0\0\1x\0\0\0\1x")},
		{"a short blurhash", SPAN("\1\0\0\1\0\1\0\1\0\1\5LLLLL\0\0\0\1x\0\0\0\1x")},
		{"a blurhash with a space",
			SPAN("\1\0\0\1\0\1\0\1\0\1\6LL LLL\0\0\0\1x\0\0\0\1x")},
		{"no large file", SPAN("\1\0\0\1\0\1\0\1\0\1\6LLLLLL\0\0\0\0\0\0\0\1x")},
		{"no small file", SPAN("\1\0\0\1\0\1\0\1\0\1\6LLLLLL\0\0\0\1x\0\0\0\0")},
		{"a length beyond the end",
			SPAN("\1\0\0\1\0\1\0\1\0\1\6LLLLLL\xff\xff\xff\xffx\0\0\0\1x")},
	};
	struct frame_reply got;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (frame_reply_get(cases[i].message, &got))
			check_fail("%s is taken for a reply", cases[i].what);
	assert_true(
		frame_reply_get(SPAN("\1\0\0\1\0\1\0\1\0\1\6LLLLLL\0\0\0\1x\0\0\0\1x"), &got));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_request_bad),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_reason),
		cmocka_unit_test(test_reply_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
