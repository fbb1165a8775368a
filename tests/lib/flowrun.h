/*
 * Flowrun: a loop on which tests start flows and wait for all of them.
 *
 * With a fake clock nobody waits for time: whenever nothing is ready the clock moves on to the
 * earliest timer. Only for flows that wait for time and for each other; what waits for a
 * thread, a socket or a process needs the real clock.
 */
#ifndef TESTS_LIB_FLOWRUN_H
#define TESTS_LIB_FLOWRUN_H

#include "task/task.h"

struct flowrun {
	struct env env;
	struct loop *loop;
	size_t alive;
	bool fake;
	struct loop_watch *idle;
	int idle_fd;
	struct loop_timer stop;
};

/* Outcome of one flow. */
struct flowrun_end {
	struct flowrun *run;
	struct task *task; /* while it lives */
	bool ended, failed;
	enum err_kind kind;
	char text[512];
};

void flowrun_init(struct flowrun *r);      /* real clock */
void flowrun_init_fake(struct flowrun *r); /* fake clock, 2026-03-01T10:00:00Z */
/* end is filled when the flow has ended; it must live as long. */
void flowrun_start(struct flowrun *r, struct flowrun_end *end, const struct flow *f,
	const void *arg, size_t arg_size, void *out);
/* Until all have ended, then the loop stops; nothing can be started afterwards. */
void flowrun_wait(struct flowrun *r);
void flowrun_stop(struct flowrun *r, int64_t ms); /* the program stops then, without grace */
void flowrun_fini(struct flowrun *r);
/* Ends a failed step the plain way. */
struct next flowrun_failed(struct task *t);

/* What has happened since flowrun_init, in order, as one text. */
void flowrun_note(const char *what);
const char *flowrun_notes(void);
void flowrun_noted(const char *want); /* fails the test when it is another text */

#endif
