/*
 * Pg: a temporary PostgreSQL cluster, on a socket in its own directory. Started as root it runs
 * as the account "postgres".
 *
 * pg_start makes one for this test program alone, which may kill it and start it again; it ends
 * with the program, whatever happens to it. pg_shared gives the one of this run of `make check`
 * (see pg_shared.c), or one of its own where the makefile names none; programs that use it run
 * at the same time, so they look at nothing but their own databases.
 */
#ifndef TESTS_LIB_PG_H
#define TESTS_LIB_PG_H

#include "base/span.h"

struct pg;

struct pg *pg_start(void);
struct pg *pg_shared(void);
void pg_stop(struct pg *p); /* also removes its directory; of a shared one: our databases */
void pg_kill(struct pg *p); /* SIGKILL to the postmaster, waits until all of it is gone */
void pg_again(struct pg *p);
/* A fresh database; the connection string lives as long as p. */
struct span pg_database(struct pg *p);
/* An existing one. */
struct span pg_dsn(struct pg *p, const char *database);
const char *pg_socket_dir(const struct pg *p);
/* One command with psql's meaning, blocking; the first value as text (static memory) or "". */
const char *pg_sql(struct span dsn, const char *sql);
/* The same, of a whole number. */
int64_t pg_number(struct span dsn, const char *sql);

#endif
