#include "net/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/conf.h"
#include "crypto/digest.h"
#include "crypto/token.h"
#include "task/work.h"

struct blob_store {
	int dir; /* <data_dir>/media */
	/* Folders, by the first two bytes of the name, whose own names are on the disk. */
	_Atomic uint8_t named[1 << 16];
};

static const char *const blob_exts[] = {"jpg", "png", "webp", "gif", "mp4", "mp3", "pdf"};

bool
blob_name_valid(struct span name)
{
	struct span ext = span_slice(name, 65, name.n);

	if (name.n < 67 || name.p[64] != '.')
		return false;
	for (size_t i = 0; i < 64; i++)
		if (!((name.p[i] >= '0' && name.p[i] <= '9') ||
			    (name.p[i] >= 'a' && name.p[i] <= 'f')))
			return false;
	for (size_t i = 0; i < ARRAY_LEN(blob_exts); i++)
		if (span_is(ext, blob_exts[i]))
			return true;
	return false;
}

static int
blob_openat(int dir, const char *path, int flags, mode_t mode)
{
	struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC,
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

/* "ab/cd/abcd….webp" */
static struct span
blob_path(struct arena *a, struct span name)
{
	return arena_printf(a, "%.2s/%.2s/%.*s", name.p, name.p + 2, SPAN_FMT(name));
}

struct blob_store *
blob_store_files(struct arena *a, const struct conf *c, const struct err **e)
{
	struct span path = arena_printf(a, "%.*s/media", SPAN_FMT(c->data_dir));
	struct blob_store *b;
	int dir;

	*e = NULL;
	if (mkdir(path.p, 0750) != 0 && errno != EEXIST) {
		*e = err_new(
			a, ERR_CONFIG, "%s cannot be created: %s", path.p, strerror(errno));
		return NULL;
	}
	dir = open(path.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		*e = err_new(a, ERR_CONFIG, "%s cannot be opened: %s", path.p, strerror(errno));
		return NULL;
	}
	b = xcalloc(1, sizeof(*b));
	b->dir = dir;
	return b;
}

void
blob_store_free(struct blob_store *b)
{
	if (!b)
		return;
	(void)close(b->dir);
	free(b);
}

/* ---- storing, on a worker thread ---- */

struct blob_put {
	struct blob_store *store;
	struct span bytes, ext;
	struct arena *arena; /* of the waiting task, which is parked */
	struct span name;
	size_t folder; /* its first two bytes */
	int error;     /* errno, 0 = stored */
};

struct blob_put_arg {
	struct span bytes, ext;
};

static bool
blob_write_all(int fd, struct span s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		s = span_slice(s, (size_t)n, s.n);
	}
	return fsync(fd) == 0;
}

static bool
blob_sync_dir(int dir, const char *path)
{
	int fd = blob_openat(dir, path, O_RDONLY | O_DIRECTORY, 0);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		(void)close(fd);
	return ok;
}

static bool
blob_make_dirs(struct blob_put *p, struct span path)
{
	const int dir = p->store->dir;
	char part[8];

	memcpy(part, path.p, 5);
	part[2] = '\0';
	if (mkdirat(dir, part, 0750) != 0 && errno != EEXIST)
		return false;
	part[2] = '/';
	part[5] = '\0';
	if (mkdirat(dir, part, 0750) != 0)
		return errno == EEXIST;
	atomic_store(&p->store->named[p->folder], 0);
	return true;
}

/* Also when the folder was there: who made it may not have come so far yet. Once is enough. */
static bool
blob_sync_parents(struct blob_put *p, struct span path)
{
	const int dir = p->store->dir;
	char part[4];

	if (atomic_load(&p->store->named[p->folder]))
		return true;
	memcpy(part, path.p, 2);
	part[2] = '\0';
	if (!blob_sync_dir(dir, part) || !blob_sync_dir(dir, "."))
		return false;
	atomic_store(&p->store->named[p->folder], 1);
	return true;
}

static bool
blob_write_as(struct blob_put *p, const char *tmp, const char *path)
{
	int dir = p->store->dir;
	int fd = blob_openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL, 0640), saved;
	bool ok;

	if (fd < 0)
		return false;
	ok = blob_write_all(fd, p->bytes);
	saved = errno;
	if (close(fd) != 0 && ok) {
		ok = false;
		saved = errno;
	}
	if (ok && renameat(dir, tmp, dir, path) == 0)
		return true;
	if (ok)
		saved = errno;
	(void)unlinkat(dir, tmp, 0);
	errno = saved;
	return false;
}

/* Temporary name, fsync, rename, fsync of the folder: a name never stands for half a file. */
static bool
blob_store_file(struct blob_put *p)
{
	struct span path = blob_path(p->arena, p->name), tmp;
	struct stat st;
	char folder[8];

	memcpy(folder, path.p, 5);
	folder[5] = '\0';
	if (fstatat(p->store->dir, path.p, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		!S_ISREG(st.st_mode) || (size_t)st.st_size != p->bytes.n) {
		tmp = token_new(p->arena, 12);
		tmp = arena_printf(p->arena, "%s/.%.*s", folder, SPAN_FMT(tmp));
		if (!blob_make_dirs(p, path) || !blob_sync_parents(p, path) ||
			!blob_write_as(p, tmp.p, path.p))
			return false;
	}
	/* Also when it was there: who put it there may not have come so far yet. */
	return blob_sync_dir(p->store->dir, folder) && blob_sync_parents(p, path);
}

static void
blob_put_work(void *arg)
{
	struct blob_put *p = arg;
	unsigned char sum[SHA256_SIZE];
	struct span hex;

	digest_sha256(p->bytes, sum);
	p->folder = (size_t)sum[0] << 8 | sum[1];
	hex = hex_encode(p->arena, span_from(sum, sizeof(sum)));
	p->name = arena_printf(p->arena, "%.*s.%.*s", SPAN_FMT(hex), SPAN_FMT(p->ext));
	assert(blob_name_valid(p->name));
	errno = 0;
	p->error = blob_store_file(p) ? 0 : errno ? errno : EIO;
}

static step_fn blob_put_begin, blob_put_stored, blob_put_failed;

static const struct flow blob_put_flow = {
	.name = "net.blob_put",
	.size = sizeof(struct blob_put),
	.deadline_ms = 120000,
	.first = blob_put_begin,
	.failed = blob_put_failed,
};

static struct next
blob_put_begin(struct task *t)
{
	const struct blob_put_arg *arg = task_arg(t);
	struct blob_put *p = task_state(t);

	p->store = task_env(t)->blobs;
	p->bytes = arg->bytes;
	p->ext = arg->ext;
	p->arena = task_arena(t);
	return await_work(t, blob_put_work, p, blob_put_stored);
}

static struct next
blob_put_stored(struct task *t)
{
	struct blob_put *p = task_state(t);
	char *out = task_out(t);

	if (p->error)
		return fail(t,
			err_new(task_arena(t), ERR_UNAVAILABLE,
				"the media store cannot be written: %s", strerror(p->error)));
	assert(p->name.n < BLOB_NAME_MAX); /* so it is for every valid name */
	memcpy(out, p->name.p, p->name.n);
	out[p->name.n] = '\0';
	return done(t);
}

static struct next
blob_put_failed(struct task *t)
{
	return done(t);
}

struct next
await_blob_put_at(struct task *t, struct span bytes, struct span ext, char *name, step_fn *then,
	const char *step)
{
	const struct blob_put_arg arg = {.bytes = bytes, .ext = ext};

	return task_call(t, &blob_put_flow, &arg, sizeof(arg), name, then, step);
}

/* ---- reading ---- */

const struct err *
blob_open(struct blob_store *b, struct arena *a, struct span name, int *fd, int64_t *size)
{
	struct stat st;

	if (!blob_name_valid(name))
		return err_new(a, ERR_NOT_FOUND, "there is no such file");
	*fd = blob_openat(b->dir, blob_path(a, name).p, O_RDONLY, 0);
	if (*fd < 0)
		return err_new(a, errno == ENOENT ? ERR_NOT_FOUND : ERR_UNAVAILABLE,
			"the file cannot be opened: %s", strerror(errno));
	if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		(void)close(*fd);
		return err_new(a, ERR_NOT_FOUND, "there is no such file");
	}
	*size = st.st_size;
	return NULL;
}
