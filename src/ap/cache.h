/*
 * Cache: bounded map from bytes to pointer with a time to live; the longest unused goes first.
 *
 * Owns its values: they are released when they are replaced, dropped, too old or crowded out,
 * so what cache_get returns is valid until the next call. Values that must live longer are
 * counted by their owner. Nothing here is the truth: an empty cache is only slower.
 */
#ifndef AP_CACHE_H
#define AP_CACHE_H

#include "base/span.h"

struct cache;

/* ttl_ms from the moment of putting, on the monotonic clock. */
struct cache *cache_new(size_t max, int64_t ttl_ms, void (*release)(void *value));
void cache_free(struct cache *c);                  /* NULL is allowed */
void *cache_get(struct cache *c, struct span key); /* NULL = absent */
void cache_put(struct cache *c, struct span key, void *value);
void cache_drop(struct cache *c, struct span key);
size_t cache_count(const struct cache *c);

#endif
