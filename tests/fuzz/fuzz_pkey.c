/* publicKeyPem of a stranger: taken within the limits, or refused without asking anybody. */
#include "fuzz/fuzz.h"
#include "crypto/pkey.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span pem = span_from(data, size);
	struct arena *a = arena_new();
	struct pkey *key = NULL, *again = NULL;

	if (!pkey_public_from_pem(a, pem, &key)) {
		assert(size <= 2048);
		assert(!pkey_public_from_pem(a, pkey_public_pem(a, key), &again));
		assert(pkey_type(key) == pkey_type(again));
		assert(!pkey_verify(key, SPAN("text"), SPAN("no signature")));
	}
	pkey_unref(key);
	pkey_unref(again);
	arena_free(a);
	return 0;
}
