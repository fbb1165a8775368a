/*
 * Moved: an inbox answers that it is not there any more (410) or elsewhere (301, 308).
 *
 * A POST follows no redirect, since its signature names the target. Instead the followers that
 * were reached there are asked themselves, a few at a time: who has another inbox gets the
 * activity there, who is gone is no follower any more. Where they have moved is kept, because
 * more may be queued for the old inbox, and because this may be cut short. When somebody could
 * not be asked, or there are more, it is to be tried again.
 */
#ifndef AP_MOVED_H
#define AP_MOVED_H

#include "hub/delivery.h"
#include "task/task.h"

struct moved {
	const struct job *job;
	struct span inbox;
	/* Of the activity: uri, account and object; borrowed until the wake. */
	struct activity_new activity;
	bool unknown; /* outcome: somebody could not be asked */
};
struct next await_moved_at(
	struct task *t, struct moved *m, step_fn *then, const char *name) MUST_CHECK;
#define await_moved(t, m, step) await_moved_at((t), (m), (step), #step)

#endif
