/*
 * Group: several children at once; the parent continues when all have ended.
 * A child's failure is its own: ask group_error. At most `limit` run at the same time.
 */
#ifndef TASK_GROUP_H
#define TASK_GROUP_H

#include "task/task.h"

struct group_child;

struct group {
	struct task *owner;
	struct group_child **children; /* in the owner's arena */
	size_t n, cap, started, ended, failed, limit;
	bool waiting;
};

/* In the parent's state; limit 0 = no limit. */
void group_init(struct group *g, struct task *owner, size_t limit);
/* arg is copied; out belongs to the parent. Returns the child's number, from 0. */
size_t group_add(
	struct group *g, const struct flow *f, const void *arg, size_t arg_size, void *out);
const struct err *group_error(const struct group *g, size_t child); /* NULL = success */

struct next await_all_at(
	struct task *t, struct group *g, step_fn *then, const char *name) MUST_CHECK;
#define await_all(t, g, step) await_all_at((t), (g), (step), #step)

#endif
