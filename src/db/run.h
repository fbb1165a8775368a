/*
 * Run (private to db/): one batch on its way through the pool.
 *
 * batch.c makes it, pool.c queues it and decides about its failure, pipe.c sends it and reads
 * its results. `task` and `batch` are NULL once the waiter has gone: an orphan that was sent
 * runs to its end on the server and its results are dropped.
 */
#ifndef DB_RUN_H
#define DB_RUN_H

#include <libpq-fe.h>

#include "db/batch.h"
#include "db/db.h"

struct db_pipe;
struct db_resolver;

struct db_query {
	const struct db_stmt *st;
	struct db_query *next;
	int n;
	const char **values;
	int *lengths;
};

struct db_result {
	const struct db_stmt *st;
	PGresult *pg;
};

struct db_run {
	struct list link; /* waiting in the pool, or in flight in a pipe */
	struct db *db;
	struct db_pipe *pipe; /* NULL = not sent */
	struct task *task;
	struct db_batch *batch;
	struct loop_timer timer; /* end of waiting, or pause before a repetition */
	enum db_lane lane;
	int64_t sent_us;
	int repeats;   /* after 40001, 40P01, 26000 or 42P05 */
	size_t losses; /* connections that broke under it, or to a server that will not do */
	bool read_only;
	/* In flight: first the prepares and their sync, then the statements and theirs. */
	const struct db_stmt **prepare; /* NULL in front: drop all that the session has */
	size_t n_prepare;
	const struct db_stmt **stmts;
	PGresult **results;
	size_t n;
	size_t at;         /* place in the expected sequence of answers */
	char sqlstate[6];  /* of the first error, "" = none */
	char *message;     /* of the first error */
	bool refused;      /* a statement of it was: it is rolled back */
	bool at_commit;    /* the commit was */
	bool stale;        /* what it reads has other columns than when it was prepared */
	const char *about; /* statement that failed */
};

/* pool.c */
struct next db_pool_wait(struct task *t, struct db_batch *b, bool read_only, step_fn *then,
	const char *name) MUST_CHECK;

/* run.c */
void db_run_drop(struct db_run *r); /* forgets plan and answers */

/* pipe.c: a connection in pipeline mode with its prepared statements. */
struct db_pipe_ops {
	void (*finished)(struct db *d, struct db_run *r); /* all answers are in */
	void (*lost)(struct db *d, struct db_run *r, bool may_have_committed, struct span why);
	void (*pump)(struct db *d); /* a place is free */
};
struct db_pipe *db_pipe_new(struct db *d, struct loop *l, struct db_resolver *names,
	const struct db_opts *o, const struct db_pipe_ops *ops);
void db_pipe_free(struct db_pipe *p);
bool db_pipe_up(const struct db_pipe *p);
size_t db_pipe_load(const struct db_pipe *p);
struct span db_pipe_why(const struct db_pipe *p);
/* False when the connection turned out to be broken: nothing can have committed. */
bool db_pipe_send(struct db_pipe *p, struct db_run *r) MUST_CHECK;
/* We and the session disagree about what is prepared: the next batch begins with nothing. */
void db_pipe_forget(struct db_pipe *p);
void db_pipe_break(struct db_pipe *p, const char *why);

/* value.c: types of the wire. */
unsigned db_oid(char type);
void db_param_oids(const struct db_stmt *st, unsigned *out);
#define DB_PARAMS_MAX 40
/* row.c: NULL if the result has the statement's columns, else a sentence about the first that
 * differs. */
const struct err *db_result_check(
	struct arena *a, const struct db_stmt *st, const PGresult *res) MUST_CHECK;
void db_result_give(struct db_batch *b, size_t i, const struct db_stmt *st, PGresult *res);

/* sqlstate.c: what an error of the server means. */
enum db_verdict {
	DB_FAIL,      /* tell the caller */
	DB_REPEAT,    /* serialisation failure or deadlock: again at once */
	DB_REPREPARE, /* the session has other statements than we think */
	DB_RECONNECT, /* this server or session will not do: reconnect, then again */
};
enum db_verdict db_judge(const char *sqlstate, bool stale);
const struct err *db_error(struct arena *a, const char *sqlstate, const char *message,
	const char *about) MUST_CHECK;

/* listen.c */
struct db_listener;
struct db_listener *db_listener_new(
	struct loop *loop, struct db_resolver *names, const struct db_opts *o);
void db_listener_add(struct db_listener *l, const char *channel, db_notify_fn *fn, void *arg);
void db_listener_free(struct db_listener *l);

#endif
