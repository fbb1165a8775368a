/* Which route a path leads to, what it captures, and which methods it would have taken. */
#include "lib/check.h"

#include "net/route.h"

static void
handle(struct httpd_req *r, const struct route_match *m)
{
	(void)r;
	(void)m;
}

#define ROW(methods, pattern, site)                                                            \
	{                                                                                      \
		(methods), (pattern), (site), 0, handle, NULL, 0                               \
	}

static const struct route routes[] = {
	ROW(HTTPD_GET, "/", SITE_MAIN),
	ROW(HTTPD_GET, "/@{slug}.atom", SITE_MAIN),
	ROW(HTTPD_GET, "/@{slug}", SITE_MAIN),
	ROW(HTTPD_GET, "/@{slug}/{id}", SITE_MAIN),
	ROW(HTTPD_POST, "/inbox", SITE_MAIN),
	ROW(HTTPD_GET, "/o/{slug}", SITE_MAIN),
	ROW(HTTPD_POST | HTTPD_PUT, "/o/{slug}/inbox", SITE_MAIN),
	ROW(HTTPD_DELETE, "/o/{slug}/inbox", SITE_MAIN),
	ROW(HTTPD_GET, "/api/{a}/x/{b}/{c}/{d}", SITE_MAIN),
	ROW(HTTPD_GET, "/{blob}", SITE_MEDIA),
};

struct row {
	enum httpd_site site;
	enum httpd_method method;
	const char *path, *pattern;
	const char *capture[ROUTE_CAPTURES];
	unsigned allowed;
};

static const struct row rows[] = {
	{SITE_MAIN, HTTPD_GET, "/", "/", {NULL}, 0},
	{SITE_MAIN, HTTPD_HEAD, "/", "/", {NULL}, 0},
	{SITE_MAIN, HTTPD_POST, "/", NULL, {NULL}, HTTPD_GET},
	{SITE_MAIN, HTTPD_GET, "/@feuerwehr", "/@{slug}", {"feuerwehr"}, 0},
	{SITE_MAIN, HTTPD_GET, "/@feuerwehr.atom", "/@{slug}.atom", {"feuerwehr"}, 0},
	{SITE_MAIN, HTTPD_GET, "/@a.b.atom", "/@{slug}.atom", {"a.b"}, 0},
	{SITE_MAIN, HTTPD_GET, "/@.atom", "/@{slug}", {".atom"}, 0},
	{SITE_MAIN, HTTPD_GET, "/@feuerwehr/12", "/@{slug}/{id}", {"feuerwehr", "12"}, 0},
	{SITE_MAIN, HTTPD_GET, "/@feuerwehr/", NULL, {NULL}, 0},
	{SITE_MAIN, HTTPD_GET, "/@feuerwehr/1/2", NULL, {NULL}, 0},
	{SITE_MAIN, HTTPD_GET, "/@", NULL, {NULL}, 0},
	{SITE_MAIN, HTTPD_GET, "/inbox", NULL, {NULL}, HTTPD_POST},
	{SITE_MAIN, HTTPD_HEAD, "/inbox", NULL, {NULL}, HTTPD_POST},
	{SITE_MAIN, HTTPD_POST, "/inbox/", NULL, {NULL}, 0},
	{SITE_MAIN, HTTPD_POST, "/inbo", NULL, {NULL}, 0},
	{SITE_MAIN, HTTPD_POST, "/inboxx", NULL, {NULL}, 0},
	{SITE_MAIN, HTTPD_PUT, "/o/x/inbox", "/o/{slug}/inbox", {"x"}, 0},
	{SITE_MAIN, HTTPD_DELETE, "/o/x/inbox", "/o/{slug}/inbox", {"x"},
		HTTPD_POST | HTTPD_PUT},
	{SITE_MAIN, HTTPD_GET, "/o/x/inbox", NULL, {NULL},
		HTTPD_POST | HTTPD_PUT | HTTPD_DELETE},
	{SITE_MAIN, HTTPD_GET, "/api/1/x/2/3/4", "/api/{a}/x/{b}/{c}/{d}", {"1", "2", "3", "4"},
		0},
	{SITE_MAIN, HTTPD_GET, "", NULL, {NULL}, 0},
	{SITE_MAIN, HTTPD_GET, "/ab", NULL, {NULL}, 0},
	{SITE_MEDIA, HTTPD_GET, "/ab.webp", "/{blob}", {"ab.webp"}, 0},
	{SITE_MEDIA, HTTPD_GET, "/", NULL, {NULL}, 0},
	{SITE_MEDIA, HTTPD_GET, "/@feuerwehr/12", NULL, {NULL}, 0},
};

static void
matches(void **state)
{
	struct router *router = router_new(routes, ARRAY_LEN(routes));

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct route_match m = {0};
		unsigned allowed = 99;
		const struct route *r = router_match(router, rows[i].site, rows[i].method,
			span_of(rows[i].path), &m, &allowed);

		if (!r != !rows[i].pattern || (r && strcmp(r->pattern, rows[i].pattern) != 0))
			check_fail("%s led to %s", rows[i].path, r ? r->pattern : "nothing");
		assert_int_equal(allowed, rows[i].allowed);
		for (size_t k = 0; r && k < ROUTE_CAPTURES; k++)
			check_span(m.capture[k], span_of(rows[i].capture[k]));
	}
	router_free(router);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(matches)};

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
