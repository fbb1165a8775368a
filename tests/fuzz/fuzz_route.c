/* Any path against a table: a capture is part of one segment. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "net/route.h"

static void
handle(struct httpd_req *r, const struct route_match *m)
{
	(void)r;
	(void)m;
}

static const struct route routes[] = {
	{HTTPD_GET, "/", SITE_MAIN, 0, handle, NULL, 0},
	{HTTPD_GET, "/@{slug}.atom", SITE_MAIN, 0, handle, NULL, 0},
	{HTTPD_GET, "/@{slug}", SITE_MAIN, 0, handle, NULL, 0},
	{HTTPD_GET, "/@{slug}/{id}", SITE_MAIN, 0, handle, NULL, 0},
	{HTTPD_GET | HTTPD_POST, "/o/{slug}/outbox", SITE_MAIN, 0, handle, NULL, 0},
	{HTTPD_POST, "/api/v1/a/{a}/b/{b}/c/{c}/d/{d}", SITE_MAIN, 0, handle, NULL, 0},
	{HTTPD_GET, "/{blob}", SITE_MEDIA, 0, handle, NULL, 0},
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span path = span_from(data, size);
	struct router *router = router_new(routes, ARRAY_LEN(routes));

	for (int site = SITE_MAIN; site <= SITE_MEDIA; site++) {
		struct route_match m = {0};
		unsigned allowed;
		const struct route *r = router_match(
			router, (enum httpd_site)site, HTTPD_HEAD, path, &m, &allowed);

		assert(!r || (m.route == r && (int)r->site == site));
		for (size_t i = 0; r && i < ROUTE_CAPTURES; i++) {
			struct span c = m.capture[i];

			assert(!c.p || (c.n > 0 && span_find_byte(c, '/') == SIZE_MAX));
			assert(!c.p || (c.p >= path.p && c.p + c.n <= path.p + path.n));
		}
	}
	router_free(router);
	return 0;
}
