#include "db/conn.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "db/resolve.h"
#include "task/loop.h"

#define CONN_MAGIC 0xdb0c0041u
#define CONN_TIMEOUT_MS 5000
#define CONN_LOOKUP_MS 12000 /* glibc asks the second name server after 5 s */
#define CONN_BACKOFF_MIN_MS 100
#define CONN_BACKOFF_MAX_MS 5000

enum conn_state {
	CONN_DOWN,    /* the timer runs until the next attempt */
	CONN_LOOKING, /* for the addresses of the host */
	CONN_CONNECTING,
	CONN_UP,
	CONN_BROKEN, /* closes in the next turn */
};

struct db_conn {
	unsigned magic;
	struct loop *loop;
	struct db_opts opts;
	const struct db_conn_ops *ops;
	void *owner;
	enum conn_state state;
	PGconn *pg;
	struct event *ev_read, *ev_write;
	struct loop_timer timer;
	struct db_resolver *names;
	struct db_ask ask;
	int64_t backoff_ms;
	size_t attempt;
	bool reported; /* this outage has been logged */
	char *why;
};

static void conn_attempt(void *arg);
static void conn_event(evutil_socket_t fd, short what, void *arg);
static db_resolved_fn conn_resolved;

static void
conn_unwatch(struct db_conn *c)
{
	if (c->ev_read)
		event_free(c->ev_read);
	if (c->ev_write)
		event_free(c->ev_write);
	c->ev_read = c->ev_write = NULL;
}

static void
conn_watch(struct db_conn *c, short what)
{
	struct event_base *base = loop_base(c->loop);
	const int fd = PQsocket(c->pg);

	conn_unwatch(c);
	c->ev_read = event_new(base, fd, EV_READ | EV_PERSIST, conn_event, c);
	c->ev_write = event_new(base, fd, EV_WRITE, conn_event, c);
	assert(c->ev_read && c->ev_write);
	if (what & EV_READ)
		event_add(c->ev_read, NULL);
	if (what & EV_WRITE)
		event_add(c->ev_write, NULL);
}

static void
conn_say(struct db_conn *c, const char *why)
{
	const struct span s = span_trim(span_of(why));
	char *line = xcalloc(1, s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		line[i] = (char)(s.p[i] == '\n' ? ' ' : s.p[i]);
	free(c->why);
	c->why = line;
}

/* To the next attempt, after a pause that grows with every failure in a row. */
static void
conn_later(struct db_conn *c)
{
	/* Connections that fell together shall not come back together. */
	const int64_t jitter =
		(int64_t)((uintptr_t)c / 64 + (uint64_t)clock_us()) % (c->backoff_ms / 2 + 1);

	conn_unwatch(c);
	if (c->pg)
		PQfinish(c->pg);
	c->pg = NULL;
	c->state = CONN_DOWN;
	loop_timer_set(c->loop, &c->timer, c->backoff_ms / 2 + jitter, conn_attempt, c);
	c->backoff_ms = c->backoff_ms * 2 > CONN_BACKOFF_MAX_MS ? CONN_BACKOFF_MAX_MS
								: c->backoff_ms * 2;
}

static void
conn_failed(struct db_conn *c, const char *why)
{
	conn_say(c, why);
	if (!c->reported)
		log_write(LOG_WARN, NULL, "db.unreachable", "why=%s", c->why);
	c->reported = true;
	c->attempt++;
	conn_later(c);
}

static void
conn_lost(struct db_conn *c, const char *why)
{
	conn_say(c, why);
	log_write(LOG_WARN, NULL, "db.lost", "why=%s", c->why);
	c->reported = true;
	c->state = CONN_BROKEN;
	conn_unwatch(c);
	c->ops->down(c->owner, span_of(c->why));
	conn_later(c);
}

static void
conn_not_found(struct db_conn *c, const char *why)
{
	struct arena *a = arena_new();
	const struct span said =
		arena_printf(a, "the host %s cannot be found: %s", c->ask.name, why);

	conn_failed(c, arena_cstr(a, said));
	arena_free(a);
}

static void
conn_timeout(void *arg)
{
	struct db_conn *c = arg;

	if (c->state == CONN_LOOKING) {
		db_ask_stop(&c->ask);
		conn_not_found(c, "the name service did not answer within 12 s");
		return;
	}
	conn_failed(c, "the server did not answer within 5 s");
}

static void
conn_notice(void *arg, const PGresult *res)
{
	const struct span text = span_trim(span_of(PQresultErrorMessage(res)));

	(void)arg;
	if (log_on(LOG_DEBUG))
		log_write(LOG_DEBUG, NULL, "db.notice", "text=%.*s", LOG_STR(text));
}

static void
conn_connected(struct db_conn *c)
{
	loop_timer_clear(&c->timer);
	if (PQserverVersion(c->pg) < 150000) {
		conn_failed(c, "PostgreSQL 15 or newer is needed");
		return;
	}
	PQsetNoticeReceiver(c->pg, conn_notice, c);
	if (PQsetnonblocking(c->pg, 1) != 0) {
		conn_failed(c, PQerrorMessage(c->pg));
		return;
	}
	c->state = CONN_UP;
	conn_watch(c, EV_READ);
	if (!c->ops->up(c->owner, c->pg)) {
		conn_failed(c, PQerrorMessage(c->pg));
		return;
	}
	c->backoff_ms = CONN_BACKOFF_MIN_MS;
	if (c->reported)
		log_write(LOG_INFO, NULL, "db.back", "attempts=%zu", c->attempt);
	c->reported = false;
	c->attempt = 0;
	if (c->state == CONN_UP)
		db_conn_flush(c);
}

static void
conn_poll(struct db_conn *c)
{
	switch (PQconnectPoll(c->pg)) {
	case PGRES_POLLING_READING:
		conn_watch(c, EV_READ);
		break;
	case PGRES_POLLING_WRITING:
		conn_watch(c, EV_WRITE);
		break;
	case PGRES_POLLING_OK:
		conn_connected(c);
		break;
	default:
		loop_timer_clear(&c->timer);
		conn_failed(c, PQerrorMessage(c->pg));
	}
}

static void
conn_connect(struct db_conn *c, const struct db_conninfo *ci)
{
	c->pg = PQconnectStartParams(ci->keys, ci->values, 0);
	assert(c->pg);
	if (PQstatus(c->pg) == CONNECTION_BAD) {
		conn_failed(c, PQerrorMessage(c->pg));
		return;
	}
	c->state = CONN_CONNECTING;
	loop_timer_set(c->loop, &c->timer, CONN_TIMEOUT_MS, conn_timeout, c);
	conn_watch(c, EV_WRITE);
}

static void
conn_look_up(struct db_conn *c, const char *name)
{
	if (!db_ask_start(&c->ask, c->names, name, conn_resolved, c)) {
		conn_failed(c, strerror(errno));
		return;
	}
	c->state = CONN_LOOKING;
	loop_timer_set(c->loop, &c->timer, CONN_LOOKUP_MS, conn_timeout, c);
}

/* addrs: what was found for the host, NULL = nothing was asked yet. */
static void
conn_open(struct db_conn *c, const char *addrs)
{
	struct arena *a = arena_new();
	struct db_conninfo ci;
	const struct err *e = db_conninfo(a, &c->opts, c->attempt, addrs, &ci);

	if (e) {
		conn_failed(c, arena_cstr(a, e->text));
	} else if (ci.name) {
		conn_look_up(c, ci.name);
	} else {
		conn_connect(c, &ci);
	}
	arena_free(a);
}

static void
conn_resolved(void *arg, const char *addrs, const char *why)
{
	struct db_conn *c = arg;

	MAGIC_CHECK(c, CONN_MAGIC);
	if (addrs)
		conn_open(c, addrs);
	else
		conn_not_found(c, why);
}

static void
conn_attempt(void *arg)
{
	struct db_conn *c = arg;

	MAGIC_CHECK(c, CONN_MAGIC);
	conn_open(c, NULL);
}

static void
conn_input(struct db_conn *c)
{
	const bool alive = PQconsumeInput(c->pg) == 1;

	/* Also after the end: the server's last words say why. */
	c->ops->input(c->owner);
	if (c->state == CONN_UP && (!alive || PQstatus(c->pg) == CONNECTION_BAD))
		conn_lost(c, PQerrorMessage(c->pg));
}

static void
conn_event(evutil_socket_t fd, short what, void *arg)
{
	struct db_conn *c = arg;

	(void)fd;
	MAGIC_CHECK(c, CONN_MAGIC);
	if (c->state == CONN_CONNECTING) {
		conn_poll(c);
		return;
	}
	if (c->state != CONN_UP)
		return;
	if (what & EV_READ)
		conn_input(c);
	if (c->state == CONN_UP)
		db_conn_flush(c);
}

struct db_conn *
db_conn_new(struct loop *l, struct db_resolver *names, const struct db_opts *o,
	const struct db_conn_ops *ops, void *owner)
{
	struct db_conn *c = xcalloc(1, sizeof(*c));

	c->magic = CONN_MAGIC;
	c->loop = l;
	c->names = names;
	c->opts = *o;
	c->ops = ops;
	c->owner = owner;
	c->backoff_ms = CONN_BACKOFF_MIN_MS;
	loop_timer_set(l, &c->timer, 0, conn_attempt, c);
	return c;
}

void
db_conn_free(struct db_conn *c)
{
	if (!c)
		return;
	MAGIC_CHECK(c, CONN_MAGIC);
	loop_timer_clear(&c->timer);
	db_ask_stop(&c->ask);
	conn_unwatch(c);
	if (c->pg)
		PQfinish(c->pg);
	free(c->why);
	c->magic = 0;
	free(c);
}

/* The end of a session stands in its socket before the loop tells us: do not send into that. */
bool
db_conn_alive(const struct db_conn *c)
{
	struct pollfd fd = {.events = POLLRDHUP};

	if (c->state != CONN_UP)
		return false;
	fd.fd = PQsocket(c->pg);
	/* A signal in between says nothing about the server. */
	return poll(&fd, 1, 0) <= 0;
}

PGconn *
db_conn_pg(const struct db_conn *c)
{
	return c->state == CONN_UP ? c->pg : NULL;
}

struct span
db_conn_why(const struct db_conn *c)
{
	return span_of(c->why);
}

static void
conn_broken(void *arg)
{
	struct db_conn *c = arg;

	c->state = CONN_UP;
	conn_lost(c, c->why);
}

void
db_conn_break(struct db_conn *c, const char *why)
{
	if (c->state != CONN_UP)
		return;
	c->state = CONN_BROKEN;
	conn_unwatch(c);
	conn_say(c, why);
	loop_timer_set(c->loop, &c->timer, 0, conn_broken, c);
}

void
db_conn_flush(struct db_conn *c)
{
	int left;

	if (c->state != CONN_UP)
		return;
	left = PQflush(c->pg);
	if (left == 0)
		return;
	if (left < 0)
		db_conn_break(c, PQerrorMessage(c->pg));
	else
		event_add(c->ev_write, NULL);
}
