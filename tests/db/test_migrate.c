#include <sys/wait.h>
#include <unistd.h>

#include "db/blocking.h"
#include "lib/check.h"
#include "lib/pg.h"

static struct pg *pg;

static int
setup(void **state)
{
	(void)state;
	pg = pg_shared();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pg_stop(pg);
	return 0;
}

#define TEXT(lit)                                                                              \
	{                                                                                      \
		.p = (lit), .n = sizeof(lit) - 1                                               \
	}
#define FILE_(n_, text)                                                                        \
	{                                                                                      \
		.number = (n_), .name = TEXT("000" #n_ "_x.sql"), .sql = TEXT(text)            \
	}

static const struct migration one[] = {
	FILE_(1, "CREATE TABLE a (x int); INSERT INTO a VALUES (1);"),
};
static const struct migration two[] = {
	FILE_(1, "CREATE TABLE a (x int); INSERT INTO a VALUES (1);"),
	FILE_(2, "INSERT INTO a VALUES (2); ALTER TABLE a ADD y int;"),
};
static const struct migration changed[] = {
	FILE_(1, "CREATE TABLE a (x int); INSERT INTO a VALUES (7);"),
	FILE_(2, "INSERT INTO a VALUES (2); ALTER TABLE a ADD y int;"),
};
static const struct migration broken[] = {
	FILE_(1, "CREATE TABLE a (x int); INSERT INTO a VALUES (1);"),
	FILE_(2, "INSERT INTO a VALUES (2); CREATE TABLE b (z int); SELECT 1 / 0;"),
};
static const struct migration late[] = {
	FILE_(1, "CREATE TABLE a (x int); INSERT INTO a VALUES (1);"),
	FILE_(2, "SELECT 1"),
	FILE_(3, "SELECT 2"),
};
static const struct migration hole[] = {
	FILE_(1, "CREATE TABLE a (x int); INSERT INTO a VALUES (1);"),
	FILE_(3, "SELECT 2"),
};

static void
expect(struct arena *a, const struct err *e, enum err_kind kind, const char *words)
{
	assert_non_null(e);
	assert_int_equal(e->kind, kind);
	if (!strstr(arena_cstr(a, err_text(a, e)), words))
		check_fail("\"%.*s\" does not say \"%s\"", SPAN_FMT(err_text(a, e)), words);
}

static void
test_forward(void **state)
{
	const struct span dsn = pg_database(pg);
	struct arena *a = arena_new();
	struct db_migration *list;
	size_t n;
	int applied;

	(void)state;
	check_ok(a, db_migrations_of(a, dsn, two, 2, &list, &n));
	assert_true(n == 2 && !list[0].applied && !list[1].applied);
	check_ok(a, db_migrate_files(a, dsn, one, 1, &applied));
	assert_int_equal(applied, 1);
	check_ok(a, db_migrate_files(a, dsn, one, 1, &applied));
	assert_int_equal(applied, 0);
	check_ok(a, db_migrations_of(a, dsn, two, 2, &list, &n));
	assert_true(list[0].applied && !list[1].applied);
	check_ok(a, db_migrate_files(a, dsn, two, 2, &applied));
	assert_int_equal(applied, 1);
	assert_string_equal(
		pg_sql(dsn, "SELECT string_agg(x::text, ' ' ORDER BY x) FROM a"), "1 2");
	/* The old program does not run on the new schema. */
	expect(a, db_migrate_files(a, dsn, one, 1, &applied), ERR_CONFIG, "newer");
	expect(a, db_migrations_of(a, dsn, one, 1, &list, &n), ERR_CONFIG, "0002_x.sql");
	arena_free(a);
}

static void
test_changed(void **state)
{
	const struct span dsn = pg_database(pg);
	struct arena *a = arena_new();
	int applied;

	(void)state;
	check_ok(a, db_migrate_files(a, dsn, one, 1, &applied));
	expect(a, db_migrate_files(a, dsn, changed, 2, &applied), ERR_CONFIG,
		"another version of 0001_x.sql");
	assert_string_equal(pg_sql(dsn, "SELECT count(*) FROM a"), "1");
	arena_free(a);
}

static void
test_broken(void **state)
{
	const struct span dsn = pg_database(pg);
	struct arena *a = arena_new();
	int applied;

	(void)state;
	expect(a, db_migrate_files(a, dsn, broken, 2, &applied), ERR_INPUT, "0002_x.sql");
	assert_int_equal(applied, 1);
	/* All of the second is undone, and its better version goes in. */
	assert_string_equal(pg_sql(dsn, "SELECT count(*) FROM a"), "1");
	check_ok(a, db_migrate_files(a, dsn, two, 2, &applied));
	assert_int_equal(applied, 1);
	arena_free(a);
}

static void
test_hole(void **state)
{
	const struct span dsn = pg_database(pg);
	struct arena *a = arena_new();
	int applied;

	(void)state;
	check_ok(a, db_migrate_files(a, dsn, hole, 2, &applied));
	expect(a, db_migrate_files(a, dsn, late, 3, &applied), ERR_CONFIG,
		"0002_x.sql was not");
	arena_free(a);
}

static void
test_unreachable(void **state)
{
	struct arena *a = arena_new();
	int applied;

	(void)state;
	expect(a, db_migrate_files(a, SPAN("host=/nonexistent"), one, 1, &applied), ERR_DB_GONE,
		"cannot be reached");
	arena_free(a);
}

/* Several programs start at once: each migration goes in once, and all of them go on. */
static void
test_race(void **state)
{
	pid_t racers[4];
	const struct span dsn = pg_database(pg);
	int applied = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(racers); i++) {
		racers[i] = fork();
		assert_true(racers[i] >= 0);
		if (racers[i] == 0) {
			const bool ok = db_migrate(arena_new(), dsn, &applied) == NULL;

			_exit(ok ? applied : 99);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(racers); i++) {
		int status;

		assert_int_equal(waitpid(racers[i], &status, 0), racers[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 99);
		applied += WEXITSTATUS(status);
	}
	assert_int_equal(applied, pg_number(dsn, "SELECT count(*) FROM schema_migration"));
	assert_true(applied > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forward),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_hole),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_race),
	};

	return cmocka_run_group_tests_name("db.migrate", tests, setup, teardown);
}
