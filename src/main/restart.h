/*
 * Restart: what the end of a child means, and how long to wait before the next one. Pure.
 */
#ifndef MAIN_RESTART_H
#define MAIN_RESTART_H

#include "base/arena.h"

enum ending {
	ENDING_ORDERLY, /* exit code 0 */
	ENDING_FAILED,  /* another exit code: it has said why */
	ENDING_KILLED,  /* from outside: an operator, the kernel when memory runs out */
	ENDING_CRASHED, /* our own fault; counts towards burying the jobs it had */
};
/* status as waitpid gives it; watchdog: we have ended it because it hung. */
enum ending ending_of(int status, bool watchdog);
/* "exit code 5", "signal 11 (Segmentation fault)". */
struct span ending_text(struct arena *a, int status);

/* From min, doubled with each early end, to max; a child that lived for long starts again. */
#define BACKOFF_LIVED_MS 10000
struct backoff {
	int64_t min_ms, max_ms;
	int64_t last_ms; /* 0 = none yet */
};
int64_t backoff_next(struct backoff *b, int64_t lived_ms);

#endif
