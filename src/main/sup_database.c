#include "main/sup.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "ctl/cmd.h"
#include "main/listen.h"
#include "main/notify.h"

#define DATABASE_TRIES_MS 10000 /* at the start; once it ran, we try for ever */

/* ---- starting ---- */

void
sup_database(void *arg)
{
	struct supervisor *s = arg;
	const struct part_args p = {.part = PART_DATABASE};

	if (s->phase >= PHASE_STOP_WORKERS)
		return;
	s->database_workers = s->setup->conf.workers;
	s->database = sup_start(s, s->setup, &p);
	if (!s->database)
		loop_timer_set(s->loop, &s->database_again,
			backoff_next(&s->database_backoff, 0), sup_database, s);
}

void
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

/* ---- ending ---- */

void
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
	/* One that lived for a while did start; what follows is another row of failures. */
	if (!s->database_failing_ms || now - k->started_ms > DATABASE_TRIES_MS)
		s->database_failing_ms = now;
	if (!s->prepared && ending_of(status, false) == ENDING_FAILED &&
		(WEXITSTATUS(status) == CMD_CONFIG ||
			now - s->database_failing_ms > DATABASE_TRIES_MS)) {
		log_at(LOG_ERROR, NULL, "start_failed",
			"text=the embedded database does not start; what it said stands above");
		sup_stop(s, WEXITSTATUS(status) == CMD_CONFIG ? CMD_CONFIG : CMD_UNAVAILABLE);
		return;
	}
	loop_timer_set(s->loop, &s->database_again,
		backoff_next(&s->database_backoff, now - k->started_ms), sup_database, s);
}

static void sup_reload_again(struct supervisor *s);

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
	sup_reload_again(s);
}

static void
sup_reload_refused(struct supervisor *s, struct span why)
{
	log_at(LOG_ERROR, NULL, "reload_refused",
		"text=%.*s: the configuration stays as it was", SPAN_FMT(why));
	notify_send("READY=1\nSTATUS=The new configuration was refused");
	setup_free(s->asked);
	s->asked = NULL;
}

/* Nobody works with what holds when it never came to that: then it is forgotten. */
static struct setup *
sup_reload_before(struct supervisor *s)
{
	struct setup *before = s->setup;

	for (size_t i = 0; i < SETUP_WORKERS_MAX; i++)
		if (s->slots[i].now && s->slots[i].now->setup == before->number)
			return before;
	before = s->setup->before;
	s->setup->before = NULL;
	setup_free(s->setup);
	return before;
}

static void
sup_reload_accepted(struct supervisor *s)
{
	s->asked->before = sup_reload_before(s);
	s->setup = s->asked;
	s->asked = NULL;
	s->reloading = true;
	for (size_t i = 0; i < SETUP_WORKERS_MAX; i++) { /* what failed before may do now */
		s->slots[i].backoff.last_ms = 0;
		loop_timer_clear(&s->slots[i].again);
	}
	log_setup(
		(enum log_level)s->setup->conf.log_level, s->setup->conf.log_json, "litfassd");
	sup_roll(s);
}

void
sup_prepare_ended(struct supervisor *s, const struct kid *k, int status)
{
	const enum ending end = ending_of(status, false);

	s->preparing = NULL;
	if (s->phase >= PHASE_STOP_WORKERS)
		return;
	if (s->asked && s->hup)
		sup_reload_again(s); /* whatever came of it: the file is another one by now */
	else if (end == ENDING_KILLED || end == ENDING_CRASHED)
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

/* ---- reloading ---- */

static const struct err *
sup_reload_read(struct supervisor *s, struct arena *a)
{
	struct runas as;
	const struct err *e = setup_read(a, s->conf_path, ++s->setups, &s->asked);

	if (!e)
		e = setup_may_follow(a, &s->setup->conf, s->database_workers, &s->asked->conf);
	if (!e)
		e = runas_find(a, &s->asked->conf, &as);
	return e ? e : setup_open(a, s->asked, s->setup);
}

static void
sup_reload_begin(struct supervisor *s)
{
	struct arena *a = arena_new();
	const struct err *e;

	log_at(LOG_INFO, NULL, "reloading", "path=%s", s->conf_path);
	notify_send("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_ms() * 1000);
	loop_timer_clear(&s->prepare_again);
	setup_free(s->asked);
	s->asked = NULL;
	e = sup_reload_read(s, a);
	if (e)
		sup_reload_refused(s, err_text(a, e));
	else
		sup_prepare(s);
	arena_free(a);
}

static void
sup_reload_again(struct supervisor *s)
{
	if (s->hup)
		sup_reload_begin(s);
	s->hup = false;
}

/*
 * Workers that are still being replaced are no reason to wait: perhaps they never get ready,
 * and this is the file that mends it.
 */
void
sup_reload(struct supervisor *s)
{
	if (s->phase >= PHASE_STOP_WORKERS)
		return;
	if (s->phase == PHASE_RUN && !s->preparing) {
		sup_reload_begin(s);
		return;
	}
	s->hup = true;
	log_at(LOG_INFO, NULL, "reload_waits", "text=%s",
		s->asked ? "the check that is under way is ended first"
			 : "the start comes first");
	if (s->asked)
		kid_signal(s->preparing, SIGTERM);
}
