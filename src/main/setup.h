/*
 * Setup: a configuration that was read once, with what belongs to it: its text, from which
 * children read it again even when the file has changed meanwhile, and the sockets.
 */
#ifndef MAIN_SETUP_H
#define MAIN_SETUP_H

#include "base/conf.h"

#define SETUP_WORKERS_MAX 64

struct setup {
	struct arena *arena;
	struct conf conf;
	uint64_t number; /* 1, 2, ...: which worker has which */
	int conf_fd;
	int listen[CONF_LISTEN_MAX], metrics[SETUP_WORKERS_MAX];
	size_t n_listen, n_metrics;
	struct setup *before; /* ours, as long as somebody may work with it: its sockets */
};

/* Reads and checks the file. Errors are in a. */
const struct err *setup_read(
	struct arena *a, const char *path, uint64_t number, struct setup **out) MUST_CHECK;
/*
 * Opens the sockets: those for requests when the role web is ours, and one for the metrics of
 * each worker, on consecutive ports. Those that `old`, or what was before it, has open already
 * are shared with it.
 */
const struct err *setup_open(
	struct arena *a, struct setup *s, const struct setup *old) MUST_CHECK;
void setup_free(struct setup *s); /* NULL is allowed */

/*
 * Can `next` replace `now` while litfassd runs? The error names what needs a restart. The
 * embedded database has connections for the workers of the setup that it was started with:
 * several reloads in a row must not go beyond them.
 */
const struct err *setup_may_follow(struct arena *a, const struct conf *now,
	int database_workers, const struct conf *next) MUST_CHECK;

#endif
