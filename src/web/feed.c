/* /feed.*, /@slug.*, /tags/tag.*: the newest posts for feed readers. */
#include "base/codec.h"
#include "hub/link.h"
#include "web/app.h"
#include "web/newsfeed.h"
#include "web/site.h"

#define FEED_POSTS 40
#define FEED_TAG_MAX 200

struct feed_format {
	const char *ext;
	struct span type;
	void (*write)(struct arena *a, struct buf *b, const struct newsfeed *f);
};

static const struct feed_format feed_atom = {
	"atom", {"application/atom+xml; charset=utf-8", 35}, newsfeed_atom};
static const struct feed_format feed_rss = {
	"rss", {"application/rss+xml; charset=utf-8", 34}, newsfeed_rss};
static const struct feed_format feed_json = {
	"json", {"application/feed+json; charset=utf-8", 36}, newsfeed_json};

struct feed_page {
	struct page page; /* first: a page of this file is one of these */
	const struct feed_format *format;
};

struct feed_state {
	size_t site, account, posts; /* numbers of the statements */
	struct account acc;
	struct newsfeed feed;
	struct newsfeed_item *items;
};

static const struct feed_format *
feed_format(const struct page_ask *q)
{
	return ((const struct feed_page *)q->page)->format;
}

/* ---- all, one institution, one hashtag ---- */

static const struct err *
feed_all_query(struct page_ask *q)
{
	struct feed_state *st = q->state;

	st->site = site_query(&q->batch);
	st->posts = post_page(&q->batch, &(const struct post_page){.limit = FEED_POSTS});
	return NULL;
}

static const struct err *
feed_tag_query(struct page_ask *q)
{
	struct feed_state *st = q->state;
	const struct post_page page = {.limit = FEED_POSTS, .tag = q->capture[0]};

	if (q->capture[0].n > FEED_TAG_MAX)
		return err_new(q->arena, ERR_NOT_FOUND, "no hashtag is that long");
	st->site = site_query(&q->batch);
	st->posts = post_page(&q->batch, &page);
	return NULL;
}

static const struct err *
feed_org_query(struct page_ask *q)
{
	struct feed_state *st = q->state;

	st->site = site_query(&q->batch);
	st->account = account_by_slug(&q->batch, q->capture[0]);
	return NULL;
}

static const struct err *
feed_take_posts(struct page_ask *q, const struct db_batch *b, size_t i)
{
	struct feed_state *st = q->state;
	const struct err *e = NULL;

	st->feed.n = db_rows(b, i);
	st->items = ARENA_ARRAY(q->arena, st->feed.n, struct newsfeed_item);
	for (size_t row = 0; !e && row < st->feed.n; row++) {
		struct newsfeed_item *it = &st->items[row];
		struct post *p = ARENA_NEW(q->arena, struct post);
		struct post_media *m;

		e = post_row(b, i, row, p);
		if (!e)
			e = post_media_parse(q->arena, p, &m, &it->n_media);
		if (e)
			break;
		it->post = p;
		it->media = m;
	}
	st->feed.items = st->items;
	return e;
}

static const struct err *
feed_all_more(struct page_ask *q)
{
	struct feed_state *st = q->state;
	const struct err *e = feed_take_posts(q, &q->batch, st->posts);
	int64_t *ids = ARENA_ARRAY(q->arena, FEED_POSTS, int64_t);

	if (e)
		return e;
	for (size_t i = 0; i < st->feed.n; i++)
		ids[i] = st->items[i].post->account;
	if (st->feed.n > 0)
		(void)account_by_ids(&q->next, ids, st->feed.n);
	return NULL;
}

static const struct err *
feed_org_more(struct page_ask *q)
{
	struct feed_state *st = q->state;
	const struct err *e;

	if (db_rows(&q->batch, st->account) == 0)
		return err_new(q->arena, ERR_NOT_FOUND, "there is no such institution");
	e = account_row(&q->batch, st->account, 0, &st->acc);
	if (!e && span_is(st->acc.kind, "instance"))
		e = err_new(q->arena, ERR_NOT_FOUND, "there is no such institution");
	if (!e)
		st->posts = post_page(&q->next,
			&(const struct post_page){
				.limit = FEED_POSTS,
				.account = span_is(st->acc.kind, "hub") ? 0 : st->acc.id,
			});
	/* The hub shares everybody's posts. */
	if (!e && span_is(st->acc.kind, "hub"))
		(void)account_list(&q->next);
	return e;
}

/* ---- writing ---- */

static const struct err *
feed_authors(struct page_ask *q, const struct db_batch *b, size_t i)
{
	struct feed_state *st = q->state;
	const size_t n = i < b->n ? db_rows(b, i) : 0;
	struct account *accounts = ARENA_ARRAY(q->arena, n, struct account);

	for (size_t row = 0; row < n; row++) {
		const struct err *e = account_row(b, i, row, &accounts[row]);

		if (e)
			return e;
	}
	for (size_t k = 0; k < st->feed.n; k++) {
		for (size_t row = 0; row < n; row++)
			if (accounts[row].id == st->items[k].post->account)
				st->items[k].by = &accounts[row];
		if (!st->items[k].by) /* between the two queries */
			return err_new(q->arena, ERR_UNAVAILABLE, "try again");
	}
	return NULL;
}

/* path: what stands before the dot. */
static const struct err *
feed_reply(struct page_ask *q, struct span path, struct span home, struct httpd_reply *out)
{
	struct feed_state *st = q->state;
	const struct feed_format *format = feed_format(q);
	struct buf b;

	st->feed.hub = q->hub;
	st->feed.home = link_path(q->arena, q->hub, home);
	st->feed.self = arena_printf(
		q->arena, "%.*s%.*s.%s", SPAN_FMT(q->hub->base), SPAN_FMT(path), format->ext);
	buf_init(&b, NEWSFEED_MAX);
	format->write(q->arena, &b, &st->feed);
	out->type = format->type;
	out->body = arena_dup(q->arena, buf_span(&b));
	out->cache_control =
		SPAN("public, max-age=60, stale-while-revalidate=60, stale-if-error=60");
	buf_fini(&b);
	return b.toobig ? err_new(q->arena, ERR_INTERNAL, "the feed has grown too large")
			: NULL;
}

static const struct err *
feed_all_render(struct page_ask *q, struct httpd_reply *out)
{
	struct feed_state *st = q->state;
	struct site site;
	const struct err *e = site_take(q, &q->batch, st->site, &site);

	if (!e)
		e = feed_authors(q, &q->next, 0);
	if (e)
		return e;
	st->feed.title = site.name;
	st->feed.description = site.description;
	st->feed.language = SPAN("de");
	return feed_reply(q, SPAN("/feed"), SPAN("/"), out);
}

static const struct err *
feed_tag_render(struct page_ask *q, struct httpd_reply *out)
{
	struct feed_state *st = q->state;
	struct site site;
	struct span tag = q->capture[0], path;
	const struct err *e = site_take(q, &q->batch, st->site, &site);

	if (!e)
		e = feed_authors(q, &q->next, 0);
	if (e)
		return e;
	st->feed.title =
		arena_printf(q->arena, "#%.*s · %.*s", SPAN_FMT(tag), SPAN_FMT(site.name));
	st->feed.description = site.description;
	st->feed.language = SPAN("de");
	tag = percent_encode(q->arena, tag);
	path = arena_printf(q->arena, "/tags/%.*s", SPAN_FMT(tag));
	return feed_reply(q, path, path, out);
}

static const struct err *
feed_org_render(struct page_ask *q, struct httpd_reply *out)
{
	struct feed_state *st = q->state;
	struct site site;
	struct span path;
	const struct err *e = site_take(q, &q->batch, st->site, &site);

	if (!e)
		e = feed_take_posts(q, &q->next, 0);
	for (size_t i = 0; !e && i < st->feed.n; i++)
		st->items[i].by = &st->acc;
	if (!e && span_is(st->acc.kind, "hub"))
		e = feed_authors(q, &q->next, 1);
	if (e)
		return e;
	st->feed.title = span_is(st->acc.kind, "hub") ? site.name : st->acc.name;
	st->feed.description = st->acc.summary;
	st->feed.language = st->acc.language;
	if (st->acc.avatar_blob.p)
		st->feed.icon = link_media(q->arena, q->hub, st->acc.avatar_blob);
	path = arena_printf(q->arena, "/@%.*s", SPAN_FMT(st->acc.slug));
	return feed_reply(q, path, path, out);
}

#define FEED_PAGE(name_, scope_, format_)                                                      \
	static const struct feed_page name_ = {                                                \
		.page = {.flags = PAGE_CORS,                                                   \
			.state_size = sizeof(struct feed_state),                               \
			.query = feed_##scope_##_query,                                        \
			.more = feed_##scope_##_more,                                          \
			.render = feed_##scope_##_render},                                     \
		.format = &feed_##format_}
#define feed_tag_more feed_all_more

FEED_PAGE(feed_all_atom, all, atom);
FEED_PAGE(feed_all_rss, all, rss);
FEED_PAGE(feed_all_json, all, json);
FEED_PAGE(feed_org_atom, org, atom);
FEED_PAGE(feed_org_rss, org, rss);
FEED_PAGE(feed_org_json, org, json);
FEED_PAGE(feed_tag_atom, tag, atom);
FEED_PAGE(feed_tag_rss, tag, rss);
FEED_PAGE(feed_tag_json, tag, json);

static const struct route feed_list[] = {
	WEB_PAGE("/feed.atom", feed_all_atom.page),
	WEB_PAGE("/feed.rss", feed_all_rss.page),
	WEB_PAGE("/feed.json", feed_all_json.page),
	WEB_PAGE("/@{slug}.atom", feed_org_atom.page),
	WEB_PAGE("/@{slug}.rss", feed_org_rss.page),
	WEB_PAGE("/@{slug}.json", feed_org_json.page),
	WEB_PAGE("/tags/{tag}.atom", feed_tag_atom.page),
	WEB_PAGE("/tags/{tag}.rss", feed_tag_rss.page),
	WEB_PAGE("/tags/{tag}.json", feed_tag_json.page),
};
const struct route_table feed_routes = WEB_ROUTES(feed_list);
