/* Discovery: WebFinger, host-meta, NodeInfo. */
#include "ap/nodeinfo.h"
#include "ap/webfinger.h"
#include "base/clock.h"
#include "hub/account.h"
#include "web/app.h"

#define DAY_US (INT64_C(86400) * US_PER_S)

/* ---- WebFinger ---- */

static const struct err *
webfinger_query(struct page_ask *q)
{
	struct span slug;
	const struct err *e = webfinger_parse(q->arena, q->hub, q->param[0], &slug);

	if (!e)
		(void)account_by_slug(&q->batch, slug);
	return e;
}

static const struct err *
webfinger_render(struct page_ask *q, struct httpd_reply *out)
{
	struct account acc;
	const struct err *e;

	if (db_rows(&q->batch, 0) == 0)
		return err_new(q->arena, ERR_NOT_FOUND, "this host has no such account");
	if ((e = account_row(&q->batch, 0, 0, &acc)))
		return e;
	out->type = SPAN(WEBFINGER_TYPE);
	out->body = webfinger_document(q->arena, q->hub, &acc);
	out->cache_control = SPAN("public, max-age=259200");
	return NULL;
}

static const char *const webfinger_params[] = {"resource", NULL};
static const struct page webfinger_page = {.params = webfinger_params,
	.flags = PAGE_CORS,
	.query = webfinger_query,
	.render = webfinger_render};

/* ---- host-meta: XML unless JSON is asked for by name ---- */

static const struct err *
host_meta_json_render(struct page_ask *q, struct httpd_reply *out)
{
	out->type = SPAN(NODEINFO_LINKS_TYPE);
	out->body = host_meta_json(q->arena, q->hub);
	out->cache_control = SPAN("public, max-age=259200");
	return NULL;
}

/* Accept: application/json counts as asking for ActivityPub. */
static const struct err *
host_meta_render(struct page_ask *q, struct httpd_reply *out)
{
	if (q->accept == ACCEPT_AP)
		return host_meta_json_render(q, out);
	out->type = SPAN(HOST_META_XML_TYPE);
	out->body = host_meta_xml(q->arena, q->hub);
	out->cache_control = SPAN("public, max-age=259200");
	return NULL;
}

static const struct page host_meta_page = {
	.flags = PAGE_CORS | PAGE_ACCEPT_HTML, .render = host_meta_render};
static const struct page host_meta_json_page = {
	.flags = PAGE_CORS, .render = host_meta_json_render};

/* ---- NodeInfo ---- */

static const struct err *
nodeinfo_links_render(struct page_ask *q, struct httpd_reply *out)
{
	out->type = SPAN(NODEINFO_LINKS_TYPE);
	out->body = nodeinfo_links(q->arena, q->hub);
	out->cache_control = SPAN("public, max-age=259200");
	return NULL;
}

static const struct err *
nodeinfo_query(struct page_ask *q)
{
	(void)account_by_slug(&q->batch, SPAN("hub"));
	(void)account_list(&q->batch);
	return NULL;
}

static const struct err *
nodeinfo_count(struct page_ask *q, struct nodeinfo *n)
{
	int64_t now = clock_us();
	struct account acc;
	const struct err *e = account_row(&q->batch, 0, 0, &acc);

	if (e)
		return e;
	n->name = acc.name;
	n->description = acc.summary;
	n->users = (int64_t)db_rows(&q->batch, 1);
	for (int64_t i = 0; i < n->users; i++) {
		if ((e = account_row(&q->batch, 1, (size_t)i, &acc)))
			return e;
		n->posts += acc.posts_count;
		if (acc.last_post_us == TIME_NONE)
			continue;
		n->active_month += now - acc.last_post_us < 30 * DAY_US;
		n->active_halfyear += now - acc.last_post_us < 180 * DAY_US;
	}
	return NULL;
}

static const struct err *
nodeinfo_reply(struct page_ask *q, int minor, struct httpd_reply *out)
{
	struct nodeinfo n = {0};
	const struct err *e;

	if (db_rows(&q->batch, 0) == 0)
		return err_new(q->arena, ERR_UNAVAILABLE, "the hub has not been set up yet");
	if ((e = nodeinfo_count(q, &n)))
		return e;
	out->type = nodeinfo_type(q->arena, minor);
	out->body = nodeinfo_document(q->arena, minor, &n);
	out->cache_control = SPAN("public, max-age=1800");
	return NULL;
}

static const struct err *
nodeinfo_20_render(struct page_ask *q, struct httpd_reply *out)
{
	return nodeinfo_reply(q, 0, out);
}

static const struct err *
nodeinfo_21_render(struct page_ask *q, struct httpd_reply *out)
{
	return nodeinfo_reply(q, 1, out);
}

static const struct page nodeinfo_links_page = {
	.flags = PAGE_CORS, .render = nodeinfo_links_render};
static const struct page nodeinfo_20_page = {
	.flags = PAGE_CORS, .query = nodeinfo_query, .render = nodeinfo_20_render};
static const struct page nodeinfo_21_page = {
	.flags = PAGE_CORS, .query = nodeinfo_query, .render = nodeinfo_21_render};

static const struct route wellknown_list[] = {
	WEB_PAGE("/.well-known/webfinger", webfinger_page),
	WEB_PAGE("/.well-known/host-meta", host_meta_page),
	WEB_PAGE("/.well-known/host-meta.json", host_meta_json_page),
	WEB_PAGE("/.well-known/nodeinfo", nodeinfo_links_page),
	WEB_PAGE("/nodeinfo/2.0", nodeinfo_20_page),
	WEB_PAGE("/nodeinfo/2.1", nodeinfo_21_page),
};
const struct route_table wellknown_routes = WEB_ROUTES(wellknown_list);
