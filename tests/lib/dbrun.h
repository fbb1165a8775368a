/*
 * Dbrun: a loop with a pool, on which tests start flows of one batch each and wait for all.
 */
#ifndef TESTS_LIB_DBRUN_H
#define TESTS_LIB_DBRUN_H

#include "db/db.h"

struct pg;

struct dbrun {
	struct env env;
	struct loop *loop;
	struct db *db;
	size_t alive;
};

struct dbrun_call {
	void (*fill)(struct db_batch *b, void *ctx);
	void (*read)(const struct db_batch *b, void *ctx); /* may be NULL */
	void *ctx;
	bool rows;       /* await_rows, not await_commit */
	int deadline_ms; /* 0 = 10 s; one of 50, 200 otherwise */
	int64_t after_ms;
	/* Outcome. */
	bool ended, failed, step_ran;
	enum err_kind kind;
	char text[512];
	struct task *task;
};

struct dbrun *dbrun_new(const struct db_opts *o);
struct db_opts dbrun_opts(struct span dsn, int connections);
struct span dbrun_database(struct pg *p); /* a fresh one with the schema of the hub */
void dbrun_start(struct dbrun *r, struct dbrun_call *c);
void dbrun_wait(struct dbrun *r); /* until all have ended; nothing can be started afterwards */
void dbrun_free(struct dbrun *r);
/* All of it for one batch; fails the test unless the outcome is success. */
void dbrun_ok(struct span dsn, void (*fill)(struct db_batch *, void *),
	void (*read)(const struct db_batch *, void *), void *ctx);
/* The same for an expected failure; returns its kind. */
enum err_kind dbrun_fails(struct span dsn, void (*fill)(struct db_batch *, void *), void *ctx);
/*
 * The batch meets another session, which has said `first` in a transaction of its own and says
 * `then`, and commits, when somebody waits for a lock. Fails the test unless both end well: a
 * circle of locks would cost one of them its half second.
 */
void dbrun_beside(struct span dsn, void (*fill)(struct db_batch *, void *), const char *first,
	const char *then);

#endif
