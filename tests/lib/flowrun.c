#include "lib/flowrun.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "lib/check.h"

#define FAKE_US INT64_C(1772359200000000)
#define FAKE_MS 1000000

static char notes[4096];

static void
flowrun_idle(void *arg)
{
	struct flowrun *r = arg;

	loop_skip(r->loop);
}

void
flowrun_init(struct flowrun *r)
{
	notes[0] = '\0';
	*r = (struct flowrun){.idle_fd = -1};
	r->loop = loop_new(&r->env);
	r->env.loop = r->loop;
}

void
flowrun_init_fake(struct flowrun *r)
{
	clock_fake(FAKE_US, FAKE_MS);
	flowrun_init(r);
	r->fake = true;
	/* Never read, so readable in every turn. */
	r->idle_fd = eventfd(1, EFD_CLOEXEC);
	assert_true(r->idle_fd >= 0);
	r->idle = loop_watch_new(r->loop, r->idle_fd, flowrun_idle, r);
}

static void
flowrun_ended(void *arg, const struct err *e)
{
	struct flowrun_end *end = arg;
	struct flowrun *r = end->run;

	assert_false(end->ended);
	end->ended = true;
	end->task = NULL;
	end->failed = e != NULL;
	if (e) {
		struct arena *a = arena_new();

		end->kind = e->kind;
		(void)snprintf(end->text, sizeof(end->text), "%.*s", SPAN_FMT(err_text(a, e)));
		arena_free(a);
	}
	if (--r->alive == 0)
		loop_stop(r->loop, 0);
}

void
flowrun_start(struct flowrun *r, struct flowrun_end *end, const struct flow *f, const void *arg,
	size_t arg_size, void *out)
{
	*end = (struct flowrun_end){.run = r};
	r->alive++;
	end->task = task_start(&(const struct task_start){.loop = r->loop,
		.flow = f,
		.arg = arg,
		.arg_size = arg_size,
		.out = out,
		.ended = flowrun_ended,
		.ended_arg = end});
}

void
flowrun_wait(struct flowrun *r)
{
	loop_run(r->loop);
	assert_int_equal(r->alive, 0);
	assert_int_equal(task_count(r->loop), 0);
}

static void
flowrun_stop_now(void *arg)
{
	struct flowrun *r = arg;

	loop_stop(r->loop, 0);
}

void
flowrun_stop(struct flowrun *r, int64_t ms)
{
	loop_timer_set(r->loop, &r->stop, ms, flowrun_stop_now, r);
}

void
flowrun_fini(struct flowrun *r)
{
	loop_timer_clear(&r->stop);
	loop_watch_free(r->idle);
	if (r->idle_fd >= 0)
		(void)close(r->idle_fd);
	loop_free(r->loop);
	if (r->fake)
		clock_fake(0, 0);
}

struct next
flowrun_failed(struct task *t)
{
	return fail(t, task_error(t));
}

void
flowrun_note(const char *what)
{
	const size_t n = strlen(notes);

	assert_true(n + strlen(what) + 2 < sizeof(notes));
	(void)snprintf(notes + n, sizeof(notes) - n, "%s%s", n ? " " : "", what);
}

const char *
flowrun_notes(void)
{
	return notes;
}

void
flowrun_noted(const char *want)
{
	if (strcmp(notes, want) != 0)
		check_fail("noted \"%s\", want \"%s\"", notes, want);
}
