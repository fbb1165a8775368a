/*
 * App (private to web/): the one route table, and what the files of this layer share.
 *
 * Each file of endpoints exports its routes; app.c puts the tables behind one another, so an
 * earlier table and an earlier row win.
 */
#ifndef WEB_APP_H
#define WEB_APP_H

#include "net/route.h"
#include "web/page.h"
#include "web/web.h"

struct cache;
struct once;
struct rate;
struct repeat;
struct templates;

struct web {
	struct env *env;
	struct arena *arena; /* of this struct's own things */
	struct templates *templates;
	struct span assets; /* path below which the style sheet and icons lie */
	struct cache *cache;
	struct repeat *generation;
	struct once *renderings; /* missing pages that are being made */
	struct route *routes;
	size_t n_routes;
	struct router *router;
	struct rate *rate;        /* of the API; NULL = no limit */
	struct httpd_frozen *yes; /* what the cache keeps where only the key matters */
};

struct route_table {
	const struct route *routes;
	size_t n;
};
#define WEB_ROUTES(list)                                                                       \
	{                                                                                      \
		.routes = (list), .n = ARRAY_LEN(list)                                         \
	}

extern const struct route_table activitypub_actor_routes, activitypub_object_routes;
extern const struct route_table wellknown_routes;
extern const struct route_table blob_routes, feed_routes, inbox_routes, robots_routes;
extern const struct route_table asset_routes, home_routes, org_routes, status_routes;
extern const struct route_table tag_routes, text_routes;

#endif
