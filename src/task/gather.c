#include "task/gather.h"

#include <stdlib.h>

#define GATHER_MAGIC 0x67617468u

struct gather {
	unsigned magic;
	struct loop *loop;
	const struct flow *flow;
	size_t max, runs_max, runs;
	size_t (*weight)(const void *data); /* NULL = nothing weighs anything */
	size_t weight_max;
	struct list waiting;
};

struct gather_run {
	struct gather *gather;
	struct gather_item **items;
	size_t n;
};

struct gather *
gather_new(struct loop *l, const struct flow *flow, size_t max, size_t runs)
{
	struct gather *g = xcalloc(1, sizeof(*g));

	assert(max > 0 && runs > 0);
	*g = (struct gather){
		.magic = GATHER_MAGIC, .loop = l, .flow = flow, .max = max, .runs_max = runs};
	list_init(&g->waiting);
	return g;
}

void
gather_weigh(struct gather *g, size_t (*weight)(const void *data), size_t limit)
{
	MAGIC_CHECK(g, GATHER_MAGIC);
	assert(weight && limit > 0);
	g->weight = weight;
	g->weight_max = limit;
}

void
gather_free(struct gather *g)
{
	if (!g)
		return;
	MAGIC_CHECK(g, GATHER_MAGIC);
	assert(g->runs == 0 && list_empty(&g->waiting));
	g->magic = 0;
	free(g);
}

struct gather_item **
gather_items(struct task *t, size_t *n)
{
	struct gather_run *const *run = task_arg(t);

	*n = (*run)->n;
	return (*run)->items;
}

static void gather_start(struct gather *g);

static void
gather_ended(void *arg, const struct err *e)
{
	struct gather_run *run = arg;
	struct gather *g = run->gather;

	MAGIC_CHECK(g, GATHER_MAGIC);
	for (size_t i = 0; i < run->n; i++) {
		struct gather_item *item = run->items[i];

		item->running = false;
		task_wake(item->waiter, e ? e : item->err);
	}
	free(run->items);
	free(run);
	g->runs--;
	gather_start(g);
}

/* As many of those that wait, in their order, as one run may take. */
static void
gather_fill(struct gather *g, struct gather_run *run)
{
	size_t weight = 0;

	while (run->n < g->max && !list_empty(&g->waiting)) {
		struct gather_item *item =
			LIST_ENTRY(g->waiting.next, struct gather_item, link);
		const size_t more = g->weight ? g->weight(item->data) : 0;

		if (run->n > 0 && g->weight && weight + more > g->weight_max)
			return;
		weight += more;
		list_unlink(&item->link);
		item->running = true;
		run->items[run->n++] = item;
	}
}

static void
gather_start(struct gather *g)
{
	while (g->runs < g->runs_max && !list_empty(&g->waiting)) {
		struct gather_run *run = xcalloc(1, sizeof(*run));

		run->gather = g;
		run->items = xcalloc(g->max, sizeof(struct gather_item *));
		gather_fill(g, run);
		g->runs++;
		(void)task_start(&(const struct task_start){.loop = g->loop,
			.flow = g->flow,
			.arg = &run,
			.arg_size = sizeof(run),
			.ended = gather_ended,
			.ended_arg = run});
	}
}

static bool
gather_cancel(struct task *t, void *arg)
{
	struct gather_item *item = arg;

	(void)t;
	if (item->running)
		return false; /* the run has our data; its end wakes us */
	list_unlink(&item->link);
	return true;
}

struct next
await_gather_at(struct task *t, struct gather *g, struct gather_item *item, void *data,
	step_fn *then, const char *name)
{
	static const struct wait_ops ops = {.name = "gather", .cancel = gather_cancel};
	struct next n = task_park(t, &ops, item, then, name);

	MAGIC_CHECK(g, GATHER_MAGIC);
	*item = (struct gather_item){.gather = g, .waiter = t, .data = data};
	list_append(&g->waiting, &item->link);
	gather_start(g);
	return n;
}
