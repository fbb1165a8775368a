#include "net/httpd_req.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/metric.h"

#define GZIP_MIN 1024

static bool
header_text_valid(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			return false;
	return true;
}

/* A value with a line end would be two headers: it is not sent at all. */
static void
reply_header(struct httpd_req *r, const char *name, struct span value)
{
	if (!value.p)
		return;
	if (!header_text_valid(value)) {
		log_at(LOG_ERROR, NULL, "header_refused", "name=%s value=%.*s", name,
			LOG_STR(value));
		return;
	}
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

/* Of the parameters of a coding: a weight of 0 means never (RFC 9110 12.4.2). */
static bool
weight_is_zero(struct span params)
{
	struct span param;

	while (params.p && span_cut(&params, ';', &param)) {
		param = span_trim(param);
		if (!span_starts(param, SPAN("q=")) && !span_starts(param, SPAN("Q=")))
			continue;
		for (size_t i = 2; i < param.n; i++)
			if (param.p[i] != '0' && param.p[i] != '.')
				return false;
		return true;
	}
	return false;
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
			return !weight_is_zero(q);
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
	struct bufferevent *bev = httpd_req_bev(ev);
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
	httpd_conn_reply(h->conns, bev, body ? evbuffer_get_length(body) : 0);
	evhttp_send_reply(ev, status, status_reason(status), body);
	httpd_conn_push(h->conns, bev);
	if (body)
		evbuffer_free(body);
	httpd_req_unref(r);
}

void
httpd_send(struct httpd_req *r, const struct httpd_reply *p)
{
	struct evbuffer *b = NULL;
	int status = p->status;

	MAGIC_CHECK(r, REQ_MAGIC);
	if (!r->ev)
		return;
	if (status == 200 && etag_matches(httpd_header(r, "if-none-match"), p->etag))
		status = 304;
	reply_common(r, p);
	reply_header(r, "Vary", p->vary);
	reply_header(r, "ETag", p->etag);
	if (status != 304 && p->body.n > 0) {
		b = evbuffer_new();
		assert(b);
		(void)evbuffer_add(b, p->body.p, p->body.n);
	}
	reply_out(r, status, b, (int64_t)p->body.n);
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
	bool zips, zipped; /* gzip is worth it; it was made, for the first who accepts it */
	struct span gzip;
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
	f->zips = q->body.n >= GZIP_MIN && gzip_worth(q->type);
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
	return sizeof(*f) + arena_used(f->arena) + (f->zips ? f->reply.body.n : 0);
}

/* The gzip of the body, SPAN_NONE if there is none. */
static struct span
frozen_gzip(struct httpd_frozen *f)
{
	if (!f->zipped) {
		f->zipped = true;
		f->gzip = gzip_make(f->arena, f->reply.body);
	}
	return f->gzip;
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
	if (f->zips) {
		vary = vary.p ? arena_printf(r->arena, "%.*s, Accept-Encoding", SPAN_FMT(vary))
			      : SPAN("Accept-Encoding");
		if (accepts_gzip(r) && frozen_gzip(f).p) {
			body = f->gzip;
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
	int64_t a = 0, b = INT64_MAX;

	if (!s.p || !span_starts(s, SPAN("bytes=")) || span_find_byte(s, ',') != SIZE_MAX)
		return false;
	s = span_slice(s, 6, s.n);
	dash = span_find_byte(s, '-');
	if (dash == SIZE_MAX)
		return false;
	if (dash == 0) { /* the last so many bytes */
		if (!span_i64(span_slice(s, 1, s.n), 0, INT64_MAX, &a))
			return false;
		*bad = a == 0 || size == 0;
		a = a > size ? 0 : size - a;
	} else {
		if (!span_i64(span_slice(s, 0, dash), 0, INT64_MAX, &a) ||
			(dash + 1 < s.n &&
				!span_i64(span_slice(s, dash + 1, s.n), a, INT64_MAX, &b)))
			return false;
		*bad = a >= size;
	}
	*from = a;
	*to = b < size ? b : size - 1;
	return true;
}

/* If-Range: the rest of another entity is of no use. */
static bool
range_applies(const struct httpd_req *r, struct span etag)
{
	struct span tag = httpd_header(r, "if-range");

	return !tag.p || span_eq(tag, etag);
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
	else if (r->method == HTTPD_GET && range_applies(r, head->etag) &&
		 range_parse(httpd_header(r, "range"), size, &from, &to, &bad))
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
	reply_out(r, status, b, status == 416 ? 0 : to - from + 1);
}
