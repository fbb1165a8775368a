/* The helper's sandbox bites: each attempt in a process of its own, in both stages. */
#include "lib/check.h"
#include "media/helper/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* How an attempt ends: 0 = it worked, otherwise errno, or -signal. */
typedef int attempt(void);

static int tmp_fd; /* an open regular file */

static int
result(long r)
{
	return r < 0 ? errno : 0;
}

static int
try_read_file(void)
{
	return result(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int
try_write_file(void)
{
	return result(open("/tmp/litfass-sandbox", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int
try_grow_file(void)
{
	return result(write(tmp_fd, "x", 1));
}

static int
try_unlink(void)
{
	return result(unlink("/tmp/litfass-sandbox"));
}

static int
try_socket(void)
{
	return result(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int
try_exec(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return errno;
}

static int
try_ptrace(void)
{
	return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int
try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return result(pid);
}

static int
try_namespace(void)
{
	return result(unshare(CLONE_NEWUSER));
}

static int
try_kill(void)
{
	return result(kill(getppid(), 0));
}

static int
try_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int
try_memory(void)
{
	void *p = mmap(
		NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int
try_much_memory(void)
{
	void *p = mmap(
		NULL, 600ul << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int
try_more_cpu(void)
{
	const struct rlimit r = {RLIM_INFINITY, RLIM_INFINITY};

	return result(setrlimit(RLIMIT_CPU, &r));
}

static int
try_prctl(void)
{
	return result(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static void *
thread_main(void *arg)
{
	return arg;
}

static int
try_thread(void)
{
	pthread_t t;
	int e = pthread_create(&t, NULL, thread_main, NULL);

	return e ? e : pthread_join(t, NULL);
}

static int
try_forever(void)
{
	volatile unsigned i = 0;

	while (i < UINT32_MAX)
		i = (i + 1) % 1000;
	return 0;
}

/* Ends like a process of the helper does. */
static int
outcome(enum sandbox_stage stage, attempt *fn)
{
	const pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (!sandbox_enter(SANDBOX_HELPER, 0) ||
			(stage == SANDBOX_DECODER && !sandbox_enter(SANDBOX_DECODER, 1)))
			_exit(255);
		_exit(fn());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return -WTERMSIG(status);
	if (WEXITSTATUS(status) == 255)
		check_fail("the sandbox cannot be entered");
	return WEXITSTATUS(status);
}

static void
test_attempts(void **state)
{
	static const struct {
		const char *what;
		attempt *fn;
		int in_helper, in_decoder;
	} cases[] = {
		{"read a file", try_read_file, EPERM, EPERM},
		{"write a file", try_write_file, EPERM, EPERM},
		{"let an open file grow", try_grow_file, -SIGXFSZ, -SIGXFSZ},
		{"remove a file", try_unlink, EPERM, EPERM},
		{"open a socket", try_socket, -SIGSYS, -SIGSYS},
		{"run a program", try_exec, -SIGSYS, -SIGSYS},
		{"trace", try_ptrace, -SIGSYS, -SIGSYS},
		{"start a process", try_fork, 0, EPERM},
		{"have a name space", try_namespace, EPERM, EPERM},
		{"signal another process", try_kill, 0, EPERM},
		{"make code", try_code, EPERM, EPERM},
		{"take more CPU", try_more_cpu, 0, EPERM},
		{"change itself", try_prctl, 0, EPERM},
		{"use memory", try_memory, 0, 0},
		{"use a thread", try_thread, 0, 0},
	};
	FILE *tmp = tmpfile();

	(void)state;
	assert_non_null(tmp);
	tmp_fd = fileno(tmp);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int h = outcome(SANDBOX_HELPER, cases[i].fn);
		int d = outcome(SANDBOX_DECODER, cases[i].fn);

		if (h != cases[i].in_helper || d != cases[i].in_decoder)
			check_fail("%s: helper %d (want %d), decoder %d (want %d)",
				cases[i].what, h, cases[i].in_helper, d, cases[i].in_decoder);
	}
	(void)fclose(tmp);
}

static void
test_limits(void **state)
{
	(void)state;
	assert_int_equal(outcome(SANDBOX_DECODER, try_forever), -SIGXCPU);
#ifdef __SANITIZE_ADDRESS__
	assert_int_equal(outcome(SANDBOX_DECODER, try_much_memory), 0);
#else
	assert_int_equal(outcome(SANDBOX_DECODER, try_much_memory), ENOMEM);
#endif
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attempts),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
