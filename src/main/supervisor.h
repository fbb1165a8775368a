/*
 * Supervisor: the process that is started, owns the sockets and never does the work.
 *
 * It starts the embedded database when that is configured, prepares the schema and the hub,
 * then the workers, and starts again what ends, after a pause that grows with early ends. It
 * never waits and never talks to the database: what needs that is a short-lived child
 * (prepare.h).
 *
 * SIGHUP reads the configuration again. A broken one, or one that cannot follow without a
 * restart, is refused with the reason and the old one stays. Otherwise each worker is replaced:
 * the new one takes requests before the old one is told to finish.
 * SIGTERM, SIGINT: workers finish, then the database stops, then we do; a second one hurries.
 * SIGUSR1: each worker writes what its flows wait for.
 */
#ifndef MAIN_SUPERVISOR_H
#define MAIN_SUPERVISOR_H

#include "main/setup.h"

/* Takes the setup over; returns the exit code of the program. */
int supervisor_run(struct arena *a, const char *conf_path, struct setup *s);

#endif
