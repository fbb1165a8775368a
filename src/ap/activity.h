/*
 * Activity: bytes from an inbox to a struct, and our own activities to JSON. Pure.
 *
 * Reading is tolerant in form ("string", object or list may stand in the same place; unknown
 * members, null and missing times are fine) and strict in what trust hangs on: one actor, one
 * id of the actor's origin, an object that is the actor's own where the kind of activity
 * claims that, no second spelling of a member that we look at. What is not like that is
 * ERR_INPUT, beyond the limits ERR_TOO_LARGE, and nothing of it is used. The signature has to
 * be checked by the caller against `actor`.
 *
 * Writing: ids are permanent and follow from the object alone (hub/link.h), so the same event
 * has the same id after any crash and in any worker.
 */
#ifndef AP_ACTIVITY_H
#define AP_ACTIVITY_H

#include "ap/object.h"
#include "base/clock.h"

/* ---- reading ---- */

enum activity_kind {
	ACTIVITY_OTHER, /* well-formed, but not for us: taken and counted */
	ACTIVITY_ACCEPT,
	ACTIVITY_ADD,
	ACTIVITY_ANNOUNCE,
	ACTIVITY_BLOCK,
	ACTIVITY_CREATE,
	ACTIVITY_DELETE,
	ACTIVITY_EMOJI_REACT,
	ACTIVITY_FLAG,
	ACTIVITY_FOLLOW,
	ACTIVITY_LIKE,
	ACTIVITY_MOVE,
	ACTIVITY_REJECT,
	ACTIVITY_REMOVE,
	ACTIVITY_UNDO,
	ACTIVITY_UPDATE,
	ACTIVITY_KINDS,
};

struct activity_object {
	struct span id;     /* SPAN_NONE: nested without one (Undo, Accept, Reject), or none */
	struct span type;   /* SPAN_NONE when only the id was given */
	struct span owner;  /* its attributedTo or actor; SPAN_NONE when it does not say */
	struct span object; /* what a nested Follow, Like or Announce is about, or SPAN_NONE */
};

struct activity_in {
	enum activity_kind kind;
	struct span type; /* as written; of several the first */
	struct span id;   /* same origin as the actor */
	struct span actor;
	struct activity_object object; /* the first, if there are several */
	const json_t *json;            /* the whole document */
};

/* All spans and JSON belong to the arena. */
const struct err *activity_parse(struct arena *a, const struct hub *h, struct span body,
	struct activity_in *out) MUST_CHECK;
/* Delete or Update of the actor itself: the floods that unknown actors send. */
bool activity_is_of_itself(const struct activity_in *in);
/* The nested object of an Undo, Accept or Reject: "Follow", "Like", … by its type. */
enum activity_kind activity_kind_of(struct span type);
const char *activity_kind_name(enum activity_kind k); /* "Create"; "Other" */

/* ---- writing: JSON without "@context", see object_document ---- */

/* Context: CONTEXT_NOTE. */
json_t *activity_create(struct arena *a, const struct hub *h, const struct post *p,
	const struct post_media *m, size_t n);
/* Of the post's present revision; the id names it. Context: CONTEXT_NOTE. */
json_t *activity_update(struct arena *a, const struct hub *h, const struct post *p,
	const struct post_media *m, size_t n);
/* Of a profile; revision makes the id: the record entry's. Context: CONTEXT_ACTOR. */
json_t *activity_update_actor(
	struct arena *a, const struct hub *h, const struct account *acc, int64_t revision);

/* The others: CONTEXT_PLAIN. */
json_t *activity_delete(struct arena *a, const struct hub *h, const struct account *author,
	int64_t post, int64_t deleted_us);
json_t *activity_announce(struct arena *a, const struct hub *h, const struct account *announcer,
	const struct account *author, int64_t post);
json_t *activity_undo_announce(struct arena *a, const struct hub *h,
	const struct account *announcer, const struct account *author, int64_t post);
/* Answers a Follow of acc, to its sender alone; the id follows from the Follow's. */
json_t *activity_accept(struct arena *a, const struct hub *h, const struct account *acc,
	const struct activity_in *follow);

/* "id" of one of these. */
struct span activity_id(const json_t *activity);

#endif
