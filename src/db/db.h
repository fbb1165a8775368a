/*
 * Db: a pool of non-blocking libpq connections on the loop, in pipeline mode.
 *
 * Each lane has connections of its own. Batches wait in its queue for a free place (at most
 * wait_ms, then ERR_UNAVAILABLE); several batches share a connection's pipeline. Lost
 * connections come back with back-off 0.1 s to 5 s; batches that were not sent stay queued
 * meanwhile. Statements are prepared per connection on first use. Session settings:
 * application_name, statement_timeout, lock_timeout, timezone UTC, synchronous_commit as the
 * server has it.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include "db/batch.h"

struct db_opts {
	struct span dsn;  /* libpq connection string; may name several hosts */
	struct span name; /* application_name */
	int connections;  /* of DB_LANE_WORK, without the listener */
	int wait_ms;      /* 2000 */
	int statement_timeout_ms;
	/* 0: what is of this lane goes with DB_LANE_WORK. */
	int public_connections, public_timeout_ms, vital_connections;
};

struct db *db_new(struct loop *l, const struct db_opts *o);
void db_free(struct db *d);        /* when no batch is alive */
bool db_ready(const struct db *d); /* at least one connection is usable */

/*
 * LISTEN on a connection of its own: fn runs when a NOTIFY came and after every reconnect
 * (notifications may have been lost then). A hint only: owners poll as well.
 */
typedef void db_notify_fn(void *arg);
void db_listen(struct db *d, const char *channel, db_notify_fn *fn, void *arg);

/*
 * The connection string: the configured one, or that of the embedded cluster under
 * <data_dir>/pg, whose postmaster.pid says where it listens (database and user "litfass").
 * ERR_DB_GONE when it does not run.
 */
struct conf;
const struct err *db_dsn(struct arena *a, const struct conf *c, struct span *out) MUST_CHECK;
/* Is it a connection string of libpq? ERR_CONFIG without a word of it. */
const struct err *db_dsn_check(struct arena *a, struct span dsn) MUST_CHECK;
const struct err *db_embedded_dsn(
	struct arena *a, struct span data_dir, struct span *out) MUST_CHECK;

/* Of an embedded cluster that listens in dir, whether it runs at the moment or not. */
struct span db_socket_dsn(struct arena *a, struct span dir, struct span port);

/* Blocking helpers for start-up, litfassctl migrate and tests; never on a running loop. */
const struct err *db_migrate(struct arena *a, struct span dsn, int *applied) MUST_CHECK;
struct db_migration {
	int number;
	struct span name;
	bool applied;
};
const struct err *db_migrations(
	struct arena *a, struct span dsn, struct db_migration **out, size_t *n) MUST_CHECK;
/* Prepares every statement of a list and compares types; names the first that differs. */
const struct err *db_check_stmts(struct arena *a, struct span dsn,
	const struct db_stmt *const *list, size_t n) MUST_CHECK;

#endif
