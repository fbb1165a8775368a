/*
 * Asset (private to web/): style sheet and icons, compiled in, from our own origin.
 *
 * Their addresses name the version of all of them together, so they may be kept for ever; an
 * address of another version (the page was made by the program before) gets what there is now,
 * not to be kept.
 */
#ifndef WEB_ASSET_H
#define WEB_ASSET_H

#include "base/arena.h"

/* "/assets/<version>", in the arena. */
struct span asset_prefix(struct arena *a);

#endif
