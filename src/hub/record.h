/*
 * Record: the append-only, hash-chained list of everything public that our organisations say.
 *
 *	content_digest = SHA-256(salt || content), or 32 zero bytes when there is no content;
 *	                 the salt has RECORD_SALT bytes
 *	entry_digest   = SHA-256(canonical text of the entry without place and chain)
 *	hash(seq)      = SHA-256(hash(seq - 1) || int64 epoch || int64 seq || entry_digest)
 *
 * hash(0) of an epoch is 32 zero bytes (epoch 1) or the last hash known of the epoch before.
 * Appending is one statement, the last of its batch: the row lock on record_head makes entries
 * commit in order and without gaps. Content and salt stand apart, so that they can be erased
 * while the chain still verifies. Checkpoints are signed afterwards, each by whoever is first.
 */
#ifndef HUB_RECORD_H
#define HUB_RECORD_H

#include "db/batch.h"
#include "hub/hub.h"

enum record_kind {
	RECORD_CREATE,
	RECORD_UPDATE,
	RECORD_DELETE,
	RECORD_ACTOR, /* profile of an account changed */
};

struct record_new {
	enum record_kind kind;
	int64_t account, object, revision;
	bool archive;
	int64_t at_us;
	struct span content; /* canonical JSON, SPAN_NONE for a delete */
};

struct record_entry {
	struct span hub;
	int64_t epoch, seq;
	struct span kind; /* create, update, delete, actor */
	int64_t account, object, revision;
	bool archive;
	int64_t at_us;
	struct span content_digest, entry_digest, hash;
	struct span salt, content; /* SPAN_NONE when erased or not asked for */
};

/* Appends, bumps the generation, notifies readers. Makes salt and digests. Any number per
 * batch. */
void record_append(struct db_batch *b, const struct hub *h, const struct record_new *e);

/* At first start: the head of our own record, epoch 1. Nothing if there is one. */
void record_begin(struct db_batch *b, const struct hub *h);

/* Entries behind (epoch, seq) of our own record, oldest first, with content when asked. */
size_t record_after(struct db_batch *b, const struct hub *h, int64_t epoch, int64_t seq,
	int64_t limit, bool with_content);
const struct err *record_row(
	const struct db_batch *b, size_t i, size_t row, struct record_entry *out) MUST_CHECK;
/* One row: the last revision of an object that our record has said, 0 = none. */
size_t record_said(struct db_batch *b, const struct hub *h, int64_t object);
const struct err *record_said_row(
	const struct db_batch *b, size_t i, int64_t *revision) MUST_CHECK;

/* Shared readers. read: name's place; create it at the current end or at 0. */
struct reader_place {
	int64_t epoch, seq;
};
size_t reader_read(struct db_batch *b, struct span name, bool from_start);
const struct err *reader_row(
	const struct db_batch *b, size_t i, struct reader_place *out) MUST_CHECK;
/* Moves by compare and set, or rolls the whole batch back with ERR_CONFLICT. */
void reader_move(
	struct db_batch *b, struct span name, struct reader_place from, struct reader_place to);

/* Checkpoints: head to sign if it has none yet, and the signed one. */
struct record_checkpoint {
	struct span hub;
	int64_t epoch, seq;
	struct span hash;
	int64_t at_us;
	struct span signature;
};
size_t checkpoint_due(struct db_batch *b, const struct hub *h);
/* Behind a place, oldest first. */
size_t checkpoint_list(
	struct db_batch *b, const struct hub *h, int64_t epoch, int64_t seq, int64_t limit);
const struct err *checkpoint_row(const struct db_batch *b, size_t i, size_t row,
	struct record_checkpoint *out) MUST_CHECK;
/* What is signed: "litfass-checkpoint-v1\n<hub>\n<epoch>\n<seq>\n<hex hash>\n<time in µs>\n".
 */
struct span checkpoint_text(struct arena *a, const struct record_checkpoint *c);
void checkpoint_store(struct db_batch *b, const struct record_checkpoint *c);
/* Epoch, seq and hash of our own head, into a checkpoint without time and signature. */
size_t record_head_read(struct db_batch *b);
const struct err *record_head_row(
	const struct db_batch *b, size_t i, struct record_checkpoint *out) MUST_CHECK;

/*
 * Verification, streaming and pure: feed entries in order, each checkpoint after the entry it
 * stands on (record_verify_waits tells), at the end the head. An epoch that begins with seq 1
 * continues the chain of the one before.
 */
struct record_verify {
	int64_t epoch, seq; /* last good */
	unsigned char hash[32];
	int64_t entries, contents, checkpoints;
};
void record_verify_init(struct record_verify *v, int64_t epoch);
/* The error names the entry and what is wrong with it. */
const struct err *record_verify_entry(
	struct record_verify *v, struct arena *a, const struct record_entry *e) MUST_CHECK;
/* Does the checkpoint stand further on than we are? */
bool record_verify_waits(const struct record_verify *v, const struct record_checkpoint *c);
/* key: our Ed25519 public key. A checkpoint further on means that the tail was cut off. */
const struct err *record_verify_checkpoint(struct record_verify *v, struct arena *a,
	const struct record_checkpoint *c, const struct pkey *key) MUST_CHECK;
const struct err *record_verify_head(const struct record_verify *v, struct arena *a,
	const struct record_checkpoint *head) MUST_CHECK;

extern const struct db_stmt *const record_stmts[];
extern const size_t n_record_stmts;

#endif
