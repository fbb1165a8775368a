/*
 * Pg: a temporary PostgreSQL cluster for one test program, on a socket in its own directory.
 * Started as root it runs as the account "postgres". Killing and starting it again keeps the
 * data. Ends with the test program, whatever happens to it.
 */
#ifndef TESTS_LIB_PG_H
#define TESTS_LIB_PG_H

#include "base/span.h"

struct pg;

struct pg *pg_start(void);
void pg_stop(struct pg *p); /* also removes its directory */
void pg_kill(struct pg *p); /* SIGKILL to the postmaster, waits until all of it is gone */
void pg_again(struct pg *p);
/* A fresh database; the connection string lives as long as p. */
struct span pg_database(struct pg *p);
/* An existing one. */
struct span pg_dsn(struct pg *p, const char *database);
int pg_pid(const struct pg *p);
const char *pg_socket_dir(const struct pg *p);
/* One command with psql's meaning, blocking; the first value as text (static memory) or "". */
const char *pg_sql(struct span dsn, const char *sql);
/* The same, of a whole number. */
int64_t pg_number(struct span dsn, const char *sql);

#endif
