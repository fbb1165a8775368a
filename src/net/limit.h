/*
 * Limit: token buckets and per-host state of this process, bounded in number, with time to
 * live.
 */
#ifndef NET_LIMIT_H
#define NET_LIMIT_H

#include "base/map.h"
#include "base/span.h"

struct limit;

/* rate tokens per second, at most burst; at most max_keys keys, the longest unused go first. */
struct limit *limit_new(double rate, double burst, size_t max_keys);
void limit_free(struct limit *l);
/* Takes one token; false when there is none, *retry_after_s then says when. */
bool limit_take(struct limit *l, struct span key, int *retry_after_s);
/* Key of a client: IPv4 address, IPv6 /64. buf: at least 64 bytes. */
struct span limit_client_key(struct span ip, char *buf, size_t size);

#endif
