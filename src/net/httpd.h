/*
 * HTTP server: evhttp, wrapped. Nothing else includes it.
 *
 * In front of every handler stand the guard (framing, Host, method, target, header limits), the
 * connection caps and absolute deadlines of doc/net.md. On any framing doubt the answer is 400
 * with `Connection: close`. A request object survives its client: replies to a client that has
 * gone are dropped. One answer per request; a request whose flow ends without one gets 500.
 */
#ifndef NET_HTTPD_H
#define NET_HTTPD_H

#include "base/conf.h"
#include "base/json.h"
#include "net/http.h" /* struct http_header */
#include "task/task.h"

struct httpd_req;

enum httpd_method {
	HTTPD_GET = 1,
	HTTPD_HEAD = 2,
	HTTPD_POST = 4,
	HTTPD_PUT = 8,
	HTTPD_PATCH = 16,
	HTTPD_DELETE = 32,
	HTTPD_OPTIONS = 64,
};

/* Which of our hosts was asked: base_url's authority or media_base_url's. */
enum httpd_site {
	SITE_MAIN,
	SITE_MEDIA,
};

/* Called on the loop for each accepted request; answers at once or keeps req and answers later.
 */
typedef void httpd_handler(struct httpd_req *req, void *arg);

struct httpd_opts {
	const struct conf *conf;
	httpd_handler *handler;
	void *arg;
	/* Largest body of a target, 0 = none; more is answered with 413. */
	size_t (*body_limit)(
		enum httpd_method m, enum httpd_site site, struct span path, void *arg);
	bool any_host; /* for the metrics listener: Host is not looked at */
};

struct httpd *httpd_new(struct loop *l, const struct httpd_opts *o);
/* Serves an inherited, listening, non-blocking socket. */
void httpd_listen(struct httpd *h, int fd);
/*
 * Stops accepting and lets requests under way finish (Connection: close). Idle connections are
 * closed after patience_ms: until then a busy client's next request is still answered. The loop
 * lives until the last connection has ended, at most HTTPD_DRAIN_LAST_MS behind the last flow
 * that the stop has failed.
 */
#define HTTPD_DRAIN_LAST_MS 1000
void httpd_drain(struct httpd *h, int patience_ms);
size_t httpd_connections(const struct httpd *h); /* open ones */
void httpd_free(struct httpd *h);

/* ---- the request; spans live until it is answered: then evhttp frees what they point to ----
 */
enum httpd_method httpd_method(const struct httpd_req *r);
enum httpd_site httpd_site(const struct httpd_req *r);
struct span httpd_target(const struct httpd_req *r); /* as on the wire, for signatures */
struct span httpd_path(const struct httpd_req *r);   /* decoded once, checked */
struct span httpd_query(const struct httpd_req *r);  /* raw, without '?' */
/* Decoded parameter, SPAN_NONE when absent; at most 32 keys are looked at. */
struct span httpd_param(struct httpd_req *r, const char *name);
struct span httpd_header(const struct httpd_req *r, const char *name);
size_t httpd_headers(const struct httpd_req *r, const struct http_header **out);
struct span httpd_body(const struct httpd_req *r);
struct span httpd_client(
	const struct httpd_req *r); /* IP text, X-Forwarded-For of trusted proxies */
struct arena *httpd_arena(struct httpd_req *r);
struct env *httpd_env(const struct httpd_req *r);

/* ---- the answer ---- */
struct httpd_reply {
	int status;
	struct span type; /* Content-Type, SPAN_NONE = none */
	struct span body; /* copied */
	struct span etag; /* with quotes; If-None-Match is answered with 304 */
	struct span cache_control, vary, location, link;
	bool cors;       /* Access-Control-Allow-Origin: * and the exposed headers */
	struct span csp; /* Content-Security-Policy, SPAN_NONE = the strict default */
	const struct http_header *more;
	size_t n_more;
};
void httpd_send(struct httpd_req *r, const struct httpd_reply *p);
/* One more header line of whatever answer follows: Allow, limits. */
void httpd_add_header(struct httpd_req *r, const char *name, struct span value);
/*
 * An answer to be given many times, copied, counted. The body is sent without a copy, and as
 * gzip to whoever accepts that: it is made once, at the first such request.
 */
struct httpd_frozen;
struct httpd_frozen *httpd_freeze(const struct httpd_reply *p);
struct httpd_frozen *httpd_frozen_ref(struct httpd_frozen *f);
void httpd_frozen_unref(struct httpd_frozen *f);
/* Bytes, with what gzip may take. */
size_t httpd_frozen_size(const struct httpd_frozen *f);
void httpd_send_frozen(struct httpd_req *r, struct httpd_frozen *f);
/* Status, text/plain or {"error": ...} or the HTML error page of the web layer's hook. */
void httpd_send_error(struct httpd_req *r, const struct err *e);
/* Serves a file of the media store, with Range; the descriptor is taken over. */
void httpd_send_file(struct httpd_req *r, int fd, int64_t size, const struct httpd_reply *head);

/* How an error page looks is the web layer's; without a hook plain text is sent. */
typedef bool httpd_error_fn(
	struct httpd_req *r, const struct err *e, struct httpd_reply *out, void *arg);
void httpd_on_error(struct httpd *h, httpd_error_fn *fn, void *arg);

/* Runs a flow for this request; its arg is `struct httpd_req *`. See httpd_task_req. */
void httpd_run(struct httpd_req *r, const struct flow *f);
struct httpd_req *httpd_task_req(struct task *t);

#endif
