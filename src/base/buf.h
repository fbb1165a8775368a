/*
 * Buf: a growing output buffer that must be told its maximum.
 *
 * A write that would go over the maximum sets `toobig` and writes nothing, and so do all later
 * ones: a builder checks once at its end. Heap memory, freed by buf_fini.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/span.h"

struct buf {
	char *p;
	size_t n, cap, max;
	bool toobig;
};

void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);
void buf_reset(struct buf *b); /* empty again, memory kept, toobig cleared */

void buf_add(struct buf *b, struct span s);
void buf_add_cstr(struct buf *b, const char *s);
#define buf_lit(b, lit) buf_add((b), SPAN(lit))
void buf_byte(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
void buf_i64(struct buf *b, int64_t v);

static inline struct span
buf_span(const struct buf *b)
{
	return (struct span){.p = b->p ? b->p : "", .n = b->n};
}

#endif
