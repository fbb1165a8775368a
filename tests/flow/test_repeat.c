#include "task/repeat.h"

#include "base/clock.h"
#include "lib/capture.h"
#include "lib/check.h"
#include "lib/flowrun.h"

#define RUNS_MAX 4
#define GOOD ERR_KINDS

/* A flow that takes its time, and ends each run as it was told to. */
struct beat {
	struct repeat *repeat;
	int64_t began;
	int takes_ms;
	size_t runs, self_hints; /* so many runs ask for the next one themselves */
	enum err_kind ends[RUNS_MAX];
	bool told;  /* `ends` is meant: otherwise all are good */
	int64_t at; /* when the last one began; all of them are noted: "0 100 200" */
};

static step_fn beat_first, beat_rest;

static const struct flow beat_flow = {.name = "test.beat",
	.size = 1,
	.deadline_ms = 300,
	.first = beat_first,
	.failed = flowrun_failed};

static struct next
beat_first(struct task *t)
{
	struct beat *b = repeat_arg(t);
	char at[24];

	b->at = clock_mono_ms() - b->began;
	(void)snprintf(at, sizeof(at), "%d", (int)b->at);
	flowrun_note(at);
	return await_sleep(t, b->takes_ms, beat_rest);
}

static struct next
beat_rest(struct task *t)
{
	struct beat *b = repeat_arg(t);
	const size_t run = b->runs++;

	if (run < b->self_hints)
		repeat_hint(b->repeat);
	if (!b->told || run >= RUNS_MAX || b->ends[run] == GOOD)
		return done(t);
	return fail(t, err_new(task_arena(t), b->ends[run], "run %zu", run));
}

static void
beat_start(struct beat *b, struct loop *l, struct repeat_opts o)
{
	o.flow = &beat_flow;
	o.arg = b;
	b->began = clock_mono_ms();
	b->repeat = repeat_start(l, &o);
}

/* What else happens in the loop. */
struct event {
	struct loop_timer timer;
	struct loop *loop;
	int grace_ms;
};

static void
event_stop(void *arg)
{
	const struct event *e = arg;

	loop_stop(e->loop, e->grace_ms);
}

/* Keeps the loop going after the stop: what must not begin then has time to. */
static step_fn keep_first, keep_rest;

static const struct flow keep_flow = {.name = "test.keep",
	.size = 1,
	.deadline_ms = 100000,
	.first = keep_first,
	.failed = flowrun_failed};

static struct next
keep_first(struct task *t)
{
	return await_sleep(t, *(const int *)task_arg(t), keep_rest);
}

static struct next
keep_rest(struct task *t)
{
	return done(t);
}

/* ---- when ---- */

#define HINTS_MAX 4

struct times {
	const char *what;
	struct repeat_opts o;
	int takes_ms;
	int hints[HINTS_MAX]; /* when; 0 = none */
	enum err_kind first;  /* how the first run ends */
	size_t self_hints;
	int stop_ms, grace_ms;
	const char *trace;
};

static const struct times times[] = {
	{"first_ms, and then the pause from the end",
		{.first_ms = 30, .pause_ms = 100, .hint_ms = 20}, 40, {0}, GOOD, 0, 400, 0,
		"30 170 310"},
	{"at once", {.pause_ms = 100, .hint_ms = 20}, 10, {0}, GOOD, 0, 300, 0, "0 110 220"},
	{"a hint hastens", {.pause_ms = 100, .hint_ms = 20}, 10, {40}, GOOD, 0, 250, 0,
		"0 60 170"},
	{"a hint hastens the first run", {.first_ms = 90, .pause_ms = 100, .hint_ms = 20}, 10,
		{10}, GOOD, 0, 120, 0, "30"},
	{"a hint never delays", {.pause_ms = 100, .hint_ms = 20}, 10, {105}, GOOD, 0, 250, 0,
		"0 110 220"},
	{"not even one that takes longer than the pause", {.pause_ms = 100, .hint_ms = 500}, 10,
		{5, 40}, GOOD, 0, 250, 0, "0 110 220"},
	{"many hints are one run, as soon as the first of them wants it",
		{.pause_ms = 100, .hint_ms = 20}, 10, {40, 45, 50, 59}, GOOD, 0, 250, 0,
		"0 60 170"},
	{"hints without end are a run every hint_ms, not more",
		{.pause_ms = 1000, .hint_ms = 50}, 0, {10, 59, 61, 109}, GOOD, 0, 500, 0,
		"0 60 111"},
	{"hints during a run are one run afterwards", {.pause_ms = 100, .hint_ms = 20}, 50,
		{10, 20, 49}, GOOD, 0, 250, 0, "0 70 220"},
	{"at once, if so wanted", {.pause_ms = 100}, 50, {10, 20, 120}, GOOD, 0, 300, 0,
		"0 50 120 270"},
	{"a run asks for the next one itself", {.pause_ms = 100}, 10, {0}, GOOD, 3, 200, 0,
		"0 10 20 30 140"},
	{"a failed run is followed by the pause", {.pause_ms = 100, .hint_ms = 20}, 50, {0},
		ERR_DB, 0, 400, 0, "0 150 300"},
	{"also when a hint came meanwhile, which is forgotten then",
		{.pause_ms = 100, .hint_ms = 20}, 50, {10}, ERR_DB, 0, 400, 0, "0 150 300"},
	{"and when somebody else was faster", {.pause_ms = 100, .hint_ms = 20}, 50, {10},
		ERR_CONFLICT, 0, 400, 0, "0 150 300"},
	{"a hint after a failed run hastens", {.pause_ms = 100, .hint_ms = 20}, 50, {60},
		ERR_DB, 0, 200, 0, "0 80"},
	{"a run that takes too long is a failed one", {.pause_ms = 100, .hint_ms = 20}, 5000,
		{10}, GOOD, 0, 850, 0, "0 400 800"},
	{"no run begins after the stop, not for a hint either",
		{.pause_ms = 100, .hint_ms = 20}, 10, {70}, GOOD, 0, 60, 1000, "0"},
	{"nor the first one", {.first_ms = 100, .pause_ms = 100, .hint_ms = 20}, 10, {70}, GOOD,
		0, 60, 1000, ""},
	{"a run under way may end, and is the last", {.pause_ms = 100, .hint_ms = 20}, 100,
		{20, 70}, GOOD, 0, 60, 1000, "0"},
	{"or fails when the grace is over", {.pause_ms = 100, .hint_ms = 20}, 200, {20, 70},
		GOOD, 0, 60, 50, "0"},
};

static void
test_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		const struct times *c = &times[i];
		const int keep_ms = c->stop_ms + c->grace_ms;
		struct beat b = {.takes_ms = c->takes_ms,
			.told = true,
			.self_hints = c->self_hints,
			.ends = {c->first, GOOD, GOOD, GOOD}};
		struct loop_timer hints[HINTS_MAX] = {0};
		struct event stop = {.grace_ms = c->grace_ms};
		struct flowrun_end keep;
		struct flowrun r;

		flowrun_init_fake(&r);
		stop.loop = r.loop;
		beat_start(&b, r.loop, c->o);
		for (size_t k = 0; k < HINTS_MAX; k++)
			if (c->hints[k])
				loop_timer_set(
					r.loop, &hints[k], c->hints[k], repeat_hint, b.repeat);
		loop_timer_set(r.loop, &stop.timer, c->stop_ms, event_stop, &stop);
		flowrun_start(&r, &keep, &keep_flow, &keep_ms, sizeof(keep_ms), NULL);
		flowrun_wait(&r);
		if (strcmp(flowrun_notes(), c->trace) != 0)
			check_fail(
				"%s: \"%s\", want \"%s\"", c->what, flowrun_notes(), c->trace);
		repeat_free(b.repeat);
		flowrun_fini(&r);
	}
}

/* ---- stretched pauses ---- */

#define SPREAD 200

static void
check_spread(const struct beat *all, int64_t from)
{
	int64_t least = INT64_MAX, most = 0;

	for (size_t i = 0; i < SPREAD; i++) {
		least = all[i].at < least ? all[i].at : least;
		most = all[i].at > most ? all[i].at : most;
	}
	assert_in_range(least, from, from + from / 2);
	assert_in_range(most, from + from / 2, 2 * from);
}

static void
test_spread(void **state)
{
	const struct repeat_opts cases[] = {
		{.first_ms = 1000, .pause_ms = 1000000, .spread = true},
		{.pause_ms = 1000, .spread = true},
		{.first_ms = 1000, .pause_ms = 1000000},
	};
	const int keep_ms = 2001;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct beat *all = xcalloc(SPREAD, sizeof(*all));
		struct flowrun_end keep;
		struct flowrun r;

		flowrun_init_fake(&r);
		for (size_t k = 0; k < SPREAD; k++)
			beat_start(&all[k], r.loop, cases[i]);
		flowrun_start(&r, &keep, &keep_flow, &keep_ms, sizeof(keep_ms), NULL);
		flowrun_wait(&r);
		if (cases[i].spread)
			check_spread(all, 1000);
		for (size_t k = 0; k < SPREAD; k++) {
			if (!cases[i].spread)
				assert_int_equal(all[k].at, 1000);
			repeat_free(all[k].repeat);
		}
		flowrun_fini(&r);
		free(all);
	}
}

/* ---- what is said ---- */

/* Without the times. */
static void
check_said(const char *what, const char *said, const char *want)
{
	char got[1024] = "";
	size_t n = 0;

	for (const char *at = said; *at; at = strchr(at, '\n') + 1) {
		const char *text = strchr(at, ' ') + 1;
		const size_t len = (size_t)(strchr(text, '\n') - text) + 1;

		assert_true(n + len < sizeof(got));
		(void)snprintf(got + n, sizeof(got) - n, "%.*s", (int)len, text);
		n += len;
	}
	if (strcmp(got, want) != 0)
		check_fail("%s: \"%s\", want \"%s\"", what, got, want);
}

static void
test_said(void **state)
{
	static const struct {
		const char *what;
		enum err_kind ends[RUNS_MAX];
		const char *said;
	} cases[] = {
		{"nothing when all is well", {GOOD, GOOD, GOOD, GOOD}, ""},
		{"once in a row, and again in the next", {ERR_DB, ERR_DB, GOOD, ERR_DB},
			"error repeat_failed flow=test.beat text=\"run 0\"\n"
			"info repeat_recovered flow=test.beat\n"
			"error repeat_failed flow=test.beat text=\"run 3\"\n"},
		{"at least a warning", {ERR_NOT_FOUND, GOOD, ERR_TIMEOUT, ERR_UNAVAILABLE},
			"warn repeat_failed flow=test.beat text=\"run 0\"\n"
			"info repeat_recovered flow=test.beat\n"
			"warn repeat_failed flow=test.beat text=\"run 2\"\n"},
		{"not when somebody else was faster", {ERR_CONFLICT, ERR_CONFLICT, GOOD, GOOD},
			""},
		{"which does not end a row", {ERR_DB_GONE, ERR_CONFLICT, ERR_DB_GONE, GOOD},
			"warn repeat_failed flow=test.beat text=\"run 0\"\n"
			"info repeat_recovered flow=test.beat\n"},
		{"nor when the program stops", {ERR_STOPPED, ERR_STOPPED, ERR_STOPPED, GOOD},
			""},
	};
	const int keep_ms = 400; /* four runs */

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct beat b = {.takes_ms = 10, .told = true};
		struct flowrun_end keep;
		struct flowrun r;

		memcpy(b.ends, cases[i].ends, sizeof(b.ends));
		flowrun_init_fake(&r);
		beat_start(&b, r.loop, (struct repeat_opts){.pause_ms = 100});
		flowrun_start(&r, &keep, &keep_flow, &keep_ms, sizeof(keep_ms), NULL);
		capture_begin();
		flowrun_wait(&r);
		check_said(cases[i].what, capture_end(), cases[i].said);
		assert_int_equal(b.runs, 4);
		repeat_free(b.repeat);
		flowrun_fini(&r);
	}
}

/* ---- the end ---- */

static void
event_free(void *arg)
{
	struct beat *b = arg;

	repeat_free(b->repeat);
	b->repeat = NULL;
}

/* One may be freed while the loop goes on; and NULL is fine. */
static void
test_freed(void **state)
{
	struct beat b = {.takes_ms = 10};
	struct loop_timer timer = {0};
	struct flowrun_end keep;
	const int keep_ms = 1000;
	struct flowrun r;

	(void)state;
	flowrun_init_fake(&r);
	beat_start(&b, r.loop, (struct repeat_opts){.pause_ms = 100});
	loop_timer_set(r.loop, &timer, 150, event_free, &b);
	flowrun_start(&r, &keep, &keep_flow, &keep_ms, sizeof(keep_ms), NULL);
	flowrun_wait(&r);
	flowrun_noted("0 110");
	repeat_free(b.repeat);
	flowrun_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_said),
		cmocka_unit_test(test_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
