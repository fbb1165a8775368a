#include "main/supervisor.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "config.h"
#include "base/clock.h"
#include "base/log.h"
#include "ctl/cmd.h"
#include "main/embedded.h"
#include "main/notify.h"
#include "main/place.h"
#include "main/sup.h"

/* ---- children ---- */

static void
sup_kid_ready(struct kid *k, void *arg)
{
	sup_worker_ready(arg, k);
}

static void
sup_kid_ended(struct kid *k, int status, bool hung, void *arg)
{
	struct supervisor *s = arg;

	if (k->part == PART_WORKER)
		sup_worker_ended(s, k, status, hung);
	else if (k->part == PART_DATABASE)
		sup_database_ended(s, k, status);
	else if (k->what == PREPARE_RELEASE)
		sup_release_ended(s, status);
	else
		sup_prepare_ended(s, k, status);
	sup_look_stopped(s);
}

static const struct fleet_ops sup_fleet_ops = {
	.ready = sup_kid_ready,
	.ended = sup_kid_ended,
};

/* ---- signals ---- */

static void
sup_on_term(void *arg)
{
	struct supervisor *s = arg;

	if (s->phase < PHASE_STOP_WORKERS) {
		sup_stop(s, CMD_OK);
		return;
	}
	log_at(LOG_INFO, NULL, "hurried", "text=asked to stop a second time");
	sup_hurry(s);
}

static void
sup_on_hup(void *arg)
{
	sup_reload(arg);
}

static void
sup_on_usr1(void *arg)
{
	struct supervisor *s = arg;

	(void)fleet_signal(s->fleet, PART_WORKER, SIGUSR1);
}

/* ---- life ---- */

static void
sup_watchdog(void *arg)
{
	struct supervisor *s = arg;

	notify_send("WATCHDOG=1");
	loop_timer_set(s->loop, &s->watchdog, notify_watchdog_ms(), sup_watchdog, s);
}

static const struct err *
sup_place(struct supervisor *s)
{
	const struct conf *c = &s->setup->conf;
	const struct err *e = runas_find(s->arena, c, &s->as);

	if (!e)
		e = place_make(s->arena, c, &s->as);
	if (!e)
		e = place_lock(s->arena, c, &s->as, &s->lock);
	if (!e)
		e = place_instance(s->arena, c, &s->as, &s->instance);
	return e ? e : setup_open(s->arena, s->setup, NULL);
}

/* A socket directory outside of data_dir would stay for ever. It goes only when it is empty. */
static void
sup_tidy_sockets(const struct supervisor *s)
{
	const struct conf *c = &s->setup->conf;
	const struct span dir = embedded_socket_dir(s->arena, c);

	if (!span_starts(dir, c->data_dir))
		(void)rmdir(arena_cstr(s->arena, dir));
}

static void
sup_loop(struct supervisor *s)
{
	const struct conf *c = &s->setup->conf; /* until the first reload */

	s->loop = s->env.loop = loop_new(&s->env);
	s->fleet = fleet_new(s->loop, &s->as, &sup_fleet_ops, s);
	loop_on_signal(s->loop, SIGTERM, sup_on_term, s);
	loop_on_signal(s->loop, SIGINT, sup_on_term, s);
	loop_on_signal(s->loop, SIGHUP, sup_on_hup, s);
	loop_on_signal(s->loop, SIGUSR1, sup_on_usr1, s);
	child_take_signals();
	log_at(LOG_INFO, NULL, "starting",
		"version=%s pid=%d base_url=%.*s data_dir=%.*s database=%s workers=%d",
		PACKAGE_VERSION, (int)getpid(), SPAN_FMT(c->base_url.origin),
		SPAN_FMT(c->data_dir), c->dsn.n ? "external" : "embedded", c->workers);
	if (c->n_allow_private)
		log_at(LOG_WARN, NULL, "private_addresses",
			"text=net.allow_private lets the hub fetch from private addresses: "
			"right for demos and tests only");
	if (notify_watchdog_ms())
		sup_watchdog(s);
	if (!c->dsn.n)
		sup_database(s);
	sup_prepare(s);
	loop_run(s->loop);
	loop_timer_clear(&s->deadline);
	loop_timer_clear(&s->watchdog);
	if (!s->setup->conf.dsn.n)
		sup_tidy_sockets(s);
	fleet_free(s->fleet);
	loop_free(s->loop);
	log_at(LOG_INFO, NULL, "stopped", "code=%d", s->code);
}

int
supervisor_run(struct arena *a, const char *conf_path, struct setup *setup)
{
	struct supervisor *s = xcalloc(1, sizeof(*s));
	const struct err *e;
	int code;

	*s = (struct supervisor){
		.arena = a,
		.conf_path = conf_path,
		.setup = setup,
		.setups = setup->number,
		.lock = -1,
		.database_backoff = {.min_ms = 100, .max_ms = 2000},
		.prepare_backoff = {.min_ms = 100, .max_ms = 10000},
		.release_backoff = {.min_ms = 100, .max_ms = 10000},
	};
	for (size_t i = 0; i < SETUP_WORKERS_MAX; i++) {
		s->slots[i].sup = s;
		s->slots[i].backoff = (struct backoff){.min_ms = 100, .max_ms = 10000};
	}
	e = sup_place(s);
	if (e)
		log_at(LOG_ERROR, NULL, "start_failed", "text=%.*s", SPAN_FMT(err_text(a, e)));
	else
		sup_loop(s);
	if (e)
		s->code = e->kind == ERR_CONFLICT ? CMD_REFUSED : CMD_CONFIG;
	sup_release_drop(s);
	if (s->lock >= 0)
		(void)close(s->lock);
	setup_free(s->asked);
	setup_free(s->setup);
	code = s->code;
	free(s);
	return code;
}
