/* A post's own page, /@{slug}/{id}: what links to it and what search engines keep. */
#include "base/text.h"
#include "hub/compose.h"
#include "hub/link.h"
#include "web/html.h"

#define FURTHER 3 /* posts of the same organisation that follow */
#define DESCRIPTION_MAX 200

struct status {
	size_t query, account, further;
	struct post post;
	struct account acc;
};

static const char *const status_params[] = {"lang", NULL};

static const struct err *
status_missing(struct page_ask *q)
{
	return err_new(q->arena, ERR_NOT_FOUND, "there is no such post");
}

static const struct err *
status_query(struct page_ask *q)
{
	struct status *s = q->state;
	struct span id = q->capture[1];
	int64_t n;

	/* One spelling only: "007" is no second address of 7. */
	if (!id.n || id.p[0] == '0' || !span_i64(id, 1, INT64_MAX, &n))
		return status_missing(q);
	html_query(q);
	s->query = post_any(&q->batch, n);
	s->account = account_by_slug(&q->batch, q->capture[0]);
	return NULL;
}

static const struct err *
status_more(struct page_ask *q)
{
	struct status *s = q->state;
	const struct err *e;

	if (db_rows(&q->batch, s->query) == 0 || db_rows(&q->batch, s->account) == 0)
		return status_missing(q);
	if ((e = post_row(&q->batch, s->query, 0, &s->post)) ||
		(e = account_row(&q->batch, s->account, 0, &s->acc)))
		return e;
	if (s->post.account != s->acc.id)
		return status_missing(q);
	if (span_is(s->post.state, "withdrawn"))
		return err_new(q->arena, ERR_GONE, "this post has been withdrawn");
	if (!span_is(s->post.state, "published"))
		return status_missing(q);
	if (q->accept == ACCEPT_HTML)
		s->further = post_page(&q->next,
			&(struct post_page){
				.account = s->acc.id, .max_id = s->post.id, .limit = FURTHER});
	return NULL;
}

static const struct err *
status_further(struct page_ask *q, const struct model *m, json_t *root)
{
	struct status *s = q->state;
	json_t *list = json_array();

	json_object_set_new(root, "further", list);
	for (size_t i = 0; i < db_rows(&q->next, s->further); i++) {
		struct post p;
		struct span url;
		json_t *j;
		const struct err *e = post_row(&q->next, s->further, i, &p);

		if (e)
			return e;
		url = link_status(q->arena, q->hub, p.account_slug, p.id);
		j = json_object();
		json_object_set_new(j, "href", json_str(model_href(m, url)));
		json_object_set_new(j, "title", json_str(compose_headline(q->arena, &p, 100)));
		json_object_set_new(j, "lang", json_str(p.language));
		json_object_set_new(j, "published", model_time(m, p.published_us));
		json_array_append_new(list, j);
	}
	return NULL;
}

static struct model_frame
status_frame(struct page_ask *q, const struct model *m)
{
	struct status *s = q->state;
	struct span url = link_status(q->arena, q->hub, s->acc.slug, s->post.id);
	struct span headline = compose_headline(q->arena, &s->post, 100);
	struct span text = text_clean_line(q->arena, s->post.text, DESCRIPTION_MAX + 1);

	if (!headline.n)
		headline = model_say(m, "Post by {name}", "name", s->acc.name);
	return (struct model_frame){
		.title = arena_printf(
			q->arena, "%.*s – %.*s", SPAN_FMT(headline), SPAN_FMT(s->acc.name)),
		.description = text_truncate(q->arena, text, DESCRIPTION_MAX),
		.path = span_slice(url, q->hub->base.n, url.n),
	};
}

static const struct err *
status_render(struct page_ask *q, struct httpd_reply *out)
{
	struct status *s = q->state;
	struct span object = link_object(q->arena, q->hub, s->post.id);
	struct model_frame f;
	struct model m;
	json_t *root, *post;
	const struct err *e = html_model(q, &m);

	if (e)
		return e;
	if (q->accept == ACCEPT_AP) {
		html_redirect(q, object, out);
		return NULL;
	}
	f = status_frame(q, &m);
	root = model_page(&m, &f);
	json_object_set_new(json_object_get(root, "page"), "activity", json_str(object));
	if ((e = model_post(&m, &s->post, &s->acc, MODEL_WHOLE | MODEL_FIRST, &post)) ||
		(e = model_card(&m, &s->post, root)) || (e = status_further(q, &m, root)))
		return e;
	json_object_set(root, "post", post);
	return html_reply(q, &m, "status", root, out);
}

static const struct page status_page = {
	.params = status_params,
	.flags = PAGE_LANG | PAGE_ACCEPT_HTML,
	.state_size = sizeof(struct status),
	.query = status_query,
	.more = status_more,
	.render = status_render,
};

static const struct route status_list[] = {
	WEB_PAGE("/@{slug}/{id}", status_page),
};
const struct route_table status_routes = WEB_ROUTES(status_list);
