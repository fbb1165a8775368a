/*
 * Picture: one picture from its URL to a ready row of `media`, as a child flow of pull.h.
 *
 * A file seen before is not downloaded again, bytes seen before are not decoded again. Fails
 * with an error that will not pass (err_retry: never) when it is the picture's fault; that is
 * remembered by its bytes.
 */
#ifndef MEDIA_PICTURE_H
#define MEDIA_PICTURE_H

#include "hub/media.h"
#include "task/task.h"

struct picture_arg {
	struct arena *arena; /* for what *out points to */
	struct span url;     /* of that arena */
};

extern const struct flow picture_flow; /* arg: struct picture_arg, out: struct media */

#endif
