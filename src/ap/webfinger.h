/*
 * WebFinger (RFC 7033) and host-meta (RFC 6415): from a handle or URL to one of our actors.
 * Pure.
 *
 * Every actor has exactly one subject, acct:<slug>@<authority>; the instance's user is its own
 * host, as Mastodon names its own. Mastodon fingers twice and takes an actor only when "self"
 * is its id byte for byte; GoToSocial fingers the instance too (FEP-d556 for the bare host).
 */
#ifndef AP_WEBFINGER_H
#define AP_WEBFINGER_H

#include "hub/account.h"

#define WEBFINGER_TYPE "application/jrd+json; charset=utf-8"
#define HOST_META_XML_TYPE "application/xrd+xml; charset=utf-8"

/*
 * The account's slug ("actor" = the instance) that a resource means: acct:user@host, with a
 * stray @ or without the scheme, an actor's id, a profile page, the bare host, host@host. Case
 * does not matter. ERR_INPUT when it is none of these, ERR_NOT_FOUND for other hosts and for
 * URLs that are not an actor's; whether the account exists is for the caller to ask.
 */
const struct err *webfinger_parse(struct arena *a, const struct hub *h, struct span resource,
	struct span *slug) MUST_CHECK;
struct span webfinger_document(struct arena *a, const struct hub *h, const struct account *acc);

struct span host_meta_xml(struct arena *a, const struct hub *h);
struct span host_meta_json(struct arena *a, const struct hub *h);

#endif
