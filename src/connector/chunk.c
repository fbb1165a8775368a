#include "connector/chunk.h"

#include "db/queue.h"

struct chunk {
	const struct chunk_arg *arg;
	struct db_batch tx;
};

static step_fn chunk_ask, chunk_known, chunk_write, chunk_done, chunk_failed;

static const struct flow chunk_flow = {
	.name = "connector.chunk",
	.size = sizeof(struct chunk),
	.deadline_ms = 120000,
	.first = chunk_ask,
	.failed = chunk_failed,
};

static struct next
chunk_ask(struct task *t)
{
	struct chunk *c = task_state(t);

	c->arg = task_arg(t);
	db_batch_init(&c->tx, task_arena(t));
	ingest_run_ask(c->arg->run, c->arg->source->id, &c->tx);
	return c->tx.n ? await_rows(t, &c->tx, chunk_known) : go(t, chunk_write);
}

static struct next
chunk_known(struct task *t)
{
	struct chunk *c = task_state(t);
	const struct err *e = ingest_run_decide(c->arg->run, c->arg->source, &c->tx);

	if (e)
		return fail(t, e);
	db_batch_init(&c->tx, task_arena(t));
	ingest_run_ids(c->arg->run, &c->tx);
	return c->tx.n ? await_rows(t, &c->tx, chunk_write) : go(t, chunk_write);
}

static struct next
chunk_write(struct task *t)
{
	struct chunk *c = task_state(t);
	const struct chunk_arg *g = c->arg;
	const struct err *e = ingest_run_take_ids(g->run, &c->tx);

	if (e)
		return fail(t, e);
	db_batch_init(&c->tx, task_arena(t));
	queue_fence(&c->tx, g->job);
	ingest_run_posts(g->run, g->source, &c->tx);
	if (ingest_run_last(g->run))
		g->settle(g->settle_arg, &c->tx);
	ingest_run_record(g->run, &c->tx);
	return await_commit(t, &c->tx, chunk_done);
}

static struct next
chunk_done(struct task *t)
{
	return done(t);
}

static struct next
chunk_failed(struct task *t)
{
	return fail(t, task_error(t));
}

struct next
await_chunk_at(struct task *t, const struct chunk_arg *arg, step_fn *then, const char *name)
{
	return task_call(t, &chunk_flow, arg, sizeof(*arg), NULL, then, name);
}
