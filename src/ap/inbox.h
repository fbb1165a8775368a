/*
 * Inbox: what is decided about a POST before anything of it counts. Pure; see inbox.c for the
 * flow.
 *
 * Order: size and method are the route's; then the media type (415), the
 * inbox (404), the JSON (400, 413), Deletes and Updates of actors nobody here knows (202, no
 * row, no fetch), signature and digest (401), the key, the actor; then one commit and 202.
 */
#ifndef AP_INBOX_H
#define AP_INBOX_H

#include "base/err.h"

/* Both index keys that an activity gets hold two of them. */
#define INBOX_ID_MAX 1000

/* ActivityPub's own types and plain JSON, which some send. */
bool inbox_takes_type(struct span content_type);
/* The slug of "/o/<slug>/inbox"; SPAN_NONE for the inboxes that always exist. */
struct span inbox_slug(struct span path);

/* What the sender is told. Nothing of our inside, and never 404 or 410 for their trouble. */
struct inbox_refusal {
	int status;
	struct span text;
	int retry_after_s; /* 0 = no Retry-After */
};
struct inbox_refusal inbox_refuse(struct arena *a, const struct err *e);

#endif
