#include "web/entity.h"

#include "base/text.h"
#include "hub/compose.h"
#include "hub/link.h"
#include "markup/sanitize.h"
#include "markup/tr.h"

/* ---- small ones ---- */

json_t *
entity_id(struct arena *a, int64_t id)
{
	return json_str(arena_printf(a, "%lld", (long long)id));
}

static json_t *
entity_time(struct arena *a, int64_t us)
{
	return us == TIME_NONE ? json_null() : json_str(time_rfc3339_ms(a, us));
}

/* The day alone, as a date or as its midnight: Mastodon hides the hour people came. */
static json_t *
entity_day(struct arena *a, int64_t us, const char *behind)
{
	struct civil c;

	if (us == TIME_NONE)
		return json_null();
	c = civil_utc(us);
	return json_str(arena_printf(a, "%04d-%02d-%02d%s", c.year, c.month, c.day, behind));
}

json_t *
entity_tag(struct arena *a, const struct hub *h, struct span tag)
{
	return json_pack(
		"{s:o,s:o}", "name", json_str(tag), "url", json_str(link_tag(a, h, tag)));
}

static json_t *
entity_link(struct arena *a, const struct hub *h, const char *path)
{
	return json_str(link_path(a, h, span_of(path)));
}

/* ---- account ---- */

static json_t *
entity_picture(struct arena *a, const struct hub *h, struct span blob, const char *otherwise)
{
	return blob.p ? json_str(link_media(a, h, blob)) : entity_link(a, h, otherwise);
}

static json_t *
entity_fields(struct arena *a, const struct account *acc)
{
	json_t *list = json_array();
	struct safe_html value;

	if (!acc->website.n)
		return list;
	value = html_link_line(a, SPAN(""), acc->website, acc->website);
	if (value.html.n)
		json_array_append_new(
			list, json_pack("{s:s,s:o,s:n}", "name", "Website", "value",
				      json_str(value.html), "verified_at"));
	return list;
}

json_t *
entity_account(struct arena *a, const struct hub *h, const struct account *acc)
{
	struct safe_html note = html_from_text(a, acc->summary, SPAN_NONE);
	json_t *j = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id", entity_id(a, acc->id),
		"username", json_str(acc->slug), "acct", json_str(acc->slug), "url",
		json_str(link_profile(a, h, acc->slug)), "uri",
		json_str(link_actor(a, h, acc, LINK_SELF)), "display_name", json_str(acc->name),
		"note", json_str(note.html));
	json_t *pictures = json_pack("{s:o,s:o,s:s,s:o,s:o,s:s}", "avatar",
		entity_picture(a, h, acc->avatar_blob, "/assets/api/icon.png"), "avatar_static",
		entity_picture(a, h, acc->avatar_blob, "/assets/api/icon.png"),
		"avatar_description", "", "header",
		entity_picture(a, h, acc->header_blob, "/assets/api/icon.png"), "header_static",
		entity_picture(a, h, acc->header_blob, "/assets/api/icon.png"),
		"header_description", "");
	json_t *rest = json_pack("{s:b,s:b,s:b,s:b,s:b,s:b,s:o,s:o,s:I,s:I,s:i,s:b,s:[],s:o,s:["
				 "]}",
		"locked", 0, "bot", !span_is(acc->actor_type, "Organization"), "group", 0,
		"discoverable", 1, "indexable", 1, "noindex", 0, "created_at",
		entity_day(a, acc->created_us, "T00:00:00.000Z"), "last_status_at",
		entity_day(a, acc->last_post_us, ""), "statuses_count",
		(json_int_t)acc->posts_count, "followers_count",
		(json_int_t)acc->followers_count, "following_count", 0, "hide_collections", 1,
		"emojis", "fields", entity_fields(a, acc), "roles");

	(void)json_object_update_new(j, pictures);
	(void)json_object_update_new(j, rest);
	return j;
}

/* ---- media ---- */

static json_t *
entity_size(struct arena *a, int64_t width, int64_t height)
{
	if (width <= 0 || height <= 0)
		return json_object();
	return json_pack("{s:I,s:I,s:o,s:f}", "width", (json_int_t)width, "height",
		(json_int_t)height, "size",
		json_str(arena_printf(a, "%lldx%lld", (long long)width, (long long)height)),
		"aspect", (double)width / (double)height);
}

json_t *
entity_media(struct arena *a, const struct hub *h, const struct post_media *m)
{
	struct span url = m->blob.p ? link_media(a, h, m->blob) : m->source_url;
	struct span small = m->small_blob.p ? link_media(a, h, m->small_blob)
			    : m->blob.p     ? url
					    : SPAN_NONE;
	json_t *meta;

	if (!m->blob.p && !span_is(m->type, "video") && !span_is(m->type, "audio"))
		return NULL;
	meta = json_pack("{s:o}", "original", entity_size(a, m->width, m->height));
	if (m->small_blob.p)
		json_object_set_new(
			meta, "small", entity_size(a, m->small_width, m->small_height));
	if (m->duration_s)
		json_object_set_new(meta, "length", json_integer(m->duration_s));
	json_object_set_new(meta, "focus", json_pack("{s:f,s:f}", "x", 0.0, "y", 0.0));
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:n,s:n,s:o,s:o,s:o}", "id",
		m->media ? entity_id(a, m->media)
			 : json_str(arena_printf(a, "%lld%02lld", (long long)m->post,
				   (long long)m->position)),
		"type", json_str(m->type), "url", json_str(url), "preview_url", json_str(small),
		"remote_url", json_str(m->source_url), "preview_remote_url", "text_url",
		"description", m->alt.n ? json_str(m->alt) : json_null(), "blurhash",
		json_str(m->blurhash), "meta", meta);
}

/* ---- status ---- */

static json_t *
entity_tags(struct arena *a, const struct hub *h, const struct post *p)
{
	json_t *list = json_array();
	struct span *tags;
	size_t n = 0;

	if (post_tags_parse(a, p, &tags, &n))
		n = 0; /* a row of ours that cannot be read is no reason to show nothing */
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, entity_tag(a, h, tags[i]));
	return list;
}

/* Keys whose value is the same for all that we publish. */
static void
entity_status_fixed(json_t *j)
{
	static const char *const nulls[] = {"in_reply_to_id", "in_reply_to_account_id",
		"reblog", "poll", "card", "application", "quote"};
	static const char *const zeros[] = {
		"reblogs_count", "favourites_count", "replies_count", "quotes_count"};

	for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
		json_object_set_new(j, nulls[i], json_null());
	for (size_t i = 0; i < ARRAY_LEN(zeros); i++)
		json_object_set_new(j, zeros[i], json_integer(0));
	json_object_set_new(j, "visibility", json_string("public"));
	json_object_set_new(j, "spoiler_text", json_string(""));
	json_object_set_new(j, "mentions", json_array());
	json_object_set_new(j, "emojis", json_array());
	json_object_set_new(j, "quote_approval",
		json_pack("{s:[s],s:[],s:s}", "automatic", "public", "manual", "current_user",
			"denied"));
}

json_t *
entity_status(struct arena *a, const struct hub *h, const struct post *p,
	const struct post_media *m, size_t n, json_t *account)
{
	struct safe_html content = compose_note(a, h, p, m, n);
	json_t *media = json_array(), *j;

	for (size_t i = 0; i < n; i++) {
		json_t *one = entity_media(a, h, &m[i]);

		if (one)
			json_array_append_new(media, one);
	}
	j = json_pack("{s:o,s:o,s:o,s:o,s:o,s:O,s:o,s:b,s:o,s:o,s:o}", "id",
		entity_id(a, p->id), "uri", json_str(link_object(a, h, p->id)), "url",
		json_str(link_status(a, h, p->account_slug, p->id)), "created_at",
		entity_time(a, p->published_us), "edited_at", entity_time(a, p->edited_us),
		"account", account, "content", json_str(content.html), "sensitive",
		p->sensitive, "language", json_str(p->language), "media_attachments", media,
		"tags", entity_tags(a, h, p));
	entity_status_fixed(j);
	json_object_set_new(j, "litfass",
		json_pack("{s:{s:o},s:o,s:b}", "source", "url", json_str(p->url), "org",
			json_str(p->account_slug), "archive", p->archive));
	return j;
}

json_t *
entity_reblog(struct arena *a, const struct hub *h, const struct account *by,
	json_t *by_account, const struct post *p, json_t *status)
{
	json_t *j = json_copy(status);
	struct span uri = link_activity(a, h, by, p->id, SPAN("announce"));

	json_object_set(j, "account", by_account);
	json_object_set_new(j, "uri", json_str(uri));
	json_object_set_new(j, "content", json_string(""));
	json_object_set_new(j, "media_attachments", json_array());
	json_object_set(j, "reblog", status);
	return j;
}
