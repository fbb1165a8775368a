#include <unistd.h>

#include "base/metric.h"
#include "db/queue.h"
#include "lib/check.h"
#include "lib/dbrun.h"
#include "lib/pg.h"

static struct pg *pg;
static struct span dsn;
static struct arena *arena;

static int
setup(void **state)
{
	(void)state;
	pg = pg_shared();
	dsn = dbrun_database(pg);
	arena = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	pg_stop(pg);
	return 0;
}

static int
fresh(void **state)
{
	(void)state;
	(void)pg_sql(dsn, "TRUNCATE job RESTART IDENTITY");
	return 0;
}

static int64_t
number(const char *sql)
{
	return pg_number(dsn, sql);
}

/* ---- adding ---- */

static void
fill_add(struct db_batch *b, void *ctx)
{
	queue_add(b, ctx);
}

static void
add(const struct job_new *j)
{
	dbrun_ok(dsn, fill_add, NULL, (void *)(uintptr_t)j);
}

/* ---- claiming ---- */

struct claim {
	const char *worker, *kind;
	int64_t limit, per_host;
	size_t at, n;
	struct job jobs[400]; /* texts in the test's arena */
};

static void
fill_claim(struct db_batch *b, void *ctx)
{
	struct claim *c = ctx;
	const struct span kind = span_of(c->kind);

	c->at = queue_claim(b, span_of(c->worker), &kind, 1, c->limit, c->per_host);
}

static void
read_claim(const struct db_batch *b, void *ctx)
{
	struct claim *c = ctx;
	struct job *jobs;
	size_t n;

	check_ok(arena, queue_claimed(b, c->at, &jobs, &n));
	for (size_t i = 0; i < n; i++) {
		struct job *j = &c->jobs[c->n++];

		assert_true(c->n <= ARRAY_LEN(c->jobs));
		*j = jobs[i];
		j->key = arena_dup(arena, jobs[i].key);
		j->kind = arena_dup(arena, jobs[i].kind);
		j->token = arena_dup(arena, jobs[i].token);
		j->args = arena_dup(arena, jobs[i].args);
	}
}

static size_t
claim(struct claim *c)
{
	const size_t before = c->n;

	dbrun_ok(dsn, fill_claim, read_claim, c);
	return c->n - before;
}

static const struct claim *
claim_one(const char *kind)
{
	static struct claim c;

	c = (struct claim){.worker = "w1", .kind = kind, .limit = 1, .per_host = 10};
	assert_int_equal(claim(&c), 1);
	return &c;
}

static void
test_add_claim_finish(void **state)
{
	const struct job_new j = {.kind = SPAN("poll"),
		.key = SPAN("7"),
		.args = SPAN("{\"source\": 7}"),
		.run_at_us = TIME_NONE};
	const struct claim *c;

	(void)state;
	add(&j);
	add(&j);
	assert_int_equal(number("SELECT count(*) FROM job"), 1);
	c = claim_one("poll");
	check_span(c->jobs[0].key, SPAN("7"));
	check_span(c->jobs[0].args, SPAN("{\"source\": 7}"));
	assert_int_equal(c->jobs[0].attempt, 1);
	assert_int_equal(c->jobs[0].token.n, 36);
	assert_string_equal(pg_sql(dsn, "SELECT worker FROM job"), "w1");
	assert_string_equal(pg_sql(dsn, "SELECT lease_until BETWEEN now() + interval '50 s' AND"
					" now() + interval '61 s' FROM job"),
		"t");
}

/* ---- what belongs to a lease ---- */

struct lease {
	const struct job *job;
	int64_t affected;
	size_t at;
	int what;
};
enum { FINISH, RENEW, RETRY, BURY, FENCE };

static void
fill_lease(struct db_batch *b, void *ctx)
{
	struct lease *l = ctx;

	if (l->what == FINISH)
		l->at = queue_finish(b, &l->job->id, &l->job->token, 1);
	else if (l->what == RENEW)
		l->at = queue_renew(b, &l->job->id, &l->job->token, 1);
	else if (l->what == RETRY)
		queue_retry(b, l->job, 5000, SPAN("not now"));
	else if (l->what == BURY)
		queue_bury(b, l->job, SPAN("never"));
	else
		queue_fence(b, l->job);
}

static void
read_lease(const struct db_batch *b, void *ctx)
{
	struct lease *l = ctx;

	l->affected = db_affected(b, 0);
}

static int64_t
lease(int what, const struct job *j)
{
	struct lease l = {.job = j, .what = what};

	dbrun_ok(dsn, fill_lease, read_lease, &l);
	return l.affected;
}

static void
test_lease(void **state)
{
	static const int all[] = {FINISH, RENEW, RETRY, BURY};
	const struct job_new new = {
		.kind = SPAN("k"), .key = SPAN("1"), .run_at_us = TIME_NONE};
	struct job mine, old;
	struct lease fence = {.what = FENCE};
	const int64_t buried = metric_get(METRIC_JOBS_BURIED);

	(void)state;
	add(&new);
	old = claim_one("k")->jobs[0];
	/* The lease runs out, somebody else takes the job: the first has no say any more. */
	(void)pg_sql(dsn, "UPDATE job SET lease_until = now() - interval '1 s'");
	mine = claim_one("k")->jobs[0];
	assert_true(mine.id == old.id && !span_eq(mine.token, old.token));
	assert_int_equal(mine.attempt, 2);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		assert_int_equal(lease(all[i], &old), 0);
	assert_int_equal(metric_get(METRIC_JOBS_BURIED), buried);
	fence.job = &old;
	assert_int_equal(dbrun_fails(dsn, fill_lease, &fence), ERR_CONFLICT);
	assert_string_equal(pg_sql(dsn, "SELECT state FROM job"), "running");

	(void)lease(FENCE, &mine);
	(void)pg_sql(dsn, "UPDATE job SET lease_until = now() + interval '1 s'");
	assert_int_equal(lease(RENEW, &mine), 1);
	assert_string_equal(
		pg_sql(dsn, "SELECT lease_until > now() + interval '50 s' FROM job"), "t");
	assert_int_equal(lease(RETRY, &mine), 1);
	assert_string_equal(
		pg_sql(dsn, "SELECT state = 'ready' AND worker IS NULL AND error = 'not now'"
			    " AND run_at BETWEEN now() + interval '3 s'"
			    " AND now() + interval '6 s' FROM job"),
		"t");
	(void)pg_sql(dsn, "UPDATE job SET run_at = now()");
	mine = claim_one("k")->jobs[0];
	assert_int_equal(lease(BURY, &mine), 1);
	assert_int_equal(metric_get(METRIC_JOBS_BURIED), buried + 1);
	assert_string_equal(pg_sql(dsn, "SELECT state || error FROM job"), "deadnever");
	/* A dead job does not stand in the way of a new one. */
	add(&new);
	mine = claim_one("k")->jobs[0];
	assert_int_equal(lease(FINISH, &mine), 1);
	assert_int_equal(number("SELECT count(*) FROM job"), 1);
}

static void
fill_fenced_insert(struct db_batch *b, void *ctx)
{
	static const struct db_stmt effect = {.name = "t_effect",
		.sql = "INSERT INTO setting (key, value) VALUES ('x', '1')"};
	const struct job *j = ctx;

	queue_fence(b, j);
	(void)db_add0(b, &effect);
	(void)queue_finish(b, &j->id, &j->token, 1);
}

static void
test_fence(void **state)
{
	const struct job_new new = {
		.kind = SPAN("k"), .key = SPAN("1"), .run_at_us = TIME_NONE};
	struct job old, mine;

	(void)state;
	(void)pg_sql(dsn, "DELETE FROM setting");
	add(&new);
	old = claim_one("k")->jobs[0];
	(void)pg_sql(dsn, "UPDATE job SET lease_until = now() - interval '1 s'");
	mine = claim_one("k")->jobs[0];
	/* Both have done the work; only the one with the lease has an effect. */
	assert_int_equal(dbrun_fails(dsn, fill_fenced_insert, &old), ERR_CONFLICT);
	assert_int_equal(number("SELECT count(*) FROM setting"), 0);
	dbrun_ok(dsn, fill_fenced_insert, NULL, &mine);
	assert_int_equal(number("SELECT count(*) FROM setting"), 1);
	assert_int_equal(number("SELECT count(*) FROM job"), 0);
}

/* ---- order and fairness ---- */

static void
test_serial(void **state)
{
	struct claim c = {.worker = "w", .kind = "deliver", .limit = 10, .per_host = 10};
	const char *const hosts[] = {NULL, "h"};

	for (size_t h = 0; h < ARRAY_LEN(hosts); h++) {
		(void)fresh(state);
		for (int i = 0; i < 6; i++) {
			char key[16];
			const struct job_new j = {.kind = SPAN("deliver"),
				.key = span_of(key),
				.host = span_of(hosts[h]),
				.serial = i % 2 ? SPAN("odd") : SPAN("even"),
				.run_at_us = TIME_NONE};

			(void)snprintf(key, sizeof(key), "%d", i);
			add(&(struct job_new){.kind = j.kind,
				.key = span_of(key),
				.host = j.host,
				.serial = j.serial,
				.run_at_us = TIME_NONE});
		}
		for (int round = 0; round < 3; round++) {
			c.n = 0;
			assert_int_equal(claim(&c), 2);
			/* The oldest of each, also when it has to wait for its next try. */
			assert_int_equal(c.jobs[0].key.p[0] - '0' + c.jobs[1].key.p[0] - '0',
				4 * round + 1);
			assert_int_equal(claim(&c), 0);
			(void)lease(RETRY, &c.jobs[0]);
			assert_int_equal(claim(&c), 0);
			(void)pg_sql(
				dsn, "UPDATE job SET run_at = now() WHERE state = 'ready'");
			assert_int_equal(claim(&c), 1);
			(void)lease(FINISH, &c.jobs[1]);
			(void)lease(FINISH, &c.jobs[2]);
		}
	}
}

static void
test_hosts(void **state)
{
	struct claim c = {.worker = "w", .kind = "deliver", .limit = 12, .per_host = 3};

	(void)state;
	/* One host with very many, five with few: everybody gets a turn at once. */
	(void)pg_sql(dsn,
		"INSERT INTO job (kind, key, host, args)"
		" SELECT 'deliver', 'slow' || i, 'slow', '{}' FROM generate_series(1, 500) i;"
		"INSERT INTO job (kind, key, host, args)"
		" SELECT 'deliver', h || '-' || i, 'h' || h, '{}'"
		" FROM generate_series(1, 5) h, generate_series(1, 3) i");
	while (claim(&c) > 0)
		;
	assert_int_equal(c.n, 18);
	assert_int_equal(number("SELECT max(n) FROM (SELECT count(*) AS n FROM job"
				" WHERE state = 'running' GROUP BY host) x"),
		3);
	assert_int_equal(
		number("SELECT count(DISTINCT host) FROM job WHERE state = 'running'"), 6);
	(void)lease(FINISH, &c.jobs[0]);
	c.n = 0;
	(void)claim(&c);
	assert_true(c.n <= 1);
}

static void
test_order(void **state)
{
	struct claim c = {.worker = "w", .kind = "k", .limit = 2, .per_host = 1};

	(void)state;
	(void)pg_sql(dsn, "INSERT INTO job (kind, key, priority, run_at, args) VALUES"
			  " ('k', 'low', 5, now() - interval '9 s', '{}'),"
			  " ('k', 'late', 0, now() - interval '1 s', '{}'),"
			  " ('k', 'early', 0, now() - interval '2 s', '{}'),"
			  " ('k', 'future', -9, now() + interval '1 h', '{}'),"
			  " ('other', 'x', -9, now(), '{}')");
	assert_int_equal(claim(&c), 2);
	assert_int_equal(number("SELECT count(*) FROM job WHERE state = 'running' AND key IN "
				"('late', 'early')"),
		2);
	assert_int_equal(claim(&c), 1);
	check_span(c.jobs[2].key, SPAN("low"));
	assert_int_equal(claim(&c), 0);
	/* Among those of one host, of which not all may run at once, nothing urgent waits. */
	(void)pg_sql(dsn,
		"INSERT INTO job (kind, key, host, priority, args)"
		" SELECT 'k', 'old' || i, 'h', 10, '{}' FROM generate_series(1, 9) i;"
		"INSERT INTO job (kind, key, host, args) VALUES ('k', 'new', 'h', '{}')");
	assert_int_equal(claim(&c), 2);
	assert_int_equal(
		number("SELECT count(*) FROM job WHERE state = 'running' AND key = 'new'"), 1);
}

/* ---- crashes ---- */

struct release {
	const char *worker;
	bool crashed, prefix;
	size_t i, buried;
};

static void
fill_release(struct db_batch *b, void *ctx)
{
	struct release *r = ctx;

	if (r->prefix)
		queue_release_prefix(b, span_of(r->worker));
	else
		r->i = queue_release_worker(b, span_of(r->worker), r->crashed);
}

static void
read_release(const struct db_batch *b, void *ctx)
{
	struct release *r = ctx;

	r->buried = db_rows(b, r->i);
}

static void
test_crashes(void **state)
{
	struct release crash = {.worker = "w1", .crashed = true}, stop = {.worker = "w1"};
	struct release prefix = {.worker = "host/", .prefix = true};
	const struct job_new j = {.kind = SPAN("k"), .key = SPAN("1"), .run_at_us = TIME_NONE};
	int64_t before;

	(void)state;
	add(&j);
	(void)claim_one("k");
	dbrun_ok(dsn, fill_release, NULL, &stop);
	assert_string_equal(
		pg_sql(dsn, "SELECT state || attempt || crashes FROM job"), "ready00");
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(claim_one("k")->jobs[0].crashes, i - 1);
		before = metric_get(METRIC_JOBS_BURIED);
		dbrun_ok(dsn, fill_release, read_release, &crash);
		assert_int_equal(number("SELECT crashes FROM job"), i);
		assert_int_equal(crash.buried, i == 3);
		assert_int_equal(metric_get(METRIC_JOBS_BURIED) - before, i == 3);
		(void)pg_sql(dsn, "UPDATE job SET run_at = now()");
	}
	assert_string_equal(pg_sql(dsn, "SELECT state FROM job"), "dead");
	/* Those that ran beside it come back one by one, not together with it. */
	(void)pg_sql(dsn,
		"INSERT INTO job (kind, key, args, state, worker, lease_until,"
		"                 lease_token)"
		" SELECT 'many', i::text, '{}', 'running', 'w1', now(), gen_random_uuid()"
		"   FROM generate_series(1, 50) AS i");
	dbrun_ok(dsn, fill_release, NULL, &crash);
	assert_true(number("SELECT extract(epoch FROM max(run_at) - min(run_at))::int"
			   "  FROM job WHERE kind = 'many'") > 20);
	assert_int_equal(number("SELECT count(*) FROM job WHERE kind = 'many'"
				"   AND run_at > now() + interval '66 seconds'"),
		0);
	(void)pg_sql(dsn, "DELETE FROM job WHERE kind = 'many'");
	/* All instances of one machine, and nobody else's. */
	(void)pg_sql(dsn,
		"UPDATE job SET state = 'running', worker = 'host/1-1', lease_until = now(),"
		" lease_token = gen_random_uuid();"
		"INSERT INTO job (kind, key, args, state, worker, lease_until, lease_token) "
		"VALUES"
		" ('k', '2', '{}', 'running', 'other/1-1', now() + interval '1 h',"
		" gen_random_uuid())");
	dbrun_ok(dsn, fill_release, NULL, &prefix);
	assert_string_equal(pg_sql(dsn, "SELECT string_agg(state, ' ' ORDER BY id) FROM job"),
		"ready running");
}

/* ---- two clients race ---- */

struct raced {
	struct dbrun_call call;
	struct claim claim;
};

static void
test_race(void **state)
{
	enum { CLIENTS = 24 };
	struct raced *all = calloc(CLIENTS, sizeof(*all));
	const struct db_opts o = dbrun_opts(dsn, 4);
	size_t total = 0;

	(void)state;
	(void)pg_sql(dsn, "INSERT INTO job (kind, key, host, serial, args)"
			  " SELECT 'k', i::text, CASE WHEN i % 2 = 0 THEN 'h' || i % 10 END,"
			  " CASE WHEN i % 3 = 0 THEN 's' || i % 30 END, '{}'"
			  " FROM generate_series(1, 600) i");
	for (int round = 0; round < 40 && number("SELECT count(*) FROM job") > 0; round++) {
		struct dbrun *two[2] = {dbrun_new(&o), dbrun_new(&o)};

		for (int i = 0; i < CLIENTS; i++) {
			all[i] = (struct raced){.claim = {.worker = i % 2 ? "a" : "b",
							.kind = "k",
							.limit = 20,
							.per_host = 4}};
			all[i].call = (struct dbrun_call){
				.fill = fill_claim, .read = read_claim, .ctx = &all[i].claim};
			dbrun_start(two[i % 2], &all[i].call);
		}
		for (int i = 0; i < 2; i++) {
			dbrun_wait(two[i]);
			dbrun_free(two[i]);
		}
		/* What one has, no other has; and one serial runs once. */
		for (int i = 0; i < CLIENTS; i++) {
			total += all[i].claim.n;
			if (all[i].call.failed)
				assert_int_equal(all[i].call.kind, ERR_CONFLICT);
			for (size_t k = 0; k < all[i].claim.n; k++)
				assert_int_equal(all[i].claim.jobs[k].attempt, 1);
		}
		assert_int_equal(number("SELECT count(*) - count(DISTINCT serial) FROM job"
					" WHERE state = 'running' AND serial IS NOT NULL"),
			0);
		(void)pg_sql(dsn, "DELETE FROM job WHERE state = 'running'");
	}
	assert_int_equal(total, 600);
	free(all);
}

/* ---- for people ---- */

struct people {
	int what;
	int64_t id;
	size_t n;
	struct queue_count count;
};

static void
fill_people(struct db_batch *b, void *ctx)
{
	const struct people *p = ctx;

	if (p->what == 0)
		(void)queue_revive(b, p->id);
	else if (p->what == 1)
		(void)queue_revive_dead(b);
	else if (p->what == 2)
		(void)queue_list(b, true, 10);
	else
		(void)queue_counts(b);
}

static void
read_people(const struct db_batch *b, void *ctx)
{
	struct people *p = ctx;
	struct job_info *list;
	struct queue_count *counts;

	p->n = db_rows(b, 0);
	if (p->what == 2) {
		check_ok(arena, queue_listed(b, 0, &list, &p->n));
		assert_true(p->n == 0 || span_is(list[0].state, "dead"));
	}
	if (p->what == 3) {
		check_ok(arena, queue_counted(b, 0, &counts, &p->n));
		p->count = counts[0];
	}
}

static void
test_people(void **state)
{
	struct people p = {.what = 2};

	(void)state;
	(void)pg_sql(dsn, "INSERT INTO job (kind, key, args, state, attempt) VALUES"
			  " ('k', '1', '{}', 'dead', 9), ('k', '1', '{}', 'dead', 9), ('k', "
			  "'2', '{}', 'dead', 9),"
			  " ('k', '2', '{}', 'ready', 0), ('k', '3', '{}', 'dead', 9)");
	dbrun_ok(dsn, fill_people, read_people, &p);
	assert_int_equal(p.n, 4);
	p = (struct people){.what = 3};
	dbrun_ok(dsn, fill_people, read_people, &p);
	assert_true(p.n == 1 && p.count.dead == 4 && p.count.ready == 1 && p.count.due == 1);
	/* There is a living one of the same key already. */
	p = (struct people){.what = 0, .id = 3};
	assert_int_equal(dbrun_fails(dsn, fill_people, &p), ERR_CONFLICT);
	p = (struct people){.what = 0, .id = 99};
	dbrun_ok(dsn, fill_people, read_people, &p);
	assert_int_equal(p.n, 0);
	p = (struct people){.what = 1};
	dbrun_ok(dsn, fill_people, read_people, &p);
	assert_int_equal(p.n, 2);
	assert_string_equal(pg_sql(dsn, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM job"
					" WHERE state = 'ready' AND attempt = 0"),
		"1 4 5");
}

static void
test_backoff(void **state)
{
	(void)state;
	for (int64_t attempt = 0; attempt < 80; attempt++) {
		const int64_t ms = queue_backoff_ms(attempt, 1000, 3600000);
		const int64_t full = attempt < 12 ? INT64_C(1000) << attempt : 3600000;
		const int64_t top = full > 3600000 ? 3600000 : full;

		assert_true(ms >= top / 2 && ms <= top);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_add_claim_finish, fresh),
		cmocka_unit_test_setup(test_lease, fresh),
		cmocka_unit_test_setup(test_fence, fresh),
		cmocka_unit_test_setup(test_serial, fresh),
		cmocka_unit_test_setup(test_hosts, fresh),
		cmocka_unit_test_setup(test_order, fresh),
		cmocka_unit_test_setup(test_crashes, fresh),
		cmocka_unit_test_setup(test_race, fresh),
		cmocka_unit_test_setup(test_people, fresh),
		cmocka_unit_test(test_backoff),
	};

	log_setup(LOG_ERROR, false, "test");
	return cmocka_run_group_tests_name("db.queue", tests, setup, teardown);
}
