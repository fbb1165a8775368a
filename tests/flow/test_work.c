/* Real threads, so the real clock. Run it with --enable-sanitize=thread as well. */
#include "task/work.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "lib/check.h"
#include "lib/flowrun.h"

/* A job: waits until it may go on, then squares its number. */
struct job {
	int64_t number, square;
	atomic_bool *gate; /* NULL = go on at once */
	atomic_int *running;
	pthread_t thread;
};

static void
pause_1ms(void)
{
	const struct timespec ts = {.tv_nsec = 1000000};

	(void)nanosleep(&ts, NULL);
}

static void
job_run(void *arg)
{
	struct job *j = arg;

	j->thread = pthread_self();
	if (j->running)
		(void)atomic_fetch_add(j->running, 1);
	while (j->gate && !atomic_load(j->gate))
		pause_1ms();
	j->square = j->number * j->number;
}

struct user_arg {
	int64_t number;
	atomic_bool *gate;
	atomic_int *running;
	int rounds;
};

struct user {
	struct job job;
	int round;
};

static step_fn user_first, user_rest, user_failed;
static const struct flow user_flow = {.name = "user",
	.size = sizeof(struct user),
	.deadline_ms = 30000,
	.first = user_first,
	.failed = user_failed};
static const struct flow user_short_flow = {.name = "user.short",
	.size = sizeof(struct user),
	.deadline_ms = 30,
	.first = user_first,
	.failed = user_failed};

static struct next
user_first(struct task *t)
{
	const struct user_arg *a = task_arg(t);
	struct user *u = task_state(t);

	u->job = (struct job){
		.number = a->number + u->round, .gate = a->gate, .running = a->running};
	return await_work(t, job_run, &u->job, user_rest);
}

static struct next
user_rest(struct task *t)
{
	const struct user_arg *a = task_arg(t);
	struct user *u = task_state(t);

	assert_int_equal(u->job.square, u->job.number * u->job.number);
	assert_false(pthread_equal(u->job.thread, pthread_self()));
	if (++u->round < a->rounds)
		return go(t, user_first);
	*(int64_t *)task_out(t) = u->job.square;
	return done(t);
}

static struct next
user_failed(struct task *t)
{
	const struct user *u = task_state(t);

	/* Whatever thread had begun it is through: nobody writes to our memory any more. */
	*(int64_t *)task_out(t) = -(1 + u->job.square);
	return fail(t, task_error(t));
}

static void
pool_start(struct flowrun *r, int threads, size_t max_queued)
{
	flowrun_init(r);
	r->env.work = work_pool_new(r->loop, threads, max_queued);
}

static void
pool_end(struct flowrun *r)
{
	work_pool_free(r->env.work);
	flowrun_fini(r);
}

#define USERS 50

static void
test_results(void **state)
{
	struct flowrun_end ends[USERS];
	int64_t out[USERS];
	struct flowrun r;

	(void)state;
	pool_start(&r, 4, 1000);
	for (int i = 0; i < USERS; i++) {
		const struct user_arg arg = {.number = i, .rounds = 40};

		flowrun_start(&r, &ends[i], &user_flow, &arg, sizeof(arg), &out[i]);
	}
	flowrun_wait(&r);
	for (int64_t i = 0; i < USERS; i++) {
		assert_false(ends[i].failed);
		assert_int_equal(out[i], (i + 39) * (i + 39));
	}
	pool_end(&r);
}

/* Opens the gate when so many jobs are running; gives up after 10 s. */
struct opener {
	struct loop_timer timer;
	struct loop *loop;
	atomic_bool *gate;
	atomic_int *running;
	int want, tries;
};

static void
opener_look(void *arg)
{
	struct opener *o = arg;

	if (atomic_load(o->running) >= o->want || ++o->tries > 5000) {
		atomic_store(o->gate, true);
		return;
	}
	loop_timer_set(o->loop, &o->timer, 2, opener_look, o);
}

/* All threads work at the same time, and no more than there are. */
static void
test_threads(void **state)
{
	atomic_bool gate = false;
	atomic_int running = 0;
	struct opener o = {.gate = &gate, .running = &running, .want = 3};
	struct flowrun_end ends[3];
	int64_t out[3];
	struct flowrun r;

	(void)state;
	pool_start(&r, 3, 10);
	o.loop = r.loop;
	for (int i = 0; i < 3; i++) {
		const struct user_arg arg = {
			.number = i, .rounds = 1, .gate = &gate, .running = &running};

		flowrun_start(&r, &ends[i], &user_flow, &arg, sizeof(arg), &out[i]);
	}
	loop_timer_set(r.loop, &o.timer, 0, opener_look, &o);
	flowrun_wait(&r);
	assert_int_equal(atomic_load(&running), 3);
	assert_true(o.tries <= 5000);
	for (int i = 0; i < 3; i++)
		assert_false(ends[i].failed);
	pool_end(&r);
}

/* One thread, busy; two may queue; the fourth is refused and the others are served. */
static void
test_full(void **state)
{
	atomic_bool gate = false;
	atomic_int running = 0;
	struct opener o = {.gate = &gate, .running = &running, .want = 1};
	struct flowrun_end ends[6];
	int64_t out[6];
	struct flowrun r;
	int refused = 0;

	(void)state;
	pool_start(&r, 1, 2);
	o.loop = r.loop;
	for (int i = 0; i < 6; i++) {
		const struct user_arg arg = {
			.number = i, .rounds = 1, .gate = &gate, .running = &running};

		flowrun_start(&r, &ends[i], &user_flow, &arg, sizeof(arg), &out[i]);
	}
	loop_timer_set(r.loop, &o.timer, 20, opener_look, &o);
	flowrun_wait(&r);
	for (int i = 0; i < 6; i++) {
		refused += ends[i].failed;
		if (ends[i].failed)
			assert_int_equal(ends[i].kind, ERR_UNAVAILABLE);
	}
	/* The thread may have taken the first one out of the queue already, or not. */
	assert_in_range(refused, 3, 4);
	pool_end(&r);
}

struct stopper {
	struct loop_timer timer, open;
	struct loop *loop;
	atomic_bool *gate;
};

static void
stop_now(void *arg)
{
	struct stopper *s = arg;

	loop_stop(s->loop, 0);
}

static void
open_now(void *arg)
{
	struct stopper *s = arg;

	atomic_store(s->gate, true);
}

/*
 * A job that runs and one that is queued, and the deadline or the stop comes: the queued one is
 * taken back and never runs; the task of the running one fails when its job is through.
 */
static void
test_given_up(void **state)
{
	(void)state;
	for (int stop = 0; stop <= 1; stop++) {
		const struct flow *f = stop ? &user_flow : &user_short_flow;
		atomic_bool gate = false;
		atomic_int running = 0;
		struct stopper s = {.gate = &gate};
		struct flowrun_end ends[2];
		int64_t out[2], began;
		struct flowrun r;

		pool_start(&r, 1, 10);
		began = clock_mono_ms();
		for (int i = 0; i < 2; i++) {
			const struct user_arg arg = {.number = i + 2,
				.rounds = 1,
				.gate = &gate,
				.running = &running};

			flowrun_start(&r, &ends[i], f, &arg, sizeof(arg), &out[i]);
		}
		s.loop = r.loop;
		if (stop)
			loop_timer_set(r.loop, &s.timer, 30, stop_now, &s);
		loop_timer_set(r.loop, &s.open, 100, open_now, &s);
		flowrun_wait(&r);
		assert_true(clock_mono_ms() - began >= 100);
		for (int i = 0; i < 2; i++)
			assert_int_equal(ends[i].kind, stop ? ERR_STOPPED : ERR_TIMEOUT);
		assert_int_equal(atomic_load(&running), 1);
		assert_int_equal(out[0], -5); /* its job was through before `failed` ran */
		assert_int_equal(out[1], -1); /* its job never ran */
		pool_end(&r);
	}
}

/*
 * A job may use its task's arena, also while the task is told to fail: for ThreadSanitizer, and
 * for whoever finds two blocks in one place.
 */
struct eater {
	struct arena *arena;
	bool torn;
};

static step_fn eater_first, eater_rest, eater_failed;
static const struct flow eater_flow = {.name = "eater",
	.size = sizeof(struct eater),
	.deadline_ms = 2,
	.first = eater_first,
	.failed = eater_failed};

static void
eater_run(void *arg)
{
	struct eater *e = arg;
	unsigned char *last = NULL;

	for (int i = 0; i < 20000; i++) {
		unsigned char *p = arena_alloc(e->arena, 24);

		for (int k = 0; k < 24; k++)
			e->torn = e->torn || p[k] != 0;
		memset(p, 0x5a, 24);
		e->torn = e->torn || (last && last[23] != 0x5a);
		last = p;
	}
}

static struct next
eater_first(struct task *t)
{
	struct eater *e = task_state(t);

	e->arena = task_arena(t);
	return await_work(t, eater_run, e, eater_rest);
}

static struct next
eater_rest(struct task *t)
{
	return done(t);
}

static struct next
eater_failed(struct task *t)
{
	const struct eater *e = task_state(t);

	assert_false(e->torn);
	return fail(t, task_error(t));
}

static void
test_arena(void **state)
{
	struct flowrun_end ends[40];
	struct flowrun r;
	int late = 0;

	(void)state;
	pool_start(&r, 2, 100);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		flowrun_start(&r, &ends[i], &eater_flow, NULL, 0, NULL);
	flowrun_wait(&r);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		late += ends[i].failed && ends[i].kind == ERR_TIMEOUT;
	assert_true(late > 0);
	pool_end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
