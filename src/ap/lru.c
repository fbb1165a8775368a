#include "ap/lru.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"

struct lru_entry {
	struct list link; /* the longest unused first */
	void *value;
	int64_t until_ms;
	size_t n;
	char key[];
};

struct lru {
	struct map *entries;
	struct list order;
	size_t max;
	int64_t ttl_ms;
	void (*release)(void *);
};

struct lru *
lru_new(size_t max, int64_t ttl_ms, void (*release)(void *))
{
	struct lru *c = xcalloc(1, sizeof(*c));

	assert(max > 0 && ttl_ms > 0 && release);
	*c = (struct lru){
		.entries = map_new(), .max = max, .ttl_ms = ttl_ms, .release = release};
	list_init(&c->order);
	return c;
}

static void
lru_remove(struct lru *c, struct lru_entry *e)
{
	list_unlink(&e->link);
	(void)map_remove(c->entries, span_from(e->key, e->n));
	c->release(e->value);
	free(e);
}

void
lru_free(struct lru *c)
{
	if (!c)
		return;
	while (!list_empty(&c->order))
		lru_remove(c, LIST_ENTRY(list_pop(&c->order), struct lru_entry, link));
	map_free(c->entries, NULL);
	free(c);
}

void *
lru_get(struct lru *c, struct span key)
{
	struct lru_entry *e = map_get(c->entries, key);

	if (!e)
		return NULL;
	if (e->until_ms <= clock_mono_ms()) {
		lru_remove(c, e);
		return NULL;
	}
	list_unlink(&e->link);
	list_append(&c->order, &e->link);
	return e->value;
}

void
lru_put(struct lru *c, struct span key, void *value)
{
	struct lru_entry *e;

	assert(value);
	lru_drop(c, key);
	if (map_count(c->entries) >= c->max)
		lru_remove(c, LIST_ENTRY(list_pop(&c->order), struct lru_entry, link));
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
lru_drop(struct lru *c, struct span key)
{
	struct lru_entry *e = map_get(c->entries, key);

	if (e)
		lru_remove(c, e);
}
