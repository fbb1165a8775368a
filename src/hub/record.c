#include "hub/record.h"

#include <inttypes.h>
#include <string.h>

#include "base/codec.h"
#include "crypto/digest.h"
#include "crypto/pkey.h"
#include "crypto/token.h"

#define RECORD_SALT 16
#define RECORD_HASH 32

static const char *const record_kinds[] = {
	[RECORD_CREATE] = "create",
	[RECORD_UPDATE] = "update",
	[RECORD_DELETE] = "delete",
	[RECORD_ACTOR] = "actor",
};

static const unsigned char record_nothing[RECORD_HASH];

/* ---- digests ---- */

static void
record_content_digest(struct span salt, struct span content, unsigned char out[RECORD_HASH])
{
	struct digest *d = digest_sha256_new();

	digest_add(d, salt);
	digest_add(d, content);
	digest_end(d, out);
}

/*
 * Over a text of one line for each member, so that it can be made again in any language.
 * Numbers are decimal; the time is in microseconds since 1970, as the database keeps it.
 */
static void
record_entry_digest(struct arena *a, struct span kind, const struct record_new *e,
	const unsigned char content_digest[RECORD_HASH], unsigned char out[RECORD_HASH])
{
	struct span hex = hex_encode(a, span_from(content_digest, RECORD_HASH));
	struct span text = arena_printf(a,
		"litfass-entry-v1\n%.*s\n%" PRId64 "\n%" PRId64 "\n%" PRId64 "\n%s\n%" PRId64
		"\n%.*s\n",
		SPAN_FMT(kind), e->account, e->object, e->revision,
		e->archive ? "archive" : "live", e->at_us, SPAN_FMT(hex));

	digest_sha256(text, out);
}

/* ---- appending ---- */

static const struct db_stmt record_append_stmt = {
	.name = "record_append",
	.sql = "WITH head AS ("
	       "  UPDATE record_head"
	       "     SET seq = seq + 1,"
	       "         hash = sha256(hash || int8send(epoch) || int8send(seq + 1) || $8)"
	       "   WHERE own"
	       "  RETURNING hub, epoch, seq, hash),"
	       " entry AS ("
	       "  INSERT INTO record_entry (hub, epoch, seq, kind, account, object, revision,"
	       "                            archive, at, content_digest, entry_digest, hash)"
	       "  SELECT hub, epoch, seq, $1, $2, $3, $4, $5, $6, $7, $8, hash"
	       "    FROM head),"
	       " content AS ("
	       "  INSERT INTO record_content (hub, epoch, seq, salt, content)"
	       "  SELECT hub, epoch, seq, $9, $10"
	       "    FROM head"
	       "   WHERE $10 IS NOT NULL),"
	       " bumped AS ("
	       "  UPDATE generation SET n = n + 1)"
	       " SELECT litfass_expect((SELECT count(*) FROM head), 1, 'record head') AS ok",
	.params = "tiiibzyyyy",
	DB_EXPECT_ROW,
};

void
record_append(struct db_batch *b, const struct hub *h, const struct record_new *e)
{
	struct span kind = span_of(record_kinds[e->kind]);
	unsigned char *salt = arena_alloc(b->arena, RECORD_SALT);
	unsigned char *content = arena_alloc(b->arena, RECORD_HASH);
	unsigned char *entry = arena_alloc(b->arena, RECORD_HASH);
	struct span salt_span = SPAN_NONE;

	(void)h;
	if (e->content.p) {
		token_random(salt, RECORD_SALT);
		salt_span = span_from(salt, RECORD_SALT);
		record_content_digest(salt_span, e->content, content);
	}
	record_entry_digest(b->arena, kind, e, content, entry);
	(void)db_add(b, &record_append_stmt, db_text(kind), db_int(e->account),
		db_int(e->object), db_int(e->revision), db_bool(e->archive), db_time(e->at_us),
		db_bytea(span_from(content, RECORD_HASH)),
		db_bytea(span_from(entry, RECORD_HASH)), db_bytea(salt_span),
		db_bytea(e->content));
}

static const struct db_stmt record_begin_stmt = {
	.name = "record_begin",
	.sql = "INSERT INTO record_head (hub, epoch, seq, hash, own)"
	       "VALUES ($1, 1, 0, $2, true)"
	       "    ON CONFLICT DO NOTHING",
	.params = "ty",
};

void
record_begin(struct db_batch *b, const struct hub *h)
{
	(void)db_add(b, &record_begin_stmt, db_text(h->authority),
		db_bytea(span_from(record_nothing, RECORD_HASH)));
}

/* ---- reading ---- */

static const struct db_field record_fields[] = {
	DB_TEXT(struct record_entry, hub),
	DB_INT(struct record_entry, epoch),
	DB_INT(struct record_entry, seq),
	DB_TEXT(struct record_entry, kind),
	DB_INT(struct record_entry, account),
	DB_INT(struct record_entry, object),
	DB_INT(struct record_entry, revision),
	DB_BOOL(struct record_entry, archive),
	DB_TIME(struct record_entry, at_us),
	DB_BYTEA(struct record_entry, content_digest),
	DB_BYTEA(struct record_entry, entry_digest),
	DB_BYTEA(struct record_entry, hash),
	DB_BYTEA_NULL(struct record_entry, salt),
	DB_BYTEA_NULL(struct record_entry, content),
};

/* Own entries behind a place; an epoch that began later follows the one before. */
static const struct db_stmt record_after_stmt = {
	.name = "record_after",
	.sql = "SELECT e.hub, e.epoch, e.seq, e.kind, e.account, e.object, e.revision,"
	       "       e.archive, e.at AS at_us, e.content_digest, e.entry_digest, e.hash,"
	       "       c.salt, c.content"
	       "  FROM record_entry e"
	       "  LEFT JOIN record_content c"
	       "    ON $5 AND c.hub = e.hub AND c.epoch = e.epoch AND c.seq = e.seq"
	       " WHERE e.hub = $1 AND (e.epoch, e.seq) > ($2, $3)"
	       " ORDER BY e.epoch, e.seq"
	       " LIMIT $4",
	.params = "tiiib",
	DB_ROW(struct record_entry, record_fields),
};

size_t
record_after(struct db_batch *b, const struct hub *h, int64_t epoch, int64_t seq, int64_t limit,
	bool with_content)
{
	return db_add(b, &record_after_stmt, db_text(h->authority), db_int(epoch), db_int(seq),
		db_int(limit), db_bool(with_content));
}

const struct err *
record_row(const struct db_batch *b, size_t i, size_t row, struct record_entry *out)
{
	return db_row(b, i, row, out);
}

struct record_said {
	int64_t revision;
};

static const struct db_field record_said_fields[] = {
	DB_INT(struct record_said, revision),
};

static const struct db_stmt record_said_stmt = {
	.name = "record_said",
	.sql = "SELECT coalesce(max(revision), 0) AS revision"
	       "  FROM record_entry"
	       " WHERE object = $2 AND hub = $1",
	.params = "ti",
	DB_ROW(struct record_said, record_said_fields),
};

size_t
record_said(struct db_batch *b, const struct hub *h, int64_t object)
{
	return db_add(b, &record_said_stmt, db_text(h->authority), db_int(object));
}

const struct err *
record_said_row(const struct db_batch *b, size_t i, int64_t *revision)
{
	struct record_said row = {0};
	const struct err *e = db_row(b, i, 0, &row);

	if (!e)
		*revision = row.revision;
	return e;
}

struct record_head {
	int64_t epoch, seq;
	struct span hash;
};

static const struct db_field record_head_fields[] = {
	DB_INT(struct record_head, epoch),
	DB_INT(struct record_head, seq),
	DB_BYTEA(struct record_head, hash),
};

static const struct db_stmt record_head_stmt = {
	.name = "record_head",
	.sql = "SELECT epoch, seq, hash"
	       "  FROM record_head"
	       " WHERE own",
	.params = "",
	DB_ROW(struct record_head, record_head_fields),
};

size_t
record_head_read(struct db_batch *b)
{
	return db_add0(b, &record_head_stmt);
}

const struct err *
record_head_row(const struct db_batch *b, size_t i, struct record_checkpoint *out)
{
	struct record_head row = {0};
	const struct err *e = db_row(b, i, 0, &row);

	if (e)
		return e;
	out->epoch = row.epoch;
	out->seq = row.seq;
	out->hash = row.hash;
	return NULL;
}

/* ---- shared readers ---- */

static const struct db_field reader_fields[] = {
	DB_INT(struct reader_place, epoch),
	DB_INT(struct reader_place, seq),
};

/* A reader that is not there yet begins at the end, or in front of everything. */
static const struct db_stmt reader_read_stmt = {
	.name = "reader_read",
	.sql = "WITH added AS ("
	       "  INSERT INTO reader (name, epoch, seq)"
	       "  SELECT $1, CASE WHEN $2 THEN 1 ELSE epoch END, CASE WHEN $2 THEN 0 ELSE seq "
	       "END"
	       "    FROM record_head"
	       "   WHERE own AND NOT EXISTS (SELECT FROM reader WHERE name = $1)"
	       /* Two that begin at once both get its place. */
	       "      ON CONFLICT (name) DO UPDATE"
	       "     SET seq = reader.seq"
	       "  RETURNING epoch, seq)"
	       " SELECT epoch, seq FROM reader WHERE name = $1"
	       "  UNION ALL"
	       " SELECT epoch, seq FROM added",
	.params = "tb",
	DB_ROW(struct reader_place, reader_fields),
};

size_t
reader_read(struct db_batch *b, struct span name, bool from_start)
{
	return db_add(b, &reader_read_stmt, db_text(name), db_bool(from_start));
}

const struct err *
reader_row(const struct db_batch *b, size_t i, struct reader_place *out)
{
	return db_row(b, i, 0, out);
}

static const struct db_stmt reader_move_stmt = {
	.name = "reader_move",
	.sql = "WITH changed AS ("
	       "  UPDATE reader"
	       "     SET epoch = $4, seq = $5"
	       "   WHERE name = $1 AND epoch = $2 AND seq = $3"
	       "  RETURNING 1)" DB_EXPECT_ONE("reader"),
	.params = "tiiii",
	DB_EXPECT_ROW,
};

void
reader_move(
	struct db_batch *b, struct span name, struct reader_place from, struct reader_place to)
{
	(void)db_add(b, &reader_move_stmt, db_text(name), db_int(from.epoch), db_int(from.seq),
		db_int(to.epoch), db_int(to.seq));
}

/* ---- checkpoints ---- */

static const struct db_field checkpoint_fields[] = {
	DB_TEXT(struct record_checkpoint, hub),
	DB_INT(struct record_checkpoint, epoch),
	DB_INT(struct record_checkpoint, seq),
	DB_BYTEA(struct record_checkpoint, hash),
	DB_TIME(struct record_checkpoint, at_us),
	DB_BYTEA_NULL(struct record_checkpoint, signature),
};

static const struct db_stmt checkpoint_due_stmt = {
	.name = "checkpoint_due",
	.sql = "SELECT h.hub, h.epoch, h.seq, h.hash, now() AS at_us, NULL::bytea AS signature"
	       "  FROM record_head h"
	       " WHERE h.own AND h.seq > 0"
	       "   AND NOT EXISTS (SELECT 1 FROM record_checkpoint c"
	       "                    WHERE c.hub = h.hub AND c.epoch = h.epoch"
	       "                      AND c.seq = h.seq)",
	.params = "",
	DB_ROW(struct record_checkpoint, checkpoint_fields),
};

size_t
checkpoint_due(struct db_batch *b, const struct hub *h)
{
	(void)h;
	return db_add0(b, &checkpoint_due_stmt);
}

static const struct db_stmt checkpoint_list_stmt = {
	.name = "checkpoint_list",
	.sql = "SELECT hub, epoch, seq, hash, at AS at_us, signature"
	       "  FROM record_checkpoint"
	       " WHERE hub = $1 AND (epoch, seq) > ($2, $3)"
	       " ORDER BY epoch, seq"
	       " LIMIT $4",
	.params = "tiii",
	DB_ROW(struct record_checkpoint, checkpoint_fields),
};

size_t
checkpoint_list(
	struct db_batch *b, const struct hub *h, int64_t epoch, int64_t seq, int64_t limit)
{
	return db_add(b, &checkpoint_list_stmt, db_text(h->authority), db_int(epoch),
		db_int(seq), db_int(limit));
}

const struct err *
checkpoint_row(const struct db_batch *b, size_t i, size_t row, struct record_checkpoint *out)
{
	return db_row(b, i, row, out);
}

struct span
checkpoint_text(struct arena *a, const struct record_checkpoint *c)
{
	struct span hex = hex_encode(a, c->hash);

	return arena_printf(a,
		"litfass-checkpoint-v1\n%.*s\n%" PRId64 "\n%" PRId64 "\n%.*s\n%" PRId64 "\n",
		SPAN_FMT(c->hub), c->epoch, c->seq, SPAN_FMT(hex), c->at_us);
}

static const struct db_stmt checkpoint_store_stmt = {
	.name = "checkpoint_store",
	.sql = "INSERT INTO record_checkpoint (hub, epoch, seq, hash, at, signature)"
	       "VALUES ($1, $2, $3, $4, $5, $6)"
	       "    ON CONFLICT (hub, epoch, seq) DO NOTHING",
	.params = "tiiyzy",
};

void
checkpoint_store(struct db_batch *b, const struct record_checkpoint *c)
{
	(void)db_add(b, &checkpoint_store_stmt, db_text(c->hub), db_int(c->epoch),
		db_int(c->seq), db_bytea(c->hash), db_time(c->at_us), db_bytea(c->signature));
}

/* ---- verification ---- */

void
record_verify_init(struct record_verify *v, int64_t epoch)
{
	*v = (struct record_verify){.epoch = epoch};
}

static void
record_chain(const struct record_verify *v, int64_t seq, struct span entry_digest,
	unsigned char out[RECORD_HASH])
{
	struct digest *d = digest_sha256_new();
	unsigned char place[16];

	for (int i = 0; i < 8; i++) {
		place[i] = (unsigned char)((uint64_t)v->epoch >> (56 - 8 * i));
		place[8 + i] = (unsigned char)((uint64_t)seq >> (56 - 8 * i));
	}
	digest_add(d, span_from(v->hash, RECORD_HASH));
	digest_add(d, span_from(place, sizeof(place)));
	digest_add(d, entry_digest);
	digest_end(d, out);
}

static bool
record_same(struct span stored, const unsigned char made[RECORD_HASH])
{
	return stored.n == RECORD_HASH && memcmp(stored.p, made, RECORD_HASH) == 0;
}

static const struct err *
record_verify_content(struct arena *a, const struct record_entry *e)
{
	unsigned char made[RECORD_HASH];

	/* Erased content leaves its digest behind; there is nothing to compare. */
	if (!e->content.p)
		return NULL;
	record_content_digest(e->salt, e->content, made);
	/* What is moved from the content to its salt leaves their digest as it is. */
	if (e->salt.n == RECORD_SALT && record_same(e->content_digest, made))
		return NULL;
	return err_new(a, ERR_CORRUPT,
		"entry %" PRId64 "/%" PRId64 ": the content was changed after it was recorded",
		e->epoch, e->seq);
}

const struct err *
record_verify_entry(struct record_verify *v, struct arena *a, const struct record_entry *e)
{
	const struct record_new made = {.account = e->account,
		.object = e->object,
		.revision = e->revision,
		.archive = e->archive,
		.at_us = e->at_us};
	unsigned char digest[RECORD_HASH], chain[RECORD_HASH];
	const struct err *error;

	if (e->epoch == v->epoch + 1 && e->seq == 1) {
		v->epoch = e->epoch; /* begun after a restore, on the last hash known then */
		v->seq = 0;
	}
	if (e->epoch != v->epoch || e->seq != v->seq + 1)
		return err_new(a, ERR_CORRUPT,
			"entry %" PRId64 "/%" PRId64 " is missing: %" PRId64 "/%" PRId64
			" stands in its place",
			v->epoch, v->seq + 1, e->epoch, e->seq);
	if (e->content_digest.n != RECORD_HASH)
		return err_new(a, ERR_CORRUPT,
			"entry %" PRId64 "/%" PRId64
			": its content digest is not 32 bytes long",
			e->epoch, e->seq);
	record_entry_digest(
		a, e->kind, &made, (const unsigned char *)e->content_digest.p, digest);
	if (!record_same(e->entry_digest, digest))
		return err_new(a, ERR_CORRUPT,
			"entry %" PRId64 "/%" PRId64 " was changed after it was recorded",
			e->epoch, e->seq);
	record_chain(v, e->seq, e->entry_digest, chain);
	if (!record_same(e->hash, chain))
		return err_new(a, ERR_CORRUPT,
			"entry %" PRId64 "/%" PRId64 " does not follow the entry before it",
			e->epoch, e->seq);
	if ((error = record_verify_content(a, e)))
		return error;
	v->seq = e->seq;
	memcpy(v->hash, chain, RECORD_HASH);
	v->entries++;
	v->contents += e->content.p != NULL;
	return NULL;
}

bool
record_verify_waits(const struct record_verify *v, const struct record_checkpoint *c)
{
	return c->epoch > v->epoch || (c->epoch == v->epoch && c->seq > v->seq);
}

const struct err *
record_verify_checkpoint(struct record_verify *v, struct arena *a,
	const struct record_checkpoint *c, const struct pkey *key)
{
	if (record_verify_waits(v, c))
		return err_new(a, ERR_CORRUPT,
			"entry %" PRId64 "/%" PRId64 " and what follows are missing: a signed "
			"checkpoint stands on %" PRId64 "/%" PRId64,
			v->epoch, v->seq + 1, c->epoch, c->seq);
	if (c->epoch != v->epoch || c->seq != v->seq || !record_same(c->hash, v->hash))
		return err_new(a, ERR_CORRUPT,
			"checkpoint %" PRId64 "/%" PRId64
			" was signed over another record than this one",
			c->epoch, c->seq);
	if (!pkey_verify(key, checkpoint_text(a, c), c->signature))
		return err_new(a, ERR_CORRUPT,
			"checkpoint %" PRId64 "/%" PRId64 " does not carry the hub's signature",
			c->epoch, c->seq);
	v->checkpoints++;
	return NULL;
}

const struct err *
record_verify_head(
	const struct record_verify *v, struct arena *a, const struct record_checkpoint *head)
{
	/* A new epoch without entries has the hash of the last entry of the one before. */
	const bool fresh = head->seq == 0 && head->epoch > v->epoch;

	if (!fresh && (head->epoch != v->epoch || head->seq != v->seq))
		return err_new(a, ERR_CORRUPT,
			"entry %" PRId64 "/%" PRId64
			" and what follows are missing: the record "
			"goes to %" PRId64 "/%" PRId64,
			v->epoch, v->seq + 1, head->epoch, head->seq);
	if (!record_same(head->hash, v->hash))
		return err_new(a, ERR_CORRUPT,
			"the head of the record does not fit its last entry %" PRId64
			"/%" PRId64,
			v->epoch, v->seq);
	return NULL;
}

const struct db_stmt *const record_stmts[] = {
	&record_append_stmt,
	&record_begin_stmt,
	&record_after_stmt,
	&record_said_stmt,
	&record_head_stmt,
	&reader_read_stmt,
	&reader_move_stmt,
	&checkpoint_due_stmt,
	&checkpoint_list_stmt,
	&checkpoint_store_stmt,
};
const size_t n_record_stmts = ARRAY_LEN(record_stmts);
