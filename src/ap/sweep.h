/*
 * Sweep: once in a while forgets what strangers left behind: actors nobody here has to do with,
 * notes on keys, hosts that are well again. Every worker with the role deliver does it, at a
 * time of its own; doing it twice does no harm.
 */
#ifndef AP_SWEEP_H
#define AP_SWEEP_H

#include "task/repeat.h"

struct repeat *sweep_start(struct env *env);

#endif
