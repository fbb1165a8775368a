/* Token: random bytes and comparisons that take the same time whatever differs. */
#ifndef CRYPTO_TOKEN_H
#define CRYPTO_TOKEN_H

#include "base/arena.h"

/* Ends the process if the system has no randomness. */
void token_random(void *out, size_t n);
/* n random bytes as unpadded base64url. */
struct span token_new(struct arena *a, size_t n);
/* Overwrites a secret that is no longer needed. */
void token_wipe(void *p, size_t n);

#endif
