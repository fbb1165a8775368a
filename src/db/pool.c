#include "db/run.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/metric.h"
#include "db/resolve.h"

#define DB_MAGIC 0xdb000d01u
#define RUN_REPEATS_MAX 5 /* for what others do, see batch.h */
#define RUN_LOSSES_MAX 5  /* for connections, above those that the lane has */
#define PIPE_DEPTH 4      /* batches in flight per connection */
#define REPEAT_PAUSE_MS 5 /* times the number of repetitions, with jitter */

struct pool_lane {
	struct db_pipe **pipes;
	size_t n_pipes;
	struct list waiting; /* struct db_run, first come first served */
};

struct db {
	unsigned magic;
	struct loop *loop;
	struct db_opts opts;
	char *dsn, *name;
	struct pool_lane lanes[DB_LANES];
	struct db_listener *listener;
	struct db_resolver *names;
	bool pumping, freeing;
};

static bool run_cancel(struct task *t, void *arg);
static const struct wait_ops run_wait = {.name = "db", .cancel = run_cancel};

static void
run_free(struct db_run *r)
{
	assert(!r->pipe);
	list_unlink(&r->link);
	loop_timer_clear(&r->timer);
	db_run_drop(r);
	free(r->message);
	free(r);
}

/* Ends the wait. e lives in the batch's arena or is NULL. */
static void
run_wake(struct db_run *r, const struct err *e)
{
	struct task *t = r->task;

	r->task = NULL;
	run_free(r);
	if (t)
		task_wake(t, e);
}

static bool
run_cancel(struct task *t, void *arg)
{
	struct db_run *r = arg;

	assert(r->task == t);
	r->task = NULL;
	r->batch = NULL;
	/* What was sent runs to its end on the server; its results find nobody. */
	if (!r->pipe)
		run_free(r);
	return true;
}

static bool
lane_up(const struct pool_lane *l)
{
	for (size_t i = 0; i < l->n_pipes; i++)
		if (db_pipe_up(l->pipes[i]))
			return true;
	return false;
}

static struct pool_lane *
run_lane(const struct db_run *r)
{
	struct pool_lane *l = &r->db->lanes[r->lane];

	return l->n_pipes ? l : &r->db->lanes[DB_LANE_WORK];
}

static void
run_waited(void *arg)
{
	struct db_run *r = arg;
	const struct pool_lane *l = run_lane(r);
	const struct span why = db_pipe_why(l->pipes[0]);

	if (lane_up(l))
		run_wake(r, err_new(r->batch->arena, ERR_UNAVAILABLE,
				    "the database is busy, try again later"));
	else
		run_wake(r, err_new(r->batch->arena, ERR_DB_GONE,
				    "the database cannot be reached: %.*s",
				    SPAN_FMT(why.p ? why : SPAN("no answer yet"))));
}

/* Into the queue; what had a place before gets in front. */
static void
run_queue(struct db_run *r, bool front)
{
	struct db *d = r->db;
	struct pool_lane *l = run_lane(r);

	if (front)
		list_prepend(&l->waiting, &r->link);
	else
		list_append(&l->waiting, &r->link);
	loop_timer_set(d->loop, &r->timer, d->opts.wait_ms, run_waited, r);
}

static struct db_pipe *
lane_place(struct pool_lane *l)
{
	struct db_pipe *best = NULL;

	for (size_t i = 0; i < l->n_pipes; i++) {
		struct db_pipe *p = l->pipes[i];

		if (db_pipe_load(p) < (best ? db_pipe_load(best) : PIPE_DEPTH) && db_pipe_up(p))
			best = p;
	}
	return best;
}

static void
lane_pump(struct pool_lane *l)
{
	struct db_pipe *p;

	while (!list_empty(&l->waiting) && (p = lane_place(l))) {
		struct db_run *r = LIST_ENTRY(list_pop(&l->waiting), struct db_run, link);

		/* Nothing has left: it waits on, for as long as it may, for another. */
		if (!db_pipe_send(p, r)) {
			list_prepend(&l->waiting, &r->link);
			continue;
		}
		loop_timer_clear(&r->timer);
		r->sent_us = clock_us();
	}
}

static void
pool_pump(struct db *d)
{
	if (d->pumping || d->freeing)
		return;
	d->pumping = true;
	for (size_t i = 0; i < DB_LANES; i++)
		lane_pump(&d->lanes[i]);
	d->pumping = false;
}

struct next
db_pool_wait(
	struct task *t, struct db_batch *b, bool read_only, step_fn *then, const char *name)
{
	struct db *d = task_env(t)->db;
	struct db_run *r = xcalloc(1, sizeof(*r));
	struct next parked;

	MAGIC_CHECK(d, DB_MAGIC);
	assert(b->n > 0 && !b->sent);
	b->sent = true;
	r->db = d;
	r->lane = b->lane;
	r->task = t;
	r->batch = b;
	r->read_only = read_only;
	run_queue(r, false);
	parked = task_park(t, &run_wait, r, then, name);
	pool_pump(d);
	return parked;
}

static void
run_again(void *arg)
{
	struct db_run *r = arg;

	run_queue(r, true);
	pool_pump(r->db);
}

/* Nothing of it has happened, or it may happen twice: once more, after a pause. */
static void
run_repeat(struct db_run *r, bool pause)
{
	int64_t ms = 0;

	db_run_drop(r);
	if (pause)
		ms = REPEAT_PAUSE_MS * r->repeats * (50 + clock_us() % 100) / 100;
	if (ms)
		loop_timer_set(r->db->loop, &r->timer, ms, run_again, r);
	else
		run_queue(r, true);
}

static void
run_succeed(struct db_run *r)
{
	struct db_batch *b = r->batch;
	const struct err *e = NULL;

	metric_observe_us(METRIC_DB_SECONDS, clock_us() - r->sent_us);
	b->results = ARENA_ARRAY(b->arena, r->n, struct db_result *);
	for (size_t i = 0; i < r->n; i++) {
		if (!e)
			e = db_result_check(b->arena, r->stmts[i], r->results[i]);
		db_result_give(b, i, r->stmts[i], r->results[i]);
		r->results[i] = NULL;
		if (r->stmts[i]->counts)
			metric_add(*r->stmts[i]->counts, db_affected(b, i));
	}
	r->pipe = NULL;
	run_wake(r, e);
}

static void
run_fail(struct db_run *r)
{
	const struct err *e = db_error(r->batch->arena, r->sqlstate, r->message, r->about);

	r->pipe = NULL;
	run_wake(r, e);
}

/*
 * Counts what a bad connection cost. Each of the lane may be bad, as after a failover, before
 * it is the batch.
 */
static bool
run_may_lose(struct db_run *r)
{
	return r->losses++ < RUN_LOSSES_MAX + run_lane(r)->n_pipes;
}

/* May it be sent once more? Counts it. */
static bool
run_may_repeat(struct db_run *r, enum db_verdict verdict)
{
	switch (verdict) {
	case DB_RECONNECT:
		return run_may_lose(r);
	case DB_REPEAT:
	case DB_REPREPARE:
		return r->repeats++ < RUN_REPEATS_MAX;
	default:
		return false;
	}
}

static void
pool_finished(struct db *d, struct db_run *r)
{
	struct db_pipe *p = r->pipe;
	enum db_verdict verdict;

	MAGIC_CHECK(d, DB_MAGIC);
	if (!r->task) {
		r->pipe = NULL;
		run_free(r);
		return;
	}
	if (!r->sqlstate[0]) {
		run_succeed(r);
		return;
	}
	verdict = db_judge(r->sqlstate, r->stale);
	if (verdict == DB_REPREPARE)
		db_pipe_forget(p);
	if (verdict == DB_RECONNECT)
		db_pipe_break(p, r->message);
	if (run_may_repeat(r, verdict))
		run_repeat(r, verdict == DB_REPEAT);
	else
		run_fail(r);
}

static void
pool_lost(struct db *d, struct db_run *r, bool may_have_committed, struct span why)
{
	MAGIC_CHECK(d, DB_MAGIC);
	r->pipe = NULL;
	if (!r->task) {
		run_free(r);
		return;
	}
	if ((r->read_only || !may_have_committed) && run_may_lose(r)) {
		run_queue(r, true);
		return;
	}
	if (may_have_committed && !r->read_only)
		run_wake(r, err_new(r->batch->arena, ERR_UNCERTAIN,
				    "the connection to the database broke before the answer, "
				    "so the change may or may not have been made: %.*s",
				    SPAN_FMT(why)));
	else
		run_wake(r, err_new(r->batch->arena, ERR_DB_GONE,
				    "the connection to the database broke again and again: "
				    "%.*s",
				    SPAN_FMT(why)));
}

static const struct db_pipe_ops pool_pipe_ops = {
	.finished = pool_finished,
	.lost = pool_lost,
	.pump = pool_pump,
};

static void
lane_open(struct db *d, enum db_lane lane, int connections, int statement_timeout_ms)
{
	struct pool_lane *l = &d->lanes[lane];
	struct db_opts o = d->opts;

	o.statement_timeout_ms = statement_timeout_ms;
	list_init(&l->waiting);
	l->n_pipes = (size_t)connections;
	l->pipes = xcalloc(l->n_pipes + 1, sizeof(struct db_pipe *));
	for (size_t i = 0; i < l->n_pipes; i++)
		l->pipes[i] = db_pipe_new(d, d->loop, d->names, &o, &pool_pipe_ops);
}

struct db *
db_new(struct loop *l, const struct db_opts *o)
{
	struct db *d = xcalloc(1, sizeof(*d));
	struct arena *a = arena_new();

	assert(o->connections > 0 && o->wait_ms > 0);
	d->magic = DB_MAGIC;
	d->loop = l;
	d->opts = *o;
	d->dsn = xstrdup(arena_cstr(a, o->dsn));
	d->name = xstrdup(arena_cstr(a, o->name));
	arena_free(a);
	d->opts.dsn = span_of(d->dsn);
	d->opts.name = span_of(d->name);
	d->names = db_resolver_new(l);
	lane_open(d, DB_LANE_WORK, o->connections, o->statement_timeout_ms);
	lane_open(d, DB_LANE_PUBLIC, o->public_connections, o->public_timeout_ms);
	lane_open(d, DB_LANE_VITAL, o->vital_connections, o->statement_timeout_ms);
	return d;
}

void
db_free(struct db *d)
{
	if (!d)
		return;
	MAGIC_CHECK(d, DB_MAGIC);
	d->freeing = true;
	db_listener_free(d->listener);
	for (size_t i = 0; i < DB_LANES; i++) {
		assert(list_empty(&d->lanes[i].waiting));
		for (size_t n = 0; n < d->lanes[i].n_pipes; n++)
			db_pipe_free(d->lanes[i].pipes[n]);
		free(d->lanes[i].pipes);
	}
	db_resolver_free(d->names);
	free(d->dsn);
	free(d->name);
	d->magic = 0;
	free(d);
}

bool
db_ready(const struct db *d)
{
	for (size_t i = 0; i < DB_LANES; i++)
		if (lane_up(&d->lanes[i]))
			return true;
	return false;
}

void
db_listen(struct db *d, const char *channel, db_notify_fn *fn, void *arg)
{
	if (!d->listener)
		d->listener = db_listener_new(d->loop, d->names, &d->opts);
	db_listener_add(d->listener, channel, fn, arg);
}
