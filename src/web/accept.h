/*
 * Accept (private to web/): ActivityPub or HTML, where both share an address (RFC 9110 12.5.1).
 *
 * ActivityPub is application/activity+json, application/ld+json with or without profile, and
 * application/json; HTML is text/html and application/xhtml+xml. ActivityPub wins a draw:
 * servers name both, browsers only HTML. Without either (none, wildcards, images) the page's
 * own default holds.
 */
#ifndef WEB_ACCEPT_H
#define WEB_ACCEPT_H

#include "base/span.h"

enum accept_kind {
	ACCEPT_HTML,
	ACCEPT_AP,
};

enum accept_kind accept_negotiate(struct span accept, enum accept_kind otherwise);

#endif
