/*
 * Work: a small pool of threads for CPU work (signing, hashing, compressing).
 *
 * fn runs on a thread and touches only the memory handed to it: arg belongs to the waiting
 * task, which is parked until fn has returned, also when it is cancelled meanwhile. It may use
 * that task's arena, which nobody else touches as long. fn must not call anything of the loop,
 * the task, the database or the log.
 */
#ifndef TASK_WORK_H
#define TASK_WORK_H

#include "task/task.h"

typedef void work_fn(void *arg);

struct work_pool *work_pool_new(struct loop *l, int threads, size_t max_queued);
void work_pool_free(struct work_pool *p); /* waits for running jobs */

/* Fails with ERR_UNAVAILABLE when max_queued is reached. Uses the pool of task_env(t). */
struct next await_work_at(
	struct task *t, work_fn *fn, void *arg, step_fn *then, const char *name) MUST_CHECK;
#define await_work(t, fn, arg, step) await_work_at((t), (fn), (arg), (step), #step)

#endif
