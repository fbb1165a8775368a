#include "ap/sweep.h"

#include "hub/remote.h"

#define SWEEP_MS 3600000

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
	return fail(t, task_error(t));
}

struct repeat *
sweep_start(struct env *env)
{
	return repeat_start(env->loop, &(const struct repeat_opts){.flow = &sweep_flow,
					       .first_ms = SWEEP_MS,
					       .pause_ms = SWEEP_MS,
					       .spread = true});
}
