#include "db/queue.h"

#include <stdlib.h>

static const struct db_stmt queue_add_stmt = {
	.name = "queue_add",
	.sql = "INSERT INTO job (kind, key, host, serial, args, run_at, priority)"
	       " VALUES ($1, $2, $3, $4, $5, coalesce($6, now()), $7)"
	       " ON CONFLICT (kind, key) WHERE state <> 'dead' DO NOTHING",
	.params = "ttttjzi",
};

void
queue_add(struct db_batch *b, const struct job_new *j)
{
	db_add(b, &queue_add_stmt, db_text(j->kind), db_text(j->key), db_text(j->host),
		db_text(j->serial), db_json(j->args.p ? j->args : SPAN("{}")),
		db_time(j->run_at_us), db_int(j->priority));
}

static const struct db_stmt queue_hasten_stmt = {
	.name = "queue_hasten",
	.sql = "WITH moved AS ("
	       " UPDATE job"
	       " SET run_at = now()"
	       " WHERE kind = $1 AND key = $2 AND state = 'ready' AND run_at > now()"
	       " RETURNING 1)"
	       " SELECT pg_notify('job', '') FROM moved",
	.params = "tt",
};

void
queue_hasten(struct db_batch *b, struct span kind, struct span key)
{
	db_add(b, &queue_hasten_stmt, db_text(kind), db_text(key));
}

/* Off for this transaction, also for what was planned before the table has grown. */
static const struct db_stmt queue_by_index_stmt = {
	.name = "queue_by_index",
	.sql = "SELECT set_config('enable_seqscan', 'off', true)",
};

void
queue_by_index(struct db_batch *b)
{
	(void)db_add0(b, &queue_by_index_stmt);
}

/* A worker that vanished without anybody seeing it: its lease has run out. */
static const struct db_stmt queue_expire_stmt = {
	.name = "queue_expire",
	.sql = "UPDATE job"
	       " SET state = 'ready', worker = NULL, lease_until = NULL, lease_token = NULL,"
	       " error = 'the lease of ' || worker || ' ran out'"
	       " WHERE id IN ("
	       " SELECT id FROM job"
	       " WHERE state = 'running' AND lease_until < now()"
	       " LIMIT 1000"
	       " FOR UPDATE SKIP LOCKED)",
};

static const struct db_field job_fields[] = {
	DB_INT(struct job, id),
	DB_TEXT(struct job, kind),
	DB_TEXT(struct job, key),
	DB_TEXT_NULL(struct job, host),
	DB_TEXT_NULL(struct job, serial),
	DB_JSON(struct job, args),
	DB_INT(struct job, attempt),
	DB_INT(struct job, crashes),
	DB_TEXT(struct job, token),
	DB_TIME(struct job, created_us),
};

/*
 * `lanes` lists the hosts that have something ready, one index probe each, in a circle from a
 * random place, and only as many as it takes to reach the limit. Of each host it takes what is
 * due and of each serial the oldest. $1 worker, $2 kinds, $3 limit, $4 per host.
 */
#define OLDEST_OF_SERIAL                                                                       \
	" AND (j.serial IS NULL OR NOT EXISTS ("                                               \
	" SELECT FROM job o"                                                                   \
	" WHERE o.serial = j.serial AND o.state <> 'dead'"                                     \
	" AND (o.id < j.id OR o.state = 'running')))"

static const struct db_stmt queue_claim_stmt = {
	.name = "queue_claim",
	.sql = "WITH RECURSIVE kinds AS MATERIALIZED (SELECT unnest($2::text[]) AS kind),"
	       " start AS MATERIALIZED ("
	       " SELECT hashtextextended(gen_random_uuid()::text, 0) AS lane),"
	       " busy AS MATERIALIZED ("
	       " SELECT lane, count(*) AS n FROM job"
	       " WHERE state = 'running' AND lane IS NOT NULL"
	       " GROUP BY lane),"
	       " above AS ("
	       " SELECT k.kind, f.lane FROM kinds k CROSS JOIN LATERAL ("
	       " SELECT j.lane FROM job j"
	       " WHERE j.state = 'ready' AND j.kind = k.kind"
	       " AND j.lane >= (SELECT s.lane FROM start s)"
	       " ORDER BY j.lane LIMIT 1) f"
	       " UNION ALL"
	       " SELECT r.kind, f.lane FROM above r CROSS JOIN LATERAL ("
	       " SELECT j.lane FROM job j"
	       " WHERE j.state = 'ready' AND j.kind = r.kind AND j.lane > r.lane"
	       " ORDER BY j.lane LIMIT 1) f),"
	       " below AS ("
	       " SELECT k.kind, f.lane FROM kinds k CROSS JOIN LATERAL ("
	       " SELECT j.lane FROM job j"
	       " WHERE j.state = 'ready' AND j.kind = k.kind"
	       " AND j.lane < (SELECT s.lane FROM start s)"
	       " ORDER BY j.lane LIMIT 1) f"
	       " UNION ALL"
	       " SELECT r.kind, f.lane FROM below r CROSS JOIN LATERAL ("
	       " SELECT j.lane FROM job j"
	       " WHERE j.state = 'ready' AND j.kind = r.kind AND j.lane > r.lane"
	       " AND j.lane < (SELECT s.lane FROM start s)"
	       " ORDER BY j.lane LIMIT 1) f),"
	       " lanes AS (SELECT kind, lane FROM above UNION ALL SELECT kind, lane FROM "
	       "below),"
	       " picked AS MATERIALIZED ("
	       " SELECT p.id FROM ("
	       " (SELECT f.id FROM kinds k CROSS JOIN LATERAL ("
	       " SELECT j.id FROM job j"
	       " WHERE j.state = 'ready' AND j.lane IS NULL AND j.kind = k.kind"
	       " AND j.run_at <= now()" OLDEST_OF_SERIAL " ORDER BY j.priority, j.run_at, j.id"
	       " LIMIT $3"
	       " FOR UPDATE OF j SKIP LOCKED) f"
	       " LIMIT $3)"
	       " UNION ALL"
	       " (SELECT f.id FROM lanes l CROSS JOIN LATERAL ("
	       " SELECT j.id FROM job j"
	       " WHERE j.state = 'ready' AND j.lane = l.lane AND j.kind = l.kind"
	       " AND j.run_at <= now()" OLDEST_OF_SERIAL " ORDER BY j.run_at, j.id"
	       " LIMIT greatest($4 - coalesce((SELECT n FROM busy b WHERE b.lane = l.lane), "
	       "0), 0)"
	       " FOR UPDATE OF j SKIP LOCKED) f"
	       " LIMIT $3)) p"
	       " LIMIT $3)"
	       " UPDATE job j"
	       " SET state = 'running', attempt = j.attempt + 1, worker = $1, error = NULL,"
	       " lease_until = now() + interval '60 seconds', lease_token = gen_random_uuid()"
	       " FROM picked p"
	       " WHERE j.id = p.id"
	       " RETURNING j.id, j.kind, j.key, j.host, j.serial, j.args, j.attempt, j.crashes,"
	       " j.lease_token::text AS token, j.created_at AS created_us",
	.params = "tTii",
	DB_ROW(struct job, job_fields),
};

size_t
queue_claim(struct db_batch *b, struct span worker, const struct span *kinds, size_t n_kinds,
	int64_t limit, int64_t per_host)
{
	queue_by_index(b);
	db_add0(b, &queue_expire_stmt);
	return db_add(b, &queue_claim_stmt, db_text(worker), db_texts(kinds, n_kinds),
		db_int(limit), db_int(per_host));
}

const struct err *
queue_claimed(const struct db_batch *b, size_t i, struct job **out, size_t *n)
{
	return db_all(b, i, out, n);
}

struct job_id {
	int64_t id;
};
static const struct db_field job_id_fields[] = {DB_INT(struct job_id, id)};

static const struct db_stmt queue_renew_stmt = {
	.name = "queue_renew",
	.sql = "UPDATE job j"
	       " SET lease_until = now() + interval '60 seconds'"
	       " FROM unnest($1::int8[], $2::text[]) AS r (id, token)"
	       " WHERE j.id = r.id AND j.lease_token = r.token::uuid"
	       " RETURNING j.id",
	.params = "IT",
	DB_ROW(struct job_id, job_id_fields),
};

size_t
queue_renew(struct db_batch *b, const int64_t *ids, const struct span *tokens, size_t n)
{
	return db_add(b, &queue_renew_stmt, db_ints(ids, n), db_texts(tokens, n));
}

const struct err *
queue_renewed(const struct db_batch *b, size_t i, int64_t **ids, size_t *n)
{
	return db_all(b, i, ids, n);
}

static const struct db_stmt queue_finish_stmt = {
	.name = "queue_finish",
	.sql = "DELETE FROM job j"
	       " USING unnest($1::int8[], $2::text[]) AS r (id, token)"
	       " WHERE j.id = r.id AND j.lease_token = r.token::uuid",
	.params = "IT",
};

size_t
queue_finish(struct db_batch *b, const int64_t *ids, const struct span *tokens, size_t n)
{
	return db_add(b, &queue_finish_stmt, db_ints(ids, n), db_texts(tokens, n));
}

static const struct db_stmt queue_fence_stmt = {
	.name = "queue_fence",
	.sql = "SELECT litfass_expect(count(*), 1, 'the lease of job ' || $1::int8) FROM ("
	       " SELECT FROM job"
	       " WHERE id = $1 AND lease_token = $2::text::uuid"
	       " FOR UPDATE) ours",
	.params = "it",
};

void
queue_fence(struct db_batch *b, const struct job *j)
{
	db_add(b, &queue_fence_stmt, db_int(j->id), db_text(j->token));
}

static const struct db_stmt queue_retry_stmt = {
	.name = "queue_retry",
	.sql = "UPDATE job"
	       " SET state = 'ready', run_at = now() + $3 * interval '1 millisecond',"
	       " error = left($4, 1000), worker = NULL, lease_until = NULL, lease_token = NULL"
	       " WHERE id = $1 AND lease_token = $2::text::uuid",
	.params = "itit",
};

void
queue_retry(struct db_batch *b, const struct job *j, int64_t delay_ms, struct span error)
{
	db_add(b, &queue_retry_stmt, db_int(j->id), db_text(j->token), db_int(delay_ms),
		db_text(error));
}

static const struct db_stmt queue_retries_stmt = {
	.name = "queue_retries",
	.sql = "UPDATE job j"
	       " SET state = 'ready', run_at = now() + r.delay * interval '1 millisecond',"
	       " attempt = greatest(j.attempt - r.back, 0),"
	       " error = left(r.error, 1000), worker = NULL, lease_until = NULL,"
	       " lease_token = NULL"
	       " FROM unnest($1::int8[], $2::text[], $3::int8[], $4::text[], $5::int8[])"
	       " AS r (id, token, delay, error, back)"
	       " WHERE j.id = r.id AND j.lease_token = r.token::uuid",
	.params = "ITITI",
};

void
queue_retries(struct db_batch *b, const struct job_retry *v, size_t n)
{
	int64_t *ids = ARENA_ARRAY(b->arena, n, int64_t);
	int64_t *delays = ARENA_ARRAY(b->arena, n, int64_t);
	int64_t *back = ARENA_ARRAY(b->arena, n, int64_t);
	struct span *tokens = ARENA_ARRAY(b->arena, n, struct span);
	struct span *errors = ARENA_ARRAY(b->arena, n, struct span);

	for (size_t i = 0; i < n; i++) {
		ids[i] = v[i].job->id;
		tokens[i] = v[i].job->token;
		delays[i] = v[i].delay_ms;
		errors[i] = v[i].error;
		back[i] = v[i].back;
	}
	db_add(b, &queue_retries_stmt, db_ints(ids, n), db_texts(tokens, n), db_ints(delays, n),
		db_texts(errors, n), db_ints(back, n));
}

void
queue_give_back(struct db_batch *b, const struct job *j)
{
	const struct job_retry back = {
		.job = j, .error = SPAN("the worker was stopped"), .back = true};

	queue_retries(b, &back, 1);
}

static const struct db_stmt queue_rename_stmt = {
	.name = "queue_rename",
	.sql = "UPDATE job"
	       " SET key = $3, args = args || $4"
	       " WHERE id = $1 AND lease_token = $2::text::uuid",
	.params = "ittj",
};

void
queue_rename(struct db_batch *b, const struct job *j, struct span key, struct span changed_args)
{
	db_add(b, &queue_rename_stmt, db_int(j->id), db_text(j->token), db_text(key),
		db_json(changed_args));
}

/* The two ways into the grave. */
static const enum metric queue_buried = METRIC_JOBS_BURIED;

static const struct db_stmt queue_bury_stmt = {
	.name = "queue_bury",
	.sql = "UPDATE job"
	       " SET state = 'dead', error = left($3, 1000), worker = NULL,"
	       " lease_until = NULL, lease_token = NULL"
	       " WHERE id = $1 AND lease_token = $2::text::uuid",
	.params = "itt",
	.counts = &queue_buried,
};

void
queue_bury(struct db_batch *b, const struct job *j, struct span error)
{
	db_add(b, &queue_bury_stmt, db_int(j->id), db_text(j->token), db_text(error));
}

/*
 * A crash counts, and what it hit comes back apart: who causes crashes shall meet others than
 * last time, and bury only itself. An orderly end takes its attempt back.
 */
#define RELEASE_SET                                                                            \
	"UPDATE job"                                                                           \
	" SET state = CASE WHEN $2 AND crashes + 1 >= 3 THEN 'dead' ELSE 'ready' END,"         \
	" crashes = crashes + CASE WHEN $2 THEN 1 ELSE 0 END,"                                 \
	" attempt = greatest(attempt - CASE WHEN $2 THEN 0 ELSE 1 END, 0),"                    \
	" run_at = CASE WHEN $2 THEN now() + (crashes + 1) * interval '5 seconds'"             \
	" + random() * interval '60 seconds' ELSE run_at END,"                                 \
	" error = CASE WHEN $2 THEN 'the worker ' || worker || ' crashed' ELSE error END,"     \
	" worker = NULL, lease_until = NULL, lease_token = NULL"

static const struct db_stmt queue_release_worker_stmt = {
	.name = "queue_release_worker",
	.sql = "WITH released AS (" RELEASE_SET " WHERE state = 'running' AND worker = $1"
	       " RETURNING id, state)"
	       " SELECT id FROM released"
	       " WHERE state = 'dead'",
	.params = "tb",
	DB_ROW(struct job_id, job_id_fields),
	.counts = &queue_buried,
};

size_t
queue_release_worker(struct db_batch *b, struct span worker, bool crashed)
{
	return db_add(b, &queue_release_worker_stmt, db_text(worker), db_bool(crashed));
}

static const struct db_stmt queue_release_prefix_stmt = {
	.name = "queue_release_prefix",
	.sql = RELEASE_SET " WHERE state = 'running' AND starts_with(worker, $1)",
	.params = "tb",
};

void
queue_release_prefix(struct db_batch *b, struct span prefix)
{
	db_add(b, &queue_release_prefix_stmt, db_text(prefix), db_bool(false));
}

/* ---- for people ---- */

static const struct db_field job_info_fields[] = {
	DB_INT(struct job_info, id),
	DB_TEXT(struct job_info, kind),
	DB_TEXT(struct job_info, key),
	DB_TEXT_NULL(struct job_info, host),
	DB_TEXT(struct job_info, state),
	DB_INT(struct job_info, attempt),
	DB_INT(struct job_info, crashes),
	DB_TEXT_NULL(struct job_info, worker),
	DB_TEXT_NULL(struct job_info, error),
	DB_TIME(struct job_info, run_us),
	DB_TIME(struct job_info, created_us),
};

static const struct db_stmt queue_list_stmt = {
	.name = "queue_list",
	.sql = "SELECT id, kind, key, host, state, attempt, crashes, worker, error,"
	       " run_at AS run_us, created_at AS created_us"
	       " FROM job"
	       " WHERE NOT $1 OR state = 'dead'"
	       " ORDER BY (state = 'dead') DESC, (state = 'running') DESC, run_at, id"
	       " LIMIT $2",
	.params = "bi",
	DB_ROW(struct job_info, job_info_fields),
};

size_t
queue_list(struct db_batch *b, bool dead_only, int64_t limit)
{
	return db_add(b, &queue_list_stmt, db_bool(dead_only), db_int(limit));
}

const struct err *
queue_listed(const struct db_batch *b, size_t i, struct job_info **out, size_t *n)
{
	return db_all(b, i, out, n);
}

/* A dead job lives again; a waiting one runs now. */
static const struct db_stmt queue_revive_stmt = {
	.name = "queue_revive",
	.sql = "WITH revived AS ("
	       " UPDATE job"
	       " SET state = 'ready', run_at = now(),"
	       " attempt = CASE WHEN state = 'dead' THEN 0 ELSE attempt END, crashes = 0"
	       " WHERE id = $1 AND state <> 'running'"
	       " RETURNING id)"
	       " SELECT id FROM revived"
	       " WHERE pg_notify('job', '') IS NOT NULL",
	.params = "i",
	DB_ROW(struct job_id, job_id_fields),
};

size_t
queue_revive(struct db_batch *b, int64_t id)
{
	return db_add(b, &queue_revive_stmt, db_int(id));
}

/* Of several dead jobs with the same key, and beside a living one, there is but one to do. */
static const struct db_stmt queue_revive_dead_stmt = {
	.name = "queue_revive_dead",
	.sql = "WITH revived AS ("
	       " UPDATE job j"
	       " SET state = 'ready', run_at = now(), attempt = 0, crashes = 0"
	       " WHERE state = 'dead' AND NOT EXISTS ("
	       " SELECT FROM job o"
	       " WHERE o.kind = j.kind AND o.key = j.key"
	       " AND (o.state <> 'dead' OR o.id < j.id))"
	       " RETURNING id)"
	       " SELECT id FROM revived"
	       " WHERE pg_notify('job', '') IS NOT NULL",
	DB_ROW(struct job_id, job_id_fields),
};

size_t
queue_revive_dead(struct db_batch *b)
{
	return db_add0(b, &queue_revive_dead_stmt);
}

static const struct db_field queue_count_fields[] = {
	DB_TEXT(struct queue_count, kind),
	DB_INT(struct queue_count, ready),
	DB_INT(struct queue_count, due),
	DB_INT(struct queue_count, running),
	DB_INT(struct queue_count, dead),
	DB_TIME_NULL(struct queue_count, oldest_due_us),
};

static const struct db_stmt queue_counts_stmt = {
	.name = "queue_counts",
	.sql = "SELECT kind,"
	       " count(*) FILTER (WHERE state = 'ready') AS ready,"
	       " count(*) FILTER (WHERE state = 'ready' AND run_at <= now()) AS due,"
	       " count(*) FILTER (WHERE state = 'running') AS running,"
	       " count(*) FILTER (WHERE state = 'dead') AS dead,"
	       " min(run_at) FILTER (WHERE state = 'ready' AND run_at <= now())"
	       " AS oldest_due_us"
	       " FROM job"
	       " GROUP BY kind"
	       " ORDER BY kind",
	DB_ROW(struct queue_count, queue_count_fields),
};

size_t
queue_counts(struct db_batch *b)
{
	return db_add0(b, &queue_counts_stmt);
}

const struct err *
queue_counted(const struct db_batch *b, size_t i, struct queue_count **out, size_t *n)
{
	return db_all(b, i, out, n);
}

int64_t
queue_backoff_ms(int64_t attempt, int64_t base_ms, int64_t cap_ms)
{
	int64_t ms = base_ms;

	for (int64_t i = 0; i < attempt && ms < cap_ms; i++)
		ms *= 2;
	if (ms > cap_ms)
		ms = cap_ms;
	return ms / 2 + (int64_t)arc4random_uniform((uint32_t)(ms - ms / 2 + 1));
}

const struct db_stmt *const queue_stmts[] = {
	&queue_add_stmt,
	&queue_hasten_stmt,
	&queue_by_index_stmt,
	&queue_expire_stmt,
	&queue_claim_stmt,
	&queue_renew_stmt,
	&queue_finish_stmt,
	&queue_fence_stmt,
	&queue_retry_stmt,
	&queue_retries_stmt,
	&queue_rename_stmt,
	&queue_bury_stmt,
	&queue_release_worker_stmt,
	&queue_release_prefix_stmt,
	&queue_list_stmt,
	&queue_revive_stmt,
	&queue_revive_dead_stmt,
	&queue_counts_stmt,
};
const size_t n_queue_stmts = ARRAY_LEN(queue_stmts);
