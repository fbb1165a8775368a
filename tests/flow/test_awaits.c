/*
 * Every await_* of the tree: that it fails, that it is too late, and that the program stops
 * meanwhile. Cells that a test elsewhere has name it; the rest is done here, on a real database
 * and real sockets. An await_* without a row, and a row that names a test that is not there,
 * fail.
 */
#include <glob.h>

#include "ap/actor.h"
#include "ap/get.h"
#include "ap/moved.h"
#include "ap/origin.h"
#include "ap/outgoing.h"
#include "ap/own.h"
#include "base/clock.h"
#include "connector/chunk.h"
#include "lib/check.h"
#include "lib/fedi.h"
#include "lib/file.h"
#include "lib/hang.h"
#include "lib/pg.h"

static int64_t source_id;
static struct job job = {.attempt = 1, .created_us = INT64_C(4102444800000000)}; /* 2100 */
static bool failing; /* what is asked has to fail */

#define PROBE_MS 900 /* shorter than any other limit on the way */
#define TOKEN "7e57ab1e-0000-4000-8000-000000000000"
#define OLD_INBOX "https://one.example/inbox"
#define ACTIVITY "https://hub.example/a/1"

/* ---- one flow, one wait ---- */

struct probe {
	struct db_batch batch;
	const struct own *own;
	struct actor actor;
	enum origin origin;
	struct get get;
	struct moved moved;
	struct ingest_run run;
	struct source source;
	struct gather_item item;
	struct load_item load;
	struct settle_item settle;
};

static step_fn probe_first, probe_answered, probe_got, probe_failed;

static const struct flow probe_flow = {
	.name = "test.probe",
	.size = sizeof(struct probe),
	.deadline_ms = PROBE_MS,
	.first = probe_first,
	.failed = probe_failed,
};

static bool answered;

static struct next
probe_first(struct task *t)
{
	step_fn *const *ask = task_arg(t);

	return (*ask)(t);
}

static struct next
probe_answered(struct task *t)
{
	answered = true;
	return done(t);
}

static struct next
probe_failed(struct task *t)
{
	return fail(t, task_error(t));
}

static struct next
ask_rows(struct task *t)
{
	struct probe *p = task_state(t);

	db_batch_init(&p->batch, task_arena(t));
	(void)account_by_id(&p->batch, fedi->stadt);
	return await_rows(t, &p->batch, probe_answered);
}

static struct next
ask_own(struct task *t)
{
	struct probe *p = task_state(t);

	return await_own(t, fedi->stadt, &p->own, probe_answered);
}

static struct next
ask_own_slug(struct task *t)
{
	struct probe *p = task_state(t);

	return await_own_slug(t, SPAN("stadt"), &p->own, probe_answered);
}

static struct next
ask_actor(struct task *t)
{
	struct probe *p = task_state(t);

	return await_actor(
		t, fedi_key_id(fedi, "bob"), ACTOR_CACHED, &p->actor, probe_answered);
}

static struct next
ask_origin(struct task *t)
{
	struct probe *p = task_state(t);

	return await_origin(t, fedi_actor(fedi, "alice"), &p->origin, probe_answered);
}

static struct next
ask_get(struct task *t)
{
	struct probe *p = task_state(t);

	return await_get(t, &p->get,
		failing ? SPAN("http://127.0.0.1:1/x") : fedi_actor(fedi, "alice"), probe_got);
}

/* That the network fails is an answer here. */
static struct next
probe_got(struct task *t)
{
	struct probe *p = task_state(t);
	const struct err *e = get_error(&p->get);

	return e ? fail(t, e) : go(t, probe_answered);
}

static struct next
ask_moved(struct task *t)
{
	struct probe *p = task_state(t);

	p->moved = (struct moved){.job = &job,
		.inbox = SPAN(OLD_INBOX),
		.activity = {.account = fedi->stadt,
			.uri = SPAN(ACTIVITY),
			.type = SPAN("Create"),
			.body = SPAN("{}")}};
	return await_moved(t, &p->moved, probe_answered);
}

static void
settle_nothing(void *arg, struct db_batch *b)
{
	(void)arg;
	(void)b;
}

static struct next
ask_chunk(struct task *t)
{
	const struct http_call page = {.status = 200,
		.reply =
			SPAN("<rss version='2.0'><channel><title>T</title>"
			     "<item><guid>1</guid><title>Eins</title></item></channel></rss>")};
	struct probe *p = task_state(t);
	const struct chunk_arg arg = {
		.run = &p->run, .source = &p->source, .job = &job, .settle = settle_nothing};

	p->source = (struct source){.id = source_id,
		.account = fedi->stadt,
		.account_slug = SPAN("stadt"),
		.account_language = SPAN("de"),
		.url = SPAN("https://feed.example/"),
		.connected_us = TIME_NONE};
	ingest_run_init(&p->run, task_arena(t), &fedi->hub);
	ingest_run_parse(&p->run, &connector_feed, &p->source, &page);
	check_ok(task_arena(t), p->run.error);
	assert_int_equal(p->run.n, 1);
	return await_chunk(t, &arg, probe_answered);
}

static struct next
ask_load(struct task *t)
{
	struct probe *p = task_state(t);

	p->load = (struct load_item){.activity = SPAN(ACTIVITY),
		.host = SPAN("one.example"),
		.arena = task_arena(t)};
	return await_load(t, &p->item, &p->load, probe_answered);
}

static struct next
ask_settle(struct task *t)
{
	struct probe *p = task_state(t);

	p->settle = (struct settle_item){
		.job = &job, .verdict = {.end = DELIVER_DONE}, .host = SPAN("one.example")};
	return await_settle(t, &p->item, &p->settle, probe_answered);
}

/* ---- the table ---- */

#define NEVER "-" /* it cannot fail */

struct row {
	const char *name;
	step_fn *ask;
	/* Locked, the wait hangs; away, it fails. NULL: it waits for the peer, who is mute. */
	const char *table;
	enum err_kind fails;
	/* NULL = here; otherwise a test of `file`. */
	const char *fail, *timeout, *stop, *file;
};

#define HERE NULL, NULL, NULL, NULL
#define ELSEWHERE NULL, NULL, ERR_KINDS

static const struct row rows[] = {
	/* what, by, hangs on, fails with; where it fails, is too late, is stopped */
	{"await_rows", ask_rows, "account", ERR_DB, HERE},
	{"await_own", ask_own, "account", ERR_DB, HERE},
	{"await_own_slug", ask_own_slug, "account", ERR_DB, HERE},
	{"await_get", ask_get, NULL, ERR_NETWORK, HERE},
	{"await_load", ask_load, "activity", ERR_DB, HERE},
	{"await_settle", ask_settle, "job", ERR_DB, HERE},
	/* Those that wait more than once hang in each of their waits. */
	{"await_actor", ask_actor, "remote_actor", ERR_DB, HERE},
	{"await_actor", ask_actor, NULL, ERR_UNAVAILABLE, "test_failing", "test_too_late", NULL,
		"flow/test_actor.c"},
	{"await_origin", ask_origin, "account", ERR_DB, HERE},
	{"await_origin", ask_origin, NULL, ERR_UNAVAILABLE, "test_origin", NULL, NULL,
		"flow/test_actor.c"},
	{"await_moved", ask_moved, "remote_actor", ERR_DB, HERE},
	{"await_moved", ask_moved, NULL, ERR_KINDS, "test_moved", NULL, NULL,
		"flow/test_deliver.c"},
	{"await_chunk", ask_chunk, "post", ERR_DB, HERE},
	{"await_chunk", ask_chunk, "job", ERR_DB, HERE},

	{"await_commit", ELSEWHERE, "test_errors", "test_cancelled", "test_stopped",
		"db/test_batch.c"},
	{"await_http", ELSEWHERE, "broken_answers_fail", "flow_deadline_ends_it",
		"stop_and_cancel_end_it", "flow/test_http.c"},
	{"await_blob_put", ELSEWHERE, "full_disk_leaves_nothing", "given_up_in_the_middle",
		"given_up_in_the_middle", "flow/test_blob.c"},
	{"await_work", ELSEWHERE, "test_full", "test_given_up", "test_given_up",
		"flow/test_work.c"},
	{"await_proc", ELSEWHERE, "test_broken", "test_given_up", "test_stop",
		"flow/test_proc.c"},
	{"await_all", ELSEWHERE, "test_all", "test_parent_fails", "test_parent_fails",
		"flow/test_group.c"},
	{"await_once", ELSEWHERE, "test_once", "test_once", "test_stop", "flow/test_once.c"},
	{"await_gather", ELSEWHERE, "test_gather", "test_gather", "test_stop",
		"flow/test_gather.c"},
	{"await_sleep", ELSEWHERE, NEVER, "test_deadline", NEVER, "flow/test_task.c"},
	{"await_sleep", ELSEWHERE, NEVER, NEVER, "test_stop", "flow/test_loop.c"},
};

/* ---- the table is whole ---- */

/* Calls are defined by a macro that adds the step's name: one for each await_*. */
static void
test_every_await(void **state)
{
	const struct span before = SPAN("#define await_");
	size_t found = 0;
	glob_t g;

	(void)state;
	assert_int_equal(glob(SRC_DIR "/*/*.h", 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct span rest = file_whole(arena, g.gl_pathv[i]);
		size_t at;

		while ((at = span_find(rest, before)) != SIZE_MAX) {
			struct span name;
			bool there = false;

			rest = span_slice(rest, at + SPAN("#define ").n, rest.n);
			name = span_slice(rest, 0, span_find_byte(rest, '('));
			for (size_t k = 0; k < ARRAY_LEN(rows); k++)
				there = there || span_is(name, rows[k].name);
			if (!there)
				check_fail("%.*s of %s is in no row here: test it to fail, to "
					   "time out and to be stopped",
					SPAN_FMT(name), g.gl_pathv[i]);
			found++;
		}
	}
	globfree(&g);
	assert_true(found > 10);
}

static void
check_named(const struct row *r, const char *test)
{
	struct span text, head;

	if (!test || strcmp(test, NEVER) == 0)
		return;
	text = file_whole(arena, arena_printf(arena, TESTS_DIR "/%s", r->file).p);
	head = arena_printf(arena, "\n%s(void **", test);
	if (!span_has(text, head))
		check_fail("%s: there is no %s in %s", r->name, test, r->file);
}

static void
test_named_tests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		check_named(&rows[i], rows[i].fail);
		check_named(&rows[i], rows[i].timeout);
		check_named(&rows[i], rows[i].stop);
	}
}

/* ---- the cells ---- */

/* The clock stands still but for this, so nothing is too late before it hangs. */
static void
skip_time(struct fedi *f)
{
	loop_skip(f->loop);
}

/* A follower at an inbox, an activity, a source, and a job that is ours. */
static void
world(void)
{
	fedi_clean(fedi);
	(void)pg_sql(fedi->dsn, "DELETE FROM post_alias; DELETE FROM post; DELETE FROM source");
	(void)pg_sql(fedi->dsn,
		arena_printf(arena,
			"WITH r AS (INSERT INTO remote_actor (uri, host, inbox, key_id,"
			" public_key_pem, fetched_at) VALUES ('%.*s', 'one.example',"
			" '" OLD_INBOX "', '%.*s', 'none', now()) RETURNING id)"
			" INSERT INTO follow (account, actor, uri) SELECT %lld, id, 'f' FROM r;"
			"INSERT INTO activity (account, uri, type, body)"
			" VALUES (%lld, '" ACTIVITY "', 'Create', '{}');"
			"INSERT INTO source (account, connector, url)"
			" VALUES (%lld, 'feed', 'https://feed.example/');"
			"INSERT INTO job (kind, key, args, state, attempt, worker, lease_until,"
			" lease_token) VALUES ('deliver', 'k', '{}', 'running', 1, 'test',"
			" now() + interval '60 s', '" TOKEN "')",
			SPAN_FMT(fedi_actor(fedi, "alice")),
			SPAN_FMT(fedi_key_id(fedi, "alice")), (long long)fedi->stadt,
			(long long)fedi->stadt, (long long)fedi->stadt)
			.p);
	source_id = pg_number(fedi->dsn, "SELECT id FROM source");
	job.id = pg_number(fedi->dsn, "SELECT id FROM job");
	job.token = SPAN(TOKEN);
	answered = false;
}

static const struct err *
probe(const struct row *r)
{
	struct fedi_end end;

	fedi_open(fedi);
	(void)fedi_start(fedi, &end, &probe_flow, &r->ask, sizeof(r->ask), NULL);
	fedi_wait(fedi);
	hang_settle(fedi->dsn);
	assert_true(end.ended);
	return end.error;
}

static void
check_cell(const struct row *r, const char *cell, const struct err *e, enum err_kind kind)
{
	const char *on = r->table ? r->table : "peer";

	if (!e || answered)
		check_fail("%s, %s, %s: it went on", r->name, on, cell);
	if (e->kind != kind)
		check_fail("%s, %s, %s: %.*s", r->name, on, cell, SPAN_FMT(err_text(arena, e)));
}

/* Without a hindrance each of them is answered: so it is the hindrance that is seen below. */
static void
test_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!rows[i].ask)
			continue;
		world();
		check_ok(arena, probe(&rows[i]));
		assert_true(answered);
	}
}

static void
test_fail(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		const struct err *e;

		if (!r->ask || r->fail)
			continue;
		world();
		if (r->table)
			(void)pg_sql(fedi->dsn,
				arena_printf(arena, "ALTER TABLE %s RENAME TO away", r->table)
					.p);
		failing = true;
		e = probe(r);
		failing = false;
		if (r->table)
			(void)pg_sql(fedi->dsn,
				arena_printf(arena, "ALTER TABLE away RENAME TO %s", r->table)
					.p);
		check_cell(r, "fail", e, r->fails);
	}
}

static const struct err *
probe_hanging(const struct row *r, void (*then)(struct fedi *f))
{
	const struct err *e;

	world();
	fedi_hang(fedi, r->table ? hang_table(fedi->dsn, r->table) : NULL);
	fedi->then = then;
	e = probe(r);
	if (!fedi->look.seen)
		check_fail("%s, %s: it did not hang: %.*s", r->name,
			r->table ? r->table : "peer",
			SPAN_FMT(e ? err_text(arena, e) : SPAN("it went on")));
	return e;
}

static void
test_timeout(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		const struct err *e;

		if (!r->ask || r->timeout)
			continue;
		clock_fake(clock_us(), clock_mono_ms());
		e = probe_hanging(r, skip_time);
		clock_fake(0, 0);
		check_cell(r, "timeout", e, ERR_TIMEOUT);
		/* Its own deadline, in the step behind the wait. */
		assert_true(span_starts(
			e->text, SPAN("test.probe did not end within 900 ms, in step probe_")));
	}
}

static void
test_stop(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];

		if (r->ask && !r->stop)
			check_cell(r, "stop", probe_hanging(r, NULL), ERR_STOPPED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_await),
		cmocka_unit_test(test_named_tests),
		cmocka_unit_test(test_answered),
		cmocka_unit_test(test_fail),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_stop),
	};

	return cmocka_run_group_tests_name("flow.awaits", tests, fedi_setup, fedi_teardown);
}
