#include "main/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

const struct err *
runas_find(struct arena *a, const struct conf *c, struct runas *out)
{
	const bool root = geteuid() == 0;
	const struct passwd *pw = root ? getpwnam(arena_cstr(a, c->user)) : getpwuid(geteuid());

	if (!root) {
		*out = (struct runas){.uid = geteuid(), .gid = getegid()};
		out->name = pw ? arena_dup(a, span_of(pw->pw_name))
			       : arena_printf(a, "%u", (unsigned)geteuid());
		return NULL;
	}
	if (!pw)
		return err_new(a, ERR_CONFIG,
			"%.*s: user: there is no account \"%.*s\" for the workers and "
			"PostgreSQL; create it with `useradd --system --user-group "
			"--no-create-home --shell /usr/sbin/nologin %.*s`, or name another",
			SPAN_FMT(c->path), SPAN_FMT(c->user), SPAN_FMT(c->user));
	if (pw->pw_uid == 0)
		return err_new(a, ERR_CONFIG,
			"%.*s: user: workers and PostgreSQL must not run as root; name an "
			"account of their own",
			SPAN_FMT(c->path));
	*out = (struct runas){
		.name = arena_dup(a, c->user),
		.uid = pw->pw_uid,
		.gid = pw->pw_gid,
		.drop = true,
	};
	return NULL;
}

void
child_arg(struct child_spec *s, const char *arg)
{
	size_t n = 0;

	while (s->argv[n])
		n++;
	assert(n + 1 < CHILD_ARGS_MAX);
	s->argv[n] = arg;
}

int
child_fd(struct child_spec *s, int fd)
{
	assert(s->n_fds < CHILD_FDS_MAX);
	s->fds[s->n_fds++] = fd;
	return CHILD_FD_FIRST + (int)s->n_fds - 1;
}

/* Up and out of the way first: a descriptor may stand where another one belongs. */
static bool
child_place_fds(const struct child_spec *s)
{
	const int above = CHILD_FD_FIRST + CHILD_FDS_MAX;
	int high[CHILD_FDS_MAX];
	int null;

	for (size_t i = 0; i < s->n_fds; i++)
		if ((high[i] = fcntl(s->fds[i], F_DUPFD_CLOEXEC, above)) < 0)
			return false;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0)
		return false;
	for (size_t i = 0; i < s->n_fds; i++)
		if (dup2(high[i], CHILD_FD_FIRST + (int)i) < 0)
			return false;
	return close_range(CHILD_FD_FIRST + (unsigned)s->n_fds, ~0U, 0) == 0;
}

static bool
child_drop(const struct runas *as)
{
	const char *name = as->name.p; /* NUL-terminated by arena_dup */

	if (!as->drop)
		return true;
	return initgroups(name, as->gid) == 0 && setresgid(as->gid, as->gid, as->gid) == 0 &&
	       setresuid(as->uid, as->uid, as->uid) == 0 && setuid(0) != 0;
}

static void
child_signal_set(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGHUP);
	(void)sigaddset(set, SIGUSR1);
	(void)sigaddset(set, SIGTERM);
	(void)sigaddset(set, SIGINT);
}

void
child_hold_signals(void)
{
	sigset_t set;

	child_signal_set(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

void
child_take_signals(void)
{
	sigset_t set;

	child_signal_set(&set);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static _Noreturn void
child_become(const struct child_spec *s, const struct runas *as, pid_t parent)
{
	sigset_t set;

	/* All are blocked since before the fork; the program that we become lets these in. */
	child_signal_set(&set);
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
	/* A session of its own: Ctrl-C reaches the supervisor only, which stops in order. */
	if (setsid() < 0 || chdir("/") != 0 || !child_place_fds(s) || !child_drop(as))
		_exit(126);
	/* A change of account has cleared it, so it comes after that. */
	if (prctl(PR_SET_PDEATHSIG, s->death_signal) != 0 || getppid() != parent)
		_exit(126);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)unsetenv("NOTIFY_SOCKET");
	(void)execv("/proc/self/exe", (char *const *)(uintptr_t)s->argv);
	_exit(127);
}

pid_t
child_start(const struct child_spec *s, const struct runas *as)
{
	const pid_t parent = getpid();
	sigset_t all, was;
	pid_t pid;
	int why;

	/* Our handlers are still the child's: a signal for it would be told to our own loop. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &was);
	pid = fork();
	if (pid == 0)
		child_become(s, as, parent);
	why = errno;
	(void)sigprocmask(SIG_SETMASK, &was, NULL);
	errno = why;
	return pid < 0 ? 0 : pid;
}

void
child_harden(void)
{
	const struct rlimit no_core = {0};
	struct rlimit fds;

	(void)setrlimit(RLIMIT_CORE, &no_core);
	if (getrlimit(RLIMIT_NOFILE, &fds) == 0) {
		fds.rlim_cur = fds.rlim_max > 65536 ? 65536 : fds.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &fds);
	}
#ifndef __SANITIZE_ADDRESS__ /* the leak checker traces its own process */
	(void)prctl(PR_SET_DUMPABLE, 0);
#endif
}
