/*
 * Pull: brings the pictures of a post into the media store. Job kind "media", args
 * {"post": id}, key = the post's id; with "bare": true nothing is fetched for the post up to
 * this "revision", because the job of before was buried, and what waits for pictures is said
 * without them. What an edit brought since then is fetched.
 *
 * Known files are taken again; others are downloaded, looked at (plan.h), made anew by the
 * helper process (frame.h, env->media) and stored in two sizes. What fails for ever is given up
 * with its reason; what may pass is tried again. One commit then says what has come of it: a
 * held post is published with its record entry, under an id of that moment unless its id is of
 * its publication; a published one gets an update entry when an
 * edit of it has not been said yet or when pictures have come. A post waits for its pictures
 * only during the first PULL_HOLD_TRIES; what comes later comes as an update.
 */
#ifndef MEDIA_PULL_H
#define MEDIA_PULL_H

#include "task/task.h"

#define PULL_HOLD_TRIES 3
#define PULL_TRIES 6

extern const struct flow media_flow; /* arg: struct job */

#endif
