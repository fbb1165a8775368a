#include "main/checkpoint.h"

#include <inttypes.h>

#include "base/conf.h"
#include "crypto/pkey.h"
#include "db/db.h"
#include "hub/record.h"

#define CHECKPOINT_POLL_MS 500 /* the truth; the hint of the database only hastens */
#define CHECKPOINT_HINT_MS 250 /* many entries in a row get one signature */

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

struct repeat *
checkpoint_start(struct env *env)
{
	struct repeat *r;

	if (!(env->conf->roles & ROLE_INGEST))
		return NULL;
	r = repeat_start(env->loop, &(const struct repeat_opts){.flow = &checkpoint_flow,
					    .pause_ms = CHECKPOINT_POLL_MS,
					    .hint_ms = CHECKPOINT_HINT_MS});
	db_listen(env->db, "record", repeat_hint, r);
	return r;
}
