#include "hub/delivery.h"

/* ---- in ---- */

/*
 * The pair (signer, id) is unique for ever: a replay adds neither a row nor a job. Rows are
 * locked in order of their key, so that two workers never wait for each other in a circle; jobs
 * go in in order of arrival, which is what their serial keeps: an Undo may have the smaller id.
 *
 * Some are open again. A Delete of an actor that its server did not confirm may be true by now,
 * and many servers have one id for it. Misskey makes the ids of Follow and Undo from the pair
 * alone, so who follows a second time says the same; signed later, it is no replay. A Follow
 * whose Undo came first (type '') may be repeated by its server for two days; later it is a
 * new one.
 */
static const struct db_stmt inbox_accept_stmt = {
	.name = "inbox_accept",
	.sql = "WITH came AS MATERIALIZED ("
	       "  SELECT DISTINCT ON (signer, uri) signer, uri, type, body, signed_at, place"
	       "    FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY"
	       "         AS v (signer, uri, type, body, signed_at, place)"
	       "   ORDER BY signer, uri, place),"
	       " taken AS ("
	       "  INSERT INTO inbox_activity (signer, uri, type, body, signed_at)"
	       "  SELECT signer, uri, type, body, signed_at"
	       "    FROM came"
	       "   ORDER BY signer, uri"
	       "      ON CONFLICT (signer, uri) DO NOTHING"
	       "  RETURNING signer, uri),"
	       " open AS MATERIALIZED ("
	       "  SELECT a.signer, a.uri, c.type, c.body, c.signed_at"
	       "    FROM inbox_activity a"
	       "    JOIN came c ON a.signer = c.signer AND a.uri = c.uri"
	       "   WHERE (a.type = c.type AND a.type = 'Delete'"
	       "          AND a.outcome ~ '^(refused|ended): ')"
	       "      OR (a.type = c.type AND a.type IN ('Follow', 'Undo')"
	       "          AND a.outcome IS NOT NULL AND c.signed_at > a.signed_at)"
	       "      OR (a.type = '' AND c.type = 'Follow'"
	       "          AND a.received_at < now() - interval '2 days')"
	       "   ORDER BY a.signer, a.uri"
	       "     FOR UPDATE OF a),"
	       " again AS ("
	       "  UPDATE inbox_activity a"
	       "     SET type = o.type, body = o.body, signed_at = o.signed_at,"
	       "         outcome = NULL, received_at = now()"
	       "    FROM open o"
	       "   WHERE a.signer = o.signer AND a.uri = o.uri"
	       "  RETURNING a.signer, a.uri)"
	       " INSERT INTO job (kind, key, serial, args)"
	       " SELECT 'receive', signer || ' ' || uri, signer,"
	       "        jsonb_build_object('signer', signer, 'uri', uri)"
	       "   FROM (SELECT signer, uri FROM taken"
	       "          UNION ALL"
	       "         SELECT signer, uri FROM again) v"
	       "   JOIN came USING (signer, uri)"
	       "  ORDER BY place"
	       "     ON CONFLICT (kind, key) WHERE state <> 'dead' DO NOTHING",
	.params = "TTTTZ",
};

void
inbox_accept(struct db_batch *b, const struct inbox_new *v, size_t n)
{
	struct span *signer = ARENA_ARRAY(b->arena, n, struct span);
	struct span *uri = ARENA_ARRAY(b->arena, n, struct span);
	struct span *type = ARENA_ARRAY(b->arena, n, struct span);
	struct span *body = ARENA_ARRAY(b->arena, n, struct span);
	int64_t *signed_us = ARENA_ARRAY(b->arena, n, int64_t);

	for (size_t i = 0; i < n; i++) {
		signer[i] = v[i].signer;
		uri[i] = v[i].uri;
		type[i] = v[i].type;
		body[i] = v[i].body;
		signed_us[i] = v[i].signed_us;
	}
	(void)db_add(b, &inbox_accept_stmt, db_texts(signer, n), db_texts(uri, n),
		db_texts(type, n), db_texts(body, n), db_times(signed_us, n));
}

static const struct db_field inbox_fields[] = {
	DB_TEXT(struct inbox_activity, signer),
	DB_TEXT(struct inbox_activity, uri),
	DB_TEXT(struct inbox_activity, type),
	DB_TEXT_NULL(struct inbox_activity, body),
	DB_TEXT_NULL(struct inbox_activity, outcome),
	DB_TIME(struct inbox_activity, received_us),
};

static const struct db_stmt inbox_get_stmt = {
	.name = "inbox_get",
	.sql = "SELECT a.signer, a.uri, a.type, a.body, a.outcome, a.received_at AS received_us"
	       "  FROM unnest($1, $2) AS v (signer, uri)"
	       "  JOIN inbox_activity a ON a.signer = v.signer AND a.uri = v.uri",
	.params = "TT",
	DB_ROW(struct inbox_activity, inbox_fields),
};

size_t
inbox_get(struct db_batch *b, const struct span *signers, const struct span *uris, size_t n)
{
	return db_add(b, &inbox_get_stmt, db_texts(signers, n), db_texts(uris, n));
}

const struct err *
inbox_row(const struct db_batch *b, size_t i, size_t row, struct inbox_activity *out)
{
	return db_row(b, i, row, out);
}

static const struct db_stmt inbox_end_stmt = {
	.name = "inbox_end",
	.sql = "UPDATE inbox_activity a"
	       "   SET outcome = v.outcome, body = NULL"
	       "  FROM unnest($1, $2, $3) AS v (signer, uri, outcome)"
	       " WHERE a.signer = v.signer AND a.uri = v.uri",
	.params = "TTT",
};

void
inbox_end(struct db_batch *b, const struct inbox_ended *v, size_t n)
{
	struct span *signer = ARENA_ARRAY(b->arena, n, struct span);
	struct span *uri = ARENA_ARRAY(b->arena, n, struct span);
	struct span *outcome = ARENA_ARRAY(b->arena, n, struct span);

	for (size_t i = 0; i < n; i++) {
		signer[i] = v[i].signer;
		uri[i] = v[i].uri;
		outcome[i] = v[i].outcome;
	}
	(void)db_add(b, &inbox_end_stmt, db_texts(signer, n), db_texts(uri, n),
		db_texts(outcome, n));
}

static const struct db_stmt inbox_forestall_stmt = {
	.name = "inbox_forestall",
	.sql = "INSERT INTO inbox_activity (signer, uri, type, outcome)"
	       "VALUES ($1, $2, '', $3)"
	       "    ON CONFLICT (signer, uri) DO UPDATE"
	       "   SET outcome = excluded.outcome, body = NULL"
	       " WHERE inbox_activity.outcome IS NULL",
	.params = "ttt",
};

void
inbox_forestall(struct db_batch *b, struct span signer, struct span uri, struct span outcome)
{
	(void)db_add(b, &inbox_forestall_stmt, db_text(signer), db_text(uri), db_text(outcome));
}

/* ---- out ---- */

static const struct db_stmt activity_put_stmt = {
	.name = "activity_put",
	.sql = "INSERT INTO activity (uri, account, object, type, body)"
	       "VALUES ($1, $2, nullif($3, 0), $4, $5)"
	       "    ON CONFLICT (uri) DO NOTHING",
	.params = "tiitt",
};

void
activity_put(struct db_batch *b, const struct activity_new *n)
{
	(void)db_add(b, &activity_put_stmt, db_text(n->uri), db_int(n->account),
		db_int(n->object), db_text(n->type), db_text(n->body));
}

/*
 * One job for each distinct inbox, a shared inbox before an own one. serial keeps the
 * activities about one object in order at each inbox. An answer, which is about none, has a
 * lane of its own at the host, where delivery_behind finds it.
 */
#define DELIVERY_JOBS_WITH(more)                                                               \
	" INSERT INTO job (kind, key, host, priority, serial, args)"                           \
	" SELECT 'deliver', $1 || ' ' || inbox, host, CASE WHEN $3 = 0 THEN -1 ELSE 0 END,"    \
	"        nullif($3, 0)::text || ' ' || inbox,"                                         \
	"        jsonb_build_object('activity', $1, 'inbox', inbox, 'account', $2" more ")"    \
	"   FROM target"                                                                       \
	"     ON CONFLICT (kind, key) WHERE state <> 'dead' DO NOTHING"
#define DELIVERY_JOBS DELIVERY_JOBS_WITH("")

#define DELIVERY_FOLLOWERS                                                                     \
	"  SELECT v.inbox, coalesce(substring(v.inbox FROM '^[a-z]+://([^/?#]+)'), '') AS "    \
	"host"                                                                                 \
	"    FROM (SELECT DISTINCT coalesce(r.shared_inbox, r.inbox) AS inbox"                 \
	"            FROM follow f"                                                            \
	"            JOIN remote_actor r ON r.id = f.actor"                                    \
	"           WHERE f.account = $2) v"

static const struct db_stmt delivery_followers_stmt = {
	.name = "delivery_followers",
	.sql = "WITH target AS (" DELIVERY_FOLLOWERS "),"
	       " reached AS ("
	       "  INSERT INTO reach (object, account, inbox, host)"
	       "  SELECT $3, $2, inbox, host"
	       "    FROM target"
	       "      ON CONFLICT DO NOTHING)" DELIVERY_JOBS,
	.params = "tii",
};

static const struct db_stmt delivery_reach_stmt = {
	.name = "delivery_reach",
	.sql = "WITH target AS (" DELIVERY_FOLLOWERS "  UNION"
	       "  SELECT inbox, host"
	       "    FROM reach"
	       "   WHERE object = $3 AND account = $2)" DELIVERY_JOBS,
	.params = "tii",
};

static const struct db_stmt delivery_everyone_stmt = {
	.name = "delivery_everyone",
	.sql = "WITH target AS (" DELIVERY_FOLLOWERS "  UNION"
	       "  SELECT inbox, host"
	       "    FROM reach"
	       "   WHERE object = $3)" DELIVERY_JOBS,
	.params = "tii",
};

void
delivery_fan_out(struct db_batch *b, const struct activity_new *n, enum delivery_to to)
{
	static const struct db_stmt *const stmts[] = {
		[DELIVER_FOLLOWERS] = &delivery_followers_stmt,
		[DELIVER_REACH] = &delivery_reach_stmt,
		[DELIVER_EVERYONE] = &delivery_everyone_stmt,
	};

	assert((size_t)to < ARRAY_LEN(stmts));
	(void)db_add(b, stmts[to], db_text(n->uri), db_int(n->account), db_int(n->object));
}

static const struct db_stmt delivery_one_stmt = {
	.name = "delivery_one",
	.sql = "WITH target AS ("
	       "  SELECT $4::text AS inbox, $5::text AS host)" DELIVERY_JOBS,
	.params = "tiitt",
};

void
delivery_to_inbox(
	struct db_batch *b, const struct activity_new *n, struct span inbox, struct span host)
{
	(void)db_add(b, &delivery_one_stmt, db_text(n->uri), db_int(n->account),
		db_int(n->object), db_text(inbox), db_text(host));
}

static const struct db_field delivery_behind_fields[] = {
	DB_TEXT(struct delivery_behind, host),
	DB_INT(struct delivery_behind, account),
	DB_INT(struct delivery_behind, job),
	DB_INT(struct delivery_behind, wait_ms),
};

/*
 * Two ways to the open ones, each by an index of its own. A few of a host are enough: somebody
 * may have made thousands.
 */
static const struct db_stmt delivery_behind_stmt = {
	.name = "delivery_behind",
	.sql = "WITH host AS MATERIALIZED ("
	       "  SELECT DISTINCT host, hashtextextended(host, -1) AS lane"
	       "    FROM unnest($1) AS v (host)),"
	       " open AS ("
	       "  SELECT j.id, j.host, j.args, j.attempt, j.run_at"
	       "    FROM host h"
	       "   CROSS JOIN LATERAL ("
	       "    SELECT id, host, args, attempt, run_at"
	       "      FROM job"
	       "     WHERE kind = 'deliver' AND state = 'ready' AND lane = h.lane"
	       "     ORDER BY run_at, id"
	       "     LIMIT 100) j"
	       "   UNION ALL"
	       "  SELECT j.id, j.host, j.args, j.attempt - 1, j.run_at"
	       "    FROM job j"
	       "    JOIN host h ON h.host = j.host"
	       "   WHERE j.state = 'running' AND j.kind = 'deliver' AND j.priority = -1)"
	       " SELECT DISTINCT ON (host, account) host, (args->>'account')::int8 AS account,"
	       "        id AS job,"
	       "        greatest(0, extract(epoch FROM run_at - now()) * 1000)::int8"
	       "          AS wait_ms"
	       "   FROM open"
	       "  WHERE attempt < $2"
	       "  ORDER BY host, account, id",
	.params = "Ti",
	DB_ROW(struct delivery_behind, delivery_behind_fields),
};

size_t
delivery_behind(struct db_batch *b, const struct span *hosts, size_t n, int64_t tries)
{
	queue_by_index(b);
	return db_add(b, &delivery_behind_stmt, db_texts(hosts, n), db_int(tries));
}

const struct err *
delivery_behind_row(const struct db_batch *b, size_t i, size_t row, struct delivery_behind *out)
{
	return db_row(b, i, row, out);
}

/*
 * The job remembers where to it has passed its activity: it is repeated while somebody could
 * not be asked; 500 are enough for one inbox. What was passed on itself only goes on to where
 * followers have moved since. Update and Delete of the object go there as well, if the old
 * inbox had it. Who has the activity from elsewhere gets it twice, under one id: that is
 * better than never.
 */
static const struct db_stmt delivery_moved_stmt = {
	.name = "delivery_moved",
	.sql = "WITH ours AS MATERIALIZED ("
	       "  SELECT coalesce(args->'passed', '[]') AS passed, args ? 'moved' AS moved,"
	       "         created_at"
	       "    FROM job"
	       "   WHERE id = $5),"
	       " had AS MATERIALIZED ("
	       "  SELECT v.inbox"
	       "    FROM ours o, jsonb_array_elements_text(o.passed) AS v (inbox)),"
	       " target AS MATERIALIZED ("
	       "  SELECT m.new AS inbox,"
	       "         coalesce(substring(m.new FROM '^[a-z]+://([^/?#]+)'), '') AS host"
	       "    FROM remote_inbox_moved m"
	       "    JOIN ours o ON NOT o.moved OR m.at >= o.created_at"
	       "   WHERE m.old = $4"
	       "     AND NOT EXISTS (SELECT FROM had h WHERE h.inbox = m.new)"
	       "   ORDER BY m.at DESC"
	       "   LIMIT (SELECT greatest(0, 500 - jsonb_array_length(passed)) FROM ours)),"
	       " passed AS ("
	       "  UPDATE job"
	       "     SET args = args || jsonb_build_object('passed',"
	       "                coalesce(args->'passed', '[]') ||"
	       "                (SELECT jsonb_agg(inbox) FROM target))"
	       "   WHERE id = $5 AND EXISTS (SELECT FROM target)),"
	       " reached AS ("
	       "  INSERT INTO reach (object, account, inbox, host)"
	       "  SELECT r.object, r.account, t.inbox, t.host"
	       "    FROM reach r, target t"
	       "   WHERE r.object = $3 AND r.inbox = $4"
	       "      ON CONFLICT DO NOTHING)" DELIVERY_JOBS_WITH(", 'moved', true"),
	.params = "tiiti",
};

void
delivery_to_moved(
	struct db_batch *b, const struct job *j, const struct activity_new *n, struct span old)
{
	queue_fence(b, j);
	(void)db_add(b, &delivery_moved_stmt, db_text(n->uri), db_int(n->account),
		db_int(n->object), db_text(old), db_int(j->id));
}

/* clang-format off */
#define ACTIVITY_FIELDS                                                                        \
	DB_INT(struct activity, id),                                                           \
	DB_INT(struct activity, account),                                                      \
	DB_INT_NULL(struct activity, object),                                                  \
	DB_TEXT(struct activity, uri),                                                         \
	DB_TEXT(struct activity, type),                                                        \
	DB_TEXT(struct activity, body),                                                        \
	DB_TIME(struct activity, at_us)
/* clang-format on */

static const struct db_field activity_fields[] = {ACTIVITY_FIELDS};
static const struct db_field activity_got_fields[] = {
	ACTIVITY_FIELDS, DB_BOOL(struct activity, overtaken)};

#define ACTIVITY_COLUMNS " v.id, v.account, v.object, v.uri, v.type, v.body, v.at AS at_us"

/* What takes a post back (Delete, Undo) is never overtaken; an Update may be of an actor. */
static const struct db_stmt activity_get_stmt = {
	.name = "activity_get",
	.sql = "SELECT" ACTIVITY_COLUMNS ","
	       "       v.type IN ('Create', 'Update', 'Announce') AND EXISTS ("
	       "         SELECT 1 FROM post p"
	       "          WHERE p.id = v.object AND p.state <> 'published') AS overtaken"
	       "  FROM activity v"
	       " WHERE v.uri = ANY ($1)",
	.params = "T",
	DB_ROW(struct activity, activity_got_fields),
};

size_t
activity_get(struct db_batch *b, const struct span *uris, size_t n)
{
	return db_add(b, &activity_get_stmt, db_texts(uris, n));
}

#define OUTBOX_WHERE                                                                           \
	"  FROM activity v"                                                                    \
	"  JOIN post p ON p.id = v.object AND p.state = 'published'"                           \
	" WHERE v.account = $1 AND v.type IN ('Create', 'Announce')"

static const struct db_stmt activity_outbox_stmt = {
	.name = "activity_outbox",
	.sql = "SELECT" ACTIVITY_COLUMNS OUTBOX_WHERE "   AND ($2 = 0 OR v.id < $2)"
	       " ORDER BY v.id DESC"
	       " LIMIT $3",
	.params = "iii",
	DB_ROW(struct activity, activity_fields),
};

size_t
activity_outbox(struct db_batch *b, int64_t account, int64_t max_id, int64_t limit)
{
	return db_add(b, &activity_outbox_stmt, db_int(account), db_int(max_id), db_int(limit));
}

struct activity_count {
	int64_t n;
};

static const struct db_field activity_count_fields[] = {
	DB_INT(struct activity_count, n),
};

static const struct db_stmt activity_outbox_count_stmt = {
	.name = "activity_outbox_count",
	.sql = "SELECT count(*) AS n" OUTBOX_WHERE,
	.params = "i",
	DB_ROW(struct activity_count, activity_count_fields),
};

size_t
activity_outbox_count(struct db_batch *b, int64_t account)
{
	return db_add(b, &activity_outbox_count_stmt, db_int(account));
}

const struct err *
activity_row(const struct db_batch *b, size_t i, size_t row, struct activity *out)
{
	return db_row(b, i, row, out);
}

const struct db_stmt *const delivery_stmts[] = {
	&inbox_accept_stmt,
	&inbox_get_stmt,
	&inbox_end_stmt,
	&inbox_forestall_stmt,
	&activity_put_stmt,
	&delivery_followers_stmt,
	&delivery_reach_stmt,
	&delivery_everyone_stmt,
	&delivery_one_stmt,
	&delivery_behind_stmt,
	&delivery_moved_stmt,
	&activity_get_stmt,
	&activity_outbox_stmt,
	&activity_outbox_count_stmt,
};
const size_t n_delivery_stmts = ARRAY_LEN(delivery_stmts);
