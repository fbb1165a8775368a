#include "main/restart.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum ending
ending_of(int status, bool watchdog)
{
	if (watchdog)
		return ENDING_CRASHED;
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == 0 ? ENDING_ORDERLY : ENDING_FAILED;
	switch (WTERMSIG(status)) {
	case SIGSEGV:
	case SIGABRT:
	case SIGBUS:
		return ENDING_CRASHED;
	default:
		return ENDING_KILLED;
	}
}

struct span
ending_text(struct arena *a, int status)
{
	if (WIFEXITED(status))
		return arena_printf(a, "exit code %d", WEXITSTATUS(status));
	return arena_printf(a, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
}

int64_t
backoff_next(struct backoff *b, int64_t lived_ms)
{
	if (lived_ms >= BACKOFF_LIVED_MS || b->last_ms == 0)
		b->last_ms = b->min_ms;
	else
		b->last_ms *= 2;
	if (b->last_ms > b->max_ms)
		b->last_ms = b->max_ms;
	return b->last_ms;
}
