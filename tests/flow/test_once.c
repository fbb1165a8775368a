#include "task/once.h"

#include "base/clock.h"
#include "lib/check.h"
#include "lib/flowrun.h"

/* The run: 100 ms, then a text made of its argument, or a failure. */
struct answer {
	struct span text;
	int number;
};

static int runs_begun, runs_failed;

static step_fn fetch_first, fetch_rest, fetch_failed;
static const struct flow fetch_flow = {.name = "fetch",
	.size = 1,
	.deadline_ms = 1000,
	.first = fetch_first,
	.failed = fetch_failed};

static struct next
fetch_first(struct task *t)
{
	const int *number = task_arg(t);

	runs_begun++;
	return await_sleep(t, *number == 999 ? 5000 : 100, fetch_rest);
}

static struct next
fetch_rest(struct task *t)
{
	const int number = *(const int *)task_arg(t);
	struct answer *out = task_out(t);

	if (number < 0)
		return fail(
			t, err_wrap(task_arena(t), err_new(task_arena(t), ERR_NETWORK, "cause"),
				   "number %d", number));
	out->number = number;
	out->text = arena_printf(task_arena(t), "number %d", number);
	return done(t);
}

static struct next
fetch_failed(struct task *t)
{
	runs_failed++;
	return fail(t, task_error(t));
}

static void
answer_copy(struct arena *to, void *out, const void *result)
{
	const struct answer *from = result;
	struct answer *a = out;

	a->number = from->number;
	a->text = arena_dup(to, from->text);
}

static const struct once_ops answer_ops = {
	.flow = &fetch_flow, .result_size = sizeof(struct answer), .copy = answer_copy};

/* One who asks, after a while. */
struct asker_arg {
	struct once *once;
	const char *key;
	int number, after_ms;
};

struct asker {
	struct answer answer;
};

static struct span answers[8]; /* the memory of each waiter's answer, to see that they differ */
static size_t n_answers;

static step_fn ask_first, ask_ask, ask_rest;
static const struct flow ask_flow = {.name = "ask",
	.size = sizeof(struct asker),
	.deadline_ms = 10000,
	.first = ask_first,
	.failed = flowrun_failed};
static const struct flow ask_short_flow = {.name = "ask.short",
	.size = sizeof(struct asker),
	.deadline_ms = 50,
	.first = ask_first,
	.failed = flowrun_failed};

static struct next
ask_first(struct task *t)
{
	const struct asker_arg *a = task_arg(t);

	return a->after_ms ? await_sleep(t, a->after_ms, ask_ask) : go(t, ask_ask);
}

static struct next
ask_ask(struct task *t)
{
	const struct asker_arg *a = task_arg(t);
	struct asker *s = task_state(t);
	/* The key need not live longer than the call. */
	char key[16];

	(void)snprintf(key, sizeof(key), "%s", a->key);
	return await_once(
		t, a->once, span_of(key), &a->number, sizeof(a->number), &s->answer, ask_rest);
}

static struct next
ask_rest(struct task *t)
{
	struct asker *s = task_state(t);
	char want[32];

	(void)snprintf(want, sizeof(want), "number %d", s->answer.number);
	check_span(s->answer.text, span_of(want));
	assert_true(n_answers < ARRAY_LEN(answers));
	answers[n_answers++] = s->answer.text;
	*(int *)task_out(t) = s->answer.number;
	return done(t);
}

struct ask {
	const char *key;
	int number, after_ms;
	bool impatient;
	/* Expected. */
	enum err_kind kind; /* ERR_KINDS = success */
	int got;
};

static void
test_once(void **state)
{
	static const struct {
		const char *what;
		struct ask asks[5];
		size_t n;
		int runs, failed;
	} cases[] = {
		{"several at once: one run, the argument of the first",
			{{"k", 1, 0, false, ERR_KINDS, 1}, {"k", 2, 0, false, ERR_KINDS, 1},
				{"k", 3, 50, false, ERR_KINDS, 1},
				{"k", 4, 99, false, ERR_KINDS, 1}},
			4, 1, 0},
		{"another key, another run",
			{{"k", 1, 0, false, ERR_KINDS, 1}, {"l", 2, 0, false, ERR_KINDS, 2},
				{"", 3, 0, false, ERR_KINDS, 3}},
			3, 3, 0},
		{"nothing is kept",
			{{"k", 1, 0, false, ERR_KINDS, 1}, {"k", 2, 101, false, ERR_KINDS, 2}},
			2, 2, 0},
		{"a failure reaches all",
			{{"k", -1, 0, false, ERR_NETWORK, 0},
				{"k", 2, 50, false, ERR_NETWORK, 0}},
			2, 1, 1},
		{"the first one goes away: the run goes on for the others",
			{{"k", 1, 0, true, ERR_TIMEOUT, 0}, {"k", 2, 10, false, ERR_KINDS, 1},
				{"k", 3, 60, false, ERR_KINDS, 1}},
			3, 1, 0},
		{"all go away: the run goes on and is of use to who comes later",
			{{"k", 1, 0, true, ERR_TIMEOUT, 0}, {"k", 2, 0, true, ERR_TIMEOUT, 0},
				{"k", 3, 90, false, ERR_KINDS, 1}},
			3, 1, 0},
		{"the run's own deadline",
			{{"k", 999, 0, false, ERR_TIMEOUT, 0},
				{"k", 2, 500, false, ERR_TIMEOUT, 0}},
			2, 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct once *o = once_new(&answer_ops);
		struct flowrun_end ends[5];
		struct flowrun r;
		int out[5] = {0};

		runs_begun = runs_failed = 0;
		n_answers = 0;
		flowrun_init_fake(&r);
		for (size_t k = 0; k < cases[i].n; k++) {
			const struct ask *ask = &cases[i].asks[k];
			const struct asker_arg arg = {.once = o,
				.key = ask->key,
				.number = ask->number,
				.after_ms = ask->after_ms};

			flowrun_start(&r, &ends[k],
				ask->impatient ? &ask_short_flow : &ask_flow, &arg, sizeof(arg),
				&out[k]);
		}
		flowrun_wait(&r);
		for (size_t k = 0; k < cases[i].n; k++) {
			const struct ask *ask = &cases[i].asks[k];

			if (ends[k].failed != (ask->kind != ERR_KINDS) || out[k] != ask->got)
				check_fail("%s: asker %zu got %d, \"%s\"", cases[i].what, k,
					out[k], ends[k].text);
			if (ask->kind == ERR_NETWORK)
				assert_string_equal(ends[k].text, "number -1: cause");
			if (ask->kind != ERR_KINDS)
				assert_int_equal(ends[k].kind, ask->kind);
		}
		assert_int_equal(runs_begun, cases[i].runs);
		assert_int_equal(runs_failed, cases[i].failed);
		for (size_t k = 0; k < n_answers; k++)
			for (size_t m = 0; m < k; m++)
				assert_ptr_not_equal(answers[k].p, answers[m].p);
		assert_int_equal(once_runs(o), 0);
		once_free(o);
		flowrun_fini(&r);
	}
}

/* The program stops: the run and who waits for it end, whatever the order. */
static void
test_stop(void **state)
{
	struct once *o = once_new(&answer_ops);
	const struct asker_arg arg = {.once = o, .key = "k", .number = 999};
	struct flowrun_end ends[3];
	struct flowrun r;
	int out = 0;

	(void)state;
	runs_failed = 0;
	flowrun_init_fake(&r);
	for (size_t k = 0; k < ARRAY_LEN(ends); k++)
		flowrun_start(&r, &ends[k], &ask_flow, &arg, sizeof(arg), &out);
	flowrun_stop(&r, 10);
	flowrun_wait(&r);
	for (size_t k = 0; k < ARRAY_LEN(ends); k++)
		assert_int_equal(ends[k].kind, ERR_STOPPED);
	assert_int_equal(runs_failed, 1);
	once_free(o);
	flowrun_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
