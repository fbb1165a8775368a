#include "web/cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"

#define CACHE_MAGIC 0x63616368u
#define CACHE_OVERHEAD 128 /* of the map, about */

struct cache_entry {
	struct list link; /* longest unused first */
	struct httpd_frozen *frozen;
	size_t bytes;
	struct span key; /* behind this struct */
	char key_bytes[];
};

struct cache {
	unsigned magic;
	struct map *entries;
	struct list used;
	size_t bytes, max_bytes;
	int64_t generation;
	int64_t seen_ms; /* when the last successful reading was begun */
};

struct cache *
cache_new(size_t max_bytes)
{
	struct cache *c = xcalloc(1, sizeof(*c));

	c->magic = CACHE_MAGIC;
	c->entries = map_new();
	c->max_bytes = max_bytes;
	c->generation = CACHE_GENERATION_UNKNOWN;
	list_init(&c->used);
	return c;
}

/* It has been taken off the list. */
static void
cache_drop(struct cache *c, struct cache_entry *e)
{
	(void)map_remove(c->entries, e->key);
	c->bytes -= e->bytes;
	httpd_frozen_unref(e->frozen);
	free(e);
}

static void
cache_drop_oldest(struct cache *c)
{
	cache_drop(c, LIST_ENTRY(list_pop(&c->used), struct cache_entry, link));
}

static void
cache_clear(struct cache *c)
{
	while (!list_empty(&c->used))
		cache_drop_oldest(c);
}

void
cache_free(struct cache *c)
{
	if (!c)
		return;
	MAGIC_CHECK(c, CACHE_MAGIC);
	cache_clear(c);
	map_free(c->entries, NULL);
	c->magic = 0;
	free(c);
}

void
cache_saw(struct cache *c, int64_t n, int64_t asked_ms)
{
	MAGIC_CHECK(c, CACHE_MAGIC);
	if (n != c->generation)
		cache_clear(c);
	c->generation = n;
	c->seen_ms = asked_ms;
}

int64_t
cache_generation(const struct cache *c)
{
	MAGIC_CHECK(c, CACHE_MAGIC);
	return c->generation;
}

struct httpd_frozen *
cache_get(struct cache *c, struct span key)
{
	struct cache_entry *e;

	MAGIC_CHECK(c, CACHE_MAGIC);
	e = map_get(c->entries, key);
	if (!e)
		return NULL;
	if (clock_mono_ms() - c->seen_ms > CACHE_BLIND_MS) {
		cache_clear(c);
		return NULL;
	}
	if (c->used.prev != &e->link) {
		list_unlink(&e->link);
		list_append(&c->used, &e->link);
	}
	return e->frozen;
}

void
cache_put(struct cache *c, struct span key, int64_t generation, struct httpd_frozen *f)
{
	size_t bytes =
		httpd_frozen_size(f) + sizeof(struct cache_entry) + 2 * key.n + CACHE_OVERHEAD;
	struct cache_entry *e;

	MAGIC_CHECK(c, CACHE_MAGIC);
	/* One answer must not push out all the others. */
	if (generation == CACHE_GENERATION_UNKNOWN || generation != c->generation ||
		bytes > c->max_bytes / 4)
		return;
	e = map_get(c->entries, key);
	if (e) {
		list_unlink(&e->link);
		cache_drop(c, e);
	}
	while (c->bytes + bytes > c->max_bytes)
		cache_drop_oldest(c);
	e = xmalloc(sizeof(*e) + key.n);
	*e = (struct cache_entry){.frozen = httpd_frozen_ref(f), .bytes = bytes};
	memcpy(e->key_bytes, key.p, key.n);
	e->key = span_from(e->key_bytes, key.n);
	list_append(&c->used, &e->link);
	(void)map_put(c->entries, key, e);
	c->bytes += bytes;
}

size_t
cache_bytes(const struct cache *c)
{
	MAGIC_CHECK(c, CACHE_MAGIC);
	return c->bytes;
}

size_t
cache_count(const struct cache *c)
{
	MAGIC_CHECK(c, CACHE_MAGIC);
	return map_count(c->entries);
}
