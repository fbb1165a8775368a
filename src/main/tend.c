#include "main/tend.h"

#include "base/conf.h"
#include "hub/post.h"
#include "hub/source.h"

#define TEND_FIRST_MS 1000
#define TEND_MS 60000

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

/* The next run does what this one could not. */
static struct next
tend_failed(struct task *t)
{
	return fail(t, task_error(t));
}

struct repeat *
tend_start(struct env *env)
{
	if (!(env->conf->roles & ROLE_INGEST))
		return NULL;
	return repeat_start(env->loop, &(const struct repeat_opts){.flow = &tend_flow,
					       .first_ms = TEND_FIRST_MS,
					       .pause_ms = TEND_MS,
					       .spread = true});
}
