/*
 * Source: where an organisation publishes, its health, its next poll.
 */
#ifndef HUB_SOURCE_H
#define HUB_SOURCE_H

#include "db/batch.h"
#include "db/queue.h"
#include "hub/hub.h"

struct source {
	int64_t id, account;
	struct span account_slug, account_language;
	struct span connector, url, settings; /* settings: JSON text */
	struct span language;                 /* SPAN_NONE = of the account */
	struct span state, health, health_text;
	struct span etag, last_modified, moved_to;
	int64_t moved_us;
	int64_t connected_us; /* TIME_NONE = never read yet */
	int64_t interval_s, min_interval_s, next_poll_us, fail_count, last_ok_us, last_new_us,
		created_us;
	int64_t skip_hours; /* see struct ingest */
	/* Of a first connect: the page of older items that is still to be read. */
	struct span backfill_url, backfill_error;
	struct span backfill_seen;              /* what stood on the page before it */
	int64_t backfill_pages, backfill_fails; /* read so far; in a row */
	int64_t backfill_again_us; /* some item waits until then; TIME_NONE = none does */
	bool backfill_due;         /* and the newest items are not */
	int64_t posts;             /* in lists */
};

struct source_new {
	int64_t account;
	struct span connector, url, settings, language;
	int64_t min_interval_s; /* 0 = adaptive */
};
/* Inserts the source and its poll job; nothing, and no id, if (account, url) exists. */
size_t source_insert(struct db_batch *b, const struct source_new *s);
bool source_inserted(const struct db_batch *b, size_t i, int64_t *id);
size_t source_by_id(struct db_batch *b, int64_t id);
size_t source_list(struct db_batch *b, struct span slug); /* SPAN_NONE = all */
const struct err *source_row(
	const struct db_batch *b, size_t i, size_t row, struct source *out) MUST_CHECK;

/* After a poll: everything the poll learnt, in the transaction of its page. */
struct source_polled {
	int64_t id;
	struct span etag, last_modified, moved_to, url; /* url: rewritten after two 301s */
	struct span health, health_text;
	bool ok;        /* false: fail_count + 1 */
	bool connected; /* first successful read */
	bool found_new;
	int64_t interval_s, skip_hours;
	int64_t next_ms;          /* from now on, by the database's clock */
	struct span backfill_url; /* where older items stand */
	struct span backfill_seen;
	int64_t backfill_ms; /* when to read it */
};
/*
 * SPAN_NONE keeps etag, last_modified, url and backfill_url; moved_to and texts are set as
 * given. While a source fails, its older items wait as well.
 */
void source_polled(struct db_batch *b, const struct source_polled *p);

/* After a page of older items, in its transaction, instead of source_polled. */
struct source_backfilled {
	int64_t id;
	struct span url; /* the next one; SPAN_NONE = there is no more */
	struct span seen, error;
	int64_t pages, fails;
	int64_t next_ms, again_us;
};
void source_backfilled(struct db_batch *b, const struct source_backfilled *p);
/*
 * Ends the running poll job of the source, whose lease must be ours, and plans the next one:
 * the same row becomes ready again when source_polled or source_backfilled has said. A paused
 * source has no job. In the last commit of a poll, behind queue_fence and these, instead of
 * queue_finish.
 */
void source_next_poll(struct db_batch *b, int64_t id);
/* How many of these sources have a poll job that is alive, be its turn later: one int row. */
size_t source_busy(struct db_batch *b, const int64_t *ids, size_t n);
/* Safety net: active sources without a poll job get one, a dead one lives again after 6 h. */
void source_plan_missing(struct db_batch *b);
/* The job of a source: kind "poll", key = id. One alive per source. Its newest items are due.
 */
void source_poll_now(struct db_batch *b, int64_t id);
/*
 * Behind it in the same batch: its pages of older items are due as well, from the first one on,
 * as at the first connect.
 */
void source_poll_older(struct db_batch *b, int64_t id);
void quarantine_put(struct db_batch *b, int64_t source, struct span key, struct span raw,
	struct span error);
/* Keeps the newest QUARANTINE_MAX of the source. */
void quarantine_trim(struct db_batch *b, int64_t source);
/* Items that can be read again leave it. */
void quarantine_clear(struct db_batch *b, int64_t source, const struct span *keys, size_t n);

#define QUARANTINE_MAX                                                                         \
	200 /* items of one source: they say what is wrong, they are no archive */

extern const struct db_stmt *const source_stmts[];
extern const size_t n_source_stmts;

#endif
