/*
 * Parts: what delivering and ingesting cannot do without, each measured alone. Prints the
 * seconds one of them takes.
 *
 * usage: parts sign N | post PORT N | finish DSN N | feed FILE | items DSN N
 */
#include <curl/curl.h>
#include <libpq-fe.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "bench/wire.h"
#include "crypto/pkey.h"

#define PARTS_BATCH 100
#define PARTS_CONNECTIONS 128
#define PARTS_BODY 1500

static void
parts_tell(double seconds, unsigned long n)
{
	(void)printf("{\"n\":%lu,\"each\":%.9f}\n", n, seconds / (double)n);
}

/* ---- RSA ---- */

static void
parts_sign(unsigned long n)
{
	static char text[300];
	struct pkey *key = pkey_generate(PKEY_RSA);
	double began;

	memset(text, 'x', sizeof(text));
	began = wire_now();
	for (unsigned long i = 0; i < n; i++) {
		struct arena *a = arena_new();
		struct span out;

		if (pkey_sign(a, key, span_from(text, sizeof(text)), &out))
			wire_die("sign");
		arena_free(a);
	}
	parts_tell(wire_now() - began, n);
	pkey_unref(key);
}

/* ---- POST to hosts never asked before ---- */

static CURL *
parts_easy(const char *port, unsigned long i, struct curl_slist *headers)
{
	static char body[PARTS_BODY];
	CURL *c = curl_easy_init();
	char url[64];

	memset(body, 'x', sizeof(body));
	(void)snprintf(
		url, sizeof(url), "http://127.30.%lu.%lu:%s/inbox", i / 250, i % 250 + 1, port);
	(void)curl_easy_setopt(c, CURLOPT_URL, url);
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
	(void)curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)PARTS_BODY);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_PROXY, "");
	return c;
}

static unsigned long
parts_reap(CURLM *multi)
{
	unsigned long n = 0;
	CURLMsg *m;
	long status;
	int left;

	while ((m = curl_multi_info_read(multi, &left))) {
		CURL *c = m->easy_handle;

		(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
		if (m->data.result != CURLE_OK || status != 202)
			wire_die("POST");
		(void)curl_multi_remove_handle(multi, c);
		curl_easy_cleanup(c);
		n++;
	}
	return n;
}

static void
parts_post(const char *port, unsigned long n)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	CURLM *multi = curl_multi_init();
	unsigned long started = 0, done = 0;
	const double began = wire_now();
	int running;

	headers = curl_slist_append(headers, "Content-Type: application/activity+json");
	while (done < n) {
		for (; started < n && started - done < PARTS_CONNECTIONS; started++)
			(void)curl_multi_add_handle(multi, parts_easy(port, started, headers));
		(void)curl_multi_perform(multi, &running);
		done += parts_reap(multi);
		if (done < n && running)
			(void)curl_multi_poll(multi, NULL, 0, 100, NULL);
	}
	parts_tell(wire_now() - began, n);
	(void)curl_multi_cleanup(multi);
	curl_slist_free_all(headers);
}

/* ---- rows ---- */

static PGresult *
parts_sql(PGconn *db, const char *sql, const char *one, const char *two)
{
	const char *const v[] = {one, two};
	PGresult *r =
		PQexecParams(db, sql, (one != NULL) + (two != NULL), NULL, v, NULL, NULL, 0);

	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
		wire_die(PQerrorMessage(db));
	return r;
}

static PGconn *
parts_connect(const char *dsn)
{
	PGconn *db = PQconnectdb(dsn);

	if (PQstatus(db) != CONNECTION_OK)
		wire_die(PQerrorMessage(db));
	PQclear(parts_sql(db, "SET client_min_messages = error", NULL, NULL));
	return db;
}

/* Jobs under a lease end by id and token, a hundred with each commit. */
static void
parts_finish(const char *dsn, unsigned long n)
{
	PGconn *db = parts_connect(dsn);
	char number[32];
	double began;

	(void)snprintf(number, sizeof(number), "%lu", n);
	PQclear(parts_sql(db,
		"INSERT INTO job (kind, key, host, args, state, worker, lease_until, "
		"lease_token)"
		" SELECT 'bench', i::text, 'h' || i, '{}', 'running', 'bench', now() + '1 "
		"hour',"
		" gen_random_uuid() FROM generate_series(1, $1::int) i",
		number, NULL));
	PQclear(parts_sql(db,
		"CREATE TEMP TABLE lease AS SELECT id, lease_token,"
		" (row_number() OVER (ORDER BY id) - 1) / 100 AS batch"
		" FROM job WHERE kind = 'bench'",
		NULL, NULL));
	began = wire_now();
	for (unsigned long i = 0; i < (n + PARTS_BATCH - 1) / PARTS_BATCH; i++) {
		(void)snprintf(number, sizeof(number), "%lu", i);
		PQclear(parts_sql(db,
			"DELETE FROM job j USING lease l WHERE l.batch = $1::int AND j.id = "
			"l.id"
			" AND j.lease_token = l.lease_token",
			number, NULL));
	}
	parts_tell(wire_now() - began, n);
	PQfinish(db);
}

static void
parts_items(const char *dsn, unsigned long n)
{
	PGconn *db = parts_connect(dsn);
	const double began = wire_now();
	char from[32], to[32];

	for (unsigned long i = 0; i < n; i += PARTS_BATCH) {
		(void)snprintf(from, sizeof(from), "%lu", i + 1);
		(void)snprintf(
			to, sizeof(to), "%lu", i + PARTS_BATCH < n ? i + PARTS_BATCH : n);
		PQclear(parts_sql(db,
			"INSERT INTO post (account, remote_id, state, content_hash, title, "
			"html, text,"
			" language, published_at)"
			" SELECT a.id, 'bench' || i, 'dropped', sha256(i::text::bytea), 'Titel "
			"' || i,"
			" repeat('Ein Satz. ', 40), repeat('Ein Satz. ', 40), 'de', now()"
			" FROM generate_series($1::int, $2::int) i,"
			" (SELECT id FROM account WHERE kind = 'organization' LIMIT 1) a",
			from, to));
	}
	parts_tell(wire_now() - began, n);
	PQclear(parts_sql(db, "DELETE FROM post WHERE remote_id LIKE 'bench%'", NULL, NULL));
	PQfinish(db);
}

/* ---- XML ---- */

static void
parts_feed(const char *path)
{
	size_t n;
	char *text = wire_file(path, &n);
	const double began = wire_now();
	const unsigned long times = 20;

	for (unsigned long i = 0; i < times; i++) {
		xmlDoc *d = xmlReadMemory(text, (int)n, NULL, NULL, XML_PARSE_NONET);

		if (!d)
			wire_die("xml");
		xmlFreeDoc(d);
	}
	parts_tell(wire_now() - began, times);
	free(text);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	const unsigned long n = argc > 2 ? strtoul(argv[argc - 1], NULL, 10) : 0;

	if (strcmp(what, "sign") == 0 && n)
		parts_sign(n);
	else if (strcmp(what, "post") == 0 && argc == 4 && n)
		parts_post(argv[2], n);
	else if (strcmp(what, "finish") == 0 && argc == 4 && n)
		parts_finish(argv[2], n);
	else if (strcmp(what, "items") == 0 && argc == 4 && n)
		parts_items(argv[2], n);
	else if (strcmp(what, "feed") == 0 && argc == 3)
		parts_feed(argv[2]);
	else
		wire_die("usage: parts sign N | post PORT N | finish DSN N | feed FILE | items "
			 "DSN N");
	return 0;
}
