#include "net/httpd_conn.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/metric.h"

#define CONNS_MAGIC 0x636f6e6eu
#define SWEEP_MS 1000
#define SWEEP_DRAIN_MS 50
#define REAP_MS 20 /* not more often, whatever comes in */
#define LISTENERS_MAX 16
#define WRITE_AT_ONCE (256 * 1024) /* a page goes out in one call, not in pieces of 16 KiB */

enum conn_at {
	CONN_IDLE,    /* nothing of a request has arrived */
	CONN_READING, /* a request is arriving */
	CONN_WORKING, /* we have it */
	CONN_WRITING, /* the client is to take its answer */
};

struct httpd_conn {
	struct list link, mark; /* mark: in written or gone */
	struct bufferevent *bev;
	enum conn_at at;
	int64_t since_ms; /* of this state */
	size_t bytes;     /* of the request that is arriving, of the body that is written */
	unsigned requests;
	unsigned char key[16]; /* address, IPv6 cut to /64 */
	uint64_t seen;         /* in which look at new ones, 0 = in none yet */
	bool counted;          /* under its key */
	bool last;             /* the request that it carries is its last one */
	bool cut;
};

struct httpd_conns {
	unsigned magic;
	struct httpd_conns *next; /* of this thread */
	struct loop *loop;
	const struct conf *conf;
	struct evhttp *http;
	struct list list;
	struct map *by_bev; /* pointer -> struct httpd_conn */
	struct map *by_ip;  /* key -> count */
	size_t count, max;
	struct evconnlistener *listeners[LISTENERS_MAX];
	size_t n_listeners;
	bool paused, draining;
	int64_t reaped_ms;
	uint64_t looks;     /* at new ones */
	int64_t patient_ms; /* while draining: until then idle connections may ask once more */
	struct loop_timer sweep, fresh;
	struct list written; /* of which evhttp is to hear that their answer is out */
	struct list gone;    /* which evhttp lets go */
	struct event *report;
};

static struct span
conn_key(struct bufferevent *const *bev)
{
	return span_from(bev, sizeof(*bev));
}

static struct httpd_conn *
conn_of(struct httpd_conns *cs, struct bufferevent *bev)
{
	return map_get(cs->by_bev, conn_key(&bev));
}

static void
conn_set(struct httpd_conn *c, enum conn_at at)
{
	c->at = at;
	c->since_ms = clock_mono_ms();
	if (at == CONN_IDLE)
		c->bytes = 0;
}

/* evhttp notices the end of the stream and frees its connection; we only close the valve. */
static void
conn_cut(struct httpd_conn *c)
{
	evutil_socket_t fd = bufferevent_getfd(c->bev);

	if (c->cut || fd < 0)
		return;
	c->cut = true;
	(void)shutdown(fd, SHUT_RDWR);
}

/* ---- who is there ---- */

static bool
conn_address(struct httpd_conn *c, unsigned char addr[16])
{
	struct sockaddr_storage ss = {0};
	socklen_t n = sizeof(ss);

	if (getpeername(bufferevent_getfd(c->bev), (struct sockaddr *)(void *)&ss, &n) != 0)
		return false;
	memset(addr, 0, 16);
	if (ss.ss_family == AF_INET) {
		addr[10] = addr[11] = 0xff;
		memcpy(addr + 12, &((struct sockaddr_in *)(void *)&ss)->sin_addr, 4);
	} else if (ss.ss_family == AF_INET6) {
		memcpy(addr, &((struct sockaddr_in6 *)(void *)&ss)->sin6_addr, 16);
	} else {
		return false;
	}
	return true;
}

/* A proxy of ours speaks for many clients: the cap of one address does not fit it. */
static void
conn_count_ip(struct httpd_conns *cs, struct httpd_conn *c)
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	unsigned char addr[16];

	c->seen = cs->looks;
	if (!conn_address(c, addr) ||
		conf_range_has(cs->conf->trusted_proxies, cs->conf->n_trusted_proxies, addr) ||
		conf_range_has(cs->conf->allow_private, cs->conf->n_allow_private, addr))
		return;
	if (memcmp(addr, mapped, sizeof(mapped)) != 0)
		memset(addr + 8, 0, 8);
	memcpy(c->key, addr, 16);
	c->counted = true;
	(void)map_put(cs->by_ip, span_from(c->key, 16),
		(void *)((uintptr_t)map_get(cs->by_ip, span_from(c->key, 16)) + 1));
}

static bool
conn_crowded(const struct httpd_conns *cs, const struct httpd_conn *c)
{
	return c->counted &&
	       (uintptr_t)map_get(cs->by_ip, span_from(c->key, 16)) > HTTPD_PER_IP;
}

static void
conn_uncount_ip(struct httpd_conns *cs, struct httpd_conn *c)
{
	struct span key = span_from(c->key, 16);
	uintptr_t n;

	if (!c->counted)
		return;
	c->counted = false;
	n = (uintptr_t)map_get(cs->by_ip, key);
	if (n > 1)
		(void)map_put(cs->by_ip, key, (void *)(n - 1));
	else
		(void)map_remove(cs->by_ip, key);
}

/* ---- coming and going ---- */

static void
conns_pause(struct httpd_conns *cs, bool pause)
{
	if (cs->paused == pause)
		return;
	cs->paused = pause;
	for (size_t i = 0; i < cs->n_listeners; i++)
		(void)(pause ? evconnlistener_disable(cs->listeners[i])
			     : evconnlistener_enable(cs->listeners[i]));
}

static void
conn_input(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg)
{
	struct httpd_conn *c = arg;

	(void)b;
	if (info->n_added == 0)
		return;
	if (c->at == CONN_IDLE)
		conn_set(c, CONN_READING);
	c->bytes += info->n_added;
}

static void
conn_free(struct httpd_conns *cs, struct httpd_conn *c)
{
	conn_uncount_ip(cs, c);
	(void)map_remove(cs->by_bev, conn_key(&c->bev));
	list_unlink(&c->link);
	list_unlink(&c->mark);
	(void)evbuffer_remove_cb(bufferevent_get_input(c->bev), conn_input, c);
	(void)bufferevent_decref(c->bev);
	cs->count--;
	metric_set(METRIC_CONNECTIONS, (int64_t)cs->count);
	free(c);
}

static bool
conn_released(struct httpd_conn *c)
{
	bufferevent_data_cb readcb, writecb;
	bufferevent_event_cb eventcb;

	bufferevent_getcb(c->bev, &readcb, &writecb, &eventcb, NULL);
	return !readcb && !writecb && !eventcb;
}

static void
conns_reap(struct httpd_conns *cs)
{
	cs->reaped_ms = clock_mono_ms();
	LIST_EACH_SAFE(it, &cs->list)
	{
		struct httpd_conn *c = LIST_ENTRY(it, struct httpd_conn, link);

		if (conn_released(c))
			conn_free(cs, c);
	}
}

/* New ones stand at the end; their socket is known now. */
static void
conns_fresh(void *arg)
{
	struct httpd_conns *cs = arg;
	bool crowded = false;

	cs->looks++;
	for (struct list *it = cs->list.prev; it != &cs->list; it = it->prev) {
		struct httpd_conn *c = LIST_ENTRY(it, struct httpd_conn, link);

		if (c->seen)
			break;
		conn_count_ip(cs, c);
		crowded |= conn_crowded(cs, c);
	}
	if (!crowded)
		return;
	/* Those that have left are no crowd, they only have not been cleared away yet. */
	if (clock_mono_ms() - cs->reaped_ms >= REAP_MS)
		conns_reap(cs);
	for (struct list *it = cs->list.prev; it != &cs->list; it = it->prev) {
		struct httpd_conn *c = LIST_ENTRY(it, struct httpd_conn, link);

		if (c->seen != cs->looks)
			break;
		if (!conn_crowded(cs, c))
			continue;
		metric_inc(METRIC_HTTP_REFUSED);
		conn_uncount_ip(cs, c);
		conn_cut(c);
	}
}

/* evhttp asks for a bufferevent when it has accepted a socket. */
static struct bufferevent *
conns_bev(struct event_base *base, void *arg)
{
	struct httpd_conns *cs = arg;
	struct httpd_conn *c = xcalloc(1, sizeof(*c));

	c->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	assert(c->bev);
	(void)bufferevent_set_max_single_write(c->bev, WRITE_AT_ONCE);
	bufferevent_incref(c->bev);
	(void)evbuffer_add_cb(bufferevent_get_input(c->bev), conn_input, c);
	conn_set(c, CONN_IDLE);
	list_append(&cs->list, &c->link);
	(void)map_put(cs->by_bev, conn_key(&c->bev), c);
	cs->count++;
	metric_set(METRIC_CONNECTIONS, (int64_t)cs->count);
	if (cs->count >= cs->max)
		conns_pause(cs, true);
	if (!cs->fresh.place)
		loop_timer_set(cs->loop, &cs->fresh, 0, conns_fresh, cs);
	return c->bev;
}

static int64_t
conn_limit_ms(const struct httpd_conn *c)
{
	switch (c->at) {
	case CONN_READING:
		/* Behind the head's size there is a body, which has its own time. */
		return c->bytes <= 16384 ? HTTPD_HEAD_MS
					 : HTTPD_HEAD_MS + HTTPD_BODY_MS +
						   (int64_t)(c->bytes / HTTPD_BODY_RATE);
	case CONN_WRITING:
		return HTTPD_REPLY_MS + (int64_t)(c->bytes / HTTPD_BODY_RATE);
	case CONN_WORKING:
		return HTTPD_REPLY_MS;
	default:
		return HTTPD_IDLE_MS;
	}
}

/* Has the client sent something that we have not read yet? */
static bool
conn_pending(const struct httpd_conn *c)
{
	char byte;

	return recv(bufferevent_getfd(c->bev), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static bool
conn_over(const struct httpd_conns *cs, const struct httpd_conn *c, int64_t now)
{
	if (now - c->since_ms > conn_limit_ms(c))
		return true;
	return cs->draining && now >= cs->patient_ms && c->at == CONN_IDLE && !conn_pending(c);
}

static void
conns_sweep(void *arg)
{
	struct httpd_conns *cs = arg;
	int64_t now = clock_mono_ms();

	LIST_EACH_SAFE(it, &cs->list)
	{
		struct httpd_conn *c = LIST_ENTRY(it, struct httpd_conn, link);

		if (conn_released(c))
			conn_free(cs, c);
		else if (conn_over(cs, c, now))
			conn_cut(c);
	}
	if (!cs->draining && cs->count < cs->max)
		conns_pause(cs, false);
	loop_timer_set(cs->loop, &cs->sweep, cs->draining ? SWEEP_DRAIN_MS : SWEEP_MS,
		conns_sweep, cs);
}

/* ---- requests ---- */

bool
httpd_conn_begin(struct httpd_conns *cs, struct bufferevent *bev)
{
	struct httpd_conn *c = conn_of(cs, bev);

	if (!c)
		return false;
	conn_set(c, CONN_WORKING);
	return ++c->requests < HTTPD_REQUESTS && !cs->draining;
}

void
httpd_conn_last(struct httpd_conns *cs, struct bufferevent *bev)
{
	struct httpd_conn *c = conn_of(cs, bev);

	if (c)
		c->last = true;
}

void
httpd_conn_reply(struct httpd_conns *cs, struct bufferevent *bev, size_t bytes)
{
	struct httpd_conn *c = conn_of(cs, bev);

	if (!c)
		return;
	conn_set(c, CONN_WRITING);
	c->bytes = bytes;
}

/* Not where the answer is made: that may be within evhttp's reading of its request. */
static void
conns_report(evutil_socket_t fd, short what, void *arg)
{
	struct httpd_conns *cs = arg;

	(void)fd;
	(void)what;
	while (!list_empty(&cs->written)) {
		struct httpd_conn *c =
			LIST_ENTRY(list_pop(&cs->written), struct httpd_conn, mark);

		bufferevent_trigger(c->bev, EV_WRITE, 0);
	}
	while (!list_empty(&cs->gone)) {
		struct httpd_conn *c = LIST_ENTRY(list_pop(&cs->gone), struct httpd_conn, mark);

		if (conn_released(c))
			conn_free(cs, c);
	}
}

/*
 * Most sockets take an answer at once: then the kernel need not be told to watch for that, nor
 * asked. evhttp hears of it as if libevent had written, which takes care of the rest itself.
 */
void
httpd_conn_push(struct httpd_conns *cs, struct bufferevent *bev)
{
	struct httpd_conn *c = conn_of(cs, bev);
	struct evbuffer *out;
	int n;

	if (!c || c->cut)
		return;
	out = bufferevent_get_output(bev);
	(void)evbuffer_unfreeze(out, 1);
	n = evbuffer_write_atmost(out, bufferevent_getfd(bev), WRITE_AT_ONCE);
	(void)evbuffer_freeze(out, 1);
	if (n <= 0 || evbuffer_get_length(out) > 0)
		return;
	(void)bufferevent_disable(bev, EV_WRITE);
	list_append(&cs->written, &c->mark);
	event_active(cs->report, EV_TIMEOUT, 0);
}

void
httpd_conn_done(struct httpd_conns *cs, struct bufferevent *bev)
{
	struct httpd_conn *c = conn_of(cs, bev);

	if (!c)
		return;
	conn_set(c, CONN_IDLE);
	if (!c->last)
		return;
	(void)evbuffer_drain(bufferevent_get_input(bev), SIZE_MAX);
	conn_cut(c);
}

void
httpd_conn_left(struct httpd_conns *cs, struct bufferevent *bev)
{
	struct httpd_conn *c = conn_of(cs, bev);

	if (!c)
		return;
	conn_uncount_ip(cs, c);
	list_unlink(&c->mark);
	/* Closed with input unread, the socket is reset, and the answer may be lost: later. */
	if (conn_pending(c))
		return;
	list_append(&cs->gone, &c->mark);
	event_active(cs->report, EV_TIMEOUT, 0);
}

/* ---- life ---- */

/*
 * libevent hands an error callback what belongs to the callback for connections, and that is
 * evhttp's own. So the way from a listener to us leads over the few servers of this thread.
 */
static _Thread_local struct httpd_conns *conns_first;

static struct httpd_conns *
conns_of(const struct evconnlistener *listener)
{
	for (struct httpd_conns *cs = conns_first; cs; cs = cs->next)
		for (size_t i = 0; i < cs->n_listeners; i++)
			if (cs->listeners[i] == listener)
				return cs;
	return NULL;
}

static void
conns_accept_failed(struct evconnlistener *listener, void *arg)
{
	struct httpd_conns *cs = conns_of(listener);

	/* Out of descriptors: accepting again at once would only burn the CPU. The sweep
	 * resumes. */
	(void)arg;
	if (cs && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		conns_pause(cs, true);
}

struct httpd_conns *
httpd_conns_new(struct loop *l, const struct conf *c, struct evhttp *http)
{
	struct httpd_conns *cs = xcalloc(1, sizeof(*cs));
	struct rlimit fds;

	cs->magic = CONNS_MAGIC;
	cs->next = conns_first;
	conns_first = cs;
	cs->loop = l;
	cs->conf = c;
	cs->http = http;
	list_init(&cs->list);
	list_init(&cs->written);
	list_init(&cs->gone);
	cs->report = event_new(loop_base(l), -1, 0, conns_report, cs);
	assert(cs->report);
	cs->by_bev = map_new();
	cs->by_ip = map_new();
	cs->max = 64;
	if (getrlimit(RLIMIT_NOFILE, &fds) == 0 && fds.rlim_cur > 256 + 64)
		cs->max = fds.rlim_cur - 256;
	evhttp_set_bevcb(http, conns_bev, cs);
	loop_timer_set(l, &cs->sweep, SWEEP_MS, conns_sweep, cs);
	return cs;
}

void
httpd_conns_listen(struct httpd_conns *cs, int fd)
{
	struct evconnlistener *listener = evconnlistener_new(loop_base(cs->loop), NULL, NULL,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);

	assert(listener && cs->n_listeners < LISTENERS_MAX);
	evconnlistener_set_error_cb(listener, conns_accept_failed);
	cs->listeners[cs->n_listeners++] = listener;
	(void)evhttp_bind_listener(cs->http, listener);
}

void
httpd_conns_drain(struct httpd_conns *cs, int patience_ms)
{
	cs->draining = true;
	cs->patient_ms = clock_mono_ms() + patience_ms;
	conns_pause(cs, true);
	conns_sweep(cs);
}

/* Without those that evhttp has let go and the sweep has not seen yet. */
size_t
httpd_conns_open(const struct httpd_conns *cs)
{
	size_t n = 0;

	LIST_EACH(it, &cs->list)
	{
		n += !conn_released(LIST_ENTRY(it, struct httpd_conn, link));
	}
	return n;
}

void
httpd_conns_free(struct httpd_conns *cs)
{
	MAGIC_CHECK(cs, CONNS_MAGIC);
	conns_report(-1, 0, cs);
	loop_timer_clear(&cs->sweep);
	loop_timer_clear(&cs->fresh);
}

void
httpd_conns_settle(struct httpd_conns *cs)
{
	LIST_EACH_SAFE(it, &cs->list)
	{
		conn_free(cs, LIST_ENTRY(it, struct httpd_conn, link));
	}
	event_free(cs->report);
	map_free(cs->by_bev, NULL);
	map_free(cs->by_ip, NULL);
	for (struct httpd_conns **p = &conns_first; *p; p = &(*p)->next) {
		if (*p == cs) {
			*p = cs->next;
			break;
		}
	}
	cs->magic = 0;
	free(cs);
}
