#include "crypto/digest.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"

#define DIGEST_HEADER_MAX 1024

struct digest {
	EVP_MD_CTX *ctx;
};

static EVP_MD *digest_md, *digest_md512;
static pthread_once_t digest_md_once = PTHREAD_ONCE_INIT;

/* Fetched once: an implicit fetch costs more than the hash of a short text. */
static void
digest_fetch(void)
{
	digest_md = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	digest_md512 = EVP_MD_fetch(NULL, "SHA2-512", NULL);
	assert(digest_md && digest_md512);
}

void
digest_sha256(struct span s, unsigned char out[SHA256_SIZE])
{
	struct digest *d = digest_sha256_new();

	digest_add(d, s);
	digest_end(d, out);
}

void
digest_sha512(struct span s, unsigned char out[SHA512_SIZE])
{
	unsigned n = 0;
	int ok;

	(void)pthread_once(&digest_md_once, digest_fetch);
	ok = EVP_Digest(s.p ? s.p : "", s.n, out, &n, digest_md512, NULL);
	assert(ok == 1 && n == SHA512_SIZE);
	(void)ok;
}

struct digest *
digest_sha256_new(void)
{
	struct digest *d = xmalloc(sizeof(*d));
	int ok;

	(void)pthread_once(&digest_md_once, digest_fetch);
	d->ctx = EVP_MD_CTX_new();
	assert(d->ctx);
	ok = EVP_DigestInit_ex2(d->ctx, digest_md, NULL);
	assert(ok == 1);
	(void)ok;
	return d;
}

void
digest_add(struct digest *d, struct span s)
{
	int ok = EVP_DigestUpdate(d->ctx, s.p ? s.p : "", s.n);

	assert(ok == 1);
	(void)ok;
}

void
digest_end(struct digest *d, unsigned char out[SHA256_SIZE])
{
	unsigned n = 0;
	int ok = EVP_DigestFinal_ex(d->ctx, out, &n);

	assert(ok == 1 && n == SHA256_SIZE);
	(void)ok;
	EVP_MD_CTX_free(d->ctx);
	free(d);
}

static struct span
digest_base64(struct arena *a, struct span body)
{
	unsigned char sum[SHA256_SIZE];

	digest_sha256(body, sum);
	return base64_encode(a, span_from(sum, sizeof(sum)));
}

struct span
digest_header(struct arena *a, struct span body)
{
	struct span b64 = digest_base64(a, body);

	return arena_printf(a, "SHA-256=%.*s", SPAN_FMT(b64));
}

struct span
content_digest_header(struct arena *a, struct span body)
{
	struct span b64 = digest_base64(a, body);

	return arena_printf(a, "sha-256=:%.*s:", SPAN_FMT(b64));
}

/* ---- reading ---- */

struct digest_known {
	const char *name;
	size_t size;
	void (*make)(struct span s, unsigned char *out);
};

static const struct digest_known digest_known[] = {
	{"sha-256", SHA256_SIZE, digest_sha256},
	{"sha-512", SHA512_SIZE, digest_sha512},
};

static bool
digest_one_matches(struct arena *a, const struct digest_known *k, struct span value,
	bool colons, struct span body)
{
	unsigned char made[SHA512_SIZE];
	struct span sum;

	if (colons) { /* RFC 9530's */
		if (value.n < 2 || value.p[0] != ':' || value.p[value.n - 1] != ':')
			return false;
		value = span_slice(value, 1, value.n - 1);
	}
	if (!base64_decode(a, value, &sum) || sum.n != k->size)
		return false;
	k->make(body, made);
	return memcmp(sum.p, made, k->size) == 0;
}

/* Of those we know each stands there once at most and matches, and there is one. */
static bool
digest_matches(struct arena *a, struct span header, bool colons, struct span body)
{
	bool seen[ARRAY_LEN(digest_known)] = {false};
	struct span rest = header, part;
	bool any = false;

	if (header.n > DIGEST_HEADER_MAX)
		return false;
	while (span_cut(&rest, ',', &part)) {
		size_t eq, i = 0;

		part = span_trim(part);
		eq = span_find_byte(part, '=');
		while (eq != SIZE_MAX && i < ARRAY_LEN(digest_known) &&
			!span_is_nocase(span_slice(part, 0, eq), digest_known[i].name))
			i++;
		if (eq == SIZE_MAX || i == ARRAY_LEN(digest_known))
			continue;
		if (seen[i] || !digest_one_matches(a, &digest_known[i],
				       span_slice(part, eq + 1, part.n), colons, body))
			return false;
		seen[i] = any = true;
	}
	return any;
}

bool
digest_header_matches(struct arena *a, struct span header, struct span body)
{
	return digest_matches(a, header, false, body);
}

bool
content_digest_header_matches(struct arena *a, struct span header, struct span body)
{
	return digest_matches(a, header, true, body);
}
