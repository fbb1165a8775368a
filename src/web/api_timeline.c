/* GET /api/v1/timelines/public and /tag/{tag}: newest first, no boosts, no replies. */
#include "base/codec.h"
#include "web/api.h"

#define TAG_MAX 200

enum public_param {
	PUBLIC_LOCAL = RANGE_PARAMS,
	PUBLIC_REMOTE,
	PUBLIC_ONLY_MEDIA,
};
static const char *const public_params[] = {
	API_RANGE_NAMES, "local", "remote", "only_media", NULL};

static const struct err *
timeline_accounts(struct page_ask *q)
{
	struct api_statuses *s = q->state;
	const struct err *e = NULL;

	if (q->batch.n > 0)
		e = api_statuses_take(q, &q->batch, 0, s);
	if (!e)
		api_statuses_accounts(q, s);
	return e;
}

/* Content of partner hubs is what `remote` will show; without any there is none. */
static const struct err *
public_query(struct page_ask *q)
{
	struct api_statuses *s = q->state;
	const struct err *e = api_range(q, s);

	s->page.only_media = api_flag(q, PUBLIC_ONLY_MEDIA);
	if (!e && !api_flag(q, PUBLIC_REMOTE))
		(void)post_page(&q->batch, &s->page);
	return e;
}

static const struct err *
public_render(struct page_ask *q, struct httpd_reply *out)
{
	struct api_statuses *s = q->state;
	const struct err *e = api_accounts_take(q, &q->next, 0, s);

	return e ? e : api_statuses_reply(q, s, SPAN("/api/v1/timelines/public"), out);
}

static const struct page public_page = {
	.params = public_params,
	.flags = PAGE_CORS,
	.state_size = sizeof(struct api_statuses),
	.query = public_query,
	.more = timeline_accounts,
	.render = public_render,
};

static const struct err *
tag_query(struct page_ask *q)
{
	struct api_statuses *s = q->state;
	const struct err *e = api_range(q, s);
	struct span tag = q->capture[0];

	if (!e && tag.n > TAG_MAX)
		e = err_new(
			q->arena, ERR_UNPROCESSABLE, "a hashtag has at most %d bytes", TAG_MAX);
	s->page.only_media = api_flag(q, PUBLIC_ONLY_MEDIA);
	s->page.tag = tag;
	if (!e && !api_flag(q, PUBLIC_REMOTE))
		(void)post_page(&q->batch, &s->page);
	return e;
}

static const struct err *
tag_render(struct page_ask *q, struct httpd_reply *out)
{
	struct api_statuses *s = q->state;
	struct span tag = percent_encode(q->arena, q->capture[0]);
	const struct err *e = api_accounts_take(q, &q->next, 0, s);

	return e ? e
		 : api_statuses_reply(q, s,
			   arena_printf(q->arena, "/api/v1/timelines/tag/%.*s", SPAN_FMT(tag)),
			   out);
}

static const struct page tag_page = {
	.params = public_params,
	.flags = PAGE_CORS,
	.state_size = sizeof(struct api_statuses),
	.query = tag_query,
	.more = timeline_accounts,
	.render = tag_render,
};

static const struct route api_timeline_list[] = {
	WEB_PAGE("/api/v1/timelines/public", public_page),
	WEB_PAGE("/api/v1/timelines/tag/{tag}", tag_page),
};
const struct route_table api_timeline_routes = WEB_ROUTES(api_timeline_list);
