/*
 * The request of the server and the server itself, as its files know them. Private to src/net.
 *
 *	httpd.c        life of a server, the way of a request to its handler
 *	httpd_guard.c  what is not let through to a handler
 *	httpd_reply.c  answers
 *	httpd_req.c    what handlers read of a request, and its life
 *	httpd_conn.c   connections
 */
#ifndef NET_HTTPD_REQ_H
#define NET_HTTPD_REQ_H

#include "net/httpd.h"
#include "net/httpd_conn.h"
#include "net/route.h"

struct evhttp;
struct evhttp_request;

#define HTTPD_MAGIC 0x68747064u
#define REQ_MAGIC 0x68726571u

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

/* NULL, or why this request does not come to a handler; fills in what handlers read. */
const struct err *httpd_guard(struct httpd_req *r, struct evhttp_request *ev) MUST_CHECK;
/* evhttp's reference, or the flow's, is no longer needed. */
void httpd_req_unref(struct httpd_req *r);
struct bufferevent *httpd_req_bev(
	struct evhttp_request *ev); /* NULL when the client has gone */

#endif
