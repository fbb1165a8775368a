/*
 * Blob: content-addressed media store. Name = SHA-256 in hex + "." + extension.
 *
 * Files under <data_dir>/media/ab/cd/, written as temporary file, fsync, rename, fsync of the
 * directory; opened with openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS). An S3 store has the
 * same functions. A blob is durable before a row names it.
 */
#ifndef NET_BLOB_H
#define NET_BLOB_H

#include "task/task.h"

struct blob_store;

struct blob_store *blob_store_files(
	struct arena *a, const struct conf *c, const struct err **e);
void blob_store_free(struct blob_store *b);

/* name: 64 hex digits and a known extension (jpg png webp gif mp4 mp3 pdf): else false. */
bool blob_name_valid(struct span name);
/*
 * Stores bytes on a worker thread; the name goes to name[BLOB_NAME_MAX] in the caller's state,
 * NUL-terminated. Storing the same bytes twice is one blob.
 */
#define BLOB_NAME_MAX 80
struct next await_blob_put_at(struct task *t, struct span bytes, struct span ext, char *name,
	step_fn *then, const char *step) MUST_CHECK;
#define await_blob_put(t, bytes, ext, name, step_)                                             \
	await_blob_put_at((t), (bytes), (ext), (name), (step_), #step_)
/* Read-only descriptor and size; ERR_NOT_FOUND when absent. The caller closes it. */
const struct err *blob_open(struct blob_store *b, struct arena *a, struct span name, int *fd,
	int64_t *size) MUST_CHECK;

#endif
