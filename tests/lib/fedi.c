#include "lib/fedi.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/json.h"
#include "crypto/seal.h"
#include "hub/account.h"
#include "hub/delivery.h"
#include "lib/check.h"
#include "lib/dbrun.h"
#include "lib/pg.h"
#include "task/work.h"

struct fedi *fedi;
struct arena *arena;

/* ---- the world ---- */

static int
fedi_listen(struct arena *a, struct span *base)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;

	sa.sin_addr.s_addr = htonl(0x7f000000u | ((uint32_t)getpid() & 0xffffu) << 8 | 5);
	assert_true(fd >= 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 512), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
	*base = arena_printf(a, "http://%s:%d", inet_ntoa(sa.sin_addr), ntohs(sa.sin_port));
	return fd;
}

struct found {
	struct fedi *f;
	struct account_new own[3];
	size_t i;
};

static void
fill_found(struct db_batch *b, void *ctx)
{
	struct found *x = ctx;

	hub_found(b, &x->f->hub, x->own);
	x->i = account_insert(b, &x->own[2]);
}

static void
read_found(const struct db_batch *b, void *ctx)
{
	struct found *x = ctx;

	assert_true(account_inserted(b, x->i, &x->f->stadt));
}

static void
fill_load(struct db_batch *b, void *ctx)
{
	(void)ctx;
	(void)hub_query(b);
}

static void
read_load(const struct db_batch *b, void *ctx)
{
	struct fedi *f = ctx;

	check_ok(f->arena, hub_load(b, 0, &f->hub));
}

static void
fedi_found(struct fedi *f)
{
	struct found x = {.f = f};

	check_ok(f->arena, hub_keys(f->arena, &f->hub, x.own));
	x.own[2] = (struct account_new){.kind = SPAN("organization"),
		.slug = SPAN("stadt"),
		.actor_type = SPAN("Organization"),
		.name = SPAN("Stadt Musterstadt"),
		.claimed = true};
	check_ok(f->arena, account_keys_make(f->arena, &f->hub, &x.own[2]));
	dbrun_ok(f->dsn, fill_found, read_found, &x);
	dbrun_ok(f->dsn, fill_load, read_load, f);
}

static struct fedi *
fedi_make(struct pg *pg)
{
	struct fedi *f = xcalloc(1, sizeof(*f));
	char path[] = "/tmp/litfass-fedi-XXXXXX";
	struct seal *seal;
	int applied, fd = mkstemp(path);

	f->arena = arena_new();
	f->pg = pg;
	f->dsn = pg_database(f->pg);
	check_ok(f->arena, db_migrate(f->arena, f->dsn, &applied));
	f->hub_fd = fedi_listen(f->arena, &f->hub_base);
	f->peer_fd = fedi_listen(f->arena, &f->peer_base);
	f->conf.roles = ROLE_ALL;
	f->conf.name = SPAN("Testkreis");
	check_ok(f->arena, url_parse(f->arena, f->hub_base, &f->conf.base_url));
	check_ok(f->arena,
		url_parse(f->arena, SPAN("http://127.0.0.9:9"), &f->conf.media_base_url));
	f->conf.allow_private = ARENA_NEW(f->arena, struct conf_net_range);
	f->conf.n_allow_private = 1;
	assert_true(conf_range_parse(SPAN("127.0.0.0/8"), f->conf.allow_private));
	/* The key file is made anew by seal_load. */
	(void)close(fd);
	(void)unlink(path);
	check_ok(f->arena, seal_load(f->arena, path, true, &seal));
	(void)unlink(path);
	hub_init(&f->hub, f->arena, &f->conf, seal);
	f->hub.worker = SPAN("test/0");
	fedi_found(f);
	f->key = pkey_generate(PKEY_RSA);
	f->other = pkey_generate(PKEY_RSA);
	f->seen = xcalloc(FEDI_SEEN, sizeof(*f->seen));
	return f;
}

struct fedi *
fedi_new_apart(void)
{
	return fedi_make(pg_start());
}

static void
fedi_forget(struct fedi *f)
{
	for (size_t i = 0; i < f->n_seen; i++)
		free(f->seen[i].body);
	f->n_seen = 0;
}

void
fedi_free(struct fedi *f)
{
	fedi_forget(f);
	free(f->seen);
	hub_fini(&f->hub);
	seal_free(f->hub.seal);
	pkey_unref(f->key);
	pkey_unref(f->other);
	(void)close(f->hub_fd);
	(void)close(f->peer_fd);
	pg_stop(f->pg);
	arena_free(f->arena);
	free(f);
}

void
fedi_clean(struct fedi *f)
{
	/* Few rows: deleting them costs less than truncating a dozen tables. */
	(void)pg_sql(f->dsn,
		"DELETE FROM follow; DELETE FROM remote_actor; DELETE FROM key_fetch;"
		" DELETE FROM remote_inbox_moved;"
		" DELETE FROM remote_host; DELETE FROM inbox_activity; DELETE FROM activity;"
		" DELETE FROM reach; DELETE FROM job; DELETE FROM record_entry;"
		" DELETE FROM record_content; DELETE FROM record_checkpoint; DELETE FROM "
		"reader;"
		" UPDATE record_head SET seq = 0, hash = decode(repeat('00', 32), 'hex')");
	fedi_forget(f);
	f->answer = NULL;
	f->arg = NULL;
	f->when = NULL;
	f->then = NULL;
}

int
fedi_setup(void **state)
{
	(void)state;
	fedi = fedi_make(pg_shared());
	arena = fedi->arena;
	return 0;
}

int
fedi_teardown(void **state)
{
	(void)state;
	fedi_free(fedi);
	return 0;
}

int
fedi_fresh(void **state)
{
	(void)state;
	fedi_clean(fedi);
	return 0;
}

/* ---- a run ---- */

static void
fedi_hub_request(struct httpd_req *r, void *arg)
{
	(void)arg;
	httpd_run(r, &inbox_flow);
}

static size_t
fedi_body_limit(enum httpd_method m, enum httpd_site site, struct span path, void *arg)
{
	(void)m;
	(void)site;
	(void)path;
	(void)arg;
	return 1 << 20;
}

static void
fedi_note(char *out, size_t size, struct span s)
{
	(void)snprintf(out, size, "%.*s", SPAN_FMT(s));
}

static void
fedi_peer_request(struct httpd_req *r, void *arg)
{
	static const char *const methods[] = {[HTTPD_GET] = "GET", [HTTPD_POST] = "POST"};
	struct fedi *f = arg;
	struct fedi_seen *s;

	assert_true(f->n_seen < FEDI_SEEN);
	s = &f->seen[f->n_seen++];
	fedi_note(s->method, sizeof(s->method),
		span_of(httpd_method(r) <= HTTPD_POST ? methods[httpd_method(r)] : "?"));
	fedi_note(s->target, sizeof(s->target), httpd_target(r));
	fedi_note(s->signature, sizeof(s->signature), httpd_header(r, "signature"));
	fedi_note(s->input, sizeof(s->input), httpd_header(r, "signature-input"));
	fedi_note(s->digest, sizeof(s->digest), httpd_header(r, "digest"));
	fedi_note(s->agent, sizeof(s->agent), httpd_header(r, "user-agent"));
	s->body = xstrdup(arena_cstr(httpd_arena(r), httpd_body(r)));
	if (f->answer)
		f->answer(f, r);
	else
		fedi_answer_actor(f, r, f->key);
}

static struct httpd *
fedi_serve(struct fedi *f, int fd, httpd_handler *handler, bool any_host)
{
	const struct httpd_opts o = {.conf = &f->conf,
		.handler = handler,
		.arg = f,
		.body_limit = fedi_body_limit,
		.any_host = any_host};
	struct httpd *h = httpd_new(f->loop, &o);

	httpd_listen(h, fcntl(fd, F_DUPFD_CLOEXEC, 0));
	return h;
}

static bool
fedi_when(void *arg)
{
	struct fedi *f = arg;

	return f->when(f);
}

static void
fedi_then(void *arg)
{
	struct fedi *f = arg;

	if (f->then)
		f->then(f);
	else
		loop_stop(f->loop, 0);
}

/* As the worker does. */
static void
fedi_drain(void *arg)
{
	struct fedi *f = arg;

	httpd_drain(f->hub_http, 0);
}

void
fedi_open(struct fedi *f)
{
	const struct db_opts o = dbrun_opts(f->dsn, 2);

	f->env = (struct env){.conf = &f->conf, .hub = &f->hub};
	f->alive = 0;
	f->loop = f->env.loop = loop_new(&f->env);
	f->env.db = db_new(f->loop, &o);
	f->env.http = http_new(f->loop, &f->conf);
	f->env.work = work_pool_new(f->loop, 2, 1024);
	f->env.ap = ap_new(&f->env);
	f->hub_http = fedi_serve(f, f->hub_fd, f->serve ? f->serve : fedi_hub_request, false);
	f->peer_http = fedi_serve(f, f->peer_fd, fedi_peer_request, true);
	loop_on_stop(f->loop, fedi_drain, f);
	if (f->when)
		look_start(&f->look, f->loop, fedi_when, fedi_then, f);
}

static void
fedi_ended(void *arg, const struct err *e)
{
	struct fedi_end *end = arg;
	struct fedi *f = end->fedi;

	end->ended = true;
	end->error = e ? err_copy(f->arena, e) : NULL;
	if (--f->alive == 0)
		loop_stop(f->loop, 0);
}

struct task *
fedi_start(struct fedi *f, struct fedi_end *end, const struct flow *flow, const void *arg,
	size_t arg_size, void *out)
{
	*end = (struct fedi_end){.fedi = f};
	f->alive++;
	return task_start(&(const struct task_start){.loop = f->loop,
		.flow = flow,
		.arg = arg,
		.arg_size = arg_size,
		.out = out,
		.ended = fedi_ended,
		.ended_arg = end});
}

void
fedi_wait(struct fedi *f)
{
	loop_run(f->loop);
	assert_int_equal(f->alive, 0);
	look_end(&f->look);
	hang_over(f->hang);
	f->hang = NULL;
	if (f->closing)
		f->closing(f);
	httpd_free(f->hub_http);
	httpd_free(f->peer_http);
	ap_free(f->env.ap);
	http_free(f->env.http);
	db_free(f->env.db);
	work_pool_free(f->env.work);
	loop_free(f->loop);
	f->loop = NULL;
}

/* ---- jobs ---- */

struct jobs_run {
	struct fedi *f;
	struct span kind;
	const struct flow *flow;
	struct fedi_end *ends;
	size_t n;
};

struct jobs_state {
	struct db_batch batch;
	size_t i;
};

static step_fn jobs_ask, jobs_take, fedi_flow_failed;

static const struct flow jobs_flow = {
	.name = "test.jobs",
	.size = sizeof(struct jobs_state),
	.deadline_ms = 10000,
	.first = jobs_ask,
	.failed = fedi_flow_failed,
};

static struct next
fedi_flow_failed(struct task *t)
{
	return fail(t, task_error(t));
}

static struct next
jobs_ask(struct task *t)
{
	struct jobs_state *s = task_state(t);
	struct jobs_run *r = *(struct jobs_run *const *)task_arg(t);

	db_batch_init(&s->batch, task_arena(t));
	s->i = queue_claim(&s->batch, r->f->hub.worker, &r->kind, 1, 1000, 1000);
	return await_commit(t, &s->batch, jobs_take);
}

static struct next
jobs_take(struct task *t)
{
	struct jobs_state *s = task_state(t);
	struct jobs_run *r = *(struct jobs_run *const *)task_arg(t);
	struct job *jobs;

	check_ok(task_arena(t), queue_claimed(&s->batch, s->i, &jobs, &r->n));
	r->ends = xcalloc(r->n, sizeof(*r->ends));
	for (size_t i = 0; i < r->n; i++) {
		struct arena *a = r->f->arena;
		struct job own = jobs[i];

		own.key = arena_dup(a, own.key);
		own.args = arena_dup(a, own.args);
		own.token = arena_dup(a, own.token);
		(void)fedi_start(r->f, &r->ends[i], r->flow, &own, sizeof(own), NULL);
	}
	return done(t);
}

size_t
fedi_jobs(struct fedi *f, const char *kind, const struct flow *flow)
{
	struct jobs_run r = {.f = f, .kind = span_of(kind), .flow = flow}, *p = &r;
	struct fedi_end end;

	fedi_open(f);
	(void)fedi_start(f, &end, &jobs_flow, &p, sizeof(struct jobs_run *), NULL);
	fedi_wait(f);
	check_ok(f->arena, end.error);
	free(r.ends);
	return r.n;
}

/* ---- the peer ---- */

struct span
fedi_actor(struct fedi *f, const char *name)
{
	return arena_printf(f->arena, "%.*s/users/%s", SPAN_FMT(f->peer_base), name);
}

struct span
fedi_key_id(struct fedi *f, const char *name)
{
	return arena_printf(f->arena, "%.*s/users/%s#main-key", SPAN_FMT(f->peer_base), name);
}

void
fedi_reply(struct httpd_req *r, int status, const char *type, struct span body)
{
	httpd_send(r, &(const struct httpd_reply){
			      .status = status, .type = span_of(type), .body = body});
}

static step_fn mute_first, mute_never;

static const struct flow mute_flow = {.name = "test.mute",
	.size = 0,
	.deadline_ms = 3600000,
	.first = mute_first,
	.failed = mute_never};

static struct next
mute_first(struct task *t)
{
	return await_sleep(t, 3500000, mute_never);
}

static struct next
mute_never(struct task *t)
{
	return fail(t, task_error(t));
}

void
fedi_mute(struct fedi *f, struct httpd_req *r)
{
	(void)f;
	httpd_run(r, &mute_flow);
}

bool
fedi_asked(struct fedi *f)
{
	return f->n_seen > 0;
}

static bool
fedi_hung(struct fedi *f)
{
	return hang_waits(f->hang);
}

void
fedi_hang(struct fedi *f, struct hang *h)
{
	f->hang = h;
	f->when = h ? fedi_hung : fedi_asked;
	if (!h)
		f->answer = fedi_mute;
}

void
fedi_stop_and_go_on(struct fedi *f)
{
	loop_stop(f->loop, 0);
	hang_over(f->hang);
	f->hang = NULL;
}

void
fedi_answer_actor(struct fedi *f, struct httpd_req *r, const struct pkey *key)
{
	struct arena *a = httpd_arena(r);
	struct span path = httpd_path(r), id, pem;
	json_t *j;

	if (!span_starts(path, SPAN("/users/")) || httpd_method(r) != HTTPD_GET) {
		fedi_reply(r, 202, NULL, SPAN(""));
		return;
	}
	id = arena_printf(a, "%.*s%.*s", SPAN_FMT(f->peer_base), SPAN_FMT(path));
	pem = pkey_public_pem(a, key);
	j = json_pack("{s:s, s:s, s:s%, s:s, s:s%, s:{s:s%}, s:{s:s%, s:s%, s:s%}}", "@context",
		"https://www.w3.org/ns/activitystreams", "type", "Person", "id", id.p, id.n,
		"preferredUsername", "somebody", "inbox",
		arena_printf(a, "%.*s/inbox", SPAN_FMT(id)).p, id.n + 6, "endpoints",
		"sharedInbox", arena_printf(a, "%.*s/inbox", SPAN_FMT(f->peer_base)).p,
		f->peer_base.n + 6, "publicKey", "id",
		arena_printf(a, "%.*s#main-key", SPAN_FMT(id)).p, id.n + 9, "owner", id.p, id.n,
		"publicKeyPem", pem.p, pem.n);
	fedi_reply(r, 200, "application/activity+json", json_dump(a, json_own(a, j)));
}

size_t
fedi_count(const struct fedi *f, const char *method, const char *target)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_seen; i++)
		n += strcmp(f->seen[i].method, method) == 0 &&
		     (!target || strcmp(f->seen[i].target, target) == 0);
	return n;
}

/* ---- posting to the hub ---- */

struct posts_run {
	struct fedi *f;
	struct fedi_post *posts;
	size_t n, at;
	struct http_call call;
	struct http_header headers[8];
};

static step_fn posts_next, posts_answer;

static const struct flow posts_flow = {
	.name = "test.posts",
	.size = sizeof(struct posts_run),
	.deadline_ms = 60000,
	.first = posts_next,
	.failed = fedi_flow_failed,
};

static void
posts_sign(struct posts_run *p, struct arena *a, const struct fedi_post *post, size_t *n)
{
	const struct httpsig_header type = {SPAN("Content-Type"), p->headers[0].value};
	struct span target = span_of(post->path);
	struct httpsig_request r = {.method = SPAN("POST"),
		.target = post->without_query
				  ? span_slice(target, 0, span_find_byte(target, '?'))
				  : target,
		.scheme = SPAN("http"),
		.host = p->f->conf.base_url.authority,
		.headers = &type,
		.n_headers = 1,
		.body = post->wrong_body ? SPAN("{}") : post->body};
	struct httpsig_out sig;
	struct span signature;

	httpsig_prepare(
		a, &r, post->scheme, post->key_id, clock_us() - post->age_s * US_PER_S, &sig);
	check_ok(a, pkey_sign(a, post->key, sig.text, &signature));
	httpsig_finish(a, &sig, signature);
	for (size_t i = 0; i < sig.n_headers; i++)
		p->headers[(*n)++] =
			(struct http_header){sig.headers[i].name, sig.headers[i].value};
}

static struct next
posts_next(struct task *t)
{
	struct posts_run *p = task_state(t);
	struct arena *a = task_arena(t);
	const struct fedi_post *post;
	size_t n = 0;

	if (!p->f)
		*p = **(struct posts_run *const *)task_arg(t);
	if (p->at == p->n)
		return done(t);
	post = &p->posts[p->at];
	p->headers[n++] = (struct http_header){SPAN("Content-Type"),
		span_of(post->type ? post->type : "application/activity+json")};
	if (post->coding)
		p->headers[n++] =
			(struct http_header){SPAN("Content-Encoding"), span_of(post->coding)};
	if (!post->unsigned_)
		posts_sign(p, a, post, &n);
	p->call = (struct http_call){.kind = HTTP_API,
		.method = SPAN("POST"),
		.url = arena_printf(a, "%.*s%s", SPAN_FMT(p->f->hub_base), post->path),
		.body = post->body,
		.headers = p->headers,
		.n_headers = n};
	return await_http(t, &p->call, posts_answer);
}

static struct next
posts_answer(struct task *t)
{
	struct posts_run *p = task_state(t);
	struct fedi_post *post = &p->posts[p->at++];

	post->status = p->call.status;
	post->retry_after_s = p->call.retry_after_s;
	fedi_note(post->text, sizeof(post->text), p->call.reply);
	fedi_note(post->accept_signature, sizeof(post->accept_signature),
		http_reply_header(&p->call, "accept-signature"));
	return go(t, posts_next);
}

void
fedi_posts(struct fedi *f, struct fedi_post *posts, size_t n)
{
	struct posts_run run = {.f = f, .posts = posts, .n = n}, *p = &run;
	struct fedi_end end;

	fedi_open(f);
	(void)fedi_start(f, &end, &posts_flow, &p, sizeof(struct posts_run *), NULL);
	fedi_wait(f);
	check_ok(f->arena, end.error);
}

int
fedi_post_send(struct fedi *f, const struct fedi_post *post)
{
	struct posts_run p = {.f = f};
	struct sockaddr_in sa;
	socklen_t size = sizeof(sa);
	size_t n = 1;
	struct buf b;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(getsockname(f->hub_fd, (struct sockaddr *)&sa, &size), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, size), 0);
	p.headers[0] =
		(struct http_header){SPAN("Content-Type"), SPAN("application/activity+json")};
	posts_sign(&p, f->arena, post, &n);
	buf_init(&b, 1 << 16);
	buf_printf(&b, "POST %s HTTP/1.1\r\nHost: %.*s\r\nContent-Length: %zu\r\n", post->path,
		SPAN_FMT(f->conf.base_url.authority), post->body.n);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%.*s: %.*s\r\n", SPAN_FMT(p.headers[i].name),
			SPAN_FMT(p.headers[i].value));
	buf_printf(&b, "\r\n%.*s", SPAN_FMT(post->body));
	assert_false(b.toobig);
	assert_int_equal(send(fd, b.p, b.n, MSG_NOSIGNAL), b.n);
	buf_fini(&b);
	return fd;
}

void
fedi_post_read(int fd, struct fedi_post *post)
{
	char answer[4096];
	size_t n = 0;
	const char *at;
	ssize_t got;

	while (n < sizeof(answer) - 1 &&
		(got = recv(fd, answer + n, sizeof(answer) - 1 - n, 0)) > 0)
		n += (size_t)got;
	(void)close(fd);
	answer[n] = '\0';
	post->status =
		strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (int)strtol(answer + 9, NULL, 10) : 0;
	at = strstr(answer, "\r\nRetry-After: ");
	post->retry_after_s = at ? (int)strtol(at + strlen("\r\nRetry-After: "), NULL, 10) : 0;
	at = strstr(answer, "\r\n\r\n");
	fedi_note(post->text, sizeof(post->text), span_of(at ? at + 4 : ""));
}
