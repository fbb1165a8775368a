#include "main/checkpoint.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/conf.h"
#include "crypto/pkey.h"
#include "db/db.h"
#include "hub/record.h"
#include "task/task.h"

#define CHECKPOINT_MAGIC 0x63686b70u
#define CHECKPOINT_POLL_MS 500 /* the truth; the hint of the database only hastens */
#define CHECKPOINT_HINT_MS 250 /* many entries in a row get one signature */

struct checkpoint {
	unsigned magic;
	struct env *env;
	struct loop_timer timer;
	bool running, stopped;
	bool failing; /* said so already */
};

struct checkpoint_state {
	struct db_batch batch;
	struct record_checkpoint head;
};

static step_fn checkpoint_ask, checkpoint_sign, checkpoint_signed, checkpoint_failed;

static const struct flow checkpoint_flow = {
	.name = "main.checkpoint",
	.size = sizeof(struct checkpoint_state),
	.deadline_ms = 15000,
	.first = checkpoint_ask,
	.failed = checkpoint_failed,
};

static struct next
checkpoint_ask(struct task *t)
{
	struct checkpoint_state *s = task_state(t);

	db_batch_init(&s->batch, task_arena(t));
	(void)checkpoint_due(&s->batch, task_env(t)->hub);
	return await_rows(t, &s->batch, checkpoint_sign);
}

/* Ed25519 takes some 50 us: not worth a thread. */
static struct next
checkpoint_sign(struct task *t)
{
	struct checkpoint_state *s = task_state(t);
	const struct hub *h = task_env(t)->hub;
	struct arena *a = task_arena(t);
	const struct err *e;

	if (db_rows(&s->batch, 0) == 0)
		return done(t);
	e = checkpoint_row(&s->batch, 0, 0, &s->head);
	if (!e)
		e = pkey_sign(
			a, h->checkpoint_key, checkpoint_text(a, &s->head), &s->head.signature);
	if (e)
		return fail(t, e);
	db_batch_init(&s->batch, a);
	checkpoint_store(&s->batch, &s->head);
	return await_commit(t, &s->batch, checkpoint_signed);
}

static struct next
checkpoint_signed(struct task *t)
{
	const struct checkpoint_state *s = task_state(t);

	log_debug(t, "checkpoint_signed", "epoch=%" PRId64 " seq=%" PRId64, s->head.epoch,
		s->head.seq);
	return done(t);
}

static struct next
checkpoint_failed(struct task *t)
{
	return fail(t, task_error(t));
}

static void checkpoint_due_now(void *arg);

static void
checkpoint_ended(void *arg, const struct err *e)
{
	struct checkpoint *c = arg;
	struct arena *a;

	c->running = false;
	if (e && !c->failing && e->kind != ERR_STOPPED) {
		a = arena_new();
		log_at(LOG_WARN, NULL, "checkpoint_failed", "text=%.*s",
			SPAN_FMT(err_text(a, e)));
		arena_free(a);
	}
	c->failing = e != NULL;
	if (!c->stopped)
		loop_timer_set(
			c->env->loop, &c->timer, CHECKPOINT_POLL_MS, checkpoint_due_now, c);
}

static void
checkpoint_due_now(void *arg)
{
	struct checkpoint *c = arg;

	if (c->stopped || c->running)
		return;
	c->running = true;
	(void)task_start(&(const struct task_start){.loop = c->env->loop,
		.flow = &checkpoint_flow,
		.ended = checkpoint_ended,
		.ended_arg = c});
}

static void
checkpoint_hint(void *arg)
{
	struct checkpoint *c = arg;
	const int64_t soon = clock_mono_ms() + CHECKPOINT_HINT_MS;

	if (!c->stopped && !c->running && c->timer.place && c->timer.at_ms > soon)
		loop_timer_set(
			c->env->loop, &c->timer, CHECKPOINT_HINT_MS, checkpoint_due_now, c);
}

struct checkpoint *
checkpoint_start(struct env *env)
{
	struct checkpoint *c = xcalloc(1, sizeof(*c));

	c->magic = CHECKPOINT_MAGIC;
	c->env = env;
	c->stopped = !(env->conf->roles & ROLE_INGEST);
	if (!c->stopped) {
		db_listen(env->db, "record", checkpoint_hint, c);
		checkpoint_due_now(c);
	}
	return c;
}

void
checkpoint_stop(struct checkpoint *c)
{
	MAGIC_CHECK(c, CHECKPOINT_MAGIC);
	c->stopped = true;
	loop_timer_clear(&c->timer);
}

void
checkpoint_free(struct checkpoint *c)
{
	if (!c)
		return;
	MAGIC_CHECK(c, CHECKPOINT_MAGIC);
	assert(!c->running);
	loop_timer_clear(&c->timer);
	c->magic = 0;
	free(c);
}
