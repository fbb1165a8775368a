/*
 * WebP: the container (RFC 9649), as far as it takes to have nothing in it but pixels.
 *
 * The library behind the helper writes an EXIF chunk whatever it is told; the helper cuts it
 * off, and the server looks again before it stores what the helper made.
 */
#ifndef MEDIA_WEBP_H
#define MEDIA_WEBP_H

#include "base/buf.h"

/* Is this a whole still picture of image data alone (VP8, or VP8L, or VP8X with ALPH and VP8)?
 */
bool webp_pixels_only(struct span file) MUST_CHECK;
/* Writes the picture again without any other chunk; false when it is not a still WebP. */
bool webp_strip(struct span file, struct buf *out) MUST_CHECK;

#endif
