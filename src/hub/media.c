#include "hub/media.h"

static const struct db_field media_fields[] = {
	DB_INT(struct media, id),
	DB_BYTEA(struct media, sha256),
	DB_TEXT(struct media, source_url),
	DB_TEXT(struct media, type),
	DB_TEXT(struct media, state),
	DB_TEXT_NULL(struct media, blob),
	DB_TEXT_NULL(struct media, blob_type),
	DB_TEXT_NULL(struct media, small_blob),
	DB_TEXT_NULL(struct media, blurhash),
	DB_TEXT_NULL(struct media, error),
	DB_INT_NULL(struct media, width),
	DB_INT_NULL(struct media, height),
	DB_INT_NULL(struct media, bytes),
	DB_INT_NULL(struct media, small_width),
	DB_INT_NULL(struct media, small_height),
};

#define MEDIA_COLUMNS                                                                          \
	" id, sha256, source_url, type, state, blob, blob_type, small_blob, blurhash, error,"  \
	" width, height, bytes, small_width, small_height"

static const struct db_stmt media_forget_bad_stmt = {
	.name = "media_forget_bad",
	.sql = "DELETE FROM media"
	       " WHERE sha256 = $1 AND state = 'bad'",
	.params = "y",
};

/* The update changes nothing; it makes RETURNING see the row that was there before. */
static const struct db_stmt media_put_stmt = {
	.name = "media_put",
	.sql = "INSERT INTO media (sha256, source_url, type, state, blob, blob_type,"
	       "                   small_blob, blurhash, error, width, height, bytes,"
	       "                   small_width, small_height)"
	       "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, nullif($10, 0), nullif($11, 0),"
	       "        nullif($12, 0), nullif($13, 0), nullif($14, 0))"
	       "    ON CONFLICT (sha256) DO UPDATE"
	       "   SET sha256 = excluded.sha256"
	       " RETURNING" MEDIA_COLUMNS,
	.params = "ytttttttt"
		  "iiiii",
	DB_ROW(struct media, media_fields),
};

size_t
media_put(struct db_batch *b, const struct media *m)
{
	(void)db_add(b, &media_forget_bad_stmt, db_bytea(m->sha256));
	return db_add(b, &media_put_stmt, db_bytea(m->sha256), db_text(m->source_url),
		db_text(m->type), db_text(m->state), db_text(m->blob), db_text(m->blob_type),
		db_text(m->small_blob), db_text(m->blurhash), db_text(m->error),
		db_int(m->width), db_int(m->height), db_int(m->bytes), db_int(m->small_width),
		db_int(m->small_height));
}

static const struct db_stmt media_by_sha256_stmt = {
	.name = "media_by_sha256",
	.sql = "SELECT" MEDIA_COLUMNS "  FROM media"
	       " WHERE sha256 = $1"
	       "   AND (state = 'ready' OR created_at > now() - interval '7 days')",
	.params = "y",
	DB_ROW(struct media, media_fields),
};

size_t
media_by_sha256(struct db_batch *b, struct span sha256)
{
	return db_add(b, &media_by_sha256_stmt, db_bytea(sha256));
}

static const struct db_stmt media_by_url_stmt = {
	.name = "media_by_url",
	.sql = "SELECT" MEDIA_COLUMNS "  FROM media"
	       " WHERE source_url = $1 AND state = 'ready'"
	       "   AND created_at > now() - interval '30 days'"
	       " ORDER BY id DESC"
	       " LIMIT 1",
	.params = "t",
	DB_ROW(struct media, media_fields),
};

size_t
media_by_url(struct db_batch *b, struct span url)
{
	return db_add(b, &media_by_url_stmt, db_text(url));
}

struct media_public {
	int64_t n;
};

static const struct db_field media_public_fields[] = {
	DB_INT(struct media_public, n),
};

/* Counts posts that show the file, not posts that showed it once. */
static const struct db_stmt media_blob_public_stmt = {
	.name = "media_blob_public",
	.sql = "SELECT (EXISTS ("
	       "          SELECT 1"
	       "            FROM media f"
	       "            JOIN post_media m ON m.media = f.id"
	       "            JOIN post p ON p.id = m.post AND p.state = 'published'"
	       "           WHERE f.blob = $1 OR f.small_blob = $1)"
	       "        OR EXISTS ("
	       "          SELECT 1"
	       "            FROM media f"
	       "            JOIN account a ON f.id IN (a.avatar_media, a.header_media)"
	       "           WHERE f.blob = $1 OR f.small_blob = $1))::int::bigint AS n",
	.params = "t",
	DB_ROW(struct media_public, media_public_fields),
};

size_t
media_blob_public(struct db_batch *b, struct span blob)
{
	return db_add(b, &media_blob_public_stmt, db_text(blob));
}

const struct err *
media_row(const struct db_batch *b, size_t i, size_t row, struct media *out)
{
	return db_row(b, i, row, out);
}

const struct db_stmt *const media_stmts[] = {
	&media_forget_bad_stmt,
	&media_put_stmt,
	&media_by_sha256_stmt,
	&media_by_url_stmt,
	&media_blob_public_stmt,
};
const size_t n_media_stmts = ARRAY_LEN(media_stmts);
