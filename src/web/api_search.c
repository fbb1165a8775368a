/*
 * GET /api/v2/search and /api/v1/accounts/search: institutions by name, hashtags, posts by
 * their address. What a hub cannot look up elsewhere (`resolve`) is not found.
 */
#include "base/text.h"
#include "hub/link.h"
#include "web/api.h"

#define SEARCH_MAX 200 /* bytes of q */

enum search_param {
	SEARCH_Q,
	SEARCH_TYPE,
	SEARCH_LIMIT,
};
static const char *const search_params[] = {"q", "type", "limit", NULL};

struct search {
	struct api_statuses s; /* all accounts, at most one post */
	struct span q;
	int64_t limit;
	size_t accounts, tag, post; /* numbers of the statements; of tag and post SIZE_MAX */
};

static bool
search_wants(const struct page_ask *q, const char *type)
{
	return !q->param[SEARCH_TYPE].n || span_is(q->param[SEARCH_TYPE], type);
}

static const struct err *
search_query(struct page_ask *q)
{
	struct search *st = q->state;
	struct post_page tagged = {.limit = 1};
	int64_t id;
	const struct err *e;

	st->limit = API_PAGE_DEFAULT;
	st->tag = st->post = SIZE_MAX;
	st->q = span_trim(q->param[SEARCH_Q]);
	if ((e = api_number(q, SEARCH_LIMIT, 1, API_PAGE_MAX, &st->limit)))
		return e;
	if (st->q.n == 0 || st->q.n > SEARCH_MAX)
		return err_new(q->arena, ERR_UNPROCESSABLE,
			"q must say what to look for, in at most %d bytes", SEARCH_MAX);
	st->accounts = account_list(&q->batch);
	if (search_wants(q, "hashtags")) {
		tagged.tag = st->q.p[0] == '#' ? span_slice(st->q, 1, st->q.n) : st->q;
		st->tag = post_page(&q->batch, &tagged);
	}
	if (search_wants(q, "statuses") && link_parse_object(q->hub, st->q, &id))
		st->post = post_public(&q->batch, id);
	return NULL;
}

/*
 * "Feuerwehr", "@feuerwehr_x@hub.example", "oeffentlich" for "Öffentlich": compared as slugs
 * are made.
 */
static bool
search_hits(struct page_ask *q, const struct account *acc, struct span wanted)
{
	return span_has(text_slug(q->arena, acc->name, SEARCH_MAX), wanted) ||
	       span_has(acc->slug, wanted);
}

static const struct err *
search_accounts(struct page_ask *q, json_t *list)
{
	struct search *st = q->state;
	const struct err *e = api_accounts_take(q, &q->batch, st->accounts, &st->s);
	struct span wanted = st->q, user;

	if (wanted.p[0] == '@')
		wanted = span_slice(wanted, 1, wanted.n);
	(void)span_cut(&wanted, '@', &user);
	if (e || (wanted.p && !span_eq_nocase(wanted, q->hub->authority)))
		return e;
	wanted = text_slug(q->arena, user, SEARCH_MAX);
	for (size_t i = 0; wanted.n > 0 && i < st->s.n_accounts; i++)
		if (search_hits(q, &st->s.accounts[i], wanted) &&
			json_array_size(list) < (size_t)st->limit)
			json_array_append_new(
				list, entity_account(q->arena, q->hub, &st->s.accounts[i]));
	return NULL;
}

static const struct err *
accounts_render(struct page_ask *q, struct httpd_reply *out)
{
	json_t *list = json_own(q->arena, json_array());
	const struct err *e = search_accounts(q, list);

	if (!e)
		api_reply(q, out, json_incref(list), 60);
	return e;
}

static const struct err *
search_status(struct page_ask *q, json_t *list)
{
	struct search *st = q->state;
	json_t *status;
	const struct err *e = NULL;

	if (st->post == SIZE_MAX)
		return NULL;
	st->s.page.limit = 2;
	e = api_statuses_take(q, &q->batch, st->post, &st->s);
	if (e || st->s.n == 0)
		return e;
	e = api_status_json(q, &st->s, &st->s.posts[0], &status);
	if (!e)
		json_array_append_new(list, status);
	return e;
}

static const struct err *
search_render(struct page_ask *q, struct httpd_reply *out)
{
	struct search *st = q->state;
	json_t *j = json_own(
		q->arena, json_pack("{s:[],s:[],s:[]}", "accounts", "statuses", "hashtags"));
	json_t *found = json_own(q->arena, json_array());
	const struct err *e = search_accounts(q, found);

	if (!e && search_wants(q, "accounts"))
		json_object_set(j, "accounts", found);
	if (!e)
		e = search_status(q, json_object_get(j, "statuses"));
	if (e)
		return e;
	if (st->tag != SIZE_MAX && db_rows(&q->batch, st->tag) > 0)
		json_array_append_new(json_object_get(j, "hashtags"),
			entity_tag(q->arena, q->hub,
				st->q.p[0] == '#' ? span_slice(st->q, 1, st->q.n) : st->q));
	api_reply(q, out, json_incref(j), 60);
	return NULL;
}

static const struct page search_page = {
	.params = search_params,
	.flags = PAGE_CORS,
	.state_size = sizeof(struct search),
	.query = search_query,
	.render = search_render,
};
static const struct page accounts_page = {
	.params = search_params,
	.flags = PAGE_CORS,
	.state_size = sizeof(struct search),
	.query = search_query,
	.render = accounts_render,
};

static const struct route api_search_list[] = {
	WEB_PAGE("/api/v2/search", search_page),
	WEB_PAGE("/api/v1/accounts/search", accounts_page),
};
const struct route_table api_search_routes = WEB_ROUTES(api_search_list);
