/*
 * Proc: a helper process behind a socket pair that answers one request at a time.
 *
 * Frames both ways: 4 bytes big-endian length, then that many bytes. The helper is started on
 * first use, killed and started again (with back-off 0.1 s to 30 s) after a crash, a bad frame
 * or an answer later than wall_ms; the waiting request then fails with ERR_UPSTREAM. It
 * inherits nothing but its socket as descriptor 0 and 1, and stderr; its environment is empty.
 */
#ifndef TASK_PROC_H
#define TASK_PROC_H

#include "task/task.h"

struct proc_opts {
	const char *const
		*argv; /* NULL-terminated, argv[0] is the path; must outlive the proc */
	size_t max_request, max_reply;
	int wall_ms;
};

struct proc *proc_new(struct loop *l, const struct proc_opts *o);
void proc_free(struct proc *p);
int64_t proc_pid(const struct proc *p); /* 0 = not running */

/* request must stay valid until the wake; the reply is copied into the task's arena. */
struct next await_proc_at(struct task *t, struct proc *p, struct span request,
	struct span *reply, step_fn *then, const char *name) MUST_CHECK;
#define await_proc(t, p, request, reply, step)                                                 \
	await_proc_at((t), (p), (request), (reply), (step), #step)

#endif
