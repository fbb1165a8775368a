#include "lib/dbrun.h"

#include <libpq-fe.h>

#include "lib/check.h"
#include "lib/pg.h"

struct dbrun_state {
	struct db_batch batch;
};

static step_fn dbrun_first, dbrun_ask, dbrun_read, dbrun_failed;

#define DBRUN_FLOW(ident, ms)                                                                  \
	static const struct flow ident = {                                                     \
		.name = "test.batch",                                                          \
		.size = sizeof(struct dbrun_state),                                            \
		.deadline_ms = (ms),                                                           \
		.first = dbrun_first,                                                          \
		.failed = dbrun_failed,                                                        \
	}
DBRUN_FLOW(dbrun_flow, 10000);
DBRUN_FLOW(dbrun_flow_50, 50);
DBRUN_FLOW(dbrun_flow_200, 200);

static struct dbrun_call *
dbrun_call_of(struct task *t)
{
	return *(struct dbrun_call *const *)task_arg(t);
}

static struct next
dbrun_first(struct task *t)
{
	struct dbrun_call *c = dbrun_call_of(t);

	return c->after_ms ? await_sleep(t, c->after_ms, dbrun_ask) : go(t, dbrun_ask);
}

static struct next
dbrun_ask(struct task *t)
{
	struct dbrun_call *c = dbrun_call_of(t);
	struct dbrun_state *s = task_state(t);

	db_batch_init(&s->batch, task_arena(t));
	c->fill(&s->batch, c->ctx);
	return c->rows ? await_rows(t, &s->batch, dbrun_read)
		       : await_commit(t, &s->batch, dbrun_read);
}

static struct next
dbrun_read(struct task *t)
{
	struct dbrun_call *c = dbrun_call_of(t);
	struct dbrun_state *s = task_state(t);

	c->step_ran = true;
	if (c->read)
		c->read(&s->batch, c->ctx);
	return done(t);
}

static struct next
dbrun_failed(struct task *t)
{
	return fail(t, task_error(t));
}

struct dbrun_end {
	struct dbrun *run;
	struct dbrun_call *call;
};

static void
dbrun_ended(void *arg, const struct err *e)
{
	struct dbrun_end *end = arg;
	struct dbrun_call *c = end->call;
	struct dbrun *r = end->run;
	struct arena *a = arena_new();

	free(end);
	c->ended = true;
	c->task = NULL;
	if (e) {
		c->failed = true;
		c->kind = e->kind;
		(void)snprintf(c->text, sizeof(c->text), "%.*s", SPAN_FMT(err_text(a, e)));
	}
	arena_free(a);
	if (--r->alive == 0)
		loop_stop(r->loop, 0);
}

struct db_opts
dbrun_opts(struct span dsn, int connections)
{
	return (struct db_opts){
		.dsn = dsn,
		.name = SPAN("litfass test"),
		.connections = connections,
		.wait_ms = 5000,
		.statement_timeout_ms = 5000,
	};
}

struct span
dbrun_database(struct pg *p)
{
	const struct span dsn = pg_database(p);
	struct arena *a = arena_new();
	int applied;

	check_ok(a, db_migrate(a, dsn, &applied));
	arena_free(a);
	return dsn;
}

struct dbrun *
dbrun_new(const struct db_opts *o)
{
	struct dbrun *r = xcalloc(1, sizeof(*r));

	r->loop = loop_new(&r->env);
	r->db = db_new(r->loop, o);
	r->env.loop = r->loop;
	r->env.db = r->db;
	return r;
}

void
dbrun_start(struct dbrun *r, struct dbrun_call *c)
{
	struct dbrun_end *end = xcalloc(1, sizeof(*end));
	const struct task_start s = {
		.loop = r->loop,
		.flow = c->deadline_ms == 50    ? &dbrun_flow_50
			: c->deadline_ms == 200 ? &dbrun_flow_200
						: &dbrun_flow,
		.arg = &c,
		.arg_size = sizeof(struct dbrun_call *),
		.ended = dbrun_ended,
		.ended_arg = end,
	};

	end->run = r;
	end->call = c;
	r->alive++;
	c->task = task_start(&s);
}

void
dbrun_wait(struct dbrun *r)
{
	loop_run(r->loop);
	assert_int_equal(r->alive, 0);
}

void
dbrun_free(struct dbrun *r)
{
	db_free(r->db);
	loop_free(r->loop);
	free(r);
}

static void
dbrun_one(struct span dsn, struct dbrun_call *c)
{
	const struct db_opts o = dbrun_opts(dsn, 1);
	struct dbrun *r = dbrun_new(&o);

	dbrun_start(r, c);
	dbrun_wait(r);
	dbrun_free(r);
}

void
dbrun_ok(struct span dsn, void (*fill)(struct db_batch *, void *),
	void (*read)(const struct db_batch *, void *), void *ctx)
{
	struct dbrun_call c = {.fill = fill, .read = read, .ctx = ctx};

	dbrun_one(dsn, &c);
	if (c.failed)
		check_fail("%s", c.text);
	assert_true(c.step_ran);
}

enum err_kind
dbrun_fails(struct span dsn, void (*fill)(struct db_batch *, void *), void *ctx)
{
	struct dbrun_call c = {.fill = fill, .ctx = ctx};

	dbrun_one(dsn, &c);
	assert_true(c.failed);
	assert_false(c.step_ran);
	return c.kind;
}

/* ---- beside another session ---- */

struct dbrun_other {
	struct span dsn;
	PGconn *pg;
	const char *then;
	struct loop *loop;
	struct loop_timer timer;
	bool done;
};

static void
other_says(struct dbrun_other *o, const char *sql)
{
	PGresult *r = PQexec(o->pg, sql);

	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
		check_fail("%s: %s", sql, PQerrorMessage(o->pg));
	PQclear(r);
}

static void
other_looks(void *arg)
{
	struct dbrun_other *o = arg;

	if (strcmp(pg_sql(o->dsn, "SELECT count(*) FROM pg_stat_activity WHERE datname ="
				  " current_database() AND wait_event_type = 'Lock'"),
		    "0") == 0) {
		loop_timer_set(o->loop, &o->timer, 10, other_looks, o);
		return;
	}
	other_says(o, o->then);
	other_says(o, "COMMIT");
	o->done = true;
}

void
dbrun_beside(struct span dsn, void (*fill)(struct db_batch *, void *), const char *first,
	const char *then)
{
	const struct db_opts opts = dbrun_opts(dsn, 2);
	struct dbrun_other o = {.dsn = dsn, .pg = PQconnectdb(dsn.p), .then = then};
	struct dbrun_call c = {.fill = fill};
	struct dbrun *r;

	/* Shorter than what PostgreSQL waits before it looks for a circle. */
	other_says(&o, "BEGIN; SET lock_timeout = '500ms'");
	other_says(&o, first);
	r = dbrun_new(&opts);
	o.loop = r->loop;
	loop_timer_set(o.loop, &o.timer, 10, other_looks, &o);
	dbrun_start(r, &c);
	dbrun_wait(r);
	dbrun_free(r);
	PQfinish(o.pg);
	assert_true(o.done && c.step_ran && !c.failed);
}
