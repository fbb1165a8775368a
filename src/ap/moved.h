/*
 * Moved: an inbox answers that it is not there any more (410) or elsewhere (301, 308).
 *
 * A POST follows no redirect, since its signature names the target. Instead the followers that
 * were reached there are asked themselves, a few at a time: who has another inbox gets the
 * activity there, who is gone is no follower any more. Whoever cannot be asked stays as he is.
 */
#ifndef AP_MOVED_H
#define AP_MOVED_H

#include "hub/delivery.h"
#include "task/task.h"

struct moved {
	struct span inbox;
	/* Of the activity: uri, account and object; borrowed until the wake. */
	struct activity_new activity;
};
struct next await_moved_at(
	struct task *t, const struct moved *m, step_fn *then, const char *name) MUST_CHECK;
#define await_moved(t, m, step) await_moved_at((t), (m), (step), #step)

#endif
