/*
 * Origin: asks an actor's own server whether the actor still exists. For a Delete, which is
 * believed only then. A failure says that there is no telling now.
 */
#ifndef AP_ORIGIN_H
#define AP_ORIGIN_H

#include "task/task.h"

enum origin {
	ORIGIN_THERE,
	ORIGIN_MISSING, /* 404 */
	ORIGIN_GONE,    /* 410, or a tombstone */
};
struct next await_origin_at(struct task *t, struct span uri, enum origin *out, step_fn *then,
	const char *name) MUST_CHECK;
#define await_origin(t, uri, out, step) await_origin_at((t), (uri), (out), (step), #step)

#endif
