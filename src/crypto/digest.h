/*
 * Digest: SHA-256 and SHA-512, and the Digest and Content-Digest headers of HTTP messages
 * (RFC 3230 as draft-cavage uses it; RFC 9530).
 */
#ifndef CRYPTO_DIGEST_H
#define CRYPTO_DIGEST_H

#include "base/arena.h"

#define SHA256_SIZE 32
#define SHA512_SIZE 64

struct digest;

void digest_sha256(struct span s, unsigned char out[SHA256_SIZE]);
void digest_sha512(struct span s, unsigned char out[SHA512_SIZE]);
/* Incremental; digest_end frees. */
struct digest *digest_sha256_new(void);
void digest_add(struct digest *d, struct span s);
void digest_end(struct digest *d, unsigned char out[SHA256_SIZE]);

/* "SHA-256=<base64>" and "sha-256=:<base64>:" of a raw body. */
struct span digest_header(struct arena *a, struct span body);
struct span content_digest_header(struct arena *a, struct span body);
/*
 * The header must name SHA-256 or SHA-512 or both, each once and rightly. Other algorithms
 * beside them are not looked at. False when both are missing, or one is doubled or wrong.
 */
bool digest_header_matches(struct arena *a, struct span header, struct span body);
bool content_digest_header_matches(struct arena *a, struct span header, struct span body);

#endif
