/*
 * Worker: one process, one loop, all that a hub does. The supervisor starts it with the
 * listening sockets and a pipe on which it writes one byte a second: WORKER_READY once, when it
 * has loaded the hub and takes requests, WORKER_ALIVE from then on and before.
 *
 * A database that is away ends nothing: requests are answered with 503 until it is back. On
 * SIGTERM no job is claimed and no connection accepted any more, what is under way may finish
 * within WORKER_GRACE_MS; on a second one, at once. SIGHUP is the same when another worker has
 * taken over: idle connections then get WORKER_PATIENCE_MS to ask once more. SIGUSR1 writes
 * what all flows wait for.
 */
#ifndef MAIN_WORKER_H
#define MAIN_WORKER_H

#include "main/part.h"

#define WORKER_ALIVE '.'
#define WORKER_READY 'r'
#define WORKER_BEAT_MS 1000
#define WORKER_GRACE_MS 10000
#define WORKER_PATIENCE_MS 2000

/* Returns an exit code of enum cmd_exit. */
int worker_run(struct arena *a, const struct conf *c, const struct part_args *p);

#endif
