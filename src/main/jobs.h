/*
 * Jobs: the one table from kind of job to flow, and the loop that claims.
 *
 * Each kind has its own bound of parallel jobs. All kinds with room are claimed in one batch,
 * at a hint (NOTIFY), when jobs have ended and left room, and every JOBS_POLL_MS. A flow
 * ends its own job in its own commit; here its lease is renewed until then. A flow whose lease
 * was lost, or cannot be renewed in time, is stopped: somebody else has the job.
 */
#ifndef MAIN_JOBS_H
#define MAIN_JOBS_H

#include "db/queue.h"
#include "task/env.h"

#define JOBS_POLL_MS 2000
#define JOBS_PER_HOST 4

struct jobs_kind {
	const char *name;
	const struct flow *flow; /* its arg is a `struct job`, complete in the task's arena */
	unsigned roles;          /* set of enum conf_role: who does it */
	int64_t max;             /* at the same time in this worker */
};

struct jobs;
/* worker: the name of the leases. */
struct jobs *jobs_start(
	struct env *env, struct span worker, const struct jobs_kind *kinds, size_t n);
/* Renews the leases before their time; for tests. */
void jobs_renew_now(struct jobs *j);
/* No more claims; those under way go on. */
void jobs_stop(struct jobs *j);
void jobs_free(struct jobs *j); /* when the loop has ended */
/* Our table. */
const struct jobs_kind *jobs_kinds(size_t *n);

#endif
