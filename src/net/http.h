/*
 * HTTP client: the only one of the program (curl multi on the loop).
 *
 * Every request of every caller goes through here, so the address policy, the caps and the
 * deadlines of doc/net.md hold for all. Bytes are counted after decompression. Redirects are
 * followed by us (re-checked, credentials dropped on another host, never for POST); with
 * per_hop the caller sends each hop itself, because a signature holds for one URL.
 * An HTTP status is an answer, not a failure: judge it with http_verdict. Failures are
 * ERR_ADDRESS (forbidden target), ERR_NETWORK, ERR_TLS, ERR_TIMEOUT, ERR_TOO_LARGE, ERR_INPUT
 * (bad URL, redirect loop), ERR_STOPPED.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/url.h"
#include "task/task.h"

/* Caps, content coding, schemes and redirect rules of a kind of request. */
enum http_kind {
	HTTP_AP,      /* ActivityPub GET: 1 MiB, https (http where allow_private permits), 3
			 redirects */
	HTTP_DELIVER, /* ActivityPub POST: no redirect, answer capped at 64 KiB and dropped */
	HTTP_META,    /* WebFinger, NodeInfo: 64 KiB */
	HTTP_FEED,    /* 8 MiB, http and https, gzip */
	HTTP_PAGE,    /* 1 MiB, http and https, gzip */
	HTTP_IMAGE,   /* 16 MiB */
	HTTP_VIDEO,   /* 200 MiB, 120 s */
	HTTP_API,     /* platform APIs: 8 MiB, https, gzip */
};

struct http_header {
	struct span name, value;
};

/* In the caller's state, zeroed. Input first, then the answer in the caller's arena. */
struct http_call {
	enum http_kind kind;
	struct span method; /* SPAN_NONE = GET */
	struct span url;
	struct span body; /* borrowed until the wake */
	const struct http_header *headers;
	size_t n_headers;
	bool per_hop;   /* return at each redirect that may be followed, see next */
	int timeout_ms; /* 0 = of the kind, for all hops; never beyond the flow's deadline */

	int status;
	struct span content_type; /* media type, lower case, with parameters as sent */
	struct span reply;        /* body, decoded */
	struct url final;         /* after redirects */
	int redirects;
	bool moved_permanently; /* every hop was 301 or 308 */
	struct http_header *reply_headers;
	size_t n_reply_headers;
	int retry_after_s; /* from Retry-After (seconds or date), 0 = none, at most one day */
	bool sent;         /* the request may have reached the other side */
	/* With per_hop, its text is set while a redirect is to be followed: give the headers
	 * for it and wait for the same call again. */
	struct url next;
	struct http_run *run; /* private: what goes on then */
};

enum http_verdict {
	VERDICT_OK,           /* 2xx */
	VERDICT_NOT_MODIFIED, /* 304 */
	VERDICT_RETRY,        /* 408, 429, 5xx but 501 */
	VERDICT_AUTH,         /* 401, 403 */
	VERDICT_NOT_FOUND,    /* 404 */
	VERDICT_GONE,         /* 410 */
	VERDICT_REFUSED,      /* other 4xx, 501, unexpected 3xx */
};

struct http *http_new(struct loop *l, const struct conf *conf);
void http_free(struct http *h); /* when no call is alive */

struct next await_http_at(
	struct task *t, struct http_call *call, step_fn *then, const char *name) MUST_CHECK;
#define await_http(t, call, step) await_http_at((t), (call), (step), #step)

enum http_verdict http_verdict(const struct http_call *call);
/* First value of an answer's header, SPAN_NONE when absent; name without regard to case. */
struct span http_reply_header(const struct http_call *call, const char *name);
/* The error for an answer that is not OK: names host and status, carries retry_after_s. */
const struct err *http_error(struct arena *a, const struct http_call *call) MUST_CHECK;

#endif
