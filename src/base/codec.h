/* Hex, base64, base64url, base58btc and percent coding. Output lives in the arena. */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/arena.h"

struct span hex_encode(struct arena *a, struct span s); /* lower case */
bool hex_decode(struct arena *a, struct span s, struct span *out) MUST_CHECK;
struct span base64_encode(struct arena *a, struct span s); /* padded, no line breaks */
/* Strict alphabet, padding optional, no white space. */
bool base64_decode(struct arena *a, struct span s, struct span *out) MUST_CHECK;
struct span base64url_encode(struct arena *a, struct span s); /* unpadded */
struct span base58_encode(struct arena *a, struct span s);    /* at most 128 bytes in */
bool base58_decode(struct arena *a, struct span s, struct span *out) MUST_CHECK;
/* Everything but unreserved characters (RFC 3986 2.3). */
struct span percent_encode(struct arena *a, struct span s);
/* False on a bad escape. plus: '+' means space (form encoding). */
bool percent_decode(struct arena *a, struct span s, bool plus, struct span *out) MUST_CHECK;

#endif
