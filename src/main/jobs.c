#include "main/jobs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ap/ap.h"
#include "base/conf.h"
#include "base/log.h"
#include "connector/poll.h"
#include "db/db.h"
#include "media/pull.h"

#define JOBS_MAGIC 0x6a6f6273u
#define JOBS_KINDS_MAX 16
#define JOBS_SOON_MS 5
#define JOBS_RENEW_MS (JOB_RENEW_S * 1000)
#define JOBS_DOUBT_MS 1000
/*
 * A lease that could not be renewed for so long is given up. It is looked at with every
 * renewal, so a whole step between two of them lies before its end, and some time to stop.
 */
#define JOBS_LOST_MS (JOB_LEASE_S * 1000 - JOBS_RENEW_MS / 2 - 5000)

struct jobs_lane {
	const struct jobs_kind *kind;
	int64_t running;
	size_t claim;  /* of the batch under way */
	int64_t asked; /* how many */
};

struct jobs {
	unsigned magic;
	struct env *env;
	char *worker;
	struct jobs_lane lanes[JOBS_KINDS_MAX];
	size_t n_lanes;
	struct list running; /* struct jobs_run */
	struct loop_timer poll, renew;
	bool claiming, renewing;
	bool doubt; /* a lease was missing: ask again soon */
	bool again; /* a hint came, or a place became free, while claiming */
	bool soon;  /* the next claim is near */
	bool stopped;
};

struct jobs_run {
	struct list link;
	struct jobs *jobs;
	struct jobs_lane *lane;
	struct task *task;
	int64_t id, leased_ms; /* monotonic, when the lease was asked for */
	char token[40];
	bool missing; /* in the last renewal */
};

/* ---- running ---- */

static void jobs_claim(struct jobs *j);
static void jobs_polled(void *arg);
static void jobs_renew(void *arg);

/*
 * A place is free, perhaps at a host that had no room before: whether there is more for it is
 * for the database to say. Many ends of one moment are one claim.
 */
static void
jobs_soon(struct jobs *j)
{
	j->again = j->again || j->claiming;
	if (j->stopped || j->claiming || j->soon)
		return;
	j->soon = true;
	loop_timer_set(j->env->loop, &j->poll, JOBS_SOON_MS, jobs_polled, j);
}

static void
jobs_run_ended(void *arg, const struct err *e)
{
	struct jobs_run *r = arg;
	struct jobs *j = r->jobs;
	struct jobs_lane *lane = r->lane;

	(void)e; /* the flow has said what there is to say, and settled its job */
	list_unlink(&r->link);
	free(r);
	lane->running--;
	if (lane->running <= lane->kind->max / 2)
		jobs_soon(j);
}

/* The claim's memory goes when its task ends: each job takes along what belongs to it. */
static void
jobs_run_start(struct jobs *j, struct jobs_lane *lane, const struct job *job, int64_t leased_ms)
{
	struct jobs_run *r = xcalloc(1, sizeof(*r));
	struct job *own;
	struct arena *a;

	*r = (struct jobs_run){.jobs = j, .lane = lane, .id = job->id, .leased_ms = leased_ms};
	(void)snprintf(r->token, sizeof(r->token), "%.*s", SPAN_FMT(job->token));
	list_append(&j->running, &r->link);
	lane->running++;
	r->task = task_start(&(const struct task_start){.loop = j->env->loop,
		.flow = lane->kind->flow,
		.arg = job,
		.arg_size = sizeof(*job),
		.ended = jobs_run_ended,
		.ended_arg = r});
	/* Its first step runs in the next turn, so its argument can still be completed. */
	a = task_arena(r->task);
	own = (struct job *)(uintptr_t)task_arg(r->task);
	own->kind = arena_dup(a, job->kind);
	own->key = arena_dup(a, job->key);
	own->host = job->host.p ? arena_dup(a, job->host) : SPAN_NONE;
	own->serial = job->serial.p ? arena_dup(a, job->serial) : SPAN_NONE;
	own->args = arena_dup(a, job->args);
	own->token = arena_dup(a, job->token);
}

/* ---- claiming ---- */

struct jobs_claim_state {
	struct db_batch batch;
	int64_t asked_ms;
};

static step_fn jobs_claim_ask, jobs_claim_take, jobs_flow_failed;

static const struct flow jobs_claim_flow = {
	.name = "main.claim",
	.size = sizeof(struct jobs_claim_state),
	.deadline_ms = 15000,
	.first = jobs_claim_ask,
	.failed = jobs_flow_failed,
};

static struct jobs *
jobs_of(struct task *t)
{
	struct jobs *j = *(struct jobs *const *)task_arg(t);

	MAGIC_CHECK(j, JOBS_MAGIC);
	return j;
}

static struct next
jobs_claim_ask(struct task *t)
{
	struct jobs_claim_state *s = task_state(t);
	struct jobs *j = jobs_of(t);

	db_batch_init(&s->batch, task_arena(t));
	s->asked_ms = clock_mono_ms();
	for (size_t i = 0; i < j->n_lanes; i++) {
		struct jobs_lane *lane = &j->lanes[i];
		const struct span kind = span_of(lane->kind->name);

		lane->asked = lane->kind->max - lane->running;
		if (lane->asked > 0)
			lane->claim = queue_claim(&s->batch, span_of(j->worker), &kind, 1,
				lane->asked, JOBS_PER_HOST);
	}
	return s->batch.n ? await_commit(t, &s->batch, jobs_claim_take) : done(t);
}

static struct next
jobs_claim_take(struct task *t)
{
	struct jobs_claim_state *s = task_state(t);
	struct jobs *j = jobs_of(t);

	for (size_t i = 0; i < j->n_lanes; i++) {
		struct jobs_lane *lane = &j->lanes[i];
		const struct err *e;
		struct job *list;
		size_t n;

		if (lane->asked <= 0)
			continue;
		e = queue_claimed(&s->batch, lane->claim, &list, &n);
		if (e)
			return fail(t, e);
		for (size_t k = 0; k < n; k++)
			jobs_run_start(j, lane, &list[k], s->asked_ms);
	}
	return done(t);
}

/* The database is away, or somebody was faster with a serial: the next poll asks again. */
static struct next
jobs_flow_failed(struct task *t)
{
	const struct err *e = task_error(t);

	if (e->kind != ERR_CONFLICT && e->kind != ERR_STOPPED)
		log_warn(t, "jobs_failed", "text=%.*s", SPAN_FMT(err_text(task_arena(t), e)));
	return fail(t, e);
}

static void
jobs_polled(void *arg)
{
	jobs_claim(arg);
}

static void
jobs_claim_ended(void *arg, const struct err *e)
{
	struct jobs *j = arg;
	const bool at_once = j->again || (e && e->kind == ERR_CONFLICT);
	const int64_t jitter = (int64_t)arc4random_uniform(JOBS_POLL_MS / 4);

	j->claiming = false;
	j->again = false;
	if (!j->stopped)
		loop_timer_set(j->env->loop, &j->poll, at_once ? 0 : JOBS_POLL_MS - jitter,
			jobs_polled, j);
}

static void
jobs_claim(struct jobs *j)
{
	if (j->stopped)
		return;
	j->again = j->claiming;
	if (j->claiming)
		return;
	j->claiming = true;
	j->soon = false;
	(void)task_start(&(const struct task_start){.loop = j->env->loop,
		.flow = &jobs_claim_flow,
		.arg = &j,
		.arg_size = sizeof(struct jobs *),
		.ended = jobs_claim_ended,
		.ended_arg = j});
}

/* ---- leases ---- */

struct jobs_renew_state {
	struct db_batch batch;
	size_t i;
	int64_t *ids;
	size_t n;
	int64_t asked_ms;
};

static step_fn jobs_renew_ask, jobs_renew_seen;

static const struct flow jobs_renew_flow = {
	.name = "main.renew",
	.size = sizeof(struct jobs_renew_state),
	.deadline_ms = 15000,
	.first = jobs_renew_ask,
	.failed = jobs_flow_failed,
};

static struct next
jobs_renew_ask(struct task *t)
{
	struct jobs_renew_state *s = task_state(t);
	struct jobs *j = jobs_of(t);
	struct arena *a = task_arena(t);
	struct span *tokens;

	LIST_EACH(it, &j->running)
	{
		s->n++;
	}
	if (s->n == 0)
		return done(t);
	s->ids = ARENA_ARRAY(a, s->n, int64_t);
	tokens = ARENA_ARRAY(a, s->n, struct span);
	s->n = 0;
	LIST_EACH(it, &j->running)
	{
		struct jobs_run *r = LIST_ENTRY(it, struct jobs_run, link);

		s->ids[s->n] = r->id;
		tokens[s->n++] = arena_dup(a, span_of(r->token));
	}
	s->asked_ms = clock_mono_ms();
	db_batch_init(&s->batch, a);
	s->batch.lane = DB_LANE_VITAL;
	s->i = queue_renew(&s->batch, s->ids, tokens, s->n);
	return await_commit(t, &s->batch, jobs_renew_seen);
}

static bool
jobs_has(const int64_t *ids, size_t n, int64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

static void
jobs_give_up(struct jobs_run *r, const char *why)
{
	struct arena *a = arena_new();

	task_cancel(r->task,
		err_new(a, ERR_UNAVAILABLE, "the lease of job %" PRId64 " %s", r->id, why));
	arena_free(a);
}

/*
 * A job that has just been settled has no lease either, before its flow has heard that, and one
 * that was claimed again meanwhile has another token. Both are clear when we ask once more.
 */
static void
jobs_missing(struct jobs_run *r)
{
	if (r->missing)
		jobs_give_up(r, "is somebody else's now");
	else
		r->jobs->doubt = r->missing = true;
}

static struct next
jobs_renew_seen(struct task *t)
{
	struct jobs_renew_state *s = task_state(t);
	struct jobs *j = jobs_of(t);
	int64_t *ours;
	size_t n;
	const struct err *e = queue_renewed(&s->batch, s->i, &ours, &n);

	if (e)
		return fail(t, e);
	LIST_EACH(it, &j->running)
	{
		struct jobs_run *r = LIST_ENTRY(it, struct jobs_run, link);

		if (jobs_has(ours, n, r->id)) {
			r->leased_ms = s->asked_ms;
			r->missing = false;
		} else if (jobs_has(s->ids, s->n, r->id)) {
			jobs_missing(r);
		}
	}
	return done(t);
}

/* Before the lease runs out and somebody else begins. */
static void
jobs_look_lost(struct jobs *j)
{
	const int64_t now = clock_mono_ms();

	LIST_EACH(it, &j->running)
	{
		struct jobs_run *r = LIST_ENTRY(it, struct jobs_run, link);

		if (now - r->leased_ms >= JOBS_LOST_MS)
			jobs_give_up(r, "could not be renewed");
	}
}

static void
jobs_renew_ended(void *arg, const struct err *e)
{
	struct jobs *j = arg;

	(void)e;
	j->renewing = false;
	jobs_look_lost(j);
	if (j->doubt)
		loop_timer_set(j->env->loop, &j->renew, JOBS_DOUBT_MS, jobs_renew, j);
	j->doubt = false;
}

/* Twice as often as needed: one failed try, or one slow answer, loses nothing. */
static void
jobs_renew(void *arg)
{
	struct jobs *j = arg;

	loop_timer_set(j->env->loop, &j->renew, JOBS_RENEW_MS / 2, jobs_renew, j);
	jobs_look_lost(j); /* also while a renewal waits for its answer */
	if (j->renewing || list_empty(&j->running))
		return;
	j->renewing = true;
	(void)task_start(&(const struct task_start){.loop = j->env->loop,
		.flow = &jobs_renew_flow,
		.arg = &j,
		.arg_size = sizeof(struct jobs *),
		.ended = jobs_renew_ended,
		.ended_arg = j});
}

void
jobs_renew_now(struct jobs *j)
{
	jobs_renew(j);
}

/* ---- the table ---- */

static const struct jobs_kind jobs_table[] = {
	{"poll", &poll_flow, ROLE_INGEST, 8},
	{"media", &media_flow, ROLE_MEDIA, 8},
	{"receive", &receive_flow, ROLE_DELIVER, 32},
	{"deliver", &deliver_flow, ROLE_DELIVER, 128},
};

const struct jobs_kind *
jobs_kinds(size_t *n)
{
	*n = ARRAY_LEN(jobs_table);
	return jobs_table;
}

/* ---- life ---- */

static void
jobs_hint(void *arg)
{
	jobs_claim(arg);
}

struct jobs *
jobs_start(struct env *env, struct span worker, const struct jobs_kind *kinds, size_t n)
{
	struct jobs *j = xcalloc(1, sizeof(*j));
	struct arena *a = arena_new();

	j->magic = JOBS_MAGIC;
	j->env = env;
	j->worker = xstrdup(arena_cstr(a, worker));
	arena_free(a);
	list_init(&j->running);
	for (size_t i = 0; i < n; i++) {
		if (!(kinds[i].roles & env->conf->roles))
			continue;
		assert(j->n_lanes < JOBS_KINDS_MAX && kinds[i].flow && kinds[i].max > 0);
		j->lanes[j->n_lanes++].kind = &kinds[i];
	}
	if (j->n_lanes == 0) {
		j->stopped = true;
		return j;
	}
	db_listen(env->db, "job", jobs_hint, j);
	loop_timer_set(env->loop, &j->renew, JOBS_RENEW_MS / 2, jobs_renew, j);
	jobs_claim(j);
	return j;
}

void
jobs_stop(struct jobs *j)
{
	MAGIC_CHECK(j, JOBS_MAGIC);
	j->stopped = true;
	loop_timer_clear(&j->poll);
}

void
jobs_free(struct jobs *j)
{
	if (!j)
		return;
	MAGIC_CHECK(j, JOBS_MAGIC);
	assert(list_empty(&j->running) && !j->claiming && !j->renewing);
	loop_timer_clear(&j->poll);
	loop_timer_clear(&j->renew);
	j->magic = 0;
	free(j->worker);
	free(j);
}
