/* JSON Feed 1.1, https://www.jsonfeed.org/version/1.1/ */
#include "base/json.h"
#include "hub/link.h"
#include "web/newsfeed.h"

static void
json_put(json_t *j, const char *key, struct span text)
{
	if (text.n)
		json_object_set_new(j, key, json_str(text));
}

static json_t *
item_attachments(struct arena *a, const struct newsfeed *f, const struct newsfeed_item *it)
{
	json_t *list = json_array();
	struct span url, type;

	for (size_t i = 0; i < it->n_media; i++) {
		const struct post_media *m = &it->media[i];
		json_t *j;

		if (!newsfeed_file(a, f, m, &url, &type))
			continue;
		j = json_pack("{s:o,s:o}", "url", json_str(url), "mime_type", json_str(type));
		json_put(j, "title", m->alt);
		if (m->bytes > 0)
			json_object_set_new(j, "size_in_bytes", json_integer(m->bytes));
		if (m->duration_s > 0)
			json_object_set_new(
				j, "duration_in_seconds", json_integer(m->duration_s));
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *
item_tags(struct arena *a, const struct post *p)
{
	json_t *list = json_array();
	struct span *tags;
	size_t n = 0;

	if (post_tags_parse(a, p, &tags, &n))
		n = 0;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_str(tags[i]));
	return list;
}

static json_t *
item_json(struct arena *a, const struct newsfeed *f, const struct newsfeed_item *it)
{
	const struct post *p = it->post;
	json_t *j = json_pack("{s:o,s:o,s:o,s:o,s:o}", "id",
		json_str(link_object(a, f->hub, p->id)), "url",
		json_str(link_status(a, f->hub, p->account_slug, p->id)), "content_html",
		json_str(newsfeed_html(a, f, it)), "date_published",
		json_str(time_rfc3339(a, p->published_us)), "language", json_str(p->language));
	json_t *files = item_attachments(a, f, it), *tags = item_tags(a, p);

	json_put(j, "external_url", p->url);
	json_put(j, "title", p->title);
	if (p->edited_us != TIME_NONE)
		json_object_set_new(
			j, "date_modified", json_str(time_rfc3339(a, p->edited_us)));
	json_object_set_new(j, "authors",
		json_pack("[{s:o,s:o}]", "name", json_str(it->by->name), "url",
			json_str(link_profile(a, f->hub, it->by->slug))));
	if (json_array_size(tags) > 0)
		json_object_set(j, "tags", tags);
	if (json_array_size(files) > 0)
		json_object_set(j, "attachments", files);
	for (size_t i = 0; i < it->n_media; i++)
		if (it->media[i].blob.p && !json_object_get(j, "image"))
			json_put(j, "image", link_media(a, f->hub, it->media[i].blob));
	json_decref(tags);
	json_decref(files);
	return j;
}

void
newsfeed_json(struct arena *a, struct buf *b, const struct newsfeed *f)
{
	json_t *j = json_own(
		a, json_pack("{s:s,s:o,s:o,s:o,s:o}", "version",
			   "https://jsonfeed.org/version/1.1", "title", json_str(f->title),
			   "home_page_url", json_str(f->home), "feed_url", json_str(f->self),
			   "language", json_str(f->language)));
	json_t *items = json_array();
	size_t bytes = 0;

	json_put(j, "description", f->description);
	json_put(j, "icon", f->icon);
	for (size_t i = 0; i < f->n && bytes < NEWSFEED_ENOUGH; i++) {
		json_array_append_new(items, item_json(a, f, &f->items[i]));
		bytes += f->items[i].post->html.n;
	}
	json_object_set_new(j, "items", items);
	buf_add(b, json_dump(a, j));
}
