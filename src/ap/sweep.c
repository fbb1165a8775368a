#include "ap/sweep.h"

#include <stdlib.h>

#include "hub/remote.h"

#define SWEEP_MS 3600000 /* one to two of them between two runs */

struct sweep {
	struct env *env;
	struct loop_timer timer;
	bool running, stopped;
};

struct sweep_run {
	struct db_batch batch;
};

static step_fn sweep_begin, sweep_end, sweep_failed;

static const struct flow sweep_flow = {
	.name = "ap.sweep",
	.size = sizeof(struct sweep_run),
	.deadline_ms = 60000,
	.first = sweep_begin,
	.failed = sweep_failed,
};

static struct next
sweep_begin(struct task *t)
{
	struct sweep_run *r = task_state(t);

	db_batch_init(&r->batch, task_arena(t));
	remote_sweep(&r->batch);
	return await_commit(t, &r->batch, sweep_end);
}

static struct next
sweep_end(struct task *t)
{
	return done(t);
}

/* The next run does what this one could not. */
static struct next
sweep_failed(struct task *t)
{
	const struct err *e = task_error(t);

	if (e->kind != ERR_STOPPED)
		log_warn(t, "sweep_failed", "error=%.*s", LOG_STR(err_text(task_arena(t), e)));
	return fail(t, e);
}

static void sweep_plan(struct sweep *s);

static void
sweep_ended(void *arg, const struct err *e)
{
	struct sweep *s = arg;

	(void)e;
	s->running = false;
	sweep_plan(s);
}

static void
sweep_due(void *arg)
{
	struct sweep *s = arg;

	s->running = true;
	(void)task_start(&(const struct task_start){.loop = s->env->loop,
		.flow = &sweep_flow,
		.ended = sweep_ended,
		.ended_arg = s});
}

static void
sweep_plan(struct sweep *s)
{
	if (!s->stopped)
		loop_timer_set(s->env->loop, &s->timer,
			SWEEP_MS + (int64_t)arc4random_uniform(SWEEP_MS), sweep_due, s);
}

struct sweep *
sweep_start(struct env *env)
{
	struct sweep *s = xcalloc(1, sizeof(*s));

	s->env = env;
	sweep_plan(s);
	return s;
}

void
sweep_stop(struct sweep *s)
{
	if (!s)
		return;
	s->stopped = true;
	loop_timer_clear(&s->timer);
}

void
sweep_free(struct sweep *s)
{
	if (!s)
		return;
	assert(!s->running);
	loop_timer_clear(&s->timer);
	free(s);
}
