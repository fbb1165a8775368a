/* The reader "fanout" on a real database: which entries become what, for whom, exactly once. */
#include "ap/fanout.h"
#include "base/json.h"
#include "hub/post.h"
#include "hub/record.h"
#include "lib/check.h"
#include "lib/dbrun.h"
#include "lib/fedi.h"
#include "lib/pg.h"

static int64_t
number(const char *sql)
{
	return pg_number(fedi->dsn, sql);
}

/* alice (server one) follows the organisation, bob (server one) and carol (two) the hub. */
static int
clean(void **state)
{
	static const struct {
		const char *name, *host;
		bool hub, shared;
	} followers[] = {
		{"alice", "one", false, true},
		{"bob", "one", true, true},
		{"carol", "two", true, false},
	};

	(void)state;
	fedi_clean(fedi);
	for (size_t i = 0; i < ARRAY_LEN(followers); i++)
		(void)pg_sql(fedi->dsn,
			arena_printf(arena,
				"WITH r AS (INSERT INTO remote_actor (uri, host, inbox,"
				" shared_inbox, key_id, public_key_pem, fetched_at) VALUES"
				" ('https://%s/%s', '%s', 'https://%s/%s/inbox', %s, 'k%zu', "
				"'none',"
				" now()) RETURNING id)"
				" INSERT INTO follow (account, actor, uri) SELECT %lld, id, "
				"'f%zu'"
				" FROM r",
				followers[i].host, followers[i].name, followers[i].host,
				followers[i].host, followers[i].name,
				followers[i].shared ? "'https://one/inbox'" : "NULL", i,
				(long long)(followers[i].hub ? fedi->hub.hub_account
							     : fedi->stadt),
				i)
				.p);
	return 0;
}

/* ---- entries ---- */

struct entry {
	enum record_kind kind;
	int64_t object, revision;
	bool archive;
	const char *raw; /* content instead of a post's */
};

struct entries {
	const struct entry *e;
	size_t n;
};

static struct span
content(struct arena *a, const struct entry *e)
{
	const struct post p = {.id = e->object,
		.account = fedi->stadt,
		.account_slug = SPAN("stadt"),
		.title = SPAN("Hallenbad"),
		.html = SPAN("<p>Offen.</p>"),
		.text = SPAN("Offen."),
		.language = SPAN("de"),
		.tags = SPAN("[]"),
		.revision = e->revision,
		.published_us = clock_us(),
		.edited_us = e->revision > 1 ? clock_us() : TIME_NONE};

	if (e->kind == RECORD_DELETE || e->kind == RECORD_ACTOR)
		return SPAN_NONE;
	return e->raw ? span_of(e->raw) : post_content(a, &p, NULL, 0);
}

static void
fill_entries(struct db_batch *b, void *ctx)
{
	const struct entries *x = ctx;

	for (size_t i = 0; i < x->n; i++) {
		const struct record_new n = {.kind = x->e[i].kind,
			.account = fedi->stadt,
			.object = x->e[i].object,
			.revision = x->e[i].revision,
			.archive = x->e[i].archive,
			.at_us = clock_us(),
			.content = content(b->arena, &x->e[i])};

		record_append(b, &fedi->hub, &n);
	}
}

static void
append(const struct entry *e, size_t n)
{
	struct entries x = {.e = e, .n = n};

	dbrun_ok(fedi->dsn, fill_entries, NULL, &x);
}

/* ---- running the reader until it stands at the end ---- */

struct watch {
	struct db_batch batch;
};

static step_fn watch_ask, watch_look, watch_failed;

static const struct flow watch_flow = {
	.name = "test.watch",
	.size = sizeof(struct watch),
	.deadline_ms = 20000,
	.first = watch_ask,
	.failed = watch_failed,
};

struct behind {
	int64_t n;
};
static const struct db_field behind_fields[] = {DB_INT(struct behind, n)};
static const struct db_stmt behind_stmt = {
	.name = "t_behind",
	.sql = "SELECT h.seq - coalesce(r.seq, -1) AS n FROM record_head h"
	       " LEFT JOIN reader r ON r.name = 'fanout' WHERE h.own",
	DB_ROW(struct behind, behind_fields),
};

static struct next
watch_ask(struct task *t)
{
	struct watch *w = task_state(t);

	db_batch_init(&w->batch, task_arena(t));
	(void)db_add0(&w->batch, &behind_stmt);
	return await_rows(t, &w->batch, watch_look);
}

static struct next
watch_look(struct task *t)
{
	struct watch *w = task_state(t);
	struct behind b;

	check_ok(task_arena(t), db_row(&w->batch, 0, 0, &b));
	return b.n == 0 ? done(t) : await_sleep(t, 20, watch_ask);
}

static struct next
watch_failed(struct task *t)
{
	return fail(t, task_error(t));
}

static void
read_all(void)
{
	struct fedi_end end;

	fedi_open(fedi);
	ap_start(fedi->env.ap);
	(void)fedi_start(fedi, &end, &watch_flow, NULL, 0, NULL);
	fedi_wait(fedi);
	check_ok(arena, end.error);
}

/* "Create one/inbox, …": jobs in the order of adding. */
static const char *
jobs(void)
{
	return pg_sql(fedi->dsn, "SELECT coalesce(string_agg(v.type || ' ' || "
				 "replace(j.args->>'inbox', 'https://', ''),"
				 " ', ' ORDER BY v.id, j.args->>'inbox'), '') FROM job j"
				 " JOIN activity v ON v.uri = j.args->>'activity'");
}

#define POST (INT64_C(1772359200000) << 16)

static void
test_life_of_a_post(void **state)
{
	static const struct entry create = {RECORD_CREATE, POST, 1, false, NULL},
				  update = {RECORD_UPDATE, POST, 2, false, NULL},
				  delete = {RECORD_DELETE, POST, 3, false, NULL};
	json_t *body;

	(void)state;
	append(&create, 1);
	read_all();
	assert_string_equal(
		jobs(), "Create one/inbox, Announce one/inbox, Announce two/carol/inbox");
	check_ok(
		arena, json_parse(arena,
			       arena_dup(arena, span_of(pg_sql(fedi->dsn,
							"SELECT body FROM activity WHERE type ="
							" 'Create'"))),
			       &json_limits_ap, &body));
	assert_non_null(strstr(
		json_string_value(json_object_get(json_object_get(body, "object"), "content")),
		"Hallenbad"));
	assert_int_equal(number("SELECT count(*) FROM reach"), 3);
	/* An edit goes to everybody who has the post, also through @hub, and once. */
	(void)pg_sql(fedi->dsn, "DELETE FROM job");
	append(&update, 1);
	read_all();
	assert_string_equal(jobs(), "Update one/inbox, Update two/carol/inbox");
	/* Also to those who have left since. */
	(void)pg_sql(fedi->dsn, "DELETE FROM job; DELETE FROM follow");
	append(&delete, 1);
	read_all();
	assert_string_equal(jobs(), "Delete one/inbox, Delete two/carol/inbox, Undo one/inbox,"
				    " Undo two/carol/inbox");
	assert_int_equal(number("SELECT count(*) FROM activity"), 5);
}

/* Keys that cannot be opened are no reason to tell nobody: deliveries wait for the operator. */
static void
test_locked(void **state)
{
	static const struct entry create = {RECORD_CREATE, POST, 1, false, NULL};

	(void)state;
	(void)pg_sql(fedi->dsn, "CREATE TABLE kept AS SELECT id, private_keys FROM account;"
				"UPDATE account SET private_keys = '\\x00'");
	append(&create, 1);
	read_all();
	(void)pg_sql(fedi->dsn, "UPDATE account a SET private_keys = k.private_keys FROM kept "
				"k WHERE k.id = a.id;"
				"DROP TABLE kept");
	assert_string_equal(
		jobs(), "Create one/inbox, Announce one/inbox, Announce two/carol/inbox");
}

static void
test_order_at_an_inbox(void **state)
{
	static const struct entry life[] = {
		{RECORD_CREATE, POST, 1, false, NULL}, {RECORD_UPDATE, POST, 2, false, NULL}};

	(void)state;
	append(life, 2);
	read_all();
	/* Of one object at one inbox only the oldest may run, whoever speaks of it. */
	assert_int_equal(number("SELECT count(DISTINCT serial) FROM job WHERE args->>'inbox' ="
				" 'https://one/inbox'"),
		1);
	assert_int_equal(
		number("SELECT count(*) FROM job WHERE args->>'inbox' = 'https://one/inbox'"),
		3);
	assert_int_equal(number("SELECT count(*) FROM job WHERE host = 'two'"), 2);
}

static void
test_not_told(void **state)
{
	static const struct entry entries[] = {
		{RECORD_CREATE, POST + 1, 1, true, NULL},           /* archive */
		{RECORD_CREATE, POST + 2, 1, false, "{\"v\": 99}"}, /* unreadable: skipped */
		{RECORD_CREATE, POST + 3, 1, false, NULL}, /* deleted in the same batch */
		{RECORD_UPDATE, POST + 3, 2, false, NULL},
		{RECORD_DELETE, POST + 3, 3, false, NULL},
		{RECORD_CREATE, POST + 4, 1, false, NULL}, /* content erased below */
		{RECORD_CREATE, POST + 5, 1, false, NULL},
	};

	(void)state;
	append(entries, ARRAY_LEN(entries));
	(void)pg_sql(fedi->dsn, "DELETE FROM record_content WHERE seq = 6");
	read_all();
	assert_string_equal(
		pg_sql(fedi->dsn,
			"SELECT string_agg(type || ' ' || (object"
			" - (1772359200000::int8 << 16)), ', ' ORDER BY id) FROM activity"),
		"Delete 3, Undo 3, Create 5, Announce 5");
	assert_int_equal(number("SELECT seq FROM reader WHERE name = 'fanout'"), 7);
}

static void
test_actor(void **state)
{
	const struct entry e = {RECORD_ACTOR, fedi->stadt, 7, false, NULL};

	(void)state;
	append(&e, 1);
	read_all();
	assert_string_equal(jobs(), "Update one/inbox");
}

static void
test_many_batches(void **state)
{
	struct entry e[230];
	int64_t began;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(e); i++)
		e[i] = (struct entry){RECORD_CREATE, POST + (int64_t)i, 1, i % 2 == 0, NULL};
	append(e, ARRAY_LEN(e));
	began = clock_mono_ms();
	read_all();
	/* Five batches, and no pause behind a full one. */
	assert_true(clock_mono_ms() - began < 2 * FANOUT_POLL_MS);
	assert_int_equal(number("SELECT count(*) FROM activity"), 230);
	assert_int_equal(number("SELECT count(*) FROM job"), 115 * 3);
	assert_int_equal(number("SELECT count(*) - count(DISTINCT key) FROM job"), 0);
}

static struct ap *second;

static void
close_second(struct fedi *f)
{
	(void)f;
	ap_free(second);
}

/* Two workers read at the same time: whoever is second finds the place taken. */
static void
test_two_readers(void **state)
{
	struct entry e[120];
	struct fedi_end end;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(e); i++)
		e[i] = (struct entry){RECORD_CREATE, POST + (int64_t)i, 1, false, NULL};
	append(e, ARRAY_LEN(e));
	fedi_open(fedi);
	second = ap_new(&fedi->env);
	fedi->closing = close_second;
	ap_start(fedi->env.ap);
	ap_start(second);
	(void)fedi_start(fedi, &end, &watch_flow, NULL, 0, NULL);
	fedi_wait(fedi);
	fedi->closing = NULL;
	check_ok(arena, end.error);
	assert_int_equal(number("SELECT count(*) FROM activity"), 240);
	assert_int_equal(number("SELECT count(*) FROM job"), 120 * 3);
}

static const char *stop_at;

static bool
came_so_far(struct fedi *f)
{
	return hang_traced(f->loop, stop_at) && hang_waits(f->hang);
}

/* The program stops in the middle: whoever reads next tells all of it, and once. */
static void
test_stopped(void **state)
{
	static const struct entry create = {RECORD_CREATE, POST, 1, false, NULL};
	static const struct {
		const char *table, *at;
		bool sent;
	} cases[] = {
		{"reader", " fanout_place waits for db", false},
		{"record_entry", " fanout_read waits for db", false},
		{"account", " fanout_authors waits for once", false},
		/* What was sent may be committed for nobody; then it is not a second time. */
		{"activity", " fanout_done waits for db", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)clean(NULL);
		append(&create, 1);
		stop_at = cases[i].at;
		fedi_hang(fedi, hang_table(fedi->dsn, cases[i].table));
		fedi->when = came_so_far;
		fedi->then = fedi_stop_and_go_on;
		fedi_open(fedi);
		ap_start(fedi->env.ap);
		fedi_wait(fedi);
		hang_settle(fedi->dsn);
		if (!cases[i].sent)
			assert_int_equal(number("SELECT count(*) FROM activity"), 0);
		fedi->when = NULL;
		read_all();
		assert_string_equal(jobs(),
			"Create one/inbox, Announce one/inbox, Announce two/carol/inbox");
		assert_int_equal(number("SELECT count(*) FROM activity"), 2);
		assert_int_equal(number("SELECT count(*) FROM reach"), 3);
	}
}

/* Pure: what a later entry takes back is not told. */
static void
test_tells(void **state)
{
	const struct record_entry e[] = {
		{.kind = SPAN("create"), .object = 1, .content = SPAN("{}")},
		{.kind = SPAN("create"), .object = 2, .content = SPAN("{}")},
		{.kind = SPAN("update"), .object = 1, .content = SPAN("{}")},
		{.kind = SPAN("delete"), .object = 1},
		{.kind = SPAN("create"), .object = 3},
		{.kind = SPAN("create"), .object = 4, .content = SPAN("{}"), .archive = true},
		{.kind = SPAN("delete"), .object = 4, .archive = true},
		{.kind = SPAN("actor"), .object = 9},
	};
	static const bool tells[] = {false, true, false, true, false, false, false, true};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(e); i++)
		if (fanout_tells(e, ARRAY_LEN(e), i) != tells[i])
			check_fail("entry %zu", i);
	assert_true(fanout_tells(e, 1, 0)); /* the delete is not in this batch */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tells),
		cmocka_unit_test_setup(test_life_of_a_post, clean),
		cmocka_unit_test_setup(test_locked, clean),
		cmocka_unit_test_setup(test_order_at_an_inbox, clean),
		cmocka_unit_test_setup(test_not_told, clean),
		cmocka_unit_test_setup(test_actor, clean),
		cmocka_unit_test_setup(test_many_batches, clean),
		cmocka_unit_test_setup(test_two_readers, clean),
		cmocka_unit_test_setup(test_stopped, clean),
	};

	return cmocka_run_group_tests_name("flow.fanout", tests, fedi_setup, fedi_teardown);
}
