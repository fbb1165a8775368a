/*
 * Task: asynchronous code as flows.
 *
 * A flow is a state struct plus named steps. A step returns `struct next`, which only go,
 * await_*, done and fail can make; all are must-check, so a forgotten continuation does not
 * compile. Rules the engine keeps:
 *
 *  - A continuation never runs inside the call that armed it: no recursion, no re-entrancy.
 *  - If what is awaited fails (network, database, deadline, stop), the next step does not run;
 *    the flow's `failed` step does, once, with task_error(t). `failed` may await (to give a
 *    lease back, to answer a client) under a grace of FLOW_GRACE_MS; a second failure ends the
 *    task with the first error.
 *  - Every flow has a deadline. A parent's failure first ends its children: they are failed
 * with the parent's error, and the parent's `failed` step runs when the last one has ended. So
 * a child never outlives memory that it writes to.
 *  - State starts zeroed and lives, with the arena, until the task has ended.
 *
 * The owner of a resource makes its own await_*: it calls task_park with a `struct wait_ops`
 * whose cancel takes the request back, and later task_wake exactly once. See net/http.h,
 * db/batch.h.
 */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "task/env.h"
#include "task/loop.h"

struct task;
struct next;
typedef struct next step_fn(struct task *t);

enum next_kind {
	NEXT_GO = 0x6e01,
	NEXT_PARK,
	NEXT_DONE,
	NEXT_FAIL,
};

/* Made by go, await_*, done and fail only. */
struct next {
	enum next_kind kind;
	step_fn *step;
	const char *name;
};

struct flow {
	const char *name; /* "layer.noun", stable, for traces and metrics */
	size_t size;      /* of the state struct */
	int deadline_ms;  /* of the whole flow, must be > 0 */
	step_fn *first, *failed;
};

#define FLOW_GRACE_MS 10000

/* ---- inside a step ---- */

void *task_state(struct task *t); /* zeroed at start */
/* The copy of what the starter handed in; and where the starter wants the result. */
const void *task_arg(struct task *t);
void *task_out(struct task *t);
struct arena *task_arena(struct task *t);
struct env *task_env(struct task *t);
const struct err *task_error(struct task *t); /* in `failed`: why; otherwise NULL */
int task_left_ms(const struct task *t);       /* until the deadline, at least 0 */
const struct log_ctx *task_log_ctx(const struct task *t);
/*
 * Ask a living task to fail with e (copied). Takes effect between steps; a task that is failing
 * or says done in this very step does not hear it. Who keeps the pointer forgets it in `ended`.
 */
void task_cancel(struct task *t, const struct err *e);

struct next task_go(struct task *t, step_fn *step, const char *name) MUST_CHECK;
#define go(t, step) task_go((t), (step), #step)
struct next done(struct task *t) MUST_CHECK;
struct next fail(struct task *t, const struct err *e) MUST_CHECK;
struct next task_sleep(struct task *t, int64_t ms, step_fn *then, const char *name) MUST_CHECK;
#define await_sleep(t, ms, step) task_sleep((t), (ms), (step), #step)

#define log_debug(t, ...) log_at(LOG_DEBUG, task_log_ctx(t), __VA_ARGS__)
#define log_info(t, ...) log_at(LOG_INFO, task_log_ctx(t), __VA_ARGS__)
#define log_warn(t, ...) log_at(LOG_WARN, task_log_ctx(t), __VA_ARGS__)
#define log_error(t, ...) log_at(LOG_ERROR, task_log_ctx(t), __VA_ARGS__)

/* ---- child flows ---- */

/*
 * Runs a flow as a child and waits for it. arg (arg_size bytes) is copied; out belongs to the
 * caller's state or arena. The child's failure is the caller's, wrapped by nothing.
 * Wrap it once beside the flow's definition as `await_name(...)`.
 */
struct next task_call(struct task *t, const struct flow *f, const void *arg, size_t arg_size,
	void *out, step_fn *then, const char *name) MUST_CHECK;

/*
 * A child that runs beside its parent, which must not be done before it: see group.h. ended is
 * called once, before the child's memory goes; e is NULL on success.
 */
typedef void task_ended_fn(void *ended_arg, const struct err *e);
struct task *task_spawn(struct task *parent, const struct flow *f, const void *arg,
	size_t arg_size, void *out, task_ended_fn *ended, void *ended_arg);

/* ---- root flows ---- */

struct task_start {
	struct loop *loop;
	const struct flow *flow;
	const void *arg; /* copied */
	size_t arg_size;
	void *out;
	/* Called once when the task has ended; e is NULL on success and dies with the call. */
	task_ended_fn *ended;
	void *ended_arg;
};
/* The first step runs in the next turn of the loop. The task frees itself when it has ended. */
struct task *task_start(const struct task_start *s);
size_t task_count(const struct loop *l);
/* "flow#id step", one line each, for SIGUSR1 and the debugger. */
void task_trace(const struct loop *l, struct buf *b);

/* ---- for owners of resources: how an await_* is built ---- */

struct wait_ops {
	const char *name;
	/*
	 * Take the request back; asked at most once. True: done at once, no wake will come,
	 * nothing of the task's memory is touched again. False: it cannot be taken back now; a
	 * wake will come soon.
	 */
	bool (*cancel)(struct task *t, void *arg);
};
struct next task_park(struct task *t, const struct wait_ops *ops, void *arg, step_fn *then,
	const char *name) MUST_CHECK;
/* Continue a parked task in the next turn; e (copied into its arena) makes it fail. */
void task_wake(struct task *t, const struct err *e);

#endif
