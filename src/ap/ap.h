/*
 * Ap: what a worker needs to speak ActivityPub, and the flows that do.
 *
 * The state of a worker: caches of our own opened keys, of actors elsewhere and of hosts (all
 * bounded, all with a time to live), and the gathers that commit and read for many flows at
 * once. Truth is in the database; every cache may be dropped at any
 * time. Rendering is pure and stands beside this (ap/object.h, ap/activity.h).
 */
#ifndef AP_AP_H
#define AP_AP_H

#include "task/env.h"

struct flow;
struct ap;

/* env: loop, db, http, hub (loaded) and conf must be there when the first flow runs. */
struct ap *ap_new(struct env *env);
/* With the role deliver: reads the record and fans out, tidies up now and then. */
void ap_start(struct ap *ap);
void ap_free(struct ap *ap); /* when the loop has ended, before loop_free; or NULL */

/* POST to any inbox, started with httpd_run: answers the request itself, also when it refuses.
 */
extern const struct flow inbox_flow;
/* Jobs of the kinds "receive" and "deliver": their arg is a `struct job`, which they end. */
extern const struct flow receive_flow, deliver_flow;

#endif
