#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "db/db.h"

#define PIDFILE_MAX 4096

/* A value between single quotes, as conninfo strings want it. */
static struct span
embedded_quote(struct arena *a, struct span s)
{
	char *out = arena_alloc(a, 2 * s.n + 3);
	size_t n = 0;

	out[n++] = '\'';
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\'' || s.p[i] == '\\')
			out[n++] = '\\';
		out[n++] = s.p[i];
	}
	out[n++] = '\'';
	return span_from(out, n);
}

struct span
db_socket_dsn(struct arena *a, struct span dir, struct span port)
{
	return arena_printf(a, "host=%.*s port=%.*s dbname=litfass user=litfass",
		SPAN_FMT(embedded_quote(a, dir)), SPAN_FMT(port));
}

static ssize_t
embedded_read(const char *path, char *buf, size_t n)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got;

	if (fd < 0)
		return -1;
	got = read(fd, buf, n);
	(void)close(fd);
	return got;
}

/* A copied data directory comes with the pid file of the original, which may be alive. */
static bool
embedded_is_here(struct arena *a, struct span pg, struct span data)
{
	char *here = realpath(arena_cstr(a, pg), NULL);
	char *there = data.n ? realpath(arena_cstr(a, data), NULL) : NULL;
	const bool same = here && there && strcmp(here, there) == 0;

	free(here);
	free(there);
	return same;
}

/*
 * PostgreSQL writes down where it listens: line 2 of postmaster.pid is the data directory, line
 * 4 the port, line 5 the directory of the socket.
 */
const struct err *
db_embedded_dsn(struct arena *a, struct span data_dir, struct span *out)
{
	const struct span pg = arena_printf(a, "%.*s/pg", SPAN_FMT(data_dir));
	const char *path = arena_cstr(a, arena_printf(a, "%.*s/postmaster.pid", SPAN_FMT(pg)));
	char *buf = arena_alloc(a, PIDFILE_MAX);
	struct span line = SPAN_NONE, data = SPAN_NONE, port = SPAN_NONE, dir = SPAN_NONE, rest;
	ssize_t n = embedded_read(path, buf, PIDFILE_MAX);

	if (n < 0 && errno != ENOENT)
		return err_new(a, ERR_CONFIG,
			"%s cannot be read: %s; run this as the account that owns the data "
			"directory, or as root",
			path, strerror(errno));
	rest = n > 0 ? span_from(buf, (size_t)n) : SPAN_NONE;
	for (int i = 1; i <= 5 && span_cut(&rest, '\n', &line); i++) {
		if (i == 2)
			data = line;
		if (i == 4)
			port = line;
		if (i == 5)
			dir = line;
	}
	if (!dir.n || dir.p[0] != '/')
		return err_new(a, ERR_DB_GONE,
			"the embedded database under %.*s is not running; start litfassd",
			SPAN_FMT(data_dir));
	if (!embedded_is_here(a, pg, data))
		return err_new(a, ERR_DB_GONE,
			"the embedded database under %.*s is not running: its postmaster.pid "
			"is of %.*s, from which it was copied; start litfassd",
			SPAN_FMT(data_dir), SPAN_FMT(data));
	*out = db_socket_dsn(a, dir, port);
	return NULL;
}

const struct err *
db_dsn(struct arena *a, const struct conf *c, struct span *out)
{
	if (c->dsn.n) {
		*out = c->dsn;
		return NULL;
	}
	return db_embedded_dsn(a, c->data_dir, out);
}
