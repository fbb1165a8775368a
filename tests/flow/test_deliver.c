/* Jobs "deliver" over real HTTP: signatures, ways, verdicts, schedules, what is remembered. */
#include "base/clock.h"
#include "base/json.h"
#include "crypto/digest.h"
#include "hub/delivery.h"
#include "hub/remote.h"
#include "lib/check.h"
#include "lib/dbrun.h"
#include "lib/fedi.h"
#include "lib/pg.h"

static int
clean(void **state)
{
	(void)state;
	fedi_clean(fedi);
	(void)pg_sql(fedi->dsn, "DELETE FROM post");
	return 0;
}

static int64_t
number(const char *sql)
{
	return pg_number(fedi->dsn, sql);
}

/* ---- one activity to some inboxes of the peer ---- */

#define BODY SPAN("{\"type\":\"Create\",\"id\":\"x\"}")

struct outgoing {
	struct activity_new act;
	struct span base;
	const char *const *paths;
	size_t n;
};

static void
fill_outgoing(struct db_batch *b, void *ctx)
{
	const struct outgoing *o = ctx;
	struct url u;

	activity_put(b, &o->act);
	for (size_t i = 0; i < o->n; i++) {
		check_ok(b->arena, url_parse(b->arena,
					   arena_printf(b->arena, "%.*s%s", SPAN_FMT(o->base),
						   o->paths[i]),
					   &u));
		delivery_to_inbox(b, &o->act, u.text, u.authority);
	}
}

static void
send_from(struct span base, const char *id, const char *const *paths, size_t n)
{
	struct outgoing o = {.base = base,
		.paths = paths,
		.n = n,
		.act = {.account = fedi->stadt,
			.object = 5,
			.uri = arena_printf(
				arena, "%.*s/o/stadt/a/5/%s", SPAN_FMT(fedi->hub_base), id),
			.type = SPAN("Create"),
			.body = BODY}};

	dbrun_ok(fedi->dsn, fill_outgoing, NULL, &o);
}

static void
send_to(const char *id, const char *path)
{
	send_from(fedi->peer_base, id, &path, 1);
}

static size_t
work(void)
{
	return fedi_jobs(fedi, "deliver", &deliver_flow);
}

/* ---- the peer verifies what comes ---- */

static struct httpsig
parse(struct fedi *f, struct httpd_req *r, bool *ok)
{
	struct arena *a = httpd_arena(r);
	const struct http_header *from;
	size_t n = httpd_headers(r, &from);
	struct httpsig_header *h = ARENA_ARRAY(a, n, struct httpsig_header);
	const struct httpsig_request msg = {.method = SPAN("POST"),
		.target = httpd_target(r),
		.scheme = SPAN("http"),
		.host = httpd_header(r, "host"),
		.headers = h,
		.n_headers = n,
		.body = httpd_body(r)};
	struct httpsig sig;

	(void)f;
	for (size_t i = 0; i < n; i++)
		h[i] = (struct httpsig_header){from[i].name, from[i].value};
	*ok = !httpsig_parse(a, &msg, clock_us(), &sig);
	return sig;
}

/* The key of the organisation, as its actor would show it. */
static struct pkey *
stadt_key(struct arena *a)
{
	struct pkey *key;

	check_ok(a, pkey_public_from_pem(a,
			    arena_dup(a, span_of(pg_sql(fedi->dsn,
						 "SELECT public_key_pem FROM account"
						 " WHERE slug = 'stadt'"))),
			    &key));
	return key;
}

/* What the peer takes: nothing else gets 202. */
struct taste {
	struct pkey *key;
	bool cavage, bare, rfc9421;
	int refusal;
	int asked;
};

static void
answer_taste(struct fedi *f, struct httpd_req *r)
{
	struct taste *w = f->arg;
	struct httpsig sig;
	bool ok;

	if (httpd_method(r) != HTTPD_POST) {
		fedi_answer_actor(f, r, f->key);
		return;
	}
	w->asked++;
	sig = parse(f, r, &ok);
	if (ok && sig.scheme == HTTPSIG_RFC9421)
		ok = w->rfc9421 && httpsig_verify(&sig, w->key);
	else if (ok)
		ok = (w->cavage && pkey_verify(w->key, sig.base, sig.signature)) ||
		     (w->bare && sig.base_without_query.p &&
			     pkey_verify(w->key, sig.base_without_query, sig.signature));
	fedi_reply(r, ok ? 202 : w->refusal, NULL, SPAN(""));
}

static void
test_delivered(void **state)
{
	static const char *const paths[] = {"/inbox", "/users/a/inbox", "/users/b/inbox?x=1"};
	struct taste w = {.key = stadt_key(arena), .cavage = true, .refusal = 401};

	(void)state;
	fedi->answer = answer_taste;
	fedi->arg = &w;
	send_from(fedi->peer_base, "create", paths, ARRAY_LEN(paths));
	while (work() > 0)
		;
	assert_int_equal(w.asked, 3);
	assert_int_equal(number("SELECT count(*) FROM job"), 0);
	assert_int_equal(number("SELECT count(*) FROM remote_host"), 0); /* healthy: no row */
	for (size_t i = 0; i < fedi->n_seen; i++) {
		check_span(span_of(fedi->seen[i].body), BODY);
		check_span(span_of(fedi->seen[i].digest), digest_header(arena, BODY));
		assert_non_null(strstr(fedi->seen[i].signature, "/o/stadt#main-key\""));
	}
	pkey_unref(w.key);
}

static void
test_ways(void **state)
{
	static const struct {
		const char *path;
		bool cavage, bare, rfc9421;
		int refusal, asked;
		bool done;
		const char *scheme; /* remembered */
	} cases[] = {
		{"/inbox", true, false, false, 401, 1, true, ""},
		{"/inbox", false, false, true, 401, 2, true, "rfc9421"},
		{"/inbox", false, false, true, 400, 2, true, "rfc9421"},
		{"/inbox", false, false, true, 403, 1, true, ""}, /* refused for good */
		{"/inbox", false, false, false, 401, 2, false, ""},
		{"/inbox", false, false, false, 400, 2, true, ""},
		{"/inbox?x=1", false, true, false, 401, 2, true, ""},
		{"/inbox?x=1", false, false, true, 401, 3, true, "rfc9421"},
		{"/inbox?x=1", false, false, false, 401, 3, false, ""},
	};
	struct taste w;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)clean(NULL);
		w = (struct taste){.key = stadt_key(arena),
			.cavage = cases[i].cavage,
			.bare = cases[i].bare,
			.rfc9421 = cases[i].rfc9421,
			.refusal = cases[i].refusal};
		fedi->answer = answer_taste;
		fedi->arg = &w;
		send_to("create", cases[i].path);
		assert_int_equal(work(), 1);
		if (w.asked != cases[i].asked)
			check_fail("case %zu: asked %d times", i, w.asked);
		assert_int_equal(number("SELECT count(*) FROM job"), cases[i].done ? 0 : 1);
		assert_string_equal(pg_sql(fedi->dsn, "SELECT sig_scheme FROM remote_host"),
			cases[i].scheme);
		pkey_unref(w.key);
	}
}

/* Also another worker knows, and a month later it is asked anew. */
static void
test_scheme_remembered(void **state)
{
	struct taste w = {.key = stadt_key(arena), .rfc9421 = true, .refusal = 401};

	(void)state;
	fedi->answer = answer_taste;
	fedi->arg = &w;
	send_to("create", "/inbox");
	assert_int_equal(work(), 1);
	assert_int_equal(w.asked, 2);
	send_to("update-2", "/inbox");
	assert_int_equal(work(), 1);
	assert_int_equal(w.asked, 3);
	(void)pg_sql(
		fedi->dsn, "UPDATE remote_host SET sig_since = sig_since - interval '31 days'");
	w.cavage = true;
	send_to("update-3", "/inbox");
	assert_int_equal(work(), 1);
	assert_int_equal(w.asked, 4);
	pkey_unref(w.key);
}

/* ---- verdicts ---- */

struct fixed {
	int status;
	const char *retry_after;
};

static void
answer_fixed(struct fedi *f, struct httpd_req *r)
{
	const struct fixed *x = f->arg;
	const struct http_header more[] = {
		{SPAN("Retry-After"), span_of(x->retry_after ? x->retry_after : "0")}};

	if (httpd_method(r) == HTTPD_POST)
		httpd_send(r, &(const struct httpd_reply){.status = x->status,
				      .more = more,
				      .n_more = x->retry_after ? 1 : 0});
	else
		fedi_answer_actor(f, r, f->key);
}

static void
test_verdicts(void **state)
{
	static const struct {
		struct fixed answer;
		bool later;
		int64_t from_s, to_s, failures;
		bool rests; /* the host as a whole */
	} cases[] = {
		{{503, NULL}, true, 14, 24, 1, false},
		{{500, NULL}, true, 14, 24, 1, false},
		{{408, NULL}, true, 14, 24, 1, false},
		{{429, "120"}, true, 118, 121, 0, true},
		{{503, "300"}, true, 298, 301, 1, true},
		{{429, NULL}, true, 14, 24, 0, false},
		{{501, NULL}, false, 0, 0, 0, false},
		{{403, NULL}, false, 0, 0, 0, false},
		{{404, NULL}, false, 0, 0, 0, false},
		{{410, NULL}, false, 0, 0, 0, false},
		{{413, NULL}, false, 0, 0, 0, false},
		{{422, NULL}, false, 0, 0, 0, false},
		{{302, NULL}, false, 0, 0, 0, false},
		{{202, NULL}, false, 0, 0, 0, false},
	};
	struct fixed answer;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t s;

		(void)clean(NULL);
		answer = cases[i].answer;
		fedi->answer = answer_fixed;
		fedi->arg = &answer;
		send_to("create", "/inbox");
		assert_int_equal(work(), 1);
		assert_int_equal(fedi_count(fedi, "POST", "/inbox"), 1);
		if (number("SELECT count(*) FROM job") != cases[i].later)
			check_fail(
				"%d: job %s", answer.status, cases[i].later ? "gone" : "there");
		s = number("SELECT coalesce(extract(epoch FROM max(run_at) - now()), 0)::int8 "
			   "FROM job");
		if (cases[i].later && (s < cases[i].from_s || s > cases[i].to_s))
			check_fail("%d: in %d s", answer.status, (int)s);
		assert_int_equal(number("SELECT coalesce(max(fail_count), 0) FROM remote_host"),
			cases[i].failures);
		assert_int_equal(
			number("SELECT count(*) FROM remote_host WHERE open_until > now()"),
			cases[i].rests);
		assert_int_equal(number("SELECT count(*) FROM job WHERE state = 'dead'"), 0);
	}
}

static void
test_network(void **state)
{
	static const char *const paths[] = {"/inbox"};
	static const char *const bases[] = {
		"http://127.0.0.1:1",
		"https://127.0.0.1:1",
		"http://10.1.2.3", /* forbidden; what a name server says may be wrong today */
		"https://10.1.2.3",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
		(void)clean(NULL);
		send_from(span_of(bases[i]), "create", paths, 1);
		assert_int_equal(work(), 1);
		assert_int_equal(number("SELECT count(*) FROM job WHERE state = 'ready'"), 1);
		assert_int_equal(number("SELECT fail_count FROM remote_host"), 1);
	}
	/* In the end it is there to be seen, not lost. */
	(void)pg_sql(fedi->dsn, "UPDATE job SET run_at = now(), attempt = 15");
	assert_int_equal(work(), 1);
	assert_int_equal(number("SELECT count(*) FROM job WHERE state = 'dead'"), 1);
}

/* ---- a post that is withdrawn meanwhile ---- */

static void
put_post(const char *state)
{
	(void)pg_sql(
		fedi->dsn, arena_printf(arena,
				   "INSERT INTO post (id, account, state, content_hash, html,"
				   " text, language, published_at)"
				   " VALUES (5, %lld, '%s', '\\x00', 'x', 'x', 'de', now())",
				   (long long)fedi->stadt, state)
				   .p);
}

static void
send_typed(const char *type, const char *path)
{
	struct outgoing o = {.base = fedi->peer_base,
		.paths = &path,
		.n = 1,
		.act = {.account = fedi->stadt,
			.object = 5,
			.uri = arena_printf(
				arena, "%.*s/o/stadt/a/5/%s", SPAN_FMT(fedi->hub_base), type),
			.type = span_of(type),
			.body = arena_printf(arena, "{\"type\":\"%s\"}", type)}};

	dbrun_ok(fedi->dsn, fill_outgoing, NULL, &o);
}

/* A host that was away gets what takes the post back, and nothing of what it said. */
static void
test_withdrawn(void **state)
{
	static const char *const says[] = {"Create", "Announce", "Update"},
				 *const takes_back[] = {"Delete", "Undo"};
	struct fixed answer = {500, NULL};
	size_t before;

	(void)state;
	put_post("published");
	fedi->answer = answer_fixed;
	fedi->arg = &answer;
	for (size_t i = 0; i < ARRAY_LEN(says); i++)
		send_typed(says[i], "/inbox");
	assert_int_equal(work(), 1); /* in order: the others wait for the first */
	before = fedi_count(fedi, "POST", "/inbox");
	assert_int_equal(before, 1);
	(void)pg_sql(fedi->dsn, "UPDATE post SET state = 'withdrawn'");
	for (size_t i = 0; i < ARRAY_LEN(takes_back); i++)
		send_typed(takes_back[i], "/inbox");
	answer.status = 202;
	(void)pg_sql(fedi->dsn, "UPDATE job SET run_at = now()");
	while (work() > 0)
		;
	assert_int_equal(number("SELECT count(*) FROM job"), 0);
	assert_int_equal(fedi_count(fedi, "POST", "/inbox"), before + 2);
	check_span(span_of(fedi->seen[before].body), SPAN("{\"type\":\"Delete\"}"));
	check_span(span_of(fedi->seen[before + 1].body), SPAN("{\"type\":\"Undo\"}"));
}

struct withdrawing {
	int asked;
};

/* The first inbox has just taken the Create when the post is withdrawn. */
static void
answer_withdrawing(struct fedi *f, struct httpd_req *r)
{
	struct withdrawing *w = f->arg;

	if (httpd_method(r) == HTTPD_POST && w->asked++ == 0)
		(void)pg_sql(f->dsn, "UPDATE post SET state = 'withdrawn'");
	fedi_reply(r, 202, NULL, SPAN(""));
}

/* Two jobs of one worker, one after the other. */
struct pair {
	struct db_batch batch;
	struct job *jobs;
	size_t i, n, at;
};

static step_fn pair_claim, pair_take, pair_next, pair_failed;

static const struct flow pair_flow = {.name = "test.pair",
	.size = sizeof(struct pair),
	.deadline_ms = 20000,
	.first = pair_claim,
	.failed = pair_failed};

static struct next
pair_claim(struct task *t)
{
	struct pair *p = task_state(t);
	const struct span kind = SPAN("deliver");

	db_batch_init(&p->batch, task_arena(t));
	p->i = queue_claim(&p->batch, fedi->hub.worker, &kind, 1, 10, 10);
	return await_commit(t, &p->batch, pair_take);
}

static struct next
pair_take(struct task *t)
{
	struct pair *p = task_state(t);

	check_ok(task_arena(t), queue_claimed(&p->batch, p->i, &p->jobs, &p->n));
	assert_int_equal(p->n, 2);
	return go(t, pair_next);
}

static struct next
pair_next(struct task *t)
{
	struct pair *p = task_state(t);

	if (p->at == p->n)
		return done(t);
	p->at++;
	return task_call(t, &deliver_flow, &p->jobs[p->at - 1], sizeof(struct job), NULL,
		pair_next, "pair_next");
}

static struct next
pair_failed(struct task *t)
{
	return fail(t, task_error(t));
}

/* No worker keeps a text of which it does not know whether it is still public. */
static void
test_withdrawn_between(void **state)
{
	struct fedi_end end;
	struct withdrawing w = {0};

	(void)state;
	put_post("published");
	fedi->answer = answer_withdrawing;
	fedi->arg = &w;
	send_typed("Create", "/users/a/inbox");
	send_typed("Create", "/users/b/inbox");
	fedi_open(fedi);
	(void)fedi_start(fedi, &end, &pair_flow, NULL, 0, NULL);
	fedi_wait(fedi);
	check_ok(arena, end.error);
	assert_int_equal(w.asked, 1);
	assert_int_equal(number("SELECT count(*) FROM job"), 0);
}

/* A dead Create that is revived after the Delete went out. */
static void
fill_revive(struct db_batch *b, void *ctx)
{
	(void)ctx;
	(void)queue_revive_dead(b);
}

static void
test_withdrawn_revived(void **state)
{
	struct fixed answer = {500, NULL};

	(void)state;
	put_post("published");
	fedi->answer = answer_fixed;
	fedi->arg = &answer;
	send_typed("Create", "/inbox");
	(void)pg_sql(fedi->dsn, "UPDATE job SET attempt = 15");
	assert_int_equal(work(), 1);
	assert_int_equal(number("SELECT count(*) FROM job WHERE state = 'dead'"), 1);
	(void)pg_sql(fedi->dsn, "UPDATE post SET state = 'withdrawn'");
	send_typed("Delete", "/inbox");
	answer.status = 202;
	assert_int_equal(work(), 1);
	assert_int_equal(fedi_count(fedi, "POST", "/inbox"), 2);
	dbrun_ok(fedi->dsn, fill_revive, NULL, NULL);
	assert_int_equal(work(), 1);
	assert_int_equal(fedi_count(fedi, "POST", "/inbox"), 2);
	assert_int_equal(number("SELECT count(*) FROM job"), 0);
}

/* ---- repeating ---- */

static void
test_given_up(void **state)
{
	struct fixed answer = {500, NULL};

	(void)state;
	fedi->answer = answer_fixed;
	fedi->arg = &answer;
	send_to("create", "/inbox");
	(void)pg_sql(fedi->dsn, "UPDATE job SET attempt = 15");
	assert_int_equal(work(), 1);
	assert_int_equal(number("SELECT count(*) FROM job WHERE state = 'dead'"), 1);
	assert_non_null(strstr(pg_sql(fedi->dsn, "SELECT error FROM job"), "answered 500"));
}

/* Jobs that nobody can understand do not vanish. */
static void
test_malformed(void **state)
{
	static const char *const args[] = {"{}", "{\"activity\": 1, \"inbox\": \"x\"}",
		"{\"activity\": \"x\", \"inbox\": \"no URL\"}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(args); i++) {
		(void)clean(NULL);
		send_to("create", "/inbox");
		(void)pg_sql(fedi->dsn,
			arena_printf(arena, "UPDATE job SET args = '%s'", args[i]).p);
		assert_int_equal(work(), 1);
		assert_int_equal(number("SELECT count(*) FROM job WHERE state = 'dead'"), 1);
		assert_int_equal(fedi_count(fedi, "POST", NULL), 0);
	}
}

static void
test_breaker(void **state)
{
	struct fixed answer = {500, NULL};

	(void)state;
	fedi->answer = answer_fixed;
	fedi->arg = &answer;
	for (int i = 0; i < 5; i++) {
		char id[24];

		(void)snprintf(id, sizeof(id), "update-%d", i);
		send_to(id, "/inbox");
		(void)pg_sql(fedi->dsn, "UPDATE job SET serial = NULL");
		(void)work();
	}
	assert_int_equal(fedi_count(fedi, "POST", NULL), 5);
	assert_int_equal(number("SELECT fail_count FROM remote_host"), 5);
	assert_in_range(
		number("SELECT extract(epoch FROM open_until - now())::int8 FROM remote_host"),
		50, 60);
	/* Now the host rests: nothing is sent, and no attempt is counted. */
	send_to("delete", "/inbox");
	(void)pg_sql(fedi->dsn, "UPDATE job SET serial = NULL");
	assert_int_equal(work(), 1);
	assert_int_equal(fedi_count(fedi, "POST", NULL), 5);
	assert_int_equal(number("SELECT attempt FROM job WHERE key LIKE '%/delete %'"), 0);
	assert_in_range(number("SELECT extract(epoch FROM run_at - now())::int8 FROM job"
			       " WHERE key LIKE '%/delete %'"),
		48, 92);
	/* It works again: the first success closes the breaker. */
	answer.status = 202;
	(void)pg_sql(fedi->dsn, "UPDATE remote_host SET open_until = now()");
	(void)pg_sql(fedi->dsn, "UPDATE job SET run_at = now()");
	assert_int_equal(work(), 6);
	assert_int_equal(fedi_count(fedi, "POST", NULL), 11);
	assert_int_equal(number("SELECT fail_count FROM remote_host"), 0);
	assert_int_equal(
		number("SELECT count(*) FROM remote_host WHERE open_until IS NOT NULL"), 0);
	assert_int_equal(number("SELECT count(*) FROM job"), 0);
}

static void
fill_results(struct db_batch *b, void *ctx)
{
	const struct remote_result v[] = {
		{SPAN("b"), true, 0, SPAN("rfc9421")},
		{SPAN("a"), true, 0, SPAN("rfc9421")},
		{SPAN("b"), true, 0, SPAN_NONE},
	};

	(void)ctx;
	remote_host_result(b, v, ARRAY_LEN(v));
}

/* Whatever is learnt of hosts, in whatever order: nobody waits for us in a circle. */
static void
test_hosts_in_order(void **state)
{
	(void)state;
	(void)pg_sql(fedi->dsn, "INSERT INTO remote_host (host) VALUES ('a'), ('b')");
	dbrun_beside(fedi->dsn, fill_results,
		"UPDATE remote_host SET fail_count = 1 WHERE host = 'a'",
		"UPDATE remote_host SET fail_count = 1 WHERE host = 'b'");
	assert_int_equal(number("SELECT count(*) FROM remote_host"
				" WHERE sig_scheme = 'rfc9421' AND fail_count = 0"),
		2);
}

/* ---- behind an Accept ---- */

static void
send_accept(const char *path)
{
	struct outgoing o = {.base = fedi->peer_base,
		.paths = &path,
		.n = 1,
		.act = {.account = fedi->stadt,
			.uri = arena_printf(
				arena, "%.*s/o/stadt/a/1/accept-1", SPAN_FMT(fedi->hub_base)),
			.type = SPAN("Accept"),
			.body = SPAN("{\"type\":\"Accept\"}")}};

	dbrun_ok(fedi->dsn, fill_outgoing, NULL, &o);
}

static void
all_due(void)
{
	(void)pg_sql(fedi->dsn, "UPDATE job SET run_at = now()");
}

/* A post that comes before the Accept is dropped where nobody is known to follow yet. */
static void
test_behind_accept(void **state)
{
	struct fixed answer = {500, NULL};

	(void)state;
	fedi->answer = answer_fixed;
	fedi->arg = &answer;
	send_accept("/users/a/inbox");
	assert_int_equal(work(), 1);
	send_to("create", "/inbox");
	assert_int_equal(work(), 1);
	assert_int_equal(fedi_count(fedi, "POST", "/inbox"), 0);
	/* Nothing was tried, and it comes again as soon as the Accept has had its turn. */
	assert_int_equal(number("SELECT attempt FROM job WHERE serial IS NOT NULL"), 0);
	assert_in_range(number("SELECT extract(epoch FROM c.run_at - a.run_at)::int8"
			       " FROM job c, job a"
			       " WHERE c.serial IS NOT NULL AND a.serial IS NULL"),
		1, 3);
	/* Also while it is being sent. */
	answer.status = 202;
	(void)pg_sql(fedi->dsn, "UPDATE job SET state = 'running', lease_until = now() + "
				"interval '1 min', lease_token = gen_random_uuid(),"
				" worker = 'x', attempt = attempt + 1 WHERE serial IS NULL");
	all_due();
	assert_int_equal(work(), 1);
	assert_int_equal(fedi_count(fedi, "POST", "/inbox"), 0);
	(void)pg_sql(fedi->dsn,
		"UPDATE job SET state = 'ready', lease_until = NULL, lease_token = NULL,"
		" worker = NULL WHERE serial IS NULL");
	for (int i = 0; i < 3; i++) {
		all_due();
		(void)work();
	}
	assert_int_equal(fedi_count(fedi, "POST", "/users/a/inbox"), 2);
	assert_int_equal(fedi_count(fedi, "POST", "/inbox"), 1);
	assert_int_equal(number("SELECT count(*) FROM job"), 0);
}

/* Followers come all the time: what was there before their Accept does not wait for it. */
static void
test_before_accept(void **state)
{
	struct fixed answer = {500, NULL};

	(void)state;
	fedi->answer = answer_fixed;
	fedi->arg = &answer;
	send_to("create", "/inbox");
	send_accept("/users/a/inbox");
	assert_int_equal(work(), 2);
	assert_int_equal(fedi_count(fedi, "POST", "/inbox"), 1);
	assert_int_equal(fedi_count(fedi, "POST", "/users/a/inbox"), 1);
}

/* Not another account's, not a Delete, and not for days: the host may answer all but Accepts.
 */
static void
test_not_behind_accept(void **state)
{
	static const struct {
		const char *of_accept, *of_post; /* NULL = as it is */
	} cases[] = {
		{"UPDATE job SET attempt = 8", NULL},
		{"UPDATE job SET state = 'dead'", NULL},
		{"UPDATE job SET host = 'other'", NULL},
		{"UPDATE job SET args = args || '{\"account\": 7}'", NULL},
		{NULL, "UPDATE job SET created_at = now() - interval '2 h'"},
		{NULL, "UPDATE activity SET type = 'Delete' WHERE type = 'Create'"},
	};
	struct fixed answer = {500, NULL};

	(void)state;
	fedi->answer = answer_fixed;
	fedi->arg = &answer;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)clean(NULL);
		send_accept("/users/a/inbox");
		assert_int_equal(work(), 1);
		if (cases[i].of_accept)
			(void)pg_sql(fedi->dsn, cases[i].of_accept);
		send_to("create", "/inbox");
		if (cases[i].of_post)
			(void)pg_sql(fedi->dsn, cases[i].of_post);
		assert_int_equal(work(), 1);
		if (fedi_count(fedi, "POST", "/inbox") != 1)
			check_fail("case %zu: waits", i);
	}
}

/* ---- inboxes that are not there any more ---- */

struct moving {
	int post, get;
	const char *inbox;
};

static void
answer_moving(struct fedi *f, struct httpd_req *r)
{
	const struct moving *m = f->arg;
	struct span path = httpd_path(r);
	struct arena *a = httpd_arena(r);

	if (httpd_method(r) == HTTPD_POST) {
		fedi_reply(r, span_is(path, "/old") ? m->post : 202, NULL, SPAN(""));
		return;
	}
	if (m->get != 200) {
		fedi_reply(r, m->get, NULL, SPAN(""));
		return;
	}
	fedi_reply(r, 200, "application/activity+json",
		arena_printf(a,
			"{\"@context\":\"https://www.w3.org/ns/"
			"activitystreams\",\"type\":\"Person\","
			"\"id\":\"%.*s/users/"
			"alice\",\"inbox\":\"%.*s%s\",\"publicKey\":{\"id\":"
			"\"%.*s/users/alice#main-key\",\"owner\":\"%.*s/users/alice\","
			"\"publicKeyPem\":%.*s}}",
			SPAN_FMT(f->peer_base), SPAN_FMT(f->peer_base), m->inbox,
			SPAN_FMT(f->peer_base), SPAN_FMT(f->peer_base),
			SPAN_FMT(json_dump(
				a, json_own(a, json_str(pkey_public_pem(a, f->key)))))));
}

/* alice, who is read at /old; long ago, so that her server is asked again. */
static void
follow_at_old(void)
{
	(void)pg_sql(fedi->dsn,
		arena_printf(arena,
			"WITH r AS (INSERT INTO remote_actor (uri, host, inbox, key_id,"
			" public_key_pem, fetched_at) VALUES ('%.*s', 'h', '%.*s/old',"
			" '%.*s', 'none', now() - interval '1 day') RETURNING id)"
			" INSERT INTO follow (account, actor, uri)"
			" SELECT %lld, id, 'f' FROM r",
			SPAN_FMT(fedi_actor(fedi, "alice")), SPAN_FMT(fedi->peer_base),
			SPAN_FMT(fedi_key_id(fedi, "alice")), (long long)fedi->stadt)
			.p);
}

static void
test_moved(void **state)
{
	static const struct {
		struct moving m;
		int64_t followers, jobs;
	} cases[] = {
		{{410, 410, ""}, 0, 0},
		{{410, 404, ""}, 0, 0},
		{{410, 200, "/old"}, 1, 0},
		{{410, 503, ""}, 1, 1}, /* asked again, not lost */
		{{308, 200, "/new"}, 1, 1},
		{{301, 200, "/new"}, 1, 1},
		{{302, 200, "/new"}, 1, 0},
	};
	struct moving m;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)clean(NULL);
		m = cases[i].m;
		fedi->answer = answer_moving;
		fedi->arg = &m;
		follow_at_old();
		send_to("create", "/old");
		assert_int_equal(work(), 1);
		if (number("SELECT count(*) FROM follow") != cases[i].followers ||
			number("SELECT count(*) FROM job") != cases[i].jobs)
			check_fail("case %zu: %d followers, %d jobs", i,
				(int)number("SELECT count(*) FROM follow"),
				(int)number("SELECT count(*) FROM job"));
		if (cases[i].m.get == 503) {
			assert_int_equal(
				number("SELECT attempt FROM job WHERE run_at > now()"), 1);
		} else if (cases[i].jobs) {
			assert_int_equal(work(), 1);
			assert_int_equal(fedi_count(fedi, "POST", "/new"), 1);
		}
	}
}

/* All that is queued for the old inbox arrives at the new one, though only the first asks. */
static void
test_moved_backlog(void **state)
{
	struct moving m = {410, 200, "/new"};

	(void)state;
	(void)clean(NULL);
	fedi->answer = answer_moving;
	fedi->arg = &m;
	follow_at_old();
	send_to("create", "/old");
	assert_int_equal(work(), 1);
	send_to("announce", "/old");
	(void)pg_sql(fedi->dsn, "UPDATE job SET serial = NULL");
	while (work() > 0)
		;
	assert_int_equal(fedi_count(fedi, "POST", "/old"), 2);
	assert_int_equal(fedi_count(fedi, "POST", "/new"), 2);
	assert_int_equal(number("SELECT count(*) FROM job"), 0);
	assert_int_equal(number("SELECT count(*) FROM remote_inbox_moved"), 1);
}

/* Followers beside alice at the old inbox, who were read longer ago. */
static void
follow_too(int n)
{
	(void)pg_sql(fedi->dsn,
		arena_printf(arena,
			"WITH r AS (INSERT INTO remote_actor (uri, host, inbox, key_id,"
			" public_key_pem, fetched_at) SELECT '%.*s/nobody/' || i, 'h',"
			" '%.*s/old', '%.*s/nobody/' || i || '#main-key', 'none',"
			" now() - interval '2 days' FROM generate_series(1, %d) i"
			" RETURNING id)"
			" INSERT INTO follow (account, actor, uri) SELECT %lld, id, 'f' FROM r",
			SPAN_FMT(fedi->peer_base), SPAN_FMT(fedi->peer_base),
			SPAN_FMT(fedi->peer_base), n, (long long)fedi->stadt)
			.p);
}

static void
answer_moving_alice(struct fedi *f, struct httpd_req *r)
{
	if (span_starts(httpd_path(r), SPAN("/nobody/")))
		fedi_reply(r, 503, NULL, SPAN(""));
	else
		answer_moving(f, r);
}

static void
all_due_again(void)
{
	(void)pg_sql(fedi->dsn, "UPDATE job SET run_at = now(), serial = NULL;"
				"UPDATE key_fetch SET at = at - interval '6 minutes'");
}

/* It is repeated for somebody who cannot be asked; who has moved gets it once, and the reach.
 */
static void
test_moved_beside_unreachable(void **state)
{
	struct moving m = {410, 200, "/new"};

	(void)state;
	fedi->answer = answer_moving_alice;
	fedi->arg = &m;
	follow_at_old();
	follow_too(1);
	(void)pg_sql(fedi->dsn, arena_printf(arena,
					"INSERT INTO reach (object, account, inbox, host)"
					" VALUES (5, %lld, '%.*s/old', 'h')",
					(long long)fedi->stadt, SPAN_FMT(fedi->peer_base))
					.p);
	send_to("create", "/old");
	for (int i = 0; i < 3; i++) {
		assert_int_not_equal(work(), 0);
		all_due_again();
	}
	assert_int_equal(fedi_count(fedi, "POST", "/old"), 3);
	assert_int_equal(fedi_count(fedi, "POST", "/new"), 1);
	check_span(span_of(pg_sql(fedi->dsn, "SELECT inbox FROM reach WHERE host <> 'h'")),
		arena_printf(arena, "%.*s/new", SPAN_FMT(fedi->peer_base)));
	assert_int_equal(number("SELECT count(*) FROM job"), 1);
}

/* There is an end to what one job passes on, and to what it has to remember. */
static void
test_moved_without_end(void **state)
{
	struct moving m = {410, 503, ""};

	(void)state;
	(void)clean(NULL);
	fedi->answer = answer_moving;
	fedi->arg = &m;
	follow_at_old();
	(void)pg_sql(fedi->dsn,
		arena_printf(arena,
			"INSERT INTO remote_inbox_moved (old, new) SELECT '%.*s/old',"
			" '%.*s/users/' || i || '/inbox' FROM generate_series(1, 700) i",
			SPAN_FMT(fedi->peer_base), SPAN_FMT(fedi->peer_base))
			.p);
	send_to("create", "/old");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(work(), 1);
		assert_int_equal(number("SELECT jsonb_array_length(args->'passed') FROM job"
					" WHERE args ? 'passed'"),
			500);
		assert_int_equal(
			number("SELECT count(*) FROM job WHERE args ? 'moved'"), i ? 0 : 500);
		(void)pg_sql(fedi->dsn, "DELETE FROM job WHERE args ? 'moved'");
		all_due_again();
	}
}

/* More than are asked at a time: the others have their turn, also behind such as never answer.
 */
static void
test_moved_many(void **state)
{
	struct moving m = {410, 200, "/new"};

	(void)state;
	fedi->answer = answer_moving_alice;
	fedi->arg = &m;
	follow_at_old();
	follow_too(12);
	send_to("create", "/old");
	for (int i = 0; i < 3; i++) {
		assert_int_not_equal(work(), 0);
		all_due_again();
	}
	assert_int_equal(fedi_count(fedi, "POST", "/new"), 1);
}

static void
answer_all_gone(struct fedi *f, struct httpd_req *r)
{
	(void)f;
	fedi_reply(r, 410, NULL, SPAN(""));
}

/* Two inboxes that name each other, and neither is there: nothing goes to and fro. */
static void
test_moved_in_a_circle(void **state)
{
	(void)state;
	(void)clean(NULL);
	fedi->answer = answer_all_gone;
	(void)pg_sql(fedi->dsn, arena_printf(arena,
					"INSERT INTO remote_inbox_moved (old, new) VALUES"
					" ('%.*s/old', '%.*s/new'), ('%.*s/new', '%.*s/old')",
					SPAN_FMT(fedi->peer_base), SPAN_FMT(fedi->peer_base),
					SPAN_FMT(fedi->peer_base), SPAN_FMT(fedi->peer_base))
					.p);
	send_to("create", "/old");
	for (int i = 0; i < 10 && work() > 0; i++)
		;
	assert_int_equal(fedi_count(fedi, "POST", NULL), 2);
	assert_int_equal(number("SELECT count(*) FROM job"), 0);
}

/* ---- many, and a stop meanwhile ---- */

static void
test_many(void **state)
{
	enum { MANY = 300 };
	const char *paths[MANY];
	struct taste w = {.key = stadt_key(arena), .cavage = true, .refusal = 401};

	(void)state;
	for (int i = 0; i < MANY; i++)
		paths[i] = arena_printf(arena, "/users/u%d/inbox", i).p;
	fedi->answer = answer_taste;
	fedi->arg = &w;
	send_from(fedi->peer_base, "create", paths, MANY);
	assert_int_equal(work(), MANY);
	assert_int_equal(w.asked, MANY);
	assert_int_equal(number("SELECT count(*) FROM job"), 0);
	pkey_unref(w.key);
}

static void
test_stopped(void **state)
{
	(void)state;
	fedi->answer = fedi_mute;
	fedi->when = fedi_asked;
	send_to("create", "/inbox");
	assert_int_equal(work(), 1);
	assert_int_equal(fedi_count(fedi, "POST", NULL), 1);
	/* Given back: not counted, to be done at once by whoever comes. */
	assert_int_equal(number("SELECT count(*) FROM job WHERE state = 'ready' AND attempt = 0"
				" AND run_at <= now()"),
		1);
}

/* ---- settling fails ---- */

/* The pause before the second try is over as soon as it has begun. */
static void
skip_pause(struct fedi *f)
{
	if (hang_traced(f->loop, " deliver_settle waits for sleep"))
		loop_skip(f->loop);
}

static bool
always(struct fedi *f)
{
	(void)f;
	return true;
}

static void
test_settled_again(void **state)
{
	static const struct {
		int failures;
		int64_t jobs, tries;
	} cases[] = {
		{1, 0, 2},
		/* Nobody tries a third time: the lease runs out. */
		{2, 1, 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)clean(NULL);
		send_to("create", "/inbox");
		/* A sequence counts also what is rolled back. */
		(void)pg_sql(fedi->dsn,
			arena_printf(arena,
				"CREATE SEQUENCE t_tries;"
				"CREATE FUNCTION t_fail() RETURNS trigger LANGUAGE plpgsql AS"
				" $$ BEGIN IF nextval('t_tries') <= %d THEN"
				" RAISE EXCEPTION 'not now'; END IF; RETURN OLD; END $$;"
				"CREATE TRIGGER t_fail BEFORE DELETE ON job FOR EACH ROW"
				" EXECUTE FUNCTION t_fail()",
				cases[i].failures)
				.p);
		fedi->when = always;
		fedi->then = skip_pause;
		clock_fake(clock_us(), clock_mono_ms());
		assert_int_equal(work(), 1);
		clock_fake(0, 0);
		assert_int_equal(number("SELECT last_value FROM t_tries"), cases[i].tries);
		(void)pg_sql(fedi->dsn, "DROP TRIGGER t_fail ON job; DROP FUNCTION t_fail; "
					"DROP SEQUENCE t_tries");
		assert_int_equal(fedi_count(fedi, "POST", NULL), 1);
		assert_int_equal(
			number("SELECT count(*) FROM job WHERE state = 'running' AND attempt = "
			       "1 AND lease_until > now()"),
			cases[i].jobs);
		assert_int_equal(number("SELECT count(*) FROM job"), cases[i].jobs);
	}
}

/* Stopped while the outcome is being written: what was delivered is not delivered again. */
static void
test_stopped_settling(void **state)
{
	(void)state;
	send_to("create", "/inbox");
	/* A success is written down of a host that has failed before. */
	(void)pg_sql(fedi->dsn,
		arena_printf(arena,
			"INSERT INTO remote_host (host, fail_count) VALUES ('%.*s', 1)",
			SPAN_FMT(span_slice(
				fedi->peer_base, SPAN("http://").n, fedi->peer_base.n)))
			.p);
	fedi_hang(fedi, hang_rows(fedi->dsn, "remote_host"));
	fedi->then = fedi_stop_and_go_on;
	assert_int_equal(work(), 1);
	assert_int_equal(fedi_count(fedi, "POST", NULL), 1);
	assert_int_equal(number("SELECT count(*) FROM job"), 0);
	assert_int_equal(number("SELECT fail_count FROM remote_host"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_delivered, clean),
		cmocka_unit_test_setup(test_ways, clean),
		cmocka_unit_test_setup(test_scheme_remembered, clean),
		cmocka_unit_test_setup(test_verdicts, clean),
		cmocka_unit_test_setup(test_network, clean),
		cmocka_unit_test_setup(test_withdrawn, clean),
		cmocka_unit_test_setup(test_withdrawn_between, clean),
		cmocka_unit_test_setup(test_withdrawn_revived, clean),
		cmocka_unit_test_setup(test_given_up, clean),
		cmocka_unit_test_setup(test_malformed, clean),
		cmocka_unit_test_setup(test_breaker, clean),
		cmocka_unit_test_setup(test_hosts_in_order, clean),
		cmocka_unit_test_setup(test_behind_accept, clean),
		cmocka_unit_test_setup(test_before_accept, clean),
		cmocka_unit_test_setup(test_not_behind_accept, clean),
		cmocka_unit_test_setup(test_moved, clean),
		cmocka_unit_test_setup(test_moved_backlog, clean),
		cmocka_unit_test_setup(test_moved_beside_unreachable, clean),
		cmocka_unit_test_setup(test_moved_without_end, clean),
		cmocka_unit_test_setup(test_moved_many, clean),
		cmocka_unit_test_setup(test_moved_in_a_circle, clean),
		cmocka_unit_test_setup(test_many, clean),
		cmocka_unit_test_setup(test_stopped, clean),
		cmocka_unit_test_setup(test_settled_again, clean),
		cmocka_unit_test_setup(test_stopped_settling, clean),
	};

	return cmocka_run_group_tests_name("flow.deliver", tests, fedi_setup, fedi_teardown);
}
