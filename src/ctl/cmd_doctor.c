#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <unistd.h>

#include "crypto/seal.h"
#include "ctl/cmd.h"
#include "db/queue.h"
#include "hub/status.h"
#include "media/program.h"

#define DOCTOR_PORT_S 3

/* Each check says what it found; a bad one says what to do about it. */
struct doctor {
	struct cmd_call *call;
	json_t *checks;
	bool failed;
};

static void doctor_note(struct doctor *d, const char *check, const char *status,
	const char *fmt, va_list ap) PRINTF_LIKE(4, 0);

static void
doctor_note(
	struct doctor *d, const char *check, const char *status, const char *fmt, va_list ap)
{
	const struct span text = arena_vprintf(d->call->arena, fmt, ap);

	(void)json_array_append_new(
		d->checks, json_pack("{s:s, s:s, s:o}", "check", check, "status", status,
				   "text", json_str(text)));
}

#define DOCTOR_SAYS(name, status)                                                              \
	static void name(struct doctor *d, const char *check, const char *fmt, ...)            \
		PRINTF_LIKE(3, 4);                                                             \
	static void name(struct doctor *d, const char *check, const char *fmt, ...)            \
	{                                                                                      \
		va_list ap;                                                                    \
                                                                                               \
		va_start(ap, fmt);                                                             \
		doctor_note(d, check, status, fmt, ap);                                        \
		va_end(ap);                                                                    \
		d->failed |= status[0] == 'f';                                                 \
	}
DOCTOR_SAYS(doctor_ok, "ok")
DOCTOR_SAYS(doctor_warn, "warn")
DOCTOR_SAYS(doctor_fail, "fail")

static void
doctor_error(struct doctor *d, const char *check, const struct err *e)
{
	doctor_fail(d, check, "%.*s", SPAN_FMT(err_text(d->call->arena, e)));
}

/* ---- files ---- */

static void
doctor_data_dir(struct doctor *d)
{
	const char *dir = arena_cstr(d->call->arena, d->call->conf.data_dir);
	struct stat st;

	if (stat(dir, &st) != 0)
		doctor_fail(d, "data_dir", "%s: %s; litfassd makes it at its first start", dir,
			strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		doctor_fail(d, "data_dir", "%s is not a directory", dir);
	else if (access(dir, R_OK | W_OK | X_OK) != 0)
		doctor_fail(d, "data_dir",
			"%s cannot be written: %s; it belongs to uid %u, we are %u", dir,
			strerror(errno), (unsigned)st.st_uid, (unsigned)geteuid());
	else if (st.st_mode & S_IWOTH)
		doctor_fail(
			d, "data_dir", "%s is writable for everybody: chmod o-w %s", dir, dir);
	else
		doctor_ok(d, "data_dir", "%s", dir);
}

static void
doctor_disk(struct doctor *d)
{
	struct statvfs fs;
	uint64_t free_mb;
	unsigned percent;

	if (statvfs(arena_cstr(d->call->arena, d->call->conf.data_dir), &fs) != 0 ||
		fs.f_blocks == 0)
		return; /* data_dir has said it */
	percent = (unsigned)(fs.f_bavail * 100 / fs.f_blocks);
	free_mb = (uint64_t)fs.f_bavail * fs.f_frsize >> 20;
	if (percent < 10 || free_mb < 512)
		doctor_fail(d, "disk",
			"%u %% (%" PRIu64
			" MB) are free: on a full disk the database stops and "
			"no picture is stored",
			percent, free_mb);
	else
		doctor_ok(d, "disk", "%u %% (%" PRIu64 " MB) are free", percent, free_mb);
}

static void
doctor_master_key(struct doctor *d)
{
	struct arena *a = d->call->arena;
	const struct span path = d->call->conf.master_key_file;
	struct seal *seal = NULL;
	const struct err *e = seal_load(a, arena_cstr(a, path), false, &seal);

	if (e)
		doctor_error(d, "master_key", e);
	else
		doctor_ok(d, "master_key", "%.*s", SPAN_FMT(path));
	seal_free(seal);
}

static void
doctor_supervisor(struct doctor *d)
{
	struct arena *a = d->call->arena;
	const char *path = arena_cstr(
		a, arena_printf(a, "%.*s/litfassd.pid", SPAN_FMT(d->call->conf.data_dir)));
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	int64_t pid;

	if (fd >= 0)
		(void)close(fd);
	if (n <= 0)
		doctor_fail(d, "litfassd", "there is no %s: litfassd does not run", path);
	else if (!span_i64(span_trim(span_from(text, (size_t)n)), 2, INT32_MAX, &pid))
		doctor_fail(d, "litfassd", "%s holds no process id", path);
	else if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
		doctor_fail(d, "litfassd", "process %" PRId64 " of %s is gone: start litfassd",
			pid, path);
	else
		doctor_ok(d, "litfassd", "runs as process %" PRId64, pid);
}

/* ---- ports: our own addresses only, so not through the HTTP client ---- */

static int
doctor_connect(const struct conf_addr *addr, struct arena *a)
{
	const struct timeval tv = {.tv_sec = DOCTOR_PORT_S};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};
	const char *host = arena_cstr(a, addr->host);
	const bool is4 = inet_pton(AF_INET, host, &v4.sin_addr) == 1;
	int fd, ok;

	if (!is4 && inet_pton(AF_INET6, host, &v6.sin6_addr) != 1) {
		errno = EINVAL;
		return -1;
	}
	/* What listens everywhere also listens here. */
	if (is4 && v4.sin_addr.s_addr == htonl(INADDR_ANY))
		v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!is4 && memcmp(&v6.sin6_addr, &in6addr_any, sizeof(in6addr_any)) == 0)
		v6.sin6_addr = in6addr_loopback;
	fd = socket(is4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	ok = is4 ? connect(fd, (const struct sockaddr *)&v4, sizeof(v4))
		 : connect(fd, (const struct sockaddr *)&v6, sizeof(v6));
	if (ok == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static void
doctor_port(struct doctor *d, const struct conf_addr *addr)
{
	struct arena *a = d->call->arena;
	const struct span where =
		arena_printf(a, "%.*s:%u", SPAN_FMT(addr->host), (unsigned)addr->port);
	const struct span ask = arena_printf(a,
		"GET /ready HTTP/1.1\r\nHost: %.*s\r\nConnection: close\r\n\r\n",
		SPAN_FMT(d->call->conf.base_url.authority));
	const int fd = doctor_connect(addr, a);
	char answer[64] = "";
	ssize_t n = -1;

	if (fd >= 0 && write(fd, ask.p, ask.n) == (ssize_t)ask.n)
		n = read(fd, answer, sizeof(answer) - 1);
	if (n < 12)
		doctor_fail(d, "port", "%.*s does not answer: %s", SPAN_FMT(where),
			n < 0 ? strerror(errno) : "closed at once");
	else if (strncmp(answer + 9, "200", 3) != 0)
		doctor_fail(d, "port", "%.*s answers /ready with %.3s", SPAN_FMT(where),
			answer + 9);
	else
		doctor_ok(d, "port", "%.*s is ready", SPAN_FMT(where));
	if (fd >= 0)
		(void)close(fd);
}

/* ---- database ---- */

static const struct err *
doctor_query(struct cmd_call *c, struct db_batch *b)
{
	(void)c;
	(void)status_read(b);
	(void)queue_counts(b);
	return NULL;
}

static void
doctor_clock(struct doctor *d, const struct status *s)
{
	const int64_t skew_ms = (s->now_us - clock_us()) / 1000;

	if (skew_ms > 2000 || skew_ms < -2000)
		doctor_fail(d, "clock",
			"the database's clock is %" PRId64
			" ms ahead of ours; more than 2 s breaks signatures: run an NTP client",
			skew_ms);
	else
		doctor_ok(
			d, "clock", "the database's clock differs by %" PRId64 " ms", skew_ms);
}

static void
doctor_sources(struct doctor *d, const struct status *s)
{
	if (s->sources_ill)
		doctor_warn(d, "sources",
			"%" PRId64 " of %" PRId64 " sources are ill, e.g. %.*s", s->sources_ill,
			s->sources, SPAN_FMT(s->ill_example));
	else if (s->sources_late)
		doctor_fail(d, "sources",
			"%" PRId64
			" sources are due for more than 15 minutes: no worker with the "
			"role \"ingest\" runs",
			s->sources_late);
	else if (s->sources_lacking)
		doctor_warn(d, "sources",
			"older items of %" PRId64
			" sources are missing, e.g. %.*s; try again with "
			"\"litfassctl source poll ID|SLUG --older\"",
			s->sources_lacking, SPAN_FMT(s->lacking_example));
	else
		doctor_ok(d, "sources", "%" PRId64 " active, %" PRId64 " not read yet",
			s->sources, s->sources_new);
}

static void
doctor_record(struct doctor *d, const struct status *s)
{
	if (s->record_unsigned_us != TIME_NONE &&
		s->now_us - s->record_unsigned_us > 10 * US_PER_S)
		doctor_fail(d, "record",
			"entry %" PRId64 " has no signed checkpoint: no worker with the role "
			"\"ingest\" runs",
			s->record_seq);
	else
		doctor_ok(d, "record", "%" PRId64 " entries, signed; verify with record verify",
			s->record_seq);
}

static void
doctor_queue(struct doctor *d, const struct queue_count *q, size_t n, int64_t now_us)
{
	int64_t due = 0, dead = 0, oldest = now_us;

	for (size_t i = 0; i < n; i++) {
		due += q[i].due;
		dead += q[i].dead;
		if (q[i].oldest_due_us != TIME_NONE && q[i].oldest_due_us < oldest)
			oldest = q[i].oldest_due_us;
	}
	if (now_us - oldest > 600 * US_PER_S)
		doctor_fail(d, "queue",
			"%" PRId64 " jobs are due, the oldest for %" PRId64
			" minutes: see litfassctl queue list",
			due, (now_us - oldest) / US_PER_S / 60);
	else if (dead)
		doctor_warn(d, "queue",
			"%" PRId64 " jobs were given up: see litfassctl queue list --dead",
			dead);
	else
		doctor_ok(d, "queue", "%" PRId64 " jobs are due", due);
}

static const struct err *
doctor_show(struct cmd_call *c, const struct db_batch *b)
{
	struct doctor *d = c->ctx;
	struct queue_count *counts;
	struct status s;
	size_t n;
	const struct err *e = status_row(b, 0, &s);

	if (!e)
		e = queue_counted(b, 1, &counts, &n);
	if (e)
		return e;
	doctor_ok(d, "database", "PostgreSQL %" PRId64 ".%" PRId64 ", %" PRId64 " MB",
		s.server_version / 10000, s.server_version % 10000, s.database_bytes >> 20);
	if (s.connections * 10 > s.connections_max * 9)
		doctor_warn(d, "connections", "%" PRId64 " of %" PRId64 " are in use",
			s.connections, s.connections_max);
	doctor_ok(d, "base_url", "%.*s, as at the first start", SPAN_FMT(c->hub.base));
	doctor_clock(d, &s);
	doctor_sources(d, &s);
	doctor_record(d, &s);
	doctor_queue(d, counts, n, s.now_us);
	if (s.hosts_down)
		doctor_warn(d, "hosts",
			"%" PRId64 " hosts do not take deliveries at the moment", s.hosts_down);
	return NULL;
}

static const struct cmd doctor_database_cmd = {
	.noun = "doctor",
	.args = "",
	.needs = CMD_NEEDS_DB,
	.query = doctor_query,
	.show = doctor_show,
};

static bool
doctor_schema(struct doctor *d)
{
	struct arena *a = d->call->arena;
	struct db_migration *list;
	struct span dsn;
	size_t n, missing = 0;
	const struct err *e = db_dsn(a, &d->call->conf, &dsn);

	if (!e)
		e = db_migrations(a, dsn, &list, &n);
	if (e) {
		doctor_error(d, e->kind == ERR_CONFIG ? "schema" : "database", e);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		missing += !list[i].applied;
	if (missing)
		doctor_fail(
			d, "schema", "%zu migrations are missing: litfassctl migrate", missing);
	else
		doctor_ok(d, "schema", "%.*s", SPAN_FMT(list[n - 1].name));
	return missing == 0;
}

static void
doctor_database(struct doctor *d)
{
	struct cmd_call inner = *d->call;
	const struct err *e;

	if (!doctor_schema(d))
		return;
	inner.cmd = &doctor_database_cmd;
	inner.ctx = d;
	e = cmd_on_loop(&inner);
	if (e)
		doctor_error(d, e->kind == ERR_CONFIG ? "base_url" : "database", e);
}

static void
doctor_helper(struct doctor *d)
{
	const char *path = media_program(d->call->arena);

	if (access(path, X_OK) == 0)
		doctor_ok(d, "media_helper", "%s", path);
	else
		doctor_fail(d, "media_helper",
			"%s: %s: pictures cannot be prepared; install it again", path,
			strerror(errno));
}

static const struct err *
doctor_run(struct cmd_call *c)
{
	static const struct cmd_column cols[] = {
		{"check", "CHECK", CMD_TEXT},
		{"status", "STATUS", CMD_TEXT},
		{"text", "FOUND", CMD_LONG},
	};
	struct doctor d = {.call = c, .checks = json_array()};

	doctor_ok(&d, "config", "%.*s", SPAN_FMT(c->conf.path));
	if (c->conf.n_allow_private)
		doctor_warn(&d, "config",
			"net.allow_private permits %zu private ranges; right for tests only",
			c->conf.n_allow_private);
	doctor_data_dir(&d);
	doctor_disk(&d);
	doctor_master_key(&d);
	doctor_helper(&d);
	doctor_supervisor(&d);
	for (size_t i = 0; i < c->conf.n_listen; i++)
		if (c->conf.listen[i].port)
			doctor_port(&d, &c->conf.listen[i]);
	doctor_database(&d);
	if (d.failed)
		c->exit = CMD_UNVERIFIED;
	if (c->json)
		cmd_said(c, json_pack("{s:b, s:o}", "ok", (int)!d.failed, "checks", d.checks),
			"%s", "");
	else
		cmd_list(c, d.checks, cols, ARRAY_LEN(cols));
	return NULL;
}

const struct cmd cmd_doctor = {
	.noun = "doctor",
	.args = "",
	.summary = "Checks the installation and says what to do",
	.help = "Looks at the configuration, files, database, ports, sources, record and "
		"queue.\n"
		"Exit code 7 if something fails; warnings alone do not count.",
	.needs = CMD_NEEDS_CONF,
	.run = doctor_run,
};
