/*
 * Object: what we say about posts, actors and collections, as ActivityStreams JSON. Pure.
 *
 * Builders return JSON without "@context", owned by the arena, so that a Note stands in a
 * Create and on its own alike; object_document puts the context in front and makes the bytes.
 * Nothing here needs the database: a Note is made from struct post and its media alone, so the
 * fan-out makes it from the content of a record entry and the web layer from a row, and both
 * get the same bytes. Addressing is always public with the followers in copy.
 *
 * ActivityStreams 2.0, ActivityPub; what receivers make of each field: FEDERATION.md.
 */
#ifndef AP_OBJECT_H
#define AP_OBJECT_H

#include "base/json.h"
#include "hub/account.h"
#include "hub/post.h"

#define AP_PUBLIC "https://www.w3.org/ns/activitystreams#Public"
#define AP_TYPE "application/activity+json"
/* Media beyond these would be dropped by Mastodon without a word. */
#define OBJECT_ATTACHMENTS_MAX 4

enum object_context {
	CONTEXT_PLAIN, /* ActivityStreams only: collections without posts, Announce, Accept */
	CONTEXT_NOTE,  /* whatever holds a Note */
	CONTEXT_ACTOR, /* whatever holds one of our actors */
};
/* "@context" and then the members of j, compact. */
struct span object_document(struct arena *a, enum object_context c, const json_t *j);

json_t *object_note(struct arena *a, const struct hub *h, const struct post *p,
	const struct post_media *m, size_t n);
/* What stands at the id of a withdrawn post; deleted_us may be TIME_NONE. */
json_t *object_tombstone(
	struct arena *a, struct span id, const char *former_type, int64_t deleted_us);

/* Organisation, hub or instance, by the account's kind. */
json_t *object_actor(struct arena *a, const struct hub *h, const struct account *acc);
/* The page for people that "url" names. */
struct span object_actor_url(struct arena *a, const struct hub *h, const struct account *acc);
/* Content-Type of a picture of our store, which is named <sha256>.<ext>. */
const char *object_image_type(struct span blob);

/* ---- collections ---- */

/* Head without members; first and last SPAN_NONE: only the number is public. */
json_t *object_collection(
	struct arena *a, struct span id, int64_t total, struct span first, struct span last);
/* All members inside; takes no reference of its own beyond the result's life. */
json_t *object_collection_whole(struct arena *a, struct span id, json_t *items);

struct object_page {
	struct span id, part_of;
	struct span next, prev; /* SPAN_NONE = none */
	json_t *items;
};
json_t *object_collection_page(struct arena *a, const struct object_page *p);

/* For activity builders: "to" and "cc" of everything public that acc says. */
void object_address(struct arena *a, const struct hub *h, const struct account *acc, json_t *j);
/* The organisation that wrote a post, as far as links need it. */
struct account object_author(const struct post *p);

#endif
