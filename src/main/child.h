/*
 * Child: the processes that the supervisor starts, each this program again in another part,
 * with fewer rights: own session, own account, no new privileges, and an end that comes with
 * the end of its parent. A child gets the listed descriptors from 3 on and stderr, nothing
 * else.
 */
#ifndef MAIN_CHILD_H
#define MAIN_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "base/conf.h"

#define CHILD_FDS_MAX 24
#define CHILD_ARGS_MAX 24
#define CHILD_FD_FIRST 3

/* Whom children run as. */
struct runas {
	struct span name;
	uid_t uid;
	gid_t gid;
	bool drop; /* we are root and must change */
};
/* The configured account when we are root, else ourselves. ERR_CONFIG when it is missing. */
const struct err *runas_find(
	struct arena *a, const struct conf *c, struct runas *out) MUST_CHECK;

struct child_spec {
	const char *argv[CHILD_ARGS_MAX]; /* ended by NULL; argv[0] is what `ps` shows */
	int fds[CHILD_FDS_MAX];
	size_t n_fds;
	int death_signal; /* what it gets when the supervisor dies */
};
void child_arg(struct child_spec *s, const char *arg);
/* Number under which the child has it. */
int child_fd(struct child_spec *s, int fd);
/* 0 = it cannot be started, errno says why. */
pid_t child_start(const struct child_spec *s, const struct runas *as);

/*
 * HUP, USR1, TERM and INT wait from the first moment of a process until it has handlers for
 * them: none kills it, and none is lost.
 */
void child_hold_signals(void);
void child_take_signals(void);

/* For every process of ours: no core with secrets in it, nobody may trace it. */
void child_harden(void);

#endif
