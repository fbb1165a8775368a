/*
 * Seal: secrets at rest, AES-256-GCM under the master key.
 *
 *	sealed = 1 byte version (1) || 4 bytes key id || 12 bytes nonce || 16 bytes tag ||
 *ciphertext
 *
 * The associated data names the place ("account/<slug>/private_keys"), so that a sealed value
 * cannot be moved elsewhere. The key id is the beginning of the key's own digest: a wrong
 *master key is recognised and said so.
 */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "base/err.h"

struct seal;

/*
 * Reads the 32-byte key as 64 hex digits. create: makes the file (0400, durable) if it is
 * missing. ERR_CONFIG when it is missing, readable by others, or not a key. Freed by seal_free.
 */
const struct err *seal_load(
	struct arena *a, const char *path, bool create, struct seal **out) MUST_CHECK;
void seal_free(struct seal *s);

struct span seal_close(
	struct arena *a, const struct seal *s, struct span aad, struct span plain);
const struct err *seal_open(struct arena *a, const struct seal *s, struct span aad,
	struct span sealed, struct span *plain) MUST_CHECK;

#endif
