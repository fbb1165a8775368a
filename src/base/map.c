#include "base/map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/arena.h"

/* Open addressing, linear probing, backward-shift deletion; at most 3/4 full. */
struct map_slot {
	uint64_t hash;
	char *key; /* NULL = free */
	size_t n;
	void *value;
};

struct map {
	struct map_slot *slots;
	size_t cap, count;
};

/* FNV-1a over a per-process seed, finished with a mix: enough against accidental clustering and
 * guessing from outside; not for secrets. */
uint64_t
span_hash(struct span s)
{
	static uint64_t seed;
	uint64_t h;

	while (seed == 0)
		if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
			seed = (uint64_t)(uintptr_t)&seed | 1;
	h = seed;
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 32;
	h *= UINT64_C(0xd6e8feb86659fd93);
	return h ^ (h >> 32);
}

struct map *
map_new(void)
{
	return xcalloc(1, sizeof(struct map));
}

void
map_free(struct map *m, void (*release)(void *value))
{
	if (!m)
		return;
	for (size_t i = 0; i < m->cap; i++) {
		if (!m->slots[i].key)
			continue;
		if (release)
			release(m->slots[i].value);
		free(m->slots[i].key);
	}
	free(m->slots);
	free(m);
}

size_t
map_count(const struct map *m)
{
	return m->count;
}

/* The slot of the key, or the free one where it would go. cap must not be 0. */
static size_t
map_find(const struct map *m, struct span key, uint64_t hash)
{
	size_t i = (size_t)hash & (m->cap - 1);

	while (m->slots[i].key &&
		!(m->slots[i].hash == hash &&
			span_eq(span_from(m->slots[i].key, m->slots[i].n), key)))
		i = (i + 1) & (m->cap - 1);
	return i;
}

void *
map_get(const struct map *m, struct span key)
{
	size_t i;

	if (m->count == 0)
		return NULL;
	i = map_find(m, key, span_hash(key));
	return m->slots[i].key ? m->slots[i].value : NULL;
}

static void
map_grow(struct map *m)
{
	struct map_slot *old = m->slots;
	size_t old_cap = m->cap;

	m->cap = old_cap ? old_cap * 2 : 16;
	m->slots = xcalloc(m->cap, sizeof(*m->slots));
	for (size_t i = 0; i < old_cap; i++)
		if (old[i].key)
			m->slots[map_find(m, span_from(old[i].key, old[i].n), old[i].hash)] =
				old[i];
	free(old);
}

void *
map_put(struct map *m, struct span key, void *value)
{
	uint64_t hash = span_hash(key);
	struct map_slot *s;
	void *before;

	assert(value);
	if ((m->count + 1) * 4 > m->cap * 3)
		map_grow(m);
	s = &m->slots[map_find(m, key, hash)];
	before = s->key ? s->value : NULL;
	if (!s->key) {
		s->key = xmalloc(key.n + 1);
		if (key.n)
			memcpy(s->key, key.p, key.n);
		s->key[key.n] = '\0';
		s->n = key.n;
		s->hash = hash;
		m->count++;
	}
	s->value = value;
	return before;
}

void *
map_remove(struct map *m, struct span key)
{
	size_t i, hole, home;
	void *value;

	if (m->count == 0)
		return NULL;
	i = map_find(m, key, span_hash(key));
	if (!m->slots[i].key)
		return NULL;
	value = m->slots[i].value;
	free(m->slots[i].key);
	m->count--;
	/* Close the gap: move back every later entry of the run that may stand here. */
	for (hole = i;;) {
		i = (i + 1) & (m->cap - 1);
		if (!m->slots[i].key)
			break;
		home = (size_t)m->slots[i].hash & (m->cap - 1);
		if (((i - home) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1))) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct map_slot){0};
	return value;
}

bool
map_next(const struct map *m, size_t *at, struct span *key, void **value)
{
	for (; *at < m->cap; ++*at) {
		const struct map_slot *s = &m->slots[*at];

		if (!s->key)
			continue;
		*key = span_from(s->key, s->n);
		*value = s->value;
		++*at;
		return true;
	}
	return false;
}
