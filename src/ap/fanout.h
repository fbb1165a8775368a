/*
 * Fanout: the shared reader "fanout" of the record. Every entry becomes the activities that
 * tell of it, and each of those a job per inbox; both in the commit that moves the reader.
 *
 *	create	Create by the organisation, Announce by @hub
 *	update	Update by the organisation
 *	delete	Delete by the organisation, Undo(Announce) by @hub
 *	actor	Update of the profile
 *
 * Archive entries are not delivered. Any number of workers may read: who moves the reader first
 * has done it, the others find nothing left and then stay in the background for a while. The
 * NOTIFY on "record" is a hint; the record is looked at every FANOUT_POLL_MS in any case.
 */
#ifndef AP_FANOUT_H
#define AP_FANOUT_H

#include "hub/record.h"
#include "task/env.h"

#define FANOUT_POLL_MS 2000
#define FANOUT_ENTRIES 50 /* of one commit */

struct fanout;

struct fanout *fanout_start(struct env *env);
void fanout_free(struct fanout *f); /* when the loop has ended */

/*
 * Pure: which entries are worth telling. What a later entry of the same batch deletes is not
 * told any more; what has lost its content cannot be.
 */
bool fanout_tells(const struct record_entry *entries, size_t n, size_t i);

#endif
