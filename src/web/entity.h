/*
 * Entity (private to web/): the JSON of the Mastodon API, from the hub's structs. Pure.
 *
 * Every key that docs.joinmastodon.org lists for anonymous readers is there, null where we do
 * not know; clients index without asking. Ids are decimal texts. New references; the arena
 * holds texts only.
 */
#ifndef WEB_ENTITY_H
#define WEB_ENTITY_H

#include "base/json.h"
#include "hub/account.h"
#include "hub/post.h"

/* Version of the API that we speak, as clients parse it. */
#define ENTITY_API_VERSION "4.5.0"

json_t *entity_account(struct arena *a, const struct hub *h, const struct account *acc);
/* account: its own reference stays the caller's, so that one serves a whole page. */
json_t *entity_status(struct arena *a, const struct hub *h, const struct post *p,
	const struct post_media *m, size_t n, json_t *account);
/* The hub shares a post: who follows @hub sees it so. */
json_t *entity_reblog(struct arena *a, const struct hub *h, const struct account *by,
	json_t *by_account, const struct post *p, json_t *status);
/* NULL for what cannot be shown: a picture that is not here yet. */
json_t *entity_media(struct arena *a, const struct hub *h, const struct post_media *m);
json_t *entity_tag(struct arena *a, const struct hub *h, struct span tag);

json_t *entity_id(struct arena *a, int64_t id);

/* What people say about their hub; texts are empty when nobody has said anything. */
struct entity_site {
	struct span name, description, contact_email;
	int64_t posts, accounts;
};
json_t *entity_instance_v1(
	struct arena *a, const struct hub *h, const struct entity_site *s, json_t *contact);
json_t *entity_instance_v2(
	struct arena *a, const struct hub *h, const struct entity_site *s, json_t *contact);

#endif
