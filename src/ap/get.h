/*
 * Get: one ActivityPub document from elsewhere, asked for by the instance actor.
 *
 * Signed with draft-cavage, because many servers answer nobody unknown; ours answers everybody,
 * so two of them never wait for each other's key. That the network fails is part of the answer:
 * the task that asked goes on and looks at get_error.
 */
#ifndef AP_GET_H
#define AP_GET_H

#include "net/http.h"
#include "task/group.h"

struct get {
	struct span url; /* in */
	struct arena *arena;
	struct http_call call; /* the answer, in the arena of the task that asked */
	struct group group;
};

struct next await_get_at(struct task *t, struct get *g, struct span url, step_fn *then,
	const char *name) MUST_CHECK;
#define await_get(t, g, url, step) await_get_at((t), (g), (url), (step), #step)
/* NULL: there is an answer in call. */
const struct err *get_error(const struct get *g);

#endif
