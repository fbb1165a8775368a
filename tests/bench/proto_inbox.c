/*
 * Proto_inbox: the unavoidable parts of an inbox and nothing else, as the measure for ours:
 * evhttp takes the POST, its digest and RSA signature are verified with cached keys, jansson
 * parses it, and the same rows as the hub's are inserted in pipelined batches of a hundred;
 * each answer waits for its commit.
 *
 * usage: proto_inbox IP PORT DSN ACTORS.JSON
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/wire.h"

#define PROTO_BATCH 100
#define PROTO_KEYS 64
#define PROTO_TEXT 4096

struct proto_item {
	struct evhttp_request *req;
	char *signer, *id, *type, *body;
};

static struct {
	PGconn *db;
	struct event *idle, *readable;
	struct proto_item waiting[PROTO_BATCH * 8], flying[PROTO_BATCH];
	size_t n_waiting, n_flying;
	char *key_id[PROTO_KEYS];
	EVP_PKEY *key[PROTO_KEYS];
	size_t n_keys;
} proto;

/* ---- keys ---- */

static void
proto_keys(const char *path)
{
	json_t *all = json_load_file(path, 0, NULL), *pem;
	const char *id;

	if (!all)
		wire_die(path);
	json_object_foreach(all, id, pem)
	{
		BIO *bio = BIO_new_mem_buf(json_string_value(pem), -1);

		proto.key_id[proto.n_keys] = strdup(id);
		proto.key[proto.n_keys] = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
		if (!proto.key[proto.n_keys++])
			wire_die("key");
		BIO_free(bio);
	}
	json_decref(all);
}

static EVP_PKEY *
proto_key(const char *id, size_t n)
{
	for (size_t i = 0; i < proto.n_keys; i++)
		if (strlen(proto.key_id[i]) == n && memcmp(proto.key_id[i], id, n) == 0)
			return proto.key[i];
	return NULL;
}

/* ---- verifying ---- */

static bool
proto_digest_ok(const char *header, const char *body, size_t n)
{
	unsigned char sum[32], b64[48];
	unsigned len;

	return header && EVP_Digest(body, n, sum, &len, EVP_sha256(), NULL) == 1 &&
	       EVP_EncodeBlock(b64, sum, 32) == 44 && strncmp(header, "SHA-256=", 8) == 0 &&
	       strcmp(header + 8, (const char *)b64) == 0;
}

/* The value of name="…" inside a Signature header. */
static const char *
proto_param(const char *header, const char *name, size_t *n)
{
	const char *at = header ? strstr(header, name) : NULL, *end;

	at = at ? at + strlen(name) : NULL;
	end = at ? strchr(at, '"') : NULL;
	*n = end ? (size_t)(end - at) : 0;
	return end ? at : NULL;
}

static bool
proto_signature_ok(struct evkeyvalq *in)
{
	const char *header = evhttp_find_header(in, "Signature"), *key_id, *b64;
	unsigned char raw[1024];
	char text[PROTO_TEXT];
	size_t n, n_b64;
	int size = snprintf(text, sizeof(text),
		"(request-target): post /inbox\nhost: %s\ndate: %s\ndigest: %s\ncontent-type: "
		"%s",
		evhttp_find_header(in, "Host"), evhttp_find_header(in, "Date"),
		evhttp_find_header(in, "Digest"), evhttp_find_header(in, "Content-Type"));
	EVP_MD_CTX *ctx;
	EVP_PKEY *key;
	bool ok;

	key_id = proto_param(header, "keyId=\"", &n);
	key = key_id ? proto_key(key_id, n) : NULL;
	b64 = proto_param(header, "signature=\"", &n_b64);
	if (!key || !b64 || n_b64 > 1000 || size >= PROTO_TEXT)
		return false;
	if (EVP_DecodeBlock(raw, (const unsigned char *)b64, (int)n_b64) < 256)
		return false;
	ctx = EVP_MD_CTX_new();
	ok = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	     EVP_DigestVerify(ctx, raw, 256, (const unsigned char *)text, (size_t)size) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

/* ---- storing ---- */

static void
proto_send(const char *sql, const struct proto_item *it)
{
	const char *v[4];
	char key[1024];

	if (!it) {
		if (PQsendQueryParams(proto.db, sql, 0, NULL, NULL, NULL, NULL, 0) != 1)
			wire_die(PQerrorMessage(proto.db));
		return;
	}
	v[0] = it->signer;
	v[1] = it->id;
	v[2] = it->type;
	v[3] = it->body;
	if (PQsendQueryPrepared(proto.db, "activity", 4, v, NULL, NULL, 0) != 1)
		wire_die(PQerrorMessage(proto.db));
	(void)snprintf(key, sizeof(key), "%s %s", it->signer, it->id);
	v[2] = key;
	if (PQsendQueryPrepared(proto.db, "job", 3, v, NULL, NULL, 0) != 1)
		wire_die(PQerrorMessage(proto.db));
}

static void
proto_batch(void)
{
	const size_t n = proto.n_waiting < PROTO_BATCH ? proto.n_waiting : PROTO_BATCH;

	if (n == 0 || proto.n_flying > 0)
		return;
	memcpy(proto.flying, proto.waiting, n * sizeof(proto.flying[0]));
	proto.n_flying = n;
	proto.n_waiting -= n;
	memmove(proto.waiting, proto.waiting + n, proto.n_waiting * sizeof(proto.waiting[0]));
	proto_send("BEGIN", NULL);
	for (size_t i = 0; i < n; i++)
		proto_send(NULL, &proto.flying[i]);
	proto_send("COMMIT", NULL);
	if (PQpipelineSync(proto.db) != 1 || PQflush(proto.db) < 0)
		wire_die(PQerrorMessage(proto.db));
}

static void
proto_committed(void)
{
	for (size_t i = 0; i < proto.n_flying; i++) {
		struct proto_item *it = &proto.flying[i];

		evhttp_send_reply(it->req, 202, "Accepted", NULL);
		free(it->signer);
		free(it->id);
		free(it->type);
		free(it->body);
	}
	proto.n_flying = 0;
	proto_batch();
}

static void
proto_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	if (PQconsumeInput(proto.db) != 1 || PQflush(proto.db) < 0)
		wire_die(PQerrorMessage(proto.db));
	while (proto.n_flying > 0 && !PQisBusy(proto.db)) {
		PGresult *r = PQgetResult(proto.db);
		const ExecStatusType status = PQresultStatus(r);

		if (!r)
			continue; /* between two statements */
		if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
			status != PGRES_PIPELINE_SYNC)
			wire_die(PQerrorMessage(proto.db));
		PQclear(r);
		if (status == PGRES_PIPELINE_SYNC)
			proto_committed();
	}
}

/* ---- requests ---- */

static void
proto_idle(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	proto_batch();
}

static char *
proto_text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return strdup(s ? s : "");
}

static void
proto_request(struct evhttp_request *req, void *arg)
{
	static const struct timeval soon = {.tv_usec = 500};
	struct evkeyvalq *in = evhttp_request_get_input_headers(req);
	struct evbuffer *buffer = evhttp_request_get_input_buffer(req);
	const size_t n = evbuffer_get_length(buffer);
	const char *body = (const char *)evbuffer_pullup(buffer, -1);
	struct proto_item *it = &proto.waiting[proto.n_waiting];
	json_t *j;

	(void)arg;
	if (!body || !proto_digest_ok(evhttp_find_header(in, "Digest"), body, n) ||
		!proto_signature_ok(in) ||
		!(j = json_loadb(body, n, JSON_REJECT_DUPLICATES, NULL))) {
		evhttp_send_error(req, 401, NULL);
		return;
	}
	if (proto.n_waiting == PROTO_BATCH * 8)
		wire_die("more requests than connections were promised");
	*it = (struct proto_item){.req = req,
		.signer = proto_text(j, "actor"),
		.id = proto_text(j, "id"),
		.type = proto_text(j, "type"),
		.body = strndup(body, n)};
	json_decref(j);
	if (++proto.n_waiting >= PROTO_BATCH)
		proto_batch();
	else if (!evtimer_pending(proto.idle, NULL))
		(void)evtimer_add(proto.idle, &soon);
}

static void
proto_connect(const char *dsn)
{
	static const char *const prepare[][2] = {
		{"activity", "INSERT INTO inbox_activity (signer, uri, type, body)"
			     " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"},
		{"job", "INSERT INTO job (kind, key, serial, args) VALUES ('receive', $3, $1,"
			" jsonb_build_object('signer', $1::text, 'uri', $2::text))"},
	};

	proto.db = PQconnectdb(dsn);
	if (PQstatus(proto.db) != CONNECTION_OK)
		wire_die(PQerrorMessage(proto.db));
	for (size_t i = 0; i < 2; i++) {
		PGresult *r = PQprepare(proto.db, prepare[i][0], prepare[i][1], 0, NULL);

		if (PQresultStatus(r) != PGRES_COMMAND_OK)
			wire_die(PQerrorMessage(proto.db));
		PQclear(r);
	}
	if (PQsetnonblocking(proto.db, 1) != 0 || PQenterPipelineMode(proto.db) != 1)
		wire_die("pipeline mode");
}

int
main(int argc, char **argv)
{
	struct event_base *base = event_base_new();
	struct evhttp *http = evhttp_new(base);

	if (argc != 5)
		wire_die("usage: proto_inbox IP PORT DSN ACTORS.JSON");
	proto_connect(argv[3]);
	proto_keys(argv[4]);
	proto.idle = evtimer_new(base, proto_idle, NULL);
	proto.readable =
		event_new(base, PQsocket(proto.db), EV_READ | EV_PERSIST, proto_readable, NULL);
	if (event_add(proto.readable, NULL) != 0)
		wire_die("event_add");
	evhttp_set_gencb(http, proto_request, NULL);
	evhttp_set_allowed_methods(http, EVHTTP_REQ_POST);
	if (evhttp_bind_socket(http, argv[1], (uint16_t)strtoul(argv[2], NULL, 10)) != 0)
		wire_die("bind");
	(void)puts("listening");
	(void)fflush(stdout);
	return event_base_dispatch(base);
}
