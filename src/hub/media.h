/* Media: files of the store, known by the bytes they came as. */
#ifndef HUB_MEDIA_H
#define HUB_MEDIA_H

#include "db/batch.h"

struct media {
	int64_t id;
	struct span sha256; /* 32 bytes, of the original */
	struct span source_url, type, state, blob, blob_type, small_blob, blurhash;
	struct span error; /* of the state "bad": why nothing can be made of these bytes */
	int64_t width, height, bytes, small_width, small_height;
};

/* Insert or find by sha256: one row with the id. A file that was bad before may be good now. */
size_t media_put(struct db_batch *b, const struct media *m);
/* Bytes that were bad are looked at again after a week: the helper may have learnt. */
size_t media_by_sha256(struct db_batch *b, struct span sha256);
/* Same URL seen before, good and still fresh enough to skip the download. */
size_t media_by_url(struct db_batch *b, struct span url);
/* Is this blob part of a published post or a profile? Only then it is served. One int row. */
size_t media_blob_public(struct db_batch *b, struct span blob);
const struct err *media_row(
	const struct db_batch *b, size_t i, size_t row, struct media *out) MUST_CHECK;

extern const struct db_stmt *const media_stmts[];
extern const size_t n_media_stmts;

#endif
