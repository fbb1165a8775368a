/* What the end of a child means, and how long the supervisor waits before the next one. */
#include <signal.h>
#include <sys/wait.h>

#include "lib/check.h"
#include "main/restart.h"

/* waitpid's word: exit code in the second byte, signal in the first. */
static int
exited(int code)
{
	return code << 8;
}

static void
test_ending(void **state)
{
	static const struct {
		int status;
		bool watchdog;
		enum ending want;
	} table[] = {
		{0, false, ENDING_ORDERLY},
		{1 << 8, false, ENDING_FAILED},
		{5 << 8, false, ENDING_FAILED},
		{SIGSEGV, false, ENDING_CRASHED},
		{SIGSEGV | 0x80, false, ENDING_CRASHED}, /* with a core */
		{SIGABRT, false, ENDING_CRASHED},
		{SIGBUS, false, ENDING_CRASHED},
		{SIGKILL, false, ENDING_KILLED}, /* an operator, or memory ran out */
		{SIGTERM, false, ENDING_KILLED},
		{SIGHUP, false, ENDING_KILLED},
		{SIGKILL, true, ENDING_CRASHED}, /* it hung, and SIGABRT was not enough */
		{SIGABRT, true, ENDING_CRASHED},
		{0, true, ENDING_CRASHED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (ending_of(table[i].status, table[i].watchdog) != table[i].want)
			check_fail("row %zu: status %d", i, table[i].status);
}

static void
test_ending_text(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	check_span(ending_text(a, exited(0)), SPAN("exit code 0"));
	check_span(ending_text(a, exited(127)), SPAN("exit code 127"));
	check_span(ending_text(a, SIGSEGV), SPAN("signal 11 (Segmentation fault)"));
	check_span(ending_text(a, SIGKILL), SPAN("signal 9 (Killed)"));
	arena_free(a);
}

static void
test_backoff(void **state)
{
	struct backoff b = {.min_ms = 100, .max_ms = 1000};
	static const struct {
		int64_t lived_ms, want;
	} table[] = {
		{20, 100},
		{20, 200},
		{20, 400},
		{BACKOFF_LIVED_MS - 1, 800},
		{20, 1000}, /* the most */
		{20, 1000},
		{BACKOFF_LIVED_MS, 100}, /* it lived: a new start */
		{20, 200},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const int64_t got = backoff_next(&b, table[i].lived_ms);

		if (got != table[i].want)
			check_fail("row %zu: got %d, want %d", i, (int)got, (int)table[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ending),
		cmocka_unit_test(test_ending_text),
		cmocka_unit_test(test_backoff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
