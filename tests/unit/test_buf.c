#include "base/buf.h"

#include "lib/check.h"

static void
test_grows(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000000);
	check_span(buf_span(&b), SPAN(""));
	assert_non_null(buf_span(&b).p);
	for (int i = 0; i < 100000; i++)
		buf_byte(&b, (char)('a' + i % 26));
	assert_int_equal(b.n, 100000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(b.p[i], 'a' + i % 26);
	buf_reset(&b);
	buf_add(&b, SPAN("x"));
	buf_add(&b, SPAN_NONE);
	buf_add_cstr(&b, "y");
	buf_lit(&b, "z");
	buf_i64(&b, INT64_MIN);
	buf_printf(&b, "%s|%5d", "t", 42);
	check_span(buf_span(&b), SPAN("xyz-9223372036854775808t|   42"));
	buf_fini(&b);
	assert_int_equal(b.n, 0);
	buf_byte(&b, 'c'); /* as good as new */
	check_span(buf_span(&b), SPAN("c"));
	buf_fini(&b);
}

/* A write that does not fit leaves nothing, and neither does what follows. */
static void
test_limit(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	buf_add(&b, SPAN("abc"));
	buf_add(&b, SPAN("de"));
	assert_false(b.toobig); /* exactly full */
	buf_add(&b, SPAN(""));
	assert_false(b.toobig);
	buf_byte(&b, 'f');
	assert_true(b.toobig);
	check_span(buf_span(&b), SPAN("abcde"));
	buf_reset(&b);
	assert_false(b.toobig);
	buf_add(&b, SPAN("abcd"));
	buf_printf(&b, "%d", 10);
	assert_true(b.toobig);
	buf_byte(&b, 'e'); /* would fit, but the text would have a hole */
	check_span(buf_span(&b), SPAN("abcd"));
	buf_fini(&b);

	buf_init(&b, 0);
	buf_byte(&b, 'a');
	assert_true(b.toobig);
	check_span(buf_span(&b), SPAN(""));
	buf_fini(&b);
}

/* Longer than the room on the stack, and a maximum between two doublings. */
static void
test_printf_long(void **state)
{
	struct buf b;

	(void)state;
	for (int n = 250; n < 260; n++) {
		buf_init(&b, 300);
		buf_printf(&b, "%*d", n, 1);
		assert_int_equal(b.n, n);
		assert_int_equal(b.p[n - 1], '1');
		buf_printf(&b, "%*d", 300 - n, 2);
		assert_int_equal(b.n, 300);
		assert_false(b.toobig);
		buf_fini(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_printf_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
