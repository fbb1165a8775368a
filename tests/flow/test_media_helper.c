/* The real litfass-media, spoken to as the server does: what it makes, refuses and survives. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/check.h"
#include "lib/file.h"
#include "lib/hubrun.h"
#include "media/frame.h"
#include "media/webp.h"
#include "task/proc.h"

#define SECRET "Erika Musterfotografin"

static const char *const helper[] = {BUILD_DIR "/litfass-media", NULL};
static const char *const helper_quick[] = {BUILD_DIR "/litfass-media", "1", NULL};

/* ---- asking: a flow of one request, and what is left of the answer ---- */

struct ask {
	struct arena *arena; /* for the answer */
	struct span message; /* raw, instead of a request */
	struct frame_request request;
	bool kill_helper, kill_decoder; /* while it works */
	/* Answer. */
	struct frame_reply reply;
	bool understood;
	int64_t pid;
};

struct asking {
	struct ask *ask;
	struct span request, reply;
	struct loop_timer timer;
	struct loop *loop;
	struct proc *proc;
};

static step_fn ask_begin, ask_end, ask_failed;

static const struct flow ask_flow = {
	.name = "test.ask",
	.size = sizeof(struct asking),
	.deadline_ms = 60000,
	.first = ask_begin,
	.failed = ask_failed,
};

static void
ask_kill(void *arg)
{
	const struct proc *p = arg;

	assert_true(proc_pid(p) > 0);
	(void)kill((pid_t)proc_pid(p), SIGKILL);
}

/* As the kernel does when memory is short: not the helper, but what works for it. */
static void
ask_kill_decoder(void *arg)
{
	struct asking *s = arg;
	const int helper_pid = (int)proc_pid(s->proc);
	char path[64], line[64] = "";
	struct span rest, first = SPAN("");
	int64_t pid;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", helper_pid, helper_pid);
	f = fopen(path, "r");
	if (f) {
		(void)!fgets(line, sizeof(line), f);
		(void)fclose(f);
	}
	rest = span_of(line);
	(void)span_cut(&rest, ' ', &first);
	if (span_i64(first, 1, INT32_MAX, &pid))
		assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
	else
		loop_timer_set(s->loop, &s->timer, 10, ask_kill_decoder, s);
}

static struct next
ask_begin(struct task *t)
{
	struct asking *s = task_state(t);
	struct proc *p = task_env(t)->media;
	struct buf b;

	s->ask = *(struct ask *const *)task_arg(t);
	buf_init(&b, FRAME_REQUEST_MAX);
	if (!s->ask->message.p)
		frame_request_put(&b, &s->ask->request);
	s->request =
		s->ask->message.p ? s->ask->message : arena_dup(task_arena(t), buf_span(&b));
	buf_fini(&b);
	if (s->ask->kill_helper)
		loop_timer_set(task_env(t)->loop, &s->timer, 100, ask_kill, p);
	s->loop = task_env(t)->loop;
	s->proc = p;
	if (s->ask->kill_decoder)
		loop_timer_set(s->loop, &s->timer, 10, ask_kill_decoder, s);
	return await_proc(t, p, s->request, &s->reply, ask_end);
}

static struct next
ask_end(struct task *t)
{
	struct asking *s = task_state(t);
	struct ask *q = s->ask;

	loop_timer_clear(&s->timer);
	q->pid = proc_pid(task_env(t)->media);
	q->understood = frame_reply_get(arena_dup(q->arena, s->reply), &q->reply);
	return done(t);
}

static struct next
ask_failed(struct task *t)
{
	return fail(t, task_error(t));
}

static struct ask
ask_for(struct arena *a, enum frame_format format, const char *name)
{
	return (struct ask){.arena = a,
		.request = {.format = format,
			.large = 1280,
			.small = 400,
			.file = file_read(a, arena_printf(a, "media/%s", name).p)}};
}

static struct hubrun_end
ask(struct hubrun *r, struct ask *q)
{
	struct hubrun_end end;

	hubrun_start(r, &end, &ask_flow, &q, sizeof(struct ask *), NULL);
	hubrun_wait(r);
	return end;
}

/* All of them on one helper; each must be answered. */
static void
ask_all(const char *const *argv, struct ask *q, size_t n)
{
	const struct hubrun_opts o = {.helper = argv, .helper_wall_ms = FRAME_WALL_MS};
	struct hubrun_end *ends = xcalloc(n, sizeof(*ends));
	struct hubrun r;

	hubrun_init(&r, &o);
	for (size_t i = 0; i < n; i++) {
		struct ask *one = &q[i];

		hubrun_start(&r, &ends[i], &ask_flow, &one, sizeof(struct ask *), NULL);
	}
	hubrun_wait(&r);
	hubrun_fini(&r);
	for (size_t i = 0; i < n; i++) {
		if (ends[i].failed)
			check_fail("%s", ends[i].text);
		assert_true(q[i].understood);
	}
	free(ends);
}

/* ---- what it makes ---- */

static const char *const traces[] = {SECRET, "Exif", "EXIF", "XMP", "ns.adobe", "8BIM", "ICCP",
	"ICC_PROFILE", "acsp", "taken by", "<script", "<?php", "PK\x03\x04"};

static void
check_clean(const char *name, struct span file)
{
	if (!webp_pixels_only(file))
		check_fail("%s: more than pixels in what was made", name);
	for (size_t i = 0; i < ARRAY_LEN(traces); i++)
		if (span_has(file, span_of(traces[i])))
			check_fail("%s: \"%s\" is left in what was made", name, traces[i]);
}

/* Mean colour as the blurhash tells it. */
static unsigned
mean_colour(struct span hash)
{
	static const char alphabet[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"#$%*+,-.:;=?@[]^_{|}~";
	unsigned v = 0;

	for (size_t i = 2; i < 6; i++)
		v = v * 83 + (unsigned)(strchr(alphabet, hash.p[i]) - alphabet);
	return v;
}

static bool
colour_near(unsigned got, unsigned want)
{
	for (int shift = 0; shift < 24; shift += 8) {
		int d = (int)(got >> shift & 255) - (int)(want >> shift & 255);

		if (d < -12 || d > 12)
			return false;
	}
	return true;
}

static void
test_good(void **state)
{
	/* The mean colours are those of the sources, in linear light. */
	static const struct {
		const char *name;
		enum frame_format format;
		int width, height, small_width, small_height;
		unsigned mean;
	} cases[] = {
		/* Lying on its side: Exif says how to turn it, and is obeyed before it goes. */
		{"everywhere.jpg", FRAME_JPEG, 720, 1280, 225, 400, 0x9e96a1},
		{"cmyk.jpg", FRAME_JPEG, 640, 400, 400, 250, 0x5d5153},
		{"profile.jpg", FRAME_JPEG, 320, 200, 320, 200, 0x9d9fac},
		{"polyglot.jpg", FRAME_JPEG, 320, 200, 320, 200, 0x9d9fac},
		{"deep.png", FRAME_PNG, 500, 300, 400, 240, 0x8d8b64},
		{"animated.gif", FRAME_GIF, 120, 90, 120, 90, 0x729f97},
		{"metadata.webp", FRAME_WEBP, 600, 420, 400, 280, 0x2080c0},
	};
	struct arena *a = arena_new();
	struct ask q[ARRAY_LEN(cases)];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		q[i] = ask_for(a, cases[i].format, cases[i].name);
	ask_all(helper, q, ARRAY_LEN(cases));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct frame_reply *r = &q[i].reply;

		if (r->status != FRAME_DONE)
			check_fail("%s: %.*s", cases[i].name, SPAN_FMT(r->reason));
		assert_int_equal(r->large_size.width, cases[i].width);
		assert_int_equal(r->large_size.height, cases[i].height);
		assert_int_equal(r->small_size.width, cases[i].small_width);
		assert_int_equal(r->small_size.height, cases[i].small_height);
		check_clean(cases[i].name, r->large);
		check_clean(cases[i].name, r->small);
		assert_int_equal(r->blurhash.n, 28);
		if (!colour_near(mean_colour(r->blurhash), cases[i].mean))
			check_fail("%s: mean %06x", cases[i].name, mean_colour(r->blurhash));
	}
	arena_free(a);
}

/* What it made is read back by itself: a picture of the same size and colours. */
static void
test_read_back(void **state)
{
	struct arena *a = arena_new();
	struct ask q = ask_for(a, FRAME_PNG, "deep.png"), again = {.arena = a};

	(void)state;
	ask_all(helper, &q, 1);
	assert_int_equal(q.reply.status, FRAME_DONE);
	again.request = (struct frame_request){
		.format = FRAME_WEBP, .large = 500, .small = 400, .file = q.reply.large};
	ask_all(helper, &again, 1);
	assert_int_equal(again.reply.status, FRAME_DONE);
	assert_int_equal(again.reply.large_size.width, 500);
	assert_int_equal(again.reply.large_size.height, 300);
	assert_true(
		colour_near(mean_colour(again.reply.blurhash), mean_colour(q.reply.blurhash)));
	arena_free(a);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *name;
		enum frame_format format;
		const char *says;
	} cases[] = {
		{"truncated.jpg", FRAME_JPEG, "Premature end"},
		{"damaged.png", FRAME_PNG, "cannot be decoded"},
		{"bomb.png", FRAME_PNG, "30000 x 30000 pixels"},
		{"frames.gif", FRAME_GIF, "201 frames"},
		/* The server would not hand these over; the helper does not rely on that. */
		{"archive.jpg", FRAME_JPEG, "header cannot be read"},
		{"archive.jpg", FRAME_PNG, "header cannot be read"},
		{"archive.jpg", FRAME_GIF, "header cannot be read"},
		{"archive.jpg", FRAME_WEBP, "header cannot be read"},
		{"drawing.svg", FRAME_PNG, "header cannot be read"},
		{"deep.png", FRAME_JPEG, "header cannot be read"},
		{"everywhere.jpg", FRAME_WEBP, "header cannot be read"},
	};
	struct arena *a = arena_new();
	struct ask q[ARRAY_LEN(cases)];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		q[i] = ask_for(a, cases[i].format, cases[i].name);
	ask_all(helper, q, ARRAY_LEN(cases));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct frame_reply *r = &q[i].reply;

		if (r->status != FRAME_REFUSED || !span_has(r->reason, span_of(cases[i].says)))
			check_fail("%s: status %d, %.*s", cases[i].name, r->status,
				SPAN_FMT(r->reason));
	}
	arena_free(a);
}

static void
test_no_request(void **state)
{
	static const char *const messages[] = {"", "\1", "\1\1\5", "nonsense"};
	struct arena *a = arena_new();
	struct ask q[ARRAY_LEN(messages)];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(messages); i++)
		q[i] = (struct ask){.arena = a, .message = span_of(messages[i])};
	ask_all(helper, q, ARRAY_LEN(messages));
	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		assert_int_equal(q[i].reply.status, FRAME_FAILED);
		assert_true(span_has(q[i].reply.reason, SPAN("does not understand")));
	}
	arena_free(a);
}

/* ---- what it survives ---- */

/* The scans of the file over and over: a small file that asks for minutes of work. */
static struct ask
ask_for_ever(struct arena *a)
{
	struct ask q = ask_for(a, FRAME_JPEG, "scans.jpg");
	const struct span file = q.request.file;
	/* The first scan, of the means, is needed once; the others are short. */
	const size_t first = span_find(file, SPAN("\xff\xda")) + 2;
	const size_t head =
		first + span_find(span_slice(file, first, file.n), SPAN("\xff\xda"));
	const struct span scans = span_slice(file, head, file.n - 2);
	const size_t times = 2000;
	char *p = arena_alloc(a, head + times * scans.n + 2);

	memcpy(p, file.p, head);
	for (size_t i = 0; i < times; i++)
		memcpy(p + head + i * scans.n, scans.p, scans.n);
	memcpy(p + head + times * scans.n, "\xff\xd9", 2);
	q.request.file = span_from(p, head + times * scans.n + 2);
	return q;
}

/* Two requests on one helper, one after the other. */
static void
ask_twice(const char *const *argv, int wall_ms, struct ask *first, struct ask *second,
	struct hubrun_end ends[2])
{
	const struct hubrun_opts o = {.helper = argv, .helper_wall_ms = wall_ms};
	struct hubrun r;

	hubrun_init(&r, &o);
	hubrun_start(&r, &ends[0], &ask_flow, &first, sizeof(struct ask *), NULL);
	hubrun_start(&r, &ends[1], &ask_flow, &second, sizeof(struct ask *), NULL);
	hubrun_wait(&r);
	hubrun_fini(&r);
}

/* The process that decodes it is ended, the helper goes on. */
static void
test_cpu_limit(void **state)
{
	struct arena *a = arena_new();
	struct ask bomb = ask_for_ever(a), good = ask_for(a, FRAME_GIF, "animated.gif");
	struct hubrun_end ends[2];

	(void)state;
	ask_twice(helper_quick, FRAME_WALL_MS, &bomb, &good, ends);
	assert_false(ends[0].failed || ends[1].failed);
	assert_int_equal(bomb.reply.status, FRAME_REFUSED);
	check_span(bomb.reply.reason, SPAN("decoding it takes too long"));
	assert_int_equal(good.reply.status, FRAME_DONE);
	assert_int_equal(bomb.pid, good.pid);
	arena_free(a);
}

/* Too late an answer: the server ends the helper, nothing is left of it, the next one serves.
 */
static void
test_wall_limit(void **state)
{
	struct arena *a = arena_new();
	struct ask bomb = ask_for_ever(a), good = ask_for(a, FRAME_GIF, "animated.gif");
	struct hubrun_end ends[2];
	const struct timespec pause = {.tv_nsec = 10000000};
	int status, tries = 0;
	pid_t pid;

	(void)state;
	/* Orphans come to us, so that we see whether the decoding process goes as well. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	ask_twice(helper, 1500, &bomb, &good, ends);
	assert_true(ends[0].failed);
	assert_int_equal(ends[0].kind, ERR_UPSTREAM);
	if (!strstr(ends[0].text, "did not answer in time"))
		check_fail("%s", ends[0].text);
	/* It may be slow on a busy machine; what counts is that it was asked and answered. */
	assert_true(!ends[1].failed || ends[1].kind == ERR_UPSTREAM);
	while ((pid = waitpid(-1, &status, WNOHANG)) == 0 && tries++ < 500)
		(void)nanosleep(&pause, NULL);
	if (pid > 0)
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_true(pid > 0 || errno == ECHILD);
	while (waitpid(-1, &status, WNOHANG) > 0)
		;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
	arena_free(a);
}

static void
test_killed(void **state)
{
	struct arena *a = arena_new();
	struct ask slow = ask_for_ever(a), good = ask_for(a, FRAME_GIF, "animated.gif");
	struct hubrun_end ends[2];

	(void)state;
	slow.kill_helper = true;
	ask_twice(helper, FRAME_WALL_MS, &slow, &good, ends);
	assert_true(ends[0].failed);
	assert_int_equal(ends[0].kind, ERR_UPSTREAM);
	assert_false(ends[1].failed);
	assert_int_equal(good.reply.status, FRAME_DONE);
	arena_free(a);
}

/* Nobody knows whether the picture is to blame: it may be tried again. */
static void
test_decoder_killed(void **state)
{
	struct arena *a = arena_new();
	struct ask slow = ask_for_ever(a), good = ask_for(a, FRAME_GIF, "animated.gif");
	struct hubrun_end ends[2];

	(void)state;
	slow.kill_decoder = true;
	ask_twice(helper, FRAME_WALL_MS, &slow, &good, ends);
	assert_false(ends[0].failed || ends[1].failed);
	assert_int_equal(slow.reply.status, FRAME_FAILED);
	assert_true(span_has(slow.reply.reason, SPAN("interrupted")));
	assert_int_equal(good.reply.status, FRAME_DONE);
	assert_int_equal(slow.pid, good.pid);
	arena_free(a);
}

static void
test_missing(void **state)
{
	static const char *const nobody[] = {"/nonexistent/litfass-media", NULL};
	struct arena *a = arena_new();
	struct ask q = ask_for(a, FRAME_GIF, "animated.gif");
	const struct hubrun_opts o = {.helper = nobody, .helper_wall_ms = FRAME_WALL_MS};
	struct hubrun_end end;
	struct hubrun r;

	(void)state;
	hubrun_init(&r, &o);
	end = ask(&r, &q);
	hubrun_fini(&r);
	assert_true(end.failed);
	assert_int_equal(end.kind, ERR_UPSTREAM);
	arena_free(a);
}

/* ---- what it has ---- */

static bool
proc_says(int64_t pid, const char *file, const char *line)
{
	char path[64], got[512];
	bool found = false;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	f = fopen(path, "r");
	assert_non_null(f);
	while (!found && fgets(got, sizeof(got), f))
		found = strncmp(got, line, strlen(line)) == 0;
	(void)fclose(f);
	return found;
}

static int
proc_descriptors(int64_t pid)
{
	char path[64];
	int n = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	(void)closedir(d);
	return n;
}

static int64_t
file_size(int64_t pid, const char *file)
{
	char path[64], got[4096];
	int64_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	f = fopen(path, "r");
	assert_non_null(f);
	n = (int64_t)fread(got, 1, sizeof(got), f);
	(void)fclose(f);
	return n;
}

static step_fn look_begin, look_at;

static const struct flow look_flow = {
	.name = "test.look",
	.size = sizeof(struct asking),
	.deadline_ms = 60000,
	.first = look_begin,
	.failed = ask_failed,
};

static struct next
look_begin(struct task *t)
{
	struct asking *s = task_state(t);

	s->request = SPAN("x");
	return await_proc(t, task_env(t)->media, s->request, &s->reply, look_at);
}

static struct next
look_at(struct task *t)
{
	const int64_t pid = proc_pid(task_env(t)->media);

	assert_true(proc_says(pid, "status", "NoNewPrivs:\t1\n"));
	assert_true(proc_says(pid, "status", "Seccomp:\t2\n"));
	assert_true(proc_says(pid, "status", "Threads:\t1\n"));
	assert_true(
		proc_says(pid, "limits", "Max file size             0                    0 "));
	assert_true(
		proc_says(pid, "limits", "Max core file size        0                    0 "));
	assert_true(
		proc_says(pid, "limits", "Max open files            16                   16"));
#ifndef __SANITIZE_ADDRESS__
	assert_true(proc_says(
		pid, "limits", "Max address space         536870912            536870912"));
#endif
	assert_int_equal(proc_descriptors(pid), 3);
	/* Nothing of our environment, where secrets may stand. */
	assert_int_equal(file_size(pid, "environ"), 0);
	return done(t);
}

static void
test_confined(void **state)
{
	const struct hubrun_opts o = {.helper = helper, .helper_wall_ms = FRAME_WALL_MS};
	struct hubrun_end end;
	struct hubrun r;

	(void)state;
	assert_int_equal(setenv("LITFASS_SECRET", "geheim", 1), 0);
	hubrun_init(&r, &o);
	hubrun_start(&r, &end, &look_flow, NULL, 0, NULL);
	hubrun_wait(&r);
	hubrun_fini(&r);
	if (end.failed)
		check_fail("%s", end.text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_read_back),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_request),
		cmocka_unit_test(test_cpu_limit),
		cmocka_unit_test(test_wall_limit),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_decoder_killed),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_confined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
