/* Small documents at fixed places: for crawlers, and for those who have found a hole. */
#include "web/app.h"
#include "web/site.h"

#define SECURITY_DAYS 180 /* RFC 9116 2.5.5 wants less than a year */

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

/* ---- security.txt (RFC 9116), from the setting security_contact ---- */

static const struct err *
security_query(struct page_ask *q)
{
	(void)site_query(&q->batch);
	return NULL;
}

static const struct err *
security_render(struct page_ask *q, struct httpd_reply *out)
{
	const int64_t day = 86400 * US_PER_S;
	struct site site;
	struct span contact, expires;
	const struct err *e = site_take(q, &q->batch, 0, &site);

	if (e)
		return e;
	contact = site_text(&site, "security_contact", q->lang);
	if (!contact.n)
		return err_new(q->arena, ERR_NOT_FOUND, "nobody has been named for this");
	/* The same all day long: it has an ETag. */
	expires = time_rfc3339(q->arena, (clock_us() / day + SECURITY_DAYS) * day);
	out->type = SPAN("text/plain; charset=utf-8");
	out->body = arena_printf(q->arena,
		"Contact: %s%.*s\n"
		"Expires: %.*s\n"
		"Preferred-Languages: de, en\n"
		"Canonical: %.*s/.well-known/security.txt\n",
		span_find_byte(contact, ':') == SIZE_MAX ? "mailto:" : "", SPAN_FMT(contact),
		SPAN_FMT(expires), SPAN_FMT(q->hub->base));
	out->cache_control = SPAN("public, max-age=86400");
	return NULL;
}

static const struct page security_page = {
	.query = security_query,
	.render = security_render,
};

static const struct route robots_list[] = {
	WEB_PAGE("/robots.txt", robots_page),
	WEB_PAGE("/.well-known/security.txt", security_page),
};
const struct route_table robots_routes = WEB_ROUTES(robots_list);
