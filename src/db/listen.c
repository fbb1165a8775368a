#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "db/conn.h"
#include "db/run.h"

#define LISTEN_MAX 16

struct listen_channel {
	const char *name;
	db_notify_fn *fn;
	void *arg;
	enum { LISTEN_NEW, LISTEN_SENT, LISTEN_ON } state; /* on this connection */
};

struct db_listener {
	struct db_conn *conn;
	bool up, busy;
	struct listen_channel channels[LISTEN_MAX];
	size_t n;
};

/* One command for all channels that are new on this connection. */
static void
listen_ask(struct db_listener *l)
{
	PGconn *pg = db_conn_pg(l->conn);
	struct buf sql;
	bool any = false;

	if (!l->up || l->busy || !pg)
		return;
	buf_init(&sql, 4096);
	for (size_t i = 0; i < l->n; i++) {
		if (l->channels[i].state != LISTEN_NEW)
			continue;
		buf_printf(&sql, "LISTEN %s;", l->channels[i].name);
		l->channels[i].state = LISTEN_SENT;
		any = true;
	}
	buf_byte(&sql, '\0');
	assert(!sql.toobig);
	if (any) {
		if (PQsendQuery(pg, sql.p)) {
			l->busy = true;
			db_conn_flush(l->conn);
		} else {
			db_conn_break(l->conn, PQerrorMessage(pg));
		}
	}
	buf_fini(&sql);
}

static bool
listen_on_up(void *owner, PGconn *pg)
{
	struct db_listener *l = owner;

	(void)pg;
	l->up = true;
	l->busy = false;
	for (size_t i = 0; i < l->n; i++)
		l->channels[i].state = LISTEN_NEW;
	listen_ask(l);
	return true;
}

/* From now on nothing is missed; what came before may have been. */
static void
listen_ready(struct db_listener *l)
{
	l->busy = false;
	for (size_t i = 0; i < l->n; i++) {
		if (l->channels[i].state != LISTEN_SENT)
			continue;
		l->channels[i].state = LISTEN_ON;
		l->channels[i].fn(l->channels[i].arg);
	}
}

static void
listen_results(struct db_listener *l, PGconn *pg)
{
	PGresult *res;

	while (l->busy && !PQisBusy(pg)) {
		res = PQgetResult(pg);
		if (!res) {
			listen_ready(l);
			listen_ask(l);
			return;
		}
		if (PQresultStatus(res) != PGRES_COMMAND_OK)
			db_conn_break(l->conn, PQresultErrorMessage(res));
		PQclear(res);
		if (!db_conn_pg(l->conn))
			return;
	}
}

static void
listen_tell(struct db_listener *l, const char *channel)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->channels[i].name, channel) == 0)
			l->channels[i].fn(l->channels[i].arg);
}

static void
listen_on_input(void *owner)
{
	struct db_listener *l = owner;
	PGconn *pg = db_conn_pg(l->conn);
	PGnotify *n;

	if (!pg)
		return;
	listen_results(l, pg);
	while ((pg = db_conn_pg(l->conn)) && (n = PQnotifies(pg))) {
		listen_tell(l, n->relname);
		PQfreemem(n);
	}
}

static void
listen_on_down(void *owner, struct span why)
{
	struct db_listener *l = owner;

	(void)why;
	l->up = l->busy = false;
}

static const struct db_conn_ops listen_ops = {
	.up = listen_on_up,
	.input = listen_on_input,
	.down = listen_on_down,
};

struct db_listener *
db_listener_new(struct loop *loop, struct db_resolver *names, const struct db_opts *o)
{
	struct db_listener *l = xcalloc(1, sizeof(*l));

	l->conn = db_conn_new(loop, names, o, &listen_ops, l);
	return l;
}

void
db_listener_add(struct db_listener *l, const char *channel, db_notify_fn *fn, void *arg)
{
	assert(l->n < LISTEN_MAX);
	for (const char *c = channel; *c; c++)
		assert((*c >= 'a' && *c <= 'z') || *c == '_'); /* our own constants */
	l->channels[l->n++] = (struct listen_channel){channel, fn, arg, LISTEN_NEW};
	listen_ask(l);
}

void
db_listener_free(struct db_listener *l)
{
	if (!l)
		return;
	db_conn_free(l->conn);
	free(l);
}
