/* Every statement of the program is prepared against a freshly migrated database. */
#include "db/db.h"
#include "db/queue.h"
#include "hub/account.h"
#include "hub/delivery.h"
#include "hub/media.h"
#include "hub/post.h"
#include "hub/record.h"
#include "hub/remote.h"
#include "hub/setting.h"
#include "hub/source.h"
#include "hub/status.h"
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

static void
test_all(void **state)
{
	const struct {
		const struct db_stmt *const *list;
		size_t n;
	} modules[] = {
		{queue_stmts, n_queue_stmts},
		{setting_stmts, n_setting_stmts},
		{account_stmts, n_account_stmts},
		{source_stmts, n_source_stmts},
		{post_stmts, n_post_stmts},
		{media_stmts, n_media_stmts},
		{remote_stmts, n_remote_stmts},
		{delivery_stmts, n_delivery_stmts},
		{record_stmts, n_record_stmts},
		{status_stmts, n_status_stmts},
	};
	const struct span dsn = pg_database(pg);
	struct arena *a = arena_new();
	const char *seen[500];
	size_t n_seen = 0;
	int applied;

	(void)state;
	check_ok(a, db_migrate(a, dsn, &applied));
	assert_true(applied > 0);
	for (size_t m = 0; m < ARRAY_LEN(modules); m++) {
		assert_true(modules[m].n > 0);
		check_ok(a, db_check_stmts(a, dsn, modules[m].list, modules[m].n));
		/* A name stands for one statement on a connection. */
		for (size_t i = 0; i < modules[m].n; i++) {
			const char *name = modules[m].list[i]->name;

			for (size_t k = 0; k < n_seen; k++)
				assert_string_not_equal(seen[k], name);
			assert_true(n_seen < ARRAY_LEN(seen));
			seen[n_seen++] = name;
		}
	}
	arena_free(a);
}

/* The check itself must be able to fail. */
static void
test_check_fails(void **state)
{
	struct num {
		int64_t n;
	};
	static const struct db_field fields[] = {DB_INT(struct num, n)};
	static const struct db_stmt cases[] = {
		{.name = "c1", .sql = "SELECT id FROM job WHERE id = $1", .params = "t"},
		{.name = "c2", .sql = "SELECT $1::int8, $2::int8", .params = "i"},
		{.name = "c4", .sql = "SELECT 1 AS n", DB_ROW(struct num, fields)},
		{.name = "c5", .sql = "SELECT 1::int8 AS m", DB_ROW(struct num, fields)},
		{.name = "c6", .sql = "SELECT nothing"},
	};
	const struct span dsn = pg_database(pg);
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct db_stmt *one = &cases[i];

		if (!db_check_stmts(a, dsn, &one, 1))
			check_fail("%s was accepted", one->sql);
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_check_fails),
	};

	return cmocka_run_group_tests_name("db.stmts", tests, setup, teardown);
}
