/*
 * Blurhash: a picture's colours in some thirty characters, shown while the picture loads.
 * The algorithm is that of https://blurha.sh; 4 x 3 components, as Mastodon makes them.
 */
#ifndef MEDIA_HELPER_BLURHASH_H
#define MEDIA_HELPER_BLURHASH_H

#include <stddef.h>

#define BLURHASH_X 4
#define BLURHASH_Y 3
#define BLURHASH_SIZE (6 + 2 * (BLURHASH_X * BLURHASH_Y - 1) + 1)

/* rgb: width * height times three bytes of sRGB. Costs 12 cosines a pixel: shrink it first. */
void blurhash_make(
	const unsigned char *rgb, int width, int height, char out[static BLURHASH_SIZE]);

#endif
