#include "ap/cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"

struct cache_entry {
	struct list link; /* the longest unused first */
	void *value;
	int64_t until_ms;
	size_t n;
	char key[];
};

struct cache {
	struct map *entries;
	struct list order;
	size_t max;
	int64_t ttl_ms;
	void (*release)(void *);
};

struct cache *
cache_new(size_t max, int64_t ttl_ms, void (*release)(void *))
{
	struct cache *c = xcalloc(1, sizeof(*c));

	assert(max > 0 && ttl_ms > 0 && release);
	*c = (struct cache){
		.entries = map_new(), .max = max, .ttl_ms = ttl_ms, .release = release};
	list_init(&c->order);
	return c;
}

static void
cache_remove(struct cache *c, struct cache_entry *e)
{
	list_unlink(&e->link);
	(void)map_remove(c->entries, span_from(e->key, e->n));
	c->release(e->value);
	free(e);
}

void
cache_free(struct cache *c)
{
	if (!c)
		return;
	while (!list_empty(&c->order))
		cache_remove(c, LIST_ENTRY(c->order.next, struct cache_entry, link));
	map_free(c->entries, NULL);
	free(c);
}

void *
cache_get(struct cache *c, struct span key)
{
	struct cache_entry *e = map_get(c->entries, key);

	if (!e)
		return NULL;
	if (e->until_ms <= clock_mono_ms()) {
		cache_remove(c, e);
		return NULL;
	}
	list_unlink(&e->link);
	list_append(&c->order, &e->link);
	return e->value;
}

void
cache_put(struct cache *c, struct span key, void *value)
{
	struct cache_entry *e;

	assert(value);
	cache_drop(c, key);
	if (map_count(c->entries) >= c->max)
		cache_remove(c, LIST_ENTRY(c->order.next, struct cache_entry, link));
	e = xcalloc(1, sizeof(*e) + key.n);
	e->value = value;
	e->until_ms = clock_mono_ms() + c->ttl_ms;
	e->n = key.n;
	if (key.n)
		memcpy(e->key, key.p, key.n);
	list_append(&c->order, &e->link);
	(void)map_put(c->entries, key, e);
}

void
cache_drop(struct cache *c, struct span key)
{
	struct cache_entry *e = map_get(c->entries, key);

	if (e)
		cache_remove(c, e);
}

size_t
cache_count(const struct cache *c)
{
	return map_count(c->entries);
}
