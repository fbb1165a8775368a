#include "media/webp.h"

#define WEBP_HEAD 12 /* "RIFF", size, "WEBP" */
#define WEBP_CHUNK 8 /* name, size */
#define WEBP_ALPHA 0x10

struct chunks {
	struct span extended, alpha, pixels; /* with their heads and padding */
	size_t others;
};

static uint32_t
little(struct span s, size_t at)
{
	const unsigned char *p = (const unsigned char *)s.p + at;

	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void
chunk_note(struct chunks *c, struct span chunk)
{
	struct span name = span_slice(chunk, 0, 4);
	struct span *place = span_is(name, "VP8X")                            ? &c->extended
			     : span_is(name, "ALPH")                          ? &c->alpha
			     : span_is(name, "VP8 ") || span_is(name, "VP8L") ? &c->pixels
									      : NULL;

	if (place && !place->p)
		*place = chunk;
	else
		c->others++;
}

static bool
chunks_read(struct span file, struct chunks *out)
{
	struct span rest = span_slice(file, WEBP_HEAD, file.n);

	*out = (struct chunks){0};
	if (file.n < WEBP_HEAD || !span_is(span_slice(file, 0, 4), "RIFF") ||
		!span_is(span_slice(file, 8, 12), "WEBP") || little(file, 4) != file.n - 8)
		return false;
	while (rest.n > 0) {
		size_t size, whole;

		if (rest.n < WEBP_CHUNK)
			return false;
		size = little(rest, 4);
		whole = WEBP_CHUNK + size + (size & 1);
		if (whole > rest.n)
			return false;
		chunk_note(out, span_slice(rest, 0, whole));
		rest = span_slice(rest, whole, rest.n);
	}
	return out->pixels.p && (!out->extended.p || out->extended.n == WEBP_CHUNK + 10);
}

bool
webp_pixels_only(struct span file)
{
	struct chunks c;

	if (!chunks_read(file, &c) || c.others > 0)
		return false;
	/* Of the flags only the one for transparency is about pixels. */
	return c.extended.p ? (unsigned char)c.extended.p[WEBP_CHUNK] == WEBP_ALPHA &&
				      c.alpha.p != NULL
			    : c.alpha.p == NULL;
}

bool
webp_strip(struct span file, struct buf *out)
{
	struct chunks c;
	size_t size;

	if (!chunks_read(file, &c) || (c.alpha.p && !c.extended.p))
		return false;
	size = 4 + c.pixels.n + (c.alpha.p ? c.extended.n + c.alpha.n : 0);
	buf_lit(out, "RIFF");
	for (int shift = 0; shift < 32; shift += 8)
		buf_byte(out, (char)(size >> shift & 255));
	buf_lit(out, "WEBP");
	if (c.alpha.p) {
		buf_add(out, span_slice(c.extended, 0, WEBP_CHUNK));
		buf_byte(out, WEBP_ALPHA);
		buf_add(out, span_slice(c.extended, WEBP_CHUNK + 1, c.extended.n));
		buf_add(out, c.alpha);
	}
	buf_add(out, c.pixels);
	return !out->toobig;
}
