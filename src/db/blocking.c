#include "db/blocking.h"

#include "db/conn.h"
#include "db/run.h"

const struct err *
db_blocking_open(struct arena *a, struct span dsn, int statement_timeout_ms, PGconn **out)
{
	const struct db_opts o = {
		.dsn = dsn,
		.name = SPAN("litfass start"),
		.statement_timeout_ms = statement_timeout_ms,
	};
	struct db_conninfo ci = {.hosts = 1};
	const struct err *e = NULL;

	*out = NULL;
	for (size_t i = 0; i < ci.hosts; i++) {
		PGconn *pg;

		e = db_conninfo(a, &o, i, NULL, &ci);
		if (e)
			return e;
		pg = PQconnectdbParams(ci.keys, ci.values, 0);
		assert(pg);
		if (PQstatus(pg) == CONNECTION_OK) {
			*out = pg;
			return NULL;
		}
		e = err_new(a, ERR_DB_GONE, "the database cannot be reached: %.*s",
			SPAN_FMT(span_trim(span_of(PQerrorMessage(pg)))));
		PQfinish(pg);
	}
	return e;
}

const struct err *
db_blocking_exec(struct arena *a, PGconn *pg, const char *sql, int n, const char *const *values,
	PGresult **out)
{
	PGresult *res =
		n ? PQexecParams(pg, sql, n, NULL, values, NULL, NULL, 0) : PQexec(pg, sql);
	const ExecStatusType st = PQresultStatus(res);
	const struct err *e = NULL;

	if (st != PGRES_COMMAND_OK && st != PGRES_TUPLES_OK) {
		const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
		const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

		e = db_error(a, state ? state : "08006", text ? text : PQerrorMessage(pg),
			"the command");
	}
	if (out && !e)
		*out = res;
	else
		PQclear(res);
	return e;
}
