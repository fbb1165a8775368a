#include "main/place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define INSTANCE_HEX 12

const struct err *
place_make(struct arena *a, const struct conf *c, const struct runas *as)
{
	const char *dir = arena_cstr(a, c->data_dir);
	const struct err *e = NULL;
	int fd;

	if (mkdir(dir, 0750) != 0 && errno != EEXIST)
		return err_new(a, ERR_CONFIG, "data_dir %s cannot be made: %s%s", dir,
			strerror(errno),
			errno == ENOENT ? "; make the directory above it first" : "");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_new(a, ERR_CONFIG, "data_dir %s cannot be opened: %s", dir,
			strerror(errno));
	if (as->drop) {
		struct stat st;

		/* What belongs to somebody else is not ours to take. */
		if (fstat(fd, &st) != 0 ||
			(st.st_uid == 0 && fchown(fd, as->uid, as->gid) != 0))
			e = err_new(a, ERR_CONFIG, "data_dir %s cannot be given to %.*s: %s",
				dir, SPAN_FMT(as->name), strerror(errno));
		else if (st.st_uid != 0 && st.st_uid != as->uid)
			e = err_new(a, ERR_CONFIG,
				"data_dir %s belongs to another account than %.*s, which "
				"`user` "
				"names: chown -R it, or set user to its owner",
				dir, SPAN_FMT(as->name));
	}
	(void)close(fd);
	return e;
}

const struct err *
place_check(struct arena *a, const struct conf *c)
{
	const char *dir = arena_cstr(a, c->data_dir);

	for (size_t i = 1; i <= c->data_dir.n; i++) {
		const char *part;

		if (i < c->data_dir.n && c->data_dir.p[i] != '/')
			continue;
		part = arena_cstr(a, span_slice(c->data_dir, 0, i));
		if (access(part, X_OK) == 0)
			continue;
		return err_new(a, ERR_CONFIG,
			"the account with uid %u cannot reach data_dir %s: %s: %s; open that "
			"directory to it (chmod o+x) or choose another data_dir",
			(unsigned)geteuid(), dir, part, strerror(errno));
	}
	if (access(dir, R_OK | W_OK) != 0)
		return err_new(a, ERR_CONFIG,
			"the account with uid %u cannot write to data_dir %s: %s; give it to "
			"that account with chown -R",
			(unsigned)geteuid(), dir, strerror(errno));
	return NULL;
}

/* A file that root has made must be open to the account, for a start without root. */
static int
place_open(const char *path, const struct runas *as)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0 || !as->drop || fchown(fd, as->uid, as->gid) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

const struct err *
place_lock(struct arena *a, const struct conf *c, const struct runas *as, int *out)
{
	const char *path =
		arena_cstr(a, arena_printf(a, "%.*s/litfassd.pid", SPAN_FMT(c->data_dir)));
	const int fd = place_open(path, as);
	char text[32] = "";
	int n;

	if (fd < 0)
		return err_new(
			a, ERR_CONFIG, "%s cannot be written: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		const int why = errno;
		const ssize_t got = read(fd, text, sizeof(text) - 1);

		(void)close(fd);
		if (why != EWOULDBLOCK)
			return err_new(
				a, ERR_CONFIG, "%s cannot be locked: %s", path, strerror(why));
		return err_new(a, ERR_CONFLICT,
			"another litfassd (pid %.*s) runs on the data directory %.*s; stop it "
			"first, or give this one a data_dir of its own",
			SPAN_FMT(span_trim(span_from(text, got > 0 ? (size_t)got : 0))),
			SPAN_FMT(c->data_dir));
	}
	n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n) {
		const struct err *e = err_new(
			a, ERR_CONFIG, "%s cannot be written: %s", path, strerror(errno));

		(void)close(fd);
		return e;
	}
	*out = fd;
	return NULL;
}

static bool
instance_valid(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return s.n == INSTANCE_HEX;
}

const struct err *
place_instance(struct arena *a, const struct conf *c, const struct runas *as, struct span *out)
{
	const char *path =
		arena_cstr(a, arena_printf(a, "%.*s/instance", SPAN_FMT(c->data_dir)));
	const int fd = place_open(path, as);
	char text[INSTANCE_HEX + 2], host[65] = "";
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text), 0);
	struct span id = n > 0 ? span_trim(span_from(text, (size_t)n)) : SPAN_NONE;

	if (n >= 0 && !instance_valid(id)) {
		(void)snprintf(text, sizeof(text), "%06" PRIx32 "%06" PRIx32,
			arc4random() & 0xffffff, arc4random() & 0xffffff);
		id = span_from(text, INSTANCE_HEX);
		text[INSTANCE_HEX] = '\n';
		n = pwrite(fd, text, INSTANCE_HEX + 1, 0);
	}
	if (n < 0) {
		const struct err *e = err_new(
			a, ERR_CONFIG, "%s cannot be written: %s", path, strerror(errno));

		if (fd >= 0)
			(void)close(fd);
		return e;
	}
	(void)close(fd);
	(void)gethostname(host, sizeof(host) - 1);
	*out = arena_printf(a, "%.*s@%.32s", SPAN_FMT(id), host);
	return NULL;
}
