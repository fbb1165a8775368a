#include "task/group.h"

#include "base/clock.h"
#include "lib/check.h"
#include "lib/flowrun.h"

/* One child: waits, then succeeds with twice its number or fails. */
struct child_arg {
	int number, ms;
	bool fails;
};

static struct {
	int started, ended, failed, alive, most;
} seen;

static step_fn child_first, child_rest, child_failed;
static const struct flow child_flow = {.name = "child",
	.size = 1,
	.deadline_ms = 100000,
	.first = child_first,
	.failed = child_failed};

static struct next
child_first(struct task *t)
{
	const struct child_arg *a = task_arg(t);

	seen.started++;
	if (++seen.alive > seen.most)
		seen.most = seen.alive;
	return await_sleep(t, a->ms, child_rest);
}

static struct next
child_rest(struct task *t)
{
	const struct child_arg *a = task_arg(t);

	seen.alive--;
	seen.ended++;
	if (a->fails)
		return fail(t, err_new(task_arena(t), ERR_UPSTREAM, "child %d", a->number));
	*(int *)task_out(t) = a->number * 2;
	return done(t);
}

static struct next
child_failed(struct task *t)
{
	if (task_error(t)->kind != ERR_UPSTREAM) { /* it did not come to child_rest */
		seen.failed++;
		seen.alive--;
	}
	return fail(t, task_error(t));
}

#define CHILDREN 10

struct parent_arg {
	size_t n, limit, rounds;
	int ms;
	bool third_fails;
	bool cancelled;
};

struct parent {
	struct group group;
	int out[CHILDREN * 2];
	size_t round;
};

static step_fn parent_first, parent_rest, parent_failed;
static const struct flow parent_flow = {.name = "parent",
	.size = sizeof(struct parent),
	.deadline_ms = 1000,
	.first = parent_first,
	.failed = parent_failed};

static struct next
parent_add(struct task *t)
{
	const struct parent_arg *a = task_arg(t);
	struct parent *p = task_state(t);

	for (size_t i = 0; i < a->n; i++) {
		const size_t number = p->round * a->n + i;
		struct child_arg c = {.number = (int)number,
			.ms = a->ms + (int)i,
			.fails = a->third_fails && i == 2};

		assert_int_equal(
			group_add(&p->group, &child_flow, &c, sizeof(c), &p->out[number]),
			number);
		c.number = -1; /* the group has a copy */
	}
	p->round++;
	return await_all(t, &p->group, parent_rest);
}

static struct next
parent_first(struct task *t)
{
	const struct parent_arg *a = task_arg(t);
	struct parent *p = task_state(t);

	group_init(&p->group, t, a->limit);
	return parent_add(t);
}

static struct next
parent_rest(struct task *t)
{
	const struct parent_arg *a = task_arg(t);
	struct parent *p = task_state(t);

	assert_int_equal(seen.alive, 0);
	for (size_t i = 0; i < p->round * a->n; i++) {
		const struct err *e = group_error(&p->group, i);
		const bool fails = a->third_fails && i % a->n == 2;
		char want[32];

		(void)snprintf(want, sizeof(want), "child %zu", i);
		if (fails) {
			assert_non_null(e);
			assert_int_equal(e->kind, ERR_UPSTREAM);
			check_span(e->text, span_of(want));
		} else {
			assert_null(e);
		}
		assert_int_equal(p->out[i], fails ? 0 : (int)i * 2);
	}
	assert_int_equal(p->group.failed, a->third_fails ? p->round : 0);
	return p->round < a->rounds ? parent_add(t) : done(t);
}

static struct next
parent_failed(struct task *t)
{
	/* Every child that had begun has ended before. */
	assert_int_equal(seen.alive, 0);
	return fail(t, task_error(t));
}

static void
test_all(void **state)
{
	static const struct {
		struct parent_arg arg;
		int most;
		int64_t took;
	} cases[] = {
		{{.n = 0, .rounds = 1}, 0, 0},
		{{.n = 1, .rounds = 1, .ms = 10}, 1, 10},
		{{.n = 10, .rounds = 1, .ms = 10}, 10, 19},
		/* A child's failure is its own. */
		{{.n = 10, .rounds = 1, .ms = 10, .third_fails = true}, 10, 19},
		/* One after the other: 10 + 11 + 12 + 13. */
		{{.n = 4, .limit = 1, .rounds = 1, .ms = 10}, 1, 46},
		{{.n = 10, .limit = 3, .rounds = 1, .ms = 100}, 3, 418},
		/* Waited for, then more are added. */
		{{.n = 10, .limit = 4, .rounds = 2, .ms = 0, .third_fails = true}, 4, -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct flowrun_end end;
		struct flowrun r;
		int64_t began;

		memset(&seen, 0, sizeof(seen));
		flowrun_init_fake(&r);
		began = clock_mono_ms();
		flowrun_start(
			&r, &end, &parent_flow, &cases[i].arg, sizeof(cases[i].arg), NULL);
		flowrun_wait(&r);
		if (end.failed)
			check_fail("case %zu: %s", i, end.text);
		if (cases[i].took >= 0)
			assert_int_equal(clock_mono_ms() - began, cases[i].took);
		assert_int_equal(seen.most, cases[i].most);
		assert_int_equal(seen.started, cases[i].arg.n * cases[i].arg.rounds);
		assert_int_equal(seen.ended, seen.started);
		flowrun_fini(&r);
	}
}

struct canceller {
	struct loop_timer timer;
	struct task *task;
	struct loop *loop;
};

static void
cancel_now(void *arg)
{
	struct canceller *c = arg;
	struct arena *a = arena_new();

	if (c->task)
		task_cancel(c->task, err_new(a, ERR_CONFLICT, "somebody else was faster"));
	else
		loop_stop(c->loop, 0);
	arena_free(a);
}

/* The parent fails while they run: those that run are ended, no other one begins. */
static void
test_parent_fails(void **state)
{
	static const struct {
		const char *how;
		enum err_kind kind;
		int ms;
	} cases[] = {
		{"deadline", ERR_TIMEOUT, 5000},
		{"cancel", ERR_CONFLICT, 500},
		{"stop", ERR_STOPPED, 500},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct parent_arg arg = {
			.n = 10, .limit = 3, .rounds = 1, .ms = cases[i].ms};
		struct canceller c = {0};
		struct flowrun_end end;
		struct flowrun r;

		memset(&seen, 0, sizeof(seen));
		flowrun_init_fake(&r);
		flowrun_start(&r, &end, &parent_flow, &arg, sizeof(arg), NULL);
		c.loop = r.loop;
		c.task = cases[i].kind == ERR_CONFLICT ? end.task : NULL;
		if (cases[i].kind != ERR_TIMEOUT)
			loop_timer_set(r.loop, &c.timer, 100, cancel_now, &c);
		flowrun_wait(&r);
		assert_true(end.failed);
		assert_int_equal(end.kind, cases[i].kind);
		assert_int_equal(seen.started, 3);
		assert_int_equal(seen.failed, 3);
		assert_int_equal(seen.ended, 0);
		flowrun_fini(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_parent_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
