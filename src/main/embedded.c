#include "main/embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "ctl/cmd.h"
#include "db/db.h"
#include "main/place.h"

#define SOCKET_DIR_MAX 90 /* sun_path has 108 bytes, ".s.PGSQL.5432.lock" follows */
#define LOOK_MS 50

/* A worker has some, one more while it is replaced; the rest is for the command line. */
#define CONNECTIONS_OF_WORKER 12
#define CONNECTIONS_OTHERS 30
#define CONNECTIONS_USED 8

struct embedded {
	struct arena *a;
	const struct conf *conf;
	const char *pg;     /* <data_dir>/pg */
	const char *fresh;  /* <data_dir>/pg.new, while it is being made */
	const char *run;    /* of the socket */
	const char *bindir; /* of PostgreSQL */
	const char *name;   /* of our account */
};

static const char *
embedded_path(struct embedded *m, const char *dir, const char *name)
{
	return arena_cstr(m->a, arena_printf(m->a, "%s/%s", dir, name));
}

struct span
embedded_socket_dir(struct arena *a, const struct conf *c)
{
	struct span dir = arena_printf(a, "%.*s/run", SPAN_FMT(c->data_dir));
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a: the same in every process */

	if (dir.n <= SOCKET_DIR_MAX)
		return dir;
	for (size_t i = 0; i < dir.n; i++)
		h = (h ^ (unsigned char)dir.p[i]) * UINT64_C(0x100000001b3);
	return arena_printf(a, "/tmp/litfass-%016llx", (unsigned long long)h);
}

struct span
embedded_dsn(struct arena *a, const struct conf *c)
{
	return c->dsn.n ? c->dsn : db_socket_dsn(a, embedded_socket_dir(a, c), SPAN("5432"));
}

static int
embedded_connections(int workers)
{
	return CONNECTIONS_OTHERS + workers * CONNECTIONS_OF_WORKER;
}

int
embedded_workers_max(int workers)
{
	return (embedded_connections(workers) - CONNECTIONS_OTHERS / 2) / CONNECTIONS_USED;
}

/* ---- where PostgreSQL is ---- */

static bool
bindir_usable(struct embedded *m, const char *dir)
{
	return access(embedded_path(m, dir, "postgres"), X_OK) == 0 &&
	       access(embedded_path(m, dir, "initdb"), X_OK) == 0;
}

/* Major version of a directory such as /usr/lib/postgresql/15/bin. */
static int64_t
bindir_version(const char *dir)
{
	struct span s = span_of(dir);
	int64_t v = 0;

	s = span_slice(s, strlen("/usr/lib/postgresql/"), s.n - strlen("/bin"));
	return span_i64(s, 1, 999, &v) ? v : 0;
}

/* The version that made the cluster, 0 when there is none yet. */
static int64_t
cluster_version(struct embedded *m)
{
	const int fd = open(embedded_path(m, m->pg, "PG_VERSION"), O_RDONLY | O_CLOEXEC);
	char text[16];
	const ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));
	int64_t v = 0;

	if (fd >= 0)
		(void)close(fd);
	return n > 0 && span_i64(span_trim(span_from(text, (size_t)n)), 1, 999, &v) ? v : 0;
}

/* A cluster belongs to its version; a new one gets the newest. */
static const struct err *
bindir_find(struct embedded *m)
{
	const int64_t want = cluster_version(m);
	int64_t best = 0;
	glob_t g = {0};

	if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &g) == 0) {
		for (size_t i = 0; i < g.gl_pathc; i++) {
			const int64_t v = bindir_version(g.gl_pathv[i]);

			if (v <= best || (want && v != want) ||
				!bindir_usable(m, g.gl_pathv[i]))
				continue;
			best = v;
			m->bindir = arena_cstr(m->a, span_of(g.gl_pathv[i]));
		}
	}
	globfree(&g);
	if (m->bindir)
		return NULL;
	m->bindir = PG_BINDIR; /* where it was when we were built */
	if (m->bindir[0] && bindir_usable(m, m->bindir))
		return NULL;
	if (want)
		return err_new(m->a, ERR_CONFIG,
			"the database in %s was made by PostgreSQL %d, whose programs are not "
			"here: apt-get install postgresql-%d",
			m->pg, (int)want, (int)want);
	return err_new(m->a, ERR_CONFIG,
		"PostgreSQL is not installed: apt-get install postgresql, or name a server "
		"with database { dsn = ... }");
}

/* ---- making the cluster ---- */

/* Runs a program with input for its stdin; what it prints on stdout is dropped. */
static const struct err *
embedded_exec(struct embedded *m, const char *const argv[], const char *input)
{
	int in[2], status = 0;
	const size_t n = input ? strlen(input) : 0;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) != 0)
		return err_new(m->a, ERR_INTERNAL, "no pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		sigset_t none;

		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)setenv("LC_ALL", "C", 1);
		if (dup2(in[0], 0) == 0 && dup2(null, 1) == 1)
			(void)execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	(void)close(in[0]);
	if (pid > 0 && n > 0 && write(in[1], input, n) != (ssize_t)n)
		status = -1;
	(void)close(in[1]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && status == 0)
		return NULL;
	return err_new(m->a, ERR_INTERNAL, "%s failed; what it said stands above", argv[0]);
}

static const struct err *
embedded_write(struct embedded *m, const char *path, int flags, struct span text)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	const bool ok =
		fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
	const int why = errno;

	if (fd >= 0)
		(void)close(fd);
	return ok ? NULL
		  : err_new(m->a, ERR_CONFIG, "%s cannot be written: %s", path, strerror(why));
}

/* For a hub on a small machine; the operator may change them in postgresql.conf. */
static const char embedded_settings[] = "\n# Litfass\n"
					"shared_buffers = 64MB\n"
					"effective_cache_size = 512MB\n"
					"work_mem = 8MB\n"
					"maintenance_work_mem = 64MB\n"
					"max_wal_size = 512MB\n"
					"wal_compression = on\n"
					"jit = off\n"
					"autovacuum_max_workers = 2\n"
					"max_parallel_workers_per_gather = 0\n"
					"random_page_cost = 1.1\n"
					"log_checkpoints = off\n"
					"log_line_prefix = '%m postgres[%p] '\n"
					"log_timezone = 'UTC'\n";

/* All of it beside its place, then one rename: a crash leaves a cluster or none. */
static const struct err *
cluster_make(struct embedded *m)
{
	const char *const rm[] = {"/bin/rm", "-rf", m->fresh, NULL};
	const char *const initdb[] = {embedded_path(m, m->bindir, "initdb"), "-D", m->fresh,
		"-U", "litfass", "-E", "UTF8", "--locale=C.UTF-8", "--data-checksums",
		"--auth-local=peer", "--auth-host=reject", NULL};
	const char *const single[] = {embedded_path(m, m->bindir, "postgres"), "--single", "-D",
		m->fresh, "postgres", NULL};
	const struct err *e;

	log_at(LOG_INFO, NULL, "database_init", "dir=%s bindir=%s", m->pg, m->bindir);
	e = embedded_exec(m, rm, NULL);
	if (!e)
		e = embedded_exec(m, initdb, NULL);
	/* What the server refuses us, our own log tells; races that one of two loses are none.
	 */
	if (!e)
		e = embedded_exec(m, single,
			"CREATE DATABASE litfass\n"
			"ALTER DATABASE litfass SET log_min_messages = 'log'\n");
	if (!e)
		e = embedded_write(m, embedded_path(m, m->fresh, "postgresql.conf"), O_APPEND,
			span_of(embedded_settings));
	if (!e && rename(m->fresh, m->pg) != 0)
		e = err_new(m->a, ERR_CONFIG, "%s cannot be made: %s", m->pg, strerror(errno));
	return e;
}

/* Who may connect: our account, over the socket. Written at every start: data may move. */
static const struct err *
cluster_admit(struct embedded *m)
{
	const struct err *e = embedded_write(m, embedded_path(m, m->pg, "pg_hba.conf"), O_TRUNC,
		SPAN("# Written by litfassd at every start.\n"
		     "local all all peer map=litfass\n"));

	if (e)
		return e;
	return embedded_write(m, embedded_path(m, m->pg, "pg_ident.conf"), O_TRUNC,
		arena_printf(m->a,
			"# Written by litfassd at every start.\n"
			"litfass \"%s\" litfass\n",
			m->name));
}

/* A directory in /tmp may be somebody's trap: it must be ours and closed to all others. */
static const struct err *
socket_dir_make(struct embedded *m)
{
	struct stat st;

	if (mkdir(m->run, 0700) != 0 && errno != EEXIST)
		return err_new(m->a, ERR_CONFIG, "the socket directory %s cannot be made: %s",
			m->run, strerror(errno));
	if (lstat(m->run, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
		chmod(m->run, 0700) != 0)
		return err_new(m->a, ERR_CONFIG,
			"the socket directory %s is not ours: remove it, or choose another "
			"data_dir",
			m->run);
	return NULL;
}

/* ---- a postmaster that is there already ---- */

struct postmaster {
	pid_t pid; /* 0 = none alive */
	bool ours; /* its socket is where we look for it */
	bool stopping;
	const char *original; /* alive as well, but that of the directory we are a copy of */
};

/* Is this process a PostgreSQL that works in dir? A pid alone may be reused. */
static bool
postmaster_alive(const char *dir, pid_t pid)
{
	char link[64], cwd[4096], real[4096];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/%d/cwd", (int)pid);
	n = readlink(link, cwd, sizeof(cwd) - 1);
	return n > 0 && realpath(dir, real) &&
	       span_eq(span_from(cwd, (size_t)n), span_of(real));
}

static struct postmaster
postmaster_look(struct embedded *m)
{
	const int fd = open(embedded_path(m, m->pg, "postmaster.pid"), O_RDONLY | O_CLOEXEC);
	struct postmaster out = {0};
	struct span line, rest;
	char text[4096];
	ssize_t n;
	const char *dir = "";
	int64_t pid = 0;

	if (fd < 0)
		return out;
	n = read(fd, text, sizeof(text));
	(void)close(fd);
	rest = span_from(text, n > 0 ? (size_t)n : 0);
	for (int i = 1; i <= 8 && span_cut(&rest, '\n', &line); i++) {
		if (i == 1 && !span_i64(span_trim(line), 2, INT32_MAX, &pid))
			return out;
		if (i == 2)
			dir = arena_cstr(m->a, line);
		if (i == 5)
			out.ours = span_is(line, m->run);
		if (i == 8)
			out.stopping = span_starts(line, SPAN("stopping"));
	}
	if (postmaster_alive(m->pg, (pid_t)pid))
		out.pid = (pid_t)pid;
	else if (postmaster_alive(dir, (pid_t)pid))
		out.original = dir;
	return out;
}

/*
 * PostgreSQL would only say that postmaster.pid exists. Nobody may help it by removing that:
 * the files were copied while they were being written.
 */
static const struct err *
postmaster_refuse_copy(struct embedded *m)
{
	const struct postmaster p = postmaster_look(m);

	if (!p.original)
		return NULL;
	return err_new(m->a, ERR_CONFIG,
		"%s is a copy of %s, made while the database there was running, and it still "
		"runs: such a copy is not whole; stop that hub and copy its data directory "
		"again, or restore a dump",
		m->pg, p.original);
}

/* The next of the signals that end us, 0 after LOOK_MS. They are blocked here. */
static int
embedded_pause(void)
{
	const struct timespec ts = {.tv_nsec = LOOK_MS * 1000 * 1000};
	sigset_t set;
	int signo;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGQUIT);
	signo = sigtimedwait(&set, NULL, &ts);
	return signo > 0 ? signo : 0;
}

/* Until no postmaster is left. True: we were asked to end, and so was it. */
static bool
postmaster_wait(struct embedded *m)
{
	struct postmaster p = postmaster_look(m);
	bool asked = false;

	if (p.pid && p.ours && !p.stopping)
		log_at(LOG_INFO, NULL, "database_adopted", "pid=%d", (int)p.pid);
	if (p.pid && !p.ours) {
		log_at(LOG_WARN, NULL, "database_elsewhere",
			"pid=%d text=its socket is not in %s: it is stopped and started again",
			(int)p.pid, m->run);
		(void)kill(p.pid, SIGINT);
	}
	for (; p.pid; p = postmaster_look(m)) {
		const int signo = embedded_pause();

		if (!signo)
			continue;
		asked = true;
		(void)kill(p.pid, signo == SIGQUIT ? SIGQUIT : SIGINT);
	}
	return asked || embedded_pause() != 0;
}

/* ---- becoming the postmaster ---- */

static const struct err *
embedded_become(struct embedded *m)
{
	const struct conf *c = m->conf;
	const char *postgres = embedded_path(m, m->bindir, "postgres");
	const char *const argv[] = {postgres, "-D", m->pg, "-c", "listen_addresses=", "-c",
		arena_printf(m->a, "unix_socket_directories=%s", m->run).p, "-c",
		"unix_socket_permissions=0700", "-c", "port=5432", "-c",
		arena_printf(m->a, "max_connections=%d", embedded_connections(c->workers)).p,
		NULL};
	sigset_t none;

	(void)setenv("LC_ALL", "C", 1);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)execv(postgres, (char *const *)(uintptr_t)argv);
	return err_new(m->a, ERR_CONFIG, "%s cannot be started: %s", postgres, strerror(errno));
}

static const struct err *
embedded_prepare(struct embedded *m)
{
	const struct err *e = place_check(m->a, m->conf);

	if (!e)
		e = postmaster_refuse_copy(m);
	if (!e)
		e = bindir_find(m);
	if (!e && cluster_version(m) == 0)
		e = cluster_make(m);
	if (!e)
		e = socket_dir_make(m);
	return e;
}

int
embedded_run(struct arena *a, const struct conf *c)
{
	const char *data = arena_cstr(a, c->data_dir);
	const struct passwd *pw = getpwuid(geteuid());
	struct embedded m = {
		.a = a,
		.conf = c,
		.run = arena_cstr(a, embedded_socket_dir(a, c)),
		.name = pw ? arena_cstr(a, span_of(pw->pw_name)) : "litfass",
	};
	const struct err *e;
	sigset_t set;

	m.pg = embedded_path(&m, data, "pg");
	m.fresh = embedded_path(&m, data, "pg.new");
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGQUIT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	e = embedded_prepare(&m);
	if (!e) {
		if (postmaster_wait(&m))
			return CMD_OK;
		e = cluster_admit(&m);
	}
	if (!e)
		e = embedded_become(&m);
	log_at(LOG_ERROR, NULL, "database_failed", "text=%.*s", SPAN_FMT(err_text(a, e)));
	return e->kind == ERR_CONFIG ? CMD_CONFIG : CMD_FAILED;
}
