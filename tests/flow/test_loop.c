#include "task/loop.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metric.h"
#include "lib/capture.h"
#include "lib/check.h"
#include "lib/flowrun.h"
#include "task/task.h"

/* A flow that keeps the loop alive for ms of the run's clock. */
static step_fn wait_first, wait_rest;
static const struct flow wait_flow = {.name = "wait",
	.size = 1,
	.deadline_ms = 100000000,
	.first = wait_first,
	.failed = flowrun_failed};

static struct next
wait_first(struct task *t)
{
	return await_sleep(t, *(const int *)task_arg(t), wait_rest);
}

static struct next
wait_rest(struct task *t)
{
	return done(t);
}

/* ---- timers ---- */

static int64_t timers_began;

struct named_timer {
	struct loop_timer timer;
	char name[8];
};

static void
timer_fired(void *arg)
{
	const struct named_timer *n = arg;
	char text[32];

	(void)snprintf(
		text, sizeof(text), "%s@%d", n->name, (int)(clock_mono_ms() - timers_began));
	flowrun_note(text);
}

static void
test_timers(void **state)
{
	static struct named_timer a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"},
				  d = {.name = "d"}, e = {.name = "e"};
	const int ms = 1000;
	struct flowrun_end end;
	struct flowrun r;

	(void)state;
	flowrun_init_fake(&r);
	timers_began = clock_mono_ms();
	loop_timer_set(r.loop, &a.timer, 30, timer_fired, &a);
	loop_timer_set(r.loop, &b.timer, 10, timer_fired, &b);
	loop_timer_set(r.loop, &c.timer, 20, timer_fired, &c);
	loop_timer_set(r.loop, &d.timer, -5, timer_fired, &d); /* now */
	loop_timer_set(r.loop, &e.timer, 15, timer_fired, &e);
	loop_timer_set(r.loop, &b.timer, 40, timer_fired, &b); /* again: later */
	loop_timer_clear(&e.timer);
	loop_timer_clear(&e.timer); /* twice does no harm */
	assert_int_equal(e.timer.place, 0);
	flowrun_start(&r, &end, &wait_flow, &ms, sizeof(ms), NULL);
	flowrun_wait(&r);
	flowrun_noted("d@0 c@20 a@30 b@40");
	assert_int_equal(a.timer.place, 0);
	flowrun_fini(&r);
}

/* One that sets itself again, one that frees its owner. */
struct again {
	struct loop_timer timer;
	struct loop *loop;
	int left;
	int *fired;
};

static void
again_fired(void *arg)
{
	struct again *a = arg;

	++*a->fired;
	if (--a->left == 0) {
		free(a);
		return;
	}
	loop_timer_set(a->loop, &a->timer, 7, again_fired, a);
}

static void
test_timer_again(void **state)
{
	struct again *a = calloc(1, sizeof(*a));
	const int ms = 1000;
	struct flowrun_end end;
	struct flowrun r;
	int fired = 0;

	(void)state;
	assert_non_null(a);
	flowrun_init_fake(&r);
	*a = (struct again){.loop = r.loop, .left = 5, .fired = &fired};
	loop_timer_set(r.loop, &a->timer, 7, again_fired, a);
	flowrun_start(&r, &end, &wait_flow, &ms, sizeof(ms), NULL);
	flowrun_wait(&r);
	assert_int_equal(fired, 5);
	flowrun_fini(&r);
}

/* Thousands of timers set, moved and cleared at random fire in order, each once or never. */
#define MANY 3000

struct many {
	struct loop_timer timer;
	int64_t at;
	int fired;
	bool cleared;
};

static int64_t many_last;

static void
many_fired(void *arg)
{
	struct many *m = arg;

	assert_int_equal(clock_mono_ms(), m->at);
	assert_true(m->at >= many_last);
	many_last = m->at;
	m->fired++;
}

static uint32_t many_seed;

static uint32_t
many_random(uint32_t below)
{
	many_seed = many_seed * 1664525u + 1013904223u;
	return (many_seed >> 8) % below;
}

static void
many_set(struct loop *l, struct many *m)
{
	const int64_t ms = many_random(2000);

	m->at = clock_mono_ms() + ms;
	m->cleared = false;
	loop_timer_set(l, &m->timer, ms, many_fired, m);
}

static void
test_timers_many(void **state)
{
	struct many *all = calloc(MANY, sizeof(*all));
	const int ms = 10000;
	struct flowrun_end end;
	struct flowrun r;

	(void)state;
	assert_non_null(all);
	flowrun_init_fake(&r);
	many_last = 0;
	many_seed = 42;
	for (int i = 0; i < MANY; i++)
		many_set(r.loop, &all[i]);
	for (int i = 0; i < MANY * 2; i++) {
		struct many *m = &all[many_random(MANY)];

		if (many_random(3) == 0) {
			loop_timer_clear(&m->timer);
			m->cleared = true;
		} else {
			many_set(r.loop, m);
		}
	}
	flowrun_start(&r, &end, &wait_flow, &ms, sizeof(ms), NULL);
	flowrun_wait(&r);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(all[i].fired, !all[i].cleared);
	free(all);
	flowrun_fini(&r);
}

/* The real clock: not early, not lazy. */
static void
test_timer_real(void **state)
{
	const int ms = 30;
	struct flowrun_end end;
	struct flowrun r;
	int64_t began, took;

	(void)state;
	flowrun_init(&r);
	began = clock_mono_ms();
	flowrun_start(&r, &end, &wait_flow, &ms, sizeof(ms), NULL);
	flowrun_wait(&r);
	took = clock_mono_ms() - began;
	assert_true(took >= 30 && took < 2000);
	flowrun_fini(&r);
}

/* A loop without anything to do sleeps. */
static void
test_idle(void **state)
{
	const int ms = 200;
	struct rusage before, after;
	struct flowrun_end end;
	struct flowrun r;
	int64_t us;

	(void)state;
	flowrun_init(&r);
	(void)getrusage(RUSAGE_SELF, &before);
	flowrun_start(&r, &end, &wait_flow, &ms, sizeof(ms), NULL);
	flowrun_wait(&r);
	(void)getrusage(RUSAGE_SELF, &after);
	us = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * US_PER_S +
	     after.ru_utime.tv_usec - before.ru_utime.tv_usec;
	assert_true(us < 50000);
	flowrun_fini(&r);
}

/* ---- signals and descriptors ---- */

static void
signal_usr1(void *arg)
{
	flowrun_note(arg);
}

static step_fn signal_first, signal_rest;
static const struct flow signal_flow = {.name = "signal",
	.size = 1,
	.deadline_ms = 5000,
	.first = signal_first,
	.failed = flowrun_failed};

static struct next
signal_rest(struct task *t)
{
	return flowrun_notes()[0] ? done(t) : await_sleep(t, 1, signal_rest);
}

static struct next
signal_first(struct task *t)
{
	(void)raise(*(const int *)task_arg(t));
	assert_string_equal(flowrun_notes(), ""); /* never inside the handler */
	return go(t, signal_rest);
}

static void
test_signal(void **state)
{
	static char one[] = "usr1", two[] = "usr2";
	const int signo = SIGUSR2;
	struct flowrun_end end;
	struct flowrun r;

	(void)state;
	flowrun_init(&r);
	loop_on_signal(r.loop, SIGUSR1, signal_usr1, one);
	loop_on_signal(r.loop, SIGUSR2, signal_usr1, two);
	flowrun_start(&r, &end, &signal_flow, &signo, sizeof(signo), NULL);
	flowrun_wait(&r);
	assert_false(end.failed);
	flowrun_noted("usr2");
	flowrun_fini(&r);
}

struct watched {
	struct loop_watch *watch;
	int fds[2];
	int bytes;
};

static void
watched_readable(void *arg)
{
	struct watched *w = arg;
	char c;

	assert_int_equal(read(w->fds[0], &c, 1), 1);
	flowrun_note("byte");
	if (++w->bytes == 3) { /* a watch may end itself */
		loop_watch_free(w->watch);
		w->watch = NULL;
	}
}

static void
test_watch(void **state)
{
	struct watched w = {0};
	const int ms = 20;
	struct flowrun_end end;
	struct flowrun r;

	(void)state;
	flowrun_init(&r);
	assert_int_equal(pipe(w.fds), 0);
	w.watch = loop_watch_new(r.loop, w.fds[0], watched_readable, &w);
	/* Five bytes, one read each: called as long as there is something, while it lives. */
	assert_int_equal(write(w.fds[1], "abcde", 5), 5);
	flowrun_start(&r, &end, &wait_flow, &ms, sizeof(ms), NULL);
	flowrun_wait(&r);
	flowrun_noted("byte byte byte");
	assert_null(w.watch);
	(void)close(w.fds[0]);
	(void)close(w.fds[1]);
	flowrun_fini(&r);
}

/* ---- stopping ---- */

/* Works for ms, then ends; when failed, notes it, and calls a child to give something back. */
static step_fn worker_first, worker_rest, worker_failed, worker_given, back_first, back_rest;
static const struct flow worker_flow = {.name = "worker",
	.size = 1,
	.deadline_ms = 100000,
	.first = worker_first,
	.failed = worker_failed};
static const struct flow back_flow = {.name = "back",
	.size = 1,
	.deadline_ms = 100000,
	.first = back_first,
	.failed = flowrun_failed};

static struct next
worker_rest(struct task *t)
{
	flowrun_note("finished");
	return done(t);
}

static struct next
worker_first(struct task *t)
{
	return await_sleep(t, *(const int *)task_arg(t), worker_rest);
}

static struct next
back_rest(struct task *t)
{
	flowrun_note("given-back");
	return done(t);
}

static struct next
back_first(struct task *t)
{
	return await_sleep(t, 20, back_rest);
}

static struct next
worker_given(struct task *t)
{
	return done(t);
}

static struct next
worker_failed(struct task *t)
{
	flowrun_note(err_name(task_error(t)->kind));
	return task_call(t, &back_flow, NULL, 0, NULL, worker_given, "worker_given");
}

struct stopper {
	struct loop *loop;
	struct loop_timer timer, again, late;
	int grace_ms;
	struct flowrun *run;
	struct flowrun_end late_end;
};

static void
stop_now(void *arg)
{
	struct stopper *s = arg;

	assert_false(loop_stopping(s->loop));
	loop_stop(s->loop, s->grace_ms);
	assert_true(loop_stopping(s->loop));
}

static void
stop_sooner(void *arg)
{
	struct stopper *s = arg;

	loop_stop(s->loop, 10);
}

static void
stop_hook(void *arg)
{
	flowrun_note(arg);
}

static void
start_late(void *arg)
{
	struct stopper *s = arg;
	const int ms = 5;

	flowrun_start(s->run, &s->late_end, &worker_flow, &ms, sizeof(ms), NULL);
}

static void
test_stop(void **state)
{
	static const struct {
		int work_ms, grace_ms, again_ms, late_ms;
		const char *trace;
		int64_t took;
	} cases[] = {
		/* It ends within the grace: nothing is lost, nobody waits longer. */
		{50, 1000, 0, 0, "hook1 hook2 finished", 50},
		/* It does not: failed with ERR_STOPPED, and still gives back what it holds. */
		{5000, 100, 0, 0, "hook1 hook2 stopped given-back", 130},
		/* Asked again with a smaller grace (a second Ctrl-C); hooks run once. */
		{5000, 1000, 50, 0, "hook1 hook2 stopped given-back", 80},
		/* Asked again with a grace that ends later: nothing is prolonged. */
		{5000, 30, 35, 0, "hook1 hook2 stopped given-back", 60},
		/* A root flow started in the grace lives by it ... */
		{50, 1000, 0, 20, "hook1 hook2 finished finished", 50},
		/* ... one started after it is told at once. */
		{5000, 100, 0, 115, "hook1 hook2 stopped stopped given-back given-back", 135},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		static char one[] = "hook1", two[] = "hook2";
		struct stopper s = {.grace_ms = cases[i].grace_ms};
		struct flowrun_end end;
		struct flowrun r;
		int64_t began;

		flowrun_init_fake(&r);
		s.loop = r.loop;
		s.run = &r;
		began = clock_mono_ms();
		loop_on_stop(r.loop, stop_hook, one);
		loop_on_stop(r.loop, stop_hook, two);
		loop_timer_set(r.loop, &s.timer, 10, stop_now, &s);
		if (cases[i].again_ms)
			loop_timer_set(r.loop, &s.again, cases[i].again_ms, stop_sooner, &s);
		if (cases[i].late_ms)
			loop_timer_set(r.loop, &s.late, cases[i].late_ms, start_late, &s);
		flowrun_start(&r, &end, &worker_flow, &cases[i].work_ms, sizeof(int), NULL);
		flowrun_wait(&r);
		flowrun_noted(cases[i].trace);
		assert_int_equal(clock_mono_ms() - began, cases[i].took);
		flowrun_fini(&r);
	}
}

/* A stop with nothing alive, before and during the run. */
static void
test_stop_empty(void **state)
{
	struct stopper s = {.grace_ms = 100000};
	struct flowrun r;

	(void)state;
	flowrun_init(&r);
	loop_stop(r.loop, 1000);
	loop_run(r.loop);
	flowrun_fini(&r);

	flowrun_init(&r);
	s.loop = r.loop;
	loop_timer_set(r.loop, &s.timer, 5, stop_now, &s);
	loop_run(r.loop);
	flowrun_fini(&r);
}

/* ---- the watchdog ---- */

static step_fn heavy_first;
static const struct flow heavy_flow = {.name = "test.heavy",
	.size = 1,
	.deadline_ms = 5000,
	.first = heavy_first,
	.failed = flowrun_failed};
static step_fn heavy_lifting;

static struct next
heavy_lifting(struct task *t)
{
	const int ms = *(const int *)task_arg(t);

	clock_fake(clock_us() + ms * 1000, clock_mono_ms() + ms);
	return done(t);
}

static struct next
heavy_first(struct task *t)
{
	return go(t, heavy_lifting);
}

static void
test_slow_step(void **state)
{
	static const struct {
		int limit, ms;
		bool slow;
	} cases[] = {{0, 50, false}, {0, 51, true}, {200, 200, false}, {200, 201, true}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const int64_t before = metric_get(METRIC_SLOW_STEPS);
		struct flowrun_end end;
		struct flowrun r;
		const char *said;
		char want[128];

		flowrun_init_fake(&r);
		if (cases[i].limit)
			loop_slow_step_ms(r.loop, cases[i].limit);
		flowrun_start(&r, &end, &heavy_flow, &cases[i].ms, sizeof(int), NULL);
		capture_begin();
		flowrun_wait(&r);
		said = capture_end();
		flowrun_fini(&r);
		assert_int_equal(metric_get(METRIC_SLOW_STEPS) - before, cases[i].slow);
		(void)snprintf(want, sizeof(want),
			" warn slow_step flow=test.heavy step=heavy_lifting task=1 "
			"took=heavy_lifting ms=%d\n",
			cases[i].ms);
		if (cases[i].slow ? !strstr(said, want) : said[0] != '\0')
			check_fail("logged \"%s\", want \"%s\"", said, want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_timer_again),
		cmocka_unit_test(test_timers_many),
		cmocka_unit_test(test_timer_real),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_stop_empty),
		cmocka_unit_test(test_slow_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
