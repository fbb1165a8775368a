#include "web/generation.h"

#include <stdlib.h>

#include "base/clock.h"
#include "db/db.h"
#include "hub/setting.h"
#include "task/task.h"

/* Shorter than what the cache bridges, longer than a busy pool lets wait. */
#define GENERATION_DEADLINE_MS 5000

struct generation {
	struct env *env;
	struct cache *cache;
	struct loop_timer timer;
	bool reading, again; /* again: told of a change while reading */
	/* Said in the log, once in a row: */
	bool blind; /* the last reading failed */
	bool stuck; /* the last count of followers failed */
};

struct generation_read {
	struct generation *g;
	struct db_batch batch, followers;
	int64_t asked_ms;
	bool seen;
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

	s->g = *(struct generation *const *)task_arg(t);
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
	cache_saw(s->g->cache, n, s->asked_ms);
	if (s->g->blind)
		log_info(t, "generation_seen", "n=%lld", (long long)n);
	s->g->blind = false;
	s->seen = true;
	if (!due)
		return go(t, generation_done);
	db_batch_init(&s->followers, task_arena(t));
	s->followers.lane = DB_LANE_VITAL;
	generation_followers(&s->followers);
	return await_commit(t, &s->followers, generation_done);
}

static struct next
generation_done(struct task *t)
{
	struct generation_read *s = task_state(t);

	s->g->stuck = false;
	return done(t);
}

static struct next
generation_failed(struct task *t)
{
	struct generation_read *s = task_state(t);
	bool *said = s->seen ? &s->g->stuck : &s->g->blind;
	const struct span error = err_text(task_arena(t), task_error(t));

	if (task_error(t)->kind == ERR_STOPPED || *said)
		return done(t);
	*said = true;
	if (s->seen)
		log_warn(t, "followers_not_counted", "error=%.*s", LOG_STR(error));
	else
		log_warn(t, "generation_unreadable", "error=%.*s cached_pages_for_s=%d",
			LOG_STR(error), CACHE_BLIND_MS / 1000);
	return done(t);
}

static void generation_due(void *arg);

static void
generation_ended(void *arg, const struct err *e)
{
	struct generation *g = arg;

	(void)e;
	g->reading = false;
	if (!loop_stopping(g->env->loop))
		loop_timer_set(g->env->loop, &g->timer,
			g->again ? GENERATION_PAUSE_MS : GENERATION_EVERY_MS, generation_due,
			g);
}

static void
generation_due(void *arg)
{
	struct generation *g = arg;

	if (g->reading || loop_stopping(g->env->loop))
		return;
	g->reading = true;
	g->again = false;
	(void)task_start(&(const struct task_start){.loop = g->env->loop,
		.flow = &generation_flow,
		.arg = &g,
		.arg_size = sizeof(g),
		.ended = generation_ended,
		.ended_arg = g});
}

/* A burst of changes must not become a burst of readings. */
static void
generation_moved(void *arg)
{
	struct generation *g = arg;

	if (g->reading || loop_stopping(g->env->loop)) {
		g->again = true;
		return;
	}
	if (!g->again)
		loop_timer_set(g->env->loop, &g->timer, GENERATION_PAUSE_MS, generation_due, g);
	g->again = true;
}

struct generation *
generation_start(struct env *env, struct cache *cache)
{
	struct generation *g = xcalloc(1, sizeof(*g));

	g->env = env;
	g->cache = cache;
	db_listen(env->db, "generation", generation_moved, g);
	loop_timer_set(env->loop, &g->timer, 0, generation_due, g);
	return g;
}

void
generation_free(struct generation *g)
{
	if (!g)
		return;
	loop_timer_clear(&g->timer);
	free(g);
}
