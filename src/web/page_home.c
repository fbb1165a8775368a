/* The front page: what all organisations said, newest first, or one of them by ?org=. */
#include "web/html.h"

#define SIDE_ORGS 12 /* beside the posts; all of them are on /organisationen */

struct home {
	size_t accounts, own;
	struct html_posts posts;
	struct account chosen; /* id 0 = all */
};

enum {
	HOME_ORG = HTML_PARAMS,
};
static const char *const home_params[] = {"lang", "max_id", "min_id", "org", NULL};

static const struct err *
home_query(struct page_ask *q)
{
	struct home *s = q->state;
	struct post_page page = {.tag = SPAN_NONE};

	html_query(q);
	s->accounts = account_list(&q->batch);
	s->own = account_own(&q->batch);
	if (q->param[HOME_ORG].n)
		return NULL;
	return html_posts_query(q, &q->batch, &page, &s->posts);
}

static const struct err *
home_more(struct page_ask *q)
{
	struct home *s = q->state;
	struct account *list;
	size_t n;
	const struct err *e;

	if (!q->param[HOME_ORG].n)
		return NULL;
	if ((e = html_accounts(q, s->accounts, &list, &n)))
		return e;
	for (size_t i = 0; i < n; i++)
		if (span_eq(list[i].slug, q->param[HOME_ORG]))
			s->chosen = list[i];
	if (!s->chosen.id)
		return err_new(
			q->arena, ERR_NOT_FOUND, "there is no organisation of this name");
	return html_posts_query(
		q, &q->next, &(struct post_page){.account = s->chosen.id}, &s->posts);
}

static json_t *
home_all(const struct model *m, size_t n)
{
	json_t *j;

	if (n <= SIDE_ORGS)
		return json_null();
	j = json_object();
	json_object_set_new(j, "href", json_str(model_href(m, SPAN("/organisationen"))));
	json_object_set_new(j, "label",
		json_str(model_say(
			m, "All {n} organisations", "n", arena_printf(m->arena, "%zu", n))));
	return j;
}

static json_t *
home_model(const struct model *m, const struct home *s, const struct account *list, size_t n)
{
	json_t *home = json_object(), *choices = json_array(), *orgs = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *choice = json_object();

		json_object_set_new(choice, "slug", json_str(list[i].slug));
		json_object_set_new(choice, "name", json_str(list[i].name));
		json_object_set_new(choice, "chosen", json_boolean(list[i].id == s->chosen.id));
		json_array_append_new(choices, choice);
		if (i < SIDE_ORGS) {
			json_t *org = json_object();

			json_object_set_new(org, "org", model_org(m, &list[i]));
			json_array_append_new(orgs, org);
		}
	}
	json_object_set_new(
		home, "title", json_str(s->chosen.id ? s->chosen.name : tr(m->lang, "News")));
	json_object_set_new(home, "lead", json_str(model_lead(m)));
	json_object_set_new(home, "choices", choices);
	json_object_set_new(home, "orgs", orgs);
	json_object_set_new(home, "all", home_all(m, n));
	return home;
}

/* The hub itself can be followed: it passes on what all organisations say. */
static const struct err *
home_follow(struct page_ask *q, const struct model *m, json_t *root)
{
	struct home *s = q->state;
	struct account *own;
	size_t n;
	const struct err *e = html_accounts(q, s->own, &own, &n);

	for (size_t i = 0; !e && i < n; i++)
		if (span_is(own[i].kind, "hub"))
			json_object_set_new(root, "follow", model_follow(m, &own[i]));
	return e;
}

static const struct err *
home_render(struct page_ask *q, struct httpd_reply *out)
{
	struct home *s = q->state;
	struct span path = SPAN("/");
	struct model_frame f = {.place = PLACE_HOME};
	struct account *list;
	struct model m;
	json_t *root;
	size_t n;
	const struct err *e = html_model(q, &m);

	if (!e)
		e = html_accounts(q, s->accounts, &list, &n);
	if (e)
		return e;
	if (s->chosen.id) {
		path = arena_printf(q->arena, "/?org=%.*s", SPAN_FMT(s->chosen.slug));
		f.title = s->chosen.name;
	}
	f.path = path;
	f.description = model_lead(&m);
	/* The organisation's own page says the same; deep pages change all the time. */
	f.hidden = s->chosen.id || html_posts_deep(&s->posts);
	root = model_page(&m, &f);
	json_object_set_new(root, "home", home_model(&m, s, list, n));
	model_feeds(&m, root, SPAN("/feed"), m.site.name);
	if ((e = home_follow(q, &m, root)) ||
		(e = html_posts_model(q, &m, &s->posts, path, list, n, root)))
		return e;
	return html_reply(q, &m, "home", root, out);
}

static const struct page home_page = {
	.params = home_params,
	.flags = PAGE_LANG,
	.state_size = sizeof(struct home),
	.query = home_query,
	.more = home_more,
	.render = home_render,
};

static const struct route home_list[] = {
	WEB_PAGE("/", home_page),
};
const struct route_table home_routes = WEB_ROUTES(home_list);
