#include "main/sup.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "main/notify.h"

/* ---- leases of those that have ended ---- */

/* One at a time: while the database is away they only wait for it. */
static void
sup_release_next(void *arg)
{
	struct supervisor *s = arg;
	struct part_args p = {.part = PART_PREPARE, .what = PREPARE_RELEASE};

	if (s->releasing || s->n_releases == 0 || s->phase != PHASE_RUN)
		return;
	p.name = span_of(s->releases[0].name);
	p.crashed = s->releases[0].crashed;
	s->releasing = sup_start(s, s->setup, &p);
	if (!s->releasing)
		loop_timer_set(s->loop, &s->release_again, backoff_next(&s->release_backoff, 0),
			sup_release_next, s);
}

/* What does not fit is given back when the leases run out. */
static void
sup_release(struct supervisor *s, const char *name, bool crashed)
{
	if (s->phase != PHASE_RUN || s->n_releases == RELEASES_MAX)
		return;
	s->releases[s->n_releases++] =
		(struct sup_release){.name = xstrdup(name), .crashed = crashed};
	sup_release_next(s);
}

static void
sup_released(struct supervisor *s)
{
	free(s->releases[0].name);
	s->n_releases--;
	memmove(&s->releases[0], &s->releases[1], s->n_releases * sizeof(struct sup_release));
}

void
sup_release_ended(struct supervisor *s, int status)
{
	s->releasing = NULL;
	/* Killed from outside: once more. It has failed: the leases will run out. */
	if (ending_of(status, false) != ENDING_KILLED)
		sup_released(s);
	sup_release_next(s);
}

void
sup_release_drop(struct supervisor *s)
{
	while (s->n_releases)
		sup_released(s);
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

/* Leases name one incarnation: those of the dead are given back, not ours. */
static struct span
slot_name(struct slot *slot)
{
	const struct span instance = slot->sup->instance;

	(void)snprintf(slot->name, sizeof(slot->name), "%.*s/%d.%llu", SPAN_FMT(instance),
		slot_number(slot), (unsigned long long)++slot->incarnation);
	return span_of(slot->name);
}

static struct kid *
slot_start(struct slot *slot)
{
	struct supervisor *s = slot->sup;
	const struct part_args p = {
		.part = PART_WORKER,
		.slot = slot_number(slot),
		.name = slot_name(slot),
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
	setup_free(s->setup->before);
	s->setup->before = NULL;
}

/* One that was started with a setup that does not hold any more, and is not needed yet. */
static void
slot_spare(struct slot *slot)
{
	if (slot->fresh && slot->fresh->setup != slot->sup->setup->number &&
		!slot->fresh->leaving)
		kid_signal(slot->fresh, SIGTERM);
}

void
sup_roll(struct supervisor *s)
{
	const size_t n = (size_t)s->setup->conf.workers;
	bool replacing = false;

	if (s->phase != PHASE_RUN)
		return;
	for (size_t i = 0; i < SETUP_WORKERS_MAX; i++)
		slot_spare(&s->slots[i]);
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

void
sup_worker_ready(struct supervisor *s, struct kid *k)
{
	struct slot *slot = &s->slots[k->slot - 1];

	if (slot->fresh == k && !k->leaving) {
		if (slot->now)
			kid_signal(slot->now, SIGHUP);
		slot->now = k;
		slot->fresh = NULL;
	}
	sup_roll(s);
}

void
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
