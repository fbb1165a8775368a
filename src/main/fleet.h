/*
 * Fleet: the children of the supervisor that are alive: started, listened to, reaped.
 *
 * A worker that has been silent for FLEET_SILENT_MS hangs; it is ended with SIGABRT, and with
 * SIGKILL if that is not enough. What the end of a child means is the supervisor's business.
 */
#ifndef MAIN_FLEET_H
#define MAIN_FLEET_H

#include "base/list.h"
#include "main/part.h"
#include "main/setup.h"
#include "task/loop.h"

#define FLEET_SILENT_MS 30000
#define KID_NAME_MAX 160

struct fleet;

struct kid {
	struct list link;
	struct fleet *fleet;
	enum part part;
	enum prepare_what what;
	pid_t pid;
	int slot;                /* of a worker, from 1 */
	uint64_t setup;          /* number of its configuration */
	char name[KID_NAME_MAX]; /* of a worker's leases */
	int64_t started_ms, heard_ms, aborted_ms;
	int pipe;
	struct loop_watch *watch;
	bool ready;   /* a worker that has said so */
	bool leaving; /* it was told to end */
};

struct fleet_ops {
	void (*ready)(struct kid *k, void *arg);
	/* k dies with the call; hung: the watchdog has ended it. */
	void (*ended)(struct kid *k, int status, bool hung, void *arg);
};

struct fleet *fleet_new(struct loop *l, const struct runas *as, const struct fleet_ops *ops,
	void *arg);               /* also takes SIGCHLD */
void fleet_free(struct fleet *f); /* when no child is left */
/* p: what and name, and of a worker its slot. NULL = it cannot be started, errno says why. */
struct kid *fleet_start(
	struct fleet *f, const struct setup *s, const struct part_args *p) MUST_CHECK;
void kid_signal(struct kid *k, int signo); /* TERM, INT and HUP: it is leaving */
/* All of a part; the number of them. */
size_t fleet_signal(struct fleet *f, enum part part, int signo);
size_t fleet_count(const struct fleet *f, enum part part);

#endif
