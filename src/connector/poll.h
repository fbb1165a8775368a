/*
 * Poll: the one polling flow, for all connectors. Job kind "poll", args {"source": id}.
 *
 * Asks, parses and normalises on a worker thread, then writes in chunks: each is one
 * transaction with the lease as its first statement and the record entries as its last. The
 * validators and the next poll are stored with the last chunk, so a crash repeats the page and
 * identity makes the repetition harmless. The job lives as long as its source: a poll ends by
 * setting when the next one is due.
 *
 * A new post with pictures that is to be delivered is held until its media job has them; the
 * archive of a first connect is published at once and gets its pictures afterwards.
 */
#ifndef CONNECTOR_POLL_H
#define CONNECTOR_POLL_H

#include "task/task.h"

extern const struct flow poll_flow; /* arg: struct job */

#endif
