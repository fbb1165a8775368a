#include "db/run.h"

#include <string.h>

static bool
state_is(const char *sqlstate, const char *prefix)
{
	return strncmp(sqlstate, prefix, strlen(prefix)) == 0;
}

enum db_verdict
db_judge(const char *sqlstate, bool stale)
{
	/* Only a new session is rid of a plan that was made before a migration. */
	if (stale)
		return DB_RECONNECT;
	if (state_is(sqlstate, "40001") || state_is(sqlstate, "40P01"))
		return DB_REPEAT;
	/* A statement that the session does not know (DISCARD ALL), or knows already. */
	if (state_is(sqlstate, "26000") || state_is(sqlstate, "42P05"))
		return DB_REPREPARE;
	if (state_is(sqlstate, "08") || state_is(sqlstate, "57P0") ||
		state_is(sqlstate, "25006"))
		return DB_RECONNECT;
	return DB_FAIL;
}

static enum err_kind
state_kind(const char *sqlstate)
{
	static const struct {
		const char *prefix;
		enum err_kind kind;
	} kinds[] = {
		{"23505", ERR_CONFLICT}, /* unique: done already, or somebody was faster */
		{"23503", ERR_CONFLICT}, /* foreign key: what it refers to is another now */
		{"LF001", ERR_CONFLICT}, /* litfass_expect */
		{"57014", ERR_TIMEOUT},
		{"55P03", ERR_TIMEOUT}, /* lock_timeout */
		{"22", ERR_INPUT},      /* a value PostgreSQL cannot hold, e.g. a NUL */
		{"54", ERR_INPUT},      /* too long for an index */
		{"53", ERR_UNAVAILABLE},
		{"57P0", ERR_DB_GONE},
		{"08", ERR_DB_GONE},
		{"25006", ERR_DB_GONE},
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (state_is(sqlstate, kinds[i].prefix))
			return kinds[i].kind;
	return ERR_DB;
}

const struct err *
db_error(struct arena *a, const char *sqlstate, const char *message, const char *about)
{
	return err_new(a, state_kind(sqlstate), "the database refused %s: %s (SQLSTATE %s)",
		about ? about : "the batch", message ? message : "no reason given",
		sqlstate[0] ? sqlstate : "none");
}
