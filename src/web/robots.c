/* What crawlers ask for: which paths are not for them. */
#include "web/app.h"

static const struct err *
robots_render(struct page_ask *q, struct httpd_reply *out)
{
	(void)q;
	out->type = SPAN("text/plain; charset=utf-8");
	out->body = SPAN("User-agent: *\n"
			 "Disallow: /admin/\n"
			 "Disallow: /api/\n"
			 "Disallow: /fragment\n");
	out->cache_control = SPAN("public, max-age=86400");
	return NULL;
}

static const struct page robots_page = {.render = robots_render};

static const struct route robots_list[] = {
	WEB_PAGE("/robots.txt", robots_page),
};
const struct route_table robots_routes = WEB_ROUTES(robots_list);
