/*
 * ActivityPub (private to web/): the two answers of everything that other servers read.
 */
#ifndef WEB_ACTIVITYPUB_H
#define WEB_ACTIVITYPUB_H

#include "ap/object.h"
#include "web/app.h"

/* The document; cached for three minutes unless cache_control says otherwise already. */
void activitypub_document(
	struct page_ask *q, struct httpd_reply *out, enum object_context c, const json_t *j);
/* Ids answer with ActivityPub; a browser is sent on to the page for people. */
void activitypub_redirect(struct httpd_reply *out, struct span location);

#endif
