/*
 * Map: hash map from bytes to pointer. Keys are copied; values are the caller's.
 * A walk must not add or remove entries. Hashes are seeded per process.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/span.h"

struct map;

struct map *map_new(void);
/* release may be NULL. */
void map_free(struct map *m, void (*release)(void *value));
size_t map_count(const struct map *m);
void *map_get(const struct map *m, struct span key); /* NULL = absent */
/* Returns the value that stood there before, or NULL. value must not be NULL. */
void *map_put(struct map *m, struct span key, void *value);
void *map_remove(struct map *m, struct span key);
/* Iteration: *at starts at 0; false at the end. */
bool map_next(const struct map *m, size_t *at, struct span *key, void **value);

#endif
