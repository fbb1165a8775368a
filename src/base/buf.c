#include "base/buf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void
buf_fini(struct buf *b)
{
	free(b->p);
	*b = (struct buf){.max = b->max};
}

void
buf_reset(struct buf *b)
{
	b->n = 0;
	b->toobig = false;
}

/* Room for n more bytes, or false and toobig. */
static bool
buf_room(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 256;

	if (b->toobig || n > b->max - b->n) {
		b->toobig = true;
		return false;
	}
	if (b->cap - b->n >= n)
		return true;
	while (cap - b->n < n)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	b->p = xrealloc(b->p, cap);
	b->cap = cap;
	return true;
}

void
buf_add(struct buf *b, struct span s)
{
	if (s.n == 0 || !buf_room(b, s.n))
		return;
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

void
buf_add_cstr(struct buf *b, const char *s)
{
	buf_add(b, span_of(s));
}

void
buf_byte(struct buf *b, char c)
{
	if (buf_room(b, 1))
		b->p[b->n++] = c;
}

void
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	char small[256];
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, again);
	va_end(again);
	assert(n >= 0);
	if ((size_t)n < sizeof(small)) {
		buf_add(b, span_from(small, (size_t)n));
		return;
	}
	char *big = xmalloc((size_t)n + 1);

	(void)vsnprintf(big, (size_t)n + 1, fmt, ap);
	buf_add(b, span_from(big, (size_t)n));
	free(big);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void
buf_i64(struct buf *b, int64_t v)
{
	buf_printf(b, "%" PRId64, v);
}
