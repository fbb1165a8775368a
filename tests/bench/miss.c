/*
 * Miss: a timeline that is never warm. Before each request a post is written, as the hub does
 * it, and the worker is given time to hear of it; only the request is timed. Beside it the
 * SELECT of the newest twenty alone, with the hub's own statement.
 *
 * usage: miss DSN IP PORT HOST PATH N
 */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/wire.h"
#include "hub/post.h"

#define MISS_ANSWER (1024 * 1024)
#define MISS_PAUSE_US 500
#define MISS_STALE_MAX 10000

static PGconn *
miss_connect(const char *dsn)
{
	PGconn *db = PQconnectdb(dsn);

	if (PQstatus(db) != CONNECTION_OK)
		wire_die(PQerrorMessage(db));
	return db;
}

static void
miss_ok(PGconn *db, PGresult *r)
{
	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
		wire_die(PQerrorMessage(db));
	PQclear(r);
}

static void
miss_post(PGconn *db, unsigned long i)
{
	char sql[1024];

	(void)snprintf(sql, sizeof(sql),
		"BEGIN;"
		"INSERT INTO post (account, remote_id, state, content_hash, title, html, text,"
		" language, published_at)"
		" SELECT a.id, 'miss%lu-%d', 'published', sha256('%lu'), 'Meldung %d-%lu.',"
		" repeat('<p>Ein Satz.</p>', 20), repeat('Ein Satz. ', 20), 'de', now()"
		" FROM (SELECT id FROM account WHERE kind = 'organization' LIMIT 1) a;"
		"UPDATE generation SET n = n + 1;"
		"COMMIT",
		i, (int)getpid(), i, (int)getpid(), i);
	miss_ok(db, PQexec(db, sql));
}

static double
miss_get(int fd, const char *request, char *answer, const char *title)
{
	const double began = wire_now();
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct wire_message m = {0};
	double took;
	size_t n = 0;

	if (send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
		wire_die("send");
	while (!m.complete) {
		ssize_t got;

		if (poll(&p, 1, 10000) != 1)
			wire_die("no answer within 10 s");
		got = recv(fd, answer + n, MISS_ANSWER - n - 1, 0);
		if (got <= 0)
			wire_die("recv");
		n += (size_t)got;
		m = wire_read(answer, n);
	}
	took = wire_now() - began;
	answer[n] = '\0';
	if (m.status != 200 || !strstr(answer, title))
		return -1;
	return took;
}

static double
miss_fresh(int fd, const char *request, char *answer, const char *title)
{
	const struct timespec pause = {.tv_nsec = MISS_PAUSE_US * 1000L};

	for (int i = 0; i < MISS_STALE_MAX; i++) {
		const double took = miss_get(fd, request, answer, title);

		if (took >= 0)
			return took;
		(void)nanosleep(&pause, NULL);
	}
	wire_die("the worker does not hear of new posts");
}

static const struct db_stmt *
miss_stmt(void)
{
	for (size_t i = 0; i < n_post_stmts; i++)
		if (strcmp(post_stmts[i]->name, "post_page_down") == 0)
			return post_stmts[i];
	wire_die("post_page_down");
}

static double
miss_select(PGconn *db)
{
	static const char *const v[] = {"9223372036854775807", "0", "f", "20"};
	const double began = wire_now();
	PGresult *r = PQexecPrepared(db, "page", 4, v, NULL, NULL, 1);
	const double took = wire_now() - began;

	miss_ok(db, r);
	return took;
}

static int
miss_order(const void *x, const void *y)
{
	const double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

int
main(int argc, char **argv)
{
	char request[512], title[64], *answer = malloc(MISS_ANSWER);
	double *get, *rows;
	unsigned long n;
	PGconn *db;
	int fd;

	if (argc != 7 || !answer)
		wire_die("usage: miss DSN IP PORT HOST PATH N");
	n = strtoul(argv[6], NULL, 10);
	get = calloc(n, sizeof(double));
	rows = calloc(n, sizeof(double));
	db = miss_connect(argv[1]);
	(void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", argv[5],
		argv[4]);
	miss_ok(db, PQprepare(db, "page", miss_stmt()->sql, 0, NULL));
	for (unsigned long i = 0; i < n; i++) {
		miss_post(db, i);
		(void)snprintf(title, sizeof(title), "Meldung %d-%lu.", (int)getpid(), i);
		/* A new one each time: a connection carries a bounded number of requests. */
		fd = wire_connect(argv[2], (uint16_t)strtoul(argv[3], NULL, 10));
		get[i] = miss_fresh(fd, request, answer, title);
		(void)close(fd);
		rows[i] = miss_select(db);
	}
	qsort(get, n, sizeof(double), miss_order);
	qsort(rows, n, sizeof(double), miss_order);
	(void)printf("{\"n\":%lu,\"get\":%.9f,\"select\":%.9f}\n", n, get[n / 2], rows[n / 2]);
	PQfinish(db);
	free(get);
	free(rows);
	free(answer);
	return 0;
}
