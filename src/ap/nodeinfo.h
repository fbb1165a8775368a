/*
 * NodeInfo 2.0 and 2.1 (FEP-f1d5): what software this is and how much stands here. Pure.
 */
#ifndef AP_NODEINFO_H
#define AP_NODEINFO_H

#include "hub/hub.h"

#define NODEINFO_LINKS_TYPE "application/json; charset=utf-8"

struct nodeinfo {
	struct span name, description;
	int64_t users, active_month,
		active_halfyear; /* organisations; active: they published */
	int64_t posts;
};

/* /.well-known/nodeinfo; with the instance actor (FEP-2677). */
struct span nodeinfo_links(struct arena *a, const struct hub *h);
/* minor: 0 or 1, of version 2. */
struct span nodeinfo_document(struct arena *a, int minor, const struct nodeinfo *n);
struct span nodeinfo_type(struct arena *a, int minor); /* Content-Type */

#endif
