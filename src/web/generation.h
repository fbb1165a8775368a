/*
 * Generation (private to web/): reads the generation row for the cache every 500 ms, and at
 * once, but at most every GENERATION_PAUSE_MS, when the database says that it has moved.
 */
#ifndef WEB_GENERATION_H
#define WEB_GENERATION_H

#include "task/repeat.h"
#include "web/cache.h"

#define GENERATION_EVERY_MS 500
#define GENERATION_PAUSE_MS 50

struct repeat *generation_start(struct env *env, struct cache *cache);

#endif
