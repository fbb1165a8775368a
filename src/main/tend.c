#include "main/tend.h"

#include <stdlib.h>

#include "base/conf.h"
#include "base/log.h"
#include "hub/post.h"
#include "hub/source.h"
#include "task/task.h"

#define TEND_MAGIC 0x74656e64u
#define TEND_FIRST_MS 1000
#define TEND_MS 60000 /* one to two of them between two runs */

struct tend {
	unsigned magic;
	struct env *env;
	struct loop_timer timer;
	bool running, stopped;
};

struct tend_run {
	struct db_batch batch;
};

static step_fn tend_begin, tend_end, tend_failed;

static const struct flow tend_flow = {
	.name = "main.tend",
	.size = sizeof(struct tend_run),
	.deadline_ms = 60000,
	.first = tend_begin,
	.failed = tend_failed,
};

static struct next
tend_begin(struct task *t)
{
	struct tend_run *r = task_state(t);

	db_batch_init(&r->batch, task_arena(t));
	source_plan_missing(&r->batch);
	post_plan_missing(&r->batch, task_env(t)->hub);
	return await_commit(t, &r->batch, tend_end);
}

static struct next
tend_end(struct task *t)
{
	return done(t);
}

/* The next run does what this one could not; ERR_CONFLICT: somebody else has done it. */
static struct next
tend_failed(struct task *t)
{
	const struct err *e = task_error(t);

	if (e->kind != ERR_STOPPED && e->kind != ERR_CONFLICT)
		log_warn(t, "tend_failed", "error=%.*s", LOG_STR(err_text(task_arena(t), e)));
	return fail(t, e);
}

static void tend_plan(struct tend *d, int64_t ms);

static void
tend_ended(void *arg, const struct err *e)
{
	struct tend *d = arg;

	(void)e;
	d->running = false;
	tend_plan(d, TEND_MS);
}

static void
tend_due(void *arg)
{
	struct tend *d = arg;

	d->running = true;
	(void)task_start(&(const struct task_start){
		.loop = d->env->loop, .flow = &tend_flow, .ended = tend_ended, .ended_arg = d});
}

static void
tend_plan(struct tend *d, int64_t ms)
{
	if (!d->stopped)
		loop_timer_set(d->env->loop, &d->timer,
			ms + (int64_t)arc4random_uniform((uint32_t)ms), tend_due, d);
}

struct tend *
tend_start(struct env *env)
{
	struct tend *d = xcalloc(1, sizeof(*d));

	d->magic = TEND_MAGIC;
	d->env = env;
	d->stopped = !(env->conf->roles & ROLE_INGEST);
	tend_plan(d, TEND_FIRST_MS);
	return d;
}

void
tend_stop(struct tend *d)
{
	MAGIC_CHECK(d, TEND_MAGIC);
	d->stopped = true;
	loop_timer_clear(&d->timer);
}

void
tend_free(struct tend *d)
{
	if (!d)
		return;
	MAGIC_CHECK(d, TEND_MAGIC);
	assert(!d->running);
	loop_timer_clear(&d->timer);
	d->magic = 0;
	free(d);
}
