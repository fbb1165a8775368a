/*
 * Reads over real HTTP and a real database: what comes from the cache, what a change does to
 * it, what is left when the database is away.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "base/metric.h"
#include "lib/check.h"
#include "lib/fedi.h"
#include "lib/pg.h"
#include "net/http.h"
#include "task/group.h"
#include "web/web.h"

#define TIMELINE "/api/v1/timelines/public?local=true"
#define POST_ID "116153332531200001"

static const struct err *web_failed;

/* ---- a get as a flow ---- */

struct get {
	const char *path;
	const char *accept, *if_none_match, *method;
};

struct got {
	int status;
	struct span type, body, etag, link, allow, vary, remaining;
	int retry_after_s;
};

struct get_state {
	struct http_call call;
};

static step_fn get_send, get_read, test_failed;

static const struct flow get_flow = {
	.name = "test.get",
	.size = sizeof(struct get_state),
	.deadline_ms = 9000,
	.first = get_send,
	.failed = test_failed,
};

static struct next
test_failed(struct task *t)
{
	return fail(t, task_error(t));
}

static struct next
get_send(struct task *t)
{
	struct get_state *s = task_state(t);
	const struct get *g = task_arg(t);
	struct http_header *h = ARENA_ARRAY(task_arena(t), 2, struct http_header);

	s->call = (struct http_call){.kind = HTTP_FEED,
		.method = span_of(g->method),
		.url = arena_printf(task_arena(t), "%.*s%s", SPAN_FMT(fedi->hub_base), g->path),
		.headers = h};
	if (g->accept)
		h[s->call.n_headers++] =
			(struct http_header){SPAN("Accept"), span_of(g->accept)};
	if (g->if_none_match)
		h[s->call.n_headers++] =
			(struct http_header){SPAN("If-None-Match"), span_of(g->if_none_match)};
	return await_http(t, &s->call, get_read);
}

static struct span
keep(struct span s)
{
	return s.p ? arena_dup(fedi->arena, s) : SPAN_NONE;
}

static struct next
get_read(struct task *t)
{
	const struct get_state *s = task_state(t);
	struct got *out = task_out(t);

	*out = (struct got){
		.status = s->call.status,
		.type = keep(s->call.content_type),
		.body = keep(s->call.reply),
		.etag = keep(http_reply_header(&s->call, "etag")),
		.link = keep(http_reply_header(&s->call, "link")),
		.allow = keep(http_reply_header(&s->call, "allow")),
		.vary = keep(http_reply_header(&s->call, "vary")),
		.remaining = keep(http_reply_header(&s->call, "x-ratelimit-remaining")),
		.retry_after_s = s->call.retry_after_s,
	};
	return done(t);
}

static struct next
await_get_at(
	struct task *t, const struct get *g, struct got *out, step_fn *then, const char *name)
{
	return task_call(t, &get_flow, g, sizeof(*g), out, then, name);
}
#define await_get(t, out, step, ...)                                                           \
	await_get_at((t), &(const struct get){__VA_ARGS__}, (out), (step), #step)

/* ---- a run: the web layer is there, one flow asks ---- */

static void
serve(struct httpd_req *r, void *arg)
{
	(void)arg;
	web_handle(r, fedi->env.web);
}

static void
closing(struct fedi *f)
{
	web_free(f->env.web);
}

static void
run(const struct flow *f)
{
	struct fedi_end end;

	fedi->serve = serve;
	fedi->closing = closing;
	fedi_open(fedi);
	fedi->env.web = web_new(&fedi->env, fedi->arena, &web_failed);
	check_ok(fedi->arena, web_failed);
	httpd_on_error(fedi->hub_http, web_error, fedi->env.web);
	(void)fedi_start(fedi, &end, f, NULL, 0, NULL);
	fedi_wait(fedi);
	check_ok(fedi->arena, end.error);
}

static int
setup(void **state)
{
	(void)state;
	fedi = fedi_new_apart();
	fedi->conf.rate_limit = 5;
	return 0;
}

static void
publish(void)
{
	(void)pg_sql(fedi->dsn,
		arena_printf(fedi->arena,
			"INSERT INTO post (id, account, state, content_hash, title, html, text,"
			"                  language, published_at)"
			" VALUES (" POST_ID ", %" PRId64 ", 'published', '', 'Neues Freibad',"
			"         '<p>Offen</p>', 'Offen', 'de', '2026-03-01T10:00:00Z')"
			" ON CONFLICT (id) DO UPDATE SET state = 'published'",
			fedi->stadt)
			.p);
	(void)pg_sql(fedi->dsn, "UPDATE generation SET n = n + 1");
}

static int
clean(void **state)
{
	(void)state;
	publish();
	return 0;
}

static int64_t
rendered(void)
{
	return metric_get(METRIC_CACHE_MISSES);
}

/* ---- many ask for the same, then again, then a change comes ---- */

#define MANY 20

struct change {
	struct group group;
	struct got many[MANY], one;
	int64_t before, hits, changed_ms;
	bool gone;
};

static step_fn change_ask, change_many, change_again, change_look, change_looked;

static const struct flow change_flow = {
	.name = "test.change",
	.size = sizeof(struct change),
	.deadline_ms = 20000,
	.first = change_ask,
	.failed = test_failed,
};

/* The first request learns the generation for the others. */
static struct next
change_ask(struct task *t)
{
	return await_sleep(t, 300, change_many);
}

static struct next
change_many(struct task *t)
{
	struct change *s = task_state(t);
	const struct get g = {.path = "/@stadt"};

	s->before = rendered();
	s->hits = metric_get(METRIC_CACHE_HITS);
	group_init(&s->group, t, 0);
	for (size_t i = 0; i < MANY; i++)
		(void)group_add(&s->group, &get_flow, &g, sizeof(g), &s->many[i]);
	return await_all(t, &s->group, change_again);
}

static struct next
change_again(struct task *t)
{
	struct change *s = task_state(t);

	for (size_t i = 0; i < MANY; i++) {
		check_ok(task_arena(t), group_error(&s->group, i));
		assert_int_equal(s->many[i].status, 200);
		check_span(s->many[i].body, s->many[0].body);
	}
	assert_true(span_has(s->many[0].body, SPAN("Neues Freibad")));
	/* One rendering for all of them. */
	assert_int_equal(rendered() - s->before, 1);
	(void)pg_sql(fedi->dsn, "UPDATE post SET state = 'withdrawn' WHERE id = " POST_ID
				"; UPDATE generation SET n = n + 1");
	s->changed_ms = clock_mono_ms();
	return go(t, change_look);
}

static struct next
change_look(struct task *t)
{
	struct change *s = task_state(t);

	return await_get(t, &s->one, change_looked, .path = "/@stadt");
}

static struct next
change_looked(struct task *t)
{
	struct change *s = task_state(t);

	assert_int_equal(s->one.status, 200);
	if (span_has(s->one.body, SPAN("Neues Freibad"))) {
		assert_true(clock_mono_ms() - s->changed_ms < 1000);
		return await_sleep(t, 20, change_look);
	}
	/* Until then it came from the cache. */
	assert_int_equal(rendered() - s->before, 2);
	return done(t);
}

static void
test_change(void **state)
{
	(void)state;
	run(&change_flow);
}

/* ---- followers come and go ---- */

struct crowd {
	struct got got;
	int64_t before;
	int looks;
};

static step_fn crowd_warm, crowd_warmed, crowd_came, crowd_same, crowd_late, crowd_look;

static const struct flow crowd_flow = {
	.name = "test.crowd",
	.size = sizeof(struct crowd),
	.deadline_ms = 20000,
	.first = crowd_warm,
	.failed = test_failed,
};

static struct next
crowd_warm(struct task *t)
{
	return await_sleep(t, 300, crowd_warmed);
}

static struct next
crowd_warmed(struct task *t)
{
	struct crowd *s = task_state(t);

	return await_get(t, &s->got, crowd_came, .path = "/@stadt");
}

static struct next
crowd_came(struct task *t)
{
	struct crowd *s = task_state(t);

	s->before = rendered();
	(void)pg_sql(fedi->dsn, "UPDATE generation SET followers_at = now()");
	return await_sleep(t, 700, crowd_same);
}

static struct next
crowd_same(struct task *t)
{
	struct crowd *s = task_state(t);

	return await_get(t, &s->got, crowd_late, .path = "/@stadt");
}

static struct next
crowd_late(struct task *t)
{
	struct crowd *s = task_state(t);

	assert_int_equal(rendered(), s->before);
	(void)pg_sql(fedi->dsn,
		"UPDATE generation SET followers_at = now() - interval '11 seconds'");
	return go(t, crowd_look);
}

static struct next
crowd_look(struct task *t)
{
	struct crowd *s = task_state(t);

	if (rendered() == s->before) {
		assert_true(s->looks++ < 100);
		return s->looks % 2 ? await_sleep(t, 50, crowd_look)
				    : await_get(t, &s->got, crowd_look, .path = "/@stadt");
	}
	return done(t);
}

/* A number alone empties no cache at once, and does show in the end. */
static void
test_crowd(void **state)
{
	(void)state;
	run(&crowd_flow);
	assert_string_equal(
		pg_sql(fedi->dsn, "SELECT followers_at IS NULL FROM generation"), "t");
}

/* ---- the database is away ---- */

struct away {
	struct got got;
	int64_t before;
	bool seen;
};

static step_fn away_warm, away_warmed, away_cached, away_missing, away_back, away_lost;

static const struct flow away_flow = {
	.name = "test.away",
	.size = sizeof(struct away),
	.deadline_ms = 40000,
	.first = away_warm,
	.failed = test_failed,
};

static struct next
away_warm(struct task *t)
{
	struct away *s = task_state(t);

	return await_get(t, &s->got, away_warmed, .path = "/@stadt");
}

static struct next
away_warmed(struct task *t)
{
	struct away *s = task_state(t);
	int64_t hits = metric_get(METRIC_CACHE_HITS);

	assert_int_equal(s->got.status, 200);
	/* Before the generation is known nothing is kept. */
	if (hits == s->before || !s->seen) {
		s->seen = hits > s->before;
		s->before = hits;
		return await_get(t, &s->got, away_warmed, .path = "/@stadt");
	}
	pg_kill(fedi->pg);
	return await_get(t, &s->got, away_cached, .path = "/@stadt");
}

static struct next
away_cached(struct task *t)
{
	struct away *s = task_state(t);

	assert_int_equal(s->got.status, 200);
	assert_true(span_has(s->got.body, SPAN("Neues Freibad")));
	return await_get(t, &s->got, away_missing, .path = TIMELINE);
}

static struct next
away_missing(struct task *t)
{
	struct away *s = task_state(t);

	assert_int_equal(s->got.status, 503);
	assert_true(s->got.retry_after_s > 0);
	check_span(s->got.type, SPAN("application/json; charset=utf-8"));
	pg_again(fedi->pg);
	return await_sleep(t, 200, away_back);
}

static struct next
away_back(struct task *t)
{
	struct away *s = task_state(t);

	return await_get(t, &s->got, away_lost, .path = "/feed.json");
}

static struct next
away_lost(struct task *t)
{
	struct away *s = task_state(t);

	if (s->got.status == 503) /* it starts */
		return await_sleep(t, 200, away_back);
	assert_int_equal(s->got.status, 200);
	assert_true(span_has(s->got.body, SPAN("Neues Freibad")));
	return done(t);
}

static void
test_away(void **state)
{
	(void)state;
	run(&away_flow);
}

/* ---- one request a row ---- */

struct row {
	struct get get;
	int status;
	const char *type, *allow, *has; /* NULL = anything */
};

static const struct row rows[] = {
	{{.path = "/p/" POST_ID}, 200, "application/activity+json; charset=utf-8", NULL,
		"Freibad"},
	{{.path = "/feed.atom"}, 200, "application/atom+xml; charset=utf-8", NULL, "Freibad"},
	{{.path = "/feed.rss"}, 200, "application/rss+xml; charset=utf-8", NULL, "Freibad"},
	{{.path = "/@stadt.json"}, 200, "application/feed+json; charset=utf-8", NULL,
		"Freibad"},
	{{.path = "/@niemand.json"}, 404, "text/html; charset=utf-8", NULL, NULL},
	{{.path = "/@actor.rss"}, 404, NULL, NULL, NULL},
	{{.path = "/@hub.rss"}, 200, NULL, NULL, "Freibad"},
	{{.path = "/tags/nichts.atom"}, 200, NULL, NULL, "</feed>"},
	{{.path = "/robots.txt"}, 200, "text/plain; charset=utf-8", NULL, "User-agent"},
	{{.path = "/.well-known/security.txt"}, 404, "application/json; charset=utf-8", NULL,
		NULL},
	{{.path = "/nichts"}, 404, "text/html; charset=utf-8", NULL, NULL},
	{{.path = "/nichts", .accept = "application/json"}, 404,
		"application/json; charset=utf-8", NULL, "error"},
	{{.path = "/inbox"}, 405, NULL, "POST, OPTIONS", NULL},
	{{.path = "/feed.atom", .method = "DELETE"}, 405, NULL, "GET, HEAD, OPTIONS", NULL},
	{{.path = "/feed.atom", .method = "OPTIONS"}, 204, NULL, "GET, HEAD, OPTIONS", NULL},
	{{.path = "/o/stadt"}, 200, NULL, NULL, "publicKeyPem"},
	/* Only these five count. */
	{{.path = "/api/v1/nothing"}, 404, "application/json; charset=utf-8", NULL, "error"},
	{{.path = TIMELINE "&limit=x"}, 422, "application/json; charset=utf-8", NULL,
		"limit must"},
	{{.path = "/api/v1/statuses/" POST_ID "/context"}, 200, NULL, NULL, "descendants"},
	{{.path = "/api/v1/accounts/lookup?acct=@stadt"}, 200, NULL, NULL, "Stadt Musterstadt"},
	{{.path = "/api/v1/timelines/public/"}, 200, NULL, NULL, POST_ID},
	{{.path = TIMELINE}, 429, "application/json; charset=utf-8", NULL, "Too many"},
	{{.path = "/@stadt"}, 200, NULL, NULL, NULL},
};

struct rows {
	size_t i;
	struct got got;
};

static step_fn rows_ask, rows_look;

static const struct flow rows_flow = {
	.name = "test.rows",
	.size = sizeof(struct rows),
	.deadline_ms = 30000,
	.first = rows_ask,
	.failed = test_failed,
};

static struct next
rows_ask(struct task *t)
{
	struct rows *s = task_state(t);

	if (s->i == ARRAY_LEN(rows))
		return done(t);
	return await_get_at(t, &rows[s->i].get, &s->got, rows_look, "rows_look");
}

static struct next
rows_look(struct task *t)
{
	struct rows *s = task_state(t);
	const struct row *r = &rows[s->i];
	const struct got *g = &s->got;

	if (g->status != r->status || (r->type && !span_is(g->type, r->type)) ||
		(r->allow && !span_is(g->allow, r->allow)) ||
		(r->has && !span_has(g->body, span_of(r->has))))
		check_fail("%s %s: %d %.*s allow \"%.*s\" %.*s",
			r->get.method ? r->get.method : "GET", r->get.path, g->status,
			SPAN_FMT(g->type), SPAN_FMT(g->allow), LOG_STR(g->body));
	if (g->status == 429)
		assert_in_range(g->retry_after_s, 1, 301);
	if (g->status == 200 && !r->get.method)
		assert_non_null(g->etag.p);
	s->i++;
	return go(t, rows_ask);
}

static void
test_rows(void **state)
{
	(void)state;
	run(&rows_flow);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_rows, clean),
		cmocka_unit_test_setup(test_change, clean),
		cmocka_unit_test_setup(test_crowd, clean),
		cmocka_unit_test_setup(test_away, clean),
	};

	return cmocka_run_group_tests(tests, setup, fedi_teardown);
}
