#include "net/route.h"

#include <stdlib.h>

struct router {
	const struct route *routes;
	size_t n;
};

struct router *
router_new(const struct route *routes, size_t n)
{
	struct router *r = xcalloc(1, sizeof(*r));

	r->routes = routes;
	r->n = n;
	for (size_t i = 0; i < n; i++)
		assert((routes[i].handle != NULL) != (routes[i].flow != NULL) &&
			routes[i].pattern[0] == '/');
	return r;
}

void
router_free(struct router *r)
{
	free(r);
}

/* A capture runs to the next slash, or to the literal that follows it in the same segment. */
static bool
route_path(const char *pattern, struct span path, struct route_match *out)
{
	size_t at = 0, n = 0;

	while (*pattern) {
		const char *close;
		size_t from = at, literal = 0;

		if (*pattern != '{') {
			if (at >= path.n || path.p[at] != *pattern)
				return false;
			at++;
			pattern++;
			continue;
		}
		for (close = pattern; *close != '}'; close++)
			assert(*close);
		pattern = close + 1;
		while (pattern[literal] && pattern[literal] != '/' && pattern[literal] != '{')
			literal++;
		while (at < path.n && path.p[at] != '/')
			at++;
		if (literal > 0) {
			struct span seg = span_slice(path, from, at);

			if (!span_ends(seg, span_from(pattern, literal)))
				return false;
			at -= literal;
		}
		if (at == from)
			return false;
		assert(n < ROUTE_CAPTURES);
		out->capture[n++] = span_slice(path, from, at);
	}
	return at == path.n;
}

const struct route *
router_match(const struct router *r, enum httpd_site site, enum httpd_method m,
	struct span path, struct route_match *out, unsigned *allowed)
{
	unsigned want = m == HTTPD_HEAD ? (unsigned)HTTPD_GET : (unsigned)m;

	*allowed = 0;
	for (size_t i = 0; i < r->n; i++) {
		const struct route *route = &r->routes[i];
		struct route_match match = {.route = route};

		if (route->site != site || !route_path(route->pattern, path, &match))
			continue;
		if (route->methods & want) {
			*out = match;
			return route;
		}
		*allowed |= route->methods;
	}
	return NULL;
}
