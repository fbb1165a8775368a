/* The engine's promises, one by one. The clock is a fake: whole graces pass in no time. */
#include "task/task.h"

#include "base/clock.h"
#include "lib/check.h"
#include "lib/flowrun.h"

/* Notes that it failed and why, then ends. */
static struct next
noted_failed(struct task *t)
{
	char text[64];

	assert_non_null(task_error(t));
	(void)snprintf(text, sizeof(text), "%s.failed(%s)", task_log_ctx(t)->flow,
		err_name(task_error(t)->kind));
	flowrun_note(text);
	return done(t);
}

#define FLOW(ident, ms, first_, failed_)                                                       \
	static step_fn first_;                                                                 \
	static const struct flow ident = {.name = #ident,                                      \
		.size = 64,                                                                    \
		.deadline_ms = (ms),                                                           \
		.first = first_,                                                               \
		.failed = failed_}

/* Runs one flow on a fake clock and says how long it took there. */
static struct flowrun_end
run(const struct flow *f, int64_t *took_ms)
{
	struct flowrun_end end;
	struct flowrun r;
	int64_t began;

	flowrun_init_fake(&r);
	began = clock_mono_ms();
	flowrun_start(&r, &end, f, NULL, 0, NULL);
	assert_string_equal(
		flowrun_notes(), ""); /* nothing runs inside the call that starts it */
	flowrun_wait(&r);
	if (took_ms)
		*took_ms = clock_mono_ms() - began;
	flowrun_fini(&r);
	return end;
}

static const struct err *
some_err(struct task *t, enum err_kind kind)
{
	return err_new(task_arena(t), kind, "because of %s", task_log_ctx(t)->step);
}

/* ---- steps, state, argument, result ---- */

struct sum_arg {
	int a, b;
};

FLOW(sum, 1000, sum_first, flowrun_failed);

static struct next
sum_last(struct task *t)
{
	const struct sum_arg *arg = task_arg(t);
	int *state = task_state(t);

	flowrun_note("last");
	assert_int_equal(state[0], 41);
	assert_null(task_error(t));
	assert_string_equal(task_log_ctx(t)->step, "sum_last");
	*(int *)task_out(t) = arg->a + arg->b;
	return done(t);
}

static struct next
sum_middle(struct task *t)
{
	flowrun_note("middle");
	return await_sleep(t, 5, sum_last);
}

static struct next
sum_first(struct task *t)
{
	int *state = task_state(t);

	for (size_t i = 0; i < 64 / sizeof(int); i++)
		assert_int_equal(state[i], 0);
	assert_true((uintptr_t)state % 16 == 0);
	state[0] = 41;
	flowrun_note("first");
	return go(t, sum_middle);
}

static void
test_steps(void **s)
{
	struct sum_arg arg = {.a = 2, .b = 3};
	struct flowrun_end end;
	struct flowrun r;
	int out = 0;

	(void)s;
	flowrun_init_fake(&r);
	flowrun_start(&r, &end, &sum, &arg, sizeof(arg), &out);
	arg.a = 1000; /* it has a copy */
	flowrun_wait(&r);
	flowrun_fini(&r);
	assert_false(end.failed);
	assert_int_equal(out, 5);
	flowrun_noted("first middle last");
}

/* ---- failing ---- */

FLOW(plain, 1000, plain_first, noted_failed);

static struct next
plain_first(struct task *t)
{
	return fail(t, some_err(t, ERR_CONFLICT));
}

static void
test_fail(void **s)
{
	const struct flowrun_end end = run(&plain, NULL);

	(void)s;
	assert_true(end.failed);
	assert_int_equal(end.kind, ERR_CONFLICT);
	assert_string_equal(end.text, "because of first");
	flowrun_noted("plain.failed(conflict)");
}

/* The first error is the one that counts, whatever `failed` does afterwards. */
static step_fn twice_failed;
FLOW(twice, 1000, twice_first, twice_failed);

static struct next
twice_failed(struct task *t)
{
	flowrun_note("failed");
	return fail(t, some_err(t, ERR_CORRUPT));
}

static struct next
twice_first(struct task *t)
{
	return fail(t, some_err(t, ERR_GONE));
}

static void
test_fail_twice(void **s)
{
	const struct flowrun_end end = run(&twice, NULL);

	(void)s;
	assert_true(end.failed);
	assert_int_equal(end.kind, ERR_GONE);
	flowrun_noted("failed");
}

/* `failed` may wait, and has a grace of its own for it. */
static step_fn lingering_failed;
FLOW(lingering, 100, lingering_first, lingering_failed);

static struct next
lingering_rest(struct task *t)
{
	assert_non_null(task_error(t));
	flowrun_note("rest");
	return done(t);
}

static struct next
lingering_failed(struct task *t)
{
	flowrun_note("failed");
	assert_in_range(task_left_ms(t), FLOW_GRACE_MS, FLOW_GRACE_MS);
	return await_sleep(t, FLOW_GRACE_MS - 1, lingering_rest);
}

static struct next
lingering_first(struct task *t)
{
	return await_sleep(t, 100000, lingering_rest);
}

static void
test_failed_waits(void **s)
{
	int64_t took;
	const struct flowrun_end end = run(&lingering, &took);

	(void)s;
	assert_int_equal(end.kind, ERR_TIMEOUT);
	flowrun_noted("failed rest");
	assert_int_equal(took, 100 + FLOW_GRACE_MS - 1);
}

/* A grace that is over ends the task with the first error. */
static step_fn stubborn_failed;
FLOW(stubborn, 1000, stubborn_first, stubborn_failed);

static struct next
stubborn_rest(struct task *t)
{
	flowrun_note("rest");
	return done(t);
}

static struct next
stubborn_failed(struct task *t)
{
	flowrun_note("failed");
	return await_sleep(t, FLOW_GRACE_MS * 2, stubborn_rest);
}

static struct next
stubborn_first(struct task *t)
{
	return fail(t, some_err(t, ERR_FORBIDDEN));
}

static void
test_grace_over(void **s)
{
	int64_t took;
	const struct flowrun_end end = run(&stubborn, &took);

	(void)s;
	assert_int_equal(end.kind, ERR_FORBIDDEN);
	assert_int_equal(took, FLOW_GRACE_MS);
	flowrun_noted("failed");
}

/* ---- deadlines ---- */

FLOW(slow, 250, slow_first, noted_failed);

static struct next
slow_never(struct task *t)
{
	flowrun_note("never");
	return done(t);
}

static struct next
slow_first(struct task *t)
{
	assert_int_equal(task_left_ms(t), 250);
	return await_sleep(t, 251, slow_never);
}

static void
test_deadline(void **s)
{
	int64_t took;
	const struct flowrun_end end = run(&slow, &took);

	(void)s;
	assert_int_equal(end.kind, ERR_TIMEOUT);
	assert_string_equal(end.text, "slow did not end within 250 ms, in step slow_never");
	assert_int_equal(took, 250);
	flowrun_noted("slow.failed(timeout)");
}

/* The process stood still for longer than deadline and grace together: `failed` runs. */
FLOW(frozen, 100, frozen_first, noted_failed);
FLOW(freezer, 600000, freezer_first, noted_failed);

static struct next
frozen_first(struct task *t)
{
	return fail(t, some_err(t, ERR_GONE));
}

static struct next
freezer_first(struct task *t)
{
	const int64_t ms = FLOW_GRACE_MS * 3;

	/* Between the failure of the other one and its failed step. */
	clock_fake(clock_us() + ms * 1000, clock_mono_ms() + ms);
	return done(t);
}

static void
test_stood_still(void **s)
{
	struct flowrun_end a, b;
	struct flowrun r;

	(void)s;
	flowrun_init_fake(&r);
	flowrun_start(&r, &a, &frozen, NULL, 0, NULL);
	flowrun_start(&r, &b, &freezer, NULL, 0, NULL);
	flowrun_wait(&r);
	flowrun_fini(&r);
	assert_int_equal(a.kind, ERR_GONE);
	assert_false(b.failed);
	flowrun_noted("frozen.failed(gone)");
}

/* ---- cancelling ---- */

FLOW(target, 1000, target_first, noted_failed);

static struct next
target_rest(struct task *t)
{
	flowrun_note("rest");
	return done(t);
}

static struct next
target_first(struct task *t)
{
	flowrun_note("first");
	return await_sleep(t, 100, target_rest);
}

struct killer_arg {
	struct flowrun_end *victim;
	int after_ms, again_ms;
};

FLOW(killer, 100000, killer_first, noted_failed);

static struct next
killer_strike(struct task *t)
{
	const struct killer_arg *a = task_arg(t);

	if (a->victim->task) {
		task_cancel(a->victim->task, some_err(t, ERR_CONFLICT));
		task_cancel(a->victim->task, some_err(t, ERR_CORRUPT)); /* too late */
	}
	return done(t);
}

static struct next
killer_first(struct task *t)
{
	const struct killer_arg *a = task_arg(t);

	return a->after_ms ? await_sleep(t, a->after_ms, killer_strike) : go(t, killer_strike);
}

static void
test_cancel(void **s)
{
	static const struct {
		int after_ms;
		bool killer_first, fails;
		const char *trace;
	} cases[] = {
		/* Before its first step, which then does not run. */
		{0, true, true, "target.failed(conflict)"},
		/* While it waits. */
		{0, false, true, "first target.failed(conflict)"},
		{50, false, true, "first target.failed(conflict)"},
		/* After it has ended. */
		{200, false, false, "first rest"},
	};

	(void)s;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct flowrun_end a = {0}, b;
		const struct killer_arg arg = {.victim = &a, .after_ms = cases[i].after_ms};
		struct flowrun r;

		flowrun_init_fake(&r);
		if (cases[i].killer_first)
			flowrun_start(&r, &b, &killer, &arg, sizeof(arg), NULL);
		flowrun_start(&r, &a, &target, NULL, 0, NULL);
		if (!cases[i].killer_first)
			flowrun_start(&r, &b, &killer, &arg, sizeof(arg), NULL);
		flowrun_wait(&r);
		flowrun_fini(&r);
		assert_int_equal(a.failed, cases[i].fails);
		if (a.failed)
			assert_int_equal(a.kind, ERR_CONFLICT);
		flowrun_noted(cases[i].trace);
	}
}

/* A task that cancels itself and says done in the same step has done its work. */
FLOW(self_done, 1000, self_done_first, noted_failed);
FLOW(self_wait, 1000, self_wait_first, noted_failed);

static struct next
self_done_first(struct task *t)
{
	task_cancel(t, some_err(t, ERR_GONE));
	return done(t);
}

static struct next
self_wait_first(struct task *t)
{
	task_cancel(t, some_err(t, ERR_GONE));
	return await_sleep(t, 10, target_rest);
}

static void
test_cancel_self(void **s)
{
	int64_t took;
	struct flowrun_end end = run(&self_done, NULL);

	(void)s;
	assert_false(end.failed);
	end = run(&self_wait, &took);
	assert_int_equal(end.kind, ERR_GONE);
	assert_int_equal(took, 0);
	flowrun_noted("self_wait.failed(gone)");
}

/* In `failed` nobody can cancel any more; the grace is the only limit. */
static step_fn deaf_failed;
FLOW(deaf, 1000, deaf_first, deaf_failed);

static struct next
deaf_rest(struct task *t)
{
	flowrun_note("rest");
	return done(t);
}

static struct next
deaf_failed(struct task *t)
{
	flowrun_note("failed");
	return await_sleep(t, 500, deaf_rest);
}

static struct next
deaf_first(struct task *t)
{
	return fail(t, some_err(t, ERR_AUTH));
}

static void
test_cancel_in_failed(void **s)
{
	struct flowrun_end a = {0}, b;
	const struct killer_arg arg = {.victim = &a, .after_ms = 100};
	struct flowrun r;

	(void)s;
	flowrun_init_fake(&r);
	flowrun_start(&r, &b, &killer, &arg, sizeof(arg), NULL);
	flowrun_start(&r, &a, &deaf, NULL, 0, NULL);
	flowrun_wait(&r);
	flowrun_fini(&r);
	assert_int_equal(a.kind, ERR_AUTH);
	flowrun_noted("failed rest");
}

/* ---- waits of an owner: a resource that can be taken back, or not yet ---- */

struct resource {
	struct loop_timer timer;
	struct task *task;
	const struct err *e;
	bool firm; /* cannot be taken back: the wake comes in its own time */
	int cancels;
};

static void
resource_ready(void *arg)
{
	struct resource *r = arg;

	flowrun_note("wake");
	task_wake(r->task, r->e);
}

static bool
resource_cancel(struct task *t, void *arg)
{
	struct resource *r = arg;

	assert_ptr_equal(r->task, t);
	r->cancels++;
	flowrun_note(r->firm ? "firm" : "back");
	if (!r->firm)
		loop_timer_clear(&r->timer);
	return !r->firm;
}

static const struct wait_ops resource_ops = {.name = "resource", .cancel = resource_cancel};

#define await_resource(t, r, ms, step) await_resource_at((t), (r), (ms), (step), #step)

static struct next
await_resource_at(
	struct task *t, struct resource *r, int64_t ms, step_fn *then, const char *name)
{
	const struct next n = task_park(t, &resource_ops, r, then, name);

	r->task = t;
	if (ms < 0)
		task_wake(t, r->e); /* at once: a cache knows it */
	else
		loop_timer_set(task_env(t)->loop, &r->timer, ms, resource_ready, r);
	return n;
}

struct user_arg {
	struct resource *resource;
	int64_t ms;
	enum err_kind kind; /* of the wake; ERR_KINDS = success */
};

FLOW(user, 100, user_first, noted_failed);

static struct next
user_then(struct task *t)
{
	flowrun_note("then");
	return done(t);
}

static struct next
user_first(struct task *t)
{
	const struct user_arg *a = task_arg(t);
	struct next n;

	if (a->kind != ERR_KINDS)
		a->resource->e = some_err(t, a->kind);
	n = await_resource(t, a->resource, a->ms, user_then);
	flowrun_note("armed");
	return n;
}

static void
test_wait(void **s)
{
	static const struct {
		int64_t ms;
		enum err_kind kind;
		bool firm;
		int cancel_ms; /* 0 = nobody cancels */
		const char *trace;
		int64_t took;
		int cancels;
	} cases[] = {
		{10, ERR_KINDS, false, 0, "armed wake then", 10, 0},
		/* A wake inside the call that armed it: the continuation still comes later. */
		{-1, ERR_KINDS, false, 0, "armed then", 0, 0},
		{-1, ERR_UPSTREAM, false, 0, "armed user.failed(upstream)", 0, 0},
		{10, ERR_UPSTREAM, false, 0, "armed wake user.failed(upstream)", 10, 0},
		/* Deadline. */
		{1000, ERR_KINDS, false, 0, "armed back user.failed(timeout)", 100, 1},
		{1000, ERR_KINDS, true, 0, "armed firm wake user.failed(timeout)", 1000, 1},
		/* An error of the late wake does not push the first reason aside. */
		{1000, ERR_UPSTREAM, true, 0, "armed firm wake user.failed(timeout)", 1000, 1},
		/* Cancelled. */
		{1000, ERR_KINDS, false, 20, "armed back user.failed(conflict)", 20, 1},
		/* Cancelled, then the deadline as well: taken back once. */
		{1000, ERR_KINDS, true, 20, "armed firm wake user.failed(conflict)", 1000, 1},
		/* The deadline in the same millisecond as the wake. */
		{100, ERR_KINDS, true, 0, NULL, 100, 0},
	};

	(void)s;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct resource res = {.firm = cases[i].firm};
		const struct user_arg arg = {
			.resource = &res, .ms = cases[i].ms, .kind = cases[i].kind};
		struct flowrun_end a = {0}, b;
		const struct killer_arg kill = {.victim = &a, .after_ms = cases[i].cancel_ms};
		struct flowrun r;
		int64_t began;

		flowrun_init_fake(&r);
		began = clock_mono_ms();
		flowrun_start(&r, &a, &user, &arg, sizeof(arg), NULL);
		if (cases[i].cancel_ms)
			flowrun_start(&r, &b, &killer, &kill, sizeof(kill), NULL);
		flowrun_wait(&r);
		assert_int_equal(clock_mono_ms() - began, cases[i].took);
		flowrun_fini(&r);
		if (cases[i].trace) {
			flowrun_noted(cases[i].trace);
			assert_int_equal(res.cancels, cases[i].cancels);
		} else {
			assert_true(res.cancels <= 1);
		}
	}
}

/* Twice cancelled by others while a firm wait is being given up: asked once. */
static void
test_wait_cancel_once(void **s)
{
	struct resource res = {.firm = true};
	const struct user_arg arg = {.resource = &res, .ms = 1000, .kind = ERR_KINDS};
	struct flowrun_end a = {0}, b, c;
	const struct killer_arg first = {.victim = &a, .after_ms = 20};
	const struct killer_arg second = {.victim = &a, .after_ms = 40};
	struct flowrun r;

	(void)s;
	flowrun_init_fake(&r);
	flowrun_start(&r, &a, &user, &arg, sizeof(arg), NULL);
	flowrun_start(&r, &b, &killer, &first, sizeof(first), NULL);
	flowrun_start(&r, &c, &killer, &second, sizeof(second), NULL);
	flowrun_wait(&r);
	flowrun_fini(&r);
	assert_int_equal(res.cancels, 1);
	flowrun_noted("armed firm wake user.failed(conflict)");
}

/* A step that arms a wait and then fails takes it back. */
FLOW(regret, 100, regret_first, noted_failed);

static struct next
regret_first(struct task *t)
{
	struct resource *const *res = task_arg(t);

	if (await_resource(t, *res, 50, user_then).kind == NEXT_PARK)
		flowrun_note("armed");
	return fail(t, some_err(t, ERR_INPUT));
}

static void
test_wait_regretted(void **s)
{
	struct resource res = {0}, *arg = &res;
	struct flowrun_end end;
	struct flowrun r;

	(void)s;
	flowrun_init_fake(&r);
	flowrun_start(&r, &end, &regret, &arg, sizeof(arg), NULL);
	flowrun_wait(&r);
	flowrun_fini(&r);
	flowrun_noted("armed back regret.failed(input)");
}

/* ---- children ---- */

/* Three levels; each names itself when it fails. */
static step_fn leaf_failed;
FLOW(leaf, 5000, leaf_first, leaf_failed);
FLOW(branch, 5000, branch_first, noted_failed);
static step_fn root_failed;
FLOW(root, 200, root_first, root_failed);

static struct next
leaf_rest(struct task *t)
{
	*(int *)task_out(t) = 7;
	return done(t);
}

static struct next
leaf_first(struct task *t)
{
	const int *ms = task_arg(t);

	if (*ms < 0)
		return fail(t, some_err(t, ERR_NETWORK));
	return await_sleep(t, *ms, leaf_rest);
}

static struct next
leaf_late(struct task *t)
{
	/* The parent's memory still stands, though it has failed long ago. */
	*(int *)task_out(t) = -1;
	flowrun_note("leaf.ended");
	return done(t);
}

static struct next
leaf_failed(struct task *t)
{
	flowrun_note("leaf.failed");
	return await_sleep(t, 100, leaf_late);
}

static struct next
branch_rest(struct task *t)
{
	const int *state = task_state(t);

	*(int *)task_out(t) = *state * 2;
	return done(t);
}

static struct next
branch_first(struct task *t)
{
	return task_call(
		t, &leaf, task_arg(t), sizeof(int), task_state(t), branch_rest, "branch_rest");
}

static struct next
root_rest(struct task *t)
{
	const int *state = task_state(t);

	flowrun_note("root.rest");
	*(int *)task_out(t) = *state;
	return done(t);
}

static struct next
root_first(struct task *t)
{
	return task_call(
		t, &branch, task_arg(t), sizeof(int), task_state(t), root_rest, "root_rest");
}

static struct next
root_failed(struct task *t)
{
	const int *state = task_state(t);

	assert_int_equal(*state, 0);
	return noted_failed(t);
}

static void
test_children(void **s)
{
	static const struct {
		int ms;
		enum err_kind kind;
		int out;
		int64_t took;
		const char *trace;
	} cases[] = {
		{10, ERR_KINDS, 14, 10, "root.rest"},
		/* A child's failure goes up, each level once. */
		{-1, ERR_NETWORK, 0, 100,
			"leaf.failed leaf.ended branch.failed(network) root.failed(network)"},
		/* The root's deadline goes down first and comes up again. */
		{3000, ERR_TIMEOUT, 0, 300,
			"leaf.failed leaf.ended branch.failed(timeout) root.failed(timeout)"},
	};

	(void)s;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct flowrun_end end;
		struct flowrun r;
		int64_t began;
		int out = 0;

		flowrun_init_fake(&r);
		began = clock_mono_ms();
		flowrun_start(&r, &end, &root, &cases[i].ms, sizeof(int), &out);
		flowrun_wait(&r);
		assert_int_equal(clock_mono_ms() - began, cases[i].took);
		flowrun_fini(&r);
		assert_int_equal(end.failed, cases[i].kind != ERR_KINDS);
		if (end.failed)
			assert_int_equal(end.kind, cases[i].kind);
		assert_int_equal(out, cases[i].out);
		flowrun_noted(cases[i].trace);
	}
}

/* Somebody spawns a child of a parent that is waiting for its last one to end. */
FLOW(crowd, 100, crowd_first, noted_failed);
FLOW(extra, 100000, extra_first, noted_failed);

static struct next
extra_first(struct task *t)
{
	flowrun_note("extra.first");
	return await_sleep(t, 50000, target_rest);
}

static void
crowd_child_ended(void *arg, const struct err *e)
{
	struct task *parent = arg;

	assert_non_null(e);
	flowrun_note("spawn");
	(void)task_spawn(parent, &extra, NULL, 0, NULL, NULL, NULL);
}

static struct next
crowd_first(struct task *t)
{
	(void)task_spawn(t, &extra, NULL, 0, NULL, crowd_child_ended, t);
	return await_sleep(t, 1000, target_rest);
}

static void
test_spawn_too_late(void **s)
{
	int64_t took;
	const struct flowrun_end end = run(&crowd, &took);

	(void)s;
	assert_int_equal(end.kind, ERR_TIMEOUT);
	assert_int_equal(took, 100);
	flowrun_noted("extra.first extra.failed(timeout) spawn extra.failed(timeout) "
		      "crowd.failed(timeout)");
}

/* ---- turns ---- */

/* A flow that only goes on lets others have their turn, and what comes from outside. */
FLOW(busy, 60000, busy_first, noted_failed);
FLOW(modest, 60000, modest_first, noted_failed);

static volatile bool busy_enough;
static long busy_rounds;

static struct next
busy_first(struct task *t)
{
	busy_rounds++;
	return busy_enough ? done(t) : go(t, busy_first);
}

static struct next
modest_rest(struct task *t)
{
	busy_enough = true;
	return done(t);
}

static struct next
modest_first(struct task *t)
{
	return await_sleep(t, 3, modest_rest);
}

static void
test_fair(void **s)
{
	struct flowrun_end a, b;
	struct flowrun r;

	(void)s;
	busy_enough = false;
	busy_rounds = 0;
	flowrun_init(&r); /* real time must pass */
	flowrun_start(&r, &a, &busy, NULL, 0, NULL);
	flowrun_start(&r, &b, &modest, NULL, 0, NULL);
	flowrun_wait(&r);
	flowrun_fini(&r);
	assert_false(a.failed || b.failed);
	assert_true(busy_rounds > 100);
}

/* ---- traces ---- */

FLOW(watched, 1000, watched_first, noted_failed);
FLOW(watcher, 1000, watcher_first, noted_failed);

static struct next
watched_first(struct task *t)
{
	return await_sleep(t, 500, target_rest);
}

static struct next
watcher_look(struct task *t)
{
	char want[256];
	struct buf b;

	buf_init(&b, 4096);
	task_trace(task_env(t)->loop, &b);
	(void)snprintf(want, sizeof(want),
		"watched#%d target_rest waits for sleep left=%dms\n"
		"watcher#%d watcher_look left=%dms\n",
		1, 900, 2, 900);
	check_span(buf_span(&b), span_of(want));
	buf_fini(&b);
	assert_int_equal(task_count(task_env(t)->loop), 2);
	return done(t);
}

static struct next
watcher_first(struct task *t)
{
	return await_sleep(t, 100, watcher_look);
}

static void
test_trace(void **s)
{
	struct flowrun_end a, b;
	struct flowrun r;

	(void)s;
	flowrun_init_fake(&r);
	flowrun_start(&r, &a, &watched, NULL, 0, NULL);
	flowrun_start(&r, &b, &watcher, NULL, 0, NULL);
	flowrun_wait(&r);
	flowrun_fini(&r);
	assert_false(a.failed || b.failed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_fail),
		cmocka_unit_test(test_fail_twice),
		cmocka_unit_test(test_failed_waits),
		cmocka_unit_test(test_grace_over),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_stood_still),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancel_self),
		cmocka_unit_test(test_cancel_in_failed),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_wait_cancel_once),
		cmocka_unit_test(test_wait_regretted),
		cmocka_unit_test(test_children),
		cmocka_unit_test(test_spawn_too_late),
		cmocka_unit_test(test_fair),
		cmocka_unit_test(test_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
