/*
 * Post: what an organisation published, its revisions, its media.
 *
 * Only posts in state published are ever shown; every reading statement for the public says so.
 */
#ifndef HUB_POST_H
#define HUB_POST_H

#include "db/batch.h"
#include "hub/hub.h"
#include "hub/record.h"

struct post_media {
	int64_t post, position;
	int64_t media; /* 0 = not downloaded */
	struct span source_url, type, mime, alt, error;
	struct span blob, blob_type, small_blob, blurhash; /* SPAN_NONE without media */
	int64_t width, height, small_width, small_height, bytes, duration_s;
};

struct post {
	int64_t id, account, source;
	struct span account_slug;
	struct span remote_id, state, title, html, text, language, url, reason;
	struct span tags; /* JSON array of texts */
	bool archive, sensitive;
	bool dated; /* its id is of its publication and stays */
	int64_t revision;
	struct span content_hash;
	int64_t published_us, edited_us, deleted_us, created_us;
	struct span media; /* JSON array of post_media rows, in order (post_media_parse) */
};

/* ---- writing: parts of the ingest transaction ---- */

struct post_new {
	int64_t id; /* 0 = made from now */
	int64_t account, source;
	struct span remote_id, state, title, html, text, language, url, reason;
	struct span content_hash;
	const struct span *tags;
	size_t n_tags;
	bool archive, dated, sensitive;
	int64_t published_us;
};
/*
 * Ids are handed out before the transaction (record and activities name them): n ids of now, or
 * of the time of publication (at[i] != TIME_NONE).
 */
size_t post_ids(struct db_batch *b, const int64_t *at_us, size_t n);
const struct err *post_ids_row(
	const struct db_batch *b, size_t i, size_t row, int64_t *id) MUST_CHECK;
/* (source, remote_id) is unique: a second insert rolls the batch back with ERR_CONFLICT. */
void post_insert(struct db_batch *b, const struct post_new *p);
void post_alias_put(
	struct db_batch *b, int64_t source, int64_t post, const struct span *aliases, size_t n);
void post_media_put(struct db_batch *b, const struct post_media *m); /* insert or replace */
/* The same from the source's side: without m->media, which is kept where it was for this URL.
 */
void post_media_say(struct db_batch *b, const struct post_media *m);
void post_media_trim(
	struct db_batch *b, int64_t post, int64_t keep); /* drops positions >= keep */
/* New content: revision + 1 expected as given, edited_at = at. Rolls back unless it was `old`.
 */
void post_revise(
	struct db_batch *b, const struct post_new *p, int64_t old_revision, int64_t at_us);
/*
 * State held -> published under the id `as`, its media and aliases follow; rolls back with
 * ERR_CONFLICT unless it was held. Readers come with since_id, so what was never public gets an
 * id of now (post_ids): the one of its ingest may lie behind them.
 */
void post_release(struct db_batch *b, int64_t id, int64_t as);
/*
 * What waits for pictures in vain is said without them: posts that are held for them and have
 * no living job, and edits whose job is buried, get a bare one (media/pull.h), once for each
 * revision.
 */
void post_plan_missing(struct db_batch *b, const struct hub *h);
/* State held -> withdrawn: it was never said, so nobody is told. Conflict as above. */
void post_drop(struct db_batch *b, int64_t id, int64_t at_us, struct span reason);
/* Ends the batch with ERR_CONFLICT unless revision and state are still as they were read. */
void post_guard(struct db_batch *b, const struct post *p);
/* Pictures have come to a published post: revision + 1, edited_at = at unless TIME_NONE. */
void post_pictured(struct db_batch *b, int64_t id, int64_t old_revision, int64_t at_us);
/*
 * State published -> withdrawn; rolls back with ERR_CONFLICT unless it is published in p's
 * revision. Of *p only id, account, revision and archive are looked at. Gives the entry that
 * says it, to be appended at the end of the same batch.
 */
struct record_new post_withdraw(
	struct db_batch *b, const struct post *p, int64_t at_us, struct span reason);

/* ---- identity: which of these keys are known at this source ---- */
struct post_known {
	struct span key; /* the key that was asked */
	int64_t id, revision;
	struct span remote_id, state, content_hash;
	bool alias, archive;
	int64_t published_us;
};
size_t post_known(struct db_batch *b, int64_t source, const struct span *keys, size_t n);
const struct err *post_known_row(
	const struct db_batch *b, size_t i, size_t row, struct post_known *out) MUST_CHECK;

/* ---- reading for the public ---- */
struct post_page {
	int64_t account;                  /* 0 = all organisations */
	struct span tag;                  /* SPAN_NONE = all */
	int64_t max_id, since_id, min_id; /* 0 = none; Mastodon's meaning */
	bool only_media;
	int64_t limit; /* 1..40 */
};
/* Newest first, also with min_id (which selects the oldest page above it). */
size_t post_page(struct db_batch *b, const struct post_page *q);
size_t post_public(struct db_batch *b, int64_t id); /* published only */
size_t post_any(struct db_batch *b, int64_t id); /* every state: for 410 and for litfassctl */
size_t post_list(
	struct db_batch *b, struct span slug, int64_t limit); /* every state, newest first */
const struct err *post_row(
	const struct db_batch *b, size_t i, size_t row, struct post *out) MUST_CHECK;
const struct err *post_media_parse(
	struct arena *a, const struct post *p, struct post_media **out, size_t *n) MUST_CHECK;
const struct err *post_tags_parse(
	struct arena *a, const struct post *p, struct span **out, size_t *n) MUST_CHECK;

/*
 * The content of a record entry: canonical JSON of everything public about the post. Fan-out
 * and partner hubs read it, so it is complete and versioned ("v": 1).
 */
struct span post_content(
	struct arena *a, const struct post *p, const struct post_media *m, size_t n);
/* The entry that says a post as it stands in *p and *m: RECORD_CREATE or RECORD_UPDATE. */
struct record_new post_entry(struct arena *a, enum record_kind kind, const struct post *p,
	const struct post_media *m, size_t n, int64_t at_us);
/* The reverse of post_content: fills the public fields of *p and *m. */
const struct err *post_content_parse(struct arena *a, struct span content, struct post *p,
	struct post_media **m, size_t *n) MUST_CHECK;

/* Counts for instance pages. */
size_t post_counts(struct db_batch *b); /* posts, accounts */
const struct err *post_counts_row(
	const struct db_batch *b, size_t i, int64_t *posts, int64_t *accounts) MUST_CHECK;

extern const struct db_stmt *const post_stmts[];
extern const size_t n_post_stmts;

#endif
