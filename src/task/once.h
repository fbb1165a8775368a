/*
 * Once: single flight. Many tasks ask for the same key, one flow runs, all get its result.
 *
 * The run is a root flow of its own: a waiter that goes away does not end it. A result is
 * copied into each waiter's arena by `copy`; a failure is copied to each. Nothing is kept after
 * the last waiter has been served: caching is the flow's own business. arg is copied as bytes:
 * it must not point into a waiter's arena, which may go before the run has ended.
 */
#ifndef TASK_ONCE_H
#define TASK_ONCE_H

#include "task/task.h"

struct once;

struct once_ops {
	const struct flow *flow;
	size_t result_size; /* what task_out of the run points to */
	/* Deep copy of *result into *out with memory of `to`. */
	void (*copy)(struct arena *to, void *out, const void *result);
};

struct once *once_new(const struct once_ops *ops);
void once_free(struct once *o); /* when no run is alive */
size_t once_runs(const struct once *o);

struct next await_once_at(struct task *t, struct once *o, struct span key, const void *arg,
	size_t arg_size, void *out, step_fn *then, const char *name) MUST_CHECK;
#define await_once(t, o, key, arg, arg_size, out, step)                                        \
	await_once_at((t), (o), (key), (arg), (arg_size), (out), (step), #step)

#endif
