#include <errno.h>
#include <fcntl.h>
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

/*
 * PostgreSQL writes down where it listens: line 4 of postmaster.pid is the port, line 5 the
 * directory of the socket.
 */
const struct err *
db_embedded_dsn(struct arena *a, struct span data_dir, struct span *out)
{
	const char *path =
		arena_cstr(a, arena_printf(a, "%.*s/pg/postmaster.pid", SPAN_FMT(data_dir)));
	char *buf = arena_alloc(a, PIDFILE_MAX);
	struct span line = SPAN_NONE, port = SPAN_NONE, dir = SPAN_NONE, rest;
	ssize_t n = embedded_read(path, buf, PIDFILE_MAX);

	if (n < 0 && errno != ENOENT)
		return err_new(a, ERR_CONFIG,
			"%s cannot be read: %s; run this as the account that owns the data "
			"directory, or as root",
			path, strerror(errno));
	rest = n > 0 ? span_from(buf, (size_t)n) : SPAN_NONE;
	for (int i = 1; i <= 5 && span_cut(&rest, '\n', &line); i++) {
		if (i == 4)
			port = line;
		if (i == 5)
			dir = line;
	}
	if (!dir.n || dir.p[0] != '/')
		return err_new(a, ERR_DB_GONE,
			"the embedded database under %.*s is not running; start litfassd",
			SPAN_FMT(data_dir));
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
