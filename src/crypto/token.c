#include "crypto/token.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"

void
token_random(void *out, size_t n)
{
	if (RAND_bytes(out, (int)n) == 1)
		return;
	fprintf(stderr, "the system gives no random bytes\n");
	abort();
}

struct span
token_new(struct arena *a, size_t n)
{
	char *p = arena_alloc(a, n);

	token_random(p, n);
	return base64url_encode(a, span_from(p, n));
}

void
token_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}
