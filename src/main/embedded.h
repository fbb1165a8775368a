/*
 * Embedded: a PostgreSQL cluster of our own in <data_dir>/pg.
 *
 * embedded_run is the whole life of one child of the supervisor, as the account: it makes the
 * cluster at the first start, waits while another postmaster of this data directory stops,
 * adopts one that runs, and otherwise becomes the postmaster. A copy of a directory whose
 * postmaster is alive is refused. postmaster.pid is PostgreSQL's alone: after a crash the
 * postmaster refuses to start until its old children have gone, the child then ends and the
 * supervisor starts another one.
 *
 * SIGINT stops it in order (fast shutdown), SIGQUIT at once.
 */
#ifndef MAIN_EMBEDDED_H
#define MAIN_EMBEDDED_H

#include "base/conf.h"

/* Where its socket is: <data_dir>/run, or a short private directory when that is too long. */
struct span embedded_socket_dir(struct arena *a, const struct conf *c);
/* How our own processes reach the database: the configured one, or the one of that socket. */
struct span embedded_dsn(struct arena *a, const struct conf *c);
/* How many workers can use a cluster that was started for so many. */
int embedded_workers_max(int workers);
/* Returns an exit code when it does not become the postmaster. */
int embedded_run(struct arena *a, const struct conf *c);

#endif
