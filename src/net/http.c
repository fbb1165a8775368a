#include "net/http.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/metric.h"
#include "net/guard.h"

#define HTTP_MAGIC 0x68747470u
#define HTTP_HEADERS_MAX (64 * 1024)
#define HTTP_HEADER_LINES 200
#define HTTP_POOL 128
#define HTTP_RATIO 100
#define HTTP_AGENT "Litfass/" PACKAGE_VERSION

/* What a kind of request may do. */
struct http_rule {
	size_t max;
	int timeout_ms;
	int redirects;
	bool plain;  /* http as well as https */
	bool coding; /* gzip, deflate */
	bool drop;   /* the body is counted, not kept */
};

static const struct http_rule http_rules[] = {
	[HTTP_AP] = {1 << 20, 20000, 3, false, false, false},
	[HTTP_DELIVER] = {64 << 10, 20000, 0, false, false, true},
	[HTTP_META] = {64 << 10, 20000, 3, false, false, false},
	[HTTP_FEED] = {8 << 20, 30000, 3, true, true, false},
	[HTTP_PAGE] = {1 << 20, 20000, 3, true, true, false},
	[HTTP_IMAGE] = {16 << 20, 60000, 3, true, false, false},
	[HTTP_VIDEO] = {200 << 20, 120000, 3, true, false, false},
	[HTTP_API] = {8 << 20, 20000, 3, false, true, false},
};

struct http {
	unsigned magic;
	struct loop *loop;
	const struct conf *conf;
	CURLM *multi;
	struct event *timer;
	struct curl_slist *resolve; /* host_map, for CURLOPT_CONNECT_TO */
	CURL *pool[HTTP_POOL];
	size_t n_pool;
	size_t alive;
	char ca_file[1024];
	char agent[512]; /* names us, so that other servers' admins know whom to ask */
};

/* One hop on the wire. Lives in the task's arena; the easy handle belongs to the pool. */
struct http_run {
	struct http *http;
	struct task *task;
	struct http_call *call;
	const struct http_rule *rule;
	struct url first, hop;
	CURL *easy;
	struct curl_slist *headers;
	struct buf body;
	size_t head_bytes, lines;
	bool head_done;
	struct http_header *reply;
	size_t n_reply, cap_reply;
	struct span visited[8];
	int n_visited;
	bool all_permanent;
	const char *forbidden; /* why a callback stopped the transfer */
	enum err_kind forbidden_kind;
	bool permitted; /* another address of the host was tried */
	int64_t began_us;
	int deadline_ms; /* of all hops together */
};

/* ---- libcurl on the loop ---- */

static void http_check(struct http *h);

static void
http_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct http *h = arg;
	int running;

	(void)fd;
	(void)what;
	(void)curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	http_check(h);
}

static int
http_timer(CURLM *multi, long ms, void *arg)
{
	struct http *h = arg;
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	(void)multi;
	/* Zero too goes through the loop: curl must not be called from its own callback. */
	if (ms < 0)
		(void)event_del(h->timer);
	else
		(void)event_add(h->timer, &tv);
	return 0;
}

static void
http_ready(evutil_socket_t fd, short what, void *arg)
{
	struct http *h = arg;
	int flags = (what & EV_READ ? CURL_CSELECT_IN : 0) |
		    (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
	int running;

	(void)curl_multi_socket_action(h->multi, fd, flags, &running);
	http_check(h);
}

static int
http_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *sockp)
{
	struct http *h = arg;
	struct event *ev = sockp;
	short flags = (short)((what & CURL_POLL_IN ? EV_READ : 0) |
			      (what & CURL_POLL_OUT ? EV_WRITE : 0) | EV_PERSIST);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (ev)
			event_free(ev);
		return 0;
	}
	if (ev) {
		(void)event_del(ev);
		(void)event_assign(ev, loop_base(h->loop), fd, flags, http_ready, h);
	} else {
		ev = event_new(loop_base(h->loop), fd, flags, http_ready, h);
		assert(ev);
		(void)curl_multi_assign(h->multi, fd, ev);
	}
	(void)event_add(ev, NULL);
	return 0;
}

/* ---- the guard, at the moment of connecting and again before a reused connection ---- */

static bool
http_address(const struct sockaddr *sa, unsigned char addr[16], uint16_t *port)
{
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

		memset(addr, 0, 10);
		addr[10] = addr[11] = 0xff;
		memcpy(addr + 12, &in->sin_addr, 4);
		*port = ntohs(in->sin_port);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;

		memcpy(addr, &in6->sin6_addr, 16);
		*port = ntohs(in6->sin6_port);
		return true;
	}
	return false;
}

static bool
http_permits(struct http_run *r, const unsigned char addr[16], uint16_t port)
{
	if (guard_allows(r->http->conf, addr, port))
		return true;
	r->forbidden = "its address is private or reserved";
	r->forbidden_kind = ERR_ADDRESS;
	return false;
}

static curl_socket_t
http_open(void *arg, curlsocktype purpose, struct curl_sockaddr *sa)
{
	struct http_run *r = arg;
	unsigned char addr[16];
	uint16_t port;

	if (purpose != CURLSOCKTYPE_IPCXN || !http_address(&sa->addr, addr, &port) ||
		!http_permits(r, addr, port))
		return CURL_SOCKET_BAD;
	r->permitted = true;
	return socket(sa->family, sa->socktype | SOCK_CLOEXEC, sa->protocol);
}

/* The type is curl's. */
static int
/* NOLINTNEXTLINE(readability-non-const-parameter) */
http_prereq(void *arg, char *remote, char *local, int remote_port, int local_port)
{
	struct http_run *r = arg;
	struct conf_net_range a;

	(void)local;
	(void)local_port;
	if (conf_range_parse(span_of(remote), &a) &&
		http_permits(r, a.addr, (uint16_t)remote_port)) {
		r->forbidden = NULL; /* another address of the host was; this one is not */
		return CURL_PREREQFUNC_OK;
	}
	r->forbidden_kind = ERR_ADDRESS;
	r->permitted = false; /* whatever was tried: this is where it led */
	if (!r->forbidden)
		r->forbidden = "its address cannot be read";
	return CURL_PREREQFUNC_ABORT;
}

/* ---- what comes back ---- */

static size_t
http_stop(struct http_run *r, enum err_kind kind, const char *why)
{
	r->forbidden = why;
	r->forbidden_kind = kind;
	return 0;
}

static size_t
http_write(char *p, size_t size, size_t n, void *arg)
{
	struct http_run *r = arg;
	curl_off_t wire = 0;

	n *= size;
	if (r->body.n + n > r->rule->max)
		return http_stop(r, ERR_TOO_LARGE, "its answer is larger than is read here");
	if (r->rule->coding) {
		(void)curl_easy_getinfo(r->easy, CURLINFO_SIZE_DOWNLOAD_T, &wire);
		if (r->body.n + n > 65536 &&
			(curl_off_t)((r->body.n + n) / HTTP_RATIO) > wire + 1024)
			return http_stop(r, ERR_TOO_LARGE,
				"its answer unpacks to over a hundred times its size");
	}
	if (r->rule->drop)
		r->body.n += n;
	else
		buf_add(&r->body, span_from(p, n));
	return n;
}

/* CR and NUL may be in what a server sends; a space takes their place (RFC 9110 5.5). */
static struct span
http_value(struct arena *a, struct span s)
{
	struct span out = arena_dup(a, span_trim(s));
	char *p = (char *)(uintptr_t)out.p;

	for (size_t i = 0; i < out.n; i++)
		if (p[i] == '\r' || p[i] == '\n' || p[i] == '\0')
			p[i] = ' ';
	return out;
}

static void
http_keep_header(struct http_run *r, struct span name, struct span value)
{
	struct arena *a = task_arena(r->task);

	if (r->n_reply == r->cap_reply) {
		size_t cap = r->cap_reply ? r->cap_reply * 2 : 16;
		struct http_header *more = ARENA_ARRAY(a, cap, struct http_header);

		if (r->n_reply)
			memcpy(more, r->reply, r->n_reply * sizeof(*more));
		r->reply = more;
		r->cap_reply = cap;
	}
	r->reply[r->n_reply++] =
		(struct http_header){.name = arena_dup(a, name), .value = http_value(a, value)};
}

static size_t
http_head(char *p, size_t size, size_t n, void *arg)
{
	struct http_run *r = arg;
	struct span line = span_from(p, n * size);
	size_t colon = span_find_byte(line, ':');

	r->head_bytes += line.n;
	if (r->head_bytes > HTTP_HEADERS_MAX || ++r->lines > HTTP_HEADER_LINES)
		return http_stop(r, ERR_TOO_LARGE, "its headers are longer than is read here");
	if (span_starts(line, SPAN("HTTP/"))) {
		r->n_reply = 0; /* after 100 Continue the real head begins */
		r->head_done = false;
	} else if (line.n <= 2) {
		r->head_done = true; /* what follows now are trailers: not looked at */
	} else if (colon != SIZE_MAX && !r->head_done)
		http_keep_header(
			r, span_slice(line, 0, colon), span_slice(line, colon + 1, line.n));
	return line.n;
}

/* ---- one hop ---- */

static bool
http_is_get(const struct http_call *c)
{
	return !c->method.p || span_is(c->method, "GET");
}

static CURL *
http_easy(struct http *h)
{
	CURL *easy = h->n_pool ? h->pool[--h->n_pool] : curl_easy_init();

	assert(easy);
	return easy;
}

static void
http_release(struct http_run *r)
{
	struct http *h = r->http;

	if (!r->easy)
		return;
	(void)curl_multi_remove_handle(h->multi, r->easy);
	curl_slist_free_all(r->headers);
	r->headers = NULL;
	buf_fini(&r->body);
	if (h->n_pool < HTTP_POOL) {
		curl_easy_reset(r->easy);
		h->pool[h->n_pool++] = r->easy;
	} else {
		curl_easy_cleanup(r->easy);
	}
	r->easy = NULL;
	h->alive--;
}

static bool
http_text_valid(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			return false;
	return true;
}

/* What speaks for us to one host says nothing to another that it redirects to. */
static bool
http_is_credential(struct span name)
{
	return span_is_nocase(name, "Authorization") || span_is_nocase(name, "Cookie");
}

static void
http_add_headers(struct http_run *r, const struct http_header *h, size_t n)
{
	struct arena *a = task_arena(r->task);

	for (size_t i = 0; i < n; i++) {
		if (http_is_credential(h[i].name) && !span_eq(r->hop.origin, r->first.origin))
			continue;
		r->headers = curl_slist_append(r->headers,
			arena_printf(a, "%.*s: %.*s", SPAN_FMT(h[i].name), SPAN_FMT(h[i].value))
				.p);
		assert(r->headers);
	}
}

#define SET(option, value)                                                                     \
	do {                                                                                   \
		CURLcode rc_ = curl_easy_setopt(r->easy, option, value);                       \
		assert(rc_ == CURLE_OK);                                                       \
		(void)rc_;                                                                     \
	} while (0)

static void
http_setup(struct http_run *r, long timeout_ms)
{
	struct http *h = r->http;
	struct http_call *c = r->call;
	bool post = !http_is_get(c);

	SET(CURLOPT_PRIVATE, r);
	SET(CURLOPT_URL,
		arena_cstr(task_arena(r->task),
			span_slice(r->hop.text, 0, r->hop.origin.n + r->hop.target.n)));
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_OPENSOCKETFUNCTION, http_open);
	SET(CURLOPT_OPENSOCKETDATA, r);
	SET(CURLOPT_PREREQFUNCTION, http_prereq);
	SET(CURLOPT_PREREQDATA, r);
	SET(CURLOPT_WRITEFUNCTION, http_write);
	SET(CURLOPT_WRITEDATA, r);
	SET(CURLOPT_HEADERFUNCTION, http_head);
	SET(CURLOPT_HEADERDATA, r);
	SET(CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < 5000 ? timeout_ms : 5000L);
	SET(CURLOPT_TIMEOUT_MS, timeout_ms);
	SET(CURLOPT_LOW_SPEED_LIMIT, 512L);
	SET(CURLOPT_LOW_SPEED_TIME, 10L);
	SET(CURLOPT_NOSIGNAL, 1L);
	/* A thread that still asks for an address is left to end by itself, not waited for. */
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_DNS_CACHE_TIMEOUT, 60L);
	SET(CURLOPT_MAXAGE_CONN, 60L);
	SET(CURLOPT_MAXLIFETIME_CONN, 600L);
	/* In clear there is nothing to wait for: a mute host would only hold up the others. */
	SET(CURLOPT_PIPEWAIT, r->hop.https ? 1L : 0L);
	SET(CURLOPT_USERAGENT, h->agent);
	if (h->ca_file[0])
		SET(CURLOPT_CAINFO, h->ca_file);
	if (h->resolve)
		SET(CURLOPT_CONNECT_TO, h->resolve);
	if (r->rule->coding)
		SET(CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
	if (post) {
		SET(CURLOPT_CUSTOMREQUEST, arena_cstr(task_arena(r->task), c->method));
		SET(CURLOPT_POSTFIELDS, c->body.p ? c->body.p : "");
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.n);
		r->headers = curl_slist_append(r->headers, "Expect:");
	}
	http_add_headers(r, c->headers, c->n_headers);
	if (r->headers)
		SET(CURLOPT_HTTPHEADER, r->headers);
}

static const struct err *
http_hop_allowed(struct http_run *r)
{
	struct arena *a = task_arena(r->task);

	if (!r->hop.https && !r->rule->plain && !guard_permits_http(r->http->conf, &r->hop))
		return err_new(a, ERR_ADDRESS, "%.*s is not https", SPAN_FMT(r->hop.origin));
	for (int i = 0; i < r->n_visited; i++)
		if (span_eq(r->visited[i], r->hop.text))
			return err_new(a, ERR_UPSTREAM, "%.*s redirects in a circle",
				SPAN_FMT(r->hop.host));
	assert(r->n_visited < (int)ARRAY_LEN(r->visited));
	r->visited[r->n_visited++] = r->hop.text;
	return NULL;
}

static const struct err *
http_send(struct http_run *r)
{
	const struct err *e = http_hop_allowed(r);
	int64_t left = r->deadline_ms - (clock_mono_ms() - r->began_us / 1000);
	CURLMcode rc;

	if (e)
		return e;
	if (left < 1)
		left = 1;
	r->easy = http_easy(r->http);
	r->http->alive++;
	buf_init(&r->body, r->rule->max);
	r->n_reply = 0;
	r->head_bytes = r->lines = 0;
	r->head_done = false;
	r->forbidden = NULL;
	r->permitted = false;
	http_setup(r, (long)left);
	rc = curl_multi_add_handle(r->http->multi, r->easy);
	assert(rc == CURLM_OK);
	(void)rc;
	metric_inc(METRIC_FETCHES);
	return NULL;
}

/* ---- the end of a hop ---- */

static const struct err *
http_failure(struct http_run *r, CURLcode rc)
{
	struct arena *a = task_arena(r->task);
	struct span host = r->hop.host;

	/* A forbidden address beside a permitted one is not why that one failed. */
	if (r->forbidden && !(r->forbidden_kind == ERR_ADDRESS && r->permitted))
		return err_new(a, r->forbidden_kind, "%.*s is not read: %s", SPAN_FMT(host),
			r->forbidden);
	switch (rc) {
	case CURLE_OPERATION_TIMEDOUT:
		return err_new(a, ERR_TIMEOUT, "%.*s did not answer in time", SPAN_FMT(host));
	case CURLE_COULDNT_RESOLVE_HOST:
		return err_new(a, ERR_NETWORK, "%.*s has no address: check the host name",
			SPAN_FMT(host));
	case CURLE_COULDNT_CONNECT:
		return err_new(
			a, ERR_NETWORK, "%.*s takes no connection", SPAN_FMT(r->hop.authority));
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
		return err_new(a, ERR_TLS, "the TLS certificate of %.*s is not accepted: %s",
			SPAN_FMT(host), curl_easy_strerror(rc));
	default:
		return err_new(
			a, ERR_NETWORK, "%.*s: %s", SPAN_FMT(host), curl_easy_strerror(rc));
	}
}

static int
http_retry_after(struct span s)
{
	int64_t at;
	uint64_t v;

	if (span_u64(s, UINT32_MAX, &v))
		return v > 86400 ? 86400 : (int)v;
	if (!time_parse_http(s, &at))
		return 0;
	at = (at - clock_us()) / US_PER_S + 1;
	return at < 1 ? 1 : at > 86400 ? 86400 : (int)at;
}

static void
http_answer(struct http_run *r)
{
	struct http_call *c = r->call;
	struct arena *a = task_arena(r->task);
	long status = 0;

	(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	c->status = (int)status;
	c->reply_headers = r->reply;
	c->n_reply_headers = r->n_reply;
	c->final = r->hop;
	c->content_type = http_reply_header(c, "content-type");
	if (c->content_type.p) {
		size_t semi = span_find_byte(c->content_type, ';');
		char *p = (char *)(uintptr_t)c->content_type.p;

		for (size_t i = 0; i < c->content_type.n && i < semi; i++)
			if (p[i] >= 'A' && p[i] <= 'Z')
				p[i] = (char)(p[i] + ('a' - 'A'));
	}
	c->retry_after_s = http_retry_after(http_reply_header(c, "retry-after"));
	c->moved_permanently = c->redirects > 0 && r->all_permanent;
	c->reply = r->rule->drop ? SPAN("") : arena_dup(a, buf_span(&r->body));
}

/* True when the answer sends us on and we may follow; r->hop is then the next URL. */
static bool
http_redirected(struct http_run *r, const struct err **e)
{
	struct http_call *c = r->call;
	struct arena *a = task_arena(r->task);
	struct span location = http_reply_header(c, "location");
	bool redirect = c->status == 301 || c->status == 302 || c->status == 303 ||
			c->status == 307 || c->status == 308;
	struct url next;

	if (!redirect || !location.p || r->rule->redirects == 0 || !http_is_get(c))
		return false;
	if (c->redirects >= r->rule->redirects) {
		*e = err_new(a, ERR_UPSTREAM, "%.*s redirects more than %d times",
			SPAN_FMT(r->hop.host), r->rule->redirects);
		return false;
	}
	if ((*e = url_resolve(a, &r->hop, location, &next))) {
		*e = err_wrap(
			a, *e, "%.*s redirects to something unusable", SPAN_FMT(r->hop.host));
		return false;
	}
	if (r->hop.https && !next.https) {
		*e = err_new(a, ERR_UPSTREAM, "%.*s redirects from https to http",
			SPAN_FMT(r->hop.host));
		return false;
	}
	r->all_permanent = r->all_permanent && (c->status == 301 || c->status == 308);
	c->redirects++;
	r->hop = next;
	return true;
}

static void
http_wake(struct http_run *r, const struct err *e)
{
	metric_observe_us(METRIC_FETCH_SECONDS, clock_mono_ms() * 1000 - r->began_us);
	if (e)
		metric_inc(METRIC_FETCH_ERRORS);
	task_wake(r->task, e);
}

static void
http_ended(struct http_run *r, CURLcode rc)
{
	const struct err *e = NULL;
	long request_size = 0;

	(void)curl_easy_getinfo(r->easy, CURLINFO_REQUEST_SIZE, &request_size);
	if (request_size > 0)
		r->call->sent = true;
	/* An answer that nobody reads may be as long as it likes: its status is known. */
	if (rc == CURLE_WRITE_ERROR && r->rule->drop && r->forbidden_kind == ERR_TOO_LARGE &&
		r->body.n > 0)
		rc = CURLE_OK;
	if (rc != CURLE_OK) {
		e = http_failure(r, rc);
		http_release(r);
		http_wake(r, e);
		return;
	}
	http_answer(r);
	http_release(r);
	if (http_redirected(r, &e)) {
		if (r->call->per_hop) {
			r->call->run = r;
			r->call->next = r->hop;
			task_wake(r->task, NULL);
			return;
		}
		e = http_send(r);
		if (!e)
			return;
	}
	http_wake(r, e);
}

static void
http_check(struct http *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		char *private = NULL;
		CURLcode rc = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
		http_ended((struct http_run *)(void *)private, rc);
	}
}

/* ---- asking ---- */

static bool
http_cancel(struct task *t, void *arg)
{
	struct http_run *r = arg;

	(void)t;
	if (r->easy)
		r->call->sent = true; /* perhaps; who asks must suppose it */
	http_release(r);
	return true;
}

static const struct err *
http_first(struct task *t, struct http_call *call)
{
	struct http *h = task_env(t)->http;
	struct arena *a = task_arena(t);
	struct http_run *r = ARENA_NEW(a, struct http_run);
	int left = task_left_ms(t);
	const struct err *e;

	MAGIC_CHECK(h, HTTP_MAGIC);
	assert((size_t)call->kind < ARRAY_LEN(http_rules));
	r->http = h;
	r->task = t;
	r->call = call;
	r->rule = &http_rules[call->kind];
	r->all_permanent = true;
	r->began_us = clock_mono_ms() * 1000;
	r->deadline_ms = call->timeout_ms ? call->timeout_ms : r->rule->timeout_ms;
	/* The flow shall judge a silent host itself, so its own deadline must not come first.
	 */
	if (r->deadline_ms > left - 250 && left > 500)
		r->deadline_ms = left - 250;
	call->status = 0;
	call->redirects = 0;
	call->sent = false;
	if ((e = url_parse(a, call->url, &r->first)))
		return e;
	r->hop = r->first;
	call->run = r;
	return NULL;
}

struct next
await_http_at(struct task *t, struct http_call *call, step_fn *then, const char *name)
{
	static const struct wait_ops ops = {.name = "http", .cancel = http_cancel};
	struct http_run *r;
	const struct err *e;

	for (size_t i = 0; i < call->n_headers; i++)
		if (!http_text_valid(call->headers[i].name) ||
			!http_text_valid(call->headers[i].value))
			return fail(t, err_new(task_arena(t), ERR_INPUT,
					       "the header %.*s cannot be sent: it has a line "
					       "break in it",
					       LOG_STR(call->headers[i].name)));
	if (!call->run && (e = http_first(t, call)))
		return fail(t, e);
	r = call->run;
	call->run = NULL;
	call->next = (struct url){0};
	if ((e = http_send(r)))
		return fail(t, e);
	return task_park(t, &ops, r, then, name);
}

enum http_verdict
http_verdict(const struct http_call *c)
{
	int s = c->status;

	if (s >= 200 && s < 300)
		return VERDICT_OK;
	if (s == 304)
		return VERDICT_NOT_MODIFIED;
	if (s == 401 || s == 403)
		return VERDICT_AUTH;
	if (s == 404)
		return VERDICT_NOT_FOUND;
	if (s == 410)
		return VERDICT_GONE;
	if (s == 408 || s == 429 || (s >= 500 && s != 501))
		return VERDICT_RETRY;
	return VERDICT_REFUSED;
}

struct span
http_reply_header(const struct http_call *c, const char *name)
{
	for (size_t i = 0; i < c->n_reply_headers; i++)
		if (span_is_nocase(c->reply_headers[i].name, name))
			return c->reply_headers[i].value;
	return SPAN_NONE;
}

const struct err *
http_error(struct arena *a, const struct http_call *c)
{
	static const enum err_kind kinds[] = {
		[VERDICT_OK] = ERR_UPSTREAM,
		[VERDICT_NOT_MODIFIED] = ERR_UPSTREAM,
		[VERDICT_RETRY] = ERR_UPSTREAM,
		[VERDICT_AUTH] = ERR_FORBIDDEN,
		[VERDICT_NOT_FOUND] = ERR_NOT_FOUND,
		[VERDICT_GONE] = ERR_GONE,
		[VERDICT_REFUSED] = ERR_UNPROCESSABLE,
	};
	enum err_kind kind = kinds[http_verdict(c)];
	const struct err *made = err_new(a, c->status == 429 ? ERR_TOO_MANY : kind,
		"%.*s answered %d", SPAN_FMT(c->final.host), c->status);
	struct err *e = ARENA_NEW(a, struct err);

	*e = *made;
	e->retry_after_s = c->retry_after_s;
	return e;
}

/* ---- life ---- */

/* curl wants "host:port:address:port"; empty ports mean any. */
static struct curl_slist *
http_connect_to(const struct conf *c)
{
	struct curl_slist *list = NULL;

	for (size_t i = 0; i < c->n_host_map; i++) {
		struct arena *a = arena_new();

		list = curl_slist_append(
			list, arena_printf(a, "%.*s::%.*s", SPAN_FMT(c->host_map[i].host),
				      SPAN_FMT(c->host_map[i].target))
				      .p);
		arena_free(a);
	}
	return list;
}

/* "Name/Version (...; +https://host/)" is what other servers and their filters expect. */
static void
http_name(struct http *h, struct span origin)
{
	if (origin.n > 0 && origin.n <= 400)
		(void)snprintf(h->agent, sizeof(h->agent), HTTP_AGENT " (libcurl; +%.*s/)",
			SPAN_FMT(origin));
	else
		(void)snprintf(h->agent, sizeof(h->agent), HTTP_AGENT " (libcurl)");
}

struct http *
http_new(struct loop *l, const struct conf *conf)
{
	struct http *h = xcalloc(1, sizeof(*h));
	CURLcode rc = curl_global_init(CURL_GLOBAL_DEFAULT);

	assert(rc == CURLE_OK);
	(void)rc;
	assert(curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS);
	h->magic = HTTP_MAGIC;
	h->loop = l;
	h->conf = conf;
	h->resolve = http_connect_to(conf);
	http_name(h, conf->base_url.origin);
	if (conf->ca_file.n && conf->ca_file.n < sizeof(h->ca_file))
		memcpy(h->ca_file, conf->ca_file.p, conf->ca_file.n);
	h->multi = curl_multi_init();
	h->timer = event_new(loop_base(l), -1, 0, http_timeout, h);
	assert(h->multi && h->timer);
	(void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, http_socket);
	(void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	(void)curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, http_timer);
	(void)curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	(void)curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 256L);
	(void)curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 4L);
	(void)curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 128L);
	(void)curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	return h;
}

void
http_free(struct http *h)
{
	if (!h)
		return;
	MAGIC_CHECK(h, HTTP_MAGIC);
	assert(h->alive == 0);
	while (h->n_pool > 0)
		curl_easy_cleanup(h->pool[--h->n_pool]);
	(void)curl_multi_cleanup(h->multi);
	curl_slist_free_all(h->resolve);
	event_free(h->timer);
	h->magic = 0;
	free(h);
}
