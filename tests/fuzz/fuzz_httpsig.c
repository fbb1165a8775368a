/*
 * A request as on the wire: "METHOD target scheme", header lines, an empty line, the body.
 *
 * Whatever it says, it is not signed by a key that never signed. Then our own signature over
 * the same request is made and must hold for our key, and for no other body.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "base/clock.h"
#include "crypto/httpsig.h"

#define NOW (INT64_C(1772359200) * US_PER_S) /* 2026-03-01 10:00 UTC */
#define LINES 40

static struct pkey *rsa, *ed25519; /* never used to sign what stands in an input */

static void
keys_make(void)
{
	if (rsa)
		return;
	rsa = pkey_generate(PKEY_RSA);
	ed25519 = pkey_generate(PKEY_ED25519);
}

static void
read_request(struct span rest, struct httpsig_request *r, struct httpsig_header *h)
{
	struct span line = fuzz_head(&rest, '\n');

	r->method = fuzz_head(&line, ' ');
	r->target = fuzz_head(&line, ' ');
	r->scheme = line;
	r->headers = h;
	while (rest.n > 0 && r->n_headers < LINES) {
		struct span value = fuzz_head(&rest, '\n'), name;

		if (value.n == 0)
			break;
		name = fuzz_head(&value, ':');
		if (span_is_nocase(name, "host"))
			r->host = span_trim(value);
		else
			h[r->n_headers++] =
				(struct httpsig_header){.name = name, .value = value};
	}
	r->body = rest;
}

/* evhttp and our guard let none of these through. */
static bool
printable(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f)
			return false;
	return s.n > 0;
}

static void
round_trip(struct arena *a, struct httpsig_request r, enum httpsig_scheme scheme)
{
	struct httpsig_header all[1 + HTTPSIG_HEADERS] = {
		{.name = SPAN("Content-Type"), .value = SPAN("application/activity+json")}};
	struct httpsig_out out;
	struct httpsig sig;
	struct span bytes;

	r.headers = all;
	r.n_headers = 1;
	httpsig_prepare(a, &r, scheme, SPAN("https://hub.example/actor#main-key"), NOW, &out);
	assert(!pkey_sign(a, rsa, out.text, &bytes));
	httpsig_finish(a, &out, bytes);
	for (size_t i = 0; i < out.n_headers; i++)
		all[r.n_headers++] = out.headers[i];
	assert(!httpsig_parse(a, &r, NOW, &sig));
	assert(sig.scheme == scheme && httpsig_verify(&sig, rsa));
	assert(!httpsig_verify(&sig, ed25519));
	r.body = arena_printf(a, "%.*s!", (int)r.body.n, r.body.p);
	if (span_is(r.method, "POST"))
		assert(httpsig_parse(a, &r, NOW, &sig));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct httpsig_header headers[LINES];
	struct httpsig_request r = {0};
	struct arena *a = arena_new();
	struct httpsig sig;

	keys_make();
	read_request(span_from(data, size), &r, headers);
	if (!httpsig_parse(a, &r, NOW, &sig)) {
		assert(sig.key_id.n > 0 && sig.base.n > 0);
		assert(!httpsig_verify(&sig, rsa) && !httpsig_verify(&sig, ed25519));
	}
	if (size % 16 == 0 && printable(r.target) && printable(r.host) && printable(r.scheme) &&
		(span_is(r.method, "GET") || span_is(r.method, "POST"))) {
		round_trip(a, r, HTTPSIG_CAVAGE);
		round_trip(a, r, HTTPSIG_RFC9421);
	}
	arena_free(a);
	return 0;
}
