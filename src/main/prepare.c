#include "main/prepare.h"

#include <signal.h>
#include <time.h>

#include "base/log.h"
#include "crypto/seal.h"
#include "ctl/cmd.h"
#include "db/db.h"
#include "db/queue.h"
#include "hub/account.h"
#include "hub/hub.h"
#include "main/child.h"
#include "main/embedded.h"
#include "main/place.h"

#define PREPARE_RELOAD_MS 20000 /* of one try, and until there is no other one */
#define PREPARE_PAUSE_MS 100
#define PREPARE_PAUSE_MAX_MS 500
#define PREPARE_TELL 30 /* pauses until it is said again what we wait for */

struct prepare {
	struct arena *a;
	const struct prepare_opts *opts;
	struct env env;
	struct hub hub;
	const struct err *error; /* of the flow */
	bool stopped;            /* asked to end, perhaps when the flow had just failed */
};

struct prepare_state {
	struct db_batch batch;
	size_t i, i_released;
	struct account_new own[2];
	bool founded;
};

static step_fn prepare_begin, prepare_loaded, prepare_made, prepare_found, prepare_release,
	prepare_released, prepare_end, prepare_failed;

static const struct flow prepare_flow = {
	.name = "main.prepare",
	.size = sizeof(struct prepare_state),
	.deadline_ms = 60000,
	.first = prepare_begin,
	.failed = prepare_failed,
};

/* A server that takes a connection and says nothing: a reload does not wait for it. */
static const struct flow prepare_check_flow = {
	.name = "main.check",
	.size = sizeof(struct prepare_state),
	.deadline_ms = PREPARE_RELOAD_MS,
	.first = prepare_begin,
	.failed = prepare_failed,
};

bool
prepare_may_retry(const struct err *e)
{
	return e->kind == ERR_DB_GONE || e->kind == ERR_UNAVAILABLE ||
	       e->kind == ERR_UNCERTAIN || e->kind == ERR_TIMEOUT;
}

static struct prepare *
prepare_of(struct task *t)
{
	return *(struct prepare *const *)task_arg(t);
}

static struct next
prepare_begin(struct task *t)
{
	struct prepare_state *s = task_state(t);

	if (prepare_of(t)->opts->what == PREPARE_RELEASE)
		return go(t, prepare_release);
	db_batch_init(&s->batch, task_arena(t));
	s->i = hub_query(&s->batch);
	return await_rows(t, &s->batch, prepare_loaded);
}

static struct next
prepare_loaded(struct task *t)
{
	struct prepare_state *s = task_state(t);
	struct prepare *p = prepare_of(t);
	const struct err *e = hub_load(&s->batch, s->i, &p->hub);

	if (e && (e->kind != ERR_NOT_FOUND || s->founded))
		return fail(t, e);
	if (!e)
		return p->opts->what == PREPARE_START ? go(t, prepare_release) : done(t);
	log_info(t, "hub_found", "base_url=%.*s", SPAN_FMT(p->hub.base));
	e = hub_keys(task_arena(t), &p->hub, s->own);
	return e ? fail(t, e) : go(t, prepare_made);
}

static struct next
prepare_made(struct task *t)
{
	struct prepare_state *s = task_state(t);

	db_batch_init(&s->batch, task_arena(t));
	hub_found(&s->batch, &prepare_of(t)->hub, s->own);
	return await_commit(t, &s->batch, prepare_found);
}

/* Another machine may have been faster: what stands in the database now is what holds. */
static struct next
prepare_found(struct task *t)
{
	struct prepare_state *s = task_state(t);

	s->founded = true;
	return go(t, prepare_begin);
}

static struct next
prepare_release(struct task *t)
{
	struct prepare_state *s = task_state(t);
	const struct prepare_opts *o = prepare_of(t)->opts;

	db_batch_init(&s->batch, task_arena(t));
	if (o->what == PREPARE_RELEASE) {
		s->i_released = queue_release_worker(&s->batch, o->name, o->crashed);
		return await_commit(t, &s->batch, prepare_released);
	}
	queue_release_prefix(
		&s->batch, arena_printf(task_arena(t), "%.*s/", SPAN_FMT(o->name)));
	return await_commit(t, &s->batch, prepare_end);
}

/* No worker's metrics know of these: who watches the log does. */
static struct next
prepare_released(struct task *t)
{
	struct prepare_state *s = task_state(t);
	const size_t buried = db_rows(&s->batch, s->i_released);

	if (buried > 0)
		log_warn(t, "jobs_buried", "worker=%.*s jobs=%zu",
			SPAN_FMT(prepare_of(t)->opts->name), buried);
	return done(t);
}

static struct next
prepare_end(struct task *t)
{
	return done(t);
}

static struct next
prepare_failed(struct task *t)
{
	return fail(t, task_error(t));
}

static void
prepare_ended(void *arg, const struct err *e)
{
	struct prepare *p = arg;

	p->error = e ? err_copy(p->a, e) : NULL;
	loop_stop(p->env.loop, 0);
}

static void
prepare_stop(void *arg)
{
	struct prepare *p = arg;

	p->stopped = true;
	loop_stop(p->env.loop, 0);
}

static const struct err *
prepare_flow_run(struct prepare *p, struct span dsn)
{
	const struct db_opts o = {
		.dsn = dsn,
		.name = SPAN("litfass prepare"),
		.connections = 1,
		.wait_ms = 5000,
		.statement_timeout_ms = 30000,
	};

	p->env.loop = loop_new(&p->env);
	loop_slow_step_ms(p->env.loop, 60000); /* making keys takes its time, once */
	loop_on_signal(p->env.loop, SIGTERM, prepare_stop, p);
	loop_on_signal(p->env.loop, SIGINT, prepare_stop, p);
	p->env.db = db_new(p->env.loop, &o);
	(void)task_start(&(const struct task_start){.loop = p->env.loop,
		.flow = p->opts->what == PREPARE_RELOAD ? &prepare_check_flow : &prepare_flow,
		.arg = &p,
		.arg_size = sizeof(struct prepare *),
		.ended = prepare_ended,
		.ended_arg = p});
	loop_run(p->env.loop);
	db_free(p->env.db);
	loop_free(p->env.loop);
	return p->error;
}

static const struct err *
prepare_once(struct prepare *p, struct arena *a)
{
	const struct prepare_opts *o = p->opts;
	const struct span dsn = embedded_dsn(a, o->conf);
	const struct err *e = NULL;
	int applied = 0;

	if (o->what == PREPARE_START)
		e = db_migrate(a, dsn, &applied);
	if (e)
		return e;
	if (applied)
		log_at(LOG_INFO, NULL, "migrated", "applied=%d", applied);
	return prepare_flow_run(p, dsn);
}

/*
 * The first tries are silent: at a start the database needs a moment as well. A reload does not
 * wait for ever: what is new in the file may be what is wrong.
 */
static const struct err *
prepare_until(struct prepare *p)
{
	const int64_t began_ms = clock_mono_ms();

	for (int n = 1;; n++) {
		const int ms = n * PREPARE_PAUSE_MS / 4 + PREPARE_PAUSE_MS;
		const struct timespec ts = {
			.tv_nsec = (ms < PREPARE_PAUSE_MAX_MS ? ms : PREPARE_PAUSE_MAX_MS) *
				   1000 * 1000};
		struct arena *a = arena_new();
		const struct err *e = prepare_once(p, a);
		const bool again = e && prepare_may_retry(e) && !p->stopped &&
				   (p->opts->what != PREPARE_RELOAD ||
					   clock_mono_ms() - began_ms < PREPARE_RELOAD_MS);

		if (again && n % PREPARE_TELL == 0)
			log_at(LOG_WARN, NULL, "waiting_for_database", "text=%.*s",
				SPAN_FMT(err_text(a, e)));
		e = e && !again ? err_copy(p->a, e) : NULL;
		arena_free(a);
		if (!again)
			return e;
		(void)nanosleep(&ts, NULL);
	}
}

int
prepare_run(struct arena *a, const struct prepare_opts *o)
{
	struct prepare p = {.a = a, .opts = o};
	const char *key = arena_cstr(a, o->conf->master_key_file);
	struct seal *seal = NULL;
	const struct err *e = NULL;

	child_take_signals(); /* nothing is half done when they end it */
	p.env.conf = o->conf;
	p.env.hub = &p.hub;
	if (o->what == PREPARE_START)
		e = place_check(a, o->conf);
	if (e && !o->conf->dsn.n)
		return CMD_CONFIG; /* the child of the embedded database says the same */
	if (!e && o->what != PREPARE_RELEASE)
		e = seal_load(a, key, o->what == PREPARE_START, &seal);
	hub_init(&p.hub, a, o->conf, seal);
	if (!e)
		e = prepare_until(&p);
	hub_fini(&p.hub);
	seal_free(seal);
	if (!e)
		return CMD_OK;
	if (p.stopped || e->kind == ERR_STOPPED)
		return CMD_FAILED;
	log_at(LOG_ERROR, NULL, "start_failed", "text=%.*s", SPAN_FMT(err_text(a, e)));
	return e->kind == ERR_CONFIG ? CMD_CONFIG : CMD_FAILED;
}
