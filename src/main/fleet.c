#include "main/fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "main/worker.h"

#define FLEET_LOOK_MS 1000
#define FLEET_ABORT_MS 5000 /* from SIGABRT to SIGKILL */

struct fleet {
	struct loop *loop;
	const struct runas *as;
	const struct fleet_ops *ops;
	void *arg;
	struct list kids;
	struct loop_timer look;
};

/* ---- the pipe of a worker ---- */

static void
kid_deaf(struct kid *k)
{
	loop_watch_free(k->watch);
	k->watch = NULL;
	if (k->pipe >= 0)
		(void)close(k->pipe);
	k->pipe = -1;
}

static void
kid_heard(void *arg)
{
	struct kid *k = arg;
	char text[64];
	const ssize_t n = read(k->pipe, text, sizeof(text));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		kid_deaf(k); /* it has ended, or is about to: waitpid tells */
		return;
	}
	k->heard_ms = clock_mono_ms();
	for (ssize_t i = 0; i < n; i++) {
		if (text[i] != WORKER_READY || k->ready)
			continue;
		k->ready = true;
		k->fleet->ops->ready(k, k->fleet->arg);
	}
}

static void
fleet_look(void *arg)
{
	struct fleet *f = arg;
	const int64_t now = clock_mono_ms();

	loop_timer_set(f->loop, &f->look, FLEET_LOOK_MS, fleet_look, f);
	LIST_EACH(it, &f->kids)
	{
		struct kid *k = LIST_ENTRY(it, struct kid, link);

		if (k->part != PART_WORKER)
			continue;
		if (!k->aborted_ms && now - k->heard_ms > FLEET_SILENT_MS) {
			log_at(LOG_ERROR, NULL, "worker_hangs", "pid=%d slot=%d silent_ms=%d",
				(int)k->pid, k->slot, (int)(now - k->heard_ms));
			k->aborted_ms = now;
			(void)kill(k->pid, SIGABRT);
		} else if (k->aborted_ms && now - k->aborted_ms > FLEET_ABORT_MS) {
			(void)kill(k->pid, SIGKILL);
		}
	}
}

/* ---- starting ---- */

static const char *
kid_title(struct arena *a, const struct part_args *p)
{
	if (p->part == PART_DATABASE)
		return "litfassd: database";
	if (p->part == PART_PREPARE)
		return "litfassd: prepare";
	return arena_printf(a, "litfassd: worker %d", p->slot).p;
}

static pid_t
kid_spawn(struct fleet *f, const struct setup *s, struct part_args p, int pipe)
{
	struct arena *a = arena_new();
	struct child_spec spec = {
		.death_signal = p.part == PART_DATABASE ? SIGINT : SIGKILL,
	};
	pid_t pid;

	child_arg(&spec, kid_title(a, &p));
	p.conf_path = s->conf.path;
	p.conf_fd = child_fd(&spec, s->conf_fd);
	p.metrics = p.pipe = -1;
	if (p.part == PART_WORKER) {
		p.pipe = child_fd(&spec, pipe);
		if ((size_t)p.slot <= s->n_metrics)
			p.metrics = child_fd(&spec, s->metrics[p.slot - 1]);
		p.n_listen = (int)s->n_listen;
		p.listen = CHILD_FD_FIRST + (int)spec.n_fds;
		for (size_t i = 0; i < s->n_listen; i++)
			(void)child_fd(&spec, s->listen[i]);
	}
	part_write(a, &p, &spec);
	pid = child_start(&spec, f->as);
	arena_free(a);
	return pid;
}

struct kid *
fleet_start(struct fleet *f, const struct setup *s, const struct part_args *p)
{
	struct kid *k = xcalloc(1, sizeof(*k));
	int pair[2] = {-1, -1};

	*k = (struct kid){
		.fleet = f,
		.part = p->part,
		.what = p->what,
		.slot = p->slot,
		.setup = s->number,
		.pipe = -1,
	};
	(void)snprintf(k->name, sizeof(k->name), "%.*s", SPAN_FMT(p->name));
	if (p->part != PART_WORKER || pipe2(pair, O_CLOEXEC | O_NONBLOCK) == 0)
		k->pid = kid_spawn(f, s, *p, pair[1]);
	k->started_ms = k->heard_ms = clock_mono_ms();
	k->pipe = pair[0];
	if (pair[1] >= 0)
		(void)close(pair[1]);
	if (!k->pid) {
		kid_deaf(k);
		free(k);
		return NULL;
	}
	if (k->pipe >= 0)
		k->watch = loop_watch_new(f->loop, k->pipe, kid_heard, k);
	list_append(&f->kids, &k->link);
	return k;
}

/* ---- ending ---- */

void
kid_signal(struct kid *k, int signo)
{
	k->leaving |= signo == SIGTERM || signo == SIGINT || signo == SIGHUP;
	(void)kill(k->pid, signo);
}

size_t
fleet_signal(struct fleet *f, enum part part, int signo)
{
	size_t n = 0;

	LIST_EACH(it, &f->kids)
	{
		struct kid *k = LIST_ENTRY(it, struct kid, link);

		if (k->part != part)
			continue;
		kid_signal(k, signo);
		n++;
	}
	return n;
}

size_t
fleet_count(const struct fleet *f, enum part part)
{
	size_t n = 0;

	LIST_EACH(it, &f->kids)
	{
		n += LIST_ENTRY(it, struct kid, link)->part == part;
	}
	return n;
}

/* Asked one by one: nobody else's children are taken from them. */
static void
fleet_reap(void *arg)
{
	struct fleet *f = arg;

	LIST_EACH_SAFE(it, &f->kids)
	{
		struct kid *k = LIST_ENTRY(it, struct kid, link);
		int status;

		if (waitpid(k->pid, &status, WNOHANG) != k->pid)
			continue;
		/* What it said last may still be in the pipe. */
		if (k->pipe >= 0)
			kid_heard(k);
		list_unlink(&k->link);
		kid_deaf(k);
		f->ops->ended(k, status, k->aborted_ms != 0, f->arg);
		free(k);
	}
}

struct fleet *
fleet_new(struct loop *l, const struct runas *as, const struct fleet_ops *ops, void *arg)
{
	struct fleet *f = xcalloc(1, sizeof(*f));

	f->loop = l;
	f->as = as;
	f->ops = ops;
	f->arg = arg;
	list_init(&f->kids);
	loop_on_signal(l, SIGCHLD, fleet_reap, f);
	fleet_look(f);
	return f;
}

void
fleet_free(struct fleet *f)
{
	if (!f)
		return;
	assert(list_empty(&f->kids));
	loop_timer_clear(&f->look);
	free(f);
}
