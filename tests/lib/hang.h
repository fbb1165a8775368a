/*
 * Hang: makes what a flow waits for never come, and tells when the flow has come so far. So a
 * test strikes in the middle of a wait, however slow the machine is.
 */
#ifndef TESTS_LIB_HANG_H
#define TESTS_LIB_HANG_H

#include "base/span.h"
#include "task/task.h"

/*
 * A connection of its own that holds locks. On a table: a statement about it cannot even be
 * prepared. On the rows of one: what comes before in the same batch is done, then it hangs.
 */
struct hang;
struct hang *hang_table(struct span dsn, const char *table);
struct hang *hang_rows(struct span dsn, const char *table);
bool hang_waits(const struct hang *h); /* somebody stands before the lock */
void hang_over(struct hang *h);        /* NULL is fine */
/* Until no session but ours is left in the database: what was sent has run to its end. */
void hang_settle(struct span dsn);

/* A flow is at it, in the words of task_trace: "poll_read waits for http". */
bool hang_traced(const struct loop *l, const char *what);

/*
 * Looks every few ms of real time whether `is`; from then on calls `then` every time. Ends the
 * test when it never is. Ended before the loop is freed.
 */
struct look {
	struct loop_watch *watch;
	int fd, looks;
	bool seen;
	bool (*is)(void *arg);
	loop_fn *then;
	void *arg;
};
void look_start(
	struct look *k, struct loop *l, bool (*is)(void *arg), loop_fn *then, void *arg);
void look_end(struct look *k);

#endif
