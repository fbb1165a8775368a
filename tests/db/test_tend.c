/* What has lost its job gets it back, by the statements and by the flow that runs them. */
#include "base/conf.h"
#include "hub/hub.h"
#include "hub/source.h"
#include "lib/check.h"
#include "lib/dbrun.h"
#include "lib/pg.h"
#include "main/tend.h"

static struct pg *pg;
static struct span dsn;
static struct conf conf;

static int
setup(void **state)
{
	(void)state;
	pg = pg_start();
	dsn = dbrun_database(pg);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pg_stop(pg);
	return 0;
}

/* One source, and no job. */
static int
fresh(void **state)
{
	(void)state;
	(void)pg_sql(dsn, "TRUNCATE account, source, job CASCADE;"
			  "INSERT INTO account (kind, slug, actor_type, name, public_key_pem,"
			  " ed25519_public, private_keys)"
			  " VALUES ('organization', 'a', 'Organization', 'A', '', '', '');"
			  "INSERT INTO source (account, connector, url)"
			  " SELECT id, 'feed', 'https://a.example/feed' FROM account");
	return 0;
}

static void
fill_plan(struct db_batch *b, void *ctx)
{
	(void)ctx;
	source_plan_missing(b);
}

static const char *
jobs(void)
{
	return pg_sql(dsn,
		"SELECT coalesce(string_agg(concat_ws(' ', kind, state, crashes, host),"
		" ', ' ORDER BY id), '') FROM job");
}

static void
test_polls(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		dbrun_ok(dsn, fill_plan, NULL, NULL);
		assert_string_equal(jobs(), "poll ready 0 a.example");
	}
	/* Buried: somebody may look at it first; then it lives again, on probation. */
	(void)pg_sql(dsn, "UPDATE job SET state = 'dead', crashes = 3");
	dbrun_ok(dsn, fill_plan, NULL, NULL);
	assert_string_equal(jobs(), "poll dead 3 a.example");
	(void)pg_sql(dsn, "UPDATE job SET run_at = now() - interval '361 minutes'");
	dbrun_ok(dsn, fill_plan, NULL, NULL);
	assert_string_equal(jobs(), "poll ready 2 a.example");
	/* Of several that were buried, one. */
	(void)pg_sql(dsn, "UPDATE job SET state = 'dead', run_at = now() - interval '1 day';"
			  "INSERT INTO job (kind, key, args, state, run_at)"
			  " SELECT kind, key, args, state, run_at FROM job");
	dbrun_ok(dsn, fill_plan, NULL, NULL);
	assert_string_equal(jobs(), "poll dead 2 a.example, poll ready 0");
	/* Nobody polls what is paused. */
	(void)pg_sql(dsn, "DELETE FROM job; UPDATE source SET state = 'paused'");
	dbrun_ok(dsn, fill_plan, NULL, NULL);
	assert_string_equal(jobs(), "");
}

static void
fill_nothing(struct db_batch *b, void *ctx)
{
	(void)ctx;
	(void)queue_list(b, false, 1);
}

/* A worker of these roles, for long enough to have looked once. */
static void
run(unsigned roles)
{
	const struct db_opts opts = dbrun_opts(dsn, 2);
	struct dbrun *r = dbrun_new(&opts);
	struct dbrun_call look = {.fill = fill_nothing, .rows = true, .after_ms = 3000};
	struct hub hub = {.authority = SPAN("hub.example")};
	struct repeat *d;

	conf.roles = roles;
	r->env.conf = &conf;
	r->env.hub = &hub;
	d = tend_start(&r->env);
	dbrun_start(r, &look);
	dbrun_wait(r);
	repeat_free(d);
	dbrun_free(r);
	assert_false(look.failed);
}

static void
test_flow(void **state)
{
	(void)state;
	run(ROLE_WEB | ROLE_DELIVER | ROLE_MEDIA);
	assert_string_equal(jobs(), "");
	run(ROLE_INGEST);
	assert_string_equal(jobs(), "poll ready 0 a.example");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_polls, fresh),
		cmocka_unit_test_setup(test_flow, fresh),
	};

	return cmocka_run_group_tests_name("db.tend", tests, setup, teardown);
}
