#include "task/work.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WORK_MAGIC 0x776f726bu
#define WORK_THREADS_MAX 64

struct work_job {
	struct list link;
	struct work_pool *pool;
	struct task *task;
	work_fn *fn;
	void *arg;
	bool running; /* under the lock */
};

struct work_pool {
	unsigned magic;
	struct loop *loop;
	pthread_t threads[WORK_THREADS_MAX];
	int n_threads;
	size_t max_queued;

	pthread_mutex_t lock; /* all below */
	pthread_cond_t more;
	struct list queued, finished;
	size_t n_queued;
	bool ending;

	int fd; /* eventfd: `finished` is not empty */
	struct event *ev;
};

static void *
work_thread(void *arg)
{
	struct work_pool *p = arg;

	(void)pthread_mutex_lock(&p->lock);
	for (;;) {
		struct work_job *job;
		bool first;

		while (list_empty(&p->queued) && !p->ending)
			(void)pthread_cond_wait(&p->more, &p->lock);
		if (list_empty(&p->queued))
			break;
		job = LIST_ENTRY(list_pop(&p->queued), struct work_job, link);
		p->n_queued--;
		job->running = true;
		(void)pthread_mutex_unlock(&p->lock);
		job->fn(job->arg);
		(void)pthread_mutex_lock(&p->lock);
		first = list_empty(&p->finished);
		list_append(&p->finished, &job->link);
		if (first && eventfd_write(p->fd, 1) != 0)
			abort(); /* a counter of 64 bits cannot be full */
	}
	(void)pthread_mutex_unlock(&p->lock);
	arena_thread_end();
	return NULL;
}

static void
work_finished(evutil_socket_t fd, short what, void *arg)
{
	struct work_pool *p = arg;
	struct list done_jobs;
	eventfd_t n;

	(void)what;
	(void)eventfd_read(fd, &n);
	list_init(&done_jobs);
	(void)pthread_mutex_lock(&p->lock);
	while (!list_empty(&p->finished))
		list_append(&done_jobs, list_pop(&p->finished));
	(void)pthread_mutex_unlock(&p->lock);
	while (!list_empty(&done_jobs))
		task_wake(LIST_ENTRY(list_pop(&done_jobs), struct work_job, link)->task, NULL);
}

struct work_pool *
work_pool_new(struct loop *l, int threads, size_t max_queued)
{
	struct work_pool *p = xcalloc(1, sizeof(*p));
	sigset_t all, old;

	assert(threads > 0 && threads <= WORK_THREADS_MAX);
	p->magic = WORK_MAGIC;
	p->loop = l;
	p->max_queued = max_queued;
	list_init(&p->queued);
	list_init(&p->finished);
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->more, NULL);
	p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert(p->fd >= 0);
	p->ev = event_new(loop_base(l), p->fd, EV_READ | EV_PERSIST, work_finished, p);
	assert(p->ev);
	(void)event_add(p->ev, NULL);
	/* Signals belong to the loop's thread. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	for (; p->n_threads < threads; p->n_threads++)
		if (pthread_create(&p->threads[p->n_threads], NULL, work_thread, p) != 0)
			break;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	assert(p->n_threads > 0);
	return p;
}

void
work_pool_free(struct work_pool *p)
{
	if (!p)
		return;
	MAGIC_CHECK(p, WORK_MAGIC);
	(void)pthread_mutex_lock(&p->lock);
	p->ending = true;
	(void)pthread_cond_broadcast(&p->more);
	(void)pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->n_threads; i++)
		(void)pthread_join(p->threads[i], NULL);
	assert(list_empty(&p->queued) && list_empty(&p->finished));
	event_free(p->ev);
	(void)close(p->fd);
	(void)pthread_cond_destroy(&p->more);
	(void)pthread_mutex_destroy(&p->lock);
	p->magic = 0;
	free(p);
}

static bool
work_cancel(struct task *t, void *arg)
{
	struct work_job *job = arg;
	struct work_pool *p = job->pool;
	bool taken_back;

	(void)t;
	(void)pthread_mutex_lock(&p->lock);
	taken_back = !job->running;
	if (taken_back) {
		list_unlink(&job->link);
		p->n_queued--;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return taken_back;
}

struct next
await_work_at(struct task *t, work_fn *fn, void *arg, step_fn *then, const char *name)
{
	static const struct wait_ops ops = {.name = "work", .cancel = work_cancel};
	struct work_pool *p = task_env(t)->work;
	struct work_job *job = ARENA_NEW(task_arena(t), struct work_job);
	bool full;

	MAGIC_CHECK(p, WORK_MAGIC);
	*job = (struct work_job){.pool = p, .task = t, .fn = fn, .arg = arg};
	(void)pthread_mutex_lock(&p->lock);
	full = p->n_queued >= p->max_queued;
	if (!full) {
		list_append(&p->queued, &job->link);
		p->n_queued++;
		(void)pthread_cond_signal(&p->more);
	}
	(void)pthread_mutex_unlock(&p->lock);
	if (full)
		return fail(t,
			err_new(task_arena(t), ERR_UNAVAILABLE,
				"too much is waiting for the worker threads: try again later"));
	return task_park(t, &ops, job, then, name);
}
