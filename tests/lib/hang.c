#include "lib/hang.h"

#include <libpq-fe.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/check.h"
#include "lib/pg.h"

#define LOOK_NS (4 * 1000 * 1000)
#define LOOKS_MAX 5000
#define SETTLE_MS 20000

struct hang {
	PGconn *pg;
};

static PGresult *
hang_ask(PGconn *pg, const char *sql)
{
	PGresult *res = PQexec(pg, sql);

	if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
		check_fail("%s: %s", sql, PQerrorMessage(pg));
	return res;
}

static struct hang *
hang_new(struct span dsn, const char *what, const char *table, const char *how)
{
	struct hang *h = calloc(1, sizeof(*h));
	char text[256];

	assert_non_null(h);
	(void)snprintf(text, sizeof(text), "%.*s", SPAN_FMT(dsn));
	h->pg = PQconnectdb(text);
	(void)snprintf(text, sizeof(text), "%s %s %s", what, table, how);
	PQclear(hang_ask(h->pg, "BEGIN"));
	PQclear(hang_ask(h->pg, text));
	return h;
}

struct hang *
hang_table(struct span dsn, const char *table)
{
	return hang_new(dsn, "LOCK TABLE", table, "IN ACCESS EXCLUSIVE MODE");
}

struct hang *
hang_rows(struct span dsn, const char *table)
{
	return hang_new(dsn, "SELECT FROM", table, "FOR UPDATE");
}

bool
hang_waits(const struct hang *h)
{
	PGresult *res = hang_ask(h->pg, "SELECT FROM pg_locks WHERE NOT granted"
					" AND pg_backend_pid() = ANY (pg_blocking_pids(pid))");
	const bool waits = PQntuples(res) > 0;

	PQclear(res);
	return waits;
}

void
hang_over(struct hang *h)
{
	if (!h)
		return;
	PQfinish(h->pg);
	free(h);
}

void
hang_settle(struct span dsn)
{
	for (int ms = 0; pg_number(dsn, "SELECT count(*) FROM pg_stat_activity"
					" WHERE datname = current_database()"
					" AND pid <> pg_backend_pid()") > 0;
		ms += 5) {
		if (ms > SETTLE_MS)
			check_fail("a session does not end");
		(void)usleep(5000);
	}
}

bool
hang_traced(const struct loop *l, const char *what)
{
	struct buf b;
	bool there;

	buf_init(&b, 1 << 20);
	task_trace(l, &b);
	there = span_has(buf_span(&b), span_of(what));
	buf_fini(&b);
	return there;
}

static void
look_now(void *arg)
{
	struct look *k = arg;
	uint64_t n;

	(void)!read(k->fd, &n, sizeof(n));
	if (!k->seen && !(k->seen = k->is(k->arg))) {
		if (++k->looks > LOOKS_MAX)
			check_fail("the flow never came so far");
		return;
	}
	k->then(k->arg);
}

void
look_start(struct look *k, struct loop *l, bool (*is)(void *arg), loop_fn *then, void *arg)
{
	/* The kernel's clock: the one of the loop may be a fake that stands. */
	const struct itimerspec often = {
		.it_interval.tv_nsec = LOOK_NS, .it_value.tv_nsec = LOOK_NS};

	*k = (struct look){.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		.is = is,
		.then = then,
		.arg = arg};
	assert_true(k->fd >= 0);
	assert_int_equal(timerfd_settime(k->fd, 0, &often, NULL), 0);
	k->watch = loop_watch_new(l, k->fd, look_now, k);
}

void
look_end(struct look *k)
{
	if (!k->watch)
		return;
	loop_watch_free(k->watch);
	(void)close(k->fd);
	k->watch = NULL;
}
