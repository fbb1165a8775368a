/*
 * Conn (private to db/): one libpq connection on the loop, always on its way up.
 *
 * Connects, watches the socket, comes back with back-off 0.1 s to 5 s. A connection string that
 * names several hosts is tried one host per attempt, so that a silent first host does not hide
 * the second. Its name is looked up before libpq gets it; finding it may take 12 s, connecting
 * 5 s. The owner is told when it is up, when there is input and when it was lost; it
 * talks libpq in between.
 */
#ifndef DB_CONN_H
#define DB_CONN_H

#include <libpq-fe.h>

#include "db/db.h"

struct db_conn;
struct db_resolver;

struct db_conn_ops {
	/* Authenticated, writable, non-blocking, not yet in pipeline mode. False: give up. */
	bool (*up)(void *owner, PGconn *pg);
	/* Input has been consumed: take results while libpq is not busy. */
	void (*input)(void *owner);
	/* Lost; the PGconn is gone when this returns. Called only after `up`. */
	void (*down)(void *owner, struct span why);
};

struct db_conn *db_conn_new(struct loop *l, struct db_resolver *names, const struct db_opts *o,
	const struct db_conn_ops *ops, void *owner);
void db_conn_free(struct db_conn *c);
PGconn *db_conn_pg(const struct db_conn *c); /* NULL unless up */
/* Up, and as far as the kernel knows the server has not left. */
bool db_conn_alive(const struct db_conn *c);
/* Why it is not up; SPAN_NONE before the first failure. */
struct span db_conn_why(const struct db_conn *c);
void db_conn_flush(struct db_conn *c);
/* Closes it in the next turn and connects again: for 25006, 57P0x and broken protocol. */
void db_conn_break(struct db_conn *c, const char *why);

/*
 * Keyword and value arrays for libpq with our defaults; host `attempt` of a list, with the
 * addresses found for its name, or NULL. Each attempt at a host begins with another of them.
 */
struct db_conninfo {
	const char **keys, **values;
	size_t hosts;
	const char *name; /* of the host, when libpq would look it up; or NULL */
};
const struct err *db_conninfo(struct arena *a, const struct db_opts *o, size_t attempt,
	const char *addrs, struct db_conninfo *out) MUST_CHECK;

#endif
