/* An organisation's page, /@{slug}, and the list of all of them. */
#include "hub/link.h"
#include "web/html.h"

/* ---- one ---- */

struct org {
	size_t account;
	struct account acc;
	struct html_posts posts;
};

static const char *const org_params[] = {"lang", "max_id", "min_id", NULL};

static const struct err *
org_query(struct page_ask *q)
{
	struct org *s = q->state;

	html_query(q);
	s->account = account_by_slug(&q->batch, q->capture[0]);
	return NULL;
}

static const struct err *
org_more(struct page_ask *q)
{
	struct org *s = q->state;
	const struct err *e;

	if (db_rows(&q->batch, s->account) == 0)
		return err_new(
			q->arena, ERR_NOT_FOUND, "there is no organisation of this name");
	if ((e = account_row(&q->batch, s->account, 0, &s->acc)))
		return e;
	if (q->accept == ACCEPT_AP || !span_is(s->acc.kind, "organization"))
		return NULL;
	return html_posts_query(
		q, &q->next, &(struct post_page){.account = s->acc.id}, &s->posts);
}

static const struct err *
org_render(struct page_ask *q, struct httpd_reply *out)
{
	struct org *s = q->state;
	struct span url = link_profile(q->arena, q->hub, s->acc.slug), path, actor;
	struct model_frame f = {.title = s->acc.name};
	struct model m;
	json_t *root;
	const struct err *e = html_model(q, &m);

	if (e)
		return e;
	actor = link_actor(q->arena, q->hub, &s->acc, LINK_SELF);
	if (q->accept == ACCEPT_AP) {
		html_redirect(q, actor, out);
		return NULL;
	}
	/* The hub's own page is the front page. */
	if (!span_is(s->acc.kind, "organization")) {
		html_redirect(q, link_path(q->arena, q->hub, SPAN("/")), out);
		return NULL;
	}
	path = span_slice(url, q->hub->base.n, url.n);
	f.path = path;
	f.description = s->acc.summary.n ? s->acc.summary : model_lead(&m);
	f.hidden = html_posts_deep(&s->posts);
	root = model_page(&m, &f);
	json_object_set_new(root, "org", model_org(&m, &s->acc));
	json_object_set_new(root, "follow", model_follow(&m, &s->acc));
	json_object_set_new(json_object_get(root, "page"), "activity", json_str(actor));
	model_feeds(&m, root, path, s->acc.name);
	if ((e = html_posts_model(q, &m, &s->posts, path, &s->acc, 1, root)))
		return e;
	return html_reply(q, &m, "org", root, out);
}

static const struct page org_page = {
	.params = org_params,
	.flags = PAGE_LANG | PAGE_ACCEPT_HTML,
	.state_size = sizeof(struct org),
	.query = org_query,
	.more = org_more,
	.render = org_render,
};

/* ---- all ---- */

struct orgs {
	size_t accounts;
};

static const char *const orgs_params[] = {"lang", NULL};

static const struct err *
orgs_query(struct page_ask *q)
{
	struct orgs *s = q->state;

	html_query(q);
	s->accounts = account_list(&q->batch);
	return NULL;
}

static const struct err *
orgs_render(struct page_ask *q, struct httpd_reply *out)
{
	struct orgs *s = q->state;
	struct model_frame f = {.place = PLACE_ORGS, .path = SPAN("/organisationen")};
	json_t *root, *orgs = json_object(), *list = json_array();
	struct account *accounts;
	struct model m;
	size_t n;
	const struct err *e = html_model(q, &m);

	json_own(q->arena, orgs);
	json_object_set_new(orgs, "list", list);
	if (!e)
		e = html_accounts(q, s->accounts, &accounts, &n);
	if (e)
		return e;
	f.title = tr(m.lang, "Organisations");
	f.description = tr(m.lang, "Everybody who publishes here. Each has its own page, and "
				   "an address that you can follow.");
	root = model_page(&m, &f);
	for (size_t i = 0; i < n; i++) {
		json_t *j = json_object();

		json_object_set_new(j, "org", model_org(&m, &accounts[i]));
		json_array_append_new(list, j);
	}
	json_object_set_new(orgs, "lead", json_str(f.description));
	json_object_set(root, "orgs", orgs);
	return html_reply(q, &m, "orgs", root, out);
}

static const struct page orgs_page = {
	.params = orgs_params,
	.flags = PAGE_LANG,
	.state_size = sizeof(struct orgs),
	.query = orgs_query,
	.render = orgs_render,
};

static const struct route org_list[] = {
	WEB_PAGE("/organisationen", orgs_page),
	WEB_PAGE("/@{slug}", org_page),
};
const struct route_table org_routes = WEB_ROUTES(org_list);
