#include "main/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "db/db.h"
#include "main/embedded.h"
#include "main/listen.h"

/* The children's copy: sealed, so that it stays what was checked. */
static const struct err *
setup_keep(struct arena *a, struct span text, int *out)
{
	const int fd = memfd_create("litfass.conf", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	*out = fd;
	if (fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n &&
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) == 0)
		return NULL;
	return err_new(a, ERR_INTERNAL, "no memory for the configuration: %s", strerror(errno));
}

const struct err *
setup_read(struct arena *a, const char *path, uint64_t number, struct setup **out)
{
	struct setup *s = xcalloc(1, sizeof(*s));
	struct span text;
	const struct err *e;

	s->arena = arena_new();
	s->number = number;
	s->conf_fd = -1;
	e = conf_read(s->arena, path, &text);
	if (!e)
		e = conf_parse(s->arena, path, text, &s->conf);
	if (!e && s->conf.dsn.n)
		e = db_dsn_check(s->arena, s->conf.dsn);
	if (!e)
		e = setup_keep(s->arena, text, &s->conf_fd);
	if (e) {
		e = err_copy(a, e);
		setup_free(s);
		return e;
	}
	*out = s;
	return NULL;
}

static struct conf_addr
setup_metrics_addr(const struct conf *c, size_t i)
{
	struct conf_addr addr = c->metrics;

	if (addr.port)
		addr.port = (uint16_t)(addr.port + i);
	return addr;
}

/* The socket that has this address, -1 when there is none. */
static int
setup_known(const struct setup *old, const struct conf_addr *addr)
{
	for (size_t i = 0; i < old->n_listen; i++)
		if (listen_same(addr, &old->conf.listen[i]))
			return old->listen[i];
	for (size_t i = 0; i < old->n_metrics; i++) {
		const struct conf_addr known = setup_metrics_addr(&old->conf, i);

		if (listen_same(addr, &known))
			return old->metrics[i];
	}
	return -1;
}

/* The same address keeps its socket: what waits in its queue is not lost. */
static const struct err *
setup_socket(struct arena *a, const struct conf_addr *addr, const struct setup *old, int *out)
{
	int fd = -1;

	for (; addr->port && old && fd < 0; old = old->before)
		fd = setup_known(old, addr);
	if (fd < 0)
		return listen_open(a, addr, out);
	*out = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (*out >= 0)
		return NULL;
	return err_new(a, ERR_INTERNAL, "no more descriptors: %s", strerror(errno));
}

static const struct err *
setup_open_metrics(struct arena *a, struct setup *s, const struct setup *old)
{
	const struct conf *c = &s->conf;
	const struct err *e = NULL;

	if (!c->metrics.host.n)
		return NULL;
	if (c->metrics.port + c->workers - 1 > UINT16_MAX)
		return err_new(a, ERR_CONFIG,
			"%.*s: metrics.listen: each worker takes one port from there on, and "
			"there are not %d of them",
			SPAN_FMT(c->path), c->workers);
	for (size_t i = 0; !e && i < (size_t)c->workers; i++) {
		const struct conf_addr addr = setup_metrics_addr(c, i);

		e = setup_socket(a, &addr, old, &s->metrics[s->n_metrics]);
		s->n_metrics += !e;
	}
	return e;
}

const struct err *
setup_open(struct arena *a, struct setup *s, const struct setup *old)
{
	const struct err *e = NULL;

	for (size_t i = 0; !e && (s->conf.roles & ROLE_WEB) && i < s->conf.n_listen; i++) {
		e = setup_socket(a, &s->conf.listen[i], old, &s->listen[s->n_listen]);
		s->n_listen += !e;
	}
	return e ? e : setup_open_metrics(a, s, old);
}

void
setup_free(struct setup *s)
{
	if (!s)
		return;
	setup_free(s->before);
	for (size_t i = 0; i < s->n_listen; i++)
		(void)close(s->listen[i]);
	for (size_t i = 0; i < s->n_metrics; i++)
		(void)close(s->metrics[i]);
	if (s->conf_fd >= 0)
		(void)close(s->conf_fd);
	arena_free(s->arena);
	free(s);
}

/* ---- what a reload may change ---- */

static const struct err *
setup_needs_restart(struct arena *a, const struct conf *next, const char *key)
{
	return err_new(a, ERR_CONFIG,
		"%.*s: %s: a change of it needs a restart of litfassd, a reload does not do",
		SPAN_FMT(next->path), key);
}

const struct err *
setup_may_follow(
	struct arena *a, const struct conf *now, int database_workers, const struct conf *next)
{
	if (!span_eq(now->data_dir, next->data_dir))
		return setup_needs_restart(a, next, "data_dir");
	if (!span_eq(now->user, next->user))
		return setup_needs_restart(a, next, "user");
	if ((now->dsn.n == 0) != (next->dsn.n == 0))
		return setup_needs_restart(a, next, "database.dsn");
	if (now->dsn.n == 0 && embedded_workers_max(database_workers) < next->workers)
		return err_new(a, ERR_CONFIG,
			"%.*s: workers: the embedded database was started for at most %d; "
			"restart litfassd for more",
			SPAN_FMT(next->path), embedded_workers_max(database_workers));
	return NULL;
}
