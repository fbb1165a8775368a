#include "db/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "db/conn.h"

#define PIPE_MAGIC 0xdb91be01u
#define PIPE_FORGET "DEALLOCATE ALL" /* so that the session knows as little as we do */

struct db_pipe {
	unsigned magic;
	struct db *db;
	const struct db_pipe_ops *ops;
	struct db_conn *conn;
	bool up;
	bool forgot;          /* the session may hold statements that `prepared` does not */
	struct map *prepared; /* by name; value: the statement, prepared or about to be */
	struct list runs;     /* in flight, in the order of their answers */
	size_t load;
};

static bool
pipe_on_up(void *owner, PGconn *pg)
{
	struct db_pipe *p = owner;

	MAGIC_CHECK(p, PIPE_MAGIC);
	if (PQenterPipelineMode(pg) != 1)
		return false;
	map_free(p->prepared, NULL);
	p->prepared = map_new();
	p->forgot = false;
	p->up = true;
	p->ops->pump(p->db);
	return true;
}

static void
pipe_on_down(void *owner, struct span why)
{
	struct db_pipe *p = owner;

	MAGIC_CHECK(p, PIPE_MAGIC);
	p->up = false;
	while (!list_empty(&p->runs)) {
		/* From the back, so that they stand in the queue in their old order. */
		struct db_run *r = LIST_ENTRY(p->runs.prev, struct db_run, link);
		/* Refused means rolled back; anything else we cannot know. */
		const bool unsure = !r->refused;

		list_unlink(&r->link);
		p->load--;
		db_run_drop(r);
		p->ops->lost(p->db, r, unsure, why);
	}
	/* A neighbour may be idle. */
	p->ops->pump(p->db);
}

static void
run_error(struct db_run *r, const PGresult *res, const char *about)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *where = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);

	if (r->sqlstate[0])
		return;
	if (!text)
		text = PQresultErrorMessage(res);
	memcpy(r->sqlstate, "XX000", sizeof(r->sqlstate));
	if (state && strlen(state) == 5)
		memcpy(r->sqlstate, state, 5);
	free(r->message);
	r->message = xstrdup(text ? text : "");
	r->about = about;
	/* Its SQLSTATE has other meanings, and its text a language. */
	r->stale = where && strcmp(where, "RevalidateCachedQuery") == 0;
}

static bool
result_failed(const PGresult *res)
{
	switch (PQresultStatus(res)) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_PIPELINE_SYNC:
	case PGRES_PIPELINE_ABORTED:
		return false;
	default:
		return true;
	}
}

/* The server's last words: what stands behind it in the pipeline is not read any more. */
static bool
result_ends_session(const PGresult *res)
{
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);

	return severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

/*
 * One answer to a prepare. After an error or a skip only a fresh start is sure: batches that
 * were sent meanwhile may have asked for it again, or not.
 */
static void
pipe_prepared(struct db_pipe *p, struct db_run *r, const PGresult *res)
{
	const struct db_stmt *st = r->prepare[r->at];

	if (PQresultStatus(res) == PGRES_COMMAND_OK)
		return;
	if (result_failed(res))
		run_error(r, res, st ? st->name : PIPE_FORGET);
	r->refused = r->refused || result_ends_session(res);
	db_pipe_forget(p);
}

static void
pipe_finished(struct db_pipe *p, struct db_run *r)
{
	list_unlink(&r->link);
	p->load--;
	/* It has committed, so it must not run again: whoever prepared it, all of it was there.
	 */
	if (!r->refused && !r->at_commit)
		r->sqlstate[0] = '\0';
	p->ops->finished(p->db, r);
	/* The pool has taken what it wants. */
}

/*
 * The answers come in the order of the questions, and every question has exactly one (libpq's
 * NULL between them says nothing). A failure at the commit comes as an error before the sync.
 */
static bool
pipe_answer(struct db_pipe *p, struct db_run *r, PGresult *res)
{
	const bool sync = PQresultStatus(res) == PGRES_PIPELINE_SYNC;
	const size_t first = r->n_prepare ? r->n_prepare + 1 : 0; /* place of statement 0 */
	const size_t last = first + r->n;
	const bool want_sync = (r->n_prepare && r->at == r->n_prepare) || r->at == last;

	if (want_sync && !sync) {
		if (result_failed(res)) {
			run_error(r, res, "the commit");
			r->at_commit = r->at == last;
		}
		PQclear(res);
		return true;
	}
	if (sync != want_sync) {
		PQclear(res);
		return false;
	}
	if (!sync && r->at < r->n_prepare) {
		pipe_prepared(p, r, res);
	} else if (!sync) {
		const size_t i = r->at - first;

		if (result_failed(res)) {
			run_error(r, res, r->stmts[i]->name);
			r->refused = true;
		}
		r->results[i] = res;
		res = NULL;
	}
	PQclear(res);
	if (r->at++ == last)
		pipe_finished(p, r);
	return true;
}

static void
pipe_on_input(void *owner)
{
	struct db_pipe *p = owner;
	PGconn *pg;

	MAGIC_CHECK(p, PIPE_MAGIC);
	/* Count our questions: NULL is no end, and libpq is idle only when all have answers. */
	while (!list_empty(&p->runs) && (pg = db_conn_pg(p->conn)) && !PQisBusy(pg)) {
		struct db_run *r = LIST_ENTRY(p->runs.next, struct db_run, link);
		PGresult *res = PQgetResult(pg);

		/* Of a lost connection only the server's last words count, not libpq's own. */
		if (PQstatus(pg) == CONNECTION_BAD &&
			(!res || !PQresultErrorField(res, PG_DIAG_SQLSTATE))) {
			PQclear(res);
			break;
		}
		if (!res)
			continue;
		if (!pipe_answer(p, r, res)) {
			db_conn_break(p->conn, "answers out of order");
			break;
		}
	}
	p->ops->pump(p->db);
}

static const struct db_conn_ops pipe_ops = {
	.up = pipe_on_up,
	.input = pipe_on_input,
	.down = pipe_on_down,
};

struct db_pipe *
db_pipe_new(struct db *d, struct loop *l, struct db_resolver *names, const struct db_opts *o,
	const struct db_pipe_ops *ops)
{
	struct db_pipe *p = xcalloc(1, sizeof(*p));

	p->magic = PIPE_MAGIC;
	p->db = d;
	p->ops = ops;
	p->prepared = map_new();
	list_init(&p->runs);
	p->conn = db_conn_new(l, names, o, &pipe_ops, p);
	return p;
}

void
db_pipe_free(struct db_pipe *p)
{
	MAGIC_CHECK(p, PIPE_MAGIC);
	while (!list_empty(&p->runs)) {
		struct db_run *r = LIST_ENTRY(list_pop(&p->runs), struct db_run, link);

		assert(r->task == NULL); /* db_free: no batch is alive */
		db_run_drop(r);
		free(r->message);
		free(r);
	}
	db_conn_free(p->conn);
	map_free(p->prepared, NULL);
	p->magic = 0;
	free(p);
}

bool
db_pipe_up(const struct db_pipe *p)
{
	return p->up && db_conn_alive(p->conn);
}

size_t
db_pipe_load(const struct db_pipe *p)
{
	return p->load;
}

struct span
db_pipe_why(const struct db_pipe *p)
{
	return db_conn_why(p->conn);
}

void
db_pipe_forget(struct db_pipe *p)
{
	map_free(p->prepared, NULL);
	p->prepared = map_new();
	p->forgot = true;
}

void
db_pipe_break(struct db_pipe *p, const char *why)
{
	db_conn_break(p->conn, why);
}

/* Statements of the batch that this connection does not know yet, each once. */
static void
run_plan(struct db_pipe *p, struct db_run *r)
{
	const struct db_batch *b = r->batch;
	size_t i = 0;

	r->n = b->n;
	r->stmts = xcalloc(b->n, sizeof(*r->stmts));
	r->prepare = xcalloc(b->n + 1, sizeof(*r->prepare));
	r->results = xcalloc(b->n, sizeof(PGresult *));
	r->n_prepare = r->at = 0;
	r->sqlstate[0] = '\0';
	r->refused = r->at_commit = r->stale = false;
	if (p->forgot)
		r->prepare[r->n_prepare++] = NULL;
	p->forgot = false;
	for (const struct db_query *q = b->first; q; q = q->next) {
		const struct span name = span_of(q->st->name);
		const struct db_stmt *known = map_get(p->prepared, name);

		r->stmts[i++] = q->st;
		assert(!known || known == q->st); /* names are unique */
		if (known)
			continue;
		map_put(p->prepared, name, (void *)(uintptr_t)q->st);
		r->prepare[r->n_prepare++] = q->st;
	}
}

static bool
pipe_put_prepare(PGconn *pg, const struct db_stmt *st)
{
	unsigned types[DB_PARAMS_MAX];

	if (!st)
		return PQsendQueryParams(pg, PIPE_FORGET, 0, NULL, NULL, NULL, NULL, 1) == 1;
	db_param_oids(st, types);
	return PQsendPrepare(pg, st->name, st->sql, st->params ? (int)strlen(st->params) : 0,
		       types) == 1;
}

static bool
pipe_put(PGconn *pg, struct db_run *r)
{
	static const int binary[DB_PARAMS_MAX] = {
		1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, //
		1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, //
	};

	for (size_t i = 0; i < r->n_prepare; i++)
		if (!pipe_put_prepare(pg, r->prepare[i]))
			return false;
	/* Their own sync: a refused statement later must not undo the preparing. */
	if (r->n_prepare && !PQpipelineSync(pg))
		return false;
	for (const struct db_query *q = r->batch->first; q; q = q->next)
		if (!PQsendQueryPrepared(
			    pg, q->st->name, q->n, q->values, q->lengths, binary, 1))
			return false;
	/* The sync is the commit: what stands before it is one transaction. */
	return PQpipelineSync(pg) == 1;
}

bool
db_pipe_send(struct db_pipe *p, struct db_run *r)
{
	PGconn *pg = db_conn_pg(p->conn);

	if (!pg)
		return false;
	run_plan(p, r);
	if (!pipe_put(pg, r)) {
		db_run_drop(r);
		db_conn_break(p->conn, PQerrorMessage(pg));
		return false;
	}
	r->pipe = p;
	list_append(&p->runs, &r->link);
	p->load++;
	db_conn_flush(p->conn);
	return true;
}
