#include "media/frame.h"

/* ---- writing ---- */

static void
put_u16(struct buf *b, uint16_t v)
{
	buf_byte(b, (char)(v >> 8));
	buf_byte(b, (char)(v & 255));
}

static void
put_file(struct buf *b, struct span file)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_byte(b, (char)(file.n >> shift & 255));
	buf_add(b, file);
}

void
frame_request_put(struct buf *b, const struct frame_request *r)
{
	buf_byte(b, FRAME_VERSION);
	buf_byte(b, (char)r->format);
	put_u16(b, r->large);
	put_u16(b, r->small);
	buf_add(b, r->file);
}

void
frame_reply_put(struct buf *b, const struct frame_reply *r)
{
	buf_byte(b, FRAME_VERSION);
	buf_byte(b, (char)r->status);
	if (r->status != FRAME_DONE) {
		buf_add(b, span_slice(r->reason, 0, FRAME_REASON_MAX));
		return;
	}
	put_u16(b, r->large_size.width);
	put_u16(b, r->large_size.height);
	put_u16(b, r->small_size.width);
	put_u16(b, r->small_size.height);
	buf_byte(b, (char)r->blurhash.n);
	buf_add(b, r->blurhash);
	put_file(b, r->large);
	put_file(b, r->small);
}

/* ---- reading: a cursor that goes wrong once and stays so ---- */

struct reader {
	struct span rest;
	bool bad;
};

static struct span
take(struct reader *r, size_t n)
{
	struct span s = span_slice(r->rest, 0, n);

	if (s.n < n)
		r->bad = true;
	r->rest = span_slice(r->rest, n, r->rest.n);
	return s;
}

static uint32_t
take_number(struct reader *r, size_t bytes)
{
	struct span s = take(r, bytes);
	uint32_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		v = v << 8 | (unsigned char)s.p[i];
	return v;
}

static uint16_t
take_side(struct reader *r)
{
	uint16_t v = (uint16_t)take_number(r, 2);

	if (v == 0)
		r->bad = true;
	return v;
}

bool
frame_request_get(struct span s, struct frame_request *out)
{
	struct reader r = {.rest = s};
	uint32_t version = take_number(&r, 1), format = take_number(&r, 1);

	*out = (struct frame_request){0};
	out->large = take_side(&r);
	out->small = take_side(&r);
	out->file = r.rest;
	if (r.bad || version != FRAME_VERSION || format < FRAME_JPEG || format > FRAME_GIF ||
		out->file.n == 0 || out->file.n > FRAME_FILE_MAX)
		return false;
	out->format = (enum frame_format)format;
	return true;
}

static bool
blurhash_valid(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n >= 6 && s.n <= FRAME_BLURHASH_MAX;
}

bool
frame_reply_get(struct span s, struct frame_reply *out)
{
	struct reader r = {.rest = s};
	uint32_t version = take_number(&r, 1), status = take_number(&r, 1);

	*out = (struct frame_reply){0};
	if (r.bad || version != FRAME_VERSION || status > FRAME_FAILED)
		return false;
	out->status = (enum frame_status)status;
	if (out->status != FRAME_DONE) {
		out->reason = r.rest;
		return r.rest.n > 0 && r.rest.n <= FRAME_REASON_MAX;
	}
	out->large_size.width = take_side(&r);
	out->large_size.height = take_side(&r);
	out->small_size.width = take_side(&r);
	out->small_size.height = take_side(&r);
	out->blurhash = take(&r, take_number(&r, 1));
	out->large = take(&r, take_number(&r, 4));
	out->small = take(&r, take_number(&r, 4));
	return !r.bad && r.rest.n == 0 && out->large.n > 0 && out->small.n > 0 &&
	       blurhash_valid(out->blurhash);
}
