/*
 * Cache (private to web/): the answers of this process, ready to be sent, until public output
 * changes.
 *
 * All entries belong to one generation (hub/setting.h). cache_saw tells what was read of it;
 * another one than before drops everything. While the generation cannot be read entries are
 * served for CACHE_BLIND_MS, then none, so that the database decides again. At most max_bytes
 * including keys; the longest unused goes first. Loop thread only; clock: clock_mono_ms.
 */
#ifndef WEB_CACHE_H
#define WEB_CACHE_H

#include "net/httpd.h"

#define CACHE_BLIND_MS 60000
#define CACHE_GENERATION_UNKNOWN (-1)

struct cache;

struct cache *cache_new(size_t max_bytes);
void cache_free(struct cache *c);
/* The generation was n at a moment not before asked_ms. */
void cache_saw(struct cache *c, int64_t n, int64_t asked_ms);
int64_t cache_generation(const struct cache *c);
/* NULL = not there. Borrowed: take a reference to keep it. */
struct httpd_frozen *cache_get(struct cache *c, struct span key);
/*
 * f was rendered by somebody who saw `generation` before asking the database; if it has moved
 * on since, f may be old and is not kept. Takes a reference.
 */
void cache_put(struct cache *c, struct span key, int64_t generation, struct httpd_frozen *f);
size_t cache_bytes(const struct cache *c);
size_t cache_count(const struct cache *c);

#endif
