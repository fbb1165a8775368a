/*
 * Link: the one place where public URLs are made. Built from configuration, never from a
 * request's headers. All ids are permanent.
 */
#ifndef HUB_LINK_H
#define HUB_LINK_H

#include "hub/account.h"
#include "hub/hub.h"

enum link_part {
	LINK_SELF,
	LINK_INBOX,
	LINK_OUTBOX,
	LINK_FOLLOWERS,
	LINK_FOLLOWING,
	LINK_FEATURED,
	LINK_KEY,     /* #main-key */
	LINK_ED25519, /* #ed25519-key */
};

/* /o/<slug>, /hub, /actor by the account's kind, and what hangs below it. */
struct span link_actor(
	struct arena *a, const struct hub *h, const struct account *acc, enum link_part part);
struct span link_shared_inbox(struct arena *a, const struct hub *h);
struct span link_object(struct arena *a, const struct hub *h, int64_t post);      /* /p/<id> */
struct span link_profile(struct arena *a, const struct hub *h, struct span slug); /* /@slug */
struct span link_status(struct arena *a, const struct hub *h, struct span slug, int64_t post);
struct span link_tag(struct arena *a, const struct hub *h, struct span tag);
struct span link_media(struct arena *a, const struct hub *h, struct span blob);
/* Activity ids: <actor>/a/<object>/<what>, e.g. …/a/1163…/create, …/update-3, …/announce. */
struct span link_activity(struct arena *a, const struct hub *h, const struct account *acc,
	int64_t object, struct span what);
struct span link_path(struct arena *a, const struct hub *h, struct span path); /* base + path */
struct span link_handle(
	struct arena *a, const struct hub *h, const struct account *acc); /* slug@host */
/* The post of one of our object ids or status pages, the slug of one of our actor ids. */
bool link_parse_object(const struct hub *h, struct span uri, int64_t *post);
/* slug: for /hub "hub", for /actor "actor". Path parts below the actor are refused. */
bool link_parse_actor(const struct hub *h, struct span uri, struct span *slug);
bool link_is_ours(struct arena *a, const struct hub *h, struct span uri);

#endif
