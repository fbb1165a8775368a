/*
 * Route: a table from method and path to a handler.
 *
 * Patterns are literal segments and captures: "/o/{slug}/outbox", "/@{slug}/{id}",
 * "/@{slug}.atom". A capture matches one segment or the part of it up to the literal that
 * follows. The first matching row wins; a path that matches with another method gives 405 with
 * `Allow`; HEAD goes to GET. Compiled once, matched without allocation.
 */
#ifndef NET_ROUTE_H
#define NET_ROUTE_H

#include "net/httpd.h"

#define ROUTE_CAPTURES 4

struct route_match {
	const struct route *route;
	struct span capture[ROUTE_CAPTURES]; /* in order of the pattern */
};

struct route {
	unsigned methods; /* set of enum httpd_method */
	const char *pattern;
	enum httpd_site site;
	size_t body_max; /* bytes */
	/* Exactly one of the two. */
	void (*handle)(struct httpd_req *r, const struct route_match *m);
	const struct flow *flow;
	const void *data; /* the handler's own */
};

struct router;
struct router *router_new(const struct route *routes, size_t n);
void router_free(struct router *r);
/* NULL and *allowed = set of methods (0 = no such path). */
const struct route *router_match(const struct router *r, enum httpd_site site,
	enum httpd_method m, struct span path, struct route_match *out, unsigned *allowed);
/* Captures of the request's route, for flows. Set by whoever dispatches. */
void httpd_set_match(struct httpd_req *r, const struct route_match *m);
const struct route_match *httpd_match(const struct httpd_req *r);

#endif
