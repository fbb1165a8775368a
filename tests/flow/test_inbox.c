/* The inbox over real HTTP: what is taken, what is refused and how, and what is fetched. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "lib/check.h"
#include "lib/fedi.h"
#include "lib/pg.h"

static int64_t
rows(void)
{
	return pg_number(fedi->dsn, "SELECT count(*) FROM inbox_activity");
}

/* An activity of alice's. */
static struct span
activity(const char *type, int n, struct span object)
{
	return arena_printf(arena,
		"{\"@context\":\"https://www.w3.org/ns/activitystreams\",\"id\":\"%.*s/a/%d\","
		"\"type\":\"%s\",\"actor\":\"%.*s\",\"object\":\"%.*s\"}",
		SPAN_FMT(fedi->peer_base), n, type, SPAN_FMT(fedi_actor(fedi, "alice")),
		SPAN_FMT(object));
}

static struct fedi_post
post_like(int n)
{
	return (struct fedi_post){.path = "/inbox",
		.body = activity("Like", n, SPAN("https://anderswo.example/1")),
		.key_id = fedi_key_id(fedi, "alice"),
		.key = fedi->key};
}

/* ---- taken ---- */

static void
test_taken(void **state)
{
	struct fedi_post p[6];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		p[i] = post_like((int)i);
	p[1].path = "/o/stadt/inbox";
	p[2].path = "/hub/inbox";
	p[3].scheme = HTTPSIG_RFC9421;
	p[4].path = "/inbox?x=1";
	p[4].without_query = true;
	p[5].type = "application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\"";
	fedi_posts(fedi, p, ARRAY_LEN(p));
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		if (p[i].status != 202)
			check_fail("%zu: %d %s", i, p[i].status, p[i].text);
	assert_int_equal(rows(), ARRAY_LEN(p));
	assert_int_equal(
		pg_number(fedi->dsn, "SELECT count(*) FROM job WHERE kind = 'receive'"), 6);
	/* One key, asked for once, signed and by name. */
	assert_int_equal(fedi_count(fedi, "GET", NULL), 1);
	assert_non_null(strstr(fedi->seen[0].signature, "/actor#main-key\""));
	assert_non_null(strstr(fedi->seen[0].agent, arena_cstr(arena, fedi->hub_base)));
	check_span(span_of(pg_sql(fedi->dsn, "SELECT uri FROM remote_actor")),
		fedi_actor(fedi, "alice"));
}

static void
test_replay(void **state)
{
	struct fedi_post p[3] = {post_like(1), post_like(1), post_like(1)};

	(void)state;
	fedi_posts(fedi, p, 2);
	fedi_posts(fedi, p + 2, 1); /* another worker, later */
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		assert_int_equal(p[i].status, 202);
	assert_int_equal(rows(), 1);
	assert_int_equal(pg_number(fedi->dsn, "SELECT count(*) FROM job"), 1);
	assert_int_equal(fedi_count(fedi, "GET", NULL), 1);
}

/* ---- refused ---- */

static void
test_refused(void **state)
{
	const struct span stranger =
		arena_printf(arena, "%.*s/users/bob#main-key", SPAN_FMT(fedi->peer_base));
	struct {
		const char *name;
		struct fedi_post post;
		int status;
		const char *says;
	} cases[20];
	size_t n = 0;
#define CASE(name_, status_, says_)                                                            \
	cases[n].name = (name_);                                                               \
	cases[n].post = post_like((int)n);                                                     \
	cases[n].status = (status_);                                                           \
	cases[n].says = (says_);                                                               \
	n++
#define LAST cases[n - 1].post

	(void)state;
	CASE("unsigned", 401, "must carry an HTTP signature");
	LAST.unsigned_ = true;
	CASE("another key", 401, "does not match");
	LAST.key = fedi->other;
	CASE("another body", 401, "Digest");
	LAST.wrong_body = true;
	CASE("another body, RFC 9421", 401, "Content-Digest");
	LAST.wrong_body = true;
	LAST.scheme = HTTPSIG_RFC9421;
	CASE("too old", 401, "too old");
	LAST.age_s = 13 * 3600;
	CASE("too old for RFC 9421", 401, "too old");
	LAST.age_s = 301;
	LAST.scheme = HTTPSIG_RFC9421;
	CASE("from the future", 401, "future");
	LAST.age_s = -3700;
	CASE("by another actor", 401, "not by the actor");
	LAST.key_id = stranger;
	CASE("a key without a URL", 401, "plain http(s) URL");
	LAST.key_id = SPAN("acct:alice@example.org");
	CASE("a key of ours", 401, "this hub's own");
	LAST.key_id = arena_printf(arena, "%.*s/actor#main-key", SPAN_FMT(fedi->hub_base));
	CASE("a private address", 401, "cannot be fetched");
	LAST.key_id = SPAN("http://10.1.2.3/users/x#main-key");
	CASE("nobody there", 503, "send again later");
	LAST.key_id = SPAN("http://127.0.0.1:1/users/x#main-key");
	CASE("a form", 415, "application/activity+json");
	LAST.type = "application/x-www-form-urlencoded";
	CASE("compressed", 415, "compressed");
	LAST.coding = "gzip";
	CASE("no such actor", 404, "no such actor");
	LAST.path = "/o/niemand/inbox";
	CASE("the hub is no organisation", 404, "no such actor");
	LAST.path = "/o/hub/inbox";
	CASE("not JSON", 400, "JSON");
	LAST.body = SPAN("{");
	CASE("another host's id", 400, "different hosts");
	LAST.body = arena_printf(arena,
		"{\"id\":\"https://anderswo.example/1\",\"type\":\"Like\",\"actor\":\"%.*s\","
		"\"object\":\"https://anderswo.example/2\"}",
		SPAN_FMT(fedi_actor(fedi, "alice")));
	CASE("an id without end", 400, "longer than");
	LAST.body = arena_printf(arena,
		"{\"id\":\"%.*s/%01000d\",\"type\":\"Like\",\"actor\":\"%.*s\","
		"\"object\":\"https://anderswo.example/2\"}",
		SPAN_FMT(fedi->peer_base), 1, SPAN_FMT(fedi_actor(fedi, "alice")));
	for (size_t i = 0; i < n; i++) {
		json_t *answer;

		fedi_posts(fedi, &cases[i].post, 1);
		if (cases[i].post.status != cases[i].status ||
			!strstr(cases[i].post.text, cases[i].says))
			check_fail("%s: %d %s", cases[i].name, cases[i].post.status,
				cases[i].post.text);
		check_ok(arena, json_parse(arena, span_of(cases[i].post.text), &json_limits_ap,
					&answer));
		assert_true(json_is_string(json_object_get(answer, "error")));
		assert_int_equal(
			cases[i].post.accept_signature[0] != 0, cases[i].status == 401);
		assert_int_equal(cases[i].post.retry_after_s > 0, cases[i].status == 503);
	}
	assert_int_equal(rows(), 0);
	assert_int_equal(pg_number(fedi->dsn, "SELECT count(*) FROM job"), 0);
}

/* ---- keys ---- */

static void
test_key_that_cannot_be_had(void **state)
{
	struct fedi_post p[3];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		p[i] = post_like((int)i);
		p[i].key_id = fedi_key_id(fedi, "niemand");
	}
	fedi->answer = NULL;
	/* Nobody is asked twice in five minutes, not even by another worker. */
	p[0].key_id = p[1].key_id = p[2].key_id = SPAN("http://127.0.0.1:1/users/x#main-key");
	fedi_posts(fedi, p, 2);
	fedi_posts(fedi, p + 2, 1);
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		assert_int_equal(p[i].status, 503);
		assert_in_range(p[i].retry_after_s, 200, 300);
	}
	assert_int_equal(pg_number(fedi->dsn, "SELECT count(*) FROM key_fetch"), 1);
}

static void
answer_gone(struct fedi *f, struct httpd_req *r)
{
	(void)f;
	fedi_reply(r, 410, "text/plain", SPAN("gone"));
}

static void
test_actor_gone(void **state)
{
	struct fedi_post p[2] = {post_like(1), post_like(2)};

	(void)state;
	fedi->answer = answer_gone;
	fedi_posts(fedi, p, 1);
	fedi_posts(fedi, p + 1, 1);
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		assert_int_equal(p[i].status, 401); /* never 410: our inbox is there */
		assert_non_null(strstr(p[i].text, "does not exist"));
	}
	assert_int_equal(fedi_count(fedi, "GET", NULL), 1);
}

struct fixed {
	int status;
	const char *type, *body;
};

static void
answer_fixed(struct fedi *f, struct httpd_req *r)
{
	const struct fixed *x = f->arg;

	fedi_reply(r, x->status, x->type, span_of(x->body));
}

/* Answers with the key that `arg` points to. */
static void
answer_key(struct fedi *f, struct httpd_req *r)
{
	fedi_answer_actor(f, r, *(struct pkey **)f->arg);
}

static void
test_rotated_key(void **state)
{
	struct fedi_post p[4] = {post_like(1), post_like(2), post_like(3), post_like(4)};
	struct pkey *now = fedi->key;

	(void)state;
	fedi->answer = answer_key;
	fedi->arg = &now;
	fedi_posts(fedi, p, 1);
	assert_int_equal(p[0].status, 202);
	/* Too early to ask again: what is known counts. */
	now = fedi->other;
	p[1].key = fedi->other;
	fedi_posts(fedi, p + 1, 1);
	assert_int_equal(p[1].status, 401);
	assert_int_equal(fedi_count(fedi, "GET", NULL), 1);
	/* Six minutes later it is asked for once, and the old key has had its time. */
	(void)pg_sql(fedi->dsn, "UPDATE key_fetch SET at = at - interval '6 minutes'");
	p[2].key = fedi->other;
	fedi_posts(fedi, p + 2, 2);
	assert_int_equal(p[2].status, 202);
	assert_int_equal(p[3].status, 401);
	assert_int_equal(fedi_count(fedi, "GET", NULL), 2);
	assert_int_equal(rows(), 2);
}

/* An actor with two keys, or, if `arg` says so, with the second alone. */
static void
answer_two_keys(struct fedi *f, struct httpd_req *r)
{
	static const char *const names[] = {"main-key", "second-key"};
	const bool *first_is_gone = f->arg;
	struct arena *a = httpd_arena(r);
	struct span id = fedi_actor(f, "alice");
	json_t *keys = json_own(a, json_array());

	for (size_t i = *first_is_gone; i < ARRAY_LEN(names); i++) {
		struct span pem = pkey_public_pem(a, i == 0 ? f->key : f->other);

		json_array_append_new(
			keys, json_pack("{s:s%, s:s%, s:s%}", "id",
				      arena_printf(a, "%.*s#%s", SPAN_FMT(id), names[i]).p,
				      id.n + 1 + strlen(names[i]), "owner", id.p, id.n,
				      "publicKeyPem", pem.p, pem.n));
	}
	fedi_reply(r, 200, "application/activity+json",
		arena_printf(a,
			"{\"@context\":\"https://www.w3.org/ns/activitystreams\",\"type\":"
			"\"Person\",\"id\":\"%.*s\",\"inbox\":\"%.*s/"
			"inbox\",\"publicKey\":%.*s}",
			SPAN_FMT(id), SPAN_FMT(id), SPAN_FMT(json_dump(a, keys))));
}

/* Who signs with two keys in turn is asked for them once. */
static void
test_two_keys(void **state)
{
	struct fedi_post p[5];
	bool first_is_gone = false;

	(void)state;
	fedi->answer = answer_two_keys;
	fedi->arg = &first_is_gone;
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		p[i] = post_like((int)i);
		if (i % 2) {
			p[i].key_id = arena_printf(
				arena, "%.*s#second-key", SPAN_FMT(fedi_actor(fedi, "alice")));
			p[i].key = fedi->other;
		}
		if (i < 4)
			fedi_posts(fedi, p + i, 1); /* a worker for each: nothing in memory */
	}
	for (size_t i = 0; i < 4; i++)
		if (p[i].status != 202)
			check_fail("%zu: %d %s", i, p[i].status, p[i].text);
	assert_int_equal(fedi_count(fedi, "GET", NULL), 1);
	/* What its document does not list any more is no key of its. */
	first_is_gone = true;
	(void)pg_sql(
		fedi->dsn, "UPDATE remote_actor SET fetched_at = now() - interval '2 days'");
	p[1] = post_like(10);
	p[1].key_id = p[3].key_id;
	p[1].key = fedi->other;
	fedi_posts(fedi, p + 1, 1);
	assert_int_equal(p[1].status, 202);
	assert_int_equal(fedi_count(fedi, "GET", NULL), 2);
	fedi_posts(fedi, p + 4, 1);
	assert_int_equal(p[4].status, 503);
}

/* The other way round: what ends is the second, though nobody asks for it by its own name. */
static void
answer_first_key_only(struct fedi *f, struct httpd_req *r)
{
	fedi_answer_actor(f, r, f->key);
}

static struct fedi_post
post_second_key(int n)
{
	struct fedi_post p = post_like(n);

	p.key_id = arena_printf(arena, "%.*s#second-key", SPAN_FMT(fedi_actor(fedi, "alice")));
	p.key = fedi->other;
	return p;
}

static void
test_second_key_ends(void **state)
{
	struct fedi_post p[] = {
		post_like(1), post_second_key(2), post_like(3), post_second_key(4)};
	bool first_is_gone = false;

	(void)state;
	fedi->answer = answer_two_keys;
	fedi->arg = &first_is_gone;
	fedi_posts(fedi, p, 1);
	fedi_posts(fedi, p + 1, 1);
	assert_int_equal(fedi_count(fedi, "GET", NULL), 1);
	fedi->answer = answer_first_key_only;
	(void)pg_sql(fedi->dsn,
		"UPDATE remote_actor SET fetched_at = now() - interval '2 days';"
		"UPDATE key_fetch SET at = at - interval '2 days'");
	fedi_posts(fedi, p + 2, 1);
	fedi_posts(fedi, p + 3, 1);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(p[i].status, 202);
	assert_int_equal(p[3].status, 401);
}

/* Who is gone has no further key either. */
static void
test_second_key_of_a_gone_actor(void **state)
{
	struct fedi_post p[] = {
		post_like(1), post_second_key(2), post_like(3), post_second_key(4)};
	struct fixed gone = {410, "text/plain", "gone"};
	bool first_is_gone = false;

	(void)state;
	fedi->answer = answer_two_keys;
	fedi->arg = &first_is_gone;
	fedi_posts(fedi, p, 1);
	fedi_posts(fedi, p + 1, 1);
	assert_int_equal(p[1].status, 202);
	(void)pg_sql(fedi->dsn, "UPDATE key_fetch SET at = at - interval '6 minutes'");
	fedi->answer = answer_fixed;
	fedi->arg = &gone;
	p[2].key = fedi->other; /* does not match: asked again */
	fedi_posts(fedi, p + 2, 1);
	assert_int_equal(p[2].status, 401);
	fedi_posts(fedi, p + 3, 1);
	assert_int_equal(p[3].status, 401);
}

/* Another host, which answers once. */
static pid_t
elsewhere_start(const struct fixed *x, struct span *base)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};
	socklen_t n = sizeof(to);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	assert_int_equal(bind(fd, (struct sockaddr *)&to, n), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &n), 0);
	*base = arena_printf(arena, "http://127.0.0.2:%d", ntohs(to.sin_port));
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		struct span reply = arena_printf(arena,
			"HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
			"Connection: close\r\n\r\n%s",
			x->status, x->type, strlen(x->body), x->body);
		char in[4096];
		int c;

		(void)alarm(20);
		c = accept(fd, NULL, NULL);
		_exit(c < 0 || read(c, in, sizeof(in)) <= 0 ||
			write(c, reply.p, reply.n) != (ssize_t)reply.n);
	}
	assert_int_equal(close(fd), 0);
	return pid;
}

/* Answers that it is at the URL that `arg` points to. */
static void
answer_redirect(struct fedi *f, struct httpd_req *r)
{
	httpd_add_header(r, "Location", *(const struct span *)f->arg);
	fedi_reply(r, 302, NULL, SPAN(""));
}

/* It has the last word on nobody here. */
static void
test_redirect_ends_no_key(void **state)
{
	static const struct fixed answers[] = {
		{200, "application/activity+json", "{\"type\":\"Tombstone\"}"},
		{200, "application/activity+json", "{\"type\":\"Note\"}"},
		{410, "text/plain", "gone"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct fedi_post p[] = {post_like(1), post_like(2), post_like(3)};
		struct span to;
		int status = -1;
		pid_t pid;

		fedi_clean(fedi);
		fedi_posts(fedi, p, 1);
		(void)pg_sql(fedi->dsn, "UPDATE key_fetch SET at = at - interval '6 minutes'");
		pid = elsewhere_start(&answers[i], &to);
		fedi->answer = answer_redirect;
		fedi->arg = &to;
		p[1].key = fedi->other;
		fedi_posts(fedi, p + 1, 1);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		fedi_posts(fedi, p + 2, 1);
		if (p[1].status != 401 || p[2].status != 202)
			check_fail("answer %zu: %d %s, %d %s", i, p[1].status, p[1].text,
				p[2].status, p[2].text);
	}
}

static void
test_old_key_outlives_its_server(void **state)
{
	struct fedi_post p[3] = {post_like(1), post_like(2), post_like(3)};

	(void)state;
	fedi_posts(fedi, p, 1);
	(void)pg_sql(fedi->dsn,
		"UPDATE remote_actor SET fetched_at = now() - interval '2 days';"
		"UPDATE key_fetch SET at = now() - interval '2 days';"
		"UPDATE remote_actor SET uri = uri");
	fedi_posts(fedi, p + 1, 1);
	assert_int_equal(p[1].status, 202);
	assert_int_equal(fedi_count(fedi, "GET", NULL), 2); /* a day is over: asked again */
	(void)pg_sql(fedi->dsn,
		"UPDATE remote_actor SET fetched_at = now() - interval '2 days';"
		"UPDATE key_fetch SET at = now() - interval '2 days'");
	fedi->answer = NULL;
	(void)pg_sql(fedi->dsn, "UPDATE key_fetch SET at = now()"); /* just failed elsewhere */
	fedi_posts(fedi, p + 2, 1);
	assert_int_equal(p[2].status, 202);
	assert_int_equal(fedi_count(fedi, "GET", NULL), 2);
}

/* A stranger's forgery has us ask for the key; that there is no answer just then is no reason.
 */
static void
test_forgery_shuts_nobody_out(void **state)
{
	static const struct {
		struct fixed answer;
		int forged, next, later; /* what the forgery and the true ones behind it get */
	} cases[] = {
		{{503, "text/plain", "later"}, 503, 202, 202},
		{{403, "text/plain", "no"}, 401, 202, 202},
		{{404, "text/plain", "no"}, 401, 202, 202},
		{{200, "text/html", "<p>Are you human?"}, 401, 202, 202},
		{{200, "application/activity+json", "<p>Are you human?"}, 401, 202, 202},
		/* Its server has said that this is not its key. */
		{{200, "application/activity+json", "{\"type\":\"Tombstone\"}"}, 401, 401, 401},
		{{200, "application/activity+json", "{\"type\":\"Note\"}"}, 401, 401, 503},
		{{410, "text/plain", "gone"}, 401, 401, 401},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fedi_post p[4] = {
			post_like(1), post_like(2), post_like(3), post_like(4)};
		struct fixed answer = cases[i].answer;

		fedi_clean(fedi);
		fedi_posts(fedi, p, 1);
		(void)pg_sql(fedi->dsn, "UPDATE key_fetch SET at = at - interval '6 minutes'");
		fedi->answer = answer_fixed;
		fedi->arg = &answer;
		p[1].key = fedi->other;
		fedi_posts(fedi, p + 1, 2);
		fedi_posts(fedi, p + 3, 1); /* another worker */
		assert_int_equal(fedi_count(fedi, "GET", NULL), 2);
		if (p[1].status != cases[i].forged || p[2].status != cases[i].next ||
			p[3].status != cases[i].later)
			check_fail("case %zu: %d, %d, %d", i, p[1].status, p[2].status,
				p[3].status);
	}
}

/* A 404 may be over soon; who is gone for good is not asked for again in a day. */
static void
test_not_found_is_not_gone(void **state)
{
	static const int statuses[] = {404, 410};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		struct fedi_post p[2] = {post_like(1), post_like(2)};
		struct fixed answer = {statuses[i], "text/plain", "x"};

		fedi_clean(fedi);
		fedi->answer = answer_fixed;
		fedi->arg = &answer;
		fedi_posts(fedi, p, 1);
		assert_int_equal(p[0].status, 401);
		(void)pg_sql(fedi->dsn, "UPDATE key_fetch SET at = at - interval '6 minutes'");
		fedi->answer = NULL;
		fedi_posts(fedi, p + 1, 1);
		assert_int_equal(p[1].status, statuses[i] == 404 ? 202 : 401);
		assert_int_equal(fedi_count(fedi, "GET", NULL), statuses[i] == 404 ? 2 : 1);
	}
}

/* ---- Deletes of strangers ---- */

static struct fedi_post
post_delete(const char *name, int n)
{
	struct span who = fedi_actor(fedi, name);

	return (struct fedi_post){.path = "/inbox",
		.body = arena_printf(arena,
			"{\"@context\":\"https://www.w3.org/ns/activitystreams\",\"id\":"
			"\"%.*s#delete%d\",\"type\":\"Delete\",\"actor\":\"%.*s\",\"object\":"
			"\"%.*s\"}",
			SPAN_FMT(who), n, SPAN_FMT(who), SPAN_FMT(who)),
		.key_id = fedi_key_id(fedi, name),
		.key = fedi->key};
}

static void
test_unknown_delete(void **state)
{
	struct fedi_post p[20];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "gone%zu", i);
		p[i] = post_delete(name, (int)i);
		p[i].unsigned_ = i % 2;
	}
	fedi_posts(fedi, p, ARRAY_LEN(p));
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		assert_int_equal(p[i].status, 202);
	assert_int_equal(rows(), 0);
	assert_int_equal(fedi->n_seen, 0);
	assert_int_equal(pg_number(fedi->dsn, "SELECT count(*) FROM key_fetch"), 0);
}

/* A known actor whose server now says 410 for its key: its Delete cannot be proven, but is
 * true. */
static void
test_last_word(void **state)
{
	struct fedi_post p[4] = {
		post_like(1), post_delete("alice", 1), post_delete("alice", 2)};

	(void)state;
	fedi_posts(fedi, p, 1);
	(void)pg_sql(fedi->dsn, "UPDATE key_fetch SET at = at - interval '6 minutes'");
	fedi->answer = answer_gone;
	p[1].key = p[2].key = fedi->other;
	fedi_posts(fedi, p + 1, 1);
	fedi_posts(fedi, p + 2, 1);
	assert_int_equal(p[1].status, 202);
	assert_int_equal(p[2].status, 202);
	assert_int_equal(pg_number(fedi->dsn,
				 "SELECT count(*) FROM inbox_activity WHERE uri LIKE '%#gone'"),
		1);
	assert_int_equal(rows(), 2);
}

/* ---- the program stops meanwhile ---- */

/* The clock stood still until then; now it runs, and what `failed` waits for is too late. */
static void
stop(struct fedi *f)
{
	if (!loop_stopping(f->loop))
		loop_stop(f->loop, 0);
	clock_fake(clock_us() + US_PER_S / 10, clock_mono_ms() + 100);
}

/*
 * Wherever it is: the sender is told to come again, and when it does, it is taken in once. A
 * commit that was under way may have happened; that it was not answered costs nothing.
 */
static void
test_stopped(void **state)
{
	static const struct {
		const char *what, *table; /* NULL = the server of the key does not answer */
		bool last_word;
	} cases[] = {
		{"fetching the key", NULL, false},
		{"reading the actor", "account", false},
		{"reading the key", "remote_actor", false},
		{"committing", "inbox_activity", false},
		{"committing a last word", "inbox_activity", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fedi_post known = post_like(0), p = post_like(1), again;
		int fd;

		fedi_clean(fedi);
		p.path = "/o/stadt/inbox";
		if (cases[i].last_word) {
			fedi_posts(fedi, &known, 1);
			(void)pg_sql(fedi->dsn,
				"UPDATE key_fetch SET at = at - interval '6 minutes';"
				"DELETE FROM inbox_activity; DELETE FROM job");
			p = post_delete("alice", 1);
			p.key = fedi->other;
			fedi->answer = answer_gone;
		}
		again = p;
		fedi_hang(fedi, cases[i].table ? hang_table(fedi->dsn, cases[i].table) : NULL);
		fedi->then = stop;
		clock_fake(clock_us(), clock_mono_ms());
		fedi_open(fedi);
		fd = fedi_post_send(fedi, &p);
		fedi_wait(fedi);
		clock_fake(0, 0);
		fedi->when = NULL;
		fedi_post_read(fd, &p);
		hang_settle(fedi->dsn);
		if (p.status != 503 || p.retry_after_s <= 0)
			check_fail("%s: %d %s", cases[i].what, p.status, p.text);
		if (!cases[i].table || strcmp(cases[i].table, "inbox_activity") != 0)
			assert_int_equal(rows(), 0);
		if (!cases[i].last_word)
			fedi->answer = NULL;
		(void)pg_sql(fedi->dsn, "DELETE FROM key_fetch WHERE NOT gone");
		fedi_posts(fedi, &again, 1);
		if (again.status != 202)
			check_fail("%s, again: %d %s", cases[i].what, again.status, again.text);
		assert_int_equal(rows(), 1);
		assert_int_equal(
			pg_number(fedi->dsn, "SELECT count(*) FROM job WHERE kind = 'receive'"),
			1);
	}
}

/* A key of the sender's own that is nowhere says nothing about alice. */
static void
test_last_word_of_a_stranger(void **state)
{
	struct fedi_post p[2] = {post_like(1), post_delete("alice", 1)};

	(void)state;
	fedi_posts(fedi, p, 1);
	(void)pg_sql(fedi->dsn,
		"INSERT INTO key_fetch (key_id, at, error, gone)"
		" VALUES ('http://127.0.0.1:1/users/mallory#main-key', now(), 'x', true)");
	p[1].key_id = SPAN("http://127.0.0.1:1/users/mallory#main-key");
	p[1].key = fedi->other;
	fedi_posts(fedi, p + 1, 1);
	assert_int_equal(p[1].status, 401);
	assert_non_null(strstr(p[1].text, "does not exist"));
	assert_int_equal(rows(), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_taken, fedi_fresh),
		cmocka_unit_test_setup(test_replay, fedi_fresh),
		cmocka_unit_test_setup(test_refused, fedi_fresh),
		cmocka_unit_test_setup(test_key_that_cannot_be_had, fedi_fresh),
		cmocka_unit_test_setup(test_actor_gone, fedi_fresh),
		cmocka_unit_test_setup(test_rotated_key, fedi_fresh),
		cmocka_unit_test_setup(test_two_keys, fedi_fresh),
		cmocka_unit_test_setup(test_second_key_ends, fedi_fresh),
		cmocka_unit_test_setup(test_second_key_of_a_gone_actor, fedi_fresh),
		cmocka_unit_test_setup(test_redirect_ends_no_key, fedi_fresh),
		cmocka_unit_test_setup(test_old_key_outlives_its_server, fedi_fresh),
		cmocka_unit_test_setup(test_forgery_shuts_nobody_out, fedi_fresh),
		cmocka_unit_test_setup(test_not_found_is_not_gone, fedi_fresh),
		cmocka_unit_test_setup(test_unknown_delete, fedi_fresh),
		cmocka_unit_test_setup(test_last_word, fedi_fresh),
		cmocka_unit_test_setup(test_last_word_of_a_stranger, fedi_fresh),
		cmocka_unit_test_setup(test_stopped, fedi_fresh),
	};

	return cmocka_run_group_tests_name("flow.inbox", tests, fedi_setup, fedi_teardown);
}
