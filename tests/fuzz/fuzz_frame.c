/* What the helper and the server say to each other: what is read is written the same. */
#include "fuzz/fuzz.h"
#include "media/frame.h"

static void
inside(struct span part, struct span whole)
{
	assert(part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void
request(struct span s)
{
	struct frame_request r;
	struct buf b;

	if (!frame_request_get(s, &r))
		return;
	assert(r.format != FRAME_UNKNOWN && r.large > 0 && r.small > 0 && r.file.n > 0);
	inside(r.file, s);
	buf_init(&b, FRAME_REQUEST_MAX);
	frame_request_put(&b, &r);
	assert(!b.toobig && span_eq(buf_span(&b), s));
	buf_fini(&b);
}

static void
reply(struct span s)
{
	struct frame_reply r;
	struct buf b;

	if (!frame_reply_get(s, &r))
		return;
	if (r.status == FRAME_DONE) {
		assert(r.large_size.width && r.large_size.height && r.small_size.width &&
			r.small_size.height);
		assert(r.blurhash.n <= FRAME_BLURHASH_MAX);
		inside(r.blurhash, s);
		inside(r.large, s);
		inside(r.small, s);
	} else {
		assert(r.reason.n <= FRAME_REASON_MAX);
	}
	buf_init(&b, FRAME_REPLY_MAX);
	frame_reply_put(&b, &r);
	assert(!b.toobig && span_eq(buf_span(&b), s));
	buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span s = span_from(data, size);

	request(s);
	reply(s);
	return 0;
}
