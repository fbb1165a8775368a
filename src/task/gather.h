/*
 * Gather: many tasks hand in an item each, one flow settles a whole batch of them.
 *
 * While one run is under way, items collect; then the next run takes up to `max`. So batches
 * grow with the load and a lone item does not wait. The run sees its items with gather_items
 * and sets `err` of single ones; if the run fails, all its items fail. What items weigh can end
 * a batch earlier. An item stays valid until its task is woken: a task that is cancelled
 * meanwhile waits for the run.
 */
#ifndef TASK_GATHER_H
#define TASK_GATHER_H

#include "task/task.h"

struct gather;

struct gather_item {
	struct list link;
	struct gather *gather;
	struct task *waiter;
	void *data; /* the caller's struct */
	const struct err
		*err; /* set by the run for this item alone; memory of the run's arena */
	bool running;
};

/* max items per run; at most `runs` runs at the same time (1 keeps order). */
struct gather *gather_new(struct loop *l, const struct flow *flow, size_t max, size_t runs);
/* The items of a run weigh at most `limit` together; a single one may weigh more. */
void gather_weigh(struct gather *g, size_t (*weight)(const void *data), size_t limit);
void gather_free(struct gather *g);

/* In the run: its items. Valid until the run has ended. */
struct gather_item **gather_items(struct task *t, size_t *n);

/* item: zeroed, in the caller's state. */
struct next await_gather_at(struct task *t, struct gather *g, struct gather_item *item,
	void *data, step_fn *then, const char *name) MUST_CHECK;
#define await_gather(t, g, item, data, step)                                                   \
	await_gather_at((t), (g), (item), (data), (step), #step)

#endif
