/*
 * Sign: makes actors and requests that they have signed, half Create and half Like.
 *
 * usage: sign HOST ACTORS REQUESTS RUN DIR
 *   HOST  authority of the hub        RUN  makes the ids of this run its own
 * writes DIR/requests.RUN (see load.c), DIR/actors.sql (rows of remote_actor, once) and
 * DIR/actors.json (key id -> PEM). The keys stay in DIR/keys.pem for the next run.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/json.h"
#include "bench/wire.h"
#include "crypto/httpsig.h"

#define SIGN_ACTORS_MAX 64

struct sign {
	struct arena *arena;
	struct span host;
	const char *run, *dir;
	unsigned long actors, requests;
	struct pkey *key[SIGN_ACTORS_MAX];
};

static FILE *
sign_open(const struct sign *s, const char *name, const char *mode)
{
	struct span path = arena_printf(s->arena, "%s/%s", s->dir, name);
	FILE *f = fopen(path.p, mode);

	if (!f)
		wire_die(path.p);
	return f;
}

static void
sign_close(FILE *f)
{
	if (fclose(f) != 0)
		wire_die("write");
}

static struct span
sign_actor(const struct sign *s, unsigned long i)
{
	return arena_printf(s->arena, "http://127.9.0.%lu:9/u/bench", i + 1);
}

static void
sign_keys_make(struct sign *s)
{
	FILE *f = sign_open(s, "keys.pem", "w");

	for (unsigned long i = 0; i < s->actors; i++) {
		s->key[i] = pkey_generate(PKEY_RSA);
		(void)fprintf(f, "%.*s", SPAN_FMT(pkey_private_pem(s->arena, s->key[i])));
	}
	sign_close(f);
}

static bool
sign_keys_read(struct sign *s)
{
	static const char end[] = "-----END PRIVATE KEY-----\n";
	struct span path = arena_printf(s->arena, "%s/keys.pem", s->dir);
	FILE *there = fopen(path.p, "r");
	struct span rest;
	size_t n;

	if (!there)
		return false;
	(void)fclose(there);
	rest.p = wire_file(path.p, &rest.n);
	for (unsigned long i = 0; i < s->actors; i++) {
		n = span_find(rest, span_of(end));
		if (n == SIZE_MAX ||
			pkey_private_from_pem(
				s->arena, span_slice(rest, 0, n + sizeof(end) - 1), &s->key[i]))
			wire_die("keys.pem");
		rest = span_slice(rest, n + sizeof(end) - 1, rest.n);
	}
	return true;
}

static void
sign_actors_write(struct sign *s)
{
	FILE *sql = sign_open(s, "actors.sql", "w"), *json = sign_open(s, "actors.json", "w");
	json_t *keys = json_own(s->arena, json_object());

	for (unsigned long i = 0; i < s->actors; i++) {
		struct span uri = sign_actor(s, i), pem = pkey_public_pem(s->arena, s->key[i]);
		struct span id = arena_printf(s->arena, "%.*s#main-key", SPAN_FMT(uri));

		(void)fprintf(sql,
			"INSERT INTO remote_actor (uri, host, inbox, username, type, key_id,"
			" public_key_pem, fetched_at) VALUES ('%.*s', '127.9.0.%lu:9',"
			" '%.*s/inbox', 'bench', 'Person', '%.*s', '%.*s', now())"
			" ON CONFLICT (uri) DO NOTHING;\n",
			SPAN_FMT(uri), i + 1, SPAN_FMT(uri), SPAN_FMT(id), SPAN_FMT(pem));
		json_object_set_new(keys, id.p, json_str(pem));
	}
	(void)fprintf(json, "%.*s\n", SPAN_FMT(json_dump(s->arena, keys)));
	sign_close(sql);
	sign_close(json);
}

static struct span
sign_body(const struct sign *s, struct arena *a, unsigned long n, struct span actor)
{
	struct span id = arena_printf(a, "%.*s/%s/%lu", SPAN_FMT(actor), s->run, n);

	if (n % 2)
		return arena_printf(a,
			"{\"@context\":\"https://www.w3.org/ns/"
			"activitystreams\",\"id\":\"%.*s\","
			"\"type\":\"Like\",\"actor\":\"%.*s\",\"object\":\"http://%.*s/p/"
			"%lu\"}",
			SPAN_FMT(id), SPAN_FMT(actor), SPAN_FMT(s->host), n);
	return arena_printf(a,
		"{\"@context\":\"https://www.w3.org/ns/activitystreams\",\"id\":\"%.*s\","
		"\"type\":\"Create\",\"actor\":\"%.*s\",\"published\":\"2026-03-01T10:00:00Z\","
		"\"to\":[\"https://www.w3.org/ns/activitystreams#Public\"],\"object\":{"
		"\"id\":\"%.*s/note\",\"type\":\"Note\",\"attributedTo\":\"%.*s\","
		"\"to\":[\"https://www.w3.org/ns/activitystreams#Public\"],"
		"\"content\":\"<p>Eine Antwort mit ein paar Worten, wie sie Menschen "
		"schreiben, "
		"wenn die Feuerwehr von einem Einsatz berichtet hat.</p>\"}}",
		SPAN_FMT(id), SPAN_FMT(actor), SPAN_FMT(id), SPAN_FMT(actor));
}

static void
sign_request(const struct sign *s, FILE *f, unsigned long n)
{
	const struct httpsig_header type = {
		.name = SPAN("Content-Type"), .value = SPAN("application/activity+json")};
	struct arena *a = arena_new();
	struct span actor = sign_actor(s, n % s->actors), body = sign_body(s, a, n, actor);
	const struct httpsig_request r = {.method = SPAN("POST"),
		.target = SPAN("/inbox"),
		.scheme = SPAN("http"),
		.host = s->host,
		.headers = &type,
		.n_headers = 1,
		.body = body};
	struct httpsig_out out;
	struct span signature;
	struct buf b;
	uint32_t size;

	httpsig_prepare(a, &r, HTTPSIG_CAVAGE,
		arena_printf(a, "%.*s#main-key", SPAN_FMT(actor)), clock_us(), &out);
	if (pkey_sign(a, s->key[n % s->actors], out.text, &signature))
		wire_die("sign");
	httpsig_finish(a, &out, signature);
	buf_init(&b, 65536);
	buf_printf(&b, "POST /inbox HTTP/1.1\r\nHost: %.*s\r\nContent-Type: %.*s\r\n",
		SPAN_FMT(s->host), SPAN_FMT(type.value));
	for (size_t i = 0; i < out.n_headers; i++)
		buf_printf(&b, "%.*s: %.*s\r\n", SPAN_FMT(out.headers[i].name),
			SPAN_FMT(out.headers[i].value));
	buf_printf(&b, "Content-Length: %zu\r\n\r\n", body.n);
	buf_add(&b, body);
	size = htonl((uint32_t)b.n);
	if (fwrite(&size, 4, 1, f) != 1 || fwrite(b.p, b.n, 1, f) != 1)
		wire_die("write");
	buf_fini(&b);
	arena_free(a);
}

int
main(int argc, char **argv)
{
	struct sign s = {.arena = arena_new()};
	FILE *f;

	if (argc != 6)
		wire_die("usage: sign HOST ACTORS REQUESTS RUN DIR");
	s.host = span_of(argv[1]);
	s.actors = strtoul(argv[2], NULL, 10);
	s.requests = strtoul(argv[3], NULL, 10);
	s.run = argv[4];
	s.dir = argv[5];
	if (s.actors == 0 || s.actors > SIGN_ACTORS_MAX)
		wire_die("1 to 64 actors");
	if (!sign_keys_read(&s)) {
		sign_keys_make(&s);
		sign_actors_write(&s);
	}
	f = sign_open(&s, arena_printf(s.arena, "requests.%s", s.run).p, "w");
	for (unsigned long n = 0; n < s.requests; n++)
		sign_request(&s, f, n);
	sign_close(f);
	for (unsigned long i = 0; i < s.actors; i++)
		pkey_unref(s.key[i]);
	arena_free(s.arena);
	return 0;
}
