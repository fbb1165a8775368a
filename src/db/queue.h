/*
 * Queue: jobs, claimed in batches with SKIP LOCKED under a lease with a fencing token.
 *
 * A job is an effect on one target (deliver, poll, fetch, media, mail, receive). Its (kind,
 * key) is unique while it is alive, so adding it twice is one job. `serial` keeps order: of the
 * jobs with the same serial only the oldest may run. `host` gives fairness: at most `per_host`
 * of one host and priority run at a time, but for claims of two workers at the same moment. All
 * leases and schedules are on the database's clock. Outcomes: finish (row goes), retry (later,
 * attempt + 1), bury (state dead, visible, retried by hand). A finish whose token is no longer
 * the row's changes nothing: somebody else has the job.
 */
#ifndef DB_QUEUE_H
#define DB_QUEUE_H

#include "db/batch.h"

#define JOB_LEASE_S 60
#define JOB_RENEW_S 20
#define JOB_CRASHES_MAX 3

struct job {
	int64_t id;
	struct span kind, key, host, serial;
	struct span args; /* JSON text */
	int64_t attempt;  /* 1 at the first run */
	int64_t crashes;
	struct span token; /* uuid text */
	int64_t created_us;
};

struct job_new {
	struct span kind, key;
	struct span host, serial; /* SPAN_NONE = none */
	struct span args;         /* JSON text */
	int64_t run_at_us;        /* TIME_NONE = now */
	int64_t priority;         /* smaller first; with a host: a turn of its own. 0 normal */
};

/* Adds one job; does nothing if (kind, key) is alive. */
void queue_add(struct db_batch *b, const struct job_new *j);
/* If (kind, key) is alive and not running it is moved to run at once (poll now). */
void queue_hasten(struct db_batch *b, struct span kind, struct span key);
/*
 * What follows in the batch is not planned as a scan of the table: for statements about jobs,
 * which may have been planned when there were few.
 */
void queue_by_index(struct db_batch *b);
/*
 * Rows of struct job. worker names this worker instance. Jobs without a host come first. To be
 * the only user of its batch: it switches sequential scans off until the commit. ERR_CONFLICT =
 * somebody was faster with a serial: nothing was claimed, try again.
 */
size_t queue_claim(struct db_batch *b, struct span worker, const struct span *kinds,
	size_t n_kinds, int64_t limit, int64_t per_host);
const struct err *queue_claimed(
	const struct db_batch *b, size_t i, struct job **out, size_t *n) MUST_CHECK;
/* One statement for many jobs: arrays of ids and tokens of the same length. */
size_t queue_renew(struct db_batch *b, const int64_t *ids, const struct span *tokens, size_t n);
/* Ids of the jobs that are still ours; the others belong to somebody else now. */
const struct err *queue_renewed(
	const struct db_batch *b, size_t i, int64_t **ids, size_t *n) MUST_CHECK;
size_t queue_finish(
	struct db_batch *b, const int64_t *ids, const struct span *tokens, size_t n);
/* Rolls the whole batch back unless the lease is still ours: first statement of a job's
 * effects. */
void queue_fence(struct db_batch *b, const struct job *j);
void queue_retry(struct db_batch *b, const struct job *j, int64_t delay_ms, struct span error);
/* The same for many in one statement. back: the attempt did not count, nothing was tried. */
struct job_retry {
	const struct job *job;
	int64_t delay_ms;
	struct span error;
	bool back;
};
void queue_retries(struct db_batch *b, const struct job_retry *v, size_t n);
/* The worker stops: back as if it had not begun, due at once and with no attempt counted. */
void queue_give_back(struct db_batch *b, const struct job *j);
/* What it is about has another name now: its key, and the given members of its args. */
void queue_rename(
	struct db_batch *b, const struct job *j, struct span key, struct span changed_args);
void queue_bury(struct db_batch *b, const struct job *j, struct span error);
/* Gives leases of a worker instance back; crashed counts towards burying. Rows: the ids of
 * those that it buried. */
size_t queue_release_worker(struct db_batch *b, struct span worker, bool crashed);
/* All leases of earlier instances of this machine's supervisor (worker names starting so). */
void queue_release_prefix(struct db_batch *b, struct span prefix);

/* ---- for people ---- */
struct job_info {
	int64_t id;
	struct span kind, key, host, state, worker, error;
	int64_t attempt, crashes, run_us, created_us;
};
size_t queue_list(struct db_batch *b, bool dead_only, int64_t limit);
const struct err *queue_listed(
	const struct db_batch *b, size_t i, struct job_info **out, size_t *n) MUST_CHECK;
/* A dead job lives again, a waiting one runs now. Rows: the id, none if there is no such job.
 * ERR_CONFLICT: a job with the same key is alive. */
size_t queue_revive(struct db_batch *b, int64_t id);
size_t queue_revive_dead(struct db_batch *b); /* rows: the ids */
struct queue_count {
	struct span kind;
	int64_t ready, due, running, dead;
	int64_t oldest_due_us; /* TIME_NONE = nothing is due */
};
size_t queue_counts(struct db_batch *b);
const struct err *queue_counted(
	const struct db_batch *b, size_t i, struct queue_count **out, size_t *n) MUST_CHECK;

/* Equal jitter: random in [0.5, 1] of base * 2^attempt, capped. */
int64_t queue_backoff_ms(int64_t attempt, int64_t base_ms, int64_t cap_ms);

extern const struct db_stmt *const queue_stmts[];
extern const size_t n_queue_stmts;

#endif
