#include "web/model.h"

#include "base/text.h"
#include "base/url.h"
#include "hub/link.h"

#define TINTS 8 /* colours of circles in assets/post.css */

/* ---- links ---- */

/* The path of one of our URLs; paths stay as they are. */
static struct span
local(const struct model *m, struct span url)
{
	struct span base = m->hub->base;

	if (span_starts(url, base) && url.n > base.n && url.p[base.n] == '/')
		return span_slice(url, base.n, url.n);
	return url;
}

static struct span
with_lang(const struct model *m, struct span path, enum tr_lang lang)
{
	return arena_printf(m->arena, "%.*s%clang=%s", SPAN_FMT(path),
		span_find_byte(path, '?') == SIZE_MAX ? '?' : '&', tr_code(lang));
}

struct span
model_href(const struct model *m, struct span url)
{
	struct span path = local(m, url);

	return m->lang_asked ? with_lang(m, path, m->lang) : path;
}

struct span
model_lead(const struct model *m)
{
	if (m->site.description.n)
		return m->site.description;
	return tr(m->lang,
		"What our public institutions have to say: in one place, without an account.");
}

/* ---- the frame ---- */

static void
put(json_t *j, const char *key, struct span text)
{
	(void)json_object_set_new(j, key, json_str(text));
}

static struct span
asset(const struct model *m, const char *name)
{
	return arena_printf(m->arena, "%.*s/%s", SPAN_FMT(m->assets), name);
}

static json_t *
nav_item(const struct model *m, struct span href, struct span label, bool current)
{
	json_t *j = json_object();

	put(j, "href", model_href(m, href));
	put(j, "label", label);
	json_object_set_new(j, "current", json_boolean(current));
	return j;
}

static void
frame_links(const struct model *m, const struct model_frame *f, json_t *page)
{
	json_t *nav = json_array(), *about = json_array();

	json_array_append_new(
		nav, nav_item(m, SPAN("/"), tr(m->lang, "News"), f->place == PLACE_HOME));
	json_array_append_new(
		nav, nav_item(m, SPAN("/organisationen"), tr(m->lang, "Organisations"),
			     f->place == PLACE_ORGS));
	for (int i = 0; i < TEXTS; i++) {
		struct span path = model_text_path((enum model_text)i);

		json_array_append_new(
			about, nav_item(m, path, model_text_label(m, (enum model_text)i),
				       f->place == PLACE_TEXT && span_eq(f->path, path)));
	}
	json_object_set_new(page, "nav", nav);
	json_object_set_new(page, "about", about);
	put(page, "home", model_href(m, SPAN("/")));
	put(page, "orgs", model_href(m, SPAN("/organisationen")));
}

/* The same page in the languages there are; the reader's other one is offered as a link. */
static void
frame_langs(const struct model *m, const struct model_frame *f, json_t *page)
{
	static const struct {
		const char *name, *locale;
	} langs[TR_LANGS] = {
		[TR_DE] = {"Deutsch", "de_DE"},
		[TR_EN] = {"English", "en_GB"},
	};
	json_t *versions = json_array(), *other = json_object();

	for (int i = 0; i < TR_LANGS; i++) {
		json_t *j = json_object();
		struct span path = with_lang(m, f->path, (enum tr_lang)i);

		json_object_set_new(j, "code", json_string(tr_code((enum tr_lang)i)));
		put(j, "href", link_path(m->arena, m->hub, path));
		json_array_append_new(versions, j);
		if (i == (int)m->lang)
			continue;
		json_object_set_new(other, "code", json_string(tr_code((enum tr_lang)i)));
		json_object_set_new(other, "name", json_string(langs[i].name));
		put(other, "href", path);
	}
	json_object_set_new(page, "lang", json_string(tr_code(m->lang)));
	json_object_set_new(page, "locale", json_string(langs[m->lang].locale));
	json_object_set_new(page, "asked", json_boolean(m->lang_asked));
	json_object_set_new(page, "other", other);
	if (f->hidden) {
		json_decref(versions);
		versions = json_null();
	}
	json_object_set_new(page, "versions", versions);
}

static void
frame_meta(const struct model *m, const struct model_frame *f, json_t *page)
{
	struct span hub = m->site.name, url = link_path(m->arena, m->hub, f->path);
	json_t *card = json_object();

	put(page, "hub", hub);
	put(page, "title",
		f->title.p ? arena_printf(
				     m->arena, "%.*s – %.*s", SPAN_FMT(f->title), SPAN_FMT(hub))
			   : hub);
	put(page, "description", f->description);
	json_object_set_new(page, "hidden", json_boolean(f->hidden));
	json_object_set_new(page, "activity", json_null());
	json_object_set_new(page, "feeds", json_array());
	put(page, "css", asset(m, "litfass.css"));
	put(page, "icon", asset(m, "icon.svg"));
	put(page, "touch_icon", asset(m, "icon.png"));
	if (f->hidden) {
		json_object_set_new(page, "canonical", json_null());
		json_object_set_new(page, "card", json_null());
		json_decref(card);
		return;
	}
	put(page, "canonical", url);
	put(card, "title", f->title.p ? f->title : hub);
	put(card, "description", f->description);
	put(card, "url", url);
	json_object_set_new(card, "type", json_string("website"));
	json_object_set_new(card, "image", json_null());
	json_object_set_new(card, "published", json_null());
	json_object_set_new(card, "modified", json_null());
	json_object_set_new(page, "card", card);
}

json_t *
model_page(const struct model *m, const struct model_frame *f)
{
	json_t *root = json_own(m->arena, json_object()), *page = json_object();

	json_object_set_new(root, "page", page);
	json_object_set_new(root, "pager", json_null());
	frame_meta(m, f, page);
	frame_langs(m, f, page);
	frame_links(m, f, page);
	return root;
}

void
model_feeds(const struct model *m, json_t *root, struct span base, struct span title)
{
	static const struct {
		const char *ext, *type, *name;
	} feeds[] = {
		{".atom", "application/atom+xml", "Atom"},
		{".rss", "application/rss+xml", "RSS"},
		{".json", "application/feed+json", "JSON Feed"},
	};
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_LEN(feeds); i++) {
		json_t *j = json_object();

		put(j, "href", arena_printf(m->arena, "%.*s%s", SPAN_FMT(base), feeds[i].ext));
		put(j, "title",
			arena_printf(m->arena, "%.*s (%s)", SPAN_FMT(title), feeds[i].name));
		json_object_set_new(j, "type", json_string(feeds[i].type));
		json_object_set_new(j, "name", json_string(feeds[i].name));
		json_array_append_new(list, j);
	}
	json_object_set_new(json_object_get(root, "page"), "feeds", list);
}

/* ---- organisations ---- */

/* Stable, unlike span_hash: a colour belongs to an organisation in every process. */
static int
tint(struct span slug)
{
	unsigned n = 0;

	for (size_t i = 0; i < slug.n; i++)
		n = n * 31 + (unsigned char)slug.p[i];
	return (int)(n % TINTS);
}

static json_t *
org_website(const struct model *m, const struct account *acc)
{
	struct url url;
	json_t *j;

	if (!acc->website.p || url_parse(m->arena, acc->website, &url) != NULL)
		return json_null();
	j = json_object();
	put(j, "href", url.text);
	put(j, "host",
		span_starts(url.host, SPAN("www.")) ? span_slice(url.host, 4, url.host.n)
						    : url.host);
	return j;
}

/* In two parts: a line may break between them. */
json_t *
model_follow(const struct model *m, const struct account *acc)
{
	struct span handle = link_handle(m->arena, m->hub, acc);
	size_t at = span_find_byte(handle, '@');
	json_t *j = json_object();

	put(j, "user", arena_printf(m->arena, "@%.*s", (int)at, handle.p));
	put(j, "host", span_slice(handle, at, handle.n));
	return j;
}

json_t *
model_org(const struct model *m, const struct account *acc)
{
	struct span count = arena_printf(m->arena, "%lld", (long long)acc->posts_count);
	json_t *j = json_object();

	put(j, "slug", acc->slug);
	put(j, "name", acc->name);
	json_object_set_new(j, "handle", model_follow(m, acc));
	put(j, "href", model_href(m, link_profile(m->arena, m->hub, acc->slug)));
	put(j, "all", model_say(m, "All posts by {name}", "name", acc->name));
	put(j, "avatar",
		acc->avatar_blob.p ? link_media(m->arena, m->hub, acc->avatar_blob)
				   : SPAN_NONE);
	put(j, "initials", model_initials(m->arena, acc->name));
	json_object_set_new(j, "tint", json_integer(tint(acc->slug)));
	put(j, "kind", model_kind(m, acc->org_kind));
	put(j, "summary", acc->summary);
	json_object_set_new(j, "website", org_website(m, acc));
	json_object_set_new(j, "claimed", json_boolean(acc->claimed));
	put(j, "count",
		acc->posts_count == 1 ? tr(m->lang, "1 post so far.")
				      : model_say(m, "{n} posts so far.", "n", count));
	return j;
}

/* ---- paging ---- */

static struct span
pager_link(const struct model *m, const struct model_pager *p, const char *key, int64_t id)
{
	if (id == 0)
		return SPAN_NONE;
	return model_href(m, arena_printf(m->arena, "%.*s%c%s=%lld", SPAN_FMT(p->path),
				     span_find_byte(p->path, '?') == SIZE_MAX ? '?' : '&', key,
				     (long long)id));
}

void
model_pager(const struct model *m, json_t *root, const struct model_pager *p)
{
	json_t *j = json_object();

	put(j, "newer", pager_link(m, p, "min_id", p->newer_than));
	put(j, "older", pager_link(m, p, "max_id", p->older_than));
	put(j, "top", p->deep ? model_href(m, p->path) : SPAN_NONE);
	json_object_set_new(j, "any", json_boolean(p->newer_than || p->older_than || p->deep));
	json_object_set_new(root, "pager", j);
}
