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
	.sql = "SELECT" REMOTE_COLUMNS "  FROM remote_actor"
	       " WHERE key_id = $1",
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
	.sql = "INSERT INTO remote_actor (uri, host, inbox, shared_inbox, username, name, url,"
	       "                          type, key_id, public_key_pem, fetched_at)"
	       "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now())"
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

size_t
remote_put(struct db_batch *b, const struct remote_actor *r)
{
	return db_add(b, &remote_put_stmt, db_text(r->uri), db_text(r->host), db_text(r->inbox),
		db_text(r->shared_inbox), db_text(r->username), db_text(r->name),
		db_text(r->url), db_text(r->type), db_text(r->key_id),
		db_text(r->public_key_pem));
}

static const struct db_stmt remote_delete_stmt = {
	.name = "remote_delete",
	.sql = "WITH gone AS ("
	       "  DELETE FROM follow"
	       "   WHERE actor = (SELECT id FROM remote_actor WHERE uri = $1)"
	       "  RETURNING account)"
	       " UPDATE generation"
	       "    SET n = n + 1"
	       "  WHERE EXISTS (SELECT 1 FROM gone)",
	.params = "t",
};

static const struct db_stmt remote_forget_stmt = {
	.name = "remote_forget",
	.sql = "DELETE FROM remote_actor"
	       " WHERE uri = $1",
	.params = "t",
};

void
remote_delete(struct db_batch *b, struct span uri)
{
	(void)db_add(b, &remote_delete_stmt, db_text(uri));
	(void)db_add(b, &remote_forget_stmt, db_text(uri));
}

const struct err *
remote_row(const struct db_batch *b, size_t i, size_t row, struct remote_actor *out)
{
	return db_row(b, i, row, out);
}

/* ---- keys ---- */

/* The row itself is the permission: two workers asking at once get one. */
static const struct db_stmt key_fetch_allow_stmt = {
	.name = "key_fetch_allow",
	.sql = "WITH may AS ("
	       "  INSERT INTO key_fetch (key_id, at)"
	       "  VALUES ($1, now())"
	       "      ON CONFLICT (key_id) DO UPDATE"
	       "     SET at = now(), error = NULL"
	       "   WHERE key_fetch.at < now() - make_interval(secs => $2::int8::float8)"
	       "  RETURNING 1)"
	       " SELECT count(*) AS n FROM may",
	.params = "ti",
	DB_ROW(struct remote_int, remote_int_fields),
};

size_t
key_fetch_allow(struct db_batch *b, struct span key_id, int64_t window_s)
{
	return db_add(b, &key_fetch_allow_stmt, db_text(key_id), db_int(window_s));
}

static const struct db_stmt key_fetch_failed_stmt = {
	.name = "key_fetch_failed",
	.sql = "INSERT INTO key_fetch (key_id, at, error)"
	       "VALUES ($1, now(), $2)"
	       "    ON CONFLICT (key_id) DO UPDATE"
	       "   SET at = now(), error = excluded.error",
	.params = "tt",
};

void
key_fetch_failed(struct db_batch *b, struct span key_id, struct span error)
{
	(void)db_add(b, &key_fetch_failed_stmt, db_text(key_id), db_text(error));
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
	.sql = "SELECT host, sig_scheme, fail_count, open_until AS open_until_us"
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

static const struct db_stmt remote_host_scheme_stmt = {
	.name = "remote_host_scheme",
	.sql = "INSERT INTO remote_host (host, sig_scheme)"
	       "VALUES ($1, $2)"
	       "    ON CONFLICT (host) DO UPDATE"
	       "   SET sig_scheme = excluded.sig_scheme, sig_since = now()"
	       " WHERE remote_host.sig_scheme <> excluded.sig_scheme",
	.params = "tt",
};

void
remote_host_scheme(struct db_batch *b, struct span host, struct span scheme)
{
	(void)db_add(b, &remote_host_scheme_stmt, db_text(host), db_text(scheme));
}

/*
 * A host is written in order of its name, so that two workers never wait for each other in a
 * circle. Success of a host without a row changes nothing: healthy hosts cost no row.
 */
static const struct db_stmt remote_host_result_stmt = {
	.name = "remote_host_result",
	.sql = "INSERT INTO remote_host (host, fail_count, last_ok_at)"
	       "SELECT host, max(1 - ok), CASE WHEN max(ok) = 1 THEN now() END"
	       "  FROM unnest($1, $2) AS r (host, ok)"
	       " WHERE ok = 0 OR EXISTS (SELECT 1 FROM remote_host h"
	       "                          WHERE h.host = r.host AND h.fail_count > 0)"
	       " GROUP BY host"
	       " ORDER BY host"
	       "    ON CONFLICT (host) DO UPDATE"
	       "   SET fail_count = CASE WHEN excluded.fail_count = 0 THEN 0"
	       "                         ELSE remote_host.fail_count + 1 END,"
	       "       last_ok_at = coalesce(excluded.last_ok_at, remote_host.last_ok_at),"
	       "       open_until = CASE WHEN excluded.fail_count = 0 THEN NULL"
	       "                         WHEN remote_host.fail_count + 1 >= 5"
	       "                         THEN now() + interval '1 hour'"
	       "                         ELSE remote_host.open_until END",
	.params = "TI",
};

void
remote_host_result(struct db_batch *b, const struct span *hosts, const int64_t *ok, size_t n)
{
	(void)db_add(b, &remote_host_result_stmt, db_texts(hosts, n), db_ints(ok, n));
}

/* ---- followers ---- */

static const struct db_stmt follow_put_stmt = {
	.name = "follow_put",
	.sql = "WITH put AS ("
	       "  INSERT INTO follow (account, actor, uri)"
	       "  SELECT $1, r.id, $3"
	       "    FROM remote_actor r"
	       "   WHERE r.uri = $2"
	       "      ON CONFLICT (account, actor) DO UPDATE"
	       "     SET uri = excluded.uri"
	       "  RETURNING (xmax = 0) AS added)"
	       " UPDATE generation"
	       "    SET n = n + 1"
	       "  WHERE EXISTS (SELECT 1 FROM put WHERE added)",
	.params = "itt",
};

void
follow_put(struct db_batch *b, int64_t account, struct span actor_uri, struct span follow_uri)
{
	(void)db_add(
		b, &follow_put_stmt, db_int(account), db_text(actor_uri), db_text(follow_uri));
}

static const struct db_stmt follow_delete_stmt = {
	.name = "follow_delete",
	.sql = "WITH gone AS ("
	       "  DELETE FROM follow f"
	       "   USING remote_actor r"
	       "   WHERE r.id = f.actor AND r.uri = $2"
	       "     AND (($1 <> 0 AND f.account = $1) OR f.uri = $3)"
	       "  RETURNING 1)"
	       " UPDATE generation"
	       "    SET n = n + 1"
	       "  WHERE EXISTS (SELECT 1 FROM gone)",
	.params = "itt",
};

void
follow_delete(
	struct db_batch *b, int64_t account, struct span actor_uri, struct span follow_uri)
{
	(void)db_add(b, &follow_delete_stmt, db_int(account), db_text(actor_uri),
		db_text(follow_uri));
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
	&remote_delete_stmt,
	&remote_forget_stmt,
	&key_fetch_allow_stmt,
	&key_fetch_failed_stmt,
	&remote_hosts_stmt,
	&remote_host_scheme_stmt,
	&remote_host_result_stmt,
	&follow_put_stmt,
	&follow_delete_stmt,
	&follow_list_stmt,
	&follow_count_stmt,
};
const size_t n_remote_stmts = ARRAY_LEN(remote_stmts);
