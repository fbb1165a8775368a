/*
 * Arena: memory that lives and dies together.
 *
 * Everything that belongs to a task is taken from its arena and is freed with it; nothing is
 * freed singly. Foreign handles are handed over with arena_own and released in reverse order.
 * Exhausted memory ends the process (inputs are limited at the edge, so this is a bug or a
 * wrong limit, never a peer's choice). Not thread safe: one arena, one thread at a time.
 * Freed memory is poisoned under AddressSanitizer.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/span.h"

struct arena;

/* Never returns NULL. Small arenas are recycled, so this is cheap. */
struct arena *arena_new(void);
/* Runs the cleanup hooks (last first), then frees all memory. NULL is allowed. */
void arena_free(struct arena *a);
/* The last call of a thread that has used arenas: frees those kept for reuse. */
void arena_thread_end(void);

/* Zeroed memory, aligned for any type; size 0 gives a unique pointer. Never NULL. */
void *arena_alloc(struct arena *a, size_t size);
/* Zeroed array; overflow of n * size ends the process. */
void *arena_array(struct arena *a, size_t n, size_t size);
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, n, type) ((type *)arena_array((a), (n), sizeof(type)))

/* Copies; the copies of text are NUL-terminated behind the span. */
struct span arena_dup(struct arena *a, struct span s);
const char *arena_cstr(struct arena *a, struct span s);
struct span arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct span arena_vprintf(struct arena *a, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

/* Hands a foreign handle to the arena: release(handle) runs when the arena is freed. */
void arena_own(struct arena *a, void (*release)(void *), void *handle);
/* Bytes taken from this arena so far. */
size_t arena_used(const struct arena *a);

/* malloc family that ends the process instead of returning NULL; for long-lived things. */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);

#endif
