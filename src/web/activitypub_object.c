/*
 * Objects and activities by their ids, for other servers.
 *
 * Everything is made from the rows as they are now, also what an activity's id leads to: an
 * edited text is nowhere to be had in its old form, a withdrawn one nowhere at all.
 */
#include "ap/activity.h"
#include "hub/link.h"
#include "hub/post.h"
#include "web/activitypub.h"

static const struct err *
no_object(struct page_ask *q)
{
	return err_new(q->arena, ERR_NOT_FOUND, "there is no such object here");
}

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
	if ((e = post_row(&q->batch, 0, 0, &s->post)) ||
		(e = post_media_parse(q->arena, &s->post, &s->media, &s->n_media)))
		return e;
	return is_published(s) || is_withdrawn(s) ? NULL : no_object(q);
}

static void
object_gone(struct page_ask *q, struct httpd_reply *out, struct span id, const char *former)
{
	struct object_state *s = q->state;

	out->status = 410;
	activitypub_document(q, out, CONTEXT_PLAIN,
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
		activitypub_redirect(out, object_page_url(q));
	else if (is_withdrawn(s))
		object_gone(q, out, link_object(q->arena, q->hub, s->object), "Note");
	else
		activitypub_document(q, out, CONTEXT_NOTE,
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
		activitypub_document(q, out, CONTEXT_PLAIN,
			activity_announce(q->arena, q->hub, &activity_hub, &author, s->object));
	else if (span_is(what, "undo-announce") && is_withdrawn(s))
		activitypub_document(q, out, CONTEXT_PLAIN,
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
		activitypub_document(q, out, CONTEXT_PLAIN,
			activity_delete(q->arena, q->hub, &author, s->object, p.deleted_us));
		return NULL;
	}
	if (!create && !is_update(s, what, &p.revision))
		return no_object(q);
	if (is_withdrawn(s))
		object_gone(q, out, id, create ? "Create" : "Update");
	else
		activitypub_document(q, out, CONTEXT_NOTE,
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
		activitypub_redirect(out, object_page_url(q));
	}
	return e;
}

/* ---- the table ---- */

static const struct page object_page = {.flags = PAGE_CORS | PAGE_ACCEPT_AP,
	.state_size = sizeof(struct object_state),
	.query = object_query,
	.render = object_render};
static const struct page activity_page = {.flags = PAGE_CORS | PAGE_ACCEPT_AP,
	.state_size = sizeof(struct object_state),
	.query = activity_query,
	.render = activity_render};

static const struct route activitypub_object_list[] = {
	WEB_PAGE("/p/{id}", object_page),
	WEB_PAGE("/o/{slug}/a/{object}/{what}", activity_page),
	WEB_PAGE("/hub/a/{object}/{what}", activity_page),
};
const struct route_table activitypub_object_routes = WEB_ROUTES(activitypub_object_list);
