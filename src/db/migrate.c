#include <stdlib.h>
#include <time.h>

#include "base/embed.h"
#include "db/blocking.h"

#define MIGRATE_LOCK "4705181" /* pg_try_advisory_lock: one migrator per database */
#define MIGRATE_LOCK_TRIES 600 /* times 100 ms */
#define MIGRATE_TRIES 10       /* lock_timeout is 3 s each */
#define MIGRATE_TIMEOUT_MS 600000

static void
migrate_pause(void)
{
	const struct timespec ts = {.tv_nsec = 100 * 1000 * 1000};

	(void)nanosleep(&ts, NULL);
}

/* Polled, because a waiting lock call would hold a snapshot. */
static const struct err *
migrate_lock(struct arena *a, PGconn *pg)
{
	for (int i = 0; i < MIGRATE_LOCK_TRIES; i++) {
		AUTO(PGresult) *res = NULL;
		const struct err *e = db_blocking_exec(
			a, pg, "SELECT pg_try_advisory_lock(" MIGRATE_LOCK ")", 0, NULL, &res);

		if (e)
			return e;
		if (span_is(span_of(PQgetvalue(res, 0, 0)), "t"))
			return NULL;
		migrate_pause();
	}
	return err_new(a, ERR_UNAVAILABLE,
		"another process has been migrating this database for a minute; wait for it or "
		"end it, then start again");
}

static bool
migrate_has_table(struct arena *a, PGconn *pg, const struct err **e)
{
	AUTO(PGresult) *res = NULL;

	*e = db_blocking_exec(a, pg,
		"SELECT to_regclass('public.schema_migration') IS NOT NULL", 0, NULL, &res);
	return !*e && span_is(span_of(PQgetvalue(res, 0, 0)), "t");
}

static const struct migration *
migrate_find(const struct migration *files, size_t n, int64_t number)
{
	for (size_t i = 0; i < n; i++)
		if (files[i].number == number)
			return &files[i];
	return NULL;
}

static const char *
migrate_hex(struct arena *a, struct span s)
{
	static const char digits[] = "0123456789abcdef";
	char *hex = arena_alloc(a, 2 * s.n + 3);

	hex[0] = '\\';
	hex[1] = 'x';
	for (size_t i = 0; i < s.n; i++) {
		hex[2 + 2 * i] = digits[(unsigned char)s.p[i] >> 4];
		hex[3 + 2 * i] = digits[(unsigned char)s.p[i] & 15];
	}
	return hex;
}

/* A migration that was applied must be the one we know, byte by byte. */
static const struct err *
migrate_check_one(struct arena *a, PGconn *pg, const struct migration *m)
{
	AUTO(PGresult) *res = NULL;
	const char *values[] = {
		arena_cstr(a, arena_printf(a, "%d", m->number)),
		migrate_hex(a, m->sql),
	};
	const struct err *e = db_blocking_exec(a, pg,
		"SELECT sha256 = sha256($2::bytea) FROM schema_migration WHERE number = $1", 2,
		values, &res);

	if (e)
		return e;
	if (!span_is(span_of(PQgetvalue(res, 0, 0)), "t"))
		return err_new(a, ERR_CONFIG,
			"the database was migrated with another version of %.*s; use the "
			"program that made it, or restore the backup that fits this one",
			SPAN_FMT(m->name));
	return NULL;
}

/* done[i]: files[i] has been applied. */
static const struct err *
migrate_state(struct arena *a, PGconn *pg, const struct migration *files, size_t n, bool *done)
{
	AUTO(PGresult) *res = NULL;
	const struct err *e;

	if (!migrate_has_table(a, pg, &e))
		return e;
	e = db_blocking_exec(a, pg, "SELECT number, name FROM schema_migration ORDER BY number",
		0, NULL, &res);
	if (e)
		return e;
	for (int row = 0; row < PQntuples(res); row++) {
		const struct migration *m;
		int64_t number;

		if (!span_i64(span_of(PQgetvalue(res, row, 0)), 0, INT32_MAX, &number))
			return err_new(a, ERR_CORRUPT, "schema_migration holds a bad number");
		m = migrate_find(files, n, number);
		if (!m)
			return err_new(a, ERR_CONFIG,
				"the database has schema %s, which is newer than this program "
				"knows; install the newer program, or restore an older backup",
				PQgetvalue(res, row, 1));
		e = migrate_check_one(a, pg, m);
		if (e)
			return e;
		done[m - files] = true;
	}
	for (size_t i = 1; i < n; i++)
		if (done[i] && !done[i - 1])
			return err_new(a, ERR_CONFIG,
				"%.*s was applied to the database, but %.*s was not; restore a "
				"backup",
				SPAN_FMT(files[i].name), SPAN_FMT(files[i - 1].name));
	return NULL;
}

static const struct err *
migrate_transaction(struct arena *a, PGconn *pg, const struct migration *m)
{
	const char *values[] = {
		arena_cstr(a, arena_printf(a, "%d", m->number)),
		arena_cstr(a, m->name),
		migrate_hex(a, m->sql),
	};
	const struct err *e = db_blocking_exec(a, pg, "BEGIN", 0, NULL, NULL);

	if (!e)
		e = db_blocking_exec(a, pg, arena_cstr(a, m->sql), 0, NULL, NULL);
	if (!e)
		e = db_blocking_exec(a, pg,
			"INSERT INTO schema_migration (number, name, sha256)"
			" VALUES ($1, $2, sha256($3::bytea))",
			3, values, NULL);
	if (!e)
		e = db_blocking_exec(a, pg, "COMMIT", 0, NULL, NULL);
	if (e) {
		const struct err *ignored = db_blocking_exec(a, pg, "ROLLBACK", 0, NULL, NULL);

		(void)ignored; /* the first error is the one to tell */
	}
	return e;
}

static const struct err *
migrate_apply(struct arena *a, PGconn *pg, const struct migration *m)
{
	const struct err *e = NULL;

	/* A lock that readers hold: give way after lock_timeout, then ask again. */
	for (int i = 0; i < MIGRATE_TRIES; i++) {
		e = migrate_transaction(a, pg, m);
		if (!e || e->kind != ERR_TIMEOUT)
			break;
		migrate_pause();
	}
	return e ? err_wrap(a, e, "%.*s cannot be applied", SPAN_FMT(m->name)) : NULL;
}

const struct err *
db_migrate_files(
	struct arena *a, struct span dsn, const struct migration *files, size_t n, int *applied)
{
	AUTO(PGconn) *pg = NULL;
	bool *done = ARENA_ARRAY(a, n ? n : 1, bool);
	const struct err *e = db_blocking_open(a, dsn, MIGRATE_TIMEOUT_MS, &pg);

	*applied = 0;
	if (e)
		return e;
	e = migrate_lock(a, pg);
	if (!e)
		e = db_blocking_exec(a, pg,
			"CREATE TABLE IF NOT EXISTS schema_migration ("
			" number bigint PRIMARY KEY,"
			" name text NOT NULL,"
			" sha256 bytea NOT NULL,"
			" applied_at timestamptz NOT NULL DEFAULT now())",
			0, NULL, NULL);
	if (!e)
		e = migrate_state(a, pg, files, n, done);
	for (size_t i = 0; !e && i < n; i++) {
		if (done[i])
			continue;
		e = migrate_apply(a, pg, &files[i]);
		if (!e)
			(*applied)++;
	}
	return e;
}

const struct err *
db_migrations_of(struct arena *a, struct span dsn, const struct migration *files, size_t n,
	struct db_migration **out, size_t *n_out)
{
	AUTO(PGconn) *pg = NULL;
	bool *done = ARENA_ARRAY(a, n ? n : 1, bool);
	const struct err *e = db_blocking_open(a, dsn, MIGRATE_TIMEOUT_MS, &pg);

	if (!e)
		e = migrate_state(a, pg, files, n, done);
	if (e)
		return e;
	*out = ARENA_ARRAY(a, n ? n : 1, struct db_migration);
	*n_out = n;
	for (size_t i = 0; i < n; i++)
		(*out)[i] = (struct db_migration){
			.number = files[i].number,
			.name = files[i].name,
			.applied = done[i],
		};
	return NULL;
}

/* "0001_spine.sql": the number stands in front. */
static const struct err *
migrate_embedded(struct arena *a, struct migration **out, size_t *n_out)
{
	size_t n = 0;
	struct migration *files = NULL;

	while (embed_migrations[n].name)
		n++;
	files = ARENA_ARRAY(a, n ? n : 1, struct migration);
	for (size_t i = 0; i < n; i++) {
		const struct embed_file *f = &embed_migrations[i];
		struct span number, rest = span_of(f->name);
		int64_t v;

		if (!span_cut(&rest, '_', &number) || !span_i64(number, 1, INT32_MAX, &v) ||
			(i && v <= files[i - 1].number))
			return err_new(a, ERR_INTERNAL, "migration %s has no number in order",
				f->name);
		files[i] = (struct migration){
			.number = (int)v,
			.name = span_of(f->name),
			.sql = span_from(f->data, f->size),
		};
	}
	*out = files;
	*n_out = n;
	return NULL;
}

const struct err *
db_migrate(struct arena *a, struct span dsn, int *applied)
{
	struct migration *files = NULL;
	size_t n = 0;
	const struct err *e = migrate_embedded(a, &files, &n);

	*applied = 0;
	return e ? e : db_migrate_files(a, dsn, files, n, applied);
}

const struct err *
db_migrations(struct arena *a, struct span dsn, struct db_migration **out, size_t *n)
{
	struct migration *files = NULL;
	size_t n_files = 0;
	const struct err *e = migrate_embedded(a, &files, &n_files);

	return e ? e : db_migrations_of(a, dsn, files, n_files, out, n);
}
