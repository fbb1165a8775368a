#include "task/loop.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "task/loop_run.h"

#define LOOP_MAGIC 0x6c6f6f70u
#define LOOP_HOOKS 16
#define LOOP_SIGNALS 8

struct loop_hook {
	loop_fn *fn;
	void *arg;
};

struct loop_signal {
	struct event *ev;
	loop_fn *fn;
	void *arg;
};

struct loop {
	unsigned magic;
	struct env *env;
	struct event_base *base;
	struct loop_tasks tasks;
	struct event *clock; /* the earliest timer */
	int64_t clock_at;    /* what `clock` is set to, 0 = not set */
	struct loop_timer **heap;
	size_t n_heap, cap_heap;
	struct loop_hook hooks[LOOP_HOOKS];
	size_t n_hooks;
	struct loop_signal signals[LOOP_SIGNALS];
	size_t n_signals;
	struct loop_timer grace;
	bool stopping;
};

/* ---- timers: a binary heap from place 1, the earliest first ---- */

static void
heap_put(struct loop *l, size_t i, struct loop_timer *tm)
{
	l->heap[i] = tm;
	tm->place = i;
}

static void
heap_up(struct loop *l, size_t i, struct loop_timer *tm)
{
	while (i > 1 && l->heap[i / 2]->at_ms > tm->at_ms) {
		heap_put(l, i, l->heap[i / 2]);
		i /= 2;
	}
	heap_put(l, i, tm);
}

static void
heap_down(struct loop *l, size_t i, struct loop_timer *tm)
{
	for (size_t child; (child = i * 2) <= l->n_heap; i = child) {
		if (child < l->n_heap && l->heap[child + 1]->at_ms < l->heap[child]->at_ms)
			child++;
		if (l->heap[child]->at_ms >= tm->at_ms)
			break;
		heap_put(l, i, l->heap[child]);
	}
	heap_put(l, i, tm);
}

/* libevent's one timer follows the heap's first; a later first is found out when it fires. */
static void
loop_clock_set(struct loop *l)
{
	struct timeval tv;
	int64_t left;

	if (l->n_heap == 0 || (l->clock_at && l->clock_at <= l->heap[1]->at_ms))
		return;
	l->clock_at = l->heap[1]->at_ms;
	left = l->clock_at - clock_mono_ms();
	if (left < 0)
		left = 0;
	tv = (struct timeval){.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};
	(void)event_add(l->clock, &tv);
}

void
loop_timer_clear(struct loop_timer *tm)
{
	struct loop *l = tm->loop;
	struct loop_timer *last;
	size_t i = tm->place;

	if (!i)
		return;
	last = l->heap[l->n_heap--];
	tm->place = 0;
	if (last == tm)
		return;
	if (i > 1 && l->heap[i / 2]->at_ms > last->at_ms)
		heap_up(l, i, last);
	else
		heap_down(l, i, last);
}

void
loop_timer_set(struct loop *l, struct loop_timer *tm, int64_t ms, loop_fn *fn, void *arg)
{
	MAGIC_CHECK(l, LOOP_MAGIC);
	loop_timer_clear(tm);
	*tm = (struct loop_timer){
		.loop = l, .at_ms = clock_mono_ms() + (ms > 0 ? ms : 0), .fn = fn, .arg = arg};
	if (l->n_heap + 2 > l->cap_heap) {
		l->cap_heap = l->cap_heap ? l->cap_heap * 2 : 64;
		l->heap = xrealloc(l->heap, l->cap_heap * sizeof(struct loop_timer *));
	}
	heap_up(l, ++l->n_heap, tm);
	loop_clock_set(l);
}

static void
loop_clock_fired(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	int64_t now = clock_mono_ms();

	(void)fd;
	(void)what;
	l->clock_at = 0;
	while (l->n_heap > 0 && l->heap[1]->at_ms <= now) {
		struct loop_timer *tm = l->heap[1];

		loop_timer_clear(tm);
		tm->fn(tm->arg);
	}
	loop_clock_set(l);
}

void
loop_skip(struct loop *l)
{
	const int64_t now = clock_mono_ms();

	if (l->n_heap == 0 || l->heap[1]->at_ms <= now || !list_empty(&l->tasks.ready))
		return;
	clock_fake(clock_us() + (l->heap[1]->at_ms - now) * 1000, l->heap[1]->at_ms);
	l->clock_at = 0;
	loop_clock_set(l);
}

/* ---- the run queue ---- */

struct loop_tasks *
loop_tasks(struct loop *l)
{
	MAGIC_CHECK(l, LOOP_MAGIC);
	return &l->tasks;
}

/* ---- life ---- */

struct loop *
loop_new(struct env *env)
{
	struct loop *l = xcalloc(1, sizeof(*l));
	struct event_config *cfg = event_config_new();

	l->magic = LOOP_MAGIC;
	l->env = env;
	assert(cfg);
	/*
	 * Only this thread touches the base: work.c comes back through an eventfd. Changes of
	 * interest are told to the kernel once a turn: a request reads, writes and reads again,
	 * which would be four system calls. It wants no descriptor that was dup'ed; none is.
	 */
	(void)event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK |
						 EVENT_BASE_FLAG_PRECISE_TIMER |
						 EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	l->base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	assert(l->base);
	l->clock = event_new(l->base, -1, 0, loop_clock_fired, l);
	assert(l->clock);
	list_init(&l->tasks.all);
	list_init(&l->tasks.ready);
	l->tasks.slow_step_ms = 50;
	return l;
}

void
loop_free(struct loop *l)
{
	if (!l)
		return;
	MAGIC_CHECK(l, LOOP_MAGIC);
	assert(l->tasks.count == 0);
	loop_timer_clear(&l->grace);
	for (size_t i = 0; i < l->n_signals; i++)
		event_free(l->signals[i].ev);
	event_free(l->clock);
	event_base_free(l->base);
	free(l->heap);
	l->magic = 0;
	free(l);
}

struct env *
loop_env(const struct loop *l)
{
	MAGIC_CHECK(l, LOOP_MAGIC);
	return l->env;
}

struct event_base *
loop_base(const struct loop *l)
{
	MAGIC_CHECK(l, LOOP_MAGIC);
	return l->base;
}

void
loop_slow_step_ms(struct loop *l, int ms)
{
	l->tasks.slow_step_ms = ms;
}

static void
loop_signalled(evutil_socket_t fd, short what, void *arg)
{
	struct loop_signal *s = arg;

	(void)fd;
	(void)what;
	s->fn(s->arg);
}

void
loop_on_signal(struct loop *l, int signo, loop_fn *fn, void *arg)
{
	struct loop_signal *s = &l->signals[l->n_signals++];

	assert(l->n_signals <= LOOP_SIGNALS);
	s->fn = fn;
	s->arg = arg;
	s->ev = evsignal_new(l->base, signo, loop_signalled, s);
	assert(s->ev);
	(void)event_add(s->ev, NULL);
}

struct loop_watch {
	struct event *ev;
	loop_fn *fn;
	void *arg;
};

static void
loop_watch_fired(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *w = arg;

	(void)fd;
	(void)what;
	w->fn(w->arg);
}

struct loop_watch *
loop_watch_new(struct loop *l, int fd, loop_fn *fn, void *arg)
{
	struct loop_watch *w = xcalloc(1, sizeof(*w));

	MAGIC_CHECK(l, LOOP_MAGIC);
	w->fn = fn;
	w->arg = arg;
	w->ev = event_new(l->base, fd, EV_READ | EV_PERSIST, loop_watch_fired, w);
	assert(w->ev);
	(void)event_add(w->ev, NULL);
	return w;
}

void
loop_watch_free(struct loop_watch *w)
{
	if (!w)
		return;
	event_free(w->ev);
	free(w);
}

void
loop_on_stop(struct loop *l, loop_fn *fn, void *arg)
{
	assert(l->n_hooks < LOOP_HOOKS);
	l->hooks[l->n_hooks++] = (struct loop_hook){.fn = fn, .arg = arg};
}

void
loop_run(struct loop *l)
{
	MAGIC_CHECK(l, LOOP_MAGIC);
	/*
	 * One turn: what has happened outside, then every task that is ready. Tasks do not run
	 * as an event of their own: libevent would run it again before it looks outside.
	 */
	while (!l->stopping || l->tasks.count > 0) {
		const bool ready = !list_empty(&l->tasks.ready);

		(void)event_base_loop(l->base,
			EVLOOP_NO_EXIT_ON_EMPTY | EVLOOP_ONCE | (ready ? EVLOOP_NONBLOCK : 0));
		if (l->tasks.run_ready)
			l->tasks.run_ready(l);
	}
}

/* ---- stopping ---- */

static void
loop_grace_over(void *arg)
{
	struct loop *l = arg;

	l->tasks.cancelling = true;
	if (l->tasks.stop_all)
		l->tasks.stop_all(l);
}

bool
loop_stopping(const struct loop *l)
{
	return l->stopping;
}

void
loop_stop(struct loop *l, int grace_ms)
{
	bool first = !l->stopping;

	MAGIC_CHECK(l, LOOP_MAGIC);
	l->stopping = true;
	for (size_t i = 0; first && i < l->n_hooks; i++)
		l->hooks[i].fn(l->hooks[i].arg);
	if (first || l->grace.at_ms > clock_mono_ms() + grace_ms)
		loop_timer_set(l, &l->grace, grace_ms, loop_grace_over, l);
}
