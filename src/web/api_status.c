/* GET /api/v1/statuses/{id} and what hangs below it. */
#include "web/api.h"

static const struct err *
status_query(struct page_ask *q)
{
	int64_t id;
	const struct err *e = api_path_id(q, &id);

	if (!e)
		(void)post_public(&q->batch, id);
	return e;
}

static const struct err *
status_more(struct page_ask *q)
{
	struct api_statuses *s = q->state;
	const struct err *e;

	s->page.limit = 2;
	e = api_statuses_take(q, &q->batch, 0, s);
	if (!e && s->n == 0)
		e = api_not_found(q);
	if (!e)
		api_statuses_accounts(q, s);
	return e;
}

static const struct err *
status_render(struct page_ask *q, struct httpd_reply *out)
{
	struct api_statuses *s = q->state;
	json_t *j;
	const struct err *e = api_accounts_take(q, &q->next, 0, s);

	if (!e)
		e = api_status_json(q, s, &s->posts[0], &j);
	if (!e)
		api_reply(q, out, j, 60);
	return e;
}

static const struct page status_page = {
	.flags = PAGE_CORS,
	.state_size = sizeof(struct api_statuses),
	.query = status_query,
	.more = status_more,
	.render = status_render,
};

/* Of the versions only the present one is public; it is dated by its edit. */
static const struct err *
history_render(struct page_ask *q, struct httpd_reply *out)
{
	static const char *const kept[] = {"content", "spoiler_text", "sensitive", "account",
		"media_attachments", "emojis"};
	struct api_statuses *s = q->state;
	json_t *j, *version = json_own(q->arena, json_object());
	const struct err *e = api_accounts_take(q, &q->next, 0, s);

	if (!e)
		e = api_status_json(q, s, &s->posts[0], &j);
	if (e)
		return e;
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		json_object_set(version, kept[i], json_object_get(j, kept[i]));
	json_object_set(version, "created_at",
		json_object_get(
			j, s->posts[0].edited_us == TIME_NONE ? "created_at" : "edited_at"));
	json_decref(j);
	api_reply(q, out, json_pack("[O]", version), 60);
	return NULL;
}

static const struct page history_page = {
	.flags = PAGE_CORS,
	.state_size = sizeof(struct api_statuses),
	.query = status_query,
	.more = status_more,
	.render = history_render,
};

/* ---- below: the status must exist, what is asked about it is empty or simple ---- */

static const struct err *
status_found(struct page_ask *q)
{
	return db_rows(&q->batch, 0) > 0 ? NULL : api_not_found(q);
}

static const struct err *
context_render(struct page_ask *q, struct httpd_reply *out)
{
	api_reply(q, out, json_pack("{s:[],s:[]}", "ancestors", "descendants"), 60);
	return NULL;
}

static const struct err *
none_render(struct page_ask *q, struct httpd_reply *out)
{
	api_reply(q, out, json_array(), 60);
	return NULL;
}

/* Mastodon answers {} where a status has no preview card. */
static const struct err *
card_render(struct page_ask *q, struct httpd_reply *out)
{
	api_reply(q, out, json_object(), 60);
	return NULL;
}

static const struct err *
source_render(struct page_ask *q, struct httpd_reply *out)
{
	struct post p;
	const struct err *e = post_row(&q->batch, 0, 0, &p);

	if (!e)
		api_reply(q, out,
			json_pack("{s:o,s:o,s:s}", "id", entity_id(q->arena, p.id), "text",
				json_str(p.text), "spoiler_text", ""),
			60);
	return e;
}

#define STATUS_PAGE(name_, render_)                                                            \
	static const struct page name_ = {.flags = PAGE_CORS,                                  \
		.query = status_query,                                                         \
		.more = status_found,                                                          \
		.render = (render_)}
STATUS_PAGE(context_page, context_render);
STATUS_PAGE(none_page, none_render);
STATUS_PAGE(card_page, card_render);
STATUS_PAGE(source_page, source_render);

static const struct route api_status_list[] = {
	WEB_PAGE("/api/v1/statuses/{id}", status_page),
	WEB_PAGE("/api/v1/statuses/{id}/context", context_page),
	WEB_PAGE("/api/v1/statuses/{id}/card", card_page),
	WEB_PAGE("/api/v1/statuses/{id}/history", history_page),
	WEB_PAGE("/api/v1/statuses/{id}/source", source_page),
	WEB_PAGE("/api/v1/statuses/{id}/reblogged_by", none_page),
	WEB_PAGE("/api/v1/statuses/{id}/favourited_by", none_page),
	WEB_PAGE("/api/v1/statuses/{id}/quotes", none_page),
};
const struct route_table api_status_routes = WEB_ROUTES(api_status_list);
