/* The instance documents: who this hub is and what its API can do. */
#include "hub/compose.h"
#include "hub/link.h"
#include "markup/sanitize.h"
#include "markup/tr.h"
#include "web/entity.h"

#define INSTANCE_VERSION ENTITY_API_VERSION " (compatible; Litfass " PACKAGE_VERSION ")"

static json_t *
instance_languages(void)
{
	json_t *list = json_array();

	for (int i = 0; i < TR_LANGS; i++)
		json_array_append_new(list, json_string(tr_code((enum tr_lang)i)));
	return list;
}

static struct span
instance_description(struct arena *a, const struct entity_site *s)
{
	if (s->description.n)
		return s->description;
	return arena_printf(
		a, "What the institutions of %.*s publish, in one place.", SPAN_FMT(s->name));
}

/* Limits of what is published here; nobody can post through this API. */
static json_t *
instance_limits(void)
{
	return json_pack("{s:{s:i,s:i},s:{s:i,s:i,s:i},s:{s:[sss],s:i,s:i,s:i,s:i,s:i,s:i},"
			 "s:{s:i,s:i,s:i,s:i}}",
		"accounts", "max_featured_tags", 0, "max_pinned_statuses", 0, "statuses",
		"max_characters", COMPOSE_TEXT_MAX, "max_media_attachments", 20,
		"characters_reserved_per_url", 23, "media_attachments", "supported_mime_types",
		"image/jpeg", "image/png", "image/webp", "description_limit", 1500,
		"image_size_limit", 16 * 1024 * 1024, "image_matrix_limit", 40000000,
		"video_size_limit", 0, "video_frame_rate_limit", 0, "video_matrix_limit", 0,
		"polls", "max_options", 0, "max_characters_per_option", 0, "min_expiration", 0,
		"max_expiration", 0);
}

json_t *
entity_instance_v1(
	struct arena *a, const struct hub *h, const struct entity_site *s, json_t *contact)
{
	struct span text = instance_description(a, s);

	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:s,s:{},s:{s:I,s:I,s:i},s:o,s:o,s:b,s:b,s:b,"
			 "s:o,s:O,s:[]}",
		"uri", json_str(h->authority), "title", json_str(s->name), "short_description",
		json_str(text), "description", json_str(text), "email",
		json_str(s->contact_email.p ? s->contact_email : SPAN("")), "version",
		INSTANCE_VERSION, "urls", "stats", "user_count", (json_int_t)s->accounts,
		"status_count", (json_int_t)s->posts, "domain_count", 1, "thumbnail",
		json_str(link_path(a, h, SPAN("/assets/api/icon.png"))), "languages",
		instance_languages(), "registrations", 0, "approval_required", 0,
		"invites_enabled", 0, "configuration", instance_limits(), "contact_account",
		contact, "rules");
}

static json_t *
instance_configuration(struct arena *a, const struct hub *h)
{
	json_t *j = instance_limits();
	json_t *feeds = json_pack("{s:s,s:s}", "local", "public", "remote", "public");

	json_object_set_new(j, "urls",
		json_pack("{s:n,s:o,s:o,s:n,s:n}", "streaming", "about",
			json_str(link_path(a, h, SPAN("/impressum"))), "privacy_policy",
			json_str(link_path(a, h, SPAN("/datenschutz"))), "terms_of_service",
			"status"));
	json_object_set_new(j, "translation", json_pack("{s:b}", "enabled", 0));
	json_object_set_new(j, "vapid", json_pack("{s:s}", "public_key", ""));
	json_object_set_new(j, "limited_federation", json_false());
	json_object_set_new(j, "timelines_access",
		json_pack("{s:O,s:O,s:{s:s,s:s}}", "live_feeds", feeds, "hashtag_feeds", feeds,
			"trending_link_feeds", "local", "disabled", "remote", "disabled"));
	json_decref(feeds);
	return j;
}

json_t *
entity_instance_v2(
	struct arena *a, const struct hub *h, const struct entity_site *s, json_t *contact)
{
	json_t *j = json_pack("{s:o,s:o,s:s,s:n,s:o,s:{s:{s:I}},s:o,s:o}", "domain",
		json_str(h->authority), "title", json_str(s->name), "version", INSTANCE_VERSION,
		"source_url", "description", json_str(instance_description(a, s)), "usage",
		"users", "active_month", (json_int_t)s->accounts, "languages",
		instance_languages(), "configuration", instance_configuration(a, h));

	json_object_set_new(j, "thumbnail",
		json_pack("{s:o,s:n,s:{},s:s}", "url",
			json_str(link_path(a, h, SPAN("/assets/api/icon.png"))), "blurhash",
			"versions", "description", ""));
	json_object_set_new(j, "icon",
		json_pack("[{s:o,s:s}]", "src",
			json_str(link_path(a, h, SPAN("/assets/api/icon.png"))), "size",
			"400x400"));
	json_object_set_new(j, "registrations",
		json_pack("{s:b,s:b,s:b,s:n,s:n,s:n}", "enabled", 0, "approval_required", 0,
			"reason_required", 0, "message", "min_age", "url"));
	json_object_set_new(j, "api_versions", json_pack("{s:i}", "mastodon", 7));
	json_object_set_new(j, "contact",
		json_pack("{s:o,s:O}", "email",
			json_str(s->contact_email.p ? s->contact_email : SPAN("")), "account",
			contact));
	json_object_set_new(j, "rules", json_array());
	return j;
}
