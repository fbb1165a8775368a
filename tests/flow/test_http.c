/*
 * The real HTTP client against a server that does everything wrong: what it takes, what it
 * refuses and how soon, and that forbidden addresses are never even connected to.
 */
#include "lib/check.h"

#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/conf.h"
#include "lib/flowrun.h"
#include "lib/hostile.h"
#include "net/http.h"

#define OPEN_IP "127.41.0.1"  /* in allow_private */
#define OTHER_IP "127.41.0.2" /* too */
#define SHUT_IP "127.42.0.1"  /* not */
#define MIB (1 << 20)

/* ---- the servers ---- */

struct world {
	struct hostile *open, *other, *shut, *tls, *old_tls, *wrong_tls;
	struct conf conf, conf_ca;
	struct conf_net_range range;
	struct conf_host_map map[2];
	struct arena *arena;
	char dir[64], ca_file[100];
	struct tls_identity *ca, *good, *old, *wrong;
};

static unsigned char bomb[256 * 1024], nested[256 * 1024], small[1024];
static size_t bomb_n, nested_n, small_n;

static size_t
gzip(const void *p, size_t n, unsigned char *out, size_t max)
{
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)p;
	z.avail_in = (uInt)n;
	z.next_out = out;
	z.avail_out = (uInt)max;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(deflateEnd(&z), Z_OK);
	return z.total_out;
}

static void
send_body(struct hostile_conn *c, const char *head, const void *body, size_t n)
{
	char line[64];

	(void)snprintf(line, sizeof(line), "Content-Length: %zu\r\n\r\n", n);
	(void)(hostile_text(c, "HTTP/1.1 200 OK\r\n") && hostile_text(c, head) &&
		hostile_text(c, line) && hostile_send(c, body, n));
}

static void
redirect(struct hostile_conn *c, const char *status, const char *to)
{
	char text[3000];

	(void)snprintf(text, sizeof(text),
		"HTTP/1.1 %s Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", status, to);
	(void)hostile_text(c, text);
}

static void
endless(struct hostile_conn *c)
{
	(void)hostile_text(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	while (hostile_text(c, "4000\r\n") && hostile_fill(c, 'x', 0x4000) &&
		hostile_text(c, "\r\n") && c->written < 50 * MIB)
		;
	hostile_close(c);
}

static void
drip(struct hostile_conn *c)
{
	(void)hostile_text(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
	while (hostile_text(c, "x") && hostile_wait(c, 100))
		;
	hostile_close(c);
}

static void
header_flood(struct hostile_conn *c)
{
	(void)hostile_text(c, "HTTP/1.1 200 OK\r\n");
	while (hostile_text(c, "X-Flood: ") && hostile_fill(c, 'x', 1000) &&
		hostile_text(c, "\r\n") && c->written < 50 * MIB)
		;
	hostile_close(c);
}

static void
many_lines(struct hostile_conn *c)
{
	(void)hostile_text(c, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 300; i++)
		(void)hostile_text(c, "X: y\r\n");
	(void)hostile_text(c, "Content-Length: 0\r\n\r\n");
}

/* Answers that are the same bytes every time; then the connection ends. */
static const struct {
	const char *path, *answer;
} canned[] = {
	{"/ok", "HTTP/1.1 200 OK\r\nContent-Type: Application/JSON; Charset=X\r\nETag: "
		"\"a\"\r\n"
		"Content-Length: 2\r\n\r\n{}"},
	{"/09", "<html>hello</html>"},
	{"/garbage", "\x16\x03\x01 garbage\r\n\r\n"},
	{"/short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"},
	{"/cut-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc"},
	{"/bad-chunk",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"},
	{"/negative", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabcde"},
	{"/more", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcdef"},
	{"/none", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nabcde"},
	{"/unchanged", "HTTP/1.1 304 Not Modified\r\nETag: \"b\"\r\n\r\n"},
	{"/continue",
		"HTTP/1.1 100 Continue\r\nETag: \"no\"\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
		"Link: x\r\n\r\nHTTP/1.1 200 OK\r\nETag: \"yes\"\r\nContent-Length: "
		"2\r\n\r\nok"},
	{"/trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: ETag\r\n\r\n"
		      "2\r\nok\r\n0\r\nETag: \"forged\"\r\nRetry-After: 77\r\n\r\n"},
	{"/broken-line", "HTTP/1.1 200 OK\r\nETag: \"a\rb\"\r\nContent-Length: 2\r\n\r\nok"},
	{"/no-location", "HTTP/1.1 302 Found\r\nContent-Length: 2\r\n\r\nok"},
	{"/nothing", ""},
};

static const struct {
	const char *path, *to;
} redirects[] = {
	{"/r4", "/r3"},
	{"/r3", "r2?x=1"},
	{"/r2?x=1", "//" OPEN_IP ":PORT/r1"},
	{"/r1", "/ok"},
	{"/loop", "/loop2"},
	{"/loop2", "/loop"},
	{"/self", "/self"},
	{"/fragments", "/fragments#x"},
	{"/to-file", "file:///etc/passwd"},
	{"/to-user", "http://user:pw@" OPEN_IP ":PORT/ok"},
	{"/to-space", "http://" OPEN_IP " /ok"},
};

static void
with_port(struct hostile_conn *c, const char *text, char *out, size_t size)
{
	const char *at = strstr(text, "PORT");

	if (at)
		(void)snprintf(out, size, "%.*s%u%s", (int)(at - text), text,
			(unsigned)hostile_port(c->server), at + 4);
	else
		(void)snprintf(out, size, "%s", text);
}

static bool
answer_canned(struct hostile_conn *c)
{
	char to[2048];

	for (size_t i = 0; i < ARRAY_LEN(canned); i++) {
		if (strcmp(c->path, canned[i].path) == 0) {
			(void)hostile_text(c, canned[i].answer);
			hostile_close(c);
			return true;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(redirects); i++) {
		if (strcmp(c->path, redirects[i].path) == 0) {
			with_port(c, redirects[i].to, to, sizeof(to));
			redirect(c, "302", to);
			return true;
		}
	}
	return false;
}

static void
answer(struct hostile_conn *c, void *arg)
{
	const char *p = c->path;
	char text[200];

	(void)arg;
	if (answer_canned(c))
		return;
	if (strncmp(p, "/to/", 4) == 0) {
		redirect(c, "302", p + 4);
	} else if (strncmp(p, "/permanent/", 11) == 0) {
		redirect(c, "308", p + 11);
	} else if (strcmp(p, "/big") == 0) {
		(void)hostile_text(c, "HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n");
		(void)hostile_fill(c, 'x', 50 * MIB);
		hostile_close(c);
	} else if (strcmp(p, "/big-unsaid") == 0) {
		(void)hostile_text(c, "HTTP/1.1 200 OK\r\n\r\n");
		(void)hostile_fill(c, 'x', 50 * MIB);
		hostile_close(c);
	} else if (strcmp(p, "/endless") == 0) {
		endless(c);
	} else if (strcmp(p, "/drip") == 0) {
		drip(c);
	} else if (strcmp(p, "/mute") == 0) {
		(void)hostile_wait(c, 60000);
		hostile_close(c);
	} else if (strcmp(p, "/flood") == 0) {
		header_flood(c);
	} else if (strcmp(p, "/many-lines") == 0) {
		many_lines(c);
	} else if (strcmp(p, "/long-line") == 0) {
		(void)(hostile_text(c, "HTTP/1.1 200 OK\r\nX: ") && hostile_fill(c, 'x', MIB));
		hostile_close(c);
	} else if (strcmp(p, "/bomb") == 0) {
		send_body(c, "Content-Encoding: gzip\r\n", bomb, bomb_n);
	} else if (strcmp(p, "/nested") == 0) {
		send_body(c, "Content-Encoding: gzip, gzip\r\n", nested, nested_n);
	} else if (strcmp(p, "/gzip") == 0) {
		send_body(c, "Content-Encoding: gzip\r\n", small, small_n);
	} else if (strcmp(p, "/bad-gzip") == 0) {
		send_body(c, "Content-Encoding: gzip\r\n", "no gzip at all", 14);
	} else if (strcmp(p, "/reset") == 0) {
		hostile_reset(c);
	} else if (strcmp(p, "/reset-body") == 0) {
		(void)hostile_text(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc");
		(void)hostile_wait(c, 60);
		hostile_reset(c);
	} else if (strncmp(p, "/retry/", 7) == 0) {
		for (char *q = c->path; *q; q++)
			*q = (char)(*q == '_' ? ' ' : *q);
		(void)snprintf(text, sizeof(text),
			"HTTP/1.1 429 Slow\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n",
			p + 7);
		(void)hostile_text(c, text);
	} else if (strncmp(p, "/status/", 8) == 0) {
		(void)snprintf(text, sizeof(text), "HTTP/1.1 %s X\r\nContent-Length: 0\r\n\r\n",
			p + 8);
		(void)hostile_text(c, text);
	} else if (strcmp(p, "/moved-post") == 0) {
		redirect(c, "307", "/echo");
	} else {
		send_body(c, "Content-Type: text/plain\r\n", c->head, c->got);
		hostile_close(
			c); /* a body of the request may follow: not to be taken for a head */
	}
}

/* ---- one question ---- */

struct ask {
	enum http_kind kind;
	const char *method, *body;
	char url[2200];
	struct http_header headers[2];
	size_t n_headers;
	bool per_hop; /* with a header X-Hop that tells the target */
	int timeout_ms;
	/* the answer */
	struct flowrun_end end;
	int status, redirects, retry_after_s, hops;
	bool permanent, sent;
	size_t size;
	char type[100], etag[100], final[2200], text[4000];
	int64_t ms;
};

struct asking {
	struct http_call call;
	struct http_header hop;
	int64_t began_ms;
};

static step_fn ask_begin, ask_hop, ask_end;

static const struct flow ask_flow = {
	.name = "test.ask",
	.size = sizeof(struct asking),
	.deadline_ms = 30000,
	.first = ask_begin,
	.failed = flowrun_failed,
};

static const struct flow ask_short_flow = {
	.name = "test.ask_short",
	.size = sizeof(struct asking),
	.deadline_ms = 300,
	.first = ask_begin,
	.failed = flowrun_failed,
};

static struct next
ask_begin(struct task *t)
{
	struct ask *const *arg = task_arg(t);
	struct ask *a = *arg;
	struct asking *s = task_state(t);

	s->began_ms = clock_mono_ms();
	s->call = (struct http_call){.kind = a->kind,
		.method = span_of(a->method),
		.url = span_of(a->url),
		.body = span_of(a->body),
		.headers = a->headers,
		.n_headers = a->n_headers,
		.per_hop = a->per_hop,
		.timeout_ms = a->timeout_ms};
	a->hops = 0;
	return await_http(t, &s->call, ask_hop);
}

static struct next
ask_hop(struct task *t)
{
	struct ask *const *arg = task_arg(t);
	struct asking *s = task_state(t);

	if (!s->call.next.text.p)
		return go(t, ask_end);
	(*arg)->hops++;
	s->hop = (struct http_header){SPAN("X-Hop"), s->call.next.target};
	s->call.headers = &s->hop;
	s->call.n_headers = 1;
	return await_http(t, &s->call, ask_hop);
}

static void
text_copy(char *out, size_t size, struct span s)
{
	(void)snprintf(out, size, "%.*s", (int)(s.n < size ? s.n : size - 1), s.p ? s.p : "");
}

static struct next
ask_end(struct task *t)
{
	struct ask *const *arg = task_arg(t);
	struct ask *a = *arg;
	struct asking *s = task_state(t);

	a->status = s->call.status;
	a->redirects = s->call.redirects;
	a->retry_after_s = s->call.retry_after_s;
	a->permanent = s->call.moved_permanently;
	a->sent = s->call.sent;
	a->size = s->call.reply.n;
	text_copy(a->type, sizeof(a->type), s->call.content_type);
	text_copy(a->etag, sizeof(a->etag), http_reply_header(&s->call, "ETAG"));
	text_copy(a->final, sizeof(a->final), s->call.final.text);
	text_copy(a->text, sizeof(a->text), s->call.reply);
	a->ms = clock_mono_ms() - s->began_ms;
	return done(t);
}

/* All of them at the same time, in one client. */
static void
ask_all(const struct conf *conf, struct ask *asks, size_t n)
{
	struct flowrun r;

	flowrun_init(&r);
	r.env.conf = conf;
	r.env.http = http_new(r.loop, conf);
	for (size_t i = 0; i < n; i++) {
		struct ask *a = &asks[i];

		flowrun_start(&r, &a->end, &ask_flow, &a, sizeof(a), NULL);
	}
	flowrun_wait(&r);
	http_free(r.env.http);
	flowrun_fini(&r);
}

static struct ask
ask(const struct conf *conf, enum http_kind kind, const struct hostile *h, const char *path)
{
	struct ask a = {.kind = kind};

	(void)snprintf(a.url, sizeof(a.url), "http://%s:%u%s", hostile_ip(h),
		(unsigned)hostile_port(h), path);
	ask_all(conf, &a, 1);
	return a;
}

static void
is_failure(const struct ask *a, enum err_kind kind)
{
	if (!a->end.failed)
		check_fail("%s was answered: %d, %zu bytes", a->url, a->status, a->size);
	if (a->end.kind != kind)
		check_fail("%s: %s (%s)", a->url, err_name(a->end.kind), a->end.text);
}

static void
is_answer(const struct ask *a, int status)
{
	if (a->end.failed)
		check_fail("%s: %s", a->url, a->end.text);
	if (a->status != status)
		check_fail("%s: %d, not %d", a->url, a->status, status);
}

/* ---- tests ---- */

static void
answers(void **state)
{
	struct world *w = *state;
	struct ask a = ask(&w->conf, HTTP_AP, w->open, "/ok");

	is_answer(&a, 200);
	assert_string_equal(a.text, "{}");
	assert_string_equal(a.type, "application/json; Charset=X");
	assert_string_equal(a.etag, "\"a\"");
	assert_true(a.sent);
	a = ask(&w->conf, HTTP_FEED, w->open, "/unchanged");
	is_answer(&a, 304);
	a = ask(&w->conf, HTTP_FEED, w->open, "/none");
	is_answer(&a, 204);
	assert_int_equal(a.size, 0);
	a = ask(&w->conf, HTTP_FEED, w->open, "/more");
	is_answer(&a, 200);
	assert_string_equal(a.text, "ab");
	a = ask(&w->conf, HTTP_FEED, w->open, "/continue");
	is_answer(&a, 200);
	assert_string_equal(a.etag, "\"yes\"");
	a = ask(&w->conf, HTTP_FEED, w->open, "/trailers");
	is_answer(&a, 200);
	assert_string_equal(a.text, "ok");
	assert_string_equal(a.etag, "");
	assert_int_equal(a.retry_after_s, 0);
	a = ask(&w->conf, HTTP_FEED, w->open, "/gzip");
	is_answer(&a, 200);
	assert_string_equal(a.text, "hello hello hello");
}

/* Only feeds and interfaces ask for compression: signed documents are taken as they are. */
static void
asks_for_little(void **state)
{
	struct world *w = *state;
	struct ask a = ask(&w->conf, HTTP_AP, w->open, "/echo");

	is_answer(&a, 200);
	assert_null(strstr(a.text, "Accept-Encoding"));
	assert_non_null(strstr(a.text, "User-Agent: Litfass/"));
	assert_null(strstr(a.text, "Cookie"));
	a = ask(&w->conf, HTTP_FEED, w->open, "/echo");
	assert_non_null(strstr(a.text, "Accept-Encoding: gzip, deflate\r\n"));
}

static void
follows_redirects(void **state)
{
	struct world *w = *state;
	struct ask a = ask(&w->conf, HTTP_FEED, w->open, "/r3");

	is_answer(&a, 200);
	assert_int_equal(a.redirects, 3);
	assert_false(a.permanent);
	assert_non_null(strstr(a.final, "/ok"));
	a = ask(&w->conf, HTTP_FEED, w->open, "/no-location");
	is_answer(&a, 302);
	a = ask(&w->conf, HTTP_FEED, w->open, "/r4");
	is_failure(&a, ERR_UPSTREAM);
	a = ask(&w->conf, HTTP_FEED, w->open, "/loop");
	is_failure(&a, ERR_UPSTREAM);
	a = ask(&w->conf, HTTP_FEED, w->open, "/self");
	is_failure(&a, ERR_UPSTREAM);
	a = ask(&w->conf, HTTP_FEED, w->open, "/fragments");
	is_failure(&a, ERR_UPSTREAM);
	a = ask(&w->conf, HTTP_FEED, w->open, "/to-file");
	is_failure(&a, ERR_INPUT);
	a = ask(&w->conf, HTTP_FEED, w->open, "/to-user");
	is_failure(&a, ERR_INPUT);
	a = ask(&w->conf, HTTP_FEED, w->open, "/to-space");
	is_failure(&a, ERR_INPUT);
}

static void
says_permanent(void **state)
{
	struct world *w = *state;
	char path[200];
	struct ask a;

	(void)snprintf(path, sizeof(path), "/permanent/http://%s:%u/ok", OPEN_IP,
		(unsigned)hostile_port(w->open));
	a = ask(&w->conf, HTTP_FEED, w->open, path);
	is_answer(&a, 200);
	assert_true(a.permanent);
	(void)snprintf(path, sizeof(path), "/to/http://%s:%u/ok", OPEN_IP,
		(unsigned)hostile_port(w->open));
	a = ask(&w->conf, HTTP_FEED, w->open, path);
	is_answer(&a, 200);
	assert_false(a.permanent);
}

/* Whatever the way there: nothing is connected to. */
static void
forbidden_is_not_connected(void **state)
{
	static const enum http_kind kinds[] = {HTTP_AP, HTTP_DELIVER, HTTP_META, HTTP_FEED,
		HTTP_PAGE, HTTP_IMAGE, HTTP_VIDEO, HTTP_API};
	struct world *w = *state;
	unsigned port = hostile_port(w->shut);
	char path[200];
	struct ask a;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		a = ask(&w->conf, kinds[i], w->shut, "/ok");
		is_failure(&a, ERR_ADDRESS);
		assert_false(a.sent);
	}
	a = (struct ask){.kind = HTTP_FEED};
	(void)snprintf(a.url, sizeof(a.url), "http://localhost:%u/", port);
	ask_all(&w->conf, &a, 1);
	is_failure(&a, ERR_ADDRESS);
	(void)snprintf(a.url, sizeof(a.url), "http://verboten.example:%u/", port);
	ask_all(&w->conf, &a, 1); /* mapped to the forbidden server */
	is_failure(&a, ERR_ADDRESS);
	(void)snprintf(a.url, sizeof(a.url), "http://[::ffff:" SHUT_IP "]:%u/", port);
	ask_all(&w->conf, &a, 1);
	assert_true(a.end.failed);
	(void)snprintf(path, sizeof(path), "/to/http://" SHUT_IP ":%u/ok", port);
	a = ask(&w->conf, HTTP_FEED, w->open, path);
	is_failure(&a, ERR_ADDRESS);
	a = ask(&w->conf, HTTP_IMAGE, w->open, path);
	is_failure(&a, ERR_ADDRESS);
	(void)snprintf(path, sizeof(path), "/to/http://verboten.example:%u/ok", port);
	a = ask(&w->conf, HTTP_AP, w->open, path);
	assert_true(a.end.failed);
	assert_int_equal(hostile_connections(w->shut), 0);
}

/* "localhost" is 127.0.0.1 and ::1, of which one is permitted and takes no connection. */
static void
forbidden_beside_permitted(void **state)
{
	struct conf_net_range v4;
	const struct conf c = {.allow_private = &v4, .n_allow_private = 1};
	struct ask a = {.kind = HTTP_FEED};

	(void)state;
	assert_true(conf_range_parse(SPAN("127.0.0.1/32"), &v4));
	(void)snprintf(a.url, sizeof(a.url), "http://localhost:1/");
	ask_all(&c, &a, 1);
	is_failure(&a, ERR_NETWORK);
	a = (struct ask){.kind = HTTP_FEED, .url = "http://[::1]:1/"};
	ask_all(&c, &a, 1);
	is_failure(&a, ERR_ADDRESS);
}

/* Without allow_private not even our own server. */
static void
nothing_private_by_default(void **state)
{
	struct world *w = *state;
	struct conf none = {0};
	size_t before = hostile_connections(w->open);
	struct ask a = ask(&none, HTTP_FEED, w->open, "/ok");

	is_failure(&a, ERR_ADDRESS);
	a = ask(&none, HTTP_AP, w->open, "/ok");
	is_failure(&a, ERR_ADDRESS);
	assert_int_equal(hostile_connections(w->open), before);
}

static void
refuses_urls(void **state)
{
	static const char *const urls[] = {"", "file:///etc/passwd", "ftp://" OPEN_IP "/",
		"http://user@" OPEN_IP "/", "http://" OPEN_IP "\\@x/", "http://0x7f000001/",
		"http://2130706433/", "http://127.1/", "gopher://x/", "http:///x"};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		struct ask a = {.kind = HTTP_FEED};

		(void)snprintf(a.url, sizeof(a.url), "%s", urls[i]);
		ask_all(&w->conf, &a, 1);
		is_failure(&a, ERR_INPUT);
	}
}

/* Cut off at the cap of its kind, however much more there would be. */
static void
caps_hold(void **state)
{
	static const struct {
		enum http_kind kind;
		const char *path;
	} rows[] = {
		{HTTP_AP, "/big"},
		{HTTP_AP, "/big-unsaid"},
		{HTTP_AP, "/endless"},
		{HTTP_META, "/big"},
		{HTTP_PAGE, "/endless"},
		{HTTP_FEED, "/endless"},
		{HTTP_FEED, "/bomb"},
		{HTTP_FEED, "/nested"},
		{HTTP_FEED, "/flood"},
		{HTTP_AP, "/flood"},
		{HTTP_AP, "/many-lines"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t before = hostile_written(w->open);
		struct ask a = ask(&w->conf, rows[i].kind, w->open, rows[i].path);

		is_failure(&a, ERR_TOO_LARGE);
		/* What is on its way in socket buffers comes on top of the cap. */
		assert_true(hostile_written(w->open) - before < 16 * MIB);
	}
}

static void
broken_answers_fail(void **state)
{
	static const char *const paths[] = {"/09", "/garbage", "/short", "/cut-chunk",
		"/bad-chunk", "/negative", "/nothing", "/reset", "/reset-body", "/bad-gzip",
		"/long-line"};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct ask a = ask(&w->conf, HTTP_FEED, w->open, paths[i]);

		if (!a.end.failed)
			check_fail("%s was answered: %d %s", paths[i], a.status, a.text);
		if (a.end.kind != ERR_NETWORK && a.end.kind != ERR_TOO_LARGE)
			check_fail("%s: %s", paths[i], a.end.text);
	}
}

static void
slow_answers_time_out(void **state)
{
	struct world *w = *state;
	struct ask a[4] = {{.kind = HTTP_FEED}, {.kind = HTTP_FEED}, {.kind = HTTP_AP},
		{.kind = HTTP_FEED}};
	static const char *const paths[] = {"/drip", "/mute", "/drip", "/ok"};
	int64_t began = clock_mono_ms();

	for (size_t i = 0; i < ARRAY_LEN(a); i++) {
		a[i].timeout_ms = 700;
		(void)snprintf(a[i].url, sizeof(a[i].url), "http://%s:%u%s", OPEN_IP,
			(unsigned)hostile_port(w->open), paths[i]);
	}
	ask_all(&w->conf, a, ARRAY_LEN(a));
	for (size_t i = 0; i < 3; i++)
		is_failure(&a[i], ERR_TIMEOUT);
	is_answer(&a[3], 200); /* beside the slow ones */
	assert_true(a[3].ms < 500);
	assert_true(clock_mono_ms() - began < 3000);
}

static void
reads_retry_after(void **state)
{
	static const struct {
		const char *value;
		int min, max;
	} rows[] = {
		{"120", 120, 120},
		{"0", 0, 0},
		{"86400", 86400, 86400},
		{"86401", 86400, 86400},
		{"4294967295", 86400, 86400},
		{"99999999999999999999", 0, 0},
		{"-5", 0, 0},
		{"1.5", 0, 0},
		{"soon", 0, 0},
		{"", 0, 0},
		{"Sun,_06_Nov_1994_08:49:37_GMT", 1, 1},
		{"Fri,_01_Jan_2100_00:00:00_GMT", 86400, 86400},
	};
	struct world *w = *state;
	struct ask a;
	char path[100], date[64];
	struct span in_a_minute = time_http(w->arena, clock_us() + 60 * US_PER_S);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		(void)snprintf(path, sizeof(path), "/retry/%s", rows[i].value);
		a = ask(&w->conf, HTTP_FEED, w->open, path);
		is_answer(&a, 429);
		if (a.retry_after_s < rows[i].min || a.retry_after_s > rows[i].max)
			check_fail("\"%s\" gave %d", rows[i].value, a.retry_after_s);
	}
	(void)snprintf(date, sizeof(date), "%.*s", SPAN_FMT(in_a_minute));
	for (char *p = date; *p; p++)
		*p = (char)(*p == ' ' ? '_' : *p);
	(void)snprintf(path, sizeof(path), "/retry/%s", date);
	a = ask(&w->conf, HTTP_FEED, w->open, path);
	assert_true(a.retry_after_s >= 55 && a.retry_after_s <= 61);
}

static void
maps_hosts(void **state)
{
	struct world *w = *state;
	struct ask a = {.kind = HTTP_AP, .url = "http://kreis.example/echo"};

	ask_all(&w->conf, &a, 1);
	is_answer(&a, 200);
	assert_non_null(strstr(a.text, "\r\nHost: kreis.example\r\n"));
	/* A name that is not mapped is looked up as usual. */
	a = (struct ask){.kind = HTTP_FEED, .url = "http://nirgends.invalid/"};
	ask_all(&w->conf, &a, 1);
	is_failure(&a, ERR_NETWORK);
}

static void
never_redirects_a_post(void **state)
{
	static const char *const methods[] = {"POST", "PUT", "DELETE"};
	struct world *w = *state;

	for (size_t i = 0; i < 2 * ARRAY_LEN(methods); i++) {
		size_t before = hostile_requests(w->open);
		struct ask a = {.kind = i % 2 ? HTTP_API : HTTP_DELIVER,
			.method = methods[i / 2],
			.body = i % 2 ? "{}" : NULL};

		(void)snprintf(a.url, sizeof(a.url), "http://" OPEN_IP ":%u/moved-post",
			(unsigned)hostile_port(w->open));
		ask_all(&w->conf, &a, 1);
		is_answer(&a, 307);
		assert_int_equal(a.redirects, 0);
		assert_int_equal(hostile_requests(w->open), before + 1);
	}
}

/* What is posted arrives once and whole, without Expect; a long answer is not kept. */
static void
posts(void **state)
{
	struct world *w = *state;
	struct ask a = {.kind = HTTP_API, .method = "POST", .body = "{\"a\":1}"};

	(void)snprintf(a.url, sizeof(a.url), "http://" OPEN_IP ":%u/echo",
		(unsigned)hostile_port(w->open));
	ask_all(&w->conf, &a, 1);
	is_answer(&a, 200);
	assert_true(strncmp(a.text, "POST /echo HTTP/1.1\r\n", 21) == 0);
	assert_non_null(strstr(a.text, "Content-Length: 7\r\n"));
	assert_null(strstr(a.text, "Expect"));
	a.kind = HTTP_DELIVER;
	ask_all(&w->conf, &a, 1);
	is_answer(&a, 200);
	assert_int_equal(a.size, 0);
	(void)snprintf(a.url, sizeof(a.url), "http://" OPEN_IP ":%u/big",
		(unsigned)hostile_port(w->open));
	ask_all(&w->conf, &a, 1);
	is_answer(&a, 200);
}

/* ---- hop by hop, credentials ---- */

static void
sends_each_hop(void **state)
{
	struct world *w = *state;
	struct ask a = {.kind = HTTP_AP, .per_hop = true};

	(void)snprintf(a.url, sizeof(a.url), "http://" OPEN_IP ":%u/to//to//echo?x",
		(unsigned)hostile_port(w->open));
	ask_all(&w->conf, &a, 1);
	is_answer(&a, 200);
	assert_int_equal(a.hops, 2);
	assert_int_equal(a.redirects, 2);
	assert_non_null(strstr(a.text, "X-Hop: /echo?x\r\n"));
	assert_null(strstr(a.text, "X-Hop: /to/"));
	/* What may not be followed is not offered either. */
	(void)snprintf(a.url, sizeof(a.url), "http://" OPEN_IP ":%u/loop",
		(unsigned)hostile_port(w->open));
	ask_all(&w->conf, &a, 1);
	is_failure(&a, ERR_UPSTREAM);
}

/* What a server sends may be sent back to it, so a lone CR of its must not split a request. */
static void
keeps_headers_whole(void **state)
{
	struct world *w = *state;
	struct ask a = ask(&w->conf, HTTP_FEED, w->open, "/broken-line");

	is_answer(&a, 200);
	assert_string_equal(a.etag, "\"a b\"");
	a = (struct ask){.kind = HTTP_FEED,
		.headers = {{SPAN("If-None-Match"), SPAN("\"a\rb\"")}},
		.n_headers = 1};
	(void)snprintf(a.url, sizeof(a.url), "http://" OPEN_IP ":%u/echo",
		(unsigned)hostile_port(w->open));
	ask_all(&w->conf, &a, 1);
	is_failure(&a, ERR_INPUT);
}

static void
drops_credentials(void **state)
{
	struct world *w = *state;
	struct ask a = {.kind = HTTP_FEED,
		.headers = {{SPAN("Authorization"), SPAN("Bearer geheim")},
			{SPAN("Accept"), SPAN("text/x")}},
		.n_headers = 2};

	(void)snprintf(a.url, sizeof(a.url), "http://" OPEN_IP ":%u/to//echo",
		(unsigned)hostile_port(w->open));
	ask_all(&w->conf, &a, 1);
	is_answer(&a, 200);
	assert_non_null(strstr(a.text, "Authorization: Bearer geheim\r\n"));
	(void)snprintf(a.url, sizeof(a.url),
		"http://" OPEN_IP ":%u/to/http://" OTHER_IP ":%u/echo",
		(unsigned)hostile_port(w->open), (unsigned)hostile_port(w->other));
	ask_all(&w->conf, &a, 1);
	is_answer(&a, 200);
	assert_null(strstr(a.text, "geheim"));
	assert_non_null(strstr(a.text, "Accept: text/x\r\n"));
}

/* ---- TLS ---- */

static struct ask
ask_tls(const struct conf *conf, const struct hostile *h, const char *path)
{
	struct ask a = {.kind = HTTP_AP};

	(void)snprintf(a.url, sizeof(a.url), "https://%s:%u%s", hostile_ip(h),
		(unsigned)hostile_port(h), path);
	ask_all(conf, &a, 1);
	return a;
}

static void
checks_certificates(void **state)
{
	struct world *w = *state;
	struct ask a = ask_tls(&w->conf_ca, w->tls, "/ok");

	is_answer(&a, 200);
	a = ask_tls(&w->conf, w->tls, "/ok"); /* an authority that nobody knows */
	is_failure(&a, ERR_TLS);
	a = ask_tls(&w->conf_ca, w->old_tls, "/ok");
	is_failure(&a, ERR_TLS);
	a = ask_tls(&w->conf_ca, w->wrong_tls, "/ok");
	is_failure(&a, ERR_TLS);
	a = ask_tls(&w->conf_ca, w->open, "/ok"); /* speaks no TLS at all */
	is_failure(&a, ERR_TLS);
	assert_int_equal(hostile_requests(w->old_tls) + hostile_requests(w->wrong_tls), 0);
}

static void
stays_on_https(void **state)
{
	struct world *w = *state;
	char path[200];
	struct ask a;

	(void)snprintf(path, sizeof(path), "/to/http://" OPEN_IP ":%u/ok",
		(unsigned)hostile_port(w->open));
	a = ask_tls(&w->conf_ca, w->tls, path);
	is_failure(&a, ERR_UPSTREAM);
	/* Kinds that take https alone take http only from allow_private. */
	a = (struct ask){.kind = HTTP_AP, .url = "http://8.8.8.8/"};
	ask_all(&w->conf, &a, 1);
	is_failure(&a, ERR_ADDRESS);
}

/* ---- ended from outside ---- */

static void
flow_deadline_ends_it(void **state)
{
	struct world *w = *state;
	struct ask one = {.kind = HTTP_FEED}, *a = &one;
	int64_t began = clock_mono_ms();
	struct flowrun r;

	(void)snprintf(one.url, sizeof(one.url), "http://" OPEN_IP ":%u/mute",
		(unsigned)hostile_port(w->open));
	flowrun_init(&r);
	r.env.conf = &w->conf;
	r.env.http = http_new(r.loop, &w->conf);
	flowrun_start(&r, &one.end, &ask_short_flow, &a, sizeof(a), NULL);
	flowrun_wait(&r);
	http_free(r.env.http);
	flowrun_fini(&r);
	is_failure(&one, ERR_TIMEOUT);
	assert_true(clock_mono_ms() - began < 1000);
}

struct stopper {
	struct flowrun *run;
	struct loop_timer timer;
	struct ask *cancel; /* NULL = stop the whole loop */
};

static void
stop_now(void *arg)
{
	struct stopper *s = arg;
	struct arena *a = arena_new();

	if (s->cancel)
		task_cancel(
			s->cancel->end.task, err_new(a, ERR_CONFLICT, "not wanted any more"));
	else
		loop_stop(s->run->loop, 0);
	arena_free(a);
}

static struct ask
ask_stopped(struct world *w, const char *path, bool cancel)
{
	struct ask one = {.kind = HTTP_FEED}, *a = &one;
	struct flowrun r;
	struct stopper s = {.run = &r, .cancel = cancel ? &one : NULL};

	(void)snprintf(one.url, sizeof(one.url), "http://" OPEN_IP ":%u%s",
		(unsigned)hostile_port(w->open), path);
	flowrun_init(&r);
	r.env.conf = &w->conf;
	r.env.http = http_new(r.loop, &w->conf);
	flowrun_start(&r, &one.end, &ask_flow, &a, sizeof(a), NULL);
	loop_timer_set(r.loop, &s.timer, 100, stop_now, &s);
	flowrun_wait(&r);
	http_free(r.env.http);
	flowrun_fini(&r);
	return one;
}

static void
stop_and_cancel_end_it(void **state)
{
	static const char *const paths[] = {"/mute", "/drip", "/endless"};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct ask a = ask_stopped(w, paths[i], false);

		if (strcmp(paths[i], "/endless") != 0)
			is_failure(&a, ERR_STOPPED);
		assert_true(a.end.failed);
		a = ask_stopped(w, paths[i], true);
		if (strcmp(paths[i], "/endless") != 0)
			is_failure(&a, ERR_CONFLICT);
		assert_true(a.end.failed);
	}
}

/* ---- a name server that does not answer ---- */

static atomic_int lookups;

int slow_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **res) __asm__("getaddrinfo");

/* In place of the system's: one name takes three seconds. */
int
slow_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **res)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	if (node && strcmp(node, "langsam.example") == 0) {
		atomic_fetch_add(&lookups, 1);
		(void)sleep(3);
		return EAI_AGAIN;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real(node, service, hints, res);
}

struct beat {
	struct loop *loop;
	struct loop_timer timer;
	int64_t last_ms, worst_ms;
};

static void
beat(void *arg)
{
	struct beat *b = arg;
	int64_t now = clock_mono_ms();

	if (b->last_ms && now - b->last_ms > b->worst_ms)
		b->worst_ms = now - b->last_ms;
	b->last_ms = now;
	loop_timer_set(b->loop, &b->timer, 10, beat, b);
}

static void
slow_names_do_not_stop_the_loop(void **state)
{
	struct world *w = *state;
	struct ask one = {.kind = HTTP_FEED,
			   .url = "http://langsam.example/",
			   .timeout_ms = 300},
		   *a = &one;
	int64_t began = clock_mono_ms();
	struct flowrun r;
	struct beat b = {0};

	flowrun_init(&r);
	r.env.conf = &w->conf;
	r.env.http = http_new(r.loop, &w->conf);
	b.loop = r.loop;
	beat(&b);
	flowrun_start(&r, &one.end, &ask_flow, &a, sizeof(a), NULL);
	flowrun_wait(&r);
	assert_true(clock_mono_ms() - began < 2000);
	loop_timer_clear(&b.timer);
	http_free(r.env.http);
	flowrun_fini(&r);
	assert_int_equal(atomic_load(&lookups), 1);
	is_failure(&one, ERR_TIMEOUT);
	assert_true(
		b.worst_ms < 1000); /* it was three seconds when the thread was waited for */
	(void)sleep(3);             /* the thread frees its memory by itself */
}

/* ---- judging ---- */

static void
verdicts(void **state)
{
	static const struct {
		int status;
		enum http_verdict verdict;
		enum err_kind kind;
	} rows[] = {
		{200, VERDICT_OK, ERR_UPSTREAM},
		{202, VERDICT_OK, ERR_UPSTREAM},
		{304, VERDICT_NOT_MODIFIED, ERR_UPSTREAM},
		{301, VERDICT_REFUSED, ERR_UNPROCESSABLE},
		{400, VERDICT_REFUSED, ERR_UNPROCESSABLE},
		{401, VERDICT_AUTH, ERR_FORBIDDEN},
		{403, VERDICT_AUTH, ERR_FORBIDDEN},
		{404, VERDICT_NOT_FOUND, ERR_NOT_FOUND},
		{408, VERDICT_RETRY, ERR_UPSTREAM},
		{410, VERDICT_GONE, ERR_GONE},
		{429, VERDICT_RETRY, ERR_TOO_MANY},
		{500, VERDICT_RETRY, ERR_UPSTREAM},
		{501, VERDICT_REFUSED, ERR_UNPROCESSABLE},
		{503, VERDICT_RETRY, ERR_UPSTREAM},
		{999, VERDICT_RETRY, ERR_UPSTREAM},
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_call c = {.status = rows[i].status,
			.retry_after_s = 7,
			.final.host = SPAN("k.example")};
		const struct err *e = http_error(w->arena, &c);

		assert_int_equal(http_verdict(&c), rows[i].verdict);
		assert_int_equal(e->kind, rows[i].kind);
		assert_int_equal(e->retry_after_s, 7);
		assert_true(span_has(e->text, SPAN("k.example")));
	}
}

/* ---- the world ---- */

static void
make_bombs(void)
{
	static unsigned char zeros[20 * MIB];

	bomb_n = gzip(zeros, sizeof(zeros), bomb, sizeof(bomb));
	nested_n = gzip(bomb, bomb_n, nested, sizeof(nested));
	small_n = gzip("hello hello hello", 17, small, sizeof(small));
}

static int
setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	make_bombs();
	w->arena = arena_new();
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/litfass-http.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->ca_file, sizeof(w->ca_file), "%s/ca.pem", w->dir);
	w->ca = tls_ca_new(w->ca_file);
	w->good = tls_identity_new(w->ca, OPEN_IP, -60);
	w->old = tls_identity_new(w->ca, OPEN_IP, -7200);
	w->wrong = tls_identity_new(w->ca, "andere.example", -60);
	w->open = hostile_start(OPEN_IP, answer, w, NULL);
	w->other = hostile_start(OTHER_IP, answer, w, NULL);
	w->shut = hostile_start(SHUT_IP, answer, w, NULL);
	w->tls = hostile_start(OPEN_IP, answer, w, w->good);
	w->old_tls = hostile_start(OPEN_IP, answer, w, w->old);
	w->wrong_tls = hostile_start(OPEN_IP, answer, w, w->wrong);
	assert_true(conf_range_parse(SPAN("127.41.0.0/24"), &w->range));
	w->map[0] = (struct conf_host_map){SPAN("kreis.example"),
		arena_printf(w->arena, OPEN_IP ":%u", (unsigned)hostile_port(w->open))};
	w->map[1] = (struct conf_host_map){SPAN("verboten.example"),
		arena_printf(w->arena, SHUT_IP ":%u", (unsigned)hostile_port(w->shut))};
	w->conf = (struct conf){.allow_private = &w->range,
		.n_allow_private = 1,
		.host_map = w->map,
		.n_host_map = 2};
	w->conf_ca = w->conf;
	w->conf_ca.ca_file = span_of(w->ca_file);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	hostile_stop(w->open);
	hostile_stop(w->other);
	hostile_stop(w->shut);
	hostile_stop(w->tls);
	hostile_stop(w->old_tls);
	hostile_stop(w->wrong_tls);
	tls_identity_free(w->ca);
	tls_identity_free(w->good);
	tls_identity_free(w->old);
	tls_identity_free(w->wrong);
	(void)unlink(w->ca_file);
	(void)rmdir(w->dir);
	arena_free(w->arena);
	free(w);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(asks_for_little),
		cmocka_unit_test(follows_redirects),
		cmocka_unit_test(says_permanent),
		cmocka_unit_test(forbidden_is_not_connected),
		cmocka_unit_test(forbidden_beside_permitted),
		cmocka_unit_test(nothing_private_by_default),
		cmocka_unit_test(refuses_urls),
		cmocka_unit_test(caps_hold),
		cmocka_unit_test(broken_answers_fail),
		cmocka_unit_test(slow_answers_time_out),
		cmocka_unit_test(reads_retry_after),
		cmocka_unit_test(maps_hosts),
		cmocka_unit_test(never_redirects_a_post),
		cmocka_unit_test(posts),
		cmocka_unit_test(sends_each_hop),
		cmocka_unit_test(keeps_headers_whole),
		cmocka_unit_test(drops_credentials),
		cmocka_unit_test(checks_certificates),
		cmocka_unit_test(stays_on_https),
		cmocka_unit_test(flow_deadline_ends_it),
		cmocka_unit_test(stop_and_cancel_end_it),
		cmocka_unit_test(slow_names_do_not_stop_the_loop),
		cmocka_unit_test(verdicts),
	};

	return cmocka_run_group_tests_name("http", tests, setup, teardown);
}
