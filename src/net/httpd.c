#include "net/httpd.h"

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metric.h"
#include "net/httpd_req.h"

#define HEAD_BYTES 16384
#define BODY_MAX (1024 * 1024)
#define DRAIN_LOOK_MS 20

/* ---- from evhttp to the handler ---- */

static void
req_written(struct evhttp_request *ev, void *arg)
{
	struct httpd *h = arg;

	httpd_conn_done(h->conns, httpd_req_bev(ev));
}

static void
conn_closed(struct evhttp_connection *evcon, void *arg)
{
	struct httpd *h = arg;

	httpd_conn_left(h->conns, evhttp_connection_get_bufferevent(evcon));
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
	evhttp_connection_set_closecb(evhttp_request_get_connection(ev), conn_closed, h);
	if (!httpd_conn_begin(h->conns, httpd_req_bev(ev)))
		(void)evhttp_add_header(
			evhttp_request_get_output_headers(ev), "Connection", "close");
	e = httpd_guard(r, ev);
	if (e) {
		/* Whatever follows on this connection may be part of what we doubt. */
		metric_inc(METRIC_HTTP_REFUSED);
		httpd_conn_last(h->conns, httpd_req_bev(ev));
		(void)evhttp_remove_header(evhttp_request_get_output_headers(ev), "Connection");
		(void)evhttp_add_header(
			evhttp_request_get_output_headers(ev), "Connection", "close");
		httpd_send_error(r, e);
		return;
	}
	h->opts.handler(r, h->opts.arg);
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
	httpd_req_unref(r);
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

/* ---- life of the server ---- */

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
	/* CONNECT is refused by our guard: evhttp would go on reading behind it. */
	evhttp_set_allowed_methods(h->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
						    EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH |
						    EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
						    EVHTTP_REQ_CONNECT);
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

/* ---- draining: the loop lives while clients take their answers ---- */

struct drain {
	const struct httpd *httpd;
	int64_t until_ms;
};

static step_fn drain_begin, drain_look, drain_failed, drain_last;

static const struct flow drain_flow = {
	.name = "net.drain",
	.size = sizeof(struct drain),
	.deadline_ms = 600000, /* the grace of the stop ends it before */
	.first = drain_begin,
	.failed = drain_failed,
};

static struct next
drain_begin(struct task *t)
{
	struct drain *d = task_state(t);

	d->httpd = *(const struct httpd *const *)task_arg(t);
	return go(t, drain_look);
}

static struct next
drain_look(struct task *t)
{
	const struct drain *d = task_state(t);

	if (httpd_connections(d->httpd) == 0)
		return done(t);
	return await_sleep(t, DRAIN_LOOK_MS, drain_look);
}

/* The flows that the stop fails at the same time answer now: 503, come again. */
static struct next
drain_failed(struct task *t)
{
	struct drain *d = task_state(t);

	d->httpd = *(const struct httpd *const *)task_arg(t);
	d->until_ms = clock_mono_ms() + HTTPD_DRAIN_LAST_MS;
	return go(t, drain_last);
}

static struct next
drain_last(struct task *t)
{
	struct drain *d = task_state(t);

	if (httpd_connections(d->httpd) == 0)
		return done(t);
	/* Others still end, and may have an answer to give: the loop lives anyway. */
	if (task_count(d->httpd->loop) > 1)
		d->until_ms = clock_mono_ms() + HTTPD_DRAIN_LAST_MS;
	else if (clock_mono_ms() >= d->until_ms)
		return done(t);
	return await_sleep(t, DRAIN_LOOK_MS, drain_last);
}

void
httpd_drain(struct httpd *h, int patience_ms)
{
	MAGIC_CHECK(h, HTTPD_MAGIC);
	httpd_conns_drain(h->conns, patience_ms);
	(void)task_start(&(const struct task_start){.loop = h->loop,
		.flow = &drain_flow,
		.arg = &h,
		.arg_size = sizeof(struct httpd *)});
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
