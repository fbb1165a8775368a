#include "task/proc.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROC_MAGIC 0x70726f63u
#define PROC_BACKOFF_MIN 100
#define PROC_BACKOFF_MAX 30000

struct proc_wait {
	struct list link;
	struct proc *proc;
	struct task *task;
	struct span request;
	struct span *reply;
};

struct proc {
	unsigned magic;
	struct loop *loop;
	struct proc_opts opts;
	struct list waiting;
	struct proc_wait *current; /* NULL while idle, and for a request that was given up */
	bool busy;
	pid_t pid; /* 0 = not running */
	int fd;
	struct event *ev_read, *ev_write;
	char head[4];
	size_t sent;
	struct buf in;
	struct loop_timer wall, restart;
	int64_t backoff_ms;
	bool resting; /* waits for `restart` */
};

static void proc_next(struct proc *p);

struct proc *
proc_new(struct loop *l, const struct proc_opts *o)
{
	struct proc *p = xcalloc(1, sizeof(*p));

	p->magic = PROC_MAGIC;
	p->loop = l;
	p->opts = *o;
	p->fd = -1;
	list_init(&p->waiting);
	buf_init(&p->in, o->max_reply + 4);
	return p;
}

int64_t
proc_pid(const struct proc *p)
{
	return p->pid;
}

/* Ends the process for good; it holds nothing that needs an orderly end. */
static void
proc_reap(struct proc *p)
{
	if (!p->pid)
		return;
	event_free(p->ev_read);
	event_free(p->ev_write);
	(void)close(p->fd);
	p->fd = -1;
	(void)kill(p->pid, SIGKILL);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
}

void
proc_free(struct proc *p)
{
	if (!p)
		return;
	MAGIC_CHECK(p, PROC_MAGIC);
	assert(list_empty(&p->waiting) && !p->current);
	loop_timer_clear(&p->wall);
	loop_timer_clear(&p->restart);
	proc_reap(p);
	buf_fini(&p->in);
	p->magic = 0;
	free(p);
}

static void
proc_rested(void *arg)
{
	struct proc *p = arg;

	p->resting = false;
	proc_next(p);
}

/* Nobody waits for this helper's answer any more; the next request gets a new process. */
static void
proc_drop(struct proc *p)
{
	proc_reap(p);
	loop_timer_clear(&p->wall);
	p->busy = false;
	p->current = NULL;
}

/* The helper is of no use any more: the request fails, the process is replaced after a rest. */
static void
proc_broke(struct proc *p, const char *why)
{
	struct proc_wait *w = p->current;

	proc_drop(p);
	p->resting = true;
	p->backoff_ms = p->backoff_ms ? p->backoff_ms * 2 : PROC_BACKOFF_MIN;
	if (p->backoff_ms > PROC_BACKOFF_MAX)
		p->backoff_ms = PROC_BACKOFF_MAX;
	loop_timer_set(p->loop, &p->restart, p->backoff_ms, proc_rested, p);
	if (w)
		task_wake(w->task, err_new(task_arena(w->task), ERR_UPSTREAM,
					   "the helper %s %s", p->opts.argv[0], why));
}

static void
proc_late(void *arg)
{
	struct proc *p = arg;

	proc_broke(p, "did not answer in time and was killed");
}

static uint32_t
proc_length(const char *head)
{
	const unsigned char *u = (const unsigned char *)head;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

/* True when the whole answer has arrived. */
static bool
proc_answered(struct proc *p)
{
	size_t n;

	if (p->in.n < 4)
		return false;
	n = proc_length(p->in.p);
	if (n > p->opts.max_reply || p->in.n > n + 4) {
		proc_broke(p, "sent an answer out of shape and was killed");
		return false;
	}
	return p->in.n == n + 4;
}

static void
proc_readable(evutil_socket_t fd, short what, void *arg)
{
	struct proc *p = arg;
	struct proc_wait *w;
	char chunk[65536];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || !p->busy) {
		proc_broke(p, "ended unexpectedly");
		return;
	}
	buf_add(&p->in, span_from(chunk, (size_t)n));
	if (p->in.toobig) {
		proc_broke(p, "sent an answer that is too long and was killed");
		return;
	}
	if (!proc_answered(p))
		return;
	loop_timer_clear(&p->wall);
	p->backoff_ms = 0;
	p->busy = false;
	w = p->current;
	p->current = NULL;
	if (w) {
		*w->reply = arena_dup(
			task_arena(w->task), span_slice(buf_span(&p->in), 4, p->in.n));
		task_wake(w->task, NULL);
	}
	proc_next(p);
}

static void
proc_writable(evutil_socket_t fd, short what, void *arg)
{
	struct proc *p = arg;
	struct span request = p->current ? p->current->request : SPAN_NONE;

	(void)what;
	while (p->current && p->sent < 4 + request.n) {
		struct span rest = p->sent < 4 ? span_from(p->head + p->sent, 4 - p->sent)
					       : span_slice(request, p->sent - 4, request.n);
		ssize_t n = send(fd, rest.p, rest.n, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			(void)event_add(p->ev_write, NULL);
			return;
		}
		if (n < 0) {
			proc_broke(p, "took no request and was killed");
			return;
		}
		p->sent += (size_t)n;
	}
}

/* In the child between fork and exec: only async-signal-safe calls. */
static _Noreturn void
proc_exec(const struct proc *p, int fd, pid_t parent)
{
	char *const nothing[] = {NULL}; /* our environment may hold secrets */
	sigset_t none;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || close_range(3, ~0U, 0) != 0)
		_exit(127);
	/* Only now, when a handler of the parent's finds its descriptors closed. */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	execve(p->opts.argv[0], (char *const *)(uintptr_t)p->opts.argv, nothing);
	_exit(127);
}

static bool
proc_launch(struct proc *p)
{
	pid_t parent = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	pid = fork();
	if (pid == 0)
		proc_exec(p, pair[1], parent);
	(void)close(pair[1]);
	if (pid < 0 || fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0) {
		(void)close(pair[0]);
		return false;
	}
	p->pid = pid;
	p->fd = pair[0];
	p->ev_read =
		event_new(loop_base(p->loop), p->fd, EV_READ | EV_PERSIST, proc_readable, p);
	p->ev_write = event_new(loop_base(p->loop), p->fd, EV_WRITE, proc_writable, p);
	assert(p->ev_read && p->ev_write);
	(void)event_add(p->ev_read, NULL);
	return true;
}

/* Hands the next request out when the helper is free. */
static void
proc_next(struct proc *p)
{
	struct proc_wait *w;

	if (p->busy || p->resting || list_empty(&p->waiting))
		return;
	w = LIST_ENTRY(list_pop(&p->waiting), struct proc_wait, link);
	p->current = w;
	p->busy = true;
	p->sent = 0;
	buf_reset(&p->in);
	for (int i = 0; i < 4; i++)
		p->head[i] = (char)(w->request.n >> (24 - 8 * i) & 255);
	if (!p->pid && !proc_launch(p)) {
		proc_broke(p, "could not be started");
		return;
	}
	loop_timer_set(p->loop, &p->wall, p->opts.wall_ms, proc_late, p);
	(void)event_add(p->ev_write, NULL);
}

static bool
proc_cancel(struct task *t, void *arg)
{
	struct proc_wait *w = arg;
	struct proc *p = w->proc;

	(void)t;
	list_unlink(&w->link);
	if (p->current == w) {
		/*
		 * Half a request may be out, so the stream is of no use for another one; but
		 * the helper has done nothing wrong, and who is next need not wait for a rest.
		 */
		proc_drop(p);
		proc_next(p);
	}
	return true;
}

struct next
await_proc_at(struct task *t, struct proc *p, struct span request, struct span *reply,
	step_fn *then, const char *name)
{
	static const struct wait_ops ops = {.name = "proc", .cancel = proc_cancel};
	struct proc_wait *w = ARENA_NEW(task_arena(t), struct proc_wait);
	struct next n;

	MAGIC_CHECK(p, PROC_MAGIC);
	if (request.n > p->opts.max_request)
		return fail(t, err_new(task_arena(t), ERR_TOO_LARGE,
				       "%zu bytes are more than the helper %s takes", request.n,
				       p->opts.argv[0]));
	*w = (struct proc_wait){.proc = p, .task = t, .request = request, .reply = reply};
	n = task_park(t, &ops, w, then, name);
	list_append(&p->waiting, &w->link);
	proc_next(p);
	return n;
}
