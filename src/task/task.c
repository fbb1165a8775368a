#include "task/task.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/metric.h"
#include "task/loop_run.h"

#define TASK_MAGIC 0x7461736bu
#define TASK_GO_MAX 64 /* steps in a row before others have their turn */

enum task_at {
	TASK_READY,   /* in the run queue */
	TASK_RUNNING, /* inside a step */
	TASK_PARKED,  /* waiting for a wake */
	TASK_DRAIN,   /* failed; waiting for its children to end */
};

/*
 * A task moves between the states above in task_set alone. A failure of any origin puts its
 * error into `pending`; task_unwind then takes the wait back, ends the children, and runs
 * `failed`. That every failure takes this one path is what makes the rules of task.h hold.
 */
struct task {
	unsigned magic;
	enum task_at at;
	struct list ready; /* place in the run queue */
	struct list all;
	struct list siblings, children;
	struct loop *loop;
	struct task *parent;
	const struct flow *flow;
	struct arena *arena;
	void *state, *out;
	const void *arg;
	step_fn *step;
	const struct wait_ops *wait; /* while parked, and while a late wake is still to come */
	void *wait_arg;
	/*
	 * Memory of errors. Not the task's arena: a worker thread may be allocating from that
	 * while the loop's thread tells the task to fail.
	 */
	struct arena *fate;
	const struct err *pending; /* what to fail with, when unwinding */
	const struct err *error;   /* the first failure */
	bool failing;              /* `failed` is next or has begun */
	bool graced;               /* `failed` has begun, its grace runs */
	bool woken;                /* the wake came before the step that parked had returned */
	struct loop_timer deadline;
	int64_t deadline_ms; /* monotonic */
	task_ended_fn *ended;
	void *ended_arg;
	struct log_ctx ctx;
};

static void
task_set(struct task *t, enum task_at at)
{
	t->at = at;
	if (at == TASK_READY) {
		if (!list_linked(&t->ready))
			list_append(&loop_tasks(t->loop)->ready, &t->ready);
	}
}

/* ---- what a step sees ---- */

void *
task_state(struct task *t)
{
	MAGIC_CHECK(t, TASK_MAGIC);
	return t->state;
}

const void *
task_arg(struct task *t)
{
	return t->arg;
}

void *
task_out(struct task *t)
{
	return t->out;
}

struct arena *
task_arena(struct task *t)
{
	MAGIC_CHECK(t, TASK_MAGIC);
	return t->arena;
}

struct env *
task_env(struct task *t)
{
	return loop_env(t->loop);
}

const struct err *
task_error(struct task *t)
{
	return t->error;
}

int
task_left_ms(const struct task *t)
{
	int64_t left = t->deadline_ms - clock_mono_ms();

	return left < 0 ? 0 : (int)left;
}

const struct log_ctx *
task_log_ctx(const struct task *t)
{
	MAGIC_CHECK(t, TASK_MAGIC);
	return &t->ctx;
}

/* ---- what a step returns ---- */

struct next
task_go(struct task *t, step_fn *step, const char *name)
{
	MAGIC_CHECK(t, TASK_MAGIC);
	return (struct next){.kind = NEXT_GO, .step = step, .name = name};
}

struct next
done(struct task *t)
{
	MAGIC_CHECK(t, TASK_MAGIC);
	return (struct next){.kind = NEXT_DONE};
}

static struct arena *
task_fate(struct task *t)
{
	if (!t->fate)
		t->fate = arena_new();
	return t->fate;
}

struct next
fail(struct task *t, const struct err *e)
{
	MAGIC_CHECK(t, TASK_MAGIC);
	assert(e);
	if (!t->pending)
		t->pending = e == t->error ? e : err_copy(task_fate(t), e);
	return (struct next){.kind = NEXT_FAIL};
}

struct next
task_park(
	struct task *t, const struct wait_ops *ops, void *arg, step_fn *then, const char *name)
{
	MAGIC_CHECK(t, TASK_MAGIC);
	assert(t->at == TASK_RUNNING && !t->wait && ops && ops->cancel);
	t->wait = ops;
	t->wait_arg = arg;
	t->woken = false;
	return (struct next){.kind = NEXT_PARK, .step = then, .name = name};
}

/* ---- failing ---- */

/*
 * Takes effect in the next turn; whoever fails first names the reason. A task that is being
 * unwound already is left alone, so that no wait is taken back twice.
 */
static void
task_pend(struct task *t, const struct err *e)
{
	if (t->pending)
		return;
	t->pending = err_copy(task_fate(t), e);
	if (t->at == TASK_PARKED)
		task_set(t, TASK_READY);
}

void
task_cancel(struct task *t, const struct err *e)
{
	MAGIC_CHECK(t, TASK_MAGIC);
	/* In `failed` the task is already on its way out, with a grace of its own. */
	if (!t->failing)
		task_pend(t, e);
}

static void
task_deadline(void *arg)
{
	struct task *t = arg;

	MAGIC_CHECK(t, TASK_MAGIC);
	task_pend(t, err_new(task_fate(t), ERR_TIMEOUT,
			     "%s did not end within %d ms, in step %s", t->flow->name,
			     t->failing ? FLOW_GRACE_MS : t->flow->deadline_ms, t->ctx.step));
}

static void
task_set_deadline(struct task *t, int ms)
{
	t->deadline_ms = clock_mono_ms() + ms;
	loop_timer_set(t->loop, &t->deadline, ms, task_deadline, t);
}

static void
task_end(struct task *t)
{
	struct loop_tasks *all = loop_tasks(t->loop);
	struct task *parent = t->parent;

	assert(list_empty(&t->children) && !t->wait);
	loop_timer_clear(&t->deadline);
	list_unlink(&t->ready);
	list_unlink(&t->all);
	list_unlink(&t->siblings);
	if (t->ended)
		t->ended(t->ended_arg, t->error);
	/* The last child of a parent that has failed lets it go on. */
	if (parent && parent->at == TASK_DRAIN && list_empty(&parent->children))
		task_set(parent, TASK_READY);
	t->magic = 0;
	arena_free(t->fate);
	arena_free(t->arena); /* t is in it */
	all->count--;
	metric_add(METRIC_TASKS, -1);
}

/* One failure on its way: wait taken back, then children ended, then `failed` or the end. */
static void
task_unwind(struct task *t)
{
	if (t->wait) {
		if (!t->wait->cancel(t, t->wait_arg)) {
			task_set(t, TASK_PARKED); /* a wake is still to come */
			return;
		}
		t->wait = NULL;
	}
	if (!list_empty(&t->children)) {
		task_set(t, TASK_DRAIN);
		LIST_EACH_SAFE(it, &t->children)
		{
			struct task *child = LIST_ENTRY(it, struct task, siblings);

			task_cancel(child, t->pending);
		}
		return;
	}
	if (!t->error)
		t->error = t->pending;
	t->pending = NULL;
	if (t->failing) {
		task_end(t);
		return;
	}
	t->failing = true;
	t->step = t->flow->failed;
	t->ctx.step = "failed";
	/* The grace begins with the step, which so runs even when the process stood still. */
	loop_timer_clear(&t->deadline);
	task_set(t, TASK_READY);
}

/* ---- running ---- */

static void
task_watch(struct task *t, const char *step, int64_t began)
{
	int64_t ms = clock_mono_ms() - began;

	if (ms <= loop_tasks(t->loop)->slow_step_ms)
		return;
	metric_inc(METRIC_SLOW_STEPS);
	log_warn(t, "slow_step", "took=%s ms=%" PRId64, step, ms);
}

/* Runs steps until the task waits, ends, or has had its share of this turn. */
static void
task_run(struct task *t)
{
	for (int i = 0; i < TASK_GO_MAX; i++) {
		int64_t began;
		struct next n;

		if (t->pending) {
			task_unwind(t);
			return;
		}
		assert(!t->wait);
		if (t->failing && !t->graced) {
			t->graced = true;
			task_set_deadline(t, FLOW_GRACE_MS);
		}
		t->at = TASK_RUNNING;
		began = clock_mono_ms();
		n = t->step(t);
		task_watch(t, t->ctx.step, began);
		switch (n.kind) {
		case NEXT_GO:
			t->step = n.step;
			t->ctx.step = n.name;
			break;
		case NEXT_PARK:
			t->step = n.step;
			t->ctx.step = n.name;
			if (t->woken || t->pending)
				break;
			task_set(t, TASK_PARKED);
			return;
		case NEXT_DONE:
			assert(list_empty(&t->children) && !t->wait);
			t->pending = NULL;
			task_end(t);
			return;
		case NEXT_FAIL:
			assert(t->pending);
			break;
		default:
			assert(0 && "a step returned what only go, await, done, fail make");
		}
	}
	task_set(t, TASK_READY);
}

static void
task_run_ready(struct loop *l)
{
	struct loop_tasks *all = loop_tasks(l);
	struct list turn;

	/* Who becomes ready now has its turn next time: I/O is looked at in between. */
	list_init(&turn);
	while (!list_empty(&all->ready))
		list_append(&turn, list_pop(&all->ready));
	while (!list_empty(&turn))
		task_run(LIST_ENTRY(list_pop(&turn), struct task, ready));
}

void
task_wake(struct task *t, const struct err *e)
{
	MAGIC_CHECK(t, TASK_MAGIC);
	assert(t->wait);
	t->wait = NULL;
	if (e && !t->pending)
		t->pending = err_copy(task_fate(t), e);
	if (t->at == TASK_RUNNING)
		t->woken = true; /* still inside the step that parked */
	else if (t->at == TASK_PARKED)
		task_set(t, TASK_READY);
}

/* ---- starting ---- */

static void
task_stop_all(struct loop *l)
{
	struct loop_tasks *all = loop_tasks(l);
	struct arena *a = arena_new();
	const struct err *e = err_new(a, ERR_STOPPED, "the program is stopping");

	LIST_EACH_SAFE(it, &all->all)
	{
		struct task *t = LIST_ENTRY(it, struct task, all);

		if (!t->parent)
			task_cancel(t, e);
	}
	arena_free(a);
}

static struct task *
task_make(struct loop *l, const struct flow *f, const void *arg, size_t arg_size, void *out)
{
	struct loop_tasks *all = loop_tasks(l);
	struct arena *a = arena_new();
	struct task *t = ARENA_NEW(a, struct task);

	assert(f->name && f->first && f->failed && f->deadline_ms > 0);
	t->magic = TASK_MAGIC;
	t->arena = a;
	t->loop = l;
	t->flow = f;
	t->state = arena_alloc(a, f->size);
	if (arg_size) {
		void *copy = arena_alloc(a, arg_size);

		t->arg = memcpy(copy, arg, arg_size);
	}
	t->out = out;
	t->step = f->first;
	t->ctx = (struct log_ctx){.flow = f->name, .step = "first", .id = ++all->last_id};
	list_init(&t->children);
	list_init(&t->siblings);
	list_append(&all->all, &t->all);
	all->run_ready = task_run_ready;
	all->stop_all = task_stop_all;
	all->count++;
	metric_inc(METRIC_TASKS);
	task_set_deadline(t, f->deadline_ms);
	task_set(t, TASK_READY);
	return t;
}

struct task *
task_start(const struct task_start *s)
{
	struct task *t = task_make(s->loop, s->flow, s->arg, s->arg_size, s->out);

	t->ended = s->ended;
	t->ended_arg = s->ended_arg;
	/* A child of a `failed` step still gives leases back; it ends with its parent's grace.
	 */
	if (loop_tasks(s->loop)->cancelling)
		task_cancel(t, err_new(task_fate(t), ERR_STOPPED, "the program is stopping"));
	return t;
}

struct task *
task_spawn(struct task *parent, const struct flow *f, const void *arg, size_t arg_size,
	void *out, task_ended_fn *ended, void *ended_arg)
{
	struct task *t = task_make(parent->loop, f, arg, arg_size, out);

	t->parent = parent;
	t->ended = ended;
	t->ended_arg = ended_arg;
	list_append(&parent->children, &t->siblings);
	if (parent->at == TASK_DRAIN) /* too late: the others have been told already */
		task_cancel(t, parent->pending);
	return t;
}

size_t
task_count(const struct loop *l)
{
	/* Reading only; the loop keeps no const view of its tasks. */
	return loop_tasks((struct loop *)(uintptr_t)l)->count;
}

void
task_trace(const struct loop *l, struct buf *b)
{
	struct loop_tasks *all = loop_tasks((struct loop *)(uintptr_t)l);

	LIST_EACH(it, &all->all)
	{
		struct task *t = LIST_ENTRY(it, struct task, all);

		buf_printf(b, "%s#%" PRIu64 " %s%s%s left=%dms\n", t->flow->name, t->ctx.id,
			t->ctx.step, t->wait ? " waits for " : "", t->wait ? t->wait->name : "",
			task_left_ms(t));
	}
}

/* ---- waits of the engine itself ---- */

struct task_sleeper {
	struct task *task;
	struct loop_timer timer;
};

static void
task_slept(void *arg)
{
	struct task_sleeper *s = arg;

	task_wake(s->task, NULL);
}

static bool
task_sleep_cancel(struct task *t, void *arg)
{
	struct task_sleeper *s = arg;

	(void)t;
	loop_timer_clear(&s->timer);
	return true;
}

struct next
task_sleep(struct task *t, int64_t ms, step_fn *then, const char *name)
{
	static const struct wait_ops ops = {.name = "sleep", .cancel = task_sleep_cancel};
	struct task_sleeper *s = ARENA_NEW(t->arena, struct task_sleeper);

	s->task = t;
	loop_timer_set(t->loop, &s->timer, ms, task_slept, s);
	return task_park(t, &ops, s, then, name);
}

static void
task_call_ended(void *arg, const struct err *e)
{
	struct task *parent = arg;

	/* A parent that has failed meanwhile took its wait back: the child ends unheard. */
	if (parent->wait)
		task_wake(parent, e);
}

/* The child itself is ended by the unwinding of its parent. */
static bool
task_call_cancel(struct task *t, void *arg)
{
	(void)t;
	(void)arg;
	return true;
}

struct next
task_call(struct task *t, const struct flow *f, const void *arg, size_t arg_size, void *out,
	step_fn *then, const char *name)
{
	static const struct wait_ops ops = {.name = "flow", .cancel = task_call_cancel};

	(void)task_spawn(t, f, arg, arg_size, out, task_call_ended, t);
	return task_park(t, &ops, NULL, then, name);
}
