/*
 * Random trees of flows that call, gather, share, wait, fail and are cancelled at every wait,
 * on a fake clock. Whatever happens, each flow ends once; `failed` runs exactly once in those
 * that fail and never in those that succeed, after all children have ended; no step runs after
 * the end or after a failed wait; and AddressSanitizer sees every byte.
 *
 * LITFASS_TEST_SEED=N repeats one round; LITFASS_TEST_LONG=1 runs 50 times as many.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "lib/check.h"
#include "lib/flowrun.h"
#include "task/gather.h"
#include "task/group.h"
#include "task/once.h"

#define ROUNDS 2500
#define TASKS_MAX 400 /* of one round; then nobody has children any more */
#define DEPTH_MAX 4
#define KEYS 3

/* ---- chance ---- */

static uint64_t seed_now;

/* SplitMix64: any seed is a good one. */
static uint32_t
chance(uint32_t below)
{
	uint64_t z = (seed_now += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((z ^ (z >> 31)) >> 32) % below;
}

/* ---- what is known of every flow, from outside its memory ---- */

struct life {
	struct task *task; /* while it lives */
	int parent;        /* its number, -1 = root */
	int children;      /* alive, and children of ours */
	int steps, failed;
	bool known, ended, says_done, says_fail;
};

static struct round {
	struct flowrun run;
	struct gather *gather;
	struct once *once;
	struct life lives[TASKS_MAX];
	int n;
	int waits; /* armed and neither woken nor taken back */
	uint32_t strikes;
	struct loop_timer chaos;
} now;

struct node_arg {
	int number, depth;
};

static void
node_gone(void *arg)
{
	struct life *l = arg;

	assert_true(l->known && !l->ended);
	assert_int_equal(l->children, 0);
	l->ended = true;
	l->task = NULL;
	if (l->parent >= 0)
		now.lives[l->parent].children--;
}

static int
life_new(int parent)
{
	const int number = now.n++;

	assert_true(number < TASKS_MAX);
	now.lives[number] = (struct life){.parent = parent};
	if (parent >= 0)
		now.lives[parent].children++;
	return number;
}

/* At the beginning of every step. */
static struct life *
life_of(struct task *t)
{
	const struct node_arg *a = task_arg(t);
	struct life *l = &now.lives[a->number];

	assert_false(l->ended || l->says_done);
	if (!l->known) {
		l->known = true;
		l->task = t;
		arena_own(task_arena(t), node_gone, l);
	}
	l->steps++;
	if (task_out(t))
		++*(int *)task_out(t); /* the starter's memory must still be there */
	return l;
}

/* ---- a resource of somebody else ---- */

struct thing {
	struct loop_timer timer;
	struct task *task;
	bool firm, fails, armed, asked, ok;
};

static void
thing_ready(void *arg)
{
	struct thing *w = arg;
	struct arena *a = arena_new();

	assert_true(w->armed);
	w->armed = false;
	now.waits--;
	w->ok = !w->fails;
	task_wake(w->task, w->fails ? err_new(a, ERR_UPSTREAM, "the thing is broken") : NULL);
	arena_free(a);
}

static bool
thing_cancel(struct task *t, void *arg)
{
	struct thing *w = arg;

	assert_ptr_equal(w->task, t);
	assert_true(w->armed && !w->asked);
	w->asked = true;
	if (w->firm)
		return false;
	loop_timer_clear(&w->timer);
	w->armed = false;
	now.waits--;
	return true;
}

static struct next
await_thing(struct task *t, struct thing *w, step_fn *then, const char *name)
{
	static const struct wait_ops ops = {.name = "thing", .cancel = thing_cancel};
	const struct next n = task_park(t, &ops, w, then, name);

	*w = (struct thing){
		.task = t, .firm = chance(2) == 0, .fails = chance(4) == 0, .armed = true};
	now.waits++;
	if (chance(4) == 0)
		thing_ready(w);
	else
		loop_timer_set(now.run.loop, &w->timer, chance(60), thing_ready, w);
	return n;
}

/* ---- single flight and gathering, on flows of their own ---- */

static step_fn side_first, side_rest;
static const struct flow side_flow = {.name = "side",
	.size = 1,
	.deadline_ms = 40,
	.first = side_first,
	.failed = flowrun_failed};
static const struct flow batch_flow = {.name = "batch",
	.size = 1,
	.deadline_ms = 40,
	.first = side_first,
	.failed = flowrun_failed};

static struct next
side_first(struct task *t)
{
	return chance(4) ? await_sleep(t, chance(60), side_rest) : go(t, side_rest);
}

static struct next
side_rest(struct task *t)
{
	if (chance(4) == 0)
		return fail(t, err_new(task_arena(t), ERR_NETWORK, "the side is broken"));
	if (strcmp(task_log_ctx(t)->flow, "batch") == 0) {
		struct gather_item **items;
		size_t n;

		items = gather_items(t, &n);
		for (size_t i = 0; i < n; i++) {
			if (chance(5) == 0)
				items[i]->err =
					err_new(task_arena(t), ERR_INPUT, "not this one");
			else
				*(int *)items[i]->data = 4711;
		}
	} else {
		*(int *)task_out(t) = 4711;
	}
	return done(t);
}

static void
side_copy(struct arena *to, void *out, const void *result)
{
	(void)to;
	*(int *)out = *(const int *)result;
}

static const struct once_ops side_ops = {
	.flow = &side_flow, .result_size = sizeof(int), .copy = side_copy};

/* ---- the flow of the tree ---- */

struct node {
	struct thing thing;
	struct group group;
	struct gather_item item;
	int side, marks; /* written by runs and children */
	size_t grouped;
};

static step_fn node_first, node_next, node_after_thing, node_after_group, node_after_side,
	node_failed, node_failed_more;

#define NODE(ident, ms)                                                                        \
	{                                                                                      \
		.name = ident, .size = sizeof(struct node), .deadline_ms = (ms),               \
		.first = node_first, .failed = node_failed                                     \
	}
static const struct flow node_flows[] = {
	NODE("node.5", 5),
	NODE("node.30", 30),
	NODE("node.200", 200),
	NODE("node.9000", 9000),
};

static const struct flow *
some_flow(void)
{
	return &node_flows[chance(ARRAY_LEN(node_flows))];
}

static bool
may_bear(const struct node_arg *a)
{
	return a->depth < DEPTH_MAX && now.n < TASKS_MAX - 10;
}

static struct next
node_call(struct task *t, step_fn *then, const char *name)
{
	const struct node_arg *a = task_arg(t);
	struct node *s = task_state(t);
	const struct node_arg child = {.number = life_new(a->number), .depth = a->depth + 1};

	return task_call(t, some_flow(), &child, sizeof(child), &s->marks, then, name);
}

static struct next
node_group(struct task *t)
{
	const struct node_arg *a = task_arg(t);
	struct node *s = task_state(t);
	const uint32_t n = chance(5);

	group_init(&s->group, t, chance(3));
	s->grouped = n;
	for (uint32_t i = 0; i < n; i++) {
		/* Those that the limit holds back may never begin: not counted as children. */
		const struct node_arg child = {.number = life_new(-1), .depth = a->depth + 1};

		(void)group_add(&s->group, some_flow(), &child, sizeof(child), &s->marks);
	}
	return await_all(t, &s->group, node_after_group);
}

/* The next thing to do, at random; the chance of an end grows with the steps. */
static struct next
node_next(struct task *t)
{
	const struct node_arg *a = task_arg(t);
	struct node *s = task_state(t);
	struct life *l = life_of(t);
	char key[2] = {'a', '\0'};

	assert_int_equal(l->failed, 0);
	assert_null(task_error(t));
	if ((int)chance(12) < l->steps) {
		if (chance(4) == 0) {
			l->says_fail = true;
			return fail(t, err_new(task_arena(t), ERR_CONFLICT, "of myself"));
		}
		l->says_done = true;
		return done(t);
	}
	switch (chance(8)) {
	case 0:
		return go(t, node_next);
	case 1:
		return await_sleep(t, chance(60), node_next);
	case 2:
		return may_bear(a) ? node_call(t, node_next, "node_next") : go(t, node_next);
	case 3:
		return may_bear(a) ? node_group(t) : go(t, node_next);
	case 4:
		s->side = 0;
		key[0] = (char)('a' + chance(KEYS));
		return await_once(
			t, now.once, span_of(key), NULL, 0, &s->side, node_after_side);
	case 5:
		s->side = 0;
		s->item = (struct gather_item){0};
		return await_gather(t, now.gather, &s->item, &s->side, node_after_side);
	case 6:
		if (now.n < TASKS_MAX / 2 && chance(4) == 0) /* a step that regrets its wait */
			(void)await_thing(t, &s->thing, node_after_thing, "node_after_thing")
				.kind;
		if (s->thing.armed)
			return fail(t, err_new(task_arena(t), ERR_GONE, "regret"));
		return go(t, node_next);
	default:
		return await_thing(t, &s->thing, node_after_thing, "node_after_thing");
	}
}

static struct next
node_first(struct task *t)
{
	return node_next(t);
}

static struct next
node_after_thing(struct task *t)
{
	const struct node *s = task_state(t);

	assert_true(s->thing.ok && !s->thing.armed);
	return go(t, node_next);
}

static struct next
node_after_group(struct task *t)
{
	struct node *s = task_state(t);
	size_t failed = 0;

	for (size_t i = 0; i < s->grouped; i++)
		failed += group_error(&s->group, i) != NULL;
	assert_int_equal(failed, s->group.failed);
	return go(t, node_next);
}

static struct next
node_after_side(struct task *t)
{
	const struct node *s = task_state(t);

	assert_int_equal(s->side, 4711);
	return go(t, node_next);
}

/* After the failure: end at once, wait a little, call somebody, or fail once more. */
static struct next
node_failed_more(struct task *t)
{
	const struct node_arg *a = task_arg(t);
	struct node *s = task_state(t);

	(void)life_of(t);
	assert_non_null(task_error(t));
	switch (chance(8)) {
	case 0:
		return await_sleep(t, chance(60), node_failed_more);
	case 1:
		return await_thing(t, &s->thing, node_failed_more, "node_failed_more");
	case 2:
		return may_bear(a) ? node_call(t, node_failed_more, "node_failed_more")
				   : done(t);
	case 3:
		return fail(t, err_new(task_arena(t), ERR_CORRUPT, "once more"));
	case 4:
		return await_sleep(t, 3 * FLOW_GRACE_MS, node_failed_more);
	default:
		return done(t);
	}
}

static struct next
node_failed(struct task *t)
{
	struct life *l = life_of(t);
	struct node *s = task_state(t);

	assert_int_equal(l->children, 0);
	assert_int_equal(++l->failed, 1);
	assert_false(s->thing.armed);
	if (l->says_fail)
		assert_int_equal(task_error(t)->kind, ERR_CONFLICT);
	return node_failed_more(t);
}

/* ---- somebody who cancels whom he likes ---- */

static void
chaos_strikes(void *arg)
{
	struct arena *a = arena_new();

	(void)arg;
	for (uint32_t i = chance(3); i > 0; i--) {
		struct life *l = &now.lives[chance((uint32_t)now.n)];

		if (l->task)
			task_cancel(l->task, err_new(a, ERR_FORBIDDEN, "by chance"));
	}
	if (chance(100) == 0)
		loop_stop(now.run.loop, (int)chance(100));
	/* Fewer when only those are left that make use of their whole grace. */
	if (now.run.alive > 0)
		loop_timer_set(now.run.loop, &now.chaos, chance(++now.strikes < 40 ? 20 : 5000),
			chaos_strikes, NULL);
	arena_free(a);
}

static void
round_run(uint64_t seed)
{
	struct flowrun_end ends[6];
	const uint32_t roots = 1 + (seed_now = seed, chance(ARRAY_LEN(ends)));
	const int64_t mono = 1000000;

	memset(&now, 0, sizeof(now));
	flowrun_init_fake(&now.run);
	assert_int_equal(clock_mono_ms(), mono);
	now.gather = gather_new(now.run.loop, &batch_flow, 1 + chance(4), 1 + chance(2));
	now.once = once_new(&side_ops);
	for (uint32_t i = 0; i < roots; i++) {
		const struct node_arg arg = {.number = life_new(-1)};

		flowrun_start(&now.run, &ends[i], some_flow(), &arg, sizeof(arg), NULL);
	}
	loop_timer_set(now.run.loop, &now.chaos, chance(20), chaos_strikes, NULL);
	flowrun_wait(&now.run);
	loop_timer_clear(&now.chaos);
	assert_int_equal(now.waits, 0);
	for (int i = 0; i < now.n; i++) {
		const struct life *l = &now.lives[i];

		assert_int_equal(l->known, l->ended);
		assert_true(!l->known || l->says_done == (l->failed == 0));
	}
	for (uint32_t i = 0; i < roots; i++) {
		assert_int_equal(ends[i].failed, now.lives[i].failed);
		assert_true(now.lives[i].ended);
		if (now.lives[i].says_fail)
			assert_int_equal(ends[i].kind, ERR_CONFLICT);
	}
	assert_int_equal(once_runs(now.once), 0);
	once_free(now.once);
	gather_free(now.gather);
	flowrun_fini(&now.run);
}

static void
test_random(void **state)
{
	const char *given = getenv("LITFASS_TEST_SEED");
	const bool again = given && given[0];
	uint64_t seed = (uint64_t)clock_us(), rounds = again ? 1 : ROUNDS;

	(void)state;
	if (getenv("LITFASS_TEST_LONG"))
		rounds *= 50;
	if (again)
		assert_true(span_u64(span_of(given), UINT64_MAX, &seed));
	for (uint64_t i = 0; i < rounds; i++) {
		/* Before, so that it is known also when the round ends the process. */
		(void)fprintf(stderr, "\rLITFASS_TEST_SEED=%" PRIu64 " ", seed + i);
		round_run(seed + i);
	}
	(void)fprintf(stderr, "\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
