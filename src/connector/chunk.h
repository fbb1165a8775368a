/*
 * Chunk: the child flow that writes one chunk of a page, in one transaction: the lease of the
 * job first, the record entries last. With the last chunk comes what the poll has learnt about
 * its source, and the next poll.
 */
#ifndef CONNECTOR_CHUNK_H
#define CONNECTOR_CHUNK_H

#include "connector/ingest.h"
#include "task/task.h"

struct chunk_arg {
	struct ingest_run *run;
	const struct source *source;
	const struct job *job;
	/* The statements for the last chunk. */
	void (*settle)(void *arg, struct db_batch *b);
	void *settle_arg;
};

struct next await_chunk_at(struct task *t, const struct chunk_arg *arg, step_fn *then,
	const char *name) MUST_CHECK;
#define await_chunk(t, arg, step) await_chunk_at((t), (arg), (step), #step)

#endif
