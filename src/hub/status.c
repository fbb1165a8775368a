#include "hub/status.h"

static const struct db_field status_fields[] = {
	DB_TIME(struct status, now_us),
	DB_INT(struct status, server_version),
	DB_INT(struct status, connections),
	DB_INT(struct status, connections_max),
	DB_INT(struct status, sources),
	DB_INT(struct status, sources_new),
	DB_INT(struct status, sources_ill),
	DB_TEXT_NULL(struct status, ill_example),
	DB_INT(struct status, sources_late),
	DB_INT(struct status, sources_lacking),
	DB_TEXT_NULL(struct status, lacking_example),
	DB_INT(struct status, posts),
	DB_INT(struct status, held),
	DB_INT(struct status, inbox_open),
	DB_INT(struct status, record_seq),
	DB_TIME_NULL(struct status, record_unsigned_us),
	DB_INT(struct status, hosts_down),
	DB_INT(struct status, database_bytes),
};

static const struct db_stmt status_read_stmt = {
	.name = "status_read",
	.sql = "SELECT clock_timestamp() AS now_us,"
	       "       current_setting('server_version_num')::bigint AS server_version,"
	       "       (SELECT count(*) FROM pg_stat_activity"
	       "         WHERE backend_type = 'client backend') AS connections,"
	       "       current_setting('max_connections')::bigint AS connections_max,"
	       "       s.sources, s.sources_new, s.sources_ill, s.ill_example, s.sources_late,"
	       "       s.sources_lacking, s.lacking_example,"
	       "       (SELECT coalesce(sum(posts), 0)::bigint FROM account_count) AS posts,"
	       "       (SELECT count(*) FROM post WHERE state = 'held') AS held,"
	       "       (SELECT count(*) FROM inbox_activity WHERE outcome IS NULL) AS "
	       "inbox_open,"
	       "       coalesce(h.seq, 0) AS record_seq,"
	       "       CASE WHEN h.seq > 0 AND c.seq IS NULL THEN e.at END AS "
	       "record_unsigned_us,"
	       "       (SELECT count(*) FROM remote_host WHERE open_until > now()) AS "
	       "hosts_down,"
	       "       pg_database_size(current_database()) AS database_bytes"
	       "  FROM (SELECT count(*) AS sources,"
	       "               count(*) FILTER (WHERE x.health = 'new') AS sources_new,"
	       "               count(*) FILTER (WHERE x.health NOT IN ('new', 'ok'))"
	       "                 AS sources_ill,"
	       "               min(a.slug || ': ' || coalesce(x.health_text, x.health))"
	       "                 FILTER (WHERE x.health NOT IN ('new', 'ok')) AS ill_example,"
	       "               count(*) FILTER (WHERE x.next_poll_at"
	       "                                < now() - interval '15 minutes') AS "
	       "sources_late,"
	       "               count(*) FILTER (WHERE x.backfill_url IS NULL"
	       "                                AND x.backfill_error IS NOT NULL)"
	       "                 AS sources_lacking,"
	       "               min(a.slug || ': ' || x.backfill_error)"
	       "                 FILTER (WHERE x.backfill_url IS NULL) AS lacking_example"
	       "          FROM source x"
	       "          JOIN account a ON a.id = x.account"
	       "         WHERE x.state = 'active') s"
	       "  LEFT JOIN record_head h ON h.own"
	       "  LEFT JOIN record_entry e"
	       "    ON e.hub = h.hub AND e.epoch = h.epoch AND e.seq = h.seq"
	       "  LEFT JOIN record_checkpoint c"
	       "    ON c.hub = h.hub AND c.epoch = h.epoch AND c.seq = h.seq",
	.params = "",
	DB_ROW(struct status, status_fields),
};

size_t
status_read(struct db_batch *b)
{
	return db_add0(b, &status_read_stmt);
}

const struct err *
status_row(const struct db_batch *b, size_t i, struct status *out)
{
	return db_row(b, i, 0, out);
}

const struct db_stmt *const status_stmts[] = {
	&status_read_stmt,
};
const size_t n_status_stmts = ARRAY_LEN(status_stmts);
