#include "ap/webfinger.h"

#include <string.h>

#include "ap/object.h"
#include "base/text.h"
#include "hub/link.h"

static struct span
lower(struct arena *a, struct span s)
{
	char *p = arena_alloc(a, s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		p[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] | 32 : s.p[i]);
	return span_from(p, s.n);
}

static const struct err *
not_ours(struct arena *a)
{
	return err_new(a, ERR_NOT_FOUND, "this host has no such account");
}

/* https://host/@user, an actor's id, or the host itself. */
static const struct err *
parse_url(struct arena *a, const struct hub *h, struct span resource, struct span *slug)
{
	struct url u;
	const struct err *e = url_parse(a, resource, &u);

	if (e)
		return err_wrap(a, e, "\"resource\"");
	if (!span_eq(u.origin, h->base) || u.query.p || u.fragment.p)
		return not_ours(a);
	if (span_is(u.path, "/")) {
		*slug = SPAN("actor");
		return NULL;
	}
	if (span_starts(u.path, SPAN("/@"))) {
		*slug = lower(a, span_slice(u.path, 2, u.path.n));
		return span_is(*slug, "actor") ? not_ours(a) : NULL;
	}
	return link_parse_actor(h, lower(a, u.text), slug) ? NULL : not_ours(a);
}

static const struct err *
parse_handle(struct arena *a, const struct hub *h, struct span s, struct span *slug)
{
	struct span whole = s, user, host;
	size_t at;
	struct url u;

	if (span_starts_nocase(s, SPAN("acct:")))
		s = span_slice(s, 5, s.n);
	if (span_starts(s, SPAN("@")))
		s = span_slice(s, 1, s.n);
	at = span_rfind_byte(s, '@');
	if (at == SIZE_MAX || at == 0 || at + 1 == s.n)
		return err_new(a, ERR_INPUT,
			"\"%.*s\" is not a resource: ask for acct:user@host or for a URL",
			(int)(whole.n > 100 ? 100 : whole.n), whole.p);
	user = span_slice(s, 0, at);
	host = span_slice(s, at + 1, s.n);
	/* With our own scheme, so that a default port is one. */
	host = arena_printf(a, "%.*s%.*s", (int)(span_find(h->base, SPAN("://")) + 3),
		h->base.p, SPAN_FMT(host));
	if (url_parse(a, host, &u) || u.target.n > 1 || u.fragment.p)
		return err_new(a, ERR_INPUT, "the host of \"resource\" is not one");
	if (!span_eq(u.origin, h->base))
		return not_ours(a);
	*slug = lower(a, user);
	if (span_eq(*slug, h->authority))
		*slug = SPAN("actor");
	else if (span_is(*slug, "actor"))
		return not_ours(a);
	return NULL;
}

const struct err *
webfinger_parse(struct arena *a, const struct hub *h, struct span resource, struct span *slug)
{
	if (!resource.n)
		return err_new(a, ERR_INPUT,
			"the parameter \"resource\" is missing: ask for acct:user@host");
	if (resource.n > URL_MAX || !utf8_valid(resource))
		return err_new(a, ERR_INPUT, "\"resource\" is too long or not UTF-8");
	for (size_t i = 0; i < resource.n; i++)
		if ((unsigned char)resource.p[i] <= ' ' || resource.p[i] == 0x7f)
			return err_new(a, ERR_INPUT,
				"\"resource\" holds a blank or control character");
	if (span_starts_nocase(resource, SPAN("https://")) ||
		span_starts_nocase(resource, SPAN("http://")))
		return parse_url(a, h, resource, slug);
	return parse_handle(a, h, resource, slug);
}

/* ---- documents ---- */

static void
link_add(json_t *links, const char *rel, const char *type, struct span href)
{
	json_t *j = json_object();

	json_object_set_new(j, "rel", json_string(rel));
	json_object_set_new(j, "type", json_string(type));
	json_object_set_new(j, "href", json_str(href));
	json_array_append_new(links, j);
}

struct span
webfinger_document(struct arena *a, const struct hub *h, const struct account *acc)
{
	struct span self = link_actor(a, h, acc, LINK_SELF);
	struct span page = object_actor_url(a, h, acc), handle = link_handle(a, h, acc);
	json_t *j = json_own(a, json_object()), *aliases = json_array(), *links = json_array();

	json_object_set_new(
		j, "subject", json_str(arena_printf(a, "acct:%.*s", SPAN_FMT(handle))));
	json_array_append_new(aliases, json_str(page));
	json_array_append_new(aliases, json_str(self));
	json_object_set_new(j, "aliases", aliases);
	link_add(links, "self", AP_TYPE, self);
	link_add(links, "http://webfinger.net/rel/profile-page", "text/html", page);
	if (acc->avatar_blob.p)
		link_add(links, "http://webfinger.net/rel/avatar",
			object_image_type(acc->avatar_blob),
			link_media(a, h, acc->avatar_blob));
	if (span_is(acc->kind, "instance"))
		link_add(links, "https://www.w3.org/ns/activitystreams#Service", AP_TYPE, self);
	json_object_set_new(j, "links", links);
	return json_dump(a, j);
}

static struct span
finger_template(struct arena *a, const struct hub *h)
{
	return link_path(a, h, SPAN("/.well-known/webfinger?resource={uri}"));
}

struct span
host_meta_xml(struct arena *a, const struct hub *h)
{
	struct span template = finger_template(a, h), out;
	struct buf b;

	buf_init(&b, 8192);
	buf_lit(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		    "<XRD xmlns=\"http://docs.oasis-open.org/ns/xri/xrd-1.0\">\n"
		    "  <Link rel=\"lrdd\" template=\"");
	text_escape_xml(&b, template);
	buf_lit(&b, "\"/>\n</XRD>\n");
	out = arena_dup(a, buf_span(&b));
	buf_fini(&b);
	return out;
}

struct span
host_meta_json(struct arena *a, const struct hub *h)
{
	json_t *j = json_own(a, json_object()), *links = json_array(), *lrdd = json_object();

	json_object_set_new(lrdd, "rel", json_string("lrdd"));
	json_object_set_new(lrdd, "template", json_str(finger_template(a, h)));
	json_array_append_new(links, lrdd);
	json_object_set_new(j, "links", links);
	return json_dump(a, j);
}
