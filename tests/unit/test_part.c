/* What the supervisor tells a child, and what the child understands. */
#include "lib/check.h"
#include "main/part.h"

static struct arena *arena;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static bool
read_back(const struct child_spec *s, struct part_args *out)
{
	char *argv[CHILD_ARGS_MAX];
	int argc = 0;

	for (; s->argv[argc]; argc++)
		argv[argc] = (char *)(uintptr_t)s->argv[argc];
	return part_read(arena, argc, argv, out);
}

static void
test_worker(void **state)
{
	struct child_spec spec = {.argv = {"litfassd: worker 3"}};
	const struct part_args in = {
		.part = PART_WORKER,
		.conf_path = SPAN("/etc/lit fass/a=b.conf"),
		.conf_fd = 3,
		.name = SPAN("0123456789ab@host/3.1"),
		.slot = 3,
		.pipe = 4,
		.listen = 6,
		.n_listen = CONF_LISTEN_MAX,
		.metrics = 5,
	};
	struct part_args out;

	(void)state;
	part_write(arena, &in, &spec);
	assert_true(read_back(&spec, &out));
	assert_int_equal(out.part, PART_WORKER);
	check_span(out.conf_path, in.conf_path);
	check_span(out.name, in.name);
	assert_int_equal(out.conf_fd, 3);
	assert_int_equal(out.slot, 3);
	assert_int_equal(out.pipe, 4);
	assert_int_equal(out.listen, 6);
	assert_int_equal(out.n_listen, CONF_LISTEN_MAX);
	assert_int_equal(out.metrics, 5);
	assert_string_equal(part_name(arena, &out), "litfassd-3");
}

static void
test_prepare(void **state)
{
	static const enum prepare_what what[] = {
		PREPARE_START, PREPARE_RELOAD, PREPARE_RELEASE};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(what) * 2; i++) {
		struct child_spec spec = {.argv = {"litfassd: prepare"}};
		const struct part_args in = {
			.part = PART_PREPARE,
			.conf_path = SPAN("c"),
			.conf_fd = 3,
			.what = what[i / 2],
			.crashed = i % 2 == 1,
			.metrics = -1,
		};
		struct part_args out;

		part_write(arena, &in, &spec);
		assert_true(read_back(&spec, &out));
		assert_int_equal(out.part, PART_PREPARE);
		assert_int_equal(out.what, in.what);
		assert_int_equal(out.crashed, in.crashed);
		assert_int_equal(out.metrics, -1);
		assert_int_equal(out.name.n, 0);
	}
}

static void
test_refused(void **state)
{
	static const char *const table[][8] = {
		{"litfassd"},
		{"litfassd", PART_FLAG},
		{"litfassd", PART_FLAG, "nothing", "conf=3"},
		{"litfassd", "--other", "worker", "conf=3", "pipe=4"},
		{"litfassd", PART_FLAG, "database"},            /* no configuration */
		{"litfassd", PART_FLAG, "worker", "conf=3"},    /* no pipe */
		{"litfassd", PART_FLAG, "database", "conf"},    /* no value */
		{"litfassd", PART_FLAG, "database", "conf=-1"}, /* no descriptor */
		{"litfassd", PART_FLAG, "database", "conf=3x"}, /* no number */
		{"litfassd", PART_FLAG, "database", "conf=3", "colour=4"},
		{"litfassd", PART_FLAG, "prepare", "conf=3", "what=3"},
		{"litfassd", PART_FLAG, "worker", "conf=3", "pipe=4", "n_listen=17"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char *argv[8];
		int argc = 0;
		struct part_args out;

		for (; argc < 8 && table[i][argc]; argc++)
			argv[argc] = (char *)(uintptr_t)table[i][argc];
		if (part_read(arena, argc, argv, &out))
			check_fail("row %zu was understood", i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worker),
		cmocka_unit_test(test_prepare),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
