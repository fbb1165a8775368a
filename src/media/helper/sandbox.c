#include "media/helper/sandbox.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SANDBOX_MEMORY (512ul << 20)
#define SANDBOX_FILES 16

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

/* ---- limits ---- */

static bool
limit(int what, rlim_t value, rlim_t most)
{
	const struct rlimit r = {.rlim_cur = value, .rlim_max = most};

	return setrlimit((__rlimit_resource_t)what, &r) == 0;
}

/* ---- Landlock: the rules of the kernel's documentation, by version of its interface ---- */

struct sandbox_ruleset {
	uint64_t fs, net;
};

static bool
landlock(void)
{
	/* Everything that the first version knows, then REFER, TRUNCATE, IOCTL_DEV. */
	struct sandbox_ruleset rules = {.fs = (1u << 13) - 1};
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	size_t size = sizeof(rules.fs);
	int fd;

	if (version < 1)
		return true;
	if (version >= 2)
		rules.fs |= 1u << 13;
	if (version >= 3)
		rules.fs |= 1u << 14;
	if (version >= 5)
		rules.fs |= 1u << 15;
	if (version >= 4) {
		rules.net = 3; /* TCP bind and connect */
		size = sizeof(rules);
	}
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (fd < 0)
		return false;
	if (syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		return false;
	return close(fd) == 0;
}

/* ---- seccomp ---- */

/* What memory, threads, time and the one pipe need; found by running it under strace. */
static const int always[] = {
	SCMP_SYS(brk),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(close),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(futex),
	SCMP_SYS(getcpu),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(gettid),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(nanosleep),
	SCMP_SYS(read),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rseq),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(write),
};

/* What the helper needs besides, to have each picture decoded in a process of its own. */
static const int helper_only[] = {
	SCMP_SYS(getppid),
	SCMP_SYS(kill),
	SCMP_SYS(pipe2),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(prctl),
	SCMP_SYS(prlimit64),
	SCMP_SYS(seccomp),
	SCMP_SYS(setrlimit),
	SCMP_SYS(wait4),
};

/* Nothing here asks for these, not even in vain. */
static const int fatal[] = {
	SCMP_SYS(bind),
	SCMP_SYS(bpf),
	SCMP_SYS(connect),
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(mount),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(ptrace),
	SCMP_SYS(socket),
	SCMP_SYS(socketpair),
	SCMP_SYS(userfaultfd),
};

static bool
add_all(scmp_filter_ctx f, uint32_t action, const int *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (seccomp_rule_add(f, action, list[i], 0) != 0)
			return false;
	return true;
}

static bool
add_one(scmp_filter_ctx f, int call, struct scmp_arg_cmp condition)
{
	return seccomp_rule_add_array(f, SCMP_ACT_ALLOW, call, 1, &condition) == 0;
}

/* No memory is ever both written and run; a thread is allowed, a name space of one's own not.
 */
static bool
add_rules(scmp_filter_ctx f, enum sandbox_stage stage)
{
	const scmp_datum_t spaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
				    CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
	bool ok = add_all(f, SCMP_ACT_ALLOW, always, ARRAY_LEN(always)) &&
		  add_all(f, SCMP_ACT_KILL_PROCESS, fatal, ARRAY_LEN(fatal)) &&
		  add_one(f, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) &&
		  add_one(f, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) &&
		  seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;

	if (!ok || stage == SANDBOX_DECODER)
		return ok && add_one(f, SCMP_SYS(clone),
				     SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	return add_all(f, SCMP_ACT_ALLOW, helper_only, ARRAY_LEN(helper_only)) &&
	       add_one(f, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, spaces, 0));
}

static bool
filter(enum sandbox_stage stage)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	bool ok = f && add_rules(f, stage) && seccomp_load(f) == 0;

	seccomp_release(f);
	return ok;
}

bool
sandbox_enter(enum sandbox_stage stage, unsigned cpu_s)
{
	/* The softer limit has a signal of its own, which tells why it ended. */
	if (stage == SANDBOX_DECODER)
		return limit(RLIMIT_CPU, cpu_s, cpu_s + 1) && filter(stage);
	return limit(RLIMIT_CORE, 0, 0) && limit(RLIMIT_FSIZE, 0, 0) &&
	       limit(RLIMIT_NOFILE, SANDBOX_FILES, SANDBOX_FILES) &&
	       (SANDBOX_SANITIZED || limit(RLIMIT_AS, SANDBOX_MEMORY, SANDBOX_MEMORY)) &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && landlock() && filter(stage);
}
