#include "main/worker.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "ap/ap.h"
#include "base/buf.h"
#include "base/log.h"
#include "crypto/seal.h"
#include "ctl/cmd.h"
#include "db/db.h"
#include "hub/hub.h"
#include "main/checkpoint.h"
#include "main/embedded.h"
#include "main/jobs.h"
#include "main/ops.h"
#include "main/tend.h"
#include "media/frame.h"
#include "media/program.h"
#include "net/blob.h"
#include "net/http.h"
#include "net/httpd.h"
#include "task/proc.h"
#include "task/work.h"
#include "web/web.h"

#define WORKER_THREADS 2
#define WORKER_QUEUED 4096
#define WORKER_LATE_MS 3000 /* then clients get 503 instead of waiting for the database */
#define WORKER_LOAD_PAUSE_MS 200
#define WORKER_TRACE_MAX (1024 * 1024)
#define WORKER_HEAP_SPARE (8 << 20)
#define WORKER_HEAP_BLOCK (1 << 20) /* larger ones are mapped, and go back at once */

struct worker {
	struct arena *arena;
	const struct part_args *args;
	struct env env;
	struct hub hub;
	struct loop *loop;
	struct httpd *metrics;
	struct jobs *jobs;
	struct repeat *checkpoint, *tend;
	struct loop_timer beat, late;
	const char *media_argv[2];
	char label[32];
	bool loaded, listening;
	bool replaced; /* another worker has taken over */
};

/* ---- requests ---- */

static void
worker_request(struct httpd_req *r, void *arg)
{
	struct worker *w = arg;

	if (ops_handle(r, loop_stopping(w->loop) && !w->replaced))
		return;
	if (!w->loaded)
		httpd_send_error(r, err_new(httpd_arena(r), ERR_UNAVAILABLE,
					    "the hub is starting and waits for its database"));
	else
		web_handle(r, w->env.web);
}

static size_t
worker_body_limit(enum httpd_method m, enum httpd_site site, struct span path, void *arg)
{
	const struct worker *w = arg;

	return web_body_limit(m, site, path, w->env.web);
}

static void
worker_listen(struct worker *w)
{
	if (w->listening || !w->env.httpd || loop_stopping(w->loop))
		return;
	w->listening = true;
	for (int i = 0; i < w->args->n_listen; i++)
		httpd_listen(w->env.httpd, w->args->listen + i);
}

static void
worker_late(void *arg)
{
	worker_listen(arg);
}

/* ---- the pipe to the supervisor ---- */

static void
worker_tell(struct worker *w, char what)
{
	/* It never fills: the supervisor reads, or it is dead and so are we. */
	if (write(w->args->pipe, &what, 1) < 0)
		log_at(LOG_DEBUG, NULL, "supervisor_away", "slot=%d", w->args->slot);
}

static void
worker_beat(void *arg)
{
	struct worker *w = arg;

	worker_tell(w, WORKER_ALIVE);
	loop_timer_set(w->loop, &w->beat, WORKER_BEAT_MS, worker_beat, w);
}

/* ---- loading the hub, as soon as the database answers ---- */

struct worker_load {
	struct db_batch batch;
	size_t i;
};

static step_fn worker_load_ask, worker_load_read, worker_load_failed, worker_load_over;

static const struct flow worker_load_flow = {
	.name = "main.load",
	.size = sizeof(struct worker_load),
	.deadline_ms = 15000,
	.first = worker_load_ask,
	.failed = worker_load_failed,
};

static struct worker *
worker_of(struct task *t)
{
	return *(struct worker *const *)task_arg(t);
}

static struct next
worker_load_ask(struct task *t)
{
	struct worker_load *s = task_state(t);

	db_batch_init(&s->batch, task_arena(t));
	s->i = hub_query(&s->batch);
	return await_rows(t, &s->batch, worker_load_read);
}

static struct next
worker_load_read(struct task *t)
{
	struct worker_load *s = task_state(t);
	const struct err *e = hub_load(&s->batch, s->i, &worker_of(t)->hub);

	return e ? fail(t, e) : done(t);
}

static struct next
worker_load_failed(struct task *t)
{
	return await_sleep(t, WORKER_LOAD_PAUSE_MS, worker_load_over);
}

static struct next
worker_load_over(struct task *t)
{
	return fail(t, task_error(t));
}

static void worker_load(struct worker *w);

static void
worker_start(struct worker *w)
{
	const struct jobs_kind *kinds;
	size_t n;

	kinds = jobs_kinds(&n);
	w->loaded = true;
	ap_start(w->env.ap);
	w->checkpoint = checkpoint_start(&w->env);
	w->tend = tend_start(&w->env);
	w->jobs = jobs_start(&w->env, w->hub.worker, kinds, n);
	worker_listen(w);
	worker_tell(w, WORKER_READY);
	log_at(LOG_INFO, NULL, "worker_ready", "pid=%d name=%.*s", (int)getpid(),
		SPAN_FMT(w->hub.worker));
}

static void
worker_loaded(void *arg, const struct err *e)
{
	struct worker *w = arg;

	if (loop_stopping(w->loop))
		return;
	if (!e) {
		worker_start(w);
		return;
	}
	if (!prepare_may_retry(e))
		log_at(LOG_ERROR, NULL, "hub_not_loaded", "text=%.*s",
			SPAN_FMT(err_text(w->arena, e)));
	worker_load(w);
}

static void
worker_load(struct worker *w)
{
	(void)task_start(&(const struct task_start){.loop = w->loop,
		.flow = &worker_load_flow,
		.arg = &w,
		.arg_size = sizeof(struct worker *),
		.ended = worker_loaded,
		.ended_arg = w});
}

/* ---- stopping ---- */

static void
worker_stopping(void *arg)
{
	struct worker *w = arg;

	loop_timer_clear(&w->late);
	if (w->jobs)
		jobs_stop(w->jobs);
	if (w->env.httpd)
		httpd_drain(w->env.httpd, w->replaced ? WORKER_PATIENCE_MS : 0);
}

static void
worker_on_term(void *arg)
{
	struct worker *w = arg;

	loop_stop(w->loop, loop_stopping(w->loop) ? 0 : WORKER_GRACE_MS);
}

static void
worker_on_hup(void *arg)
{
	struct worker *w = arg;

	w->replaced = true;
	loop_stop(w->loop, WORKER_GRACE_MS);
}

static void
worker_on_usr1(void *arg)
{
	struct worker *w = arg;
	struct buf b;

	buf_init(&b, WORKER_TRACE_MAX);
	buf_printf(&b, "%.*s: %zu flows\n", SPAN_FMT(w->hub.worker), task_count(w->loop));
	task_trace(w->loop, &b);
	if (write(STDERR_FILENO, b.p, b.n) < 0)
		log_at(LOG_WARN, NULL, "trace_lost", "bytes=%zu", b.n);
	buf_fini(&b);
}

/* ---- life ---- */

static void
worker_database(struct worker *w)
{
	const struct conf *c = w->env.conf;
	const struct db_opts o = {
		.dsn = embedded_dsn(w->arena, c),
		.name = w->hub.worker,
		.connections = 4,
		.wait_ms = 2000,
		.statement_timeout_ms = 30000,
		.public_connections = c->roles & ROLE_WEB ? 2 : 0,
		.public_timeout_ms = 5000,
		.vital_connections = 1,
	};

	w->env.db = db_new(w->loop, &o);
}

static const struct err *
worker_media(struct worker *w)
{
	const struct proc_opts o = {
		.argv = w->media_argv,
		.max_request = FRAME_REQUEST_MAX,
		.max_reply = FRAME_REPLY_MAX,
		.wall_ms = FRAME_WALL_MS,
	};
	const struct err *e;

	w->media_argv[0] = media_program(w->arena);
	if (w->env.conf->roles & ROLE_MEDIA)
		w->env.media = proc_new(w->loop, &o);
	w->env.blobs = blob_store_files(w->arena, w->env.conf, &e);
	return e;
}

static const struct err *
worker_web(struct worker *w)
{
	const struct httpd_opts o = {
		.conf = w->env.conf,
		.handler = worker_request,
		.arg = w,
		.body_limit = worker_body_limit,
	};
	const struct err *e;

	w->env.web = web_new(&w->env, w->arena, &e);
	if (e)
		return e;
	w->env.httpd = httpd_new(w->loop, &o);
	httpd_on_error(w->env.httpd, web_error, w->env.web);
	return NULL;
}

static void
worker_metrics(struct worker *w)
{
	const struct httpd_opts o = {
		.conf = w->env.conf,
		.handler = ops_metrics,
		.arg = w->label,
		.any_host = true,
	};

	(void)snprintf(w->label, sizeof(w->label), "worker=\"%d\"", w->args->slot);
	w->metrics = httpd_new(w->loop, &o);
	httpd_listen(w->metrics, w->args->metrics);
}

static const struct err *
worker_services(struct worker *w)
{
	const struct err *e;

	w->env.work = work_pool_new(w->loop, WORKER_THREADS, WORKER_QUEUED);
	worker_database(w);
	w->env.http = http_new(w->loop, w->env.conf);
	w->env.ap = ap_new(&w->env);
	e = worker_media(w);
	if (!e && w->env.conf->roles & ROLE_WEB)
		e = worker_web(w);
	if (!e && w->args->metrics >= 0)
		worker_metrics(w);
	return e;
}

static void
worker_free(struct worker *w)
{
	jobs_free(w->jobs);
	repeat_free(w->checkpoint);
	repeat_free(w->tend);
	httpd_free(w->metrics);
	httpd_free(w->env.httpd);
	web_free(w->env.web);
	ap_free(w->env.ap);
	proc_free(w->env.media);
	http_free(w->env.http);
	blob_store_free(w->env.blobs);
	db_free(w->env.db);
	work_pool_free(w->env.work);
	loop_timer_clear(&w->beat);
	loop_timer_clear(&w->late);
	loop_free(w->loop);
	hub_fini(&w->hub);
	seal_free(w->hub.seal);
}

static void
worker_loop(struct worker *w)
{
	loop_on_signal(w->loop, SIGTERM, worker_on_term, w);
	loop_on_signal(w->loop, SIGHUP, worker_on_hup, w);
	loop_on_signal(w->loop, SIGUSR1, worker_on_usr1, w);
	child_take_signals();
	loop_on_stop(w->loop, worker_stopping, w);
	worker_beat(w);
	loop_timer_set(w->loop, &w->late, WORKER_LATE_MS, worker_late, w);
	worker_load(w);
	loop_run(w->loop);
}

/*
 * By default the heap's end goes back to the system at every 128 kB, and the next page that is
 * built takes it again, fault by fault; and each thread has a heap of its own, which what the
 * loop keeps of it holds open for ever.
 */
static void
worker_heap(void)
{
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_MMAP_THRESHOLD, WORKER_HEAP_BLOCK);
	(void)mallopt(M_TRIM_THRESHOLD, WORKER_HEAP_SPARE);
}

int
worker_run(struct arena *a, const struct conf *c, const struct part_args *p)
{
	struct worker w = {.arena = a, .args = p};
	struct seal *seal = NULL;
	const struct err *e = seal_load(a, arena_cstr(a, c->master_key_file), false, &seal);

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	worker_heap();
	hub_init(&w.hub, a, c, seal);
	w.hub.worker = p->name;
	w.env.conf = c;
	w.env.hub = &w.hub;
	w.loop = w.env.loop = loop_new(&w.env);
	if (!e)
		e = worker_services(&w);
	if (e)
		log_at(LOG_ERROR, NULL, "worker_failed", "text=%.*s", SPAN_FMT(err_text(a, e)));
	else
		worker_loop(&w);
	worker_free(&w);
	if (!e)
		return CMD_OK;
	return e->kind == ERR_CONFIG ? CMD_CONFIG : CMD_FAILED;
}
