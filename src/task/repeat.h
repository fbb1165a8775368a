/*
 * Repeat: one flow, run again and again for as long as the loop lives.
 *
 * Never two runs at a time. The pause is counted from the end of a run, so a slow one is not
 * followed by another at once. A hint hastens the next run and never delays it; any number of
 * hints before it are one run, and what is hinted while one is under way is seen to by one
 * more. After a failed run the pause holds: what is broken is not asked in a hurry.
 *
 * Nobody stops it: when the loop stops no run begins any more, and the one under way is ended
 * by the loop like every flow.
 *
 * A failure is handled here, by trying again, and so said here: once in a row, and once more
 * when it is over. ERR_CONFLICT (somebody else has done it) and ERR_STOPPED are neither failure
 * nor success. So the flow's `failed` step says nothing and fails with task_error.
 */
#ifndef TASK_REPEAT_H
#define TASK_REPEAT_H

#include "task/task.h"

struct repeat;

struct repeat_opts {
	const struct flow *flow;
	void *arg;        /* for repeat_arg; must live until repeat_free */
	int64_t first_ms; /* before the first run */
	int64_t pause_ms; /* between the end of a run and the next one */
	int64_t hint_ms;  /* the next run begins this soon after a hint, at the latest */
	bool spread;      /* both waits last up to twice as long: workers do not move in step */
};

struct repeat *repeat_start(struct loop *l, const struct repeat_opts *o);
void repeat_free(struct repeat *r); /* when no run is alive, before the loop is freed */
/* Of a struct repeat; shaped as a db_notify_fn and a loop_fn. */
void repeat_hint(void *arg);

void *repeat_arg(struct task *t); /* in the run: what `arg` was */

#endif
