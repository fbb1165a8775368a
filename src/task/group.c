#include "task/group.h"

#include <string.h>

struct group_child {
	struct group *group;
	size_t number;
	const struct flow *flow;
	const void *arg;
	size_t arg_size;
	void *out;
	const struct err *error;
	bool ended;
};

void
group_init(struct group *g, struct task *owner, size_t limit)
{
	*g = (struct group){.owner = owner, .limit = limit ? limit : SIZE_MAX};
}

static void group_start(struct group *g);

static void
group_child_ended(void *arg, const struct err *e)
{
	struct group_child *c = arg;
	struct group *g = c->group;

	c->ended = true;
	g->ended++;
	if (e) {
		c->error = err_copy(task_arena(g->owner), e);
		g->failed++;
	}
	/* An owner that is being unwound waits for nobody: no child may follow. */
	if (!g->waiting)
		return;
	group_start(g);
	if (g->ended == g->n) {
		g->waiting = false;
		task_wake(g->owner, NULL);
	}
}

static void
group_start(struct group *g)
{
	while (g->started < g->n && g->started - g->ended < g->limit) {
		struct group_child *c = g->children[g->started++];

		(void)task_spawn(
			g->owner, c->flow, c->arg, c->arg_size, c->out, group_child_ended, c);
	}
}

size_t
group_add(struct group *g, const struct flow *f, const void *arg, size_t arg_size, void *out)
{
	struct arena *a = task_arena(g->owner);
	struct group_child *c = ARENA_NEW(a, struct group_child);

	assert(!g->waiting);
	if (g->n == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 8;
		struct group_child **more = ARENA_ARRAY(a, cap, struct group_child *);

		if (g->n)
			memcpy(more, g->children, g->n * sizeof(struct group_child *));
		g->children = more;
		g->cap = cap;
	}
	*c = (struct group_child){
		.group = g, .number = g->n, .flow = f, .arg_size = arg_size, .out = out};
	if (arg_size) {
		void *copy = arena_alloc(a, arg_size);

		c->arg = memcpy(copy, arg, arg_size);
	}
	g->children[g->n++] = c;
	return c->number;
}

const struct err *
group_error(const struct group *g, size_t child)
{
	assert(child < g->n && g->children[child]->ended);
	return g->children[child]->error;
}

/* The children are ended by the unwinding of their parent; none may start any more. */
static bool
group_cancel(struct task *t, void *arg)
{
	struct group *g = arg;

	(void)t;
	g->waiting = false;
	return true;
}

struct next
await_all_at(struct task *t, struct group *g, step_fn *then, const char *name)
{
	static const struct wait_ops ops = {.name = "group", .cancel = group_cancel};
	struct next n;

	assert(g->owner == t);
	if (g->ended == g->n)
		return task_go(t, then, name);
	n = task_park(t, &ops, g, then, name);
	g->waiting = true;
	group_start(g);
	return n;
}
