#include <errno.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/check.h"
#include "lib/dbrun.h"
#include "lib/pg.h"

static struct pg *pg;
static struct span dsn;

static int
setup(void **state)
{
	(void)state;
	pg = pg_start();
	dsn = pg_database(pg);
	(void)pg_sql(dsn,
		"CREATE TABLE t (k bigint PRIMARY KEY, v text);"
		"CREATE TABLE hits (who text);"
		"CREATE SEQUENCE tries;"
		"CREATE FUNCTION flaky(state text, times bigint) RETURNS bigint LANGUAGE "
		"plpgsql AS $$"
		" DECLARE n bigint := nextval('tries'); BEGIN"
		" IF n <= times THEN RAISE EXCEPTION 'try %', n USING ERRCODE = state; END IF;"
		" RETURN n; END $$;"
		"CREATE FUNCTION die_once() RETURNS bigint LANGUAGE plpgsql AS $$"
		" DECLARE n bigint := nextval('tries'); BEGIN"
		" IF n <= 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;"
		" RETURN n; END $$");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pg_stop(pg);
	return 0;
}

static int
fresh(void **state)
{
	(void)state;
	(void)pg_sql(dsn, "TRUNCATE t, hits");
	(void)pg_sql(dsn, "ALTER SEQUENCE tries RESTART");
	return 0;
}

struct num {
	int64_t n;
};
static const struct db_field num_fields[] = {DB_INT(struct num, n)};

static const struct db_stmt insert_stmt = {
	.name = "t_insert",
	.sql = "INSERT INTO t (k, v) VALUES ($1, $2)",
	.params = "it",
};
static const struct db_stmt count_stmt = {
	.name = "t_count",
	.sql = "SELECT count(*) AS n FROM t",
	DB_ROW(struct num, num_fields),
};

/* ---- values ---- */

struct all {
	int64_t i, i_null;
	bool b;
	struct span t, t_null, t_empty, y, j;
	int64_t z, z_null;
	struct span ints, texts, byteas, times, none;
};
static const struct db_field all_fields[] = {
	DB_INT(struct all, i),
	DB_INT_NULL(struct all, i_null),
	DB_BOOL(struct all, b),
	DB_TEXT(struct all, t),
	DB_TEXT_NULL(struct all, t_null),
	DB_TEXT(struct all, t_empty),
	DB_BYTEA(struct all, y),
	DB_JSON(struct all, j),
	DB_TIME(struct all, z),
	DB_TIME_NULL(struct all, z_null),
	DB_TEXT(struct all, ints),
	DB_TEXT(struct all, texts),
	DB_TEXT(struct all, byteas),
	DB_TEXT(struct all, times),
	DB_TEXT(struct all, none),
};
static const struct db_stmt all_stmt = {
	.name = "t_all",
	.sql = "SELECT $1 AS i, $2 AS i_null, $3 AS b, $4 AS t, $5 AS t_null, $6 AS t_empty,"
	       " $7 AS y, $8 AS j, $9 AS z, $10 AS z_null, $11::int8[]::text AS ints,"
	       " $12::text[]::text AS texts, $13::bytea[]::text AS byteas,"
	       " $14::timestamptz[]::text AS times, $15::text[]::text AS none",
	.params = "iibtttyjzzITYZT",
	DB_ROW(struct all, all_fields),
};

static void
fill_all(struct db_batch *b, void *ctx)
{
	const int64_t ints[] = {INT64_MIN, -1, 0, INT64_MAX};
	const struct span texts[] = {SPAN("a\"b"), SPAN_NONE, SPAN(""), SPAN("ä,{}")};
	const struct span byteas[] = {SPAN("\0\xff"), SPAN("")};
	const int64_t times[] = {0, TIME_NONE};

	(void)ctx;
	(void)db_add(b, &all_stmt, db_int(INT64_MIN), db_int_null(), db_bool(true),
		db_text(SPAN("Grüße")), db_text(SPAN_NONE), db_text(SPAN("")),
		db_bytea(SPAN("\0\1\xff")), db_json(SPAN("{\"a\": [1, null]}")),
		db_time(1772359200123456), db_time(TIME_NONE), db_ints(ints, ARRAY_LEN(ints)),
		db_texts(texts, ARRAY_LEN(texts)), db_byteas(byteas, ARRAY_LEN(byteas)),
		db_times(times, ARRAY_LEN(times)), db_texts(NULL, 0));
}

static void
read_all(const struct db_batch *b, void *ctx)
{
	struct all v;
	struct all *rows;
	size_t n;

	(void)ctx;
	assert_int_equal(db_rows(b, 0), 1);
	assert_null(db_row(b, 0, 0, &v));
	assert_true(v.i == INT64_MIN && v.i_null == 0 && v.b);
	check_span(v.t, SPAN("Grüße"));
	assert_null(v.t_null.p);
	assert_non_null(v.t_empty.p);
	check_span(v.t_empty, SPAN(""));
	check_span(v.y, SPAN("\0\1\xff"));
	check_span(v.j, SPAN("{\"a\": [1, null]}"));
	assert_true(v.z == 1772359200123456 && v.z_null == TIME_NONE);
	check_span(v.ints, SPAN("{-9223372036854775808,-1,0,9223372036854775807}"));
	check_span(v.texts, SPAN("{\"a\\\"b\",NULL,\"\",\"ä,{}\"}"));
	check_span(v.byteas, SPAN("{\"\\\\x00ff\",\"\\\\x\"}"));
	check_span(v.times, SPAN("{\"1970-01-01 00:00:00+00\",NULL}"));
	check_span(v.none, SPAN("{}"));
	assert_null(db_all(b, 0, &rows, &n));
	assert_int_equal(n, 1);
	assert_true(rows[0].i == INT64_MIN);
}

static void
test_values(void **state)
{
	(void)state;
	dbrun_ok(dsn, fill_all, read_all, NULL);
}

/* ---- shapes that do not fit ---- */

static void
fill_stmt(struct db_batch *b, void *ctx)
{
	(void)db_add0(b, ctx);
}

static void
test_wrong_shape(void **state)
{
	static const struct db_stmt name = {
		.name = "t_name", .sql = "SELECT 1::int8 AS m", DB_ROW(struct num, num_fields)};
	static const struct db_stmt type = {
		.name = "t_type", .sql = "SELECT 1 AS n", DB_ROW(struct num, num_fields)};
	static const struct db_stmt more = {.name = "t_more",
		.sql = "SELECT 1::int8 AS n, 2 AS x",
		DB_ROW(struct num, num_fields)};
	static const struct db_stmt *const wrong[] = {&name, &type, &more};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		assert_int_equal(
			dbrun_fails(dsn, fill_stmt, (void *)(uintptr_t)wrong[i]), ERR_CORRUPT);
		struct arena *a = arena_new();

		assert_non_null(db_check_stmts(a, dsn, &wrong[i], 1));
		arena_free(a);
	}
}

static void
fill_both(struct db_batch *b, void *ctx)
{
	const struct db_stmt *const *both = ctx;

	(void)db_add0(b, both[0]);
	(void)db_add0(b, both[1]);
}

static void
read_unexpected(const struct db_batch *b, void *ctx)
{
	struct num v;
	const struct err *e = db_row(b, 0, 0, &v);

	(void)ctx;
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_CORRUPT);
	e = db_row(b, 0, 1, &v);
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_NOT_FOUND);
}

static void
test_unexpected_null(void **state)
{
	static const struct db_stmt null = {.name = "t_null",
		.sql = "SELECT NULL::int8 AS n",
		DB_ROW(struct num, num_fields)};

	(void)state;
	dbrun_ok(dsn, fill_stmt, read_unexpected, (void *)(uintptr_t)&null);
}

/* ---- all or nothing ---- */

static void
fill_twice(struct db_batch *b, void *ctx)
{
	(void)ctx;
	(void)db_add(b, &insert_stmt, db_int(1), db_text(SPAN("one")));
	(void)db_add(b, &insert_stmt, db_int(2), db_text(SPAN("two")));
	(void)db_add(b, &insert_stmt, db_int(1), db_text(SPAN("again")));
	(void)db_add0(b, &count_stmt);
}

static void
fill_count(struct db_batch *b, void *ctx)
{
	(void)ctx;
	(void)db_add0(b, &count_stmt);
}

static void
read_count(const struct db_batch *b, void *ctx)
{
	assert_true(db_one_int(b, b->n - 1, ctx));
}

static void
test_all_or_nothing(void **state)
{
	struct dbrun_call bad = {.fill = fill_twice};
	int64_t n = -1;
	struct dbrun_call good = {.fill = fill_count, .read = read_count, .ctx = &n};
	const struct db_opts o = dbrun_opts(dsn, 1);
	struct dbrun *r = dbrun_new(&o);

	(void)state;
	/* Both in flight on one connection: the refused one leaves nothing behind for the next.
	 */
	dbrun_start(r, &bad);
	dbrun_start(r, &good);
	dbrun_wait(r);
	dbrun_free(r);
	assert_true(bad.failed);
	assert_int_equal(bad.kind, ERR_CONFLICT);
	assert_non_null(strstr(bad.text, "t_insert"));
	assert_false(good.failed);
	assert_int_equal(n, 0);
}

static void
test_errors(void **state)
{
	static const struct {
		struct db_stmt st;
		enum err_kind kind;
	} cases[] = {
		{{.name = "e1", .sql = "SELECT 1 FROM nowhere"}, ERR_DB},
		{{.name = "e2", .sql = "SELEC"}, ERR_DB},
		{{.name = "e3", .sql = "SELECT 1 / 0"}, ERR_INPUT},
		{{.name = "e4", .sql = "SELECT flaky('57014', 100)"}, ERR_TIMEOUT},
		{{.name = "e5", .sql = "SELECT flaky('55P03', 100)"}, ERR_TIMEOUT},
		{{.name = "e6", .sql = "SELECT flaky('53100', 100)"}, ERR_UNAVAILABLE},
		{{.name = "e7", .sql = "SELECT flaky('LF001', 100)"}, ERR_CONFLICT},
		{{.name = "e8", .sql = "SELECT flaky('23505', 100)"}, ERR_CONFLICT},
		{{.name = "e9", .sql = "SELECT flaky('40001', 100)"}, ERR_DB},
		{{.name = "e10", .sql = "SELECT pg_sleep(30)"}, ERR_TIMEOUT},
		{{.name = "e11", .sql = "SELECT flaky('25006', 1000)"}, ERR_DB_GONE},
	};
	struct db_opts o = dbrun_opts(dsn, 1);

	(void)state;
	o.statement_timeout_ms = 100;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dbrun_call c = {
			.fill = fill_stmt, .ctx = (void *)(uintptr_t)&cases[i].st};
		struct dbrun *r = dbrun_new(&o);

		dbrun_start(r, &c);
		dbrun_wait(r);
		dbrun_free(r);
		assert_true(c.failed);
		if (c.kind != cases[i].kind)
			check_fail("%s: %s", cases[i].st.sql, c.text);
	}
}

/* A failure that comes only with the commit itself. */
static void
test_deferred(void **state)
{
	static const struct db_stmt child = {
		.name = "t_child", .sql = "INSERT INTO child (k) VALUES (7)"};
	struct dbrun_call c = {.fill = fill_stmt, .ctx = (void *)(uintptr_t)&child};
	int64_t n = -1;
	struct dbrun_call after = {.fill = fill_count, .read = read_count, .ctx = &n};
	const struct db_opts o = dbrun_opts(dsn, 1);
	struct dbrun *r;

	(void)state;
	(void)pg_sql(dsn,
		"CREATE TABLE child (k bigint REFERENCES t (k) DEFERRABLE INITIALLY DEFERRED)");
	r = dbrun_new(&o);
	dbrun_start(r, &c);
	dbrun_start(r, &after);
	dbrun_wait(r);
	dbrun_free(r);
	assert_true(c.failed);
	assert_int_equal(c.kind, ERR_CONFLICT);
	assert_non_null(strstr(c.text, "23503"));
	assert_false(after.failed);
	assert_string_equal(pg_sql(dsn, "SELECT count(*) FROM child"), "0");
	(void)pg_sql(dsn, "DROP TABLE child");
}

/* ---- repetition ---- */

static void
test_repeats(void **state)
{
	static const struct {
		struct db_stmt st;
		int64_t want;
	} cases[] = {
		{{.name = "r1",
			 .sql = "SELECT flaky('40001', 2) AS n",
			 DB_ROW(struct num, num_fields)},
			3},
		{{.name = "r2",
			 .sql = "SELECT flaky('40P01', 5) AS n",
			 DB_ROW(struct num, num_fields)},
			6},
		{{.name = "r3",
			 .sql = "SELECT flaky('25006', 1) AS n",
			 DB_ROW(struct num, num_fields)},
			2},
		{{.name = "r4",
			 .sql = "SELECT die_once() AS n",
			 DB_ROW(struct num, num_fields)},
			2},
		/* Three connections left take none of the five repetitions away. */
		{{.name = "r5",
			 .sql = "SELECT CASE WHEN flaky('25006', 3) > 0"
				" THEN flaky('40001', 12) END AS n",
			 DB_ROW(struct num, num_fields)},
			13},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t n = 0;
		struct dbrun_call c = {
			.fill = fill_stmt, .ctx = (void *)(uintptr_t)&cases[i].st};

		(void)fresh(state);
		dbrun_ok(dsn, c.fill, NULL, c.ctx);
		n = pg_number(dsn, "SELECT last_value FROM tries");
		assert_int_equal(n, cases[i].want);
	}
}

static void
fill_many(struct db_batch *b, void *ctx)
{
#define MANY_STMT(i)                                                                           \
	{                                                                                      \
		.name = "t_many" #i, .sql = "INSERT INTO t (k) VALUES ($1)", .params = "i"     \
	}
	static const struct db_stmt stmts[] = {MANY_STMT(0), MANY_STMT(1), MANY_STMT(2),
		MANY_STMT(3), MANY_STMT(4), MANY_STMT(5), MANY_STMT(6), MANY_STMT(7)};
	const int64_t *first = ctx;

	for (size_t i = 0; i < ARRAY_LEN(stmts); i++)
		(void)db_add(b, &stmts[i], db_int(*first + (int64_t)i));
}

/* A session that lost some of its statements, or all, under several batches in flight. */
static void
test_prepared_lost(void **state)
{
	static const struct db_stmt forget[] = {
		{.name = "t_forget", .sql = "DEALLOCATE ALL"},
		{.name = "t_forget_one", .sql = "DEALLOCATE t_many6"},
	};
	const struct db_opts o = dbrun_opts(dsn, 1);

	for (size_t i = 0; i < ARRAY_LEN(forget); i++) {
		int64_t first[] = {0, 10, 20, 30};
		struct dbrun_call lose = {
			.fill = fill_stmt, .ctx = (void *)(uintptr_t)&forget[i]};
		struct dbrun_call many[ARRAY_LEN(first)] = {{0}};
		struct dbrun *r = dbrun_new(&o);

		(void)fresh(state);
		for (size_t n = 0; n < ARRAY_LEN(many); n++) {
			many[n].fill = fill_many;
			many[n].ctx = &first[n];
			dbrun_start(r, &many[n]);
			if (n == 0)
				dbrun_start(r, &lose);
		}
		dbrun_wait(r);
		dbrun_free(r);
		for (size_t n = 0; n < ARRAY_LEN(many); n++)
			if (many[n].failed)
				check_fail("%s, %zu: %s", forget[i].sql, n, many[n].text);
		assert_false(lose.failed);
		assert_int_equal(pg_number(dsn, "SELECT count(*) FROM t"), 32);
	}
}

/*
 * A prepare that fails takes nothing along: statements that are there stay usable, whoever
 * stood behind it in the pipeline.
 */
static void
test_prepare_fails(void **state)
{
	static const struct db_stmt there = {.name = "t_there",
		.sql = "SELECT 1::int8 AS n",
		DB_ROW(struct num, num_fields)};
	static const struct db_stmt locked = {.name = "t_locked",
		.sql = "SELECT count(*) AS n FROM t",
		DB_ROW(struct num, num_fields)};
	static const struct db_stmt *const both[] = {&there, &locked};
	struct dbrun_call first = {.fill = fill_stmt, .ctx = (void *)(uintptr_t)&there};
	struct dbrun_call waits = {
		.fill = fill_stmt, .ctx = (void *)(uintptr_t)&locked, .after_ms = 300};
	struct dbrun_call behind = {
		.fill = fill_both, .ctx = (void *)(uintptr_t)both, .after_ms = 500};
	struct dbrun_call later = {
		.fill = fill_stmt, .ctx = (void *)(uintptr_t)&there, .after_ms = 3500};
	struct db_opts o = dbrun_opts(dsn, 1);
	PGconn *lock = PQconnectdb(dsn.p);
	struct dbrun *r;

	(void)state;
	PQclear(PQexec(lock, "BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE"));
	o.statement_timeout_ms = 1000;
	r = dbrun_new(&o);
	dbrun_start(r, &first);
	dbrun_start(r, &waits);
	dbrun_start(r, &behind);
	dbrun_start(r, &later);
	dbrun_wait(r);
	dbrun_free(r);
	PQfinish(lock);
	assert_false(first.failed);
	assert_int_equal(waits.kind, ERR_TIMEOUT);
	assert_int_equal(behind.kind, ERR_TIMEOUT);
	if (later.failed)
		check_fail("%s", later.text);
}

/* Two batches whose preparing is cancelled, one while the next ones are in flight. */
struct muddle {
	struct dbrun *run;
	struct loop_timer timer;
	struct dbrun_call *first, *during, *after;
	int step;
};

static bool
muddle_is_stuck(void)
{
	return pg_number(dsn, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0;
}

static void
muddle_cancel(void)
{
	(void)pg_sql(dsn,
		"SELECT pg_cancel_backend(pid) FROM pg_locks WHERE NOT granted AND pid <> "
		"pg_backend_pid()");
}

static void
muddle_step(void *arg)
{
	struct muddle *m = arg;

	if (m->step == 0 && muddle_is_stuck()) {
		muddle_cancel();
		m->step++;
	} else if (m->step == 1 && m->first->ended && muddle_is_stuck()) {
		dbrun_start(m->run, m->during);
		m->step++;
	} else if (m->step == 2) {
		muddle_cancel();
		return;
	}
	loop_timer_set(m->run->loop, &m->timer, 10, muddle_step, m);
}

static void
muddle_after(const struct db_batch *b, void *ctx)
{
	struct muddle *m = ctx;

	(void)b;
	dbrun_start(m->run, m->after);
}

#define HIT_STMT(who)                                                                          \
	{                                                                                      \
		.name = "t_hit_" who, .sql = "INSERT INTO hits VALUES ('" who "')"             \
	}
static const struct db_stmt hit_one = HIT_STMT("one"), hit_two = HIT_STMT("two");

static void
fill_hit_two(struct db_batch *b, void *ctx)
{
	(void)ctx;
	(void)db_add0(b, &hit_two);
}

/* What a failed prepare says about what is prepared is old: others may have asked meanwhile. */
static void
test_prepare_fails_late(void **state)
{
	static const struct db_stmt looks[] = {
		{.name = "t_look1", .sql = "SELECT count(*) AS n FROM t"},
		{.name = "t_look2", .sql = "SELECT count(*) AS m FROM t"},
	};
	static const struct db_stmt *const one[] = {&looks[0], &hit_one};
	static const struct db_stmt *const two[] = {&looks[1], &hit_two};
	struct dbrun_call first = {.fill = fill_both, .ctx = (void *)(uintptr_t)one};
	struct dbrun_call again = {.fill = fill_stmt, .ctx = (void *)(uintptr_t)&hit_one};
	struct dbrun_call late = {.fill = fill_both, .ctx = (void *)(uintptr_t)two};
	struct dbrun_call after = {.fill = fill_stmt, .ctx = (void *)(uintptr_t)&hit_two};
	struct muddle m = {.first = &first, .after = &after};
	struct dbrun_call during = {.fill = fill_hit_two, .read = muddle_after, .ctx = &m};
	struct db_opts o = dbrun_opts(dsn, 1);
	PGconn *lock = PQconnectdb(dsn.p);

	(void)state;
	PQclear(PQexec(lock, "BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE"));
	o.statement_timeout_ms = 60000;
	m.run = dbrun_new(&o);
	m.during = &during;
	dbrun_start(m.run, &first);
	dbrun_start(m.run, &again);
	dbrun_start(m.run, &late);
	loop_timer_set(m.run->loop, &m.timer, 10, muddle_step, &m);
	dbrun_wait(m.run);
	dbrun_free(m.run);
	PQfinish(lock);
	assert_int_equal(first.kind, ERR_TIMEOUT);
	assert_int_equal(late.kind, ERR_TIMEOUT);
	if (again.failed || during.failed || after.failed)
		check_fail("%s %s %s", again.text, during.text, after.text);
	assert_string_equal(pg_sql(dsn, "SELECT string_agg(who, ' ' ORDER BY who) FROM hits"),
		"one two two");
}

/* Somebody else has prepared it as well: what runs and commits is not run once more. */
static void
test_prepared_elsewhere(void **state)
{
	static const struct db_stmt other = {.name = "t_other",
		.sql = "PREPARE t_hit_one AS INSERT INTO hits VALUES ('one')"};
	struct dbrun_call calls[] = {
		{.fill = fill_stmt, .ctx = (void *)(uintptr_t)&other},
		{.fill = fill_stmt, .ctx = (void *)(uintptr_t)&hit_one},
	};
	const struct db_opts o = dbrun_opts(dsn, 1);
	struct dbrun *r;

	(void)state;
	r = dbrun_new(&o);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		dbrun_start(r, &calls[i]);
	dbrun_wait(r);
	dbrun_free(r);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		if (calls[i].failed)
			check_fail("%zu: %s", i, calls[i].text);
	assert_int_equal(pg_number(dsn, "SELECT count(*) FROM hits"), 1);
}

/* A migration beside a running program: the plan cannot be had again, the answer can. */
static void
test_stale_plan(void **state)
{
	static const struct db_field fields[] = {DB_TIME(struct num, n)};
	static const struct db_stmt look = {
		.name = "t_look", .sql = "SELECT n FROM shape", DB_ROW(struct num, fields)};
	static const struct db_stmt alter = {
		.name = "t_alter", .sql = "ALTER TABLE shape ALTER n TYPE timestamptz(3)"};
	/* The same SQLSTATE, but nothing that a new session would mend. */
	static const struct db_stmt refused = {
		.name = "t_refused", .sql = "SELECT flaky('0A000', 1) AS n"};
	struct dbrun_call calls[] = {
		{.fill = fill_stmt, .ctx = (void *)(uintptr_t)&look},
		{.fill = fill_stmt, .ctx = (void *)(uintptr_t)&alter},
		{.fill = fill_stmt, .ctx = (void *)(uintptr_t)&look},
	};
	const struct db_opts o = dbrun_opts(dsn, 1);
	struct dbrun *r;

	(void)state;
	(void)pg_sql(dsn, "CREATE TABLE shape (n timestamptz(0))");
	r = dbrun_new(&o);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		dbrun_start(r, &calls[i]);
	dbrun_wait(r);
	dbrun_free(r);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		if (calls[i].failed)
			check_fail("%zu: %s", i, calls[i].text);
	assert_int_equal(dbrun_fails(dsn, fill_stmt, (void *)(uintptr_t)&refused), ERR_DB);
	assert_int_equal(pg_number(dsn, "SELECT last_value FROM tries"), 1);
	(void)pg_sql(dsn, "DROP TABLE shape");
}

/* ---- many at once ---- */

static void
fill_insert(struct db_batch *b, void *ctx)
{
	const int64_t *k = ctx;

	(void)db_add(b, &insert_stmt, db_int(*k), db_text(SPAN("x")));
}

static void
test_pipeline(void **state)
{
	enum { MANY = 300 };
	struct dbrun_call *calls = calloc(MANY, sizeof(*calls));
	int64_t keys[MANY];

	(void)state;
	for (int connections = 1; connections <= 3; connections += 2) {
		const struct db_opts o = dbrun_opts(dsn, connections);
		struct dbrun *r = dbrun_new(&o);

		(void)fresh(state);
		memset(calls, 0, MANY * sizeof(*calls));
		for (int i = 0; i < MANY; i++) {
			/* Every third key comes twice: exactly one of both may win. */
			keys[i] = i % 3 ? i : i / 6;
			calls[i].fill = fill_insert;
			calls[i].ctx = &keys[i];
			dbrun_start(r, &calls[i]);
		}
		dbrun_wait(r);
		dbrun_free(r);
		int64_t ok = 0;

		for (int i = 0; i < MANY; i++) {
			assert_true(calls[i].ended);
			if (calls[i].failed)
				assert_int_equal(calls[i].kind, ERR_CONFLICT);
			ok += !calls[i].failed;
		}
		assert_int_equal(pg_number(dsn, "SELECT count(*) FROM t"), ok);
		assert_true(ok > 200 && ok < MANY);
	}
	free(calls);
}

/* ---- waiting and giving up ---- */

static const struct db_stmt sleep_stmt = {.name = "t_sleep", .sql = "SELECT pg_sleep(0.4)"};

static void
test_unreachable(void **state)
{
	struct dbrun_call c = {.fill = fill_count};
	struct db_opts o = dbrun_opts(SPAN("host=/nonexistent dbname=x"), 2);
	struct dbrun *r;

	(void)state;
	o.wait_ms = 150;
	r = dbrun_new(&o);
	assert_false(db_ready(r->db));
	dbrun_start(r, &c);
	dbrun_wait(r);
	dbrun_free(r);
	assert_true(c.failed);
	assert_int_equal(c.kind, ERR_DB_GONE);
	assert_non_null(strstr(c.text, "/nonexistent"));
}

static void
test_busy(void **state)
{
	struct dbrun_call slow[4] = {{0}}, late = {.fill = fill_count};
	struct db_opts o = dbrun_opts(dsn, 1);
	struct dbrun *r;

	(void)state;
	o.wait_ms = 250;
	r = dbrun_new(&o);
	for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
		slow[i].fill = fill_stmt;
		slow[i].ctx = (void *)(uintptr_t)&sleep_stmt;
		dbrun_start(r, &slow[i]);
	}
	dbrun_start(r, &late);
	dbrun_wait(r);
	dbrun_free(r);
	for (size_t i = 0; i < ARRAY_LEN(slow); i++)
		assert_false(slow[i].failed);
	assert_true(late.failed);
	assert_int_equal(late.kind, ERR_UNAVAILABLE);
}

static void
fill_slow_insert(struct db_batch *b, void *ctx)
{
	(void)db_add0(b, &sleep_stmt);
	fill_insert(b, ctx);
}

static void
test_cancelled(void **state)
{
	int64_t one = 1, two = 2, n = -1;
	/* The first is sent and runs to its end for nobody; the second never leaves the queue.
	 */
	struct dbrun_call sent = {.fill = fill_slow_insert, .ctx = &one, .deadline_ms = 200};
	struct dbrun_call fillers[3] = {{0}};
	struct dbrun_call queued = {.fill = fill_insert, .ctx = &two, .deadline_ms = 50};
	struct dbrun_call after = {.fill = fill_count, .read = read_count, .ctx = &n};
	const struct db_opts o = dbrun_opts(dsn, 1);
	struct dbrun *r = dbrun_new(&o);

	(void)state;
	/* A connection that is up before the clock runs. */
	after.after_ms = 300;
	dbrun_start(r, &sent);
	for (size_t i = 0; i < ARRAY_LEN(fillers); i++) {
		fillers[i].fill = fill_count;
		dbrun_start(r, &fillers[i]);
	}
	dbrun_start(r, &queued);
	dbrun_start(r, &after);
	dbrun_wait(r);
	dbrun_free(r);
	assert_true(sent.failed && queued.failed);
	assert_int_equal(sent.kind, ERR_TIMEOUT);
	assert_int_equal(queued.kind, ERR_TIMEOUT);
	assert_false(after.failed);
	assert_int_equal(n, 1);
	assert_string_equal(pg_sql(dsn, "SELECT k FROM t"), "1");
}

struct stopper {
	struct loop *loop;
	struct loop_timer timer;
};

static void
stop_now(void *arg)
{
	struct stopper *s = arg;

	loop_stop(s->loop, 0);
}

static void
test_stopped(void **state)
{
	struct dbrun_call c[6] = {{0}};
	const struct db_opts o = dbrun_opts(dsn, 1);
	struct dbrun *r = dbrun_new(&o);
	struct stopper s = {.loop = r->loop};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(c); i++) {
		c[i].fill = fill_stmt;
		c[i].ctx = (void *)(uintptr_t)&sleep_stmt;
		dbrun_start(r, &c[i]);
	}
	loop_timer_set(r->loop, &s.timer, 100, stop_now, &s);
	dbrun_wait(r);
	loop_timer_clear(&s.timer);
	dbrun_free(r);
	for (size_t i = 0; i < ARRAY_LEN(c); i++) {
		assert_true(c[i].failed);
		assert_int_equal(c[i].kind, ERR_STOPPED);
		assert_false(c[i].step_ran);
	}
}

/* ---- the server goes ---- */

/* They wait for locks that the test holds, until the server is killed. */
static const struct db_stmt stuck_stmt = {
	.name = "t_stuck", .sql = "SELECT pg_advisory_xact_lock_shared(1)"};
static const struct db_stmt stuck_read_stmt = {
	.name = "t_stuck_read", .sql = "SELECT pg_advisory_xact_lock_shared(2)"};

struct outage {
	struct dbrun *run;
	bool killed;
	struct loop_timer timer;
	struct dbrun_call *later;
	PGconn *holder;
};

static void
fill_stuck_insert(struct db_batch *b, void *ctx)
{
	(void)db_add0(b, &stuck_stmt);
	fill_insert(b, ctx);
}

static void
outage_over(void *arg)
{
	(void)arg;
	pg_again(pg);
}

/*
 * As soon as the first one is under way. `later` comes while nothing is there: the killed
 * postmaster's children live on for moments, and might still take it.
 */
static void
outage_begins(void *arg)
{
	struct outage *o = arg;

	if (!o->killed &&
		pg_number(dsn,
			"SELECT count(*) FROM pg_locks"
			" WHERE locktype = 'advisory' AND objid = 1 AND NOT granted") > 0) {
		pg_kill(pg);
		o->killed = true;
	}
	if (!o->killed || db_ready(o->run->db)) {
		loop_timer_set(o->run->loop, &o->timer, 10, outage_begins, o);
		return;
	}
	dbrun_start(o->run, o->later);
	loop_timer_set(o->run->loop, &o->timer, 200, outage_over, NULL);
}

static void
test_server_killed(void **state)
{
	int64_t one = 1, n = -1;
	struct dbrun_call commit = {.fill = fill_stuck_insert, .ctx = &one};
	struct dbrun_call rows = {
		.fill = fill_stmt, .ctx = (void *)(uintptr_t)&stuck_read_stmt, .rows = true};
	struct dbrun_call later = {.fill = fill_count, .read = read_count, .ctx = &n};
	struct db_opts o = dbrun_opts(dsn, 2);
	struct outage outage = {.later = &later};
	struct dbrun *r;

	(void)state;
	o.wait_ms = 10000;
	o.statement_timeout_ms = 60000;
	outage.holder = PQconnectdb(dsn.p);
	PQclear(PQexec(outage.holder, "SELECT pg_advisory_lock(1), pg_advisory_lock(2)"));
	outage.run = r = dbrun_new(&o);
	dbrun_start(r, &commit);
	dbrun_start(r, &rows);
	loop_timer_set(r->loop, &outage.timer, 10, outage_begins, &outage);
	dbrun_wait(r);
	dbrun_free(r);
	PQfinish(outage.holder);
	assert_true(commit.failed);
	assert_int_equal(commit.kind, ERR_UNCERTAIN);
	if (rows.failed)
		check_fail("%s", rows.text);
	if (later.failed)
		check_fail("%s", later.text);
	assert_int_equal(n, 0);
}

/* All sessions of a pool end at once, as when the server starts again, while the loop is busy.
 */
struct ending {
	struct dbrun *run;
	struct loop_timer timer;
	struct dbrun_call *calls;
	size_t n;
	bool seen;
};

#define SESSIONS                                                                               \
	" FROM pg_stat_activity WHERE datname = current_database() AND backend_type LIKE "     \
	"'client%' AND pid <> pg_backend_pid()"

/* The kernel's word counts: the view loses a session before its socket closes. */
static void
sessions_gone(struct span pids)
{
	struct span word;
	uint64_t pid;

	while (span_cut(&pids, ',', &word)) {
		assert_true(span_u64(word, INT32_MAX, &pid));
		while (kill((pid_t)pid, 0) == 0 || errno != ESRCH)
			(void)usleep(1000);
	}
}

static void
sessions_end(void *arg)
{
	struct ending *e = arg;

	const bool seen = e->seen;
	char *pids;

	e->seen = pg_number(dsn, "SELECT count(*)" SESSIONS " AND state = 'idle'") ==
		  (int64_t)e->n;
	/* Once more, so that the pool sees it as well. */
	if (!seen || !e->seen) {
		loop_timer_set(e->run->loop, &e->timer, 10, sessions_end, e);
		return;
	}
	pids = xstrdup(pg_sql(dsn, "SELECT string_agg(pid::text, ',')" SESSIONS));
	(void)pg_sql(dsn, "SELECT pg_terminate_backend(pid)" SESSIONS);
	sessions_gone(span_of(pids));
	free(pids);
	for (size_t i = 0; i < e->n; i++)
		dbrun_start(e->run, &e->calls[i]);
}

/* However many of them a batch would meet: none of them is tried. */
static void
test_sessions_end(void **state)
{
	int64_t keys[12];
	struct dbrun_call calls[ARRAY_LEN(keys)] = {{0}};
	const struct db_opts o = dbrun_opts(dsn, ARRAY_LEN(keys));
	struct ending e = {.run = dbrun_new(&o), .calls = calls, .n = ARRAY_LEN(keys)};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		keys[i] = (int64_t)i;
		calls[i].fill = fill_insert;
		calls[i].ctx = &keys[i];
	}
	loop_timer_set(e.run->loop, &e.timer, 0, sessions_end, &e);
	dbrun_wait(e.run);
	dbrun_free(e.run);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (calls[i].failed)
			check_fail("%zu: %s", i, calls[i].text);
	assert_int_equal(pg_number(dsn, "SELECT count(*) FROM t"), ARRAY_LEN(keys));
}

/* Both connections are up, and no other will be: one dies under the batch, one is idle. */
static void
sessions_closed(void *arg)
{
	struct ending *e = arg;
	const bool seen = e->seen;

	e->seen = pg_number(dsn, "SELECT count(*)" SESSIONS " AND state = 'idle'") == 2;
	if (!seen || !e->seen) {
		loop_timer_set(e->run->loop, &e->timer, 10, sessions_closed, e);
		return;
	}
	(void)pg_sql(dsn, "ALTER ROLE mortal CONNECTION LIMIT 0");
	dbrun_start(e->run, e->calls);
}

static void
test_idle_neighbour(void **state)
{
	static const struct db_stmt die = {.name = "t_die", .sql = "SELECT die_once()"};
	struct dbrun_call c = {.fill = fill_stmt, .ctx = (void *)(uintptr_t)&die};
	struct ending e = {.calls = &c};
	char mortal[512];
	struct db_opts o;

	(void)state;
	(void)pg_sql(dsn, "CREATE ROLE mortal LOGIN; GRANT USAGE ON SEQUENCE tries TO mortal");
	(void)snprintf(mortal, sizeof(mortal), "%.*s user=mortal", SPAN_FMT(dsn));
	o = dbrun_opts(span_of(mortal), 2);
	e.run = dbrun_new(&o);
	loop_timer_set(e.run->loop, &e.timer, 0, sessions_closed, &e);
	dbrun_wait(e.run);
	dbrun_free(e.run);
	if (c.failed)
		check_fail("%s", c.text);
	assert_int_equal(pg_number(dsn, "SELECT last_value FROM tries"), 2);
	(void)pg_sql(dsn, "DROP OWNED BY mortal; DROP ROLE mortal");
}

/* ---- lanes ---- */

struct lanes {
	struct dbrun_call work[4];
	size_t ended_before; /* of work, when the vital answer was there */
};

static void
fill_vital(struct db_batch *b, void *ctx)
{
	(void)ctx;
	b->lane = DB_LANE_VITAL;
	fill_count(b, NULL);
}

static void
read_vital(const struct db_batch *b, void *ctx)
{
	struct lanes *l = ctx;

	(void)b;
	for (size_t i = 0; i < ARRAY_LEN(l->work); i++)
		l->ended_before += l->work[i].ended;
}

static void
fill_endless(struct db_batch *b, void *ctx)
{
	static const struct db_stmt st = {.name = "t_endless", .sql = "SELECT pg_sleep(30)"};

	(void)ctx;
	b->lane = DB_LANE_PUBLIC;
	(void)db_add0(b, &st);
}

/* Work that fills its lane holds up nobody else, and a visitor's statement has less time. */
static void
test_lanes(void **state)
{
	struct lanes l = {.ended_before = 0};
	struct dbrun_call endless = {.fill = fill_endless, .rows = true};
	struct dbrun_call vital = {
		.fill = fill_vital, .read = read_vital, .ctx = &l, .rows = true};
	struct db_opts o = dbrun_opts(dsn, 1);
	struct dbrun *r;

	(void)state;
	o.public_connections = o.vital_connections = 1;
	o.public_timeout_ms = 100;
	r = dbrun_new(&o);
	for (size_t i = 0; i < ARRAY_LEN(l.work); i++) {
		l.work[i].fill = fill_stmt;
		l.work[i].ctx = (void *)(uintptr_t)&sleep_stmt;
		dbrun_start(r, &l.work[i]);
	}
	dbrun_start(r, &endless);
	dbrun_start(r, &vital);
	dbrun_wait(r);
	dbrun_free(r);
	for (size_t i = 0; i < ARRAY_LEN(l.work); i++)
		assert_false(l.work[i].failed);
	assert_false(vital.failed);
	assert_int_equal(l.ended_before, 0);
	assert_true(endless.failed);
	assert_int_equal(endless.kind, ERR_TIMEOUT);
}

static void
test_two_hosts(void **state)
{
	char two[256];
	int64_t n = -1;

	(void)state;
	(void)snprintf(two, sizeof(two), "host=/nonexistent,%s dbname=%s user=litfass",
		pg_socket_dir(pg), pg_sql(dsn, "SELECT current_database()"));
	dbrun_ok(span_of(two), fill_count, read_count, &n);
	assert_int_equal(n, 0);
}

static void
test_bad_dsn(void **state)
{
	struct dbrun_call c = {.fill = fill_count};
	struct db_opts o = dbrun_opts(SPAN("host=x nonsense"), 1);
	struct dbrun *r;

	(void)state;
	o.wait_ms = 100;
	r = dbrun_new(&o);
	dbrun_start(r, &c);
	dbrun_wait(r);
	dbrun_free(r);
	assert_int_equal(c.kind, ERR_DB_GONE);
	assert_non_null(strstr(c.text, "connection string"));
}

/* Whatever is wrong with it, nothing of it is said: a password stands in it. */
static void
test_secret_dsn(void **state)
{
	static const char *const dsns[] = {"host=h password=Geheim Wort-7",
		"postgres://u:Wort-7@[::1/x", "host=h 'Wort-7'=x", "postgres://u:Wort-7@h/x?y",
		/* Read as host, port or database. */
		"postgres://u:Geheim@Wort-7@h/x", "postgresql://u:Wort/7@h/x",
		"postgres://u:7/Wort@h/x", "postgres://u:Wort?7/7@h/x",
		"postgres://u:7@Wort/7@h/x", "postgres://u:7?@Wort@h/x",
		"postgres://h?user=a@b&password=Wort", "postgres://h?user=a&password=Ge@Wort",
		"postgres://h:5432?password=Ge@Wort"};
	static const char *const good[] = {"postgres://u:Wort-7@h/x", "postgres://h,g/x",
		"postgres://u:Geheim%40Wort%2F7@h:5432,g/x?application_name=a@b",
		"postgres:///x?host=/run/x&port=,1", "host=@x,/y port=1,65535 password=a@b/c",
		"host=h port=' 5432'", "postgres://u:Ge?Wort@h/x"};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(dsns); i++) {
		const struct err *e = db_dsn_check(a, span_of(dsns[i]));

		assert_non_null(e);
		assert_int_equal(e->kind, ERR_CONFIG);
		if (span_has(err_text(a, e), SPAN("Wort")))
			check_fail("%.*s", SPAN_FMT(err_text(a, e)));
	}
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		check_ok(a, db_dsn_check(a, span_of(good[i])));
	arena_free(a);
}

/* ---- LISTEN ---- */

struct heard {
	int calls;
	struct loop *loop; /* NULL = only counts */
};

/* Told when it listens; then a NOTIFY; then its connection is cut and made again. */
static void
hear(void *arg)
{
	struct heard *h = arg;

	h->calls++;
	if (!h->loop)
		return;
	if (h->calls == 1)
		(void)pg_sql(dsn, "NOTIFY one");
	else if (h->calls == 2)
		(void)pg_sql(dsn,
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
			" WHERE query LIKE 'LISTEN%' AND datname = current_database()");
	else
		loop_stop(h->loop, 0);
}

static void
test_listen(void **state)
{
	const struct db_opts o = dbrun_opts(dsn, 1);
	struct dbrun *r = dbrun_new(&o);
	struct heard one = {.loop = r->loop}, two = {0};

	(void)state;
	db_listen(r->db, "one", hear, &one);
	db_listen(r->db, "two", hear, &two);
	loop_run(r->loop);
	assert_int_equal(one.calls, 3);
	assert_true(two.calls >= 1 && two.calls <= 2);
	dbrun_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_values, fresh),
		cmocka_unit_test_setup(test_wrong_shape, fresh),
		cmocka_unit_test_setup(test_unexpected_null, fresh),
		cmocka_unit_test_setup(test_all_or_nothing, fresh),
		cmocka_unit_test_setup(test_errors, fresh),
		cmocka_unit_test_setup(test_deferred, fresh),
		cmocka_unit_test_setup(test_repeats, fresh),
		cmocka_unit_test_setup(test_prepared_lost, fresh),
		cmocka_unit_test_setup(test_prepare_fails, fresh),
		cmocka_unit_test_setup(test_prepare_fails_late, fresh),
		cmocka_unit_test_setup(test_prepared_elsewhere, fresh),
		cmocka_unit_test_setup(test_stale_plan, fresh),
		cmocka_unit_test_setup(test_pipeline, fresh),
		cmocka_unit_test_setup(test_unreachable, fresh),
		cmocka_unit_test_setup(test_busy, fresh),
		cmocka_unit_test_setup(test_cancelled, fresh),
		cmocka_unit_test_setup(test_stopped, fresh),
		cmocka_unit_test_setup(test_sessions_end, fresh),
		cmocka_unit_test_setup(test_idle_neighbour, fresh),
		cmocka_unit_test_setup(test_lanes, fresh),
		cmocka_unit_test_setup(test_two_hosts, fresh),
		cmocka_unit_test_setup(test_bad_dsn, fresh),
		cmocka_unit_test_setup(test_secret_dsn, fresh),
		cmocka_unit_test_setup(test_listen, fresh),
		cmocka_unit_test_setup(test_server_killed, fresh),
	};

	log_setup(getenv("VERBOSE") ? LOG_DEBUG : LOG_ERROR, false, "test");
	return cmocka_run_group_tests_name("db.batch", tests, setup, teardown);
}
