/*
 * Transform: a stranger's picture to two WebP files of ours. The only file that knows libvips.
 *
 * Only the loaders of the four formats are open, chosen by the server's look at the first
 * bytes. The header comes first and bounds the work; decoding stops at the first error. The
 * picture is turned upright, brought to 8-bit sRGB and made anew; nothing but pixels survives.
 * Of an animation the first frame is kept: pages without script cannot offer the way to stop it
 * that WCAG 2.2.2 asks for.
 */
#ifndef MEDIA_HELPER_TRANSFORM_H
#define MEDIA_HELPER_TRANSFORM_H

#include "base/arena.h"
#include "media/frame.h"

/* Once, before the sandbox: it loads libraries. */
bool transform_init(const char *program) MUST_CHECK;
/* What *out points to is the arena's. */
void transform(struct arena *a, const struct frame_request *q, struct frame_reply *out);

#endif
