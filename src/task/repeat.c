#include "task/repeat.h"

#include <stdlib.h>

#include "base/clock.h"

#define REPEAT_MAGIC 0x72657065u

struct repeat {
	unsigned magic;
	struct loop *loop;
	struct repeat_opts opts;
	struct loop_timer timer; /* until the next run; while one is under way there is none */
	bool running;
	bool hinted;  /* while running */
	bool failing; /* has been said */
};

static void repeat_due(void *arg);

static void
repeat_plan(struct repeat *r, int64_t ms)
{
	if (r->opts.spread)
		ms += arc4random_uniform((uint32_t)ms);
	loop_timer_set(r->loop, &r->timer, ms, repeat_due, r);
}

static void
repeat_hasten(struct repeat *r)
{
	if (r->timer.at_ms > clock_mono_ms() + r->opts.hint_ms)
		loop_timer_set(r->loop, &r->timer, r->opts.hint_ms, repeat_due, r);
}

static void
repeat_say(struct repeat *r, const struct err *e)
{
	if (!e && r->failing)
		log_at(LOG_INFO, NULL, "repeat_recovered", "flow=%s", r->opts.flow->name);
	if (e && !r->failing) {
		struct arena *a = arena_new();

		/* At least a warning, whatever its kind: nobody else is told. */
		log_at(err_level(e) > LOG_WARN ? LOG_ERROR : LOG_WARN, NULL, "repeat_failed",
			"flow=%s text=%.*s", r->opts.flow->name, SPAN_FMT(err_text(a, e)));
		arena_free(a);
	}
	r->failing = e != NULL;
}

static void
repeat_ended(void *arg, const struct err *e)
{
	struct repeat *r = arg;
	const bool again = r->hinted && !e;

	MAGIC_CHECK(r, REPEAT_MAGIC);
	if (!e || (e->kind != ERR_CONFLICT && e->kind != ERR_STOPPED))
		repeat_say(r, e);
	r->running = r->hinted = false;
	repeat_plan(r, r->opts.pause_ms);
	if (again)
		repeat_hasten(r);
}

static void
repeat_due(void *arg)
{
	struct repeat *r = arg;

	MAGIC_CHECK(r, REPEAT_MAGIC);
	if (loop_stopping(r->loop))
		return;
	r->running = true;
	(void)task_start(&(const struct task_start){.loop = r->loop,
		.flow = r->opts.flow,
		.arg = &r->opts.arg,
		.arg_size = sizeof(r->opts.arg),
		.ended = repeat_ended,
		.ended_arg = r});
}

void
repeat_hint(void *arg)
{
	struct repeat *r = arg;

	MAGIC_CHECK(r, REPEAT_MAGIC);
	if (r->running)
		r->hinted = true;
	else
		repeat_hasten(r);
}

void *
repeat_arg(struct task *t)
{
	return *(void *const *)task_arg(t);
}

struct repeat *
repeat_start(struct loop *l, const struct repeat_opts *o)
{
	struct repeat *r = xcalloc(1, sizeof(*r));

	assert(o->first_ms >= 0 && o->pause_ms > 0 && o->hint_ms >= 0);
	*r = (struct repeat){.magic = REPEAT_MAGIC, .loop = l, .opts = *o};
	repeat_plan(r, o->first_ms);
	return r;
}

void
repeat_free(struct repeat *r)
{
	if (!r)
		return;
	MAGIC_CHECK(r, REPEAT_MAGIC);
	assert(!r->running);
	loop_timer_clear(&r->timer);
	r->magic = 0;
	free(r);
}
