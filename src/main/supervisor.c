#include "main/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "base/clock.h"
#include "base/log.h"
#include "ctl/cmd.h"
#include "main/embedded.h"
#include "main/fleet.h"
#include "main/listen.h"
#include "main/notify.h"
#include "main/place.h"
#include "main/restart.h"

#define DATABASE_TRIES_MS 10000 /* at the start; once it ran, we try for ever */
#define WORKERS_STOP_MS 30000   /* then they are killed */
#define DATABASE_STOP_MS 60000  /* then it must stop at once, and recover at its next start */
#define DATABASE_KILL_MS 70000
#define FRESH_MAX_MS 60000 /* for a new worker to get ready before the old one is told so */
#define RELEASES_MAX 64

enum phase {
	PHASE_START, /* database and preparation */
	PHASE_RUN,
	PHASE_STOP_WORKERS,
	PHASE_STOP_DATABASE,
};

/* The place of one worker. During a reload a fresh one stands beside the one that works. */
struct slot {
	struct supervisor *sup;
	struct kid *now, *fresh;
	struct backoff backoff;
	struct loop_timer again;
	uint64_t incarnation;
};

struct release {
	char *name;
	bool crashed;
};

struct supervisor {
	struct arena *arena;
	struct env env;
	struct loop *loop;
	struct fleet *fleet;
	const char *conf_path;
	struct setup *setup; /* what holds */
	struct setup *asked; /* of a reload that is being checked */
	uint64_t setups;     /* how many were read */
	bool hup;            /* came while a reload was under way */
	struct runas as;
	struct span instance;
	int lock;
	enum phase phase;
	int code;
	bool prepared, announced, reloading;
	int64_t started_ms;
	struct slot slots[SETUP_WORKERS_MAX];
	struct kid *database, *preparing, *releasing;
	struct backoff database_backoff, prepare_backoff;
	struct loop_timer database_again, prepare_again, deadline, watchdog;
	struct release releases[RELEASES_MAX];
	size_t n_releases;
};

static void sup_stop(struct supervisor *s, int code);
static void sup_roll(struct supervisor *s);
static void sup_look_stopped(struct supervisor *s);

/* ---- starting children ---- */

static struct kid *
sup_start(struct supervisor *s, const struct setup *setup, const struct part_args *p)
{
	struct kid *k = fleet_start(s->fleet, setup, p);

	if (!k)
		log_at(LOG_ERROR, NULL, "child_not_started", "text=%s", strerror(errno));
	return k;
}

static void
sup_database(void *arg)
{
	struct supervisor *s = arg;
	const struct part_args p = {.part = PART_DATABASE};

	if (s->phase >= PHASE_STOP_WORKERS)
		return;
	s->database = sup_start(s, s->setup, &p);
	if (!s->database)
		loop_timer_set(s->loop, &s->database_again,
			backoff_next(&s->database_backoff, 0), sup_database, s);
}

static void
sup_prepare(void *arg)
{
	struct supervisor *s = arg;
	const struct part_args p = {
		.part = PART_PREPARE,
		.what = s->asked ? PREPARE_RELOAD : PREPARE_START,
		.name = s->instance,
	};

	if (s->phase >= PHASE_STOP_WORKERS)
		return;
	s->preparing = sup_start(s, s->asked ? s->asked : s->setup, &p);
	if (!s->preparing)
		loop_timer_set(s->loop, &s->prepare_again, backoff_next(&s->prepare_backoff, 0),
			sup_prepare, s);
}

/* One at a time: while the database is away they only wait for it. */
static void
sup_release_next(struct supervisor *s)
{
	struct part_args p = {.part = PART_PREPARE, .what = PREPARE_RELEASE};

	if (s->releasing || s->n_releases == 0 || s->phase != PHASE_RUN)
		return;
	p.name = span_of(s->releases[0].name);
	p.crashed = s->releases[0].crashed;
	s->releasing = sup_start(s, s->setup, &p);
}

/* What does not fit is given back when the leases run out. */
static void
sup_release(struct supervisor *s, const char *name, bool crashed)
{
	if (s->phase != PHASE_RUN || s->n_releases == RELEASES_MAX)
		return;
	s->releases[s->n_releases++] =
		(struct release){.name = xstrdup(name), .crashed = crashed};
	sup_release_next(s);
}

static void
sup_released(struct supervisor *s)
{
	free(s->releases[0].name);
	s->n_releases--;
	memmove(&s->releases[0], &s->releases[1], s->n_releases * sizeof(struct release));
}

/* ---- workers ---- */

static int
slot_number(const struct slot *slot)
{
	return (int)(slot - slot->sup->slots) + 1;
}

static void
slot_retry(void *arg)
{
	struct slot *slot = arg;

	sup_roll(slot->sup);
}

static struct kid *
slot_start(struct slot *slot)
{
	struct supervisor *s = slot->sup;
	const struct part_args p = {
		.part = PART_WORKER,
		.slot = slot_number(slot),
		/* Leases name one incarnation: those of the dead are given back, not ours. */
		.name = arena_printf(s->arena, "%.*s/%d.%llu", SPAN_FMT(s->instance),
			slot_number(slot), (unsigned long long)++slot->incarnation),
	};
	struct kid *k = sup_start(s, s->setup, &p);

	if (!k)
		loop_timer_set(s->loop, &slot->again, backoff_next(&slot->backoff, 0),
			slot_retry, slot);
	return k;
}

static bool
slot_current(const struct slot *slot)
{
	return slot->now && slot->now->setup == slot->sup->setup->number;
}

static void
sup_announce(struct supervisor *s)
{
	const size_t n = (size_t)s->setup->conf.workers;

	for (size_t i = 0; i < n; i++)
		if (!slot_current(&s->slots[i]) || !s->slots[i].now->ready)
			return;
	if (s->announced && !s->reloading)
		return;
	log_at(LOG_INFO, NULL, s->reloading ? "reloaded" : "ready", "workers=%zu", n);
	notify_send("READY=1\nSTATUS=%zu workers serve %.*s", n,
		SPAN_FMT(s->setup->conf.base_url.origin));
	s->announced = true;
	s->reloading = false;
	if (s->hup) {
		s->hup = false;
		(void)raise(SIGHUP);
	}
}

/*
 * Brings the workers to what the setup says. Empty places are filled at once; those that work
 * with an older setup are replaced one by one; places that are too many are emptied last.
 */
static void
sup_roll(struct supervisor *s)
{
	const size_t n = (size_t)s->setup->conf.workers;
	bool replacing = false;

	if (s->phase != PHASE_RUN)
		return;
	for (size_t i = 0; i < n; i++)
		if (!s->slots[i].now && !s->slots[i].again.place)
			s->slots[i].now = slot_start(&s->slots[i]);
	for (size_t i = 0; i < n && !replacing; i++) {
		struct slot *slot = &s->slots[i];

		if (!slot->now || slot_current(slot))
			continue;
		replacing = true;
		if (!slot->fresh && !slot->again.place)
			slot->fresh = slot_start(slot);
	}
	for (size_t i = n; i < SETUP_WORKERS_MAX && !replacing; i++)
		if (s->slots[i].now && !s->slots[i].now->leaving)
			kid_signal(s->slots[i].now, SIGHUP);
	sup_announce(s);
}

static void
sup_worker_ready(struct kid *k, void *arg)
{
	struct supervisor *s = arg;
	struct slot *slot = &s->slots[k->slot - 1];

	if (slot->fresh == k) {
		if (slot->now)
			kid_signal(slot->now, SIGHUP);
		slot->now = k;
		slot->fresh = NULL;
	}
	sup_roll(s);
}

static void
sup_worker_ended(struct supervisor *s, struct kid *k, int status, bool hung)
{
	struct slot *slot = &s->slots[k->slot - 1];
	const int64_t lived = clock_mono_ms() - k->started_ms;
	const enum ending end = ending_of(status, hung);
	const bool expected = k->leaving && end == ENDING_ORDERLY;
	struct arena *a = arena_new();
	int64_t pause;

	log_at(expected ? LOG_INFO : LOG_WARN, NULL,
		end == ENDING_CRASHED ? "worker_crashed" : "worker_ended",
		"pid=%d slot=%d lived_ms=%lld how=%.*s", (int)k->pid, k->slot, (long long)lived,
		SPAN_FMT(hung ? SPAN("it hung") : ending_text(a, status)));
	arena_free(a);
	sup_release(s, k->name, end == ENDING_CRASHED);
	if (slot->now != k && slot->fresh != k)
		return; /* it was replaced */
	if (slot->now == k)
		slot->now = NULL;
	else
		slot->fresh = NULL;
	pause = k->leaving ? 0 : backoff_next(&slot->backoff, lived);
	loop_timer_set(s->loop, &slot->again, pause, slot_retry, slot);
}

/* ---- the database and the preparation ---- */

static void
sup_database_ended(struct supervisor *s, const struct kid *k, int status)
{
	const int64_t now = clock_mono_ms();
	struct arena *a = arena_new();

	s->database = NULL;
	if (!k->leaving)
		log_at(LOG_WARN, NULL, "database_ended", "pid=%d how=%.*s", (int)k->pid,
			SPAN_FMT(ending_text(a, status)));
	arena_free(a);
	if (s->phase >= PHASE_STOP_WORKERS)
		return;
	if (!s->prepared && ending_of(status, false) == ENDING_FAILED &&
		(WEXITSTATUS(status) == CMD_CONFIG ||
			now - s->started_ms > DATABASE_TRIES_MS)) {
		log_at(LOG_ERROR, NULL, "start_failed",
			"text=the embedded database does not start; what it said stands above");
		sup_stop(s, WEXITSTATUS(status) == CMD_CONFIG ? CMD_CONFIG : CMD_UNAVAILABLE);
		return;
	}
	loop_timer_set(s->loop, &s->database_again,
		backoff_next(&s->database_backoff, now - k->started_ms), sup_database, s);
}

static void
sup_prepared(struct supervisor *s)
{
	const struct conf *c = &s->setup->conf;
	struct arena *a = arena_new();

	s->prepared = true;
	s->phase = PHASE_RUN;
	for (size_t i = 0; i < s->setup->n_listen; i++)
		log_at(LOG_INFO, NULL, "listening", "address=%.*s",
			SPAN_FMT(listen_text(a, &c->listen[i], s->setup->listen[i])));
	arena_free(a);
	sup_roll(s);
}

static void
sup_reload_refused(struct supervisor *s, struct span why)
{
	log_at(LOG_ERROR, NULL, "reload_refused",
		"text=%.*s: the configuration stays as it was", SPAN_FMT(why));
	notify_send("READY=1\nSTATUS=The new configuration was refused");
	setup_free(s->asked);
	s->asked = NULL;
	s->reloading = false;
}

static void
sup_reload_accepted(struct supervisor *s)
{
	setup_free(s->setup);
	s->setup = s->asked;
	s->asked = NULL;
	log_setup(
		(enum log_level)s->setup->conf.log_level, s->setup->conf.log_json, "litfassd");
	sup_roll(s);
}

static void
sup_prepare_ended(struct supervisor *s, const struct kid *k, int status)
{
	const enum ending end = ending_of(status, false);

	s->preparing = NULL;
	if (s->phase >= PHASE_STOP_WORKERS)
		return;
	if (end == ENDING_KILLED || end == ENDING_CRASHED)
		loop_timer_set(s->loop, &s->prepare_again,
			backoff_next(&s->prepare_backoff, clock_mono_ms() - k->started_ms),
			sup_prepare, s);
	else if (s->asked && end == ENDING_ORDERLY)
		sup_reload_accepted(s);
	else if (s->asked)
		sup_reload_refused(s, SPAN("the database does not fit; why stands above"));
	else if (end == ENDING_ORDERLY)
		sup_prepared(s);
	else
		sup_stop(s, WEXITSTATUS(status));
}

static void
sup_release_ended(struct supervisor *s, int status)
{
	s->releasing = NULL;
	/* Killed from outside: once more. It has failed: the leases will run out. */
	if (ending_of(status, false) != ENDING_KILLED)
		sup_released(s);
	sup_release_next(s);
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
	.ready = sup_worker_ready,
	.ended = sup_kid_ended,
};

/* ---- reloading ---- */

static const struct err *
sup_reload_read(struct supervisor *s, struct arena *a)
{
	struct runas as;
	const struct err *e = setup_read(a, s->conf_path, ++s->setups, &s->asked);

	if (!e)
		e = setup_may_follow(a, &s->setup->conf, &s->asked->conf);
	if (!e)
		e = runas_find(a, &s->asked->conf, &as);
	return e ? e : setup_open(a, s->asked, s->setup);
}

static void
sup_on_hup(void *arg)
{
	struct supervisor *s = arg;
	const struct err *e;
	struct arena *a;

	if (s->phase >= PHASE_STOP_WORKERS)
		return;
	if (s->phase == PHASE_START || s->asked || s->reloading) {
		s->hup = true;
		return;
	}
	log_at(LOG_INFO, NULL, "reloading", "path=%s", s->conf_path);
	notify_send("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_ms() * 1000);
	s->reloading = true;
	a = arena_new();
	e = sup_reload_read(s, a);
	if (e)
		sup_reload_refused(s, err_text(a, e));
	else
		sup_prepare(s);
	arena_free(a);
}

/* ---- stopping ---- */

static void
sup_deadline(void *arg)
{
	struct supervisor *s = arg;

	if (s->phase == PHASE_STOP_WORKERS) {
		log_at(LOG_WARN, NULL, "workers_killed", "text=they did not end in time");
		(void)fleet_signal(s->fleet, PART_WORKER, SIGKILL);
		(void)fleet_signal(s->fleet, PART_PREPARE, SIGKILL);
		loop_timer_set(s->loop, &s->deadline, DATABASE_STOP_MS, sup_deadline, s);
	} else if (s->database) {
		log_at(LOG_WARN, NULL, "database_hurried", "text=it did not stop in time");
		kid_signal(s->database, SIGQUIT);
		loop_timer_set(s->loop, &s->deadline, DATABASE_KILL_MS - DATABASE_STOP_MS,
			sup_deadline, s);
	}
}

/* What has ended may have been the last thing we waited for. */
static void
sup_look_stopped(struct supervisor *s)
{
	if (s->phase == PHASE_STOP_WORKERS && fleet_count(s->fleet, PART_WORKER) == 0 &&
		fleet_count(s->fleet, PART_PREPARE) == 0) {
		s->phase = PHASE_STOP_DATABASE;
		if (s->database)
			kid_signal(s->database, SIGINT);
		loop_timer_set(s->loop, &s->deadline, DATABASE_STOP_MS, sup_deadline, s);
	}
	if (s->phase == PHASE_STOP_DATABASE && !s->database)
		loop_stop(s->loop, 0);
}

static void
sup_stop(struct supervisor *s, int code)
{
	if (s->phase >= PHASE_STOP_WORKERS)
		return;
	s->code = code;
	s->phase = PHASE_STOP_WORKERS;
	log_at(LOG_INFO, NULL, "stopping", "code=%d", code);
	notify_send("STOPPING=1\nSTATUS=Stopping");
	loop_timer_clear(&s->database_again);
	loop_timer_clear(&s->prepare_again);
	for (size_t i = 0; i < SETUP_WORKERS_MAX; i++)
		loop_timer_clear(&s->slots[i].again);
	(void)fleet_signal(s->fleet, PART_WORKER, SIGTERM);
	(void)fleet_signal(s->fleet, PART_PREPARE, SIGTERM);
	loop_timer_set(s->loop, &s->deadline, WORKERS_STOP_MS, sup_deadline, s);
	sup_look_stopped(s);
}

static void
sup_on_term(void *arg)
{
	struct supervisor *s = arg;

	if (s->phase < PHASE_STOP_WORKERS) {
		sup_stop(s, CMD_OK);
		return;
	}
	log_at(LOG_INFO, NULL, "hurried", "text=asked to stop a second time");
	(void)fleet_signal(s->fleet, PART_WORKER, SIGTERM);
	(void)fleet_signal(s->fleet, PART_PREPARE, SIGKILL);
	loop_timer_set(s->loop, &s->deadline, 1000, sup_deadline, s);
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
	s->started_ms = clock_mono_ms();
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
	while (s->n_releases)
		sup_released(s);
	if (s->lock >= 0)
		(void)close(s->lock);
	setup_free(s->asked);
	setup_free(s->setup);
	code = s->code;
	free(s);
	return code;
}
