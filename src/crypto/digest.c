#include "crypto/digest.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"

struct digest {
	EVP_MD_CTX *ctx;
};

static EVP_MD *digest_md;
static pthread_once_t digest_md_once = PTHREAD_ONCE_INIT;

/* Fetched once: an implicit fetch costs more than the hash of a short text. */
static void
digest_fetch(void)
{
	digest_md = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	assert(digest_md);
}

void
digest_sha256(struct span s, unsigned char out[SHA256_SIZE])
{
	struct digest *d = digest_sha256_new();

	digest_add(d, s);
	digest_end(d, out);
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

/* The value of the one member whose key is sha-256, decoded; colons are RFC 9530's. */
static bool
digest_value(struct arena *a, struct span header, bool colons, struct span *sum)
{
	struct span rest = header, part, value = SPAN_NONE;

	if (header.n > 1024)
		return false;
	while (span_cut(&rest, ',', &part)) {
		size_t eq;

		part = span_trim(part);
		eq = span_find_byte(part, '=');
		if (eq == SIZE_MAX || !span_is_nocase(span_slice(part, 0, eq), "sha-256"))
			continue;
		if (value.p)
			return false;
		value = span_slice(part, eq + 1, part.n);
	}
	if (!value.p)
		return false;
	if (colons) {
		if (value.n < 2 || value.p[0] != ':' || value.p[value.n - 1] != ':')
			return false;
		value = span_slice(value, 1, value.n - 1);
	}
	return base64_decode(a, value, sum) && sum->n == SHA256_SIZE;
}

static bool
digest_matches(struct arena *a, struct span header, bool colons, struct span body)
{
	unsigned char made[SHA256_SIZE];
	struct span sum;

	if (!digest_value(a, header, colons, &sum))
		return false;
	digest_sha256(body, made);
	return memcmp(sum.p, made, SHA256_SIZE) == 0;
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
