/* await_actor, await_own and await_origin: one fetch for all, failing, too late. */
#include "ap/actor.h"
#include "ap/origin.h"
#include "ap/own.h"
#include "lib/check.h"
#include "lib/fedi.h"
#include "lib/pg.h"

/* ---- a flow that asks once ---- */

enum what {
	ASK_ACTOR,
	ASK_OWN,
	ASK_OWN_SLUG,
	ASK_ORIGIN,
};

struct ask {
	enum what what;
	struct span key_id;
	int64_t after_ms;
	bool answered;
	char uri[256];
	bool fresh;
	enum err_kind signing; /* in its name; ERR_KINDS = it can */
	enum origin origin;
	struct fedi_end end;
};

struct asking {
	struct actor actor;
	const struct own *own;
};

static step_fn ask_first, ask_now, ask_answered, ask_failed;

#define ASK_FLOW(ident, ms)                                                                    \
	static const struct flow ident = {                                                     \
		.name = "test.ask",                                                            \
		.size = sizeof(struct asking),                                                 \
		.deadline_ms = (ms),                                                           \
		.first = ask_first,                                                            \
		.failed = ask_failed,                                                          \
	}
ASK_FLOW(ask_flow, 30000);
ASK_FLOW(ask_flow_short, 300);

static struct ask *
ask_of(struct task *t)
{
	return *(struct ask *const *)task_arg(t);
}

static struct next
ask_first(struct task *t)
{
	return await_sleep(t, ask_of(t)->after_ms, ask_now);
}

static struct next
ask_now(struct task *t)
{
	struct asking *s = task_state(t);
	struct ask *a = ask_of(t);

	switch (a->what) {
	case ASK_OWN:
		return await_own(t, fedi->stadt, &s->own, ask_answered);
	case ASK_OWN_SLUG:
		return await_own_slug(t, a->key_id, &s->own, ask_answered);
	case ASK_ORIGIN:
		return await_origin(t, a->key_id, &a->origin, ask_answered);
	case ASK_ACTOR:
		break;
	}
	return await_actor(t, a->key_id, ACTOR_CACHED, &s->actor, ask_answered);
}

static enum err_kind
signing(struct arena *a, const struct own *own)
{
	const struct httpsig_request r = {.method = SPAN("GET"),
		.target = SPAN("/"),
		.scheme = SPAN("https"),
		.host = SPAN("one")};
	struct httpsig_out out = {0};
	const struct err *e = own_sign(a, own, HTTPSIG_CAVAGE, &r, &out);

	return e ? e->kind : ERR_KINDS;
}

static struct next
ask_answered(struct task *t)
{
	struct asking *s = task_state(t);
	struct ask *a = ask_of(t);
	struct span uri = s->own ? s->own->actor : s->actor.uri;

	a->answered = true;
	a->fresh = s->actor.fresh;
	(void)snprintf(a->uri, sizeof(a->uri), "%.*s", SPAN_FMT(uri));
	if (s->own)
		a->signing = signing(task_arena(t), s->own);
	return done(t);
}

static struct next
ask_failed(struct task *t)
{
	return fail(t, task_error(t));
}

static void
ask_start(struct ask *a, const struct flow *f)
{
	(void)fedi_start(fedi, &a->end, f, &a, sizeof(struct ask *), NULL);
}

static enum err_kind
kind(const struct ask *a)
{
	assert_true(a->end.ended && a->end.error);
	assert_false(a->answered);
	return a->end.error->kind;
}

/* ---- the peer takes its time ---- */

static step_fn late_first, late_answer, late_failed;

static const struct flow late_flow = {.name = "test.late",
	.size = 0,
	.deadline_ms = 60000,
	.first = late_first,
	.failed = late_failed};

static int late_ms;

static struct next
late_first(struct task *t)
{
	return await_sleep(t, late_ms, late_answer);
}

static struct next
late_answer(struct task *t)
{
	fedi_answer_actor(fedi, httpd_task_req(t), fedi->key);
	return done(t);
}

static struct next
late_failed(struct task *t)
{
	return fail(t, task_error(t));
}

static void
answer_late(struct fedi *f, struct httpd_req *r)
{
	(void)f;
	httpd_run(r, &late_flow);
}

/* ---- actors ---- */

static void
test_one_fetch_for_all(void **state)
{
	struct ask a[20];

	(void)state;
	late_ms = 100;
	fedi->answer = answer_late;
	fedi_open(fedi);
	for (size_t i = 0; i < ARRAY_LEN(a); i++) {
		a[i] = (struct ask){
			.key_id = fedi_key_id(fedi, "alice"), .after_ms = (int64_t)i * 20};
		ask_start(&a[i], &ask_flow);
	}
	fedi_wait(fedi);
	for (size_t i = 0; i < ARRAY_LEN(a); i++) {
		check_ok(arena, a[i].end.error);
		check_span(span_of(a[i].uri), fedi_actor(fedi, "alice"));
	}
	assert_int_equal(fedi_count(fedi, "GET", NULL), 1);
	/* Another worker has it from the database, and knows that it is of today. */
	fedi_open(fedi);
	a[0] = (struct ask){.key_id = fedi_key_id(fedi, "alice")};
	ask_start(&a[0], &ask_flow);
	fedi_wait(fedi);
	assert_true(a[0].answered && !a[0].fresh);
	assert_int_equal(fedi_count(fedi, "GET", NULL), 1);
}

static void
answer_500(struct fedi *f, struct httpd_req *r)
{
	(void)f;
	fedi_reply(r, 500, NULL, SPAN(""));
}

static void
test_failing(void **state)
{
	struct ask a[3];

	(void)state;
	fedi->answer = answer_500;
	fedi_open(fedi);
	for (size_t i = 0; i < ARRAY_LEN(a); i++) {
		a[i] = (struct ask){.key_id = fedi_key_id(fedi, "alice")};
		ask_start(&a[i], &ask_flow);
	}
	fedi_wait(fedi);
	for (size_t i = 0; i < ARRAY_LEN(a); i++)
		assert_int_equal(kind(&a[i]), ERR_UNAVAILABLE);
	assert_int_equal(fedi_count(fedi, "GET", NULL), 1);
	assert_string_equal(pg_sql(fedi->dsn, "SELECT gone FROM key_fetch"), "f");
	assert_int_equal(pg_number(fedi->dsn, "SELECT count(*) FROM remote_actor"), 0);
}

/* Who cannot wait goes; the fetch goes on for those who come later. */
static void
test_too_late(void **state)
{
	struct ask hasty = {.key_id = fedi_key_id(fedi, "alice")},
		   patient = {.key_id = fedi_key_id(fedi, "alice"), .after_ms = 50};

	(void)state;
	late_ms = 1200;
	fedi->answer = answer_late;
	fedi_open(fedi);
	ask_start(&hasty, &ask_flow_short);
	ask_start(&patient, &ask_flow);
	fedi_wait(fedi);
	assert_int_equal(kind(&hasty), ERR_TIMEOUT);
	check_ok(arena, patient.end.error);
	assert_int_equal(fedi_count(fedi, "GET", NULL), 1);
}

/* Many unknown keys of one host: the rest has to come again, and is told when. */
static void
test_flood(void **state)
{
	static struct ask a[230];
	size_t refused = 0;

	(void)state;
	fedi_open(fedi);
	for (size_t i = 0; i < ARRAY_LEN(a); i++) {
		a[i] = (struct ask){.key_id = arena_printf(arena,
					    "http://127.0.0.1:1/users/u%zu#main-key", i)};
		ask_start(&a[i], &ask_flow);
	}
	fedi_wait(fedi);
	for (size_t i = 0; i < ARRAY_LEN(a); i++)
		if (kind(&a[i]) == ERR_TOO_MANY) {
			assert_true(a[i].end.error->retry_after_s > 0);
			refused++;
		}
	assert_in_range(refused, 1, 30);
	assert_int_equal(
		pg_number(fedi->dsn, "SELECT count(*) FROM key_fetch"), ARRAY_LEN(a) - refused);
}

/* ---- our own ---- */

static void
test_own(void **state)
{
	struct ask a[3] = {{.what = ASK_OWN},
		{.what = ASK_OWN_SLUG, .key_id = SPAN("stadt"), .after_ms = 50},
		{.what = ASK_OWN_SLUG, .key_id = SPAN("niemand")}};
	struct span actor = arena_printf(arena, "%.*s/o/stadt", SPAN_FMT(fedi->hub_base));

	(void)state;
	fedi_open(fedi);
	for (size_t i = 0; i < ARRAY_LEN(a); i++)
		ask_start(&a[i], &ask_flow);
	fedi_wait(fedi);
	check_span(span_of(a[0].uri), actor);
	check_span(span_of(a[1].uri), actor);
	assert_int_equal(a[0].signing, ERR_KINDS);
	assert_int_equal(kind(&a[2]), ERR_NOT_FOUND);
}

/* A master key that does not open them signs nothing, and stops nothing else. */
static void
test_own_sealed(void **state)
{
	struct ask a = {.what = ASK_OWN};

	(void)state;
	(void)pg_sql(fedi->dsn, "CREATE TABLE kept AS SELECT id, private_keys FROM account;"
				"UPDATE account SET private_keys = set_byte(private_keys, 40,"
				" get_byte(private_keys, 40) # 1)");
	fedi_open(fedi);
	ask_start(&a, &ask_flow);
	fedi_wait(fedi);
	(void)pg_sql(fedi->dsn, "UPDATE account a SET private_keys = k.private_keys FROM kept "
				"k WHERE k.id = a.id;"
				"DROP TABLE kept");
	check_ok(arena, a.end.error);
	assert_int_equal(a.signing, ERR_CORRUPT);
}

/* ---- does an actor still exist? ---- */

static int status;

static void
answer_status(struct fedi *f, struct httpd_req *r)
{
	if (status == 200)
		fedi_answer_actor(f, r, f->key);
	else if (status == 1)
		fedi_reply(
			r, 200, "application/activity+json", SPAN("{\"type\":\"Tombstone\"}"));
	else
		fedi_reply(r, status, NULL, SPAN(""));
}

static void
test_origin(void **state)
{
	static const struct {
		int status;
		bool fails;
		enum origin origin;
	} cases[] = {
		{200, false, ORIGIN_THERE},
		{404, false, ORIGIN_MISSING},
		{410, false, ORIGIN_GONE},
		{1, false, ORIGIN_GONE},
		{500, true, ORIGIN_THERE},
		{403, true, ORIGIN_THERE},
	};

	(void)state;
	fedi->answer = answer_status;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ask a = {.what = ASK_ORIGIN, .key_id = fedi_actor(fedi, "alice")};

		status = cases[i].status;
		fedi_open(fedi);
		ask_start(&a, &ask_flow);
		fedi_wait(fedi);
		if (cases[i].fails)
			assert_int_equal(kind(&a), ERR_UNAVAILABLE);
		else
			assert_int_equal(a.origin, cases[i].origin);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_one_fetch_for_all, fedi_fresh),
		cmocka_unit_test_setup(test_failing, fedi_fresh),
		cmocka_unit_test_setup(test_too_late, fedi_fresh),
		cmocka_unit_test_setup(test_flood, fedi_fresh),
		cmocka_unit_test_setup(test_own, fedi_fresh),
		cmocka_unit_test_setup(test_own_sealed, fedi_fresh),
		cmocka_unit_test_setup(test_origin, fedi_fresh),
	};

	return cmocka_run_group_tests_name("flow.actor", tests, fedi_setup, fedi_teardown);
}
