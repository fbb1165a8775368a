#include "hub/remote.h"

struct remote_int {
	int64_t n;
};

static const struct db_field remote_int_fields[] = {
	DB_INT(struct remote_int, n),
};

/* ---- actors ---- */

static const struct db_field remote_fields[] = {
	DB_INT(struct remote_actor, id),
	DB_TEXT(struct remote_actor, uri),
	DB_TEXT(struct remote_actor, host),
	DB_TEXT(struct remote_actor, inbox),
	DB_TEXT_NULL(struct remote_actor, shared_inbox),
	DB_TEXT_NULL(struct remote_actor, username),
	DB_TEXT_NULL(struct remote_actor, name),
	DB_TEXT_NULL(struct remote_actor, url),
	DB_TEXT_NULL(struct remote_actor, type),
	DB_TEXT(struct remote_actor, key_id),
	DB_TEXT(struct remote_actor, public_key_pem),
	DB_TIME(struct remote_actor, fetched_us),
};

#define REMOTE_COLUMNS                                                                         \
	" id, uri, host, inbox, shared_inbox, username, name, url, type, key_id,"              \
	" public_key_pem, fetched_at AS fetched_us"

static const struct db_stmt remote_by_key_stmt = {
	.name = "remote_by_key",
	.sql = "WITH k AS ("
	       "  SELECT id AS actor, key_id AS known_id, public_key_pem AS pem"
	       "    FROM remote_actor"
	       "   WHERE key_id = $1"
	       "   UNION ALL"
	       "  SELECT actor, key_id, public_key_pem"
	       "    FROM remote_key"
	       "   WHERE key_id = $1)"
	       " SELECT id, uri, host, inbox, shared_inbox, username, name, url, type,"
	       "        known_id AS key_id, pem AS public_key_pem, fetched_at AS fetched_us"
	       "   FROM k"
	       "   JOIN remote_actor r ON r.id = k.actor"
	       "  ORDER BY fetched_at DESC"
	       "  LIMIT 1",
	.params = "t",
	DB_ROW(struct remote_actor, remote_fields),
};

size_t
remote_by_key(struct db_batch *b, struct span key_id)
{
	return db_add(b, &remote_by_key_stmt, db_text(key_id));
}

static const struct db_stmt remote_by_uri_stmt = {
	.name = "remote_by_uri",
	.sql = "SELECT" REMOTE_COLUMNS "  FROM remote_actor"
	       " WHERE uri = $1",
	.params = "t",
	DB_ROW(struct remote_actor, remote_fields),
};

size_t
remote_by_uri(struct db_batch *b, struct span uri)
{
	return db_add(b, &remote_by_uri_stmt, db_text(uri));
}

static const struct db_stmt remote_put_stmt = {
	.name = "remote_put",
	.sql = "WITH before AS ("
	       "  SELECT coalesce(r.shared_inbox, r.inbox) AS inbox"
	       "    FROM remote_actor r"
	       "   WHERE r.uri = $1 AND EXISTS (SELECT FROM follow f WHERE f.actor = r.id)),"
	       " moved AS ("
	       "  INSERT INTO remote_inbox_moved (old, new)"
	       "  SELECT inbox, coalesce($4, $3)"
	       "    FROM before"
	       "   WHERE inbox <> coalesce($4, $3)"
	       "      ON CONFLICT (old, new) DO UPDATE SET at = now())"
	       " INSERT INTO remote_actor (uri, host, inbox, shared_inbox, username, name, url,"
	       "                           type, key_id, public_key_pem, fetched_at)"
	       " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now())"
	       "    ON CONFLICT (uri) DO UPDATE"
	       "   SET host = excluded.host, inbox = excluded.inbox,"
	       "       shared_inbox = excluded.shared_inbox, username = excluded.username,"
	       "       name = excluded.name, url = excluded.url, type = excluded.type,"
	       "       key_id = excluded.key_id, public_key_pem = excluded.public_key_pem,"
	       "       fetched_at = now()"
	       " RETURNING" REMOTE_COLUMNS,
	.params = "tttttttttt",
	DB_ROW(struct remote_actor, remote_fields),
};

/* Under the lock of the actor's row: whoever read its document last is right. */
static const struct db_stmt remote_put_keys_stmt = {
	.name = "remote_put_keys",
	.sql = "WITH owner AS ("
	       "  SELECT id"
	       "    FROM remote_actor"
	       "   WHERE uri = $1),"
	       " old AS ("
	       "  DELETE FROM remote_key k"
	       "   USING owner o"
	       "   WHERE k.actor = o.id AND k.key_id <> ALL ($2))"
	       " INSERT INTO remote_key (key_id, actor, public_key_pem)"
	       " SELECT v.key_id, o.id, v.pem"
	       "   FROM owner o, unnest($2, $3) AS v (key_id, pem)"
	       "  ORDER BY v.key_id"
	       "     ON CONFLICT (key_id) DO UPDATE"
	       "    SET actor = excluded.actor, public_key_pem = excluded.public_key_pem",
	.params = "tTT",
};

size_t
remote_put(struct db_batch *b, const struct remote_actor *r, const struct remote_key *more,
	size_t n_more)
{
	struct span ids[REMOTE_KEYS_MORE], pems[REMOTE_KEYS_MORE];
	size_t i;

	assert(n_more <= REMOTE_KEYS_MORE);
	for (size_t k = 0; k < n_more; k++) {
		ids[k] = more[k].id;
		pems[k] = more[k].pem;
	}
	i = db_add(b, &remote_put_stmt, db_text(r->uri), db_text(r->host), db_text(r->inbox),
		db_text(r->shared_inbox), db_text(r->username), db_text(r->name),
		db_text(r->url), db_text(r->type), db_text(r->key_id),
		db_text(r->public_key_pem));
	(void)db_add(b, &remote_put_keys_stmt, db_text(r->uri), db_texts(ids, n_more),
		db_texts(pems, n_more));
	return i;
}

/*
 * An actor keeps the id: it is what its document is asked for by. Under the lock of its row, as
 * remote_put_keys.
 */
static const struct db_stmt remote_key_drop_stmt = {
	.name = "remote_key_drop",
	.sql = "WITH owner AS MATERIALIZED ("
	       "  SELECT id"
	       "    FROM remote_actor"
	       "   WHERE id IN (SELECT id FROM remote_actor WHERE key_id = $1"
	       "                 UNION"
	       "                SELECT actor FROM remote_key WHERE key_id = $1)"
	       "   ORDER BY id"
	       "     FOR UPDATE),"
	       " other AS ("
	       "  DELETE FROM remote_key k"
	       "   USING owner o"
	       "   WHERE k.actor = o.id)"
	       " UPDATE remote_actor r"
	       "    SET public_key_pem = ''"
	       "   FROM owner o"
	       "  WHERE r.id = o.id",
	.params = "t",
};

void
remote_key_drop(struct db_batch *b, struct span key_id)
{
	(void)db_add(b, &remote_key_drop_stmt, db_text(key_id));
}

static const struct db_stmt remote_delete_stmt = {
	.name = "remote_delete",
	.sql = "DELETE FROM follow"
	       " WHERE actor IN (SELECT id FROM remote_actor WHERE uri = ANY ($1)"
	       "                  ORDER BY id FOR UPDATE)",
	.params = "T",
};

static const struct db_stmt remote_forget_stmt = {
	.name = "remote_forget",
	.sql = "DELETE FROM remote_actor"
	       " WHERE uri = ANY ($1)",
	.params = "T",
};

void
remote_delete(struct db_batch *b, const struct span *uris, size_t n)
{
	(void)db_add(b, &remote_delete_stmt, db_texts(uris, n));
	(void)db_add(b, &remote_forget_stmt, db_texts(uris, n));
}

static const struct db_stmt remote_by_inbox_stmt = {
	.name = "remote_by_inbox",
	.sql = "SELECT" REMOTE_COLUMNS "  FROM remote_actor r"
	       " WHERE coalesce(shared_inbox, inbox) = $1 AND fetched_at < $2"
	       "   AND EXISTS (SELECT 1 FROM follow f WHERE f.actor = r.id)"
	       " ORDER BY greatest(fetched_at,"
	       "          (SELECT k.at FROM key_fetch k WHERE k.key_id = r.key_id)), id"
	       " LIMIT $3",
	.params = "tzi",
	DB_ROW(struct remote_actor, remote_fields),
};

size_t
remote_by_inbox(struct db_batch *b, struct span inbox, int64_t before_us, int64_t limit)
{
	return db_add(
		b, &remote_by_inbox_stmt, db_text(inbox), db_time(before_us), db_int(limit));
}

struct remote_uri {
	struct span uri;
};

static const struct db_field remote_uri_fields[] = {
	DB_TEXT(struct remote_uri, uri),
};

static const struct db_stmt remote_known_stmt = {
	.name = "remote_known",
	.sql = "SELECT uri"
	       "  FROM remote_actor"
	       " WHERE uri = ANY ($1)",
	.params = "T",
	DB_ROW(struct remote_uri, remote_uri_fields),
};

size_t
remote_known(struct db_batch *b, const struct span *uris, size_t n)
{
	return db_add(b, &remote_known_stmt, db_texts(uris, n));
}

const struct err *
remote_uri_row(const struct db_batch *b, size_t i, size_t row, struct span *uri)
{
	struct remote_uri r = {0};
	const struct err *e = db_row(b, i, row, &r);

	*uri = r.uri;
	return e;
}

/* Strangers made these rows by knocking; what they are for has passed. */
static const struct db_stmt remote_sweep_actors_stmt = {
	.name = "remote_sweep_actors",
	.sql = "DELETE FROM remote_actor"
	       " WHERE id IN ("
	       "  SELECT r.id"
	       "    FROM remote_actor r"
	       "   WHERE r.fetched_at < now() - interval '30 days'"
	       "     AND NOT EXISTS (SELECT 1 FROM follow f WHERE f.actor = r.id)"
	       "   LIMIT 10000)",
	.params = "",
};

static const struct db_stmt remote_sweep_keys_stmt = {
	.name = "remote_sweep_keys",
	.sql = "DELETE FROM key_fetch"
	       " WHERE at < now() - interval '2 days'",
	.params = "",
};

/* Longer than anything waits to be delivered. */
static const struct db_stmt remote_sweep_moved_stmt = {
	.name = "remote_sweep_moved",
	.sql = "DELETE FROM remote_inbox_moved"
	       " WHERE at < now() - interval '30 days'",
	.params = "",
};

static const struct db_stmt remote_sweep_hosts_stmt = {
	.name = "remote_sweep_hosts",
	.sql = "DELETE FROM remote_host"
	       " WHERE fail_count = 0"
	       "   AND (sig_scheme = 'cavage' OR sig_since < now() - interval '60 days')"
	       "   AND coalesce(open_until, '-infinity') < now()",
	.params = "",
};

void
remote_sweep(struct db_batch *b)
{
	(void)db_add0(b, &remote_sweep_actors_stmt);
	(void)db_add0(b, &remote_sweep_keys_stmt);
	(void)db_add0(b, &remote_sweep_moved_stmt);
	(void)db_add0(b, &remote_sweep_hosts_stmt);
}

const struct err *
remote_row(const struct db_batch *b, size_t i, size_t row, struct remote_actor *out)
{
	return db_row(b, i, row, out);
}

/* ---- keys ---- */

static const struct db_field key_fetch_fields[] = {
	DB_BOOL(struct key_fetch, allowed),
	DB_BOOL(struct key_fetch, gone),
	DB_INT(struct key_fetch, retry_after_s),
};

/* The row itself is the permission: of two workers asking at once, one gets it. */
#define KEY_FETCH_WAIT "CASE WHEN k.gone THEN 86400 ELSE $2::int8 END"

static const struct db_stmt key_fetch_allow_stmt = {
	.name = "key_fetch_allow",
	.sql = "WITH may AS ("
	       "  INSERT INTO key_fetch AS k (key_id, at)"
	       "  VALUES ($1, now())"
	       "      ON CONFLICT (key_id) DO UPDATE"
	       "     SET at = now(), error = NULL, gone = false"
	       "   WHERE k.at < now() - make_interval(secs => (" KEY_FETCH_WAIT ")::float8)"
	       "  RETURNING 1)"
	       " SELECT EXISTS (SELECT 1 FROM may) AS allowed, coalesce(k.gone, false) AS gone,"
	       "        greatest(1, coalesce(ceil(extract(epoch FROM k.at - now())) +"
	       "        " KEY_FETCH_WAIT ", 1))::int8 AS retry_after_s"
	       "   FROM (SELECT 1) one"
	       "   LEFT JOIN key_fetch k ON k.key_id = $1",
	.params = "ti",
	DB_ROW(struct key_fetch, key_fetch_fields),
};

size_t
key_fetch_allow(struct db_batch *b, struct span key_id, int64_t window_s)
{
	return db_add(b, &key_fetch_allow_stmt, db_text(key_id), db_int(window_s));
}

const struct err *
key_fetch_row(const struct db_batch *b, size_t i, struct key_fetch *out)
{
	return db_row(b, i, 0, out);
}

static const struct db_stmt key_fetch_failed_stmt = {
	.name = "key_fetch_failed",
	.sql = "INSERT INTO key_fetch (key_id, at, error, gone)"
	       "VALUES ($1, now(), left($2, 1000), $3)"
	       "    ON CONFLICT (key_id) DO UPDATE"
	       "   SET at = now(), error = excluded.error, gone = excluded.gone",
	.params = "ttb",
};

void
key_fetch_failed(struct db_batch *b, struct span key_id, struct span error, bool gone)
{
	(void)db_add(b, &key_fetch_failed_stmt, db_text(key_id), db_text(error), db_bool(gone));
}

/* ---- hosts ---- */

static const struct db_field remote_host_fields[] = {
	DB_TEXT(struct remote_host, host),
	DB_TEXT(struct remote_host, sig_scheme),
	DB_INT(struct remote_host, fail_count),
	DB_TIME_NULL(struct remote_host, open_until_us),
};

static const struct db_stmt remote_hosts_stmt = {
	.name = "remote_hosts",
	.sql = "SELECT host,"
	       "       CASE WHEN sig_since < now() - interval '30 days' THEN 'cavage'"
	       "            ELSE sig_scheme END AS sig_scheme,"
	       "       fail_count, open_until AS open_until_us"
	       "  FROM remote_host"
	       " WHERE host = ANY ($1)",
	.params = "T",
	DB_ROW(struct remote_host, remote_host_fields),
};

size_t
remote_hosts(struct db_batch *b, const struct span *hosts, size_t n)
{
	return db_add(b, &remote_hosts_stmt, db_texts(hosts, n));
}

const struct err *
remote_host_row(const struct db_batch *b, size_t i, size_t row, struct remote_host *out)
{
	return db_row(b, i, row, out);
}

/*
 * Hosts are written in order of their names and by one statement, so that two workers never
 * wait for each other in a circle. Success of a host without a row changes nothing: healthy
 * hosts cost no row. Several failures that end together are one: they tell of the same moment.
 */
static const struct db_stmt remote_host_result_stmt = {
	.name = "remote_host_result",
	.sql = "WITH result AS ("
	       "  SELECT host, max(ok) = 1 AS ok,"
	       "         nullif(max(wait), 0) * interval '1 second' AS wait,"
	       "         max(scheme) AS scheme"
	       "    FROM unnest($1, $2, $3, $4) AS r (host, ok, wait, scheme)"
	       "   GROUP BY host)"
	       " INSERT INTO remote_host AS h (host, fail_count, last_ok_at, open_until,"
	       "                               sig_scheme)"
	       " SELECT host, CASE WHEN ok THEN 0 ELSE 1 END, CASE WHEN ok THEN now() END,"
	       "        now() + wait, coalesce(scheme, 'cavage')"
	       "   FROM result r"
	       "  WHERE NOT ok OR wait IS NOT NULL OR scheme IS NOT NULL"
	       "     OR EXISTS (SELECT 1 FROM remote_host k"
	       "                 WHERE k.host = r.host AND k.fail_count > 0)"
	       "  ORDER BY host"
	       "     ON CONFLICT (host) DO UPDATE"
	       "    SET fail_count = CASE WHEN excluded.fail_count = 0 THEN 0"
	       "                          ELSE h.fail_count + 1 END,"
	       "        last_ok_at = coalesce(excluded.last_ok_at, h.last_ok_at),"
	       "        open_until = greatest(excluded.open_until,"
	       "          CASE WHEN excluded.fail_count = 0 OR h.fail_count < 4 THEN NULL"
	       "               ELSE now() + (ARRAY[1, 5, 30, 60])"
	       "                    [least(h.fail_count - 3, 4)] * interval '1 minute' END),"
	       "        (sig_scheme, sig_since) = ("
	       "          SELECT coalesce(r.scheme, h.sig_scheme),"
	       "                 CASE WHEN r.scheme IS NULL THEN h.sig_since ELSE now() END"
	       "            FROM result r"
	       "           WHERE r.host = h.host)",
	.params = "TIIT",
};

void
remote_host_result(struct db_batch *b, const struct remote_result *v, size_t n)
{
	struct span *hosts = ARENA_ARRAY(b->arena, n, struct span);
	struct span *schemes = ARENA_ARRAY(b->arena, n, struct span);
	int64_t *ok = ARENA_ARRAY(b->arena, n, int64_t);
	int64_t *wait = ARENA_ARRAY(b->arena, n, int64_t);

	for (size_t i = 0; i < n; i++) {
		hosts[i] = v[i].host;
		ok[i] = v[i].ok;
		wait[i] = v[i].retry_after_s;
		schemes[i] = v[i].scheme;
	}
	(void)db_add(b, &remote_host_result_stmt, db_texts(hosts, n), db_ints(ok, n),
		db_ints(wait, n), db_texts(schemes, n));
}

/* ---- followers ---- */

static const struct db_stmt follow_put_stmt = {
	.name = "follow_put",
	.sql = "INSERT INTO follow (account, actor, uri)"
	       "SELECT $1, r.id, $3"
	       "  FROM remote_actor r"
	       " WHERE r.uri = $2"
	       "    ON CONFLICT (account, actor) DO UPDATE"
	       "   SET uri = excluded.uri",
	.params = "itt",
};

void
follow_put(struct db_batch *b, int64_t account, struct span actor_uri, struct span follow_uri)
{
	(void)db_add(
		b, &follow_put_stmt, db_int(account), db_text(actor_uri), db_text(follow_uri));
}

/*
 * Of the id, and of the pair as well, since some servers name a Follow that was never sent. But
 * one that was taken in and has been followed by another is not the one that holds now; nor is
 * one that never came, if the one that holds was signed later than this was.
 */
static const struct db_stmt follow_delete_stmt = {
	.name = "follow_delete",
	.sql = "DELETE FROM follow f"
	       " USING remote_actor r"
	       " WHERE r.id = f.actor AND r.uri = $2"
	       "   AND (f.uri = $3 OR ($1 <> 0 AND f.account = $1"
	       "        AND NOT EXISTS ("
	       "        SELECT 1 FROM inbox_activity a"
	       "         WHERE a.signer = $2 AND a.uri = $3 AND a.type = 'Follow')))"
	       "   AND NOT EXISTS ("
	       "        SELECT 1 FROM inbox_activity a"
	       "          JOIN inbox_activity by ON by.signed_at < a.signed_at"
	       "         WHERE a.signer = $2 AND a.uri = f.uri"
	       "           AND by.signer = $2 AND by.uri = $4)",
	.params = "ittt",
};

void
follow_delete(struct db_batch *b, int64_t account, struct span actor_uri,
	struct span follow_uri, struct span by_uri)
{
	(void)db_add(b, &follow_delete_stmt, db_int(account), db_text(actor_uri),
		db_text(follow_uri), db_text(by_uri));
}

static const struct db_field follower_fields[] = {
	DB_TEXT(struct follower, uri),
	DB_TEXT(struct follower, inbox),
	DB_TEXT_NULL(struct follower, shared_inbox),
	DB_TEXT(struct follower, host),
	DB_TEXT(struct follower, account_slug),
	DB_TIME(struct follower, since_us),
};

static const struct db_stmt follow_list_stmt = {
	.name = "follow_list",
	.sql = "SELECT r.uri, r.inbox, r.shared_inbox, r.host, a.slug AS account_slug,"
	       "       f.accepted_at AS since_us"
	       "  FROM follow f"
	       "  JOIN remote_actor r ON r.id = f.actor"
	       "  JOIN account a ON a.id = f.account"
	       " WHERE $1 = 0 OR f.account = $1"
	       " ORDER BY f.accepted_at DESC, r.uri"
	       " LIMIT $2",
	.params = "ii",
	DB_ROW(struct follower, follower_fields),
};

size_t
follow_list(struct db_batch *b, int64_t account, int64_t limit)
{
	return db_add(b, &follow_list_stmt, db_int(account), db_int(limit));
}

const struct err *
follower_row(const struct db_batch *b, size_t i, size_t row, struct follower *out)
{
	return db_row(b, i, row, out);
}

static const struct db_stmt follow_count_stmt = {
	.name = "follow_count",
	.sql = "SELECT count(*) AS n"
	       "  FROM follow"
	       " WHERE account = $1",
	.params = "i",
	DB_ROW(struct remote_int, remote_int_fields),
};

size_t
follow_count(struct db_batch *b, int64_t account)
{
	return db_add(b, &follow_count_stmt, db_int(account));
}

const struct db_stmt *const remote_stmts[] = {
	&remote_by_key_stmt,
	&remote_by_uri_stmt,
	&remote_put_stmt,
	&remote_put_keys_stmt,
	&remote_key_drop_stmt,
	&remote_delete_stmt,
	&remote_forget_stmt,
	&remote_by_inbox_stmt,
	&remote_known_stmt,
	&remote_sweep_actors_stmt,
	&remote_sweep_keys_stmt,
	&remote_sweep_moved_stmt,
	&remote_sweep_hosts_stmt,
	&key_fetch_allow_stmt,
	&key_fetch_failed_stmt,
	&remote_hosts_stmt,
	&remote_host_result_stmt,
	&follow_put_stmt,
	&follow_delete_stmt,
	&follow_list_stmt,
	&follow_count_stmt,
};
const size_t n_remote_stmts = ARRAY_LEN(remote_stmts);
