#include "task/gather.h"

#include "base/clock.h"
#include "lib/check.h"
#include "lib/flowrun.h"

/* What the runs have seen: "0 | 1 2 3 | ..." */
static char trace[1024];

static void
note(struct span before, int value)
{
	const size_t n = strlen(trace);

	assert_true(n + 32 < sizeof(trace));
	(void)snprintf(trace + n, sizeof(trace) - n, "%.*s%d", SPAN_FMT(before), value);
}

/* One settlement takes 100 ms; a number above 1000 is refused alone, 666 fails the run. */
static step_fn settle_first, settle_rest, settle_failed;
static const struct flow settle_flow = {.name = "settle",
	.size = 1,
	.deadline_ms = 300,
	.first = settle_first,
	.failed = settle_failed};

static struct next
settle_first(struct task *t)
{
	struct gather_item **items;
	size_t n;
	int ms = 100;

	items = gather_items(t, &n);
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		const int v = *(const int *)items[i]->data;

		note(i ? SPAN(" ") : trace[0] ? SPAN(" | ") : SPAN(""), v);
		if (v == 999)
			ms = 5000;
	}
	return await_sleep(t, ms, settle_rest);
}

static struct next
settle_rest(struct task *t)
{
	struct gather_item **items;
	size_t n;

	items = gather_items(t, &n);
	for (size_t i = 0; i < n; i++) {
		int *v = items[i]->data;

		if (*v == 666)
			return fail(t, err_new(task_arena(t), ERR_DB, "all of it"));
		if (*v > 1000)
			items[i]->err = err_new(task_arena(t), ERR_INPUT, "not %d", *v);
		else
			*v = -*v;
	}
	return done(t);
}

static struct next
settle_failed(struct task *t)
{
	return fail(t, task_error(t));
}

struct member_arg {
	struct gather *gather;
	int value, after_ms;
};

struct member {
	struct gather_item item;
	int value;
};

static step_fn member_first, member_hand_in, member_rest;
static const struct flow member_flow = {.name = "member",
	.size = sizeof(struct member),
	.deadline_ms = 10000,
	.first = member_first,
	.failed = flowrun_failed};
static const struct flow member_short_flow = {.name = "member.short",
	.size = sizeof(struct member),
	.deadline_ms = 50,
	.first = member_first,
	.failed = flowrun_failed};

static struct next
member_first(struct task *t)
{
	const struct member_arg *a = task_arg(t);

	return a->after_ms ? await_sleep(t, a->after_ms, member_hand_in)
			   : go(t, member_hand_in);
}

static struct next
member_hand_in(struct task *t)
{
	const struct member_arg *a = task_arg(t);
	struct member *m = task_state(t);

	m->value = a->value;
	return await_gather(t, a->gather, &m->item, &m->value, member_rest);
}

static struct next
member_rest(struct task *t)
{
	const struct member *m = task_state(t);

	*(int *)task_out(t) = m->value;
	return done(t);
}

struct member_case {
	int value, after_ms;
	bool impatient;
	enum err_kind kind; /* ERR_KINDS = success */
};

struct member_end {
	struct flowrun_end end;
	int out;
};

static void
test_gather(void **state)
{
	static const struct {
		const char *what;
		size_t max, runs;
		struct member_case m[6];
		size_t n;
		const char *trace;
		int64_t took;
	} cases[] = {
		{"a lone one does not wait for others", 10, 1, {{1, 0, false, ERR_KINDS}}, 1,
			"1", 100},
		{"who comes during a run goes into the next one, in order", 10, 1,
			{{1, 0, false, ERR_KINDS}, {2, 10, false, ERR_KINDS},
				{3, 20, false, ERR_KINDS}, {4, 150, false, ERR_KINDS}},
			4, "1 | 2 3 | 4", 300},
		{"at most max in a run", 2, 1,
			{{1, 0, false, ERR_KINDS}, {2, 1, false, ERR_KINDS},
				{3, 2, false, ERR_KINDS}, {4, 3, false, ERR_KINDS},
				{5, 4, false, ERR_KINDS}},
			5, "1 | 2 3 | 4 5", 300},
		{"two runs at a time", 1, 2,
			{{1, 0, false, ERR_KINDS}, {2, 1, false, ERR_KINDS},
				{3, 2, false, ERR_KINDS}},
			3, "1 | 2 | 3", 200},
		{"one is refused alone", 10, 1,
			{{1, 0, false, ERR_KINDS}, {1001, 1, false, ERR_INPUT},
				{3, 2, false, ERR_KINDS}},
			3, "1 | 1001 3", 200},
		{"a run that fails fails all of its own, and the next one runs", 2, 1,
			{{1, 0, false, ERR_KINDS}, {666, 1, false, ERR_DB},
				{3, 2, false, ERR_DB}, {4, 3, false, ERR_KINDS}},
			4, "1 | 666 3 | 4", 300},
		{"a run that takes too long fails with its deadline", 10, 1,
			{{999, 0, false, ERR_TIMEOUT}, {2, 1, false, ERR_KINDS}}, 2, "999 | 2",
			400},
		{"who goes away before the run is not in it", 10, 1,
			{{1, 0, false, ERR_KINDS}, {2, 10, true, ERR_TIMEOUT},
				{3, 20, false, ERR_KINDS}},
			3, "1 | 3", 200},
		{"who goes away during the run waits for it: it has his memory", 10, 1,
			{{1, 0, true, ERR_TIMEOUT}, {2, 60, false, ERR_KINDS}}, 2, "1 | 2",
			200},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct member_end ends[6] = {0};
		struct gather *g;
		struct flowrun r;
		int64_t began;

		trace[0] = '\0';
		flowrun_init_fake(&r);
		began = clock_mono_ms();
		g = gather_new(r.loop, &settle_flow, cases[i].max, cases[i].runs);
		for (size_t k = 0; k < cases[i].n; k++) {
			const struct member_arg arg = {.gather = g,
				.value = cases[i].m[k].value,
				.after_ms = cases[i].m[k].after_ms};

			flowrun_start(&r, &ends[k].end,
				cases[i].m[k].impatient ? &member_short_flow : &member_flow,
				&arg, sizeof(arg), &ends[k].out);
		}
		flowrun_wait(&r);
		if (strcmp(trace, cases[i].trace) != 0)
			check_fail("%s: \"%s\", want \"%s\"", cases[i].what, trace,
				cases[i].trace);
		for (size_t k = 0; k < cases[i].n; k++) {
			const struct member_case *m = &cases[i].m[k];

			assert_int_equal(ends[k].end.failed, m->kind != ERR_KINDS);
			if (ends[k].end.failed)
				assert_int_equal(ends[k].end.kind, m->kind);
			assert_int_equal(ends[k].out, m->kind == ERR_KINDS ? -m->value : 0);
		}
		assert_int_equal(clock_mono_ms() - began, cases[i].took);
		gather_free(g);
		flowrun_fini(&r);
	}
}

/* Values weigh what they are: a run takes 10 together, or a single one of any weight. */
static size_t
weight_of(const void *data)
{
	return (size_t) * (const int *)data;
}

static void
test_weight(void **state)
{
	static const int values[] = {1, 4, 6, 1, 30, 5, 5};
	struct member_end ends[ARRAY_LEN(values)] = {0};
	struct gather *g;
	struct flowrun r;

	(void)state;
	trace[0] = '\0';
	flowrun_init_fake(&r);
	g = gather_new(r.loop, &settle_flow, 3, 1);
	gather_weigh(g, weight_of, 10);
	for (size_t k = 0; k < ARRAY_LEN(values); k++) {
		const struct member_arg arg = {
			.gather = g, .value = values[k], .after_ms = (int)k};

		flowrun_start(&r, &ends[k].end, &member_flow, &arg, sizeof(arg), &ends[k].out);
	}
	flowrun_wait(&r);
	assert_string_equal(trace, "1 | 4 6 | 1 | 30 | 5 5");
	for (size_t k = 0; k < ARRAY_LEN(values); k++)
		assert_int_equal(ends[k].out, -values[k]);
	gather_free(g);
	flowrun_fini(&r);
}

/* The program stops while some are in a run and some wait for the next. */
static void
test_stop(void **state)
{
	struct member_end ends[4] = {0};
	struct gather *g;
	struct flowrun r;

	(void)state;
	trace[0] = '\0';
	flowrun_init_fake(&r);
	g = gather_new(r.loop, &settle_flow, 10, 1);
	for (int k = 0; k < 4; k++) {
		const struct member_arg arg = {.gather = g, .value = k + 1, .after_ms = k};

		flowrun_start(&r, &ends[k].end, &member_flow, &arg, sizeof(arg), &ends[k].out);
	}
	flowrun_stop(&r, 50);
	flowrun_wait(&r);
	for (int k = 0; k < 4; k++)
		assert_int_equal(ends[k].end.kind, ERR_STOPPED);
	assert_string_equal(trace, "1"); /* no other run began */
	gather_free(g);
	flowrun_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gather),
		cmocka_unit_test(test_weight),
		cmocka_unit_test(test_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
