/*
 * State (private to src/ap): what the flows of one worker share. See ap.h.
 *
 * Loop thread only. Everything pointed to is freed by ap_free, after the last flow has ended.
 */
#ifndef AP_STATE_H
#define AP_STATE_H

#include "ap/ap.h"
#include "ap/lru.h"
#include "hub/hub.h"
#include "net/limit.h"
#include "task/gather.h"
#include "task/once.h"

struct fanout;
struct repeat;

struct ap {
	unsigned magic;
	struct env *env;
	/* own.c: our accounts with their keys opened, by "i<id>" and "s<slug>" */
	struct lru *own;
	struct once *own_once;
	/* actor.c: actors elsewhere by key id; keys that could not be had, and why */
	struct lru *actors, *actors_bad;
	struct once *actor_once;
	struct limit *fetches; /* of keys, by host */
	/* inbox.c */
	struct gather *known, *accept;
	struct limit *strangers; /* clients that name keys we do not know */
	/* receive.c */
	struct gather *received, *counted;
	size_t asking; /* jobs that wait for a stranger's server */
	/* outgoing.c: what is known of hosts */
	struct lru *hosts;
	struct gather *load, *settle;
	/* fanout.c, sweep.c: role deliver */
	struct fanout *fanout;
	struct repeat *sweep;
};

/* The modules' own parts of it. */
void own_setup(struct ap *ap);
void own_teardown(struct ap *ap);
void actor_setup(struct ap *ap);
void actor_teardown(struct ap *ap);
void inbox_setup(struct ap *ap);
void inbox_teardown(struct ap *ap);
void receive_setup(struct ap *ap);
void receive_teardown(struct ap *ap);
void outgoing_setup(struct ap *ap);
void outgoing_teardown(struct ap *ap);

#define AP_MAGIC 0x61700001u
struct ap *ap_of(struct task *t);

#endif
