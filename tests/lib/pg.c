#include "lib/pg_run.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
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

#define DATABASES_MAX 64
#define DSN_MAX 192

void
pg_die(const char *what)
{
	fprintf(stderr, "pg: %s: %s\n", what, strerror(errno));
	exit(99);
}

void
pg_pause(void)
{
	const struct timespec ts = {.tv_nsec = 5 * 1000 * 1000};

	(void)nanosleep(&ts, NULL);
}

static const struct passwd *
pg_account(void)
{
	return geteuid() == 0 ? getpwnam("postgres") : NULL;
}

/* The child dies with this program and is nobody important. */
pid_t
pg_spawn(struct pg *p, char *const argv[])
{
	const struct passwd *pw = pg_account();
	const pid_t pid = fork();
	int fd;

	if (pid < 0)
		pg_die("fork");
	if (pid > 0)
		return pid;
	if (chdir("/") != 0)
		_exit(98);
	if (pw &&
		(setgroups(0, NULL) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0))
		_exit(98);
	(void)prctl(PR_SET_PDEATHSIG, SIGINT);
	fd = open(p->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(98);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || dup2(fd, 0) < 0)
		_exit(98);
	(void)setenv("LC_ALL", "C", 1);
	execv(argv[0], argv);
	_exit(97);
}

void
pg_init(struct pg *p)
{
	char path[320];
	char *const argv[] = {path, (char *)"-D", p->data, (char *)"-U", (char *)"litfass",
		(char *)"-E", (char *)"UTF8", (char *)"--locale=C.UTF-8",
		(char *)"--auth=trust", (char *)"--no-sync", NULL};
	int status;

	(void)snprintf(path, sizeof(path), "%s/initdb", PG_BINDIR);
	if (waitpid(pg_spawn(p, argv), &status, 0) < 0 || status != 0)
		pg_die("initdb");
}

void
pg_again(struct pg *p)
{
	char path[320], dir[160];
	char *const argv[] = {path, (char *)"-D", p->data, (char *)"-c",
		(char *)"listen_addresses=", (char *)"-c", dir, (char *)"-c",
		(char *)"fsync=off", (char *)"-c", (char *)"max_connections=200", (char *)"-c",
		(char *)"shared_buffers=16MB", NULL};
	char dsn[192];

	(void)snprintf(path, sizeof(path), "%s/postgres", PG_BINDIR);
	(void)snprintf(dir, sizeof(dir), "unix_socket_directories=%s", p->dir);
	(void)snprintf(dsn, sizeof(dsn), "host=%s dbname=postgres user=litfass", p->dir);
	for (int tries = 0; tries < 2000; tries++) {
		/* A postmaster whose predecessor's children still live ends at once: again. */
		if (p->pid == 0)
			p->pid = pg_spawn(p, argv);
		if (waitpid(p->pid, NULL, WNOHANG) == p->pid)
			p->pid = 0;
		if (PQping(dsn) == PQPING_OK)
			return;
		pg_pause();
	}
	pg_die("the server does not start");
}

static struct pg *pg_alive;

static void
pg_at_exit(void)
{
	if (pg_alive)
		pg_stop(pg_alive);
}

struct pg *
pg_new(const char *dir)
{
	struct pg *p = calloc(1, sizeof(*p));

	if (!p || !(p->dsns = calloc(DATABASES_MAX, DSN_MAX)))
		pg_die("calloc");
	(void)snprintf(p->dir, sizeof(p->dir), "%s", dir);
	(void)snprintf(p->data, sizeof(p->data), "%s/data", p->dir);
	(void)snprintf(p->log, sizeof(p->log), "%s/log", p->dir);
	pg_alive = p;
	(void)atexit(pg_at_exit);
	return p;
}

void
pg_forget(void)
{
	pg_alive = NULL;
}

/* To the account that PostgreSQL runs as. */
void
pg_give(const char *dir)
{
	const struct passwd *pw = pg_account();

	if (pw && chown(dir, pw->pw_uid, pw->pw_gid) != 0)
		pg_die("chown");
}

struct pg *
pg_start(void)
{
	char dir[] = "/tmp/litfass-pg-XXXXXX";
	struct pg *p;

	if (!mkdtemp(dir))
		pg_die("mkdtemp");
	pg_give(dir);
	p = pg_new(dir);
	pg_init(p);
	pg_again(p);
	return p;
}

static void
pg_end(struct pg *p, int signo)
{
	if (p->pid == 0)
		return;
	(void)kill(p->pid, signo);
	(void)waitpid(p->pid, NULL, 0);
	p->pid = 0;
}

void
pg_kill(struct pg *p)
{
	errno = EBUSY;
	if (p->shared)
		pg_die("others use this cluster: take one of your own with pg_start");
	pg_end(p, SIGKILL);
}

void
pg_remove(struct pg *p)
{
	char *const argv[] = {(char *)"/bin/rm", (char *)"-rf", p->dir, NULL};

	(void)waitpid(pg_spawn(p, argv), NULL, 0);
	(void)rmdir(p->dir);
}

static void
pg_drop_all(struct pg *p)
{
	const struct span admin = pg_dsn(p, "postgres");

	for (int i = 0; i < p->made; i++) {
		char sql[80];

		(void)snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS t%d_%d WITH (FORCE)",
			(int)getpid(), i);
		(void)pg_sql(admin, sql);
	}
}

void
pg_stop(struct pg *p)
{
	pg_alive = NULL;
	if (p->shared) {
		p->databases = 0;
		pg_drop_all(p);
		(void)close(p->users_fd);
	} else {
		pg_end(p, SIGQUIT);
		pg_remove(p);
	}
	free(p->dsns);
	free(p);
}

struct span
pg_dsn(struct pg *p, const char *database)
{
	char *dsn;

	if (p->databases >= DATABASES_MAX)
		pg_die("too many databases");
	dsn = p->dsns + (size_t)p->databases++ * DSN_MAX;
	(void)snprintf(dsn, DSN_MAX, "host=%s dbname=%s user=litfass", p->dir, database);
	return span_of(dsn);
}

struct span
pg_database(struct pg *p)
{
	char name[32], sql[64];
	const struct span admin = pg_dsn(p, "postgres");

	(void)snprintf(name, sizeof(name), "t%d_%d", (int)getpid(), p->made++);
	(void)snprintf(sql, sizeof(sql), "CREATE DATABASE %s", name);
	(void)pg_sql(admin, sql);
	p->databases--;
	return pg_dsn(p, name);
}

const char *
pg_socket_dir(const struct pg *p)
{
	return p->dir;
}

int64_t
pg_number(struct span dsn, const char *sql)
{
	int64_t v;

	if (!span_i64(span_of(pg_sql(dsn, sql)), INT64_MIN, INT64_MAX, &v))
		pg_die(sql);
	return v;
}

const char *
pg_sql(struct span dsn, const char *sql)
{
	static char value[65536];
	char conninfo[256];
	PGconn *pg;
	PGresult *res;

	(void)snprintf(conninfo, sizeof(conninfo), "%.*s", SPAN_FMT(dsn));
	pg = PQconnectdb(conninfo);
	res = PQexec(pg, sql);
	if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK) {
		fprintf(stderr, "pg_sql: %s: %s", sql, PQresultErrorMessage(res));
		exit(99);
	}
	value[0] = '\0';
	if (PQntuples(res) > 0 && PQnfields(res) > 0)
		(void)snprintf(value, sizeof(value), "%s", PQgetvalue(res, 0, 0));
	PQclear(res);
	PQfinish(pg);
	return value;
}
