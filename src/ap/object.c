#include "ap/object.h"

#include <string.h>

#include "base/codec.h"
#include "base/text.h"
#include "hub/compose.h"
#include "hub/link.h"

/* ---- contexts: short keys as everybody writes them; only documents that others preload ----
 */

static const char object_context_note[] =
	"[\"https://www.w3.org/ns/activitystreams\","
	"{\"sensitive\":\"as:sensitive\",\"Hashtag\":\"as:Hashtag\","
	"\"toot\":\"http://joinmastodon.org/ns#\",\"blurhash\":\"toot:blurhash\"}]";

static const char object_context_actor[] =
	"[\"https://www.w3.org/ns/activitystreams\",\"https://w3id.org/security/v1\","
	"\"https://w3id.org/security/multikey/v1\","
	"\"https://purl.archive.org/socialweb/webfinger\","
	"{\"manuallyApprovesFollowers\":\"as:manuallyApprovesFollowers\","
	"\"toot\":\"http://joinmastodon.org/ns#\","
	"\"featured\":{\"@id\":\"toot:featured\",\"@type\":\"@id\"},"
	"\"discoverable\":\"toot:discoverable\",\"indexable\":\"toot:indexable\","
	"\"attributionDomains\":{\"@id\":\"toot:attributionDomains\",\"@container\":\"@set\"},"
	"\"schema\":\"http://schema.org#\",\"PropertyValue\":\"schema:PropertyValue\","
	"\"value\":\"schema:value\"}]";

static json_t *
object_context(enum object_context c)
{
	const char *text = c == CONTEXT_NOTE    ? object_context_note
			   : c == CONTEXT_ACTOR ? object_context_actor
						: NULL;
	json_t *j = text ? json_loads(text, 0, NULL)
			 : json_string("https://www.w3.org/ns/activitystreams");

	assert(j);
	return j;
}

struct span
object_document(struct arena *a, enum object_context c, const json_t *j)
{
	json_t *doc = json_own(a, json_object());

	json_object_set_new(doc, "@context", object_context(c));
	/* jansson's table of members is not changed by reading it. */
	json_object_update(doc, (json_t *)(uintptr_t)j);
	return json_dump(a, doc);
}

static void
put(json_t *j, const char *key, struct span value)
{
	json_object_set_new(j, key, json_str(value));
}

static void
put_cstr(json_t *j, const char *key, const char *value)
{
	json_object_set_new(j, key, json_string(value));
}

static void
put_time(struct arena *a, json_t *j, const char *key, int64_t us)
{
	if (us != TIME_NONE)
		put(j, key, time_rfc3339(a, us));
}

static json_t *
list_of(struct span one)
{
	json_t *list = json_array();

	json_array_append_new(list, json_str(one));
	return list;
}

void
object_address(struct arena *a, const struct hub *h, const struct account *acc, json_t *j)
{
	json_object_set_new(j, "to", list_of(SPAN(AP_PUBLIC)));
	json_object_set_new(j, "cc", list_of(link_actor(a, h, acc, LINK_FOLLOWERS)));
}

struct account
object_author(const struct post *p)
{
	return (struct account){
		.id = p->account, .kind = SPAN("organization"), .slug = p->account_slug};
}

/* ---- Note ---- */

static const char *
object_media_kind(struct span type)
{
	static const struct {
		const char *type, *kind;
	} kinds[] = {{"image", "Image"}, {"video", "Video"}, {"audio", "Audio"}};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (span_is(type, kinds[i].type))
			return kinds[i].kind;
	return "Document";
}

static json_t *
object_attachment(struct arena *a, const struct hub *h, const struct post_media *m)
{
	json_t *j = json_object();

	put_cstr(j, "type", object_media_kind(m->type));
	put(j, "mediaType", m->blob_type);
	put(j, "url", link_media(a, h, m->blob));
	/* Mastodon before 4.6 reads the alternative text from name, later ones and GoToSocial
	 * from summary. Without a text both are absent: an empty one would claim "decorative".
	 */
	if (m->alt.n) {
		put(j, "name", m->alt);
		put(j, "summary", m->alt);
	}
	if (m->width > 0 && m->height > 0) {
		json_object_set_new(j, "width", json_integer(m->width));
		json_object_set_new(j, "height", json_integer(m->height));
	}
	if (m->blurhash.n)
		put(j, "blurhash", m->blurhash);
	if (m->duration_s > 0)
		put(j, "duration", arena_printf(a, "PT%lldS", (long long)m->duration_s));
	return j;
}

/* In the source's order, which puts the most important one first. */
static json_t *
object_attachments(struct arena *a, const struct hub *h, const struct post_media *m, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n && json_array_size(list) < OBJECT_ATTACHMENTS_MAX; i++)
		if (m[i].blob.p)
			json_array_append_new(list, object_attachment(a, h, &m[i]));
	return list;
}

static json_t *
object_tags(struct arena *a, const struct hub *h, const struct post *p)
{
	json_t *list = json_array();
	struct span *tags;
	size_t n = 0;

	/* Unreadable tags are a fault of our own row; the post goes out without them. */
	if (post_tags_parse(a, p, &tags, &n))
		return list;
	for (size_t i = 0; i < n; i++) {
		json_t *j = json_object();

		put_cstr(j, "type", "Hashtag");
		put(j, "name", arena_printf(a, "#%.*s", SPAN_FMT(tags[i])));
		put(j, "href", link_tag(a, h, tags[i]));
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *
object_source(struct arena *a, const struct post *p)
{
	json_t *j = json_object();

	put(j, "content",
		utf8_count(p->text) > COMPOSE_TEXT_MAX
			? text_truncate(a, p->text, COMPOSE_EXCERPT_MAX)
			: p->text);
	put_cstr(j, "mediaType", "text/plain");
	return j;
}

json_t *
object_note(struct arena *a, const struct hub *h, const struct post *p,
	const struct post_media *m, size_t n)
{
	struct safe_html content = compose_note(a, h, p, m, n);
	struct account author = object_author(p);
	json_t *j = json_own(a, json_object()), *map = json_object();

	put(j, "id", link_object(a, h, p->id));
	put_cstr(j, "type", "Note");
	put(j, "attributedTo", link_actor(a, h, &author, LINK_SELF));
	object_address(a, h, &author, j);
	put_time(a, j, "published", p->published_us);
	put_time(a, j, "updated", p->edited_us);
	put(j, "url", link_status(a, h, p->account_slug, p->id));
	/* One language; GoToSocial wants the very bytes of content here. */
	json_object_set_new(map, arena_cstr(a, p->language), json_str(content.html));
	put(j, "content", content.html);
	json_object_set_new(j, "contentMap", map);
	json_object_set_new(j, "source", object_source(a, p));
	json_object_set_new(j, "sensitive", json_boolean(p->sensitive));
	/* A summary would be a content warning. */
	json_object_set_new(j, "summary", json_null());
	json_object_set_new(j, "inReplyTo", json_null());
	json_object_set_new(j, "attachment", object_attachments(a, h, m, n));
	json_object_set_new(j, "tag", object_tags(a, h, p));
	return j;
}

json_t *
object_tombstone(struct arena *a, struct span id, const char *former_type, int64_t deleted_us)
{
	json_t *j = json_own(a, json_object());

	put(j, "id", id);
	put_cstr(j, "type", "Tombstone");
	put_cstr(j, "formerType", former_type);
	put_time(a, j, "deleted", deleted_us);
	return j;
}

/* ---- actors ---- */

struct span
object_actor_url(struct arena *a, const struct hub *h, const struct account *acc)
{
	if (span_is(acc->kind, "instance"))
		return link_path(a, h, SPAN("/"));
	return link_profile(a, h, acc->slug);
}

static json_t *
object_public_key(struct arena *a, const struct hub *h, const struct account *acc)
{
	json_t *j = json_object();

	put(j, "id", link_actor(a, h, acc, LINK_KEY));
	put(j, "owner", link_actor(a, h, acc, LINK_SELF));
	put(j, "publicKeyPem", acc->public_key_pem);
	return j;
}

/* FEP-521a: multicodec ed25519-pub, base58btc. */
static json_t *
object_multikey(struct arena *a, const struct hub *h, const struct account *acc)
{
	unsigned char key[34] = {0xed, 0x01};
	json_t *j = json_object(), *list = json_array();

	assert(acc->ed25519_public.n == 32);
	memcpy(key + 2, acc->ed25519_public.p, 32);
	put(j, "id", link_actor(a, h, acc, LINK_ED25519));
	put_cstr(j, "type", "Multikey");
	put(j, "controller", link_actor(a, h, acc, LINK_SELF));
	put(j, "publicKeyMultibase",
		arena_printf(
			a, "z%.*s", SPAN_FMT(base58_encode(a, span_from(key, sizeof(key))))));
	json_array_append_new(list, j);
	return list;
}

const char *
object_image_type(struct span blob)
{
	static const struct {
		const char *ext, *type;
	} types[] = {{".webp", "image/webp"}, {".jpg", "image/jpeg"}, {".png", "image/png"},
		{".gif", "image/gif"}};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (span_ends(blob, span_of(types[i].ext)))
			return types[i].type;
	return "application/octet-stream";
}

static void
object_put_image(struct arena *a, const struct hub *h, json_t *j, const char *key,
	struct span blob, struct span alt)
{
	json_t *image;

	if (!blob.p)
		return;
	image = json_object();
	put_cstr(image, "type", "Image");
	put_cstr(image, "mediaType", object_image_type(blob));
	put(image, "url", link_media(a, h, blob));
	put(image, "name", alt);
	json_object_set_new(j, key, image);
}

/* The organisation's own site: a profile field, and the domain whose articles may name it. */
static void
object_put_website(struct arena *a, json_t *j, const struct account *acc)
{
	json_t *field, *fields = json_array();
	struct url u;
	struct buf b;

	json_object_set_new(j, "attachment", fields);
	if (!acc->website.p || url_parse(a, acc->website, &u))
		return;
	json_object_set_new(j, "attributionDomains", list_of(u.host));
	buf_init(&b, 16384);
	buf_lit(&b, "<a href=\"");
	text_escape_html(&b, u.text);
	buf_lit(&b, "\" rel=\"me nofollow noopener\" target=\"_blank\">");
	text_escape_html(&b, u.authority);
	if (u.target.n > 1)
		text_escape_html(&b, u.target);
	buf_lit(&b, "</a>");
	field = json_object();
	put_cstr(field, "type", "PropertyValue");
	put_cstr(field, "name", "Website");
	put(field, "value", buf_span(&b));
	json_array_append_new(fields, field);
	buf_fini(&b);
}

static json_t *
object_endpoints(struct arena *a, const struct hub *h)
{
	json_t *j = json_object();

	put(j, "sharedInbox", link_shared_inbox(a, h));
	return j;
}

/* What only actors have that people follow. */
static void
object_put_profile(struct arena *a, const struct hub *h, const struct account *acc, json_t *j)
{
	put(j, "followers", link_actor(a, h, acc, LINK_FOLLOWERS));
	put(j, "following", link_actor(a, h, acc, LINK_FOLLOWING));
	put(j, "featured", link_actor(a, h, acc, LINK_FEATURED));
	json_object_set_new(j, "discoverable", json_true());
	json_object_set_new(j, "indexable", json_true());
	object_put_image(a, h, j, "icon", acc->avatar_blob, acc->name);
	object_put_image(a, h, j, "image", acc->header_blob, acc->name);
	object_put_website(a, j, acc);
	json_object_set_new(j, "tag", json_array());
}

json_t *
object_actor(struct arena *a, const struct hub *h, const struct account *acc)
{
	bool instance = span_is(acc->kind, "instance");
	json_t *j = json_own(a, json_object());

	put(j, "id", link_actor(a, h, acc, LINK_SELF));
	put(j, "type", acc->actor_type);
	put(j, "preferredUsername", instance ? h->authority : acc->slug);
	put(j, "webfinger", link_handle(a, h, acc));
	put(j, "name", acc->name);
	put(j, "summary", html_from_text(a, acc->summary, SPAN_NONE).html);
	put(j, "url", object_actor_url(a, h, acc));
	put_time(a, j, "published", acc->created_us);
	put(j, "inbox", link_actor(a, h, acc, LINK_INBOX));
	put(j, "outbox", link_actor(a, h, acc, LINK_OUTBOX));
	json_object_set_new(j, "endpoints", object_endpoints(a, h));
	/* The instance is not there to be followed. */
	json_object_set_new(j, "manuallyApprovesFollowers", json_boolean(instance));
	if (!instance)
		object_put_profile(a, h, acc, j);
	json_object_set_new(j, "publicKey", object_public_key(a, h, acc));
	json_object_set_new(j, "assertionMethod", object_multikey(a, h, acc));
	return j;
}

/* ---- collections ---- */

json_t *
object_collection(
	struct arena *a, struct span id, int64_t total, struct span first, struct span last)
{
	json_t *j = json_own(a, json_object());

	put(j, "id", id);
	put_cstr(j, "type", "OrderedCollection");
	json_object_set_new(j, "totalItems", json_integer(total));
	if (first.p)
		put(j, "first", first);
	if (last.p)
		put(j, "last", last);
	return j;
}

json_t *
object_collection_whole(struct arena *a, struct span id, json_t *items)
{
	json_t *j =
		object_collection(a, id, (int64_t)json_array_size(items), SPAN_NONE, SPAN_NONE);

	json_object_set(j, "orderedItems", items);
	return j;
}

json_t *
object_collection_page(struct arena *a, const struct object_page *p)
{
	json_t *j = json_own(a, json_object());

	put(j, "id", p->id);
	put_cstr(j, "type", "OrderedCollectionPage");
	put(j, "partOf", p->part_of);
	if (p->next.p)
		put(j, "next", p->next);
	if (p->prev.p)
		put(j, "prev", p->prev);
	json_object_set(j, "orderedItems", p->items);
	return j;
}
