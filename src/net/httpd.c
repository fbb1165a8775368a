#include "net/httpd.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/metric.h"
#include "base/text.h"
#include "net/httpd_conn.h"
#include "net/route.h"

#define HTTPD_MAGIC 0x68747064u
#define REQ_MAGIC 0x68726571u
#define HEADERS_MAX 64
#define HEAD_BYTES 16384
#define TARGET_MAX 4096
#define BODY_MAX (1024 * 1024)
#define PARAMS_MAX 32
#define GZIP_MIN 1024

struct httpd {
	unsigned magic;
	struct loop *loop;
	struct evhttp *http;
	struct httpd_conns *conns;
	struct httpd_opts opts;
	httpd_error_fn *error_fn;
	void *error_arg;
};

struct httpd_pair {
	struct span name, value;
};

struct httpd_req {
	unsigned magic;
	int refs; /* evhttp until the answer is out; the flow while it runs */
	struct httpd *httpd;
	struct evhttp_request *ev; /* NULL after the answer */
	struct arena *arena;
	enum httpd_method method;
	enum httpd_site site;
	struct span target, path, query, body, client;
	struct http_header *headers;
	size_t n_headers;
	struct httpd_pair *params;
	size_t n_params;
	bool params_read;
	int64_t started_ms;
	struct route_match match;
};

/* ---- looking at the request ---- */

enum httpd_method
httpd_method(const struct httpd_req *r)
{
	MAGIC_CHECK(r, REQ_MAGIC);
	return r->method;
}

enum httpd_site
httpd_site(const struct httpd_req *r)
{
	return r->site;
}

struct span
httpd_target(const struct httpd_req *r)
{
	return r->target;
}

struct span
httpd_path(const struct httpd_req *r)
{
	return r->path;
}

struct span
httpd_query(const struct httpd_req *r)
{
	return r->query;
}

struct span
httpd_header(const struct httpd_req *r, const char *name)
{
	for (size_t i = 0; i < r->n_headers; i++)
		if (span_is_nocase(r->headers[i].name, name))
			return r->headers[i].value;
	return SPAN_NONE;
}

size_t
httpd_headers(const struct httpd_req *r, const struct http_header **out)
{
	*out = r->headers;
	return r->n_headers;
}

struct span
httpd_body(const struct httpd_req *r)
{
	return r->body;
}

struct span
httpd_client(const struct httpd_req *r)
{
	return r->client;
}

struct arena *
httpd_arena(struct httpd_req *r)
{
	return r->arena;
}

struct env *
httpd_env(const struct httpd_req *r)
{
	return loop_env(r->httpd->loop);
}

int64_t
httpd_started_ms(const struct httpd_req *r)
{
	return r->started_ms;
}

void
httpd_set_match(struct httpd_req *r, const struct route_match *m)
{
	r->match = *m;
}

const struct route_match *
httpd_match(const struct httpd_req *r)
{
	return &r->match;
}

/* Keys that cannot be decoded are as good as absent. */
static void
req_read_params(struct httpd_req *r)
{
	struct span rest = r->query, pair;

	r->params_read = true;
	if (!rest.p)
		return;
	r->params = ARENA_ARRAY(r->arena, PARAMS_MAX, struct httpd_pair);
	while (r->n_params < PARAMS_MAX && span_cut(&rest, '&', &pair)) {
		size_t eq = span_find_byte(pair, '=');
		struct httpd_pair *p = &r->params[r->n_params];

		if (percent_decode(r->arena, span_slice(pair, 0, eq), true, &p->name) &&
			percent_decode(r->arena,
				eq == SIZE_MAX ? SPAN("") : span_slice(pair, eq + 1, pair.n),
				true, &p->value) &&
			utf8_valid(p->value))
			r->n_params++;
	}
}

struct span
httpd_param_n(struct httpd_req *r, const char *name, size_t n)
{
	if (!r->params_read)
		req_read_params(r);
	for (size_t i = 0; i < r->n_params; i++)
		if (span_is(r->params[i].name, name) && n-- == 0)
			return r->params[i].value;
	return SPAN_NONE;
}

struct span
httpd_param(struct httpd_req *r, const char *name)
{
	return httpd_param_n(r, name, 0);
}

/* ---- the guard: what evhttp lets through and must not reach a handler ---- */

static bool
token_valid(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", (int)c))
			return false;
	}
	return true;
}

static bool
value_valid(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
			return false;
	return true;
}

static const struct err *
guard_headers(struct httpd_req *r, struct evhttp_request *ev, struct span *host)
{
	struct evkeyvalq *in = evhttp_request_get_input_headers(ev);
	unsigned lengths = 0, codings = 0, hosts = 0;
	struct evkeyval *kv;
	uint64_t v;

	r->headers = ARENA_ARRAY(r->arena, HEADERS_MAX, struct http_header);
	TAILQ_FOREACH(kv, in, next)
	{
		struct span name = span_of(kv->key), value = span_of(kv->value);

		if (r->n_headers == HEADERS_MAX)
			return err_new(
				r->arena, ERR_INPUT, "a request has at most 64 header lines");
		if (!token_valid(kv->key) || !value_valid(kv->value))
			return err_new(r->arena, ERR_INPUT, "a header line is malformed");
		r->headers[r->n_headers++] = (struct http_header){.name = name, .value = value};
		if (span_is_nocase(name, "content-length")) {
			lengths++;
			if (!span_u64(value, INT64_MAX, &v))
				return err_new(
					r->arena, ERR_INPUT, "Content-Length is not a number");
		} else if (span_is_nocase(name, "transfer-encoding")) {
			codings++;
			if (!span_is_nocase(value, "chunked") || ev->minor == 0)
				return err_new(r->arena, ERR_INPUT,
					"Transfer-Encoding must be chunked, in HTTP/1.1");
		} else if (span_is_nocase(name, "host")) {
			hosts++;
			*host = value;
		}
	}
	if (lengths > 1 || codings > 1 || (lengths && codings))
		return err_new(r->arena, ERR_INPUT, "the length of the body is ambiguous");
	if (hosts != 1)
		return err_new(r->arena, ERR_INPUT, "a request has exactly one Host header");
	return NULL;
}

/* The authority as our configuration writes it: lower case, no default port. */
static bool
guard_site(struct httpd_req *r, struct span host)
{
	const struct conf *c = r->httpd->opts.conf;
	const struct url *sites[] = {&c->base_url, &c->media_base_url};

	if (r->httpd->opts.any_host)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(sites); i++) {
		struct span tail = SPAN_NONE;

		if (span_starts_nocase(host, sites[i]->authority))
			tail = span_slice(host, sites[i]->authority.n, host.n);
		if (!tail.p || (tail.n > 0 && !span_is(tail, sites[i]->https ? ":443" : ":80")))
			continue;
		if (tail.n > 0 && span_find_byte(sites[i]->authority, ':') != SIZE_MAX &&
			sites[i]->authority.p[0] != '[')
			continue;
		r->site = (enum httpd_site)i;
		return true;
	}
	return false;
}

static const struct err *
guard_path(struct httpd_req *r, const char *uri, struct span host)
{
	struct span raw = span_of(uri), rest, seg;
	size_t query;

	/* absolute-form: our own host may be spelled out before the path. */
	if (raw.n > 0 && raw.p[0] != '/') {
		struct span head = arena_printf(r->arena, "%s://%.*s",
			r->httpd->opts.conf->base_url.https ? "https" : "http", SPAN_FMT(host));

		if (!span_starts_nocase(raw, head) || raw.n == head.n || raw.p[head.n] != '/')
			return err_new(
				r->arena, ERR_INPUT, "the request target must be a path");
		raw = span_slice(raw, head.n, raw.n);
	}
	if (raw.n == 0 || raw.n > TARGET_MAX)
		return err_new(r->arena, ERR_INPUT, "the request target has 1 to 4096 bytes");
	for (size_t i = 0; i < raw.n; i++)
		if ((unsigned char)raw.p[i] <= ' ' || (unsigned char)raw.p[i] >= 0x7f ||
			raw.p[i] == '#' || raw.p[i] == '\\')
			return err_new(r->arena, ERR_INPUT,
				"the request target holds a character that must be encoded");
	r->target = raw;
	query = span_find_byte(raw, '?');
	r->query = query == SIZE_MAX ? SPAN_NONE : span_slice(raw, query + 1, raw.n);
	raw = span_slice(raw, 0, query);
	if (span_find_nocase(raw, SPAN("%2f")) != SIZE_MAX ||
		span_find_nocase(raw, SPAN("%5c")) != SIZE_MAX || span_has(raw, SPAN("%00")) ||
		!percent_decode(r->arena, raw, false, &r->path) || !utf8_valid(r->path))
		return err_new(r->arena, ERR_INPUT, "the path is not properly encoded");
	rest = span_slice(r->path, 1, r->path.n);
	while (span_cut(&rest, '/', &seg))
		if (span_is(seg, "..") || span_is(seg, ".") || (seg.n == 0 && rest.p))
			return err_new(
				r->arena, ERR_INPUT, "the path holds empty or dot segments");
	return NULL;
}

static bool
guard_method(struct evhttp_request *ev, enum httpd_method *m)
{
	switch (evhttp_request_get_command(ev)) {
	case EVHTTP_REQ_GET:
		*m = HTTPD_GET;
		return true;
	case EVHTTP_REQ_HEAD:
		*m = HTTPD_HEAD;
		return true;
	case EVHTTP_REQ_POST:
		*m = HTTPD_POST;
		return true;
	case EVHTTP_REQ_PUT:
		*m = HTTPD_PUT;
		return true;
	case EVHTTP_REQ_PATCH:
		*m = HTTPD_PATCH;
		return true;
	case EVHTTP_REQ_DELETE:
		*m = HTTPD_DELETE;
		return true;
	case EVHTTP_REQ_OPTIONS:
		*m = HTTPD_OPTIONS;
		return true;
	default:
		return false;
	}
}

/* The address behind trusted proxies: the last entry that is not one of them. */
static void
guard_client(struct httpd_req *r, struct evhttp_request *ev)
{
	const struct conf *c = r->httpd->opts.conf;
	struct span list = httpd_header(r, "x-forwarded-for");
	struct conf_net_range addr;
	char *peer = NULL;
	ev_uint16_t port;

	evhttp_connection_get_peer(evhttp_request_get_connection(ev), &peer, &port);
	r->client = arena_dup(r->arena, span_of(peer ? peer : "unknown"));
	while (list.p && conf_range_parse(r->client, &addr) &&
		conf_range_has(c->trusted_proxies, c->n_trusted_proxies, addr.addr)) {
		size_t comma = span_rfind_byte(list, ',');
		struct span last = span_trim(
			comma == SIZE_MAX ? list : span_slice(list, comma + 1, list.n));

		if (!conf_range_parse(last, &addr) || addr.prefix != 128)
			return;
		r->client = last;
		list = comma == SIZE_MAX ? SPAN_NONE : span_slice(list, 0, comma);
	}
}

static const struct err *
guard(struct httpd_req *r, struct evhttp_request *ev)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(ev);
	size_t n = evbuffer_get_length(in), max;
	const bool odd = ev->major != 1 || (ev->minor != 0 && ev->minor != 1);
	struct span host = SPAN_NONE;
	const struct err *e;

	/* evhttp would answer in the version it was asked, and an absolute target as a proxy.
	 */
	if (odd)
		ev->major = ev->minor = 1;
	ev->flags &= ~EVHTTP_PROXY_REQUEST;
	if ((e = guard_headers(r, ev, &host)))
		return e;
	if (odd)
		return err_new(
			r->arena, ERR_INPUT, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	if (!guard_method(ev, &r->method))
		return err_new(r->arena, ERR_METHOD, "this method is not known here");
	if (!guard_site(r, host))
		return err_new(r->arena, ERR_MISDIRECTED,
			"this server does not answer for that host: check Host and base_url");
	if ((e = guard_path(r, evhttp_request_get_uri(ev), host)))
		return e;
	guard_client(r, ev);
	max = r->httpd->opts.body_limit ? r->httpd->opts.body_limit(r->method, r->site, r->path,
						  r->httpd->opts.arg)
					: 0;
	if (n > max)
		return err_new(r->arena, ERR_TOO_LARGE, "a body of %zu bytes: at most %zu here",
			n, max);
	if (n > 0)
		r->body = span_from(evbuffer_pullup(in, -1), n);
	else
		r->body = SPAN("");
	return NULL;
}

/* ---- life of a request ---- */

static void
req_unref(struct httpd_req *r)
{
	MAGIC_CHECK(r, REQ_MAGIC);
	if (--r->refs > 0)
		return;
	r->magic = 0;
	arena_free(r->arena);
}

static struct bufferevent *
req_bev(struct evhttp_request *ev)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(ev);

	return evcon ? evhttp_connection_get_bufferevent(evcon) : NULL;
}

static void
req_written(struct evhttp_request *ev, void *arg)
{
	struct httpd *h = arg;

	httpd_conn_done(h->conns, req_bev(ev));
}

static void
httpd_request(struct evhttp_request *ev, void *arg)
{
	struct httpd *h = arg;
	struct arena *a = arena_new();
	struct httpd_req *r = ARENA_NEW(a, struct httpd_req);
	const struct err *e;

	MAGIC_CHECK(h, HTTPD_MAGIC);
	*r = (struct httpd_req){.magic = REQ_MAGIC,
		.refs = 1,
		.httpd = h,
		.ev = ev,
		.arena = a,
		.method = HTTPD_GET,
		.started_ms = clock_mono_ms()};
	evhttp_request_set_on_complete_cb(ev, req_written, h);
	if (!httpd_conn_begin(h->conns, req_bev(ev)))
		(void)evhttp_add_header(
			evhttp_request_get_output_headers(ev), "Connection", "close");
	e = guard(r, ev);
	if (e) {
		/* Whatever follows on this connection may be part of what we doubt. */
		metric_inc(METRIC_HTTP_REFUSED);
		(void)evhttp_remove_header(evhttp_request_get_output_headers(ev), "Connection");
		(void)evhttp_add_header(
			evhttp_request_get_output_headers(ev), "Connection", "close");
		if (e->kind == ERR_METHOD)
			httpd_add_header(r, "Allow", SPAN("GET, HEAD, POST, OPTIONS"));
		httpd_send_error(r, e);
		return;
	}
	h->opts.handler(r, h->opts.arg);
}

/* ---- answering ---- */

static bool
header_text_valid(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			return false;
	return true;
}

static void
reply_header(struct httpd_req *r, const char *name, struct span value)
{
	if (!value.p)
		return;
	assert(header_text_valid(value));
	(void)evhttp_add_header(
		evhttp_request_get_output_headers(r->ev), name, arena_cstr(r->arena, value));
}

void
httpd_add_header(struct httpd_req *r, const char *name, struct span value)
{
	MAGIC_CHECK(r, REQ_MAGIC);
	if (r->ev)
		reply_header(r, name, value);
}

/* The weak comparison of RFC 9110 13.1.2; our tags hold no commas. */
static bool
etag_matches(struct span list, struct span etag)
{
	struct span field;

	if (!list.p || !etag.p)
		return false;
	while (span_cut(&list, ',', &field)) {
		field = span_trim(field);
		if (span_is(field, "*"))
			return true;
		if (span_starts(field, SPAN("W/")))
			field = span_slice(field, 2, field.n);
		if (span_eq(field, etag))
			return true;
	}
	return false;
}

/* The same entity in another coding is another entity: "x" becomes "x-gz". */
static struct span
etag_gzip(struct arena *a, struct span etag)
{
	if (!etag.p || etag.n < 2)
		return etag;
	return arena_printf(a, "%.*s-gz\"", (int)(etag.n - 1), etag.p);
}

static bool
accepts_gzip(const struct httpd_req *r)
{
	struct span list = httpd_header(r, "accept-encoding"), field;

	while (list.p && span_cut(&list, ',', &field)) {
		struct span name;
		struct span q = field;

		(void)span_cut(&q, ';', &name);
		if (span_is_nocase(span_trim(name), "gzip"))
			return !q.p || (!span_has(q, SPAN("q=0")) || span_has(q, SPAN("q=0.")));
	}
	return false;
}

static const char *
status_reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 202:
		return "Accepted";
	case 204:
		return "No Content";
	case 206:
		return "Partial Content";
	case 301:
		return "Moved Permanently";
	case 302:
		return "Found";
	case 303:
		return "See Other";
	case 304:
		return "Not Modified";
	case 416:
		return "Range Not Satisfiable";
	default:
		for (int k = 0; k < ERR_KINDS; k++) {
			struct err e = {.kind = (enum err_kind)k};

			if (err_status(&e) == status)
				return err_title(e.kind);
		}
		return "Status";
	}
}

static const struct span csp_default = {
	.p = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
	.n = sizeof("default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action "
		    "'none'") -
	     1};

static void
reply_common(struct httpd_req *r, const struct httpd_reply *p)
{
	reply_header(r, "Content-Type", p->type);
	reply_header(r, "Cache-Control", p->cache_control);
	reply_header(r, "Location", p->location);
	reply_header(r, "Link", p->link);
	reply_header(r, "X-Content-Type-Options", SPAN("nosniff"));
	reply_header(r, "Referrer-Policy", SPAN("no-referrer"));
	reply_header(r, "Content-Security-Policy", p->csp.p ? p->csp : csp_default);
	if (p->cors) {
		reply_header(r, "Access-Control-Allow-Origin", SPAN("*"));
		reply_header(r, "Access-Control-Expose-Headers",
			SPAN("Link, X-RateLimit-Limit, X-RateLimit-Remaining, "
			     "X-RateLimit-Reset, "
			     "ETag"));
	} else {
		reply_header(r, "Cross-Origin-Resource-Policy", SPAN("same-origin"));
		reply_header(r, "Cross-Origin-Opener-Policy", SPAN("same-origin"));
	}
	for (size_t i = 0; i < p->n_more; i++)
		reply_header(r, arena_cstr(r->arena, p->more[i].name), p->more[i].value);
}

/* Hands the answer to evhttp; body may be NULL. r may be gone afterwards. */
static void
reply_out(struct httpd_req *r, int status, struct evbuffer *body, int64_t length)
{
	struct httpd *h = r->httpd;
	struct evhttp_request *ev = r->ev;
	struct evkeyvalq *out = evhttp_request_get_output_headers(ev);

	if (r->method == HTTPD_HEAD || status == 304) {
		if (status != 304)
			(void)evhttp_add_header(out, "Content-Length",
				arena_printf(r->arena, "%lld", (long long)length).p);
		if (body)
			(void)evbuffer_drain(body, evbuffer_get_length(body));
	}
	metric_inc(METRIC_HTTP_REQUESTS);
	log_at(LOG_DEBUG, NULL, "http_request", "status=%d path=%.*s client=%.*s ms=%lld",
		status, LOG_STR(r->path), LOG_STR(r->client),
		(long long)(clock_mono_ms() - r->started_ms));
	r->ev = NULL;
	httpd_conn_reply(h->conns, req_bev(ev));
	evhttp_send_reply(ev, status, status_reason(status), body);
	if (body)
		evbuffer_free(body);
	req_unref(r);
}

void
httpd_send(struct httpd_req *r, const struct httpd_reply *p)
{
	struct span vary = p->vary, body = p->body, etag = p->etag;
	struct evbuffer *b = NULL;
	int status = p->status;

	MAGIC_CHECK(r, REQ_MAGIC);
	if (!r->ev)
		return;
	if (p->gzip.p && accepts_gzip(r)) {
		body = p->gzip;
		etag = etag_gzip(r->arena, etag);
		reply_header(r, "Content-Encoding", SPAN("gzip"));
	}
	if (p->gzip.p)
		vary = vary.p ? arena_printf(r->arena, "%.*s, Accept-Encoding", SPAN_FMT(vary))
			      : SPAN("Accept-Encoding");
	if (status == 200 && etag_matches(httpd_header(r, "if-none-match"), etag))
		status = 304;
	reply_common(r, p);
	reply_header(r, "Vary", vary);
	reply_header(r, "ETag", etag);
	if (status != 304 && body.n > 0) {
		b = evbuffer_new();
		assert(b);
		(void)evbuffer_add(b, body.p, body.n);
	}
	reply_out(r, status, b, (int64_t)body.n);
}

void
httpd_on_error(struct httpd *h, httpd_error_fn *fn, void *arg)
{
	h->error_fn = fn;
	h->error_arg = arg;
}

void
httpd_send_error(struct httpd_req *r, const struct err *e)
{
	struct httpd *h = r->httpd;
	struct httpd_reply p = {.status = err_status(e), .cache_control = SPAN("no-store")};
	struct http_header more[1];

	if (!r->ev)
		return;
	if (err_level(e) >= LOG_WARN)
		log_at((enum log_level)err_level(e), NULL, "request_failed",
			"path=%.*s error=%.*s", LOG_STR(r->path),
			LOG_STR(err_text(r->arena, e)));
	if (!h->error_fn || !r->path.p || !h->error_fn(r, e, &p, h->error_arg)) {
		p.type = SPAN("text/plain; charset=utf-8");
		p.body = arena_printf(r->arena, "%d %s: %.*s\n", p.status, err_title(e->kind),
			SPAN_FMT(e->text));
	}
	if (e->retry_after_s > 0 || p.status == 503 || p.status == 429) {
		more[0] = (struct http_header){.name = SPAN("Retry-After"),
			.value = arena_printf(
				r->arena, "%d", e->retry_after_s > 0 ? e->retry_after_s : 5)};
		p.more = more;
		p.n_more = 1;
	}
	httpd_send(r, &p);
}

/* ---- frozen answers ---- */

struct httpd_frozen {
	int refs;
	struct arena *arena;
	struct httpd_reply reply;
};

/* Best effort: what does not shrink is sent as it is. */
static struct span
gzip_make(struct arena *a, struct span s)
{
	z_stream z = {0};
	size_t cap = s.n;
	char *out;
	int rc;

	if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return SPAN_NONE;
	out = arena_alloc(a, cap);
	z.next_in = (Bytef *)(uintptr_t)s.p;
	z.avail_in = (uInt)s.n;
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)cap;
	rc = deflate(&z, Z_FINISH);
	(void)deflateEnd(&z);
	return rc == Z_STREAM_END ? span_from(out, z.total_out) : SPAN_NONE;
}

static bool
gzip_worth(struct span type)
{
	return span_starts(type, SPAN("text/")) || span_has(type, SPAN("json")) ||
	       span_has(type, SPAN("xml"));
}

struct httpd_frozen *
httpd_freeze(const struct httpd_reply *p)
{
	struct arena *a = arena_new();
	struct httpd_frozen *f = xcalloc(1, sizeof(*f));
	struct httpd_reply *q = &f->reply;
	struct http_header *more = ARENA_ARRAY(a, p->n_more, struct http_header);

	f->refs = 1;
	f->arena = a;
	*q = *p;
	q->type = arena_dup(a, p->type);
	q->body = arena_dup(a, p->body);
	q->etag = arena_dup(a, p->etag);
	q->cache_control = arena_dup(a, p->cache_control);
	q->vary = arena_dup(a, p->vary);
	q->location = arena_dup(a, p->location);
	q->link = arena_dup(a, p->link);
	q->csp = arena_dup(a, p->csp);
	for (size_t i = 0; i < p->n_more; i++) {
		more[i].name = arena_dup(a, p->more[i].name);
		more[i].value = arena_dup(a, p->more[i].value);
	}
	q->more = more;
	q->gzip = SPAN_NONE;
	if (q->body.n >= GZIP_MIN && gzip_worth(q->type))
		q->gzip = gzip_make(a, q->body);
	return f;
}

struct httpd_frozen *
httpd_frozen_ref(struct httpd_frozen *f)
{
	f->refs++;
	return f;
}

void
httpd_frozen_unref(struct httpd_frozen *f)
{
	if (!f || --f->refs > 0)
		return;
	arena_free(f->arena);
	free(f);
}

size_t
httpd_frozen_size(const struct httpd_frozen *f)
{
	return sizeof(*f) + arena_used(f->arena);
}

static void
frozen_written(const void *data, size_t n, void *arg)
{
	(void)data;
	(void)n;
	httpd_frozen_unref(arg);
}

void
httpd_send_frozen(struct httpd_req *r, struct httpd_frozen *f)
{
	const struct httpd_reply *p = &f->reply;
	struct span body = p->body, etag = p->etag, vary = p->vary;
	struct evbuffer *b = NULL;
	int status = p->status;

	MAGIC_CHECK(r, REQ_MAGIC);
	if (!r->ev)
		return;
	if (p->gzip.p) {
		vary = vary.p ? arena_printf(r->arena, "%.*s, Accept-Encoding", SPAN_FMT(vary))
			      : SPAN("Accept-Encoding");
		if (accepts_gzip(r)) {
			body = p->gzip;
			etag = etag_gzip(r->arena, etag);
			reply_header(r, "Content-Encoding", SPAN("gzip"));
		}
	}
	if (status == 200 && etag_matches(httpd_header(r, "if-none-match"), etag))
		status = 304;
	reply_common(r, p);
	reply_header(r, "Vary", vary);
	reply_header(r, "ETag", etag);
	if (status != 304 && body.n > 0 && r->method != HTTPD_HEAD) {
		b = evbuffer_new();
		assert(b);
		(void)evbuffer_add_reference(
			b, body.p, body.n, frozen_written, httpd_frozen_ref(f));
	}
	reply_out(r, status, b, (int64_t)body.n);
}

/* ---- files ---- */

/* One range "bytes=from-to" (RFC 9110 14.2); anything else is answered whole. */
static bool
range_parse(struct span s, int64_t size, int64_t *from, int64_t *to, bool *bad)
{
	size_t dash;
	int64_t a = 0, b = size - 1;

	if (!s.p || !span_starts(s, SPAN("bytes=")) || span_find_byte(s, ',') != SIZE_MAX)
		return false;
	s = span_slice(s, 6, s.n);
	dash = span_find_byte(s, '-');
	if (dash == SIZE_MAX)
		return false;
	if (dash == 0) {
		if (!span_i64(span_slice(s, 1, s.n), 0, INT64_MAX, &b))
			return false;
		*bad = b == 0;
		a = b > size ? 0 : size - b;
		b = size - 1;
	} else {
		if (!span_i64(span_slice(s, 0, dash), 0, INT64_MAX, &a) ||
			(dash + 1 < s.n &&
				!span_i64(span_slice(s, dash + 1, s.n), 0, INT64_MAX, &b)))
			return false;
		if (b >= size)
			b = size - 1;
		*bad = a >= size || a > b;
	}
	*from = a;
	*to = b;
	return true;
}

void
httpd_send_file(struct httpd_req *r, int fd, int64_t size, const struct httpd_reply *head)
{
	int64_t from = 0, to = size - 1;
	struct evbuffer *b = NULL;
	int status = head->status;
	bool bad = false;

	MAGIC_CHECK(r, REQ_MAGIC);
	if (!r->ev) {
		(void)close(fd);
		return;
	}
	if (etag_matches(httpd_header(r, "if-none-match"), head->etag))
		status = 304;
	else if (range_parse(httpd_header(r, "range"), size, &from, &to, &bad))
		status = bad ? 416 : 206;
	reply_common(r, head);
	reply_header(r, "ETag", head->etag);
	reply_header(r, "Accept-Ranges", SPAN("bytes"));
	if (status == 206)
		reply_header(r, "Content-Range",
			arena_printf(r->arena, "bytes %lld-%lld/%lld", (long long)from,
				(long long)to, (long long)size));
	if (status == 416)
		reply_header(r, "Content-Range",
			arena_printf(r->arena, "bytes */%lld", (long long)size));
	if ((status == 200 || status == 206) && r->method != HTTPD_HEAD && size > 0) {
		b = evbuffer_new();
		assert(b);
		if (evbuffer_add_file(b, fd, from, to - from + 1) == 0)
			fd = -1; /* the buffer closes it */
	}
	if (fd >= 0)
		(void)close(fd);
	reply_out(r, status, b, to - from + 1);
}

/* ---- flows ---- */

static void
req_flow_ended(void *arg, const struct err *e)
{
	struct httpd_req *r = arg;

	if (r->ev) {
		const struct err *none = e ? e
					   : err_new(r->arena, ERR_INTERNAL,
						     "the request ended without an answer");

		httpd_send_error(r, none);
	}
	req_unref(r);
}

void
httpd_run(struct httpd_req *r, const struct flow *f)
{
	MAGIC_CHECK(r, REQ_MAGIC);
	r->refs++;
	(void)task_start(&(const struct task_start){.loop = r->httpd->loop,
		.flow = f,
		.arg = &r,
		.arg_size = sizeof(r),
		.ended = req_flow_ended,
		.ended_arg = r});
}

struct httpd_req *
httpd_task_req(struct task *t)
{
	struct httpd_req *const *r = task_arg(t);

	MAGIC_CHECK(*r, REQ_MAGIC);
	return *r;
}

/* ---- life ---- */

struct httpd *
httpd_new(struct loop *l, const struct httpd_opts *o)
{
	struct httpd *h = xcalloc(1, sizeof(*h));
	struct timeval idle = {.tv_sec = HTTPD_IDLE_MS / 1000};

	h->magic = HTTPD_MAGIC;
	h->loop = l;
	h->opts = *o;
	h->http = evhttp_new(loop_base(l));
	assert(h->http);
	evhttp_set_allowed_methods(h->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
						    EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH |
						    EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS);
	evhttp_set_max_headers_size(h->http, HEAD_BYTES);
	evhttp_set_max_body_size(h->http, BODY_MAX);
	evhttp_set_timeout_tv(h->http, &idle);
	evhttp_set_default_content_type(h->http, NULL);
	evhttp_set_gencb(h->http, httpd_request, h);
	h->conns = httpd_conns_new(l, o->conf, h->http);
	return h;
}

void
httpd_listen(struct httpd *h, int fd)
{
	MAGIC_CHECK(h, HTTPD_MAGIC);
	httpd_conns_listen(h->conns, fd);
}

void
httpd_drain(struct httpd *h, int patience_ms)
{
	MAGIC_CHECK(h, HTTPD_MAGIC);
	httpd_conns_drain(h->conns, patience_ms);
}

size_t
httpd_connections(const struct httpd *h)
{
	MAGIC_CHECK(h, HTTPD_MAGIC);
	return httpd_conns_open(h->conns);
}

void
httpd_free(struct httpd *h)
{
	if (!h)
		return;
	MAGIC_CHECK(h, HTTPD_MAGIC);
	httpd_conns_free(h->conns);
	evhttp_free(h->http);
	httpd_conns_settle(h->conns);
	h->magic = 0;
	free(h);
}
