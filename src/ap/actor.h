/*
 * Actor: who stands behind a key id, elsewhere in the Fediverse.
 *
 * Known from memory (a minute, so that another worker's news arrive), else from the database (a
 * day, longer when the actor's server cannot be reached), else fetched: signed by the instance
 * actor, one run for all who ask at the same time, at most once per key in five minutes over
 * all workers. A changed key replaces the old one at once
 * and is logged with both fingerprints.
 *
 * Failures: ERR_AUTH (the key proves nothing), ERR_GONE (there is no such actor),
 * ERR_UNAVAILABLE (cannot be had now; retry_after_s says when), ERR_TOO_MANY, and the
 * database's.
 */
#ifndef AP_ACTOR_H
#define AP_ACTOR_H

#include "task/task.h"

struct ap;
struct pkey;

struct actor {
	struct span uri, host, inbox, shared_inbox, key_id;
	struct pkey *key;   /* public */
	int64_t fetched_us; /* when its server answered last */
	bool fresh;         /* just asked for, or not to be asked for again so soon */
};

enum actor_age {
	ACTOR_CACHED,
	ACTOR_REFETCH, /* the signature does not match what is known: has the key been rotated?
			*/
};

#define ACTOR_WINDOW_S 300 /* it is not asked again before */

/* Everything in *out belongs to the task's arena. */
struct next await_actor_at(struct task *t, struct span key_id, enum actor_age age,
	struct actor *out, step_fn *then, const char *name) MUST_CHECK;
#define await_actor(t, key_id, age, out, step)                                                 \
	await_actor_at((t), (key_id), (age), (out), (step), #step)
/* Is it in this worker's memory? Then await_actor does not wait. */
bool actor_at_hand(struct ap *ap, struct span key_id);

#endif
