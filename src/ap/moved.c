#include "ap/moved.h"

#include "ap/actor.h"
#include "hub/remote.h"
#include "task/group.h"

#define MOVED_ACTORS 10
#define MOVED_AT_ONCE 2

/* ---- one actor ---- */

struct moved_check {
	struct remote_actor actor;
	struct span inbox; /* where it is reached now, in the arena of the run */
	int64_t since_us;
	bool asked; /* its server has said so since then */
	struct arena *arena;
};

static step_fn check_ask, check_answer, check_failed;

static const struct flow check_flow = {
	.name = "ap.moved_check",
	.size = sizeof(struct actor),
	.deadline_ms = 45000,
	.first = check_ask,
	.failed = check_failed,
};

static struct moved_check *
check_of(struct task *t)
{
	return *(struct moved_check *const *)task_arg(t);
}

static struct next
check_ask(struct task *t)
{
	return await_actor(
		t, check_of(t)->actor.key_id, ACTOR_REFETCH, task_state(t), check_answer);
}

static struct next
check_answer(struct task *t)
{
	const struct actor *now = task_state(t);
	struct moved_check *c = check_of(t);

	c->inbox = arena_dup(c->arena, now->shared_inbox.p ? now->shared_inbox : now->inbox);
	c->asked = now->fetched_us >= c->since_us;
	return done(t);
}

static struct next
check_failed(struct task *t)
{
	return fail(t, task_error(t));
}

/* ---- all of them ---- */

struct moved_run {
	struct moved *m;
	struct db_batch batch;
	struct group checks;
	struct moved_check *check;
	size_t n;
};

static step_fn moved_begin, moved_ask, moved_apply, moved_end;

static const struct flow moved_flow = {
	.name = "ap.moved",
	.size = sizeof(struct moved_run),
	.deadline_ms = 60000,
	.first = moved_begin,
	.failed = check_failed,
};

static struct next
moved_begin(struct task *t)
{
	struct moved_run *r = task_state(t);

	r->m = *(struct moved *const *)task_arg(t);
	db_batch_init(&r->batch, task_arena(t));
	(void)remote_by_inbox(&r->batch, r->m->inbox, r->m->job->created_us, MOVED_ACTORS + 1);
	return await_rows(t, &r->batch, moved_ask);
}

static struct next
moved_ask(struct task *t)
{
	struct moved_run *r = task_state(t);
	const struct err *e;

	r->n = db_rows(&r->batch, 0);
	if (r->n > MOVED_ACTORS) {
		r->m->unknown = true; /* the next ones the next time */
		r->n = MOVED_ACTORS;
	}
	r->check = ARENA_ARRAY(task_arena(t), r->n, struct moved_check);
	group_init(&r->checks, t, MOVED_AT_ONCE);
	for (size_t i = 0; i < r->n; i++) {
		struct moved_check *c = &r->check[i];

		if ((e = remote_row(&r->batch, 0, i, &c->actor)))
			return fail(t, e);
		c->arena = task_arena(t);
		c->since_us = r->m->job->created_us;
		(void)group_add(
			&r->checks, &check_flow, &c, sizeof(struct moved_check *), NULL);
	}
	return await_all(t, &r->checks, moved_apply);
}

static struct next
moved_apply(struct task *t)
{
	struct moved_run *r = task_state(t);
	struct span *gone = ARENA_ARRAY(task_arena(t), r->n, struct span);
	size_t n_gone = 0;

	db_batch_init(&r->batch, task_arena(t));
	delivery_to_moved(&r->batch, r->m->job, &r->m->activity, r->m->inbox);
	for (size_t i = 0; i < r->n; i++) {
		const struct moved_check *c = &r->check[i];
		const struct err *e = group_error(&r->checks, i);

		if (e && e->kind == ERR_GONE) {
			log_info(t, "follower_gone", "actor=%.*s", LOG_STR(c->actor.uri));
			gone[n_gone++] = c->actor.uri;
		} else if (!e && !span_eq(c->inbox, r->m->inbox)) {
			log_info(t, "follower_moved", "actor=%.*s", LOG_STR(c->actor.uri));
		} else if (e || !c->asked) {
			r->m->unknown = true;
		}
	}
	if (n_gone)
		remote_delete(&r->batch, gone, n_gone);
	return await_commit(t, &r->batch, moved_end);
}

static struct next
moved_end(struct task *t)
{
	return done(t);
}

struct next
await_moved_at(struct task *t, struct moved *m, step_fn *then, const char *name)
{
	return task_call(t, &moved_flow, &m, sizeof(struct moved *), NULL, then, name);
}
