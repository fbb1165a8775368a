#include "base/arena.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/check.h"

static void
test_zeroed_and_aligned(void **state)
{
	static const size_t sizes[] = {
		0, 1, 15, 16, 17, 100, 8000, 16384, 16385, 65536, 1000000};

	(void)state;
	/* Twice, so that the second arena is a recycled one. */
	for (int round = 0; round < 2; round++) {
		struct arena *a = arena_new();

		assert_int_equal(arena_used(a), 0);
		for (int again = 0; again < 3; again++) {
			for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
				unsigned char *p = arena_alloc(a, sizes[i]);

				assert_int_equal((uintptr_t)p % 16, 0);
				for (size_t k = 0; k < sizes[i]; k++)
					assert_int_equal(p[k], 0);
				memset(p, 0xa5, sizes[i]);
			}
		}
		assert_true(arena_used(a) >= 3 * (1000000 + 65536));
		arena_free(a);
	}
}

/* What was taken stays as it is while more is taken, small and large in turn. */
static void
test_blocks_apart(void **state)
{
	struct arena *a = arena_new();
	unsigned char *blocks[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		blocks[i] = arena_alloc(a, i % 7 == 0 ? 20000 : i);
		memset(blocks[i], (int)i, i % 7 == 0 ? 20000 : i);
	}
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		for (size_t k = 0; k < (i % 7 == 0 ? 20000 : i); k++)
			assert_int_equal(blocks[i][k], (unsigned char)i);
	arena_free(a);
}

/* Size 0 gives pointers that differ. */
static void
test_unique(void **state)
{
	struct arena *a = arena_new();
	const void *x = arena_alloc(a, 0), *y = arena_alloc(a, 0);

	(void)state;
	assert_non_null(x);
	assert_ptr_not_equal(x, y);
	assert_non_null(arena_array(a, 0, 8));
	assert_non_null(arena_array(a, 8, 0));
	arena_free(a);
}

static char released[16];

static void
release(void *handle)
{
	released[strlen(released)] = *(const char *)handle;
}

static struct arena *nesting;

/* A hook may still use the arena, and even hand it something more. */
static void
release_late(void *handle)
{
	static char late[] = "l";

	released[strlen(released)] = *(const char *)handle;
	arena_own(nesting, release, late);
	(void)arena_dup(nesting, SPAN("still there"));
}

static void
test_hooks(void **state)
{
	static char one[] = "1", two[] = "2", three[] = "3";

	(void)state;
	memset(released, 0, sizeof(released));
	nesting = arena_new();
	arena_own(nesting, release, one);
	arena_own(nesting, release_late, two);
	arena_own(nesting, release, three);
	assert_string_equal(released, "");
	arena_free(nesting);
	assert_string_equal(released, "32l1"); /* last first */
	arena_free(NULL);
}

static void
test_copies(void **state)
{
	struct arena *a = arena_new();
	char text[] = "abc";
	const struct span s = arena_dup(a, span_from(text, 2));
	const char *c = arena_cstr(a, span_from(text, 3));
	struct span long_one;

	(void)state;
	text[0] = 'x';
	check_span(s, SPAN("ab"));
	assert_int_equal(s.p[2], '\0');
	assert_string_equal(c, "abc");
	assert_null(arena_dup(a, SPAN_NONE).p);
	assert_non_null(arena_dup(a, SPAN("")).p);
	assert_string_equal(arena_cstr(a, SPAN_NONE), "");
	check_span(arena_printf(a, "%d-%s", 42, "x"), SPAN("42-x"));
	long_one = arena_printf(a, "%70000d", 7);
	assert_int_equal(long_one.n, 70000);
	assert_int_equal(long_one.p[69999], '7');
	assert_int_equal(long_one.p[70000], '\0');
	arena_free(a);
}

/* Many alive at the same time, freed in another order: more than are kept for recycling. */
static void
test_recycled(void **state)
{
	struct arena *all[200];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < ARRAY_LEN(all); i++) {
			all[i] = arena_new();
			assert_int_equal(arena_used(all[i]), 0);
			(void)arena_alloc(all[i], i * 200);
		}
		for (size_t i = 0; i < ARRAY_LEN(all); i++)
			arena_free(all[(i * 77) % ARRAY_LEN(all)]);
	}
}

/* What cannot be had ends the process with a sentence, not with a wild pointer. */
static void
ends(void (*fn)(void))
{
	const pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)signal(SIGABRT, SIG_DFL);
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void
overflow_array(void)
{
	(void)arena_array(arena_new(), SIZE_MAX / 4, 8);
}

static void
overflow_size(void)
{
	(void)arena_alloc(arena_new(), SIZE_MAX);
}

static void
used_after_free(void)
{
	struct arena *a = arena_new();

	arena_free(a);
	(void)arena_alloc(a, 1);
}

static void
test_ends(void **state)
{
	(void)state;
	ends(overflow_array);
	ends(overflow_size);
	ends(used_after_free);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zeroed_and_aligned),
		cmocka_unit_test(test_blocks_apart),
		cmocka_unit_test(test_unique),
		cmocka_unit_test(test_hooks),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_recycled),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
