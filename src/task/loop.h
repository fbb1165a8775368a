/*
 * Loop: one libevent base per process, its signals, its orderly stop, its watchdog.
 *
 * Stop has two phases: loop_stop asks everybody to finish (stop hooks run; servers and pollers
 * start no more root flows, those that live go on), and after grace_ms all flows still alive
 * are failed with ERR_STOPPED, as is every root flow started later; the loop returns when the
 * last one has ended. Nothing here allocates per event.
 */
#ifndef TASK_LOOP_H
#define TASK_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "task/env.h"

struct event_base;

/* env may be filled after loop_new and before loop_run; it is read through loop_env. */
struct loop *loop_new(struct env *env);
void loop_free(struct loop *l);
struct env *loop_env(const struct loop *l);
struct event_base *loop_base(const struct loop *l); /* for task/, net/ and db/conn.c only */

/* Runs until stopped and all flows have ended. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l, int grace_ms); /* again with a smaller grace shortens it */
bool loop_stopping(const struct loop *l);

typedef void loop_fn(void *arg);
void loop_on_signal(struct loop *l, int signo, loop_fn *fn, void *arg);
/* Runs when the stop begins, in order of registration. */
void loop_on_stop(struct loop *l, loop_fn *fn, void *arg);

/*
 * One-shot timer embedded in a struct; zeroed = unset. fn may set it again or free its owner.
 * Timers are kept in a heap of the loop; setting and clearing one costs no system call.
 */
struct loop_timer {
	struct loop *loop;
	size_t place; /* in the heap, from 1; 0 = unset */
	int64_t at_ms;
	loop_fn *fn;
	void *arg;
};
void loop_timer_set(struct loop *l, struct loop_timer *tm, int64_t ms, loop_fn *fn, void *arg);
void loop_timer_clear(struct loop_timer *tm);
/* Tests with clock_fake only: when no task is ready, moves the clock on to the earliest timer.
 */
void loop_skip(struct loop *l);

/* Calls fn whenever the descriptor can be read, for as long as the watch lives. */
struct loop_watch;
struct loop_watch *loop_watch_new(struct loop *l, int fd, loop_fn *fn, void *arg);
void loop_watch_free(struct loop_watch *w);

/* A step over this many ms is logged with its name and counted. Default 50. */
void loop_slow_step_ms(struct loop *l, int ms);

#endif
