/* Claiming and running jobs as a worker does, on a real loop and queue. */
#include <unistd.h>

#include "base/clock.h"
#include "base/conf.h"
#include "db/queue.h"
#include "lib/check.h"
#include "lib/dbrun.h"
#include "lib/pg.h"
#include "main/jobs.h"

static struct pg *pg;
static struct span dsn;
static struct arena *arena;
static struct conf conf;

static int
setup(void **state)
{
	(void)state;
	pg = pg_shared();
	arena = arena_new();
	dsn = dbrun_database(pg);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	pg_stop(pg);
	return 0;
}

/* ---- two kinds of flows ---- */

static struct {
	int running, most, done, stopped;
	enum err_kind why;
	char args[64];
} seen;

static int
fresh(void **state)
{
	(void)state;
	(void)pg_sql(dsn, "TRUNCATE job");
	memset(&seen, 0, sizeof(seen));
	conf.roles = ROLE_ALL;
	return 0;
}

struct work {
	struct db_batch batch;
};

static step_fn work_begin, work_end, work_over, hang_begin, hang_failed, slow_begin,
	slow_settled, failed;

static const struct flow work_flow = {
	.name = "test.work",
	.size = sizeof(struct work),
	.deadline_ms = 10000,
	.first = work_begin,
	.failed = failed,
};
static const struct flow hang_flow = {
	.name = "test.hang",
	.size = 1,
	.deadline_ms = 60000,
	.first = hang_begin,
	.failed = hang_failed,
};

static const struct flow slow_flow = {
	.name = "test.slow",
	.size = sizeof(struct work),
	.deadline_ms = 10000,
	.first = slow_begin,
	.failed = hang_failed,
};

static struct next
failed(struct task *t)
{
	return fail(t, task_error(t));
}

static struct next
work_begin(struct task *t)
{
	const struct job *j = task_arg(t);

	if (++seen.running > seen.most)
		seen.most = seen.running;
	(void)snprintf(seen.args, sizeof(seen.args), "%.*s", SPAN_FMT(j->args));
	return await_sleep(t, 20, work_end);
}

static struct next
work_end(struct task *t)
{
	const struct job *j = task_arg(t);
	struct work *w = task_state(t);

	seen.running--;
	db_batch_init(&w->batch, task_arena(t));
	(void)queue_finish(&w->batch, &j->id, &j->token, 1);
	return await_commit(t, &w->batch, work_over);
}

static struct next
work_over(struct task *t)
{
	seen.done++;
	return done(t);
}

static struct next
hang_begin(struct task *t)
{
	seen.running++;
	return await_sleep(t, 50000, work_over);
}

static struct next
hang_failed(struct task *t)
{
	seen.running--;
	if (seen.stopped++ == 0)
		seen.why = task_error(t)->kind;
	return fail(t, task_error(t));
}

/* Its job is settled long before it hears of that. */
static struct next
slow_begin(struct task *t)
{
	const struct job *j = task_arg(t);
	struct work *w = task_state(t);

	db_batch_init(&w->batch, task_arena(t));
	(void)queue_finish(&w->batch, &j->id, &j->token, 1);
	return await_commit(t, &w->batch, slow_settled);
}

static struct next
slow_settled(struct task *t)
{
	seen.running++;
	return await_sleep(t, 400, work_over);
}

static const struct jobs_kind kinds[] = {
	{"work", &work_flow, ROLE_INGEST, 3},
	{"hang", &hang_flow, ROLE_MEDIA, 2},
	{"slow", &slow_flow, ROLE_MEDIA, 2},
};

/* ---- a worker for some time ---- */

struct worker {
	struct dbrun *run;
	struct jobs *jobs;
	struct loop_timer at, end;
	void (*then)(struct worker *w);
	bool (*ready)(void), (*over)(void); /* NULL = by the clock alone */
	int64_t give_up_ms;
};

#define LOOK_MS 10
#define GIVE_UP_MS 20000 /* a busy machine */

static void
worker_stop(void *arg)
{
	struct worker *w = arg;

	jobs_stop(w->jobs);
}

static void
worker_end(void *arg)
{
	struct worker *w = arg;

	if (w->over && !w->over() && clock_mono_ms() < w->give_up_ms)
		loop_timer_set(w->run->loop, &w->end, LOOK_MS, worker_end, w);
	else
		loop_stop(w->run->loop, 0);
}

static void
worker_then(void *arg)
{
	struct worker *w = arg;

	if (w->ready && !w->ready() && clock_mono_ms() < w->give_up_ms)
		loop_timer_set(w->run->loop, &w->at, LOOK_MS, worker_then, w);
	else
		w->then(w);
}

static void
worker_run(struct worker *w, int64_t ms, int64_t then_ms)
{
	const struct db_opts opts = dbrun_opts(dsn, 2);

	w->run = dbrun_new(&opts);
	w->give_up_ms = clock_mono_ms() + GIVE_UP_MS;
	w->run->env.conf = &conf;
	w->jobs = jobs_start(&w->run->env, SPAN("host/1.1"), kinds, ARRAY_LEN(kinds));
	loop_on_stop(w->run->loop, worker_stop, w);
	loop_timer_set(w->run->loop, &w->end, ms, worker_end, w);
	if (w->then)
		loop_timer_set(w->run->loop, &w->at, then_ms, worker_then, w);
	loop_run(w->run->loop);
	loop_timer_clear(&w->at);
	jobs_free(w->jobs);
	dbrun_free(w->run);
}

static void
worker_for(int64_t ms, void (*then)(struct worker *), int64_t then_ms)
{
	struct worker w = {.then = then};

	worker_run(&w, ms, then_ms);
}

/* Until `over` holds; `then` is called as soon as `ready` does. */
static void
worker_until(bool (*over)(void), void (*then)(struct worker *), bool (*ready)(void))
{
	struct worker w = {.then = then, .ready = ready, .over = over};

	worker_run(&w, LOOK_MS, LOOK_MS);
}

static bool
two_run(void)
{
	return seen.running == 2;
}

static bool
one_stopped(void)
{
	return seen.stopped > 0;
}

static bool
all_done(void)
{
	return seen.done == 20;
}

static void
add(const char *kind, int n)
{
	(void)pg_sql(dsn, arena_printf(arena,
				  "INSERT INTO job (kind, key, args) SELECT '%s', i, "
				  "jsonb_build_object('n', i) FROM generate_series(1, %d) i",
				  kind, n)
				  .p);
}

static const char *
count(const char *where)
{
	return pg_sql(dsn, arena_printf(arena, "SELECT count(*) FROM job WHERE %s", where).p);
}

/* ---- tests ---- */

static void
test_all_are_done(void **state)
{
	(void)state;
	add("work", 20);
	worker_until(all_done, NULL, NULL);
	assert_int_equal(seen.done, 20);
	assert_int_equal(seen.most, 3); /* as many as the kind may have, never more */
	assert_int_equal(seen.running, 0);
	assert_true(span_has(span_of(seen.args), SPAN("\"n\":")));
	assert_string_equal(count("true"), "0");
}

static void
add_later(struct worker *w)
{
	(void)w;
	add("work", 2);
}

/* A new job is a hint: nobody waits for the next poll. */
static void
test_a_hint_hastens(void **state)
{
	(void)state;
	worker_for(700, add_later, 200);
	assert_int_equal(seen.done, 2);
}

static void
test_other_roles_work_is_left(void **state)
{
	(void)state;
	conf.roles = ROLE_MEDIA;
	add("work", 2);
	worker_for(300, NULL, 0);
	assert_int_equal(seen.done, 0);
	assert_string_equal(count("state = 'ready'"), "2");
	conf.roles = ROLE_WEB;
	worker_for(300, NULL, 0);
	assert_string_equal(count("state = 'ready'"), "2");
}

static void
test_leases_name_the_worker(void **state)
{
	(void)state;
	add("hang", 5);
	worker_until(two_run, NULL, NULL);
	/* The stop ends the flows; these leave their job, so that the lease stays. */
	assert_int_equal(seen.stopped, 2);
	assert_int_equal(seen.why, ERR_STOPPED);
	assert_string_equal(count("state = 'running' AND worker = 'host/1.1'"), "2");
	assert_string_equal(count("state = 'ready'"), "3");
}

static void
lose_one(struct worker *w)
{
	(void)pg_sql(dsn, "UPDATE job SET lease_token = gen_random_uuid(), worker = 'other' "
			  "WHERE id = (SELECT min(id) FROM job)");
	(void)pg_sql(dsn, "UPDATE job SET lease_until = now() + interval '5 seconds'");
	jobs_renew_now(w->jobs);
}

/* Whose lease is gone stops; the other one's runs for another minute. */
static void
test_a_lost_lease_stops_its_flow(void **state)
{
	(void)state;
	add("hang", 2);
	worker_until(one_stopped, lose_one, two_run);
	assert_int_equal(seen.stopped, 2); /* one by the loss, one by the end */
	assert_int_equal(seen.why, ERR_UNAVAILABLE);
	assert_string_equal(
		count("worker = 'host/1.1' AND lease_until > now() + interval '50 seconds'"),
		"1");
	assert_string_equal(
		count("worker = 'other' AND lease_until < now() + interval '6 seconds'"), "1");
}

static void
renew(struct worker *w)
{
	jobs_renew_now(w->jobs);
}

static bool
slow_ended(void)
{
	return seen.done + seen.stopped == 2;
}

/* A job that is settled has no lease, and its flow is not told that somebody else has it. */
static void
test_a_settled_job_is_not_lost(void **state)
{
	(void)state;
	add("slow", 2);
	worker_until(slow_ended, renew, two_run);
	assert_int_equal(seen.stopped, 0);
	assert_int_equal(seen.done, 2);
}

/* A renewal is under way, and its answer does not come: the clock jumps meanwhile. */
static void
renew_late(struct worker *w)
{
	jobs_renew_now(w->jobs);
	clock_fake(clock_us(), clock_mono_ms() + (JOB_LEASE_S - JOB_RENEW_S / 2) * 1000 - 1000);
	jobs_renew_now(w->jobs);
	clock_fake(0, 0);
}

/* The next look would come when the lease has run out. */
static void
test_a_lease_ends_after_its_flow(void **state)
{
	(void)state;
	add("hang", 2);
	worker_until(one_stopped, renew_late, two_run);
	assert_int_equal(seen.stopped, 2);
	assert_int_equal(seen.why, ERR_UNAVAILABLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_all_are_done, fresh),
		cmocka_unit_test_setup(test_a_hint_hastens, fresh),
		cmocka_unit_test_setup(test_other_roles_work_is_left, fresh),
		cmocka_unit_test_setup(test_leases_name_the_worker, fresh),
		cmocka_unit_test_setup(test_a_lost_lease_stops_its_flow, fresh),
		cmocka_unit_test_setup(test_a_settled_job_is_not_lost, fresh),
		cmocka_unit_test_setup(test_a_lease_ends_after_its_flow, fresh),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
