#include "main/sup.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "main/notify.h"

#define WORKERS_STOP_MS 30000   /* then they are killed */
#define DATABASE_STOP_MS 60000  /* then it must stop at once, and recover at its next start */
#define DATABASE_AGAIN_MS 10000 /* until it is told once more; killed, it leaves children */

/* ---- starting ---- */

struct kid *
sup_start(struct supervisor *s, const struct setup *setup, const struct part_args *p)
{
	struct kid *k = fleet_start(s->fleet, setup, p);

	if (!k)
		log_at(LOG_ERROR, NULL, "child_not_started", "text=%s", strerror(errno));
	return k;
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
		loop_timer_set(s->loop, &s->deadline, DATABASE_AGAIN_MS, sup_deadline, s);
	}
}

void
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

void
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
	loop_timer_clear(&s->release_again);
	for (size_t i = 0; i < SETUP_WORKERS_MAX; i++)
		loop_timer_clear(&s->slots[i].again);
	(void)fleet_signal(s->fleet, PART_WORKER, SIGTERM);
	(void)fleet_signal(s->fleet, PART_PREPARE, SIGTERM);
	loop_timer_set(s->loop, &s->deadline, WORKERS_STOP_MS, sup_deadline, s);
	sup_look_stopped(s);
}

void
sup_hurry(struct supervisor *s)
{
	(void)fleet_signal(s->fleet, PART_WORKER, SIGTERM);
	(void)fleet_signal(s->fleet, PART_PREPARE, SIGKILL);
	loop_timer_set(s->loop, &s->deadline, 1000, sup_deadline, s);
}
