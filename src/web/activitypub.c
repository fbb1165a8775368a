/*
 * What other servers read: actors, their collections, objects and activities.
 *
 * Everything is made from the rows as they are now, also what an activity's id leads to: an
 * edited text is nowhere to be had in its old form, a withdrawn one nowhere at all.
 */
#include <inttypes.h>

#include "ap/activity.h"
#include "ap/ap.h"
#include "ap/object.h"
#include "hub/link.h"
#include "hub/post.h"
#include "web/app.h"

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

static void
reply_document(
	struct page_ask *q, struct httpd_reply *out, enum object_context c, const json_t *j)
{
	out->type = SPAN(AP_TYPE "; charset=utf-8");
	out->body = object_document(q->arena, c, j);
	if (!out->cache_control.p)
		out->cache_control = SPAN("public, max-age=180");
}

/* Ids answer with ActivityPub; a browser is sent on to the page for people. */
static void
reply_redirect(struct httpd_reply *out, struct span location)
{
	out->status = 302;
	out->location = location;
	out->cache_control = SPAN("public, max-age=180");
}

static const struct err *
no_account(struct page_ask *q)
{
	return err_new(q->arena, ERR_NOT_FOUND, "there is no such account here");
}

static const struct err *
no_object(struct page_ask *q)
{
	return err_new(q->arena, ERR_NOT_FOUND, "there is no such object here");
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
		reply_redirect(out, object_actor_url(q->arena, q->hub, &s->acc));
		return NULL;
	}
	if (span_is(s->acc.kind, "instance"))
		out->cache_control = SPAN("public, max-age=600");
	reply_document(q, out, CONTEXT_ACTOR, object_actor(q->arena, q->hub, &s->acc));
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
	reply_document(q, out, CONTEXT_PLAIN,
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

static const struct err *
read_post(struct page_ask *q, size_t i, size_t row, struct post *p, struct post_media **m,
	size_t *n)
{
	const struct db_batch *b = q->next.n ? &q->next : &q->batch;
	const struct err *e = post_row(b, i, row, p);

	return e ? e : post_media_parse(q->arena, p, m, n);
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
	const struct err *e = read_post(q, 0, row, &p, &m, &n);

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
	reply_document(q, out, CONTEXT_NOTE,
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
	reply_document(q, out, CONTEXT_PLAIN,
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
	reply_document(q, out, CONTEXT_NOTE, object_collection_page(q->arena, &page));
	return NULL;
}

static const struct err *
outbox_render(struct page_ask *q, struct httpd_reply *out)
{
	struct actor_state *s = q->state;

	return s->paged ? outbox_page(q, out) : outbox_head(q, out);
}

/* ---- objects ---- */

struct object_state {
	int64_t object;
	struct post post;
	struct post_media *media;
	size_t n_media;
};

static const struct err *
object_id(struct page_ask *q, struct span capture)
{
	struct object_state *s = q->state;
	struct span path = arena_printf(q->arena, "/p/%.*s", SPAN_FMT(capture));

	/* One spelling of a number, as in the ids that we make. */
	if (!link_parse_object(q->hub, link_path(q->arena, q->hub, path), &s->object))
		return no_object(q);
	return NULL;
}

static const struct err *
object_query(struct page_ask *q)
{
	struct object_state *s = q->state;
	const struct err *e = object_id(q, q->capture[0]);

	if (!e)
		(void)post_any(&q->batch, s->object);
	return e;
}

static bool
is_published(const struct object_state *s)
{
	return span_is(s->post.state, "published");
}

static bool
is_withdrawn(const struct object_state *s)
{
	return span_is(s->post.state, "withdrawn");
}

/* What is held or was dropped has never been public. */
static const struct err *
object_load(struct page_ask *q)
{
	struct object_state *s = q->state;
	const struct err *e;

	if (db_rows(&q->batch, 0) == 0)
		return no_object(q);
	if ((e = read_post(q, 0, 0, &s->post, &s->media, &s->n_media)))
		return e;
	return is_published(s) || is_withdrawn(s) ? NULL : no_object(q);
}

static void
object_gone(struct page_ask *q, struct httpd_reply *out, struct span id, const char *former)
{
	struct object_state *s = q->state;

	out->status = 410;
	reply_document(q, out, CONTEXT_PLAIN,
		object_tombstone(q->arena, id, former, s->post.deleted_us));
}

static struct span
object_page_url(struct page_ask *q)
{
	struct object_state *s = q->state;

	return link_status(q->arena, q->hub, s->post.account_slug, s->post.id);
}

static const struct err *
object_render(struct page_ask *q, struct httpd_reply *out)
{
	struct object_state *s = q->state;
	const struct err *e = object_load(q);

	if (e)
		return e;
	if (q->accept == ACCEPT_HTML)
		reply_redirect(out, object_page_url(q));
	else if (is_withdrawn(s))
		object_gone(q, out, link_object(q->arena, q->hub, s->object), "Note");
	else
		reply_document(q, out, CONTEXT_NOTE,
			object_note(q->arena, q->hub, &s->post, s->media, s->n_media));
	return NULL;
}

/* ---- activities: <actor>/a/<object>/<what> ---- */

static const struct account activity_hub = {
	.kind = {.p = "hub", .n = 3}, .slug = {.p = "hub", .n = 3}};

static const struct err *
activity_of_hub(struct page_ask *q, struct span what, struct httpd_reply *out)
{
	struct object_state *s = q->state;
	struct account author = object_author(&s->post);

	if (span_is(what, "announce") && is_withdrawn(s))
		object_gone(q, out,
			link_activity(q->arena, q->hub, &activity_hub, s->object, what),
			"Announce");
	else if (span_is(what, "announce"))
		reply_document(q, out, CONTEXT_PLAIN,
			activity_announce(q->arena, q->hub, &activity_hub, &author, s->object));
	else if (span_is(what, "undo-announce") && is_withdrawn(s))
		reply_document(q, out, CONTEXT_PLAIN,
			activity_undo_announce(
				q->arena, q->hub, &activity_hub, &author, s->object));
	else
		return no_object(q);
	return NULL;
}

/* "update-3" of a post that has been revised at least that often. */
static bool
is_update(const struct object_state *s, struct span what, int64_t *revision)
{
	return span_starts(what, SPAN("update-")) && what.p[7] != '0' &&
	       span_i64(span_slice(what, 7, what.n), 2, s->post.revision, revision);
}

static const struct err *
activity_of_org(struct page_ask *q, struct span what, struct httpd_reply *out)
{
	struct object_state *s = q->state;
	struct account author = object_author(&s->post);
	struct span id = link_activity(q->arena, q->hub, &author, s->object, what);
	bool create = span_is(what, "create");
	struct post p = s->post;

	if (!span_eq(p.account_slug, q->capture[0]))
		return no_object(q);
	if (span_is(what, "delete") && is_withdrawn(s)) {
		reply_document(q, out, CONTEXT_PLAIN,
			activity_delete(q->arena, q->hub, &author, s->object, p.deleted_us));
		return NULL;
	}
	if (!create && !is_update(s, what, &p.revision))
		return no_object(q);
	if (is_withdrawn(s))
		object_gone(q, out, id, create ? "Create" : "Update");
	else
		reply_document(q, out, CONTEXT_NOTE,
			create ? activity_create(q->arena, q->hub, &p, s->media, s->n_media)
			       : activity_update(q->arena, q->hub, &p, s->media, s->n_media));
	return NULL;
}

static bool
activity_is_hubs(const struct page_ask *q)
{
	return !q->capture[2].p;
}

static const struct err *
activity_query(struct page_ask *q)
{
	struct object_state *s = q->state;
	const struct err *e = object_id(q, q->capture[activity_is_hubs(q) ? 0 : 1]);

	if (!e)
		(void)post_any(&q->batch, s->object);
	return e;
}

static const struct err *
activity_render(struct page_ask *q, struct httpd_reply *out)
{
	const struct err *e = object_load(q);

	if (e)
		return e;
	e = activity_is_hubs(q) ? activity_of_hub(q, q->capture[1], out)
				: activity_of_org(q, q->capture[2], out);
	if (!e && q->accept == ACCEPT_HTML) {
		*out = (struct httpd_reply){0};
		reply_redirect(out, object_page_url(q));
	}
	return e;
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

static const struct page object_page = {.flags = PAGE_CORS | PAGE_ACCEPT_AP,
	.state_size = sizeof(struct object_state),
	.query = object_query,
	.render = object_render};
static const struct page activity_page = {.flags = PAGE_CORS | PAGE_ACCEPT_AP,
	.state_size = sizeof(struct object_state),
	.query = activity_query,
	.render = activity_render};

#define FOLLOWED_ROUTES(path, ident)                                                           \
	WEB_PAGE(path, ident##_actor_page.page),                                               \
		WEB_PAGE(path "/outbox", ident##_outbox_page.page),                            \
		WEB_PAGE(path "/followers", ident##_followers_page.page),                      \
		WEB_PAGE(path "/following", ident##_following_page.page),                      \
		WEB_PAGE(path "/featured", ident##_featured_page.page)

/* One flow for all of them: it looks at the path itself. */
#define INBOX_MAX ((size_t)1 << 20)
#define INBOX_ROUTE(path)                                                                      \
	{                                                                                      \
		.methods = HTTPD_POST, .pattern = (path), .site = SITE_MAIN,                   \
		.body_max = INBOX_MAX, .flow = &inbox_flow                                     \
	}

static const struct route activitypub_list[] = {
	INBOX_ROUTE("/inbox"),
	INBOX_ROUTE("/o/{slug}/inbox"),
	INBOX_ROUTE("/hub/inbox"),
	INBOX_ROUTE("/actor/inbox"),
	FOLLOWED_ROUTES("/o/{slug}", org),
	FOLLOWED_ROUTES("/hub", hub),
	WEB_PAGE("/actor", instance_actor_page.page),
	WEB_PAGE("/actor/outbox", instance_outbox_page.page),
	WEB_PAGE("/p/{id}", object_page),
	WEB_PAGE("/o/{slug}/a/{object}/{what}", activity_page),
	WEB_PAGE("/hub/a/{object}/{what}", activity_page),
};
const struct route_table activitypub_routes = WEB_ROUTES(activitypub_list);
