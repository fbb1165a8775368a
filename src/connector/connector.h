/*
 * Connector: what a platform is to us: how to ask, and what an answer means. Pure.
 *
 * A connector never waits and never touches the database: it is tested with recorded pages and
 * fuzzed without a network. The one polling flow (poll.h) does the rest for all of them.
 */
#ifndef CONNECTOR_CONNECTOR_H
#define CONNECTOR_CONNECTOR_H

#include "hub/ingest.h"
#include "hub/source.h"
#include "net/http.h"

struct connector {
	const char *name;
	/* Settings of a source, at `source add`: NULL or what is wrong with them. */
	const struct err *(*check)(struct arena *a, const struct source_new *s);
	/* Fills the call for the page at its address: the newest items, or the older ones that
	 * `parse` has named (struct ingest, older). */
	const struct err *(*request)(
		struct arena *a, const struct source *s, struct http_call *out);
	/* A 2xx answer. CPU work: runs on a worker thread, so it may only use a and its inputs.
	 */
	const struct err *(*parse)(struct arena *a, const struct source *s,
		const struct http_call *answer, int64_t now_us, struct ingest *out);
};

extern const struct connector connector_feed;

/* NULL when there is none of that name. */
const struct connector *connector_find(struct span name);

#endif
