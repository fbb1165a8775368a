/*
 * Ingest run: one page of a source on its way into the database, in chunks.
 *
 * The run lives as long as its page; what belongs to a chunk lives in the arena of that chunk's
 * batch. The flow of a chunk (chunk.h) waits between these calls; none of them does.
 */
#ifndef CONNECTOR_INGEST_H
#define CONNECTOR_INGEST_H

#include "connector/connector.h"

#define INGEST_CHUNK 200             /* items of a transaction at most */
#define INGEST_CHUNK_BYTES (4 << 20) /* of text: the item that reaches it ends one */

struct ingest_todo; /* an item with what was found and decided about it */

struct ingest_run {
	struct arena *arena;
	const struct hub *hub;
	struct ingest found;
	const struct err *error; /* of parsing */
	struct ingest_todo *todo;
	size_t n, from;    /* all items; where the chunk begins */
	struct map *taken; /* posts and keys that an item of this page has had already */
	int64_t now_us;
	/*
	 * A page behind the first one. What it shares with a newer item but the identity, as a
	 * link that many have, does not make it that one: its old text would replace the new.
	 */
	bool older;
	int64_t again_us; /* an item waits until then; TIME_NONE = none does */
	size_t n_ids;     /* new ones in this chunk */
	size_t n_new, n_edited, n_gone;
};

void ingest_run_init(struct ingest_run *r, struct arena *a, const struct hub *h);
/* Parses and normalises; CPU work, sets error. */
void ingest_run_parse(struct ingest_run *r, const struct connector *ops, const struct source *s,
	const struct http_call *answer);
/* Which of the chunk's keys are known. Adds nothing when there are no items. */
void ingest_run_ask(struct ingest_run *r, int64_t source, struct db_batch *b);
const struct err *ingest_run_decide(
	struct ingest_run *r, const struct source *s, const struct db_batch *b) MUST_CHECK;
/* Ids for the new ones; adds nothing when there are none. */
void ingest_run_ids(struct ingest_run *r, struct db_batch *b);
const struct err *ingest_run_take_ids(
	struct ingest_run *r, const struct db_batch *b) MUST_CHECK;
/* The chunk's statements: posts, aliases, media, media jobs; then the record entries. */
void ingest_run_posts(struct ingest_run *r, const struct source *s, struct db_batch *b);
void ingest_run_record(struct ingest_run *r, struct db_batch *b);
bool ingest_run_last(const struct ingest_run *r); /* this chunk is the last one */
bool ingest_run_next(struct ingest_run *r);       /* moves on; false when nothing is left */

#endif
