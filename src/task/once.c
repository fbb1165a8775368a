#include "task/once.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

#define ONCE_MAGIC 0x6f6e6365u

struct once {
	unsigned magic;
	const struct once_ops *ops;
	struct map *runs; /* key -> struct once_run */
};

struct once_run {
	struct once *once;
	char *key;
	size_t key_n;
	struct list waiters;
	_Alignas(16) char result[];
};

struct once_wait {
	struct list link;
	struct task *task;
	void *out;
};

struct once *
once_new(const struct once_ops *ops)
{
	struct once *o = xcalloc(1, sizeof(*o));

	o->magic = ONCE_MAGIC;
	o->ops = ops;
	o->runs = map_new();
	return o;
}

void
once_free(struct once *o)
{
	if (!o)
		return;
	MAGIC_CHECK(o, ONCE_MAGIC);
	assert(map_count(o->runs) == 0);
	map_free(o->runs, NULL);
	o->magic = 0;
	free(o);
}

size_t
once_runs(const struct once *o)
{
	return map_count(o->runs);
}

static void
once_ended(void *arg, const struct err *e)
{
	struct once_run *run = arg;
	struct once *o = run->once;

	MAGIC_CHECK(o, ONCE_MAGIC);
	/* Who asks from now on starts a run of its own. */
	(void)map_remove(o->runs, span_from(run->key, run->key_n));
	while (!list_empty(&run->waiters)) {
		struct once_wait *w =
			LIST_ENTRY(list_pop(&run->waiters), struct once_wait, link);

		if (!e)
			o->ops->copy(task_arena(w->task), w->out, run->result);
		task_wake(w->task, e);
	}
	free(run->key);
	free(run);
}

static bool
once_cancel(struct task *t, void *arg)
{
	struct once_wait *w = arg;

	(void)t;
	list_unlink(&w->link);
	return true;
}

struct next
await_once_at(struct task *t, struct once *o, struct span key, const void *arg, size_t arg_size,
	void *out, step_fn *then, const char *name)
{
	static const struct wait_ops ops = {.name = "once", .cancel = once_cancel};
	struct once_wait *w = ARENA_NEW(task_arena(t), struct once_wait);
	struct once_run *run;

	MAGIC_CHECK(o, ONCE_MAGIC);
	run = map_get(o->runs, key);
	if (!run) {
		run = xcalloc(1, sizeof(*run) + o->ops->result_size);
		run->once = o;
		run->key = xmalloc(key.n + 1);
		memcpy(run->key, key.p ? key.p : "", key.n);
		run->key_n = key.n;
		list_init(&run->waiters);
		(void)map_put(o->runs, key, run);
		(void)task_start(&(const struct task_start){.loop = task_env(t)->loop,
			.flow = o->ops->flow,
			.arg = arg,
			.arg_size = arg_size,
			.out = run->result,
			.ended = once_ended,
			.ended_arg = run});
	}
	w->task = t;
	w->out = out;
	list_append(&run->waiters, &w->link);
	return task_park(t, &ops, w, then, name);
}
