#include <string.h>

#include "db/blocking.h"
#include "db/run.h"

static const struct err *
check_params(struct arena *a, const struct db_stmt *st, const PGresult *res)
{
	const size_t n = st->params ? strlen(st->params) : 0;

	if ((size_t)PQnparams(res) != n)
		return err_new(a, ERR_CORRUPT, "statement %s has %d parameters, %zu are given",
			st->name, PQnparams(res), n);
	for (size_t i = 0; i < n; i++)
		if (PQparamtype(res, (int)i) != db_oid(st->params[i]))
			return err_new(a, ERR_CORRUPT,
				"statement %s: parameter $%zu has type %u, '%c' is given",
				st->name, i + 1, PQparamtype(res, (int)i), st->params[i]);
	return NULL;
}

static const struct err *
check_one(struct arena *a, PGconn *pg, const struct db_stmt *st)
{
	AUTO(PGresult) *prepared = NULL;
	AUTO(PGresult) *described = NULL;
	unsigned types[DB_PARAMS_MAX];
	const struct err *e;

	db_param_oids(st, types);
	prepared = PQprepare(
		pg, st->name, st->sql, st->params ? (int)strlen(st->params) : 0, types);
	if (PQresultStatus(prepared) != PGRES_COMMAND_OK)
		return err_new(a, ERR_CORRUPT, "statement %s: %.*s", st->name,
			SPAN_FMT(span_trim(span_of(PQresultErrorMessage(prepared)))));
	described = PQdescribePrepared(pg, st->name);
	if (PQresultStatus(described) != PGRES_COMMAND_OK)
		return err_new(a, ERR_CORRUPT, "statement %s: %.*s", st->name,
			SPAN_FMT(span_trim(span_of(PQresultErrorMessage(described)))));
	e = check_params(a, st, described);
	return e ? e : db_result_check(a, st, described);
}

const struct err *
db_check_stmts(struct arena *a, struct span dsn, const struct db_stmt *const *list, size_t n)
{
	AUTO(PGconn) *pg = NULL;
	const struct err *e = db_blocking_open(a, dsn, 30000, &pg);

	for (size_t i = 0; !e && i < n; i++)
		e = check_one(a, pg, list[i]);
	return e;
}
