/*
 * Plan: what is done with a downloaded file, from its first bytes. Pure.
 *
 * The server looks before it wakes the helper: known format by its magic bytes, whatever the
 * declared type says about the kind of picture; a page, a drawing or a document is refused by
 * name. The header's size is held against the limits of frame.h, so that most bombs never reach
 * the decoder. Spacers and counting pixels are no pictures. What comes back from the helper is
 * looked at as well: it may have been taken over.
 */
#ifndef MEDIA_PLAN_H
#define MEDIA_PLAN_H

#include "base/err.h"
#include "media/frame.h"

#define PLAN_LARGE 1280
#define PLAN_SMALL 400
#define PLAN_SIDE_MIN 80

struct plan {
	enum frame_format format;
	int64_t width, height; /* as the header says, before turning upright */
	uint16_t large, small; /* longest sides to make; never larger than the picture */
};

/* content_type as sent, SPAN_NONE = none. ERR_MEDIA_TYPE, ERR_UNPROCESSABLE, ERR_TOO_LARGE. */
const struct err *plan_picture(struct arena *a, struct span content_type, struct span file,
	struct plan *out) MUST_CHECK;
/* Is this answer of the helper what was asked for? ERR_UPSTREAM when it is not. */
const struct err *plan_check(
	struct arena *a, const struct plan *p, const struct frame_reply *r) MUST_CHECK;

/* Pause before the next try behind this many failed ones, in ms; 0 = no more. */
int64_t plan_pause_ms(int64_t tries);

#endif
