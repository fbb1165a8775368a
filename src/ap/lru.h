/*
 * Lru: bounded map from bytes to pointer with a time to live; the longest unused goes first.
 *
 * Owns its values: they are released when they are replaced, dropped, too old or crowded out,
 * so what lru_get returns is valid until the next call. Values that must live longer are
 * counted by their owner. Nothing here is the truth: an empty cache is only slower.
 */
#ifndef AP_LRU_H
#define AP_LRU_H

#include "base/span.h"

struct lru;

/* ttl_ms from the moment of putting, on the monotonic clock. */
struct lru *lru_new(size_t max, int64_t ttl_ms, void (*release)(void *value));
void lru_free(struct lru *c);                  /* NULL is allowed */
void *lru_get(struct lru *c, struct span key); /* NULL = absent */
void lru_put(struct lru *c, struct span key, void *value);
void lru_drop(struct lru *c, struct span key);

#endif
