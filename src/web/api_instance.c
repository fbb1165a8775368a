/* GET /api/v1/instance, /api/v2/instance, and small documents about what is not there. */
#include "web/api.h"
#include "web/site.h"

struct instance {
	size_t settings, own, counts; /* numbers of the statements */
};

static const struct err *
instance_query(struct page_ask *q)
{
	struct instance *st = q->state;

	st->settings = site_query(&q->batch);
	st->own = account_own(&q->batch);
	st->counts = post_counts(&q->batch);
	return NULL;
}

/* Fills what both documents show; contact is the hub's own account. */
static const struct err *
instance_take(struct page_ask *q, struct entity_site *out, json_t **contact)
{
	const struct instance *st = q->state;
	struct site site;
	struct account hub;
	const struct err *e;

	*out = (struct entity_site){0};
	if ((e = site_take(q, &q->batch, st->settings, &site)) ||
		(e = account_row(&q->batch, st->own, 0, &hub)) ||
		(e = post_counts_row(&q->batch, st->counts, &out->posts, &out->accounts)))
		return e;
	out->name = site.name;
	out->description = site.description;
	out->contact_email = site.contact_email;
	*contact = json_own(q->arena, entity_account(q->arena, q->hub, &hub));
	return NULL;
}

static const struct err *
instance_v1_render(struct page_ask *q, struct httpd_reply *out)
{
	struct entity_site s;
	json_t *contact;
	const struct err *e = instance_take(q, &s, &contact);

	if (!e)
		api_reply(q, out, entity_instance_v1(q->arena, q->hub, &s, contact), 300);
	return e;
}

static const struct err *
instance_v2_render(struct page_ask *q, struct httpd_reply *out)
{
	struct entity_site s;
	json_t *contact;
	const struct err *e = instance_take(q, &s, &contact);

	if (!e)
		api_reply(q, out, entity_instance_v2(q->arena, q->hub, &s, contact), 300);
	return e;
}

static const struct page instance_v1_page = {
	.flags = PAGE_CORS,
	.state_size = sizeof(struct instance),
	.query = instance_query,
	.render = instance_v1_render,
};
static const struct page instance_v2_page = {
	.flags = PAGE_CORS,
	.state_size = sizeof(struct instance),
	.query = instance_query,
	.render = instance_v2_render,
};

/* Lists that a hub of institutions does not have, but clients ask for. */
static const struct err *
empty_render(struct page_ask *q, struct httpd_reply *out)
{
	api_reply(q, out, json_array(), 300);
	return NULL;
}

/* There is no stream; who asks whether it works gets the answer about the hub. */
static const struct err *
health_render(struct page_ask *q, struct httpd_reply *out)
{
	(void)q;
	out->type = SPAN("text/plain; charset=utf-8");
	out->body = SPAN("OK");
	out->cache_control = SPAN("no-cache");
	return NULL;
}

static const struct page health_page = {.flags = PAGE_CORS, .render = health_render};
static const struct page empty_page = {.flags = PAGE_CORS, .render = empty_render};

static const struct route api_instance_list[] = {
	WEB_PAGE("/api/v1/instance", instance_v1_page),
	WEB_PAGE("/api/v2/instance", instance_v2_page),
	WEB_PAGE("/api/v1/instance/activity", empty_page),
	WEB_PAGE("/api/v1/instance/peers", empty_page),
	WEB_PAGE("/api/v1/instance/rules", empty_page),
	WEB_PAGE("/api/v1/custom_emojis", empty_page),
	WEB_PAGE("/api/v1/streaming/health", health_page),
	WEB_PAGE("/api/v1/announcements", empty_page),
	WEB_PAGE("/api/v1/trends/tags", empty_page),
	WEB_PAGE("/api/v1/trends/statuses", empty_page),
	WEB_PAGE("/api/v1/trends/links", empty_page),
};
const struct route_table api_instance_routes = WEB_ROUTES(api_instance_list);
