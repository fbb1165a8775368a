/*
 * Delivery: activities in and out. What came in is unique by (signer, id) for ever; what goes
 * out is written once with its body and then only named by jobs.
 */
#ifndef HUB_DELIVERY_H
#define HUB_DELIVERY_H

#include "db/batch.h"
#include "db/queue.h"

/* ---- in ---- */
struct inbox_new {
	struct span signer, uri, type, body;
	int64_t signed_us; /* by the signer's clock; TIME_NONE = unproven */
};
/*
 * One statement for many, in order of arrival: remembers those that are new, or are to be done
 * once more, and queues a "receive" job for each.
 */
void inbox_accept(struct db_batch *b, const struct inbox_new *v, size_t n);
struct inbox_activity {
	struct span signer, uri, type, body, outcome;
	int64_t received_us;
};
/* Those of the pairs that are there, in any order. */
size_t inbox_get(
	struct db_batch *b, const struct span *signers, const struct span *uris, size_t n);
const struct err *inbox_row(
	const struct db_batch *b, size_t i, size_t row, struct inbox_activity *out) MUST_CHECK;
/* The work on them is done: what came of it stays, the body goes. */
struct inbox_ended {
	struct span signer, uri, outcome;
};
void inbox_end(struct db_batch *b, const struct inbox_ended *v, size_t n);
/* An activity that was taken back before its turn: it comes to nothing, now or when it comes.
 */
void inbox_forestall(
	struct db_batch *b, struct span signer, struct span uri, struct span outcome);

/* ---- out ---- */
struct activity_new {
	int64_t account, object; /* object 0 = none */
	struct span uri, type, body;
};
/* Writes the activity; nothing if its uri exists. */
void activity_put(struct db_batch *b, const struct activity_new *n);
/*
 * Queues one "deliver" job per distinct inbox (shared inbox first) of the account's followers
 * and, for Update, Delete and Undo, of everyone in reach; adds Create's and Announce's inboxes
 * to reach. One statement, in the transaction of activity_put. Key = activity uri + inbox,
 * serial = object + inbox, host = the inbox's host.
 */
enum delivery_to {
	DELIVER_FOLLOWERS, /* and remember the reach */
	DELIVER_REACH, /* followers and everyone the account reached with the object before */
	DELIVER_EVERYONE, /* the same, whoever reached them: only the author's Update counts */
};
void delivery_fan_out(struct db_batch *b, const struct activity_new *n, enum delivery_to to);
/* To one inbox, e.g. an Accept. */
void delivery_to_inbox(
	struct db_batch *b, const struct activity_new *n, struct span inbox, struct span host);

/*
 * Of each of our accounts the oldest answer (Accept) that is still on its way to one of these
 * hosts, but for those that failed `tries` times. Until it knows that somebody follows, a host
 * drops what is for followers. The last of its batch: it turns plans without an index off.
 */
struct delivery_behind {
	struct span host;
	int64_t account;
	int64_t job;
	int64_t wait_ms; /* until it is tried; 0 = it is being tried */
};
size_t delivery_behind(struct db_batch *b, const struct span *hosts, size_t n, int64_t tries);
const struct err *delivery_behind_row(
	const struct db_batch *b, size_t i, size_t row, struct delivery_behind *out) MUST_CHECK;

/*
 * What the job was to bring to an inbox that is elsewhere now goes to where its followers have
 * moved, to each once; the object's reach goes along. The new jobs say "moved": inboxes that
 * name each other must not pass it to and fro.
 */
void delivery_to_moved(
	struct db_batch *b, const struct job *j, const struct activity_new *n, struct span old);

struct activity {
	int64_t id, account, object;
	struct span uri, type, body;
	int64_t at_us;
	bool overtaken; /* it says a post that is not public any more; only by activity_get */
};
/* Bodies for a batch of deliver jobs: by uri. */
size_t activity_get(struct db_batch *b, const struct span *uris, size_t n);
/* Page of an outbox, newest first, below max_id (0 = newest): Create and Announce of live
 * posts. */
size_t activity_outbox(struct db_batch *b, int64_t account, int64_t max_id, int64_t limit);
size_t activity_outbox_count(struct db_batch *b, int64_t account);
const struct err *activity_row(
	const struct db_batch *b, size_t i, size_t row, struct activity *out) MUST_CHECK;

extern const struct db_stmt *const delivery_stmts[];
extern const size_t n_delivery_stmts;

#endif
