/* GET /api/v1/accounts/... and /api/v1/directory: the institutions, and what they published. */
#include "hub/link.h"
#include <stdlib.h>

#include "web/api.h"

#define DIRECTORY_DEFAULT 40
#define DIRECTORY_MAX 80

/* The instance actor signs for the server; nobody reads or follows it. */
static bool
account_shown(const struct account *acc)
{
	return !span_is(acc->kind, "instance");
}

static const struct err *
account_take(struct page_ask *q, struct account *out)
{
	const struct err *e;

	if (db_rows(&q->batch, 0) == 0)
		return api_not_found(q);
	e = account_row(&q->batch, 0, 0, out);
	return !e && !account_shown(out) ? api_not_found(q) : e;
}

/* ---- one account ---- */

static const char *const lookup_params[] = {"acct", NULL};

static const struct err *
lookup_query(struct page_ask *q)
{
	struct span acct = q->param[0], user;
	char *lower;

	if (acct.n > 0 && acct.p[0] == '@')
		acct = span_slice(acct, 1, acct.n);
	if (acct.n == 0)
		return err_new(q->arena, ERR_UNPROCESSABLE,
			"acct is missing: ?acct=name or ?acct=name@%.*s",
			SPAN_FMT(q->hub->authority));
	(void)span_cut(&acct, '@', &user);
	if (user.n == 0 || user.n > 30 || (acct.p && !span_eq_nocase(acct, q->hub->authority)))
		return api_not_found(q);
	lower = arena_alloc(q->arena, user.n);
	for (size_t i = 0; i < user.n; i++)
		lower[i] = (char)(user.p[i] >= 'A' && user.p[i] <= 'Z' ? user.p[i] | 32
								       : user.p[i]);
	(void)account_by_slug(&q->batch, span_from(lower, user.n));
	return NULL;
}

static const struct err *
account_query(struct page_ask *q)
{
	int64_t id;
	const struct err *e = api_path_id(q, &id);

	if (!e)
		(void)account_by_id(&q->batch, id);
	return e;
}

static const struct err *
account_render(struct page_ask *q, struct httpd_reply *out)
{
	struct account acc;
	const struct err *e = account_take(q, &acc);

	if (!e)
		api_reply(q, out, entity_account(q->arena, q->hub, &acc), 60);
	return e;
}

static const struct page lookup_page = {
	.params = lookup_params,
	.flags = PAGE_CORS,
	.query = lookup_query,
	.render = account_render,
};
static const struct page account_page = {
	.flags = PAGE_CORS,
	.query = account_query,
	.render = account_render,
};

/* Who follows whom is not shown (hide_collections); nobody features tags or is endorsed. */
static const struct err *
account_none_render(struct page_ask *q, struct httpd_reply *out)
{
	struct account acc;
	const struct err *e = account_take(q, &acc);

	if (!e)
		api_reply(q, out, json_array(), 60);
	return e;
}

static const struct page account_none_page = {
	.flags = PAGE_CORS,
	.query = account_query,
	.render = account_none_render,
};

/* ---- its statuses ---- */

enum statuses_param {
	STATUSES_ONLY_MEDIA = RANGE_PARAMS,
	STATUSES_PINNED,
	STATUSES_TAGGED,
	STATUSES_NO_REPLIES,
	STATUSES_NO_REBLOGS,
};
static const char *const statuses_params[] = {API_RANGE_NAMES, "only_media", "pinned", "tagged",
	"exclude_replies", "exclude_reblogs", NULL};

struct account_statuses {
	struct api_statuses s;
	struct account acc;
};

static const struct err *
statuses_query(struct page_ask *q)
{
	struct account_statuses *st = q->state;
	int64_t id;
	const struct err *e = api_path_id(q, &id);

	if (!e)
		e = api_range(q, &st->s);
	if (!e)
		(void)account_by_id(&q->batch, id);
	return e;
}

/* The hub's own posts are shares of everybody's. */
static const struct err *
statuses_more(struct page_ask *q)
{
	struct account_statuses *st = q->state;
	struct post_page *p = &st->s.page;
	const struct err *e = account_take(q, &st->acc);
	bool hub = !e && span_is(st->acc.kind, "hub");

	if (e)
		return e;
	p->only_media = api_flag(q, STATUSES_ONLY_MEDIA);
	p->tag = q->param[STATUSES_TAGGED].n ? q->param[STATUSES_TAGGED] : SPAN_NONE;
	p->account = hub ? 0 : st->acc.id;
	/* Nothing is ever pinned. */
	if (api_flag(q, STATUSES_PINNED) || (hub && api_flag(q, STATUSES_NO_REBLOGS)))
		return NULL;
	(void)post_page(&q->next, p);
	if (hub)
		(void)account_list(&q->next);
	return NULL;
}

static const struct err *
statuses_reblogged(struct page_ask *q, struct account_statuses *st, json_t *list)
{
	json_t *by = json_own(q->arena, entity_account(q->arena, q->hub, &st->acc)), *status;
	const struct err *e = NULL;

	for (size_t i = 0; !e && i < st->s.n; i++) {
		e = api_status_json(q, &st->s, &st->s.posts[i], &status);
		if (e)
			break;
		json_array_append_new(list,
			entity_reblog(q->arena, q->hub, &st->acc, by, &st->s.posts[i], status));
		json_decref(status);
	}
	return e;
}

static const struct err *
statuses_render(struct page_ask *q, struct httpd_reply *out)
{
	struct account_statuses *st = q->state;
	struct span path =
		arena_printf(q->arena, "/api/v1/accounts/%lld/statuses", (long long)st->acc.id);
	json_t *list;
	const struct err *e = NULL;

	if (q->next.n > 0)
		e = api_statuses_take(q, &q->next, 0, &st->s);
	if (e)
		return e;
	if (!span_is(st->acc.kind, "hub")) {
		api_accounts_one(q, &st->s, &st->acc);
		return api_statuses_reply(q, &st->s, path, out);
	}
	list = json_own(q->arena, json_array());
	e = api_accounts_take(q, &q->next, 1, &st->s);
	if (!e)
		e = statuses_reblogged(q, st, list);
	if (e)
		return e;
	api_reply(q, out, json_incref(list), 15);
	if (st->s.n > 0)
		out->link = api_link(
			q, path, st->s.posts[0].id, st->s.posts[st->s.n - 1].id, st->s.more);
	return NULL;
}

static const struct page statuses_page = {
	.params = statuses_params,
	.flags = PAGE_CORS,
	.state_size = sizeof(struct account_statuses),
	.query = statuses_query,
	.more = statuses_more,
	.render = statuses_render,
};

/* ---- all of them ---- */

enum directory_param {
	DIRECTORY_LIMIT,
	DIRECTORY_OFFSET,
	DIRECTORY_ORDER,
};
static const char *const directory_params[] = {"limit", "offset", "order", NULL};

struct directory {
	int64_t limit, offset;
};

static const struct err *
directory_query(struct page_ask *q)
{
	struct directory *d = q->state;
	const struct err *e;

	d->limit = DIRECTORY_DEFAULT;
	if ((e = api_number(q, DIRECTORY_LIMIT, 1, DIRECTORY_MAX, &d->limit)) ||
		(e = api_number(q, DIRECTORY_OFFSET, 0, 1000000, &d->offset)))
		return e;
	(void)account_list(&q->batch);
	return NULL;
}

static int
directory_newest(const void *x, const void *y)
{
	const struct account *a = x, *b = y;

	return a->created_us < b->created_us ? 1 : a->created_us > b->created_us ? -1 : 0;
}

static int
directory_active(const void *x, const void *y)
{
	const struct account *a = x, *b = y;

	if (a->last_post_us != b->last_post_us)
		return a->last_post_us < b->last_post_us ? 1 : -1;
	return directory_newest(x, y);
}

static const struct err *
directory_render(struct page_ask *q, struct httpd_reply *out)
{
	const struct directory *d = q->state;
	struct api_statuses all = {0};
	json_t *list = json_own(q->arena, json_array());
	const struct err *e = api_accounts_take(q, &q->batch, 0, &all);

	if (e)
		return e;
	if (all.n_accounts > 1)
		qsort(all.accounts, all.n_accounts, sizeof(*all.accounts),
			span_is(q->param[DIRECTORY_ORDER], "new") ? directory_newest
								  : directory_active);
	for (size_t i = (size_t)d->offset;
		i < all.n_accounts && i < (size_t)(d->offset + d->limit); i++)
		json_array_append_new(list, entity_account(q->arena, q->hub, &all.accounts[i]));
	api_reply(q, out, json_incref(list), 60);
	return NULL;
}

static const struct page directory_page = {
	.params = directory_params,
	.flags = PAGE_CORS,
	.state_size = sizeof(struct directory),
	.query = directory_query,
	.render = directory_render,
};

static const struct route api_account_list[] = {
	WEB_PAGE("/api/v1/accounts/lookup", lookup_page),
	WEB_PAGE("/api/v1/accounts/{id}", account_page),
	WEB_PAGE("/api/v1/accounts/{id}/statuses", statuses_page),
	WEB_PAGE("/api/v1/accounts/{id}/followers", account_none_page),
	WEB_PAGE("/api/v1/accounts/{id}/following", account_none_page),
	WEB_PAGE("/api/v1/accounts/{id}/featured_tags", account_none_page),
	WEB_PAGE("/api/v1/directory", directory_page),
};
const struct route_table api_account_routes = WEB_ROUTES(api_account_list);
