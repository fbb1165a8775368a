/* The helper is this program itself, started with a mode as its argument. */
#include "task/proc.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "lib/check.h"
#include "lib/flowrun.h"

static char self[512];

/* ---- the helper's side ---- */

static bool
helper_read(char *p, size_t n)
{
	while (n > 0) {
		const ssize_t got = read(0, p, n);

		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

static void
helper_write(const char *p, size_t n)
{
	while (n > 0) {
		const ssize_t put = write(1, p, n);

		if (put <= 0)
			_exit(3);
		p += put;
		n -= (size_t)put;
	}
}

static void
helper_answer(const char *p, size_t n)
{
	const char head[4] = {(char)(n >> 24 & 255), (char)(n >> 16 & 255),
		(char)(n >> 8 & 255), (char)(n & 255)};

	helper_write(head, sizeof(head));
	helper_write(p, n);
}

static size_t
helper_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		(void)closedir(d);
	return n - 3; /* ".", ".." and the directory's own */
}

/* What the request says is what the helper does. */
static void
helper_serve(const char *request, size_t n)
{
	static char large[300000];
	char text[64];

	if (n >= 5 && memcmp(request, "crash", 5) == 0)
		_exit(9);
	if (n >= 4 && memcmp(request, "hang", 4) == 0)
		(void)pause();
	if (n >= 4 && memcmp(request, "half", 4) == 0) {
		helper_write("\0\0\0\12abc", 7);
		_exit(0);
	}
	if (n >= 4 && memcmp(request, "more", 4) == 0)
		helper_write("\0\0\0\3abcdef", 10);
	else if (n >= 4 && memcmp(request, "huge", 4) == 0)
		helper_write("\177\377\377\377", 4);
	else if (n >= 4 && memcmp(request, "long", 4) == 0)
		helper_answer(large, sizeof(large));
	else if (n >= 3 && memcmp(request, "pid", 3) == 0)
		helper_answer(text, (size_t)snprintf(text, sizeof(text), "%d", (int)getpid()));
	else if (n >= 3 && memcmp(request, "fds", 3) == 0)
		helper_answer(text,
			(size_t)snprintf(text, sizeof(text), "%zu", helper_descriptors()));
	else if (n >= 3 && memcmp(request, "env", 3) == 0)
		helper_answer(text, (size_t)snprintf(text, sizeof(text), "%s",
					    environ[0] ? environ[0] : "none"));
	else
		helper_answer(request, n);
}

static int
helper(void)
{
	static char request[1 << 20];
	unsigned char head[4];

	while (helper_read((char *)head, 4)) {
		const size_t n = (size_t)head[0] << 24 | (size_t)head[1] << 16 |
				 (size_t)head[2] << 8 | head[3];

		if (n > sizeof(request) || !helper_read(request, n))
			return 2;
		helper_serve(request, n);
	}
	return 0;
}

/* ---- our side ---- */

#define MAX_REQUEST 200000
#define MAX_REPLY 250000

static const char *const helper_argv[] = {self, "helper", NULL};

struct asker_arg {
	struct proc *proc;
	struct span request;
	const bool *gate; /* asks when it is true; NULL = at once */
};

struct asker {
	struct span reply;
};

static step_fn ask_first, ask_ask, ask_rest;
static const struct flow ask_flow = {.name = "ask",
	.size = sizeof(struct asker),
	.deadline_ms = 20000,
	.first = ask_first,
	.failed = flowrun_failed};
static const struct flow ask_short_flow = {.name = "ask.short",
	.size = sizeof(struct asker),
	.deadline_ms = 100,
	.first = ask_first,
	.failed = flowrun_failed};

static struct next
ask_first(struct task *t)
{
	const struct asker_arg *a = task_arg(t);

	return a->gate && !*a->gate ? await_sleep(t, 5, ask_first) : go(t, ask_ask);
}

static struct next
ask_ask(struct task *t)
{
	const struct asker_arg *a = task_arg(t);
	struct asker *s = task_state(t);

	return await_proc(t, a->proc, a->request, &s->reply, ask_rest);
}

static struct next
ask_rest(struct task *t)
{
	const struct asker_arg *a = task_arg(t);
	const struct asker *s = task_state(t);
	char *out = task_out(t);

	if (out)
		(void)snprintf(out, 64, "%.*s", SPAN_FMT(span_slice(s->reply, 0, 63)));
	else
		check_span(s->reply, a->request);
	return done(t);
}

static struct proc *
proc_make(struct flowrun *r, int wall_ms)
{
	const struct proc_opts o = {.argv = helper_argv,
		.max_request = MAX_REQUEST,
		.max_reply = MAX_REPLY,
		.wall_ms = wall_ms};

	return proc_new(r->loop, &o);
}

static void
ask(struct flowrun *r, struct flowrun_end *end, const struct flow *f, struct proc *p,
	struct span request, char *out)
{
	const struct asker_arg arg = {.proc = p, .request = request};

	flowrun_start(r, end, f, &arg, sizeof(arg), out);
}

/* Many at once, of all sizes: one at a time reaches the helper, each gets its own answer. */
static void
test_echo(void **state)
{
	static char body[MAX_REQUEST + 1];
	static const size_t sizes[] = {0, 1, 5, 4096, 65535, 65536, 100000, MAX_REQUEST};
	struct flowrun_end ends[ARRAY_LEN(sizes)], too_large;
	struct flowrun r;
	struct proc *p;

	(void)state;
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (char)('a' + i % 26);
	flowrun_init(&r);
	p = proc_make(&r, 10000);
	assert_int_equal(proc_pid(p), 0); /* started on first use */
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		ask(&r, &ends[i], &ask_flow, p,
			span_from(body + i, sizes[i] - (sizes[i] > i ? i : 0)), NULL);
	ask(&r, &too_large, &ask_flow, p, span_from(body, MAX_REQUEST + 1), NULL);
	flowrun_wait(&r);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		if (ends[i].failed)
			check_fail("%zu bytes: %s", sizes[i], ends[i].text);
	assert_int_equal(too_large.kind, ERR_TOO_LARGE);
	assert_true(proc_pid(p) > 0);
	proc_free(p);
	flowrun_fini(&r);
}

/* It inherits its socket twice and stderr, nothing else: no environment either. */
static void
test_inherits(void **state)
{
	struct flowrun_end end, env_end;
	struct flowrun r;
	struct proc *p;
	char out[64], env[64];

	(void)state;
	flowrun_init(&r);
	p = proc_make(&r, 10000);
	ask(&r, &end, &ask_flow, p, SPAN("fds"), out);
	ask(&r, &env_end, &ask_flow, p, SPAN("env"), env);
	flowrun_wait(&r);
	assert_false(end.failed || env_end.failed);
	assert_string_equal(out, "3");
	assert_string_equal(env, "none");
	proc_free(p);
	flowrun_fini(&r);
}

/* Whatever it does wrong: this request fails with a reason, the next one gets a new helper. */
static void
test_broken(void **state)
{
	static const struct {
		const char *request, *says;
	} cases[] = {
		{"crash", "ended unexpectedly"},
		{"hang", "did not answer in time and was killed"},
		{"half", "ended unexpectedly"},
		{"more", "sent an answer out of shape and was killed"},
		{"huge", "sent an answer out of shape and was killed"},
		{"long", "sent an answer out of shape and was killed"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct flowrun_end before, bad, after;
		char pid[3][64];
		struct flowrun r;
		struct proc *p;

		flowrun_init(&r);
		p = proc_make(&r, strcmp(cases[i].request, "hang") == 0 ? 1500 : 15000);
		ask(&r, &before, &ask_flow, p, SPAN("pid"), pid[0]);
		ask(&r, &bad, &ask_flow, p, span_of(cases[i].request), pid[1]);
		ask(&r, &after, &ask_flow, p, SPAN("pid"), pid[2]);
		flowrun_wait(&r);
		assert_false(before.failed || after.failed);
		assert_true(bad.failed);
		assert_int_equal(bad.kind, ERR_UPSTREAM);
		if (!strstr(bad.text, cases[i].says) || !strstr(bad.text, self))
			check_fail("%s: \"%s\"", cases[i].request, bad.text);
		assert_string_not_equal(pid[0], pid[2]);
		proc_free(p);
		flowrun_fini(&r);
	}
}

/* The rest grows with every crash in a row and starts anew after an answer. */
static void
test_backoff(void **state)
{
	struct flowrun_end ends[6];
	int64_t began, took;
	struct flowrun r;
	struct proc *p;
	char out[64];

	(void)state;
	flowrun_init(&r);
	p = proc_make(&r, 5000);
	began = clock_mono_ms();
	/* 100, 200 ms of rest; after the answer 100 again. */
	ask(&r, &ends[0], &ask_flow, p, SPAN("crash"), out);
	ask(&r, &ends[1], &ask_flow, p, SPAN("crash"), out);
	ask(&r, &ends[2], &ask_flow, p, SPAN("fine"), out);
	ask(&r, &ends[3], &ask_flow, p, SPAN("crash"), out);
	ask(&r, &ends[4], &ask_flow, p, SPAN("fine"), out);
	flowrun_wait(&r);
	took = clock_mono_ms() - began;
	assert_true(ends[0].failed && ends[1].failed && !ends[2].failed && ends[3].failed &&
		    !ends[4].failed);
	assert_true(took >= 400);
	proc_free(p);
	flowrun_fini(&r);
}

/* Killed by somebody while nobody waits: the next one who asks gets a new one. */
struct killing {
	struct loop_timer timer;
	struct loop *loop;
	struct proc *proc;
	const bool *idle;
	bool killed;
};

static void
kill_when_idle(void *arg)
{
	struct killing *k = arg;

	if (*k->idle)
		k->killed = kill((pid_t)proc_pid(k->proc), SIGKILL) == 0;
	else
		loop_timer_set(k->loop, &k->timer, 5, kill_when_idle, k);
}

static void
test_killed_idle(void **state)
{
	struct flowrun_end before, after;
	struct asker_arg arg = {.request = SPAN("pid")};
	struct killing k = {.idle = &before.ended};
	char pid[2][64];
	struct flowrun r;

	(void)state;
	flowrun_init(&r);
	arg.proc = k.proc = proc_make(&r, 15000);
	k.loop = r.loop;
	flowrun_start(&r, &before, &ask_flow, &arg, sizeof(arg), pid[0]);
	arg.gate = &k.killed;
	flowrun_start(&r, &after, &ask_flow, &arg, sizeof(arg), pid[1]);
	loop_timer_set(r.loop, &k.timer, 0, kill_when_idle, &k);
	flowrun_wait(&r);
	assert_true(k.killed);
	assert_false(before.failed);
	if (after.failed) /* its death was noticed only by asking it */
		assert_int_equal(after.kind, ERR_UPSTREAM);
	else
		assert_string_not_equal(pid[0], pid[1]);
	proc_free(k.proc);
	flowrun_fini(&r);
}

/* Who asked goes away in the middle: the helper is replaced, and nobody is made to rest. */
static void
test_given_up(void **state)
{
	struct flowrun_end gone, queued, next;
	int64_t began, took;
	struct flowrun r;
	struct proc *p;
	char out[64];

	(void)state;
	flowrun_init(&r);
	p = proc_make(&r, 10000);
	began = clock_mono_ms();
	ask(&r, &gone, &ask_short_flow, p, SPAN("hang"), out);
	ask(&r, &queued, &ask_short_flow, p, SPAN("queued"), out);
	ask(&r, &next, &ask_flow, p, SPAN("next"), NULL);
	flowrun_wait(&r);
	took = clock_mono_ms() - began;
	assert_int_equal(gone.kind, ERR_TIMEOUT);
	assert_int_equal(queued.kind, ERR_TIMEOUT);
	assert_false(next.failed);
	assert_true(took >= 100 && took < 5000);
	proc_free(p);
	flowrun_fini(&r);
}

struct stopper {
	struct loop_timer timer;
	struct loop *loop;
};

static void
stop_now(void *arg)
{
	struct stopper *s = arg;

	loop_stop(s->loop, 0);
}

static void
test_stop(void **state)
{
	struct flowrun_end running, queued;
	struct stopper s = {0};
	struct flowrun r;
	struct proc *p;
	int64_t pid;
	char out[64];

	(void)state;
	flowrun_init(&r);
	p = proc_make(&r, 10000);
	ask(&r, &running, &ask_flow, p, SPAN("hang"), out);
	ask(&r, &queued, &ask_flow, p, SPAN("x"), out);
	s.loop = r.loop;
	loop_timer_set(r.loop, &s.timer, 100, stop_now, &s);
	flowrun_wait(&r);
	assert_int_equal(running.kind, ERR_STOPPED);
	assert_int_equal(queued.kind, ERR_STOPPED);
	pid = proc_pid(p);
	proc_free(p);
	/* Nothing is left behind. */
	assert_true(pid == 0 || (kill((pid_t)pid, 0) != 0 && errno == ESRCH));
	flowrun_fini(&r);
}

/* A program that is not there. */
static void
test_missing(void **state)
{
	static const char *const argv[] = {"/nonexistent/helper", NULL};
	const struct proc_opts o = {
		.argv = argv, .max_request = 10, .max_reply = 10, .wall_ms = 5000};
	struct flowrun_end end;
	struct flowrun r;
	struct proc *p;
	char out[64];

	(void)state;
	flowrun_init(&r);
	p = proc_new(r.loop, &o);
	ask(&r, &end, &ask_flow, p, SPAN("x"), out);
	flowrun_wait(&r);
	assert_int_equal(end.kind, ERR_UPSTREAM);
	assert_non_null(strstr(end.text, "/nonexistent/helper"));
	proc_free(p);
	flowrun_fini(&r);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_inherits),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_killed_idle),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_missing),
	};

	if (argc > 1 && strcmp(argv[1], "helper") == 0)
		return helper();
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 99;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
