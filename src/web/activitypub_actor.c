/* Actors and their collections, for other servers. */
#include <inttypes.h>

#include "ap/activity.h"
#include "hub/link.h"
#include "hub/post.h"
#include "web/activitypub.h"

#define AP_PAGE_ITEMS 40
#define AP_FEATURED_ITEMS 5

/* Whose page it is, beside the page itself. */
struct actor_page {
	struct page page;
	const char *slug; /* NULL = an organisation, the first capture */
	enum link_part part;
};

struct actor_state {
	struct account acc;
	bool paged, upward;
	int64_t max_id, min_id;
};

static const struct actor_page *
ask_actor_page(const struct page_ask *q)
{
	return (const struct actor_page *)(const void *)q->page;
}

static const struct err *
no_account(struct page_ask *q)
{
	return err_new(q->arena, ERR_NOT_FOUND, "there is no such account here");
}

/* ---- actors ---- */

static const struct err *
actor_query(struct page_ask *q)
{
	const struct actor_page *p = ask_actor_page(q);

	if (!p->slug && account_slug_check(q->arena, q->capture[0]))
		return no_account(q);
	(void)account_by_slug(&q->batch, p->slug ? span_of(p->slug) : q->capture[0]);
	return NULL;
}

static const struct err *
actor_load(struct page_ask *q)
{
	struct actor_state *s = q->state;

	if (db_rows(&q->batch, 0) == 0)
		return no_account(q);
	return account_row(&q->batch, 0, 0, &s->acc);
}

static const struct err *
actor_render(struct page_ask *q, struct httpd_reply *out)
{
	struct actor_state *s = q->state;
	const struct err *e = actor_load(q);

	if (e)
		return e;
	if (q->accept == ACCEPT_HTML) {
		activitypub_redirect(out, object_actor_url(q->arena, q->hub, &s->acc));
		return NULL;
	}
	if (span_is(s->acc.kind, "instance"))
		out->cache_control = SPAN("public, max-age=600");
	activitypub_document(q, out, CONTEXT_ACTOR, object_actor(q->arena, q->hub, &s->acc));
	return NULL;
}

/* ---- followers, following: how many, not who ---- */

static const struct err *
count_render(struct page_ask *q, struct httpd_reply *out)
{
	struct actor_state *s = q->state;
	enum link_part part = ask_actor_page(q)->part;
	const struct err *e = actor_load(q);

	if (e)
		return e;
	activitypub_document(q, out, CONTEXT_PLAIN,
		object_collection(q->arena, link_actor(q->arena, q->hub, &s->acc, part),
			part == LINK_FOLLOWERS ? s->acc.followers_count : 0, SPAN_NONE,
			SPAN_NONE));
	return NULL;
}

/* ---- posts of an actor ---- */

static bool
is_hub(const struct actor_state *s)
{
	return span_is(s->acc.kind, "hub");
}

/* The instance says nothing; the hub announces everything. */
static bool
has_posts(const struct actor_state *s)
{
	return !span_is(s->acc.kind, "instance");
}

/* Notes as they are, or the activities that say them. */
static const struct err *
add_post(struct page_ask *q, size_t row, bool bare, json_t *items)
{
	struct actor_state *s = q->state;
	struct post_media *m;
	struct account author;
	struct post p;
	size_t n;
	const struct err *e = post_row(&q->next, 0, row, &p);

	if (!e)
		e = post_media_parse(q->arena, &p, &m, &n);
	if (e)
		return e;
	author = object_author(&p);
	if (bare)
		json_array_append(items, object_note(q->arena, q->hub, &p, m, n));
	else if (is_hub(s))
		json_array_append(
			items, activity_announce(q->arena, q->hub, &s->acc, &author, p.id));
	else
		json_array_append(items, activity_create(q->arena, q->hub, &p, m, n));
	return NULL;
}

static const struct err *
featured_more(struct page_ask *q)
{
	struct actor_state *s = q->state;
	const struct err *e = actor_load(q);
	const struct post_page page = {.account = s->acc.id, .limit = AP_FEATURED_ITEMS};

	/* Only an actor's own posts can be pinned: the hub has none. */
	if (!e && span_is(s->acc.kind, "organization"))
		(void)post_page(&q->next, &page);
	return e;
}

static const struct err *
featured_render(struct page_ask *q, struct httpd_reply *out)
{
	struct actor_state *s = q->state;
	json_t *items = json_own(q->arena, json_array());
	const struct err *e = NULL;

	for (size_t i = 0; !e && q->next.n && i < db_rows(&q->next, 0); i++)
		e = add_post(q, i, true, items);
	if (e)
		return e;
	activitypub_document(q, out, CONTEXT_NOTE,
		object_collection_whole(
			q->arena, link_actor(q->arena, q->hub, &s->acc, LINK_FEATURED), items));
	return NULL;
}

/* ---- outbox ---- */

static const char *const outbox_params[] = {"page", "max_id", "min_id", NULL};

static const struct err *
outbox_place(struct page_ask *q, struct span v, int64_t *out)
{
	if (v.p && !span_i64(v, 0, INT64_MAX, out))
		return err_new(q->arena, ERR_INPUT,
			"max_id and min_id are ids of posts: follow \"next\" and \"prev\"");
	return NULL;
}

static const struct err *
outbox_query(struct page_ask *q)
{
	struct actor_state *s = q->state;
	const struct err *e = actor_query(q);

	s->paged = q->param[0].p != NULL;
	if (!e)
		e = outbox_place(q, q->param[1], &s->max_id);
	if (!e)
		e = outbox_place(q, q->param[2], &s->min_id);
	s->upward = s->min_id > 0;
	if (!e && !s->paged)
		(void)post_counts(&q->batch);
	return e;
}

static const struct err *
outbox_more(struct page_ask *q)
{
	struct actor_state *s = q->state;
	const struct err *e = actor_load(q);
	const struct post_page page = {.account = is_hub(s) ? 0 : s->acc.id,
		.max_id = s->max_id,
		.min_id = s->min_id,
		.limit = AP_PAGE_ITEMS + 1};

	if (!e && s->paged && has_posts(s))
		(void)post_page(&q->next, &page);
	return e;
}

static struct span
outbox_link(struct page_ask *q, const char *place, int64_t id)
{
	struct actor_state *s = q->state;
	struct span self = link_actor(q->arena, q->hub, &s->acc, LINK_OUTBOX);

	if (!place)
		return arena_printf(q->arena, "%.*s?page=true", SPAN_FMT(self));
	return arena_printf(q->arena, "%.*s?page=true&%s=%" PRId64, SPAN_FMT(self), place, id);
}

static const struct err *
outbox_head(struct page_ask *q, struct httpd_reply *out)
{
	struct actor_state *s = q->state;
	int64_t total = has_posts(s) ? s->acc.posts_count : 0, accounts;
	const struct err *e = NULL;

	if (is_hub(s))
		e = post_counts_row(&q->batch, 1, &total, &accounts);
	if (e)
		return e;
	activitypub_document(q, out, CONTEXT_PLAIN,
		object_collection(q->arena, link_actor(q->arena, q->hub, &s->acc, LINK_OUTBOX),
			total, total ? outbox_link(q, NULL, 0) : SPAN_NONE,
			total ? outbox_link(q, "min_id", 1) : SPAN_NONE));
	return NULL;
}

static int64_t
row_id(struct page_ask *q, size_t row)
{
	struct post p;

	return post_row(&q->next, 0, row, &p) ? 0 : p.id;
}

/* One row more than a page was asked for; it only says that the way goes on. */
static const struct err *
outbox_page(struct page_ask *q, struct httpd_reply *out)
{
	struct actor_state *s = q->state;
	size_t rows = q->next.n ? db_rows(&q->next, 0) : 0;
	bool over = rows > AP_PAGE_ITEMS;
	size_t from = over && s->upward, to = rows - (over && !s->upward);
	struct object_page page = {
		.part_of = link_actor(q->arena, q->hub, &s->acc, LINK_OUTBOX),
		.items = json_own(q->arena, json_array())};
	const struct err *e = NULL;

	page.id = s->upward   ? outbox_link(q, "min_id", s->min_id)
		  : s->max_id ? outbox_link(q, "max_id", s->max_id)
			      : outbox_link(q, NULL, 0);
	for (size_t i = from; !e && i < to; i++)
		e = add_post(q, i, false, page.items);
	if (e)
		return e;
	if (to > from && (s->upward ? s->min_id > 1 : over))
		page.next = outbox_link(q, "max_id", row_id(q, to - 1));
	if (to > from && (s->upward ? over : s->max_id > 0))
		page.prev = outbox_link(q, "min_id", row_id(q, from));
	out->cache_control = SPAN("public, max-age=60");
	activitypub_document(q, out, CONTEXT_NOTE, object_collection_page(q->arena, &page));
	return NULL;
}

static const struct err *
outbox_render(struct page_ask *q, struct httpd_reply *out)
{
	struct actor_state *s = q->state;

	return s->paged ? outbox_page(q, out) : outbox_head(q, out);
}

/* ---- the table ---- */

#define ACTOR(ident, slug_)                                                                    \
	static const struct actor_page ident##_actor_page = {                                  \
		.page = {.flags = PAGE_CORS | PAGE_ACCEPT_AP,                                  \
			.state_size = sizeof(struct actor_state),                              \
			.query = actor_query,                                                  \
			.render = actor_render},                                               \
		.slug = (slug_)};                                                              \
	static const struct actor_page ident##_outbox_page = {                                 \
		.page = {.params = outbox_params,                                              \
			.flags = PAGE_CORS,                                                    \
			.state_size = sizeof(struct actor_state),                              \
			.query = outbox_query,                                                 \
			.more = outbox_more,                                                   \
			.render = outbox_render},                                              \
		.slug = (slug_)}

#define FOLLOWED(ident, slug_)                                                                 \
	ACTOR(ident, slug_);                                                                   \
	static const struct actor_page ident##_featured_page = {                               \
		.page = {.flags = PAGE_CORS,                                                   \
			.state_size = sizeof(struct actor_state),                              \
			.query = actor_query,                                                  \
			.more = featured_more,                                                 \
			.render = featured_render},                                            \
		.slug = (slug_)};                                                              \
	COUNT(ident, followers, slug_, LINK_FOLLOWERS);                                        \
	COUNT(ident, following, slug_, LINK_FOLLOWING)

#define COUNT(ident, what, slug_, part_)                                                       \
	static const struct actor_page ident##_##what##_page = {                               \
		.page = {.flags = PAGE_CORS,                                                   \
			.state_size = sizeof(struct actor_state),                              \
			.query = actor_query,                                                  \
			.render = count_render},                                               \
		.slug = (slug_),                                                               \
		.part = (part_)}

FOLLOWED(org, NULL);
FOLLOWED(hub, "hub");
ACTOR(instance, "actor");

#define FOLLOWED_ROUTES(path, ident)                                                           \
	WEB_PAGE(path, ident##_actor_page.page),                                               \
		WEB_PAGE(path "/outbox", ident##_outbox_page.page),                            \
		WEB_PAGE(path "/followers", ident##_followers_page.page),                      \
		WEB_PAGE(path "/following", ident##_following_page.page),                      \
		WEB_PAGE(path "/featured", ident##_featured_page.page)

static const struct route activitypub_actor_list[] = {
	FOLLOWED_ROUTES("/o/{slug}", org),
	FOLLOWED_ROUTES("/hub", hub),
	WEB_PAGE("/actor", instance_actor_page.page),
	WEB_PAGE("/actor/outbox", instance_outbox_page.page),
};
const struct route_table activitypub_actor_routes = WEB_ROUTES(activitypub_actor_list);
