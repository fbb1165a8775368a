/*
 * Frame: what the server and its helper litfass-media say to each other, one request and one
 * reply at a time, inside the length-prefixed frames of task/proc.h. Numbers are big-endian.
 *
 * Request:
 *	1 byte   FRAME_VERSION
 *	1 byte   format of the file, found by the server in its first bytes
 *	2 bytes  longest side of the large picture
 *	2 bytes  longest side of the small one
 *	...      the file
 *
 * Reply:
 *	1 byte   FRAME_VERSION
 *	1 byte   status
 * FRAME_DONE:
 *	2 bytes each  width and height of the large picture, then of the small one
 *	1 byte   length of the blurhash, blurhash
 *	4 bytes  length of the large file, the file (WebP)
 *	4 bytes  length of the small file, the file (WebP)
 * FRAME_REFUSED (the picture's fault, for ever) and FRAME_FAILED (ours, may pass):
 *	...      a sentence for people, at most FRAME_REASON_MAX bytes
 *
 * Neither side trusts the other: both parse with these functions and check what they get. All
 * spans point into the message that was parsed.
 */
#ifndef MEDIA_FRAME_H
#define MEDIA_FRAME_H

#include "base/buf.h"

#define FRAME_VERSION 1
#define FRAME_FILE_MAX (16u << 20) /* as much as HTTP_IMAGE takes */
#define FRAME_REQUEST_MAX (FRAME_FILE_MAX + 64)
#define FRAME_REPLY_MAX (8u << 20)
#define FRAME_REASON_MAX 300
#define FRAME_BLURHASH_MAX 64

/* A picture has these seconds of CPU and of waiting; the server gives up after FRAME_WALL_MS.
 */
#define FRAME_CPU_S 20
#define FRAME_WALL_S 25
#define FRAME_WALL_MS 30000

/* What is decoded at all, by its header: checked on both sides. */
#define FRAME_SIDE_MAX 16384
#define FRAME_PIXELS_MAX 40000000
#define FRAME_PAGES_MAX 200
#define FRAME_PIXELS_TOTAL_MAX 200000000

enum frame_format {
	FRAME_UNKNOWN,
	FRAME_JPEG,
	FRAME_PNG,
	FRAME_WEBP,
	FRAME_GIF,
};

struct frame_request {
	enum frame_format format; /* never FRAME_UNKNOWN */
	uint16_t large, small;    /* never 0 */
	struct span file;         /* never empty */
};

enum frame_status {
	FRAME_DONE,
	FRAME_REFUSED,
	FRAME_FAILED,
};

struct frame_size {
	uint16_t width, height;
};

struct frame_reply {
	enum frame_status status;
	struct frame_size large_size, small_size; /* FRAME_DONE: never 0 */
	struct span blurhash, large, small;
	struct span reason; /* otherwise */
};

/* The buffer's maximum bounds the message: look at `toobig` afterwards. */
void frame_request_put(struct buf *b, const struct frame_request *r);
void frame_reply_put(struct buf *b, const struct frame_reply *r);
/* False when the message is not one: cut off, too long, of another version, out of range. */
bool frame_request_get(struct span s, struct frame_request *out) MUST_CHECK;
bool frame_reply_get(struct span s, struct frame_reply *out) MUST_CHECK;

#endif
