/*
 * Outgoing (private to src/ap): what many deliveries share. Bodies are read for many jobs at
 * once, each as late as that: a post may have been withdrawn since the last one went out. What
 * is known of hosts is kept; and outcomes are committed in groups, so that a thousand
 * deliveries are a few commits.
 */
#ifndef AP_OUTGOING_H
#define AP_OUTGOING_H

#include "ap/deliver.h"
#include "db/queue.h"
#include "task/gather.h"

/* An activity on its way out. Counted; belongs to the arena of each task that has it. */
struct outbound {
	int refs;
	int64_t account, object;
	bool overtaken; /* its post is not public any more: not to be sent */
	struct span uri, type, body;
	char text[];
};

struct host_known {
	enum httpsig_scheme scheme;
	int64_t open_until_us; /* the host rests until then; TIME_NONE = it may be asked */
};

/* In: activity, host, arena. out stays NULL when there is no such activity. */
struct load_item {
	struct span activity, host;
	struct arena *arena; /* of the task that asks */
	const struct outbound *out;
	struct host_known known;
	int64_t behind; /* job of an Accept of the account that is open at the host; 0 = none */
	int64_t wait_ms; /* until that is tried again */
	bool at_hand;    /* own: the host was in memory */
};
struct next await_load_at(struct task *t, struct gather_item *item, struct load_item *load,
	step_fn *then, const char *name) MUST_CHECK;
#define await_load(t, item, load, step) await_load_at((t), (item), (load), (step), #step)

/* Ends the job as the verdict says, and writes down what was learnt of the host. */
struct settle_item {
	const struct job *job;
	struct deliver_verdict verdict;
	int64_t delay_ms;
	struct span host, error;
	bool learnt; /* the host took another scheme than was known */
	enum httpsig_scheme scheme;
};
struct next await_settle_at(struct task *t, struct gather_item *item,
	struct settle_item *settle, step_fn *then, const char *name) MUST_CHECK;
#define await_settle(t, item, settle, step)                                                    \
	await_settle_at((t), (item), (settle), (step), #step)

/* For the jobs that start before the outcome is committed. */
struct ap;
void outgoing_learn(struct ap *ap, struct span host, enum httpsig_scheme scheme);

#endif
