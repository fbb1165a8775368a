/*
 * One cluster for all test programs of a run. Whoever comes first starts it under a lock and
 * leaves a keeper behind; every program holds a shared lock on `users` for as long as it lives,
 * however it ends. When nobody has held it for a while, the keeper ends the cluster, removes
 * it, and ends itself.
 *
 * LITFASS_TEST_PG, set by the makefile, is the build directory: the locks stand there. The
 * cluster does not, because the account that runs it may not be let in.
 */
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/pg_run.h"

#define KEEPER_LOOKS 5 /* milliseconds, see pg_pause */
#define KEEPER_PATIENCE (3000 / KEEPER_LOOKS)

struct shared {
	char dir[64]; /* of the cluster */
	char lock[4096], users[4096];
};

static int
shared_open(const char *path)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		pg_die(path);
	errno = EPERM;
	if (st.st_uid != geteuid())
		pg_die(path);
	return fd;
}

static void
shared_names(struct shared *s, const char *key)
{
	uint32_t h = 2166136261u;

	for (const char *p = key; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	(void)snprintf(
		s->dir, sizeof(s->dir), "/tmp/litfass-pg-%u-%08x", (unsigned)geteuid(), h);
	(void)snprintf(s->lock, sizeof(s->lock), "%s/tests/pg.lock", key);
	(void)snprintf(s->users, sizeof(s->users), "%s/tests/pg.users", key);
}

static bool
shared_answers(const struct pg *p)
{
	char dsn[192];

	(void)snprintf(dsn, sizeof(dsn), "host=%s dbname=postgres user=litfass", p->dir);
	return PQping(dsn) == PQPING_OK;
}

/* The keeper's life. It holds none of our descriptors, least of all a pipe to make. */
static _Noreturn void
shared_keep(const struct shared *s, struct pg *p, int ready)
{
	int lock, users, quiet = 0;

	(void)setsid();
	pg_forget();
	pg_init(p);
	pg_again(p);
	if (write(ready, "", 1) != 1)
		quiet = KEEPER_PATIENCE;
	(void)close(ready);
	lock = shared_open(s->lock);
	users = shared_open(s->users);
	while (waitpid(p->pid, NULL, WNOHANG) == 0) {
		const bool idle = flock(users, LOCK_EX | LOCK_NB) == 0;

		quiet = idle ? quiet + 1 : 0;
		/* Nobody may come while we go. */
		if (quiet > KEEPER_PATIENCE && flock(lock, LOCK_EX | LOCK_NB) == 0)
			break;
		if (idle)
			(void)flock(users, LOCK_UN);
		pg_pause();
	}
	(void)kill(p->pid, SIGQUIT);
	(void)waitpid(p->pid, NULL, 0);
	pg_remove(p);
	_exit(0);
}

static void
shared_launch(const struct shared *s, struct pg *p)
{
	int ready[2], null;
	char c;

	/* Left behind by a keeper that was killed. */
	pg_remove(p);
	if (mkdir(p->dir, 0700) != 0 || pipe2(ready, O_CLOEXEC) != 0)
		pg_die(p->dir);
	pg_give(p->dir);
	switch (fork()) {
	case -1:
		pg_die("fork");
	case 0:
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		for (int fd = 0; fd < 3; fd++)
			(void)dup2(null, fd);
		if (ready[1] != 3)
			(void)dup3(ready[1], 3, O_CLOEXEC);
		(void)close_range(4, ~0U, 0);
		shared_keep(s, p, 3);
	default:
		(void)close(ready[1]);
		if (read(ready[0], &c, 1) != 1)
			pg_die("the shared cluster does not start");
		(void)close(ready[0]);
	}
}

struct pg *
pg_shared(void)
{
	const char *key = getenv("LITFASS_TEST_PG");
	struct shared s;
	struct pg *p;
	int lock;

	if (!key || !key[0])
		return pg_start();
	shared_names(&s, key);
	p = pg_new(s.dir);
	p->shared = true;
	p->users_fd = shared_open(s.users);
	lock = shared_open(s.lock);
	if (flock(lock, LOCK_EX) != 0 || flock(p->users_fd, LOCK_SH) != 0)
		pg_die("flock");
	if (!shared_answers(p))
		shared_launch(&s, p);
	(void)close(lock);
	return p;
}
