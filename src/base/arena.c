#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#define ARENA_MAGIC 0x6172656eu
#define ARENA_ALIGN 16
#define ARENA_FIRST 8192
#define ARENA_CHUNK (64 * 1024)
#define ARENA_SPARE 64 /* recycled arenas kept per thread */

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* of data */
	size_t used;
	_Alignas(ARENA_ALIGN) char data[];
};

struct arena_hook {
	struct arena_hook *next;
	void (*release)(void *);
	void *handle;
};

struct arena {
	unsigned magic;
	struct arena_chunk *chunks; /* the first one is where we allocate */
	struct arena_hook *hooks;
	size_t used;
	struct arena *spare; /* next in the list of recycled arenas */
};

static _Thread_local struct arena *arena_spare;
static _Thread_local size_t arena_spare_n;

static _Noreturn void
arena_exhausted(size_t size)
{
	fprintf(stderr, "out of memory: %zu bytes could not be allocated\n", size);
	abort();
}

void *
xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		arena_exhausted(size);
	return p;
}

void *
xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		arena_exhausted(n * size);
	return p;
}

void *
xrealloc(void *p, size_t size)
{
	void *q = realloc(p, size ? size : 1);

	if (!q)
		arena_exhausted(size);
	return q;
}

char *
xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(xmalloc(n), s, n);
}

static struct arena_chunk *
arena_chunk_new(size_t size)
{
	struct arena_chunk *c = xmalloc(sizeof(*c) + size);

	c->next = NULL;
	c->size = size;
	c->used = 0;
	POISON(c->data, size);
	return c;
}

struct arena *
arena_new(void)
{
	struct arena *a = arena_spare;

	if (a) {
		arena_spare = a->spare;
		arena_spare_n--;
	} else {
		a = xcalloc(1, sizeof(*a));
		a->chunks = arena_chunk_new(ARENA_FIRST);
	}
	a->magic = ARENA_MAGIC;
	a->spare = NULL;
	return a;
}

static void
arena_chunk_free(struct arena_chunk *c)
{
	UNPOISON(c->data, c->size);
	free(c);
}

void
arena_free(struct arena *a)
{
	struct arena_chunk *c, *first = NULL;

	if (!a)
		return;
	MAGIC_CHECK(a, ARENA_MAGIC);
	for (struct arena_hook *h; (h = a->hooks);) {
		a->hooks = h->next;
		h->release(h->handle);
	}
	a->magic = 0;
	while ((c = a->chunks)) {
		a->chunks = c->next;
		if (c->size == ARENA_FIRST) /* no later one has this size */
			first = c;
		else
			arena_chunk_free(c);
	}
	if (!first || arena_spare_n >= ARENA_SPARE) {
		if (first)
			arena_chunk_free(first);
		free(a);
		return;
	}
	first->next = NULL;
	first->used = 0;
	POISON(first->data, first->size);
	a->chunks = first;
	a->used = 0;
	a->spare = arena_spare;
	arena_spare = a;
	arena_spare_n++;
}

void
arena_thread_end(void)
{
	while (arena_spare) {
		struct arena *a = arena_spare;

		arena_spare = a->spare;
		arena_chunk_free(a->chunks);
		free(a);
	}
	arena_spare_n = 0;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	struct arena_chunk *c = a->chunks;
	size_t need;
	char *p;

	assert(a->magic == ARENA_MAGIC);
	if (size > SIZE_MAX / 4)
		arena_exhausted(size);
	need = (size + (size == 0) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (c->size - c->used < need) {
		size_t room = need > ARENA_CHUNK / 4 ? need : ARENA_CHUNK;
		struct arena_chunk *fresh = arena_chunk_new(room);

		/* A big block gets a chunk of its own behind the current one, which goes on. */
		if (room == need) {
			fresh->next = c->next;
			c->next = fresh;
		} else {
			fresh->next = c;
			a->chunks = fresh;
		}
		c = fresh;
	}
	p = c->data + c->used;
	c->used += need;
	a->used += need;
	UNPOISON(p, size + (size == 0));
	return memset(p, 0, size + (size == 0));
}

void *
arena_array(struct arena *a, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size)
		arena_exhausted(SIZE_MAX);
	return arena_alloc(a, n * size);
}

struct span
arena_dup(struct arena *a, struct span s)
{
	char *p;

	if (!s.p)
		return SPAN_NONE;
	p = arena_alloc(a, s.n + 1);
	if (s.n)
		memcpy(p, s.p, s.n);
	return (struct span){.p = p, .n = s.n};
}

const char *
arena_cstr(struct arena *a, struct span s)
{
	return arena_dup(a, s.p ? s : SPAN("")).p;
}

struct span
arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *p;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	assert(n >= 0);
	p = arena_alloc(a, (size_t)n + 1);
	(void)vsnprintf(p, (size_t)n + 1, fmt, ap);
	return (struct span){.p = p, .n = (size_t)n};
}

struct span
arena_printf(struct arena *a, const char *fmt, ...)
{
	struct span s;
	va_list ap;

	va_start(ap, fmt);
	s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

void
arena_own(struct arena *a, void (*release)(void *), void *handle)
{
	struct arena_hook *h = ARENA_NEW(a, struct arena_hook);

	h->release = release;
	h->handle = handle;
	h->next = a->hooks;
	a->hooks = h;
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}
