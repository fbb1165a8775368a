#include "web/generation.h"

#include "base/clock.h"
#include "db/db.h"
#include "hub/setting.h"

/* Shorter than what the cache bridges, longer than a busy pool lets wait. */
#define GENERATION_DEADLINE_MS 5000

struct generation_read {
	struct db_batch batch, followers;
	int64_t asked_ms;
};

static step_fn generation_ask, generation_got, generation_done, generation_failed;

static const struct flow generation_flow = {
	.name = "web.generation",
	.size = sizeof(struct generation_read),
	.deadline_ms = GENERATION_DEADLINE_MS,
	.first = generation_ask,
	.failed = generation_failed,
};

static struct next
generation_ask(struct task *t)
{
	struct generation_read *s = task_state(t);

	s->asked_ms = clock_mono_ms();
	db_batch_init(&s->batch, task_arena(t));
	s->batch.lane = DB_LANE_VITAL;
	(void)generation_read(&s->batch);
	return await_rows(t, &s->batch, generation_got);
}

static struct next
generation_got(struct task *t)
{
	struct generation_read *s = task_state(t);
	int64_t n;
	bool due;
	const struct err *e = generation_row(&s->batch, 0, &n, &due);

	if (e)
		return fail(t, e);
	cache_saw(repeat_arg(t), n, s->asked_ms);
	if (!due)
		return done(t);
	db_batch_init(&s->followers, task_arena(t));
	s->followers.lane = DB_LANE_VITAL;
	generation_followers(&s->followers);
	return await_commit(t, &s->followers, generation_done);
}

static struct next
generation_done(struct task *t)
{
	return done(t);
}

static struct next
generation_failed(struct task *t)
{
	return fail(t, task_error(t));
}

struct repeat *
generation_start(struct env *env, struct cache *cache)
{
	struct repeat *r =
		repeat_start(env->loop, &(const struct repeat_opts){.flow = &generation_flow,
						.arg = cache,
						.pause_ms = GENERATION_EVERY_MS,
						.hint_ms = GENERATION_PAUSE_MS});

	db_listen(env->db, "generation", repeat_hint, r);
	return r;
}
