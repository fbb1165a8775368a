/*
 * Blocking (private to db/): plain libpq for start-up, `litfassctl migrate` and tests. Never on
 * a running loop.
 */
#ifndef DB_BLOCKING_H
#define DB_BLOCKING_H

#include <libpq-fe.h>

#include "base/scope.h"
#include "db/db.h"

AUTO_DEFINE(PGconn, PQfinish)
AUTO_DEFINE(PGresult, PQclear)

/* Tries each host of the connection string once. */
const struct err *db_blocking_open(
	struct arena *a, struct span dsn, int statement_timeout_ms, PGconn **out) MUST_CHECK;
/* Text form. sql may hold several commands when there are no values. */
const struct err *db_blocking_exec(struct arena *a, PGconn *pg, const char *sql, int n,
	const char *const *values, PGresult **out) MUST_CHECK;

struct migration {
	int number;
	struct span name; /* "0001_spine.sql" */
	struct span sql;
};
/* The migrations in ascending order of their numbers; what db_migrate does with ours. */
const struct err *db_migrate_files(struct arena *a, struct span dsn,
	const struct migration *files, size_t n, int *applied) MUST_CHECK;
const struct err *db_migrations_of(struct arena *a, struct span dsn,
	const struct migration *files, size_t n, struct db_migration **out,
	size_t *n_out) MUST_CHECK;

#endif
