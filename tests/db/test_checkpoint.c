/* The owner of the checkpoints on a real loop and database: in time, once, and again. */
#include "base/conf.h"
#include "crypto/pkey.h"
#include "hub/record.h"
#include "lib/check.h"
#include "lib/dbrun.h"
#include "lib/pg.h"
#include "main/checkpoint.h"

static struct pg *pg;
static struct span dsn;
static struct arena *arena;
static struct hub hub;
static struct conf conf;

static int
setup(void **state)
{
	(void)state;
	pg = pg_start();
	arena = arena_new();
	dsn = dbrun_database(pg);
	hub = (struct hub){.arena = arena, .authority = SPAN("hub.example"), .epoch = 1};
	hub.checkpoint_key = pkey_generate(PKEY_ED25519);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pkey_unref(hub.checkpoint_key);
	arena_free(arena);
	pg_stop(pg);
	return 0;
}

static void
fill_begin(struct db_batch *b, void *ctx)
{
	(void)ctx;
	record_begin(b, &hub);
}

static int
fresh(void **state)
{
	(void)state;
	(void)pg_sql(dsn, "TRUNCATE record_head, record_entry, record_content, "
			  "record_checkpoint, reader");
	dbrun_ok(dsn, fill_begin, NULL, NULL);
	conf.roles = ROLE_ALL;
	return 0;
}

static void
fill_append(struct db_batch *b, void *ctx)
{
	const int64_t *n = ctx;

	for (int64_t i = 0; i < *n; i++) {
		const struct record_new e = {
			.kind = RECORD_CREATE,
			.account = 1,
			.object = i,
			.revision = 1,
			.at_us = 1772359200000000 + i,
			.content = SPAN("{}"),
		};

		record_append(b, &hub, &e);
	}
}

static void
fill_list(struct db_batch *b, void *ctx)
{
	(void)ctx;
	(void)checkpoint_list(b, &hub, 0, 0, 100);
}

/* Each checkpoint carries the signature of what it says. */
static void
read_list(const struct db_batch *b, void *ctx)
{
	struct record_checkpoint c;
	int64_t *last = ctx;

	for (size_t row = 0; row < db_rows(b, 0); row++) {
		check_ok(b->arena, checkpoint_row(b, 0, row, &c));
		check_span(c.hub, hub.authority);
		assert_true(pkey_verify(
			hub.checkpoint_key, checkpoint_text(b->arena, &c), c.signature));
		*last = c.seq;
	}
}

#define OWNERS_MAX 2

/* Owners on one loop, n entries after 50 ms, then a look. Returns the last signed place. */
static int64_t
run(size_t n_owners, int64_t entries, int64_t look_ms)
{
	const struct db_opts opts = dbrun_opts(dsn, 2);
	struct dbrun *r = dbrun_new(&opts);
	struct repeat *owners[OWNERS_MAX];
	int64_t last = 0;
	struct dbrun_call append = {.fill = fill_append, .ctx = &entries, .after_ms = 50};
	struct dbrun_call look = {
		.fill = fill_list, .read = read_list, .ctx = &last, .after_ms = look_ms};

	r->env.conf = &conf;
	r->env.hub = &hub;
	for (size_t i = 0; i < n_owners; i++)
		owners[i] = checkpoint_start(&r->env);
	if (entries)
		dbrun_start(r, &append);
	dbrun_start(r, &look);
	dbrun_wait(r);
	for (size_t i = 0; i < n_owners; i++)
		repeat_free(owners[i]);
	dbrun_free(r);
	assert_false(append.failed || look.failed);
	return last;
}

static void
test_in_time(void **state)
{
	(void)state;
	assert_int_equal(run(1, 3, 1050), 3);
	/* Nothing new, nothing signed; then on from there. */
	assert_int_equal(run(1, 0, 700), 3);
	assert_string_equal(pg_sql(dsn, "SELECT count(*) FROM record_checkpoint"), "1");
	assert_int_equal(run(1, 2, 1050), 5);
	assert_string_equal(pg_sql(dsn, "SELECT count(*) FROM record_checkpoint"), "2");
}

static void
test_two_owners(void **state)
{
	(void)state;
	for (int64_t i = 1; i <= 3; i++)
		assert_int_equal(run(2, 1, 1050), i);
	assert_string_equal(pg_sql(dsn, "SELECT count(*) FROM record_checkpoint"), "3");
}

static void
test_not_our_role(void **state)
{
	(void)state;
	conf.roles = ROLE_WEB | ROLE_DELIVER | ROLE_MEDIA;
	assert_int_equal(run(1, 3, 1050), 0);
}

static void
again(void *arg)
{
	(void)arg;
	pg_again(pg);
}

static void
test_after_an_outage(void **state)
{
	const struct db_opts opts = dbrun_opts(dsn, 2);
	struct loop_timer later = {0};
	int64_t entries = 4, last = 0;
	struct dbrun_call look = {
		.fill = fill_list, .read = read_list, .ctx = &last, .after_ms = 3000};
	struct repeat *owner;
	struct dbrun *r;

	(void)state;
	dbrun_ok(dsn, fill_append, NULL, &entries);
	pg_kill(pg);
	r = dbrun_new(&opts);
	r->env.conf = &conf;
	r->env.hub = &hub;
	owner = checkpoint_start(&r->env);
	loop_timer_set(r->loop, &later, 200, again, NULL);
	dbrun_start(r, &look);
	dbrun_wait(r);
	repeat_free(owner);
	dbrun_free(r);
	assert_int_equal(last, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_in_time, fresh),
		cmocka_unit_test_setup(test_two_owners, fresh),
		cmocka_unit_test_setup(test_not_our_role, fresh),
		cmocka_unit_test_setup(test_after_an_outage, fresh),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
