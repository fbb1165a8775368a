/*
 * Sup (private to main/): the supervisor's state, and how its files speak to each other.
 * Each calls only those below it.
 *
 *	supervisor.c   life, signals, who is told of a child that ended
 *	sup_database.c the database, its preparation, reloading
 *	sup_worker.c   the workers and what they leave behind
 *	sup_stop.c     starting a child, ending all of them in order
 */
#ifndef MAIN_SUP_H
#define MAIN_SUP_H

#include "main/fleet.h"
#include "main/restart.h"

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
	char name[KID_NAME_MAX]; /* of the last one */
};

struct sup_release {
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
	bool hup;            /* came during the start, or a check */
	struct runas as;
	struct span instance;
	int lock;
	enum phase phase;
	int code;
	bool prepared, announced;
	bool reloading;              /* a new setup holds, not all workers have it */
	int database_workers;        /* that the embedded one was started for */
	int64_t database_failing_ms; /* when the embedded one began to end at once; 0 = never */
	struct slot slots[SETUP_WORKERS_MAX];
	struct kid *database, *preparing, *releasing;
	struct backoff database_backoff, prepare_backoff, release_backoff;
	struct loop_timer database_again, prepare_again, release_again, deadline, watchdog;
	struct sup_release releases[RELEASES_MAX];
	size_t n_releases;
};

/* ---- sup_database.c ---- */
void sup_database(void *arg); /* starts it; the supervisor as timers give it */
void sup_prepare(void *arg);
void sup_database_ended(struct supervisor *s, const struct kid *k, int status);
void sup_prepare_ended(struct supervisor *s, const struct kid *k, int status);
void sup_reload(struct supervisor *s);

/* ---- sup_worker.c ---- */
/*
 * Brings the workers to what the setup says. Empty places are filled at once; those that work
 * with an older setup are replaced one by one; places that are too many are emptied last.
 */
void sup_roll(struct supervisor *s);
void sup_worker_ready(struct supervisor *s, struct kid *k);
void sup_worker_ended(struct supervisor *s, struct kid *k, int status, bool hung);
void sup_release_ended(struct supervisor *s, int status);
void sup_release_drop(struct supervisor *s); /* those that were not given back */

/* ---- sup_stop.c ---- */
/* NULL and a line in the log when it cannot be started. */
struct kid *sup_start(
	struct supervisor *s, const struct setup *setup, const struct part_args *p);
/* Ends everything in order; code is what the program ends with. */
void sup_stop(struct supervisor *s, int code);
/* A child has ended: it may have been the last one that a stop waited for. */
void sup_look_stopped(struct supervisor *s);
/* Asked to stop a second time: a second more, then what is left is killed. */
void sup_hurry(struct supervisor *s);

#endif
