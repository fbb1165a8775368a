#include "hub/source.h"

#include <inttypes.h>

#define SOURCE_COLUMNS                                                                         \
	"SELECT s.id, s.account, a.slug AS account_slug, a.language AS account_language,"      \
	"       s.connector, s.url, s.settings, s.language, s.state, s.health, s.health_text," \
	"       s.etag, s.last_modified, s.moved_to, s.moved_at AS moved_us,"                  \
	"       s.connected_at AS connected_us, s.interval_s, s.min_interval_s, s.skip_hours," \
	"       s.next_poll_at AS next_poll_us, s.fail_count, s.last_ok_at AS last_ok_us,"     \
	"       s.last_new_at AS last_new_us, s.created_at AS created_us,"                     \
	"       s.backfill_url, s.backfill_error, s.backfill_seen, s.backfill_pages,"          \
	"       s.backfill_fails, s.backfill_again_at AS backfill_again_us,"                   \
	"       s.backfill_url IS NOT NULL AND s.backfill_at <= now()"                         \
	"       AND s.next_poll_at > now() AS backfill_due,"

static const struct db_field source_fields[] = {
	DB_INT(struct source, id),
	DB_INT(struct source, account),
	DB_TEXT(struct source, account_slug),
	DB_TEXT(struct source, account_language),
	DB_TEXT(struct source, connector),
	DB_TEXT(struct source, url),
	DB_JSON(struct source, settings),
	DB_TEXT_NULL(struct source, language),
	DB_TEXT(struct source, state),
	DB_TEXT(struct source, health),
	DB_TEXT_NULL(struct source, health_text),
	DB_TEXT_NULL(struct source, etag),
	DB_TEXT_NULL(struct source, last_modified),
	DB_TEXT_NULL(struct source, moved_to),
	DB_TIME_NULL(struct source, moved_us),
	DB_TIME_NULL(struct source, connected_us),
	DB_INT(struct source, interval_s),
	DB_INT_NULL(struct source, min_interval_s),
	DB_INT(struct source, skip_hours),
	DB_TIME(struct source, next_poll_us),
	DB_INT(struct source, fail_count),
	DB_TIME_NULL(struct source, last_ok_us),
	DB_TIME_NULL(struct source, last_new_us),
	DB_TIME(struct source, created_us),
	DB_TEXT_NULL(struct source, backfill_url),
	DB_TEXT_NULL(struct source, backfill_error),
	DB_TEXT_NULL(struct source, backfill_seen),
	DB_INT(struct source, backfill_pages),
	DB_INT(struct source, backfill_fails),
	DB_TIME_NULL(struct source, backfill_again_us),
	DB_BOOL(struct source, backfill_due),
	DB_INT(struct source, posts),
};

struct source_id {
	int64_t id;
};

static const struct db_field source_id_fields[] = {
	DB_INT(struct source_id, id),
};

/* The poll job is keyed by its source: a source never has two polls alive. */
static const struct db_stmt source_insert_stmt = {
	.name = "source_insert",
	.sql = "WITH added AS ("
	       "  INSERT INTO source (account, connector, url, settings, language, "
	       "min_interval_s)"
	       "  VALUES ($1, $2, $3, $4, $5, nullif($6, 0))"
	       "      ON CONFLICT (account, url) DO NOTHING"
	       "  RETURNING id, url),"
	       " polled AS ("
	       "  INSERT INTO job (kind, key, host, args)"
	       "  SELECT 'poll', id::text, substring(url FROM '^[a-z]+://([^/?#]+)'),"
	       "         jsonb_build_object('source', id)"
	       "    FROM added)"
	       " SELECT id FROM added",
	.params = "ittjti",
	DB_ROW(struct source_id, source_id_fields),
};

size_t
source_insert(struct db_batch *b, const struct source_new *s)
{
	return db_add(b, &source_insert_stmt, db_int(s->account), db_text(s->connector),
		db_text(s->url), db_json(s->settings.p ? s->settings : SPAN("{}")),
		db_text(s->language), db_int(s->min_interval_s));
}

bool
source_inserted(const struct db_batch *b, size_t i, int64_t *id)
{
	return db_one_int(b, i, id);
}

static const struct db_stmt source_by_id_stmt = {
	.name = "source_by_id",
	.sql = SOURCE_COLUMNS "       0::bigint AS posts"
			      "  FROM source s"
			      "  JOIN account a ON a.id = s.account"
			      " WHERE s.id = $1",
	.params = "i",
	DB_ROW(struct source, source_fields),
};

size_t
source_by_id(struct db_batch *b, int64_t id)
{
	return db_add(b, &source_by_id_stmt, db_int(id));
}

static const struct db_stmt source_list_stmt = {
	.name = "source_list",
	.sql = SOURCE_COLUMNS
	"       (SELECT count(*) FROM post p"
	"         WHERE p.source = s.id AND p.state = 'published') AS posts"
	"  FROM source s"
	"  JOIN account a ON a.id = s.account"
	" WHERE $1::text IS NULL OR a.slug = $1"
	" ORDER BY a.slug, s.id",
	.params = "t",
	DB_ROW(struct source, source_fields),
};

size_t
source_list(struct db_batch *b, struct span slug)
{
	return db_add(b, &source_list_stmt, db_text(slug));
}

const struct err *
source_row(const struct db_batch *b, size_t i, size_t row, struct source *out)
{
	return db_row(b, i, row, out);
}

static const struct db_stmt source_polled_stmt = {
	.name = "source_polled",
	.sql = "UPDATE source"
	       "   SET etag = coalesce($2, etag),"
	       "       last_modified = coalesce($3, last_modified),"
	       "       moved_to = $4,"
	       "       moved_at = CASE WHEN $4 IS NULL THEN NULL"
	       "                       WHEN $4 = moved_to THEN moved_at ELSE now() END,"
	       "       url = CASE WHEN $5 IS NULL OR EXISTS ("
	       "                       SELECT 1 FROM source o"
	       "                        WHERE o.account = source.account AND o.url = $5)"
	       "                  THEN url ELSE $5 END,"
	       "       health = $6,"
	       "       health_text = $7,"
	       "       fail_count = CASE WHEN $8 THEN 0 ELSE fail_count + 1 END,"
	       "       last_ok_at = CASE WHEN $8 THEN now() ELSE last_ok_at END,"
	       "       connected_at = CASE WHEN $9 THEN coalesce(connected_at, now())"
	       "                           ELSE connected_at END,"
	       "       last_new_at = CASE WHEN $10 THEN now() ELSE last_new_at END,"
	       "       interval_s = $11,"
	       "       next_poll_at = now() + $12 * interval '1 millisecond',"
	       "       backfill_url = coalesce($13, backfill_url),"
	       "       backfill_at = CASE"
	       "           WHEN $13 IS NOT NULL THEN now() + $14 * interval '1 millisecond'"
	       "           WHEN $8 OR backfill_url IS NULL THEN backfill_at"
	       "           ELSE greatest(backfill_at, now() + $12 * interval '1 millisecond')"
	       "           END,"
	       "       skip_hours = $15,"
	       "       backfill_seen = coalesce($16, backfill_seen)"
	       " WHERE id = $1",
	.params = "ittttttbbbiitiit",
};

void
source_polled(struct db_batch *b, const struct source_polled *p)
{
	(void)db_add(b, &source_polled_stmt, db_int(p->id), db_text(p->etag),
		db_text(p->last_modified), db_text(p->moved_to), db_text(p->url),
		db_text(p->health), db_text(p->health_text), db_bool(p->ok),
		db_bool(p->connected), db_bool(p->found_new), db_int(p->interval_s),
		db_int(p->next_ms), db_text(p->backfill_url), db_int(p->backfill_ms),
		db_int(p->skip_hours), db_text(p->backfill_seen));
}

static const struct db_stmt source_backfilled_stmt = {
	.name = "source_backfilled",
	.sql = "UPDATE source"
	       "   SET backfill_url = $2,"
	       "       backfill_error = $3,"
	       "       backfill_pages = $4,"
	       "       backfill_fails = $5,"
	       "       backfill_at = now() + $6 * interval '1 millisecond',"
	       "       backfill_seen = $7,"
	       "       backfill_again_at = $8"
	       " WHERE id = $1",
	.params = "ittiiitz",
};

void
source_backfilled(struct db_batch *b, const struct source_backfilled *p)
{
	(void)db_add(b, &source_backfilled_stmt, db_int(p->id), db_text(p->url),
		db_text(p->error), db_int(p->pages), db_int(p->fails), db_int(p->next_ms),
		db_text(p->seen), db_time(p->again_us));
}

/* Whether queue_finish came before or not: afterwards one job is alive, and it is not running;
 * or none, of a source that is paused. */
static const struct db_stmt source_next_poll_stmt = {
	.name = "source_next_poll",
	.sql = "WITH s AS ("
	       "  SELECT id, url, state,"
	       "         CASE WHEN backfill_url IS NULL THEN next_poll_at"
	       "              ELSE least(next_poll_at, backfill_at) END AS next_at"
	       "    FROM source"
	       "   WHERE id = $1),"
	       " ended AS ("
	       "  DELETE FROM job j USING s"
	       "   WHERE s.state <> 'active' AND j.kind = 'poll' AND j.key = s.id::text"
	       "     AND j.state <> 'dead')"
	       " INSERT INTO job AS j (kind, key, host, args, run_at)"
	       " SELECT 'poll', id::text, substring(url FROM '^[a-z]+://([^/?#]+)'),"
	       "        jsonb_build_object('source', id), next_at"
	       "   FROM s"
	       "  WHERE state = 'active'"
	       "     ON CONFLICT (kind, key) WHERE state <> 'dead' DO UPDATE"
	       "    SET state = 'ready', run_at = excluded.run_at, host = excluded.host,"
	       "        attempt = 0, crashes = 0, worker = NULL, lease_until = NULL,"
	       "        lease_token = NULL, error = NULL",
	.params = "i",
};

void
source_next_poll(struct db_batch *b, int64_t id)
{
	(void)db_add(b, &source_next_poll_stmt, db_int(id));
}

struct source_count {
	int64_t n;
};

static const struct db_field source_count_fields[] = {
	DB_INT(struct source_count, n),
};

static const struct db_stmt source_busy_stmt = {
	.name = "source_busy",
	.sql = "SELECT count(*) AS n"
	       "  FROM job j"
	       "  JOIN unnest($1) AS s (id) ON j.key = s.id::text"
	       " WHERE j.kind = 'poll'"
	       "   AND j.state IN ('ready', 'running')",
	.params = "I",
	DB_ROW(struct source_count, source_count_fields),
};

size_t
source_busy(struct db_batch *b, const int64_t *ids, size_t n)
{
	return db_add(b, &source_busy_stmt, db_ints(ids, n));
}

/*
 * A buried poll comes back after six hours in which nobody has looked after it, on probation:
 * the next crash buries it again.
 */
static const struct db_stmt source_plan_missing_stmt = {
	.name = "source_plan_missing",
	.sql = "WITH lost AS ("
	       "  SELECT s.id::text AS key, s.id, s.url, s.next_poll_at"
	       "    FROM source s"
	       "   WHERE s.state = 'active'"
	       "     AND NOT EXISTS (SELECT 1 FROM job j"
	       "                      WHERE j.kind = 'poll' AND j.key = s.id::text"
	       "                        AND j.state <> 'dead')),"
	       " buried AS ("
	       "  SELECT j.key, max(j.id) AS id"
	       "    FROM job j"
	       "    JOIN lost ON lost.key = j.key"
	       "   WHERE j.kind = 'poll' AND j.state = 'dead'"
	       "   GROUP BY j.key),"
	       " revived AS ("
	       "  UPDATE job j"
	       "     SET state = 'ready', run_at = now(), attempt = 0,"
	       "         crashes = least(j.crashes, $1 - 1)"
	       "    FROM buried b"
	       "   WHERE j.id = b.id AND j.state = 'dead'"
	       "     AND j.run_at < now() - interval '6 hours')"
	       " INSERT INTO job (kind, key, host, args, run_at)"
	       " SELECT 'poll', lost.key, substring(lost.url FROM '^[a-z]+://([^/?#]+)'),"
	       "        jsonb_build_object('source', lost.id), lost.next_poll_at"
	       "   FROM lost"
	       "  WHERE NOT EXISTS (SELECT 1 FROM buried b WHERE b.key = lost.key)"
	       "     ON CONFLICT (kind, key) WHERE state <> 'dead' DO NOTHING",
	.params = "i",
};

void
source_plan_missing(struct db_batch *b)
{
	(void)db_add(b, &source_plan_missing_stmt, db_int(JOB_CRASHES_MAX));
}

/*
 * A waiting job is hastened, a dead or lost one begins anew; a running one is at it already, or
 * comes again for the newest items. The job's row first: polls lock in that order.
 */
static const struct db_stmt source_poll_now_stmt = {
	.name = "source_poll_now",
	.sql = "WITH put AS ("
	       "  INSERT INTO job AS j (kind, key, host, args)"
	       "  SELECT 'poll', s.id::text, substring(s.url FROM '^[a-z]+://([^/?#]+)'),"
	       "         jsonb_build_object('source', s.id)"
	       "    FROM source s"
	       "   WHERE s.id = $1"
	       "      ON CONFLICT (kind, key) WHERE state <> 'dead' DO UPDATE"
	       "     SET run_at = least(j.run_at, now())"
	       "   WHERE j.state = 'ready'"
	       "  RETURNING 1),"
	       " asked AS ("
	       "  UPDATE source"
	       "     SET next_poll_at = least(next_poll_at, now())"
	       "   WHERE id = $1 AND (SELECT count(*) FROM put) >= 0)"
	       " SELECT pg_notify('job', '') FROM put",
	.params = "i",
};

void
source_poll_now(struct db_batch *b, int64_t id)
{
	(void)db_add(b, &source_poll_now_stmt, db_int(id));
}

static const struct db_stmt source_poll_older_stmt = {
	.name = "source_poll_older",
	.sql = "UPDATE source"
	       "   SET backfill_url = url,"
	       "       backfill_at = now(),"
	       "       backfill_seen = NULL,"
	       "       backfill_again_at = NULL,"
	       "       backfill_pages = 0,"
	       "       backfill_fails = 0,"
	       "       backfill_error = NULL"
	       " WHERE id = $1",
	.params = "i",
};

void
source_poll_older(struct db_batch *b, int64_t id)
{
	(void)db_add(b, &source_poll_older_stmt, db_int(id));
}

static const struct db_stmt quarantine_put_stmt = {
	.name = "quarantine_put",
	.sql = "INSERT INTO quarantine (source, item_key, raw, error)"
	       "VALUES ($1, left($2, 1000), left($3, 65536), left($4, 1000))"
	       "    ON CONFLICT (source, item_key) DO UPDATE"
	       "   SET raw = excluded.raw, error = excluded.error, at = now()",
	.params = "ittt",
};

void
quarantine_put(
	struct db_batch *b, int64_t source, struct span key, struct span raw, struct span error)
{
	(void)db_add(b, &quarantine_put_stmt, db_int(source), db_text(key), db_text(raw),
		db_text(error));
}

static const struct db_stmt quarantine_trim_stmt = {
	.name = "quarantine_trim",
	.sql = "DELETE FROM quarantine"
	       " WHERE source = $1"
	       "   AND item_key IN ("
	       "       SELECT item_key FROM quarantine"
	       "        WHERE source = $1"
	       "        ORDER BY at DESC, item_key"
	       "       OFFSET $2)",
	.params = "ii",
};

void
quarantine_trim(struct db_batch *b, int64_t source)
{
	(void)db_add(b, &quarantine_trim_stmt, db_int(source), db_int(QUARANTINE_MAX));
}

static const struct db_stmt quarantine_clear_stmt = {
	.name = "quarantine_clear",
	.sql = "DELETE FROM quarantine"
	       " WHERE source = $1 AND item_key = ANY ($2)",
	.params = "iT",
};

void
quarantine_clear(struct db_batch *b, int64_t source, const struct span *keys, size_t n)
{
	(void)db_add(b, &quarantine_clear_stmt, db_int(source), db_texts(keys, n));
}

const struct db_stmt *const source_stmts[] = {
	&source_insert_stmt,
	&source_by_id_stmt,
	&source_list_stmt,
	&source_polled_stmt,
	&source_backfilled_stmt,
	&source_next_poll_stmt,
	&source_busy_stmt,
	&source_plan_missing_stmt,
	&source_poll_now_stmt,
	&source_poll_older_stmt,
	&quarantine_put_stmt,
	&quarantine_trim_stmt,
	&quarantine_clear_stmt,
};
const size_t n_source_stmts = ARRAY_LEN(source_stmts);
