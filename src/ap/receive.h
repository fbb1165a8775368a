/*
 * Receive: what an activity that was taken in means for us. Pure; see receive.c for the flow.
 *
 * Only what the signer may say about itself has an effect; everything else
 * is counted and ends.
 */
#ifndef AP_RECEIVE_H
#define AP_RECEIVE_H

#include "ap/activity.h"

enum receive_kind {
	RECEIVE_COUNT,    /* nothing but its outcome */
	RECEIVE_FOLLOW,   /* slug is followed: Accept */
	RECEIVE_UNFOLLOW, /* by slug, or by the Follow's id, or both */
	RECEIVE_REFRESH,  /* the actor has changed: read it again */
	RECEIVE_GONE,     /* the actor says it is deleted: ask its server */
};

struct receive_plan {
	enum receive_kind kind;
	struct span slug;    /* of our actor, SPAN_NONE = not said */
	struct span follow;  /* id of the Follow, SPAN_NONE = not said */
	const char *outcome; /* what is written down when it is done */
};

struct receive_plan receive_plan(const struct hub *h, const struct activity_in *in);

/* A failure on the way to an effect: again later, or written down as the outcome. */
enum receive_end {
	RECEIVE_END_LOST,    /* somebody else has the job */
	RECEIVE_END_BACK,    /* we are stopping: the attempt does not count */
	RECEIVE_END_AGAIN,   /* after queue_backoff_ms */
	RECEIVE_END_OUTCOME, /* it will never succeed */
	RECEIVE_END_BURY,    /* it should have succeeded by now: for people to see */
};
enum receive_end receive_judge(const struct err *e, enum receive_kind kind, int64_t attempt);

#endif
