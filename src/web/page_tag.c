/* Everything about one topic, /tags/{tag}. */
#include "hub/link.h"
#include "web/html.h"

#define TAG_MAX 100 /* bytes, see hub/ingest.c */

struct tag {
	size_t accounts;
	struct html_posts posts;
};

static const char *const tag_params[] = {"lang", "max_id", "min_id", NULL};

static const struct err *
tag_query(struct page_ask *q)
{
	struct tag *s = q->state;
	struct span tag = q->capture[0];

	if (!tag.n || tag.n > TAG_MAX)
		return err_new(q->arena, ERR_NOT_FOUND, "this is no hashtag");
	html_query(q);
	s->accounts = account_list(&q->batch);
	return html_posts_query(q, &q->batch, &(struct post_page){.tag = tag}, &s->posts);
}

static const struct err *
tag_render(struct page_ask *q, struct httpd_reply *out)
{
	struct tag *s = q->state;
	struct span tag = q->capture[0];
	struct span url = link_tag(q->arena, q->hub, tag);
	struct span path = span_slice(url, q->hub->base.n, url.n);
	struct span name = arena_printf(q->arena, "#%.*s", SPAN_FMT(tag));
	struct model_frame f = {.title = name, .path = path};
	struct account *list;
	struct model m;
	json_t *root, *j;
	size_t n;
	const struct err *e = html_model(q, &m);

	if (!e)
		e = html_accounts(q, s->accounts, &list, &n);
	if (e)
		return e;
	f.description = model_say(&m, "What public institutions say about {tag}", "tag", name);
	f.hidden = html_posts_deep(&s->posts) || db_rows(&q->batch, s->posts.query) == 0;
	root = model_page(&m, &f);
	j = json_object();
	json_object_set_new(j, "name", json_str(tag));
	json_object_set_new(root, "tag", j);
	model_feeds(&m, root, path, name);
	if ((e = html_posts_model(q, &m, &s->posts, path, list, n, root)))
		return e;
	return html_reply(q, &m, "tag", root, out);
}

static const struct page tag_page = {
	.params = tag_params,
	.flags = PAGE_LANG,
	.state_size = sizeof(struct tag),
	.query = tag_query,
	.render = tag_render,
};

static const struct route tag_list[] = {
	WEB_PAGE("/tags/{tag}", tag_page),
};
const struct route_table tag_routes = WEB_ROUTES(tag_list);
