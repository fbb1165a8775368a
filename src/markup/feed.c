#include "markup/feed.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "markup/dates.h"
#include "markup/sanitize.h"
#include "markup/xml.h"

#define NS_ATOM "http://www.w3.org/2005/Atom"
#define NS_CONTENT "http://purl.org/rss/1.0/modules/content/"
#define NS_DC "http://purl.org/dc/elements/1.1/"
#define NS_MEDIA "http://search.yahoo.com/mrss/"
#define NS_ITUNES "http://www.itunes.com/dtds/podcast-1.0.dtd"
#define NS_SY "http://purl.org/rss/1.0/modules/syndication/"
#define NS_RDF "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
#define NS_TOMB "http://purl.org/atompub/tombstones/1.0"
#define NS_FEEDBURNER "http://rssnamespace.org/feedburner/ext/1.0"

#define TITLE_MAX 500
#define ALT_MAX 1500

/* ---- shared ---- */

static struct span
feed_charset(struct arena *a, struct span type)
{
	size_t at = span_find_nocase(type, SPAN("charset="));
	struct span s;

	if (at == SIZE_MAX)
		return SPAN_NONE;
	s = span_trim(span_slice(type, at + 8, type.n));
	s = span_slice(s, 0, span_find_byte(s, ';'));
	if (s.n >= 2 && s.p[0] == '"')
		s = span_slice(s, 1, s.n - 1);
	return arena_dup(a, s);
}

/* A title is plain text; sources escape it once too often, or write markup into it. */
static struct span
feed_title(struct arena *a, struct span raw)
{
	struct span s = raw;

	for (int i = 0; i < 2; i++) {
		bool markup = span_find_byte(s, '<') != SIZE_MAX;
		size_t amp = span_find_byte(s, '&');

		if (!markup && (amp == SIZE_MAX || span_find_byte(span_slice(s, amp, s.n),
							   ';') == SIZE_MAX))
			break;
		s = html_to_text(a, s);
	}
	return text_clean_line(a, s, TITLE_MAX);
}

static int64_t
feed_date(struct span s)
{
	int64_t us;

	return s.n && date_parse(s, &us) ? us : TIME_NONE;
}

static int64_t
feed_number(struct span s, int64_t max)
{
	int64_t v;

	return s.n && span_i64(s, 0, max, &v) ? v : 0;
}

/* Seconds, m:s or h:m:s. */
static int64_t
feed_duration(struct span s)
{
	struct span rest = span_trim(s), part;
	int64_t total = 0, v;

	while (rest.p && span_cut(&rest, ':', &part)) {
		if (!span_i64(span_slice(part, 0, span_find_byte(part, '.')), 0, 1000000, &v))
			return 0;
		total = total * 60 + v;
	}
	return total;
}

/* Room for one more of n, in an array that is full at 0, 1, 2, 4 ...: honest items have few. */
static void *
feed_grow(struct arena *a, void *array, size_t n, size_t size)
{
	void *more;

	if ((n & (n - 1)) != 0)
		return array;
	more = arena_array(a, n ? 2 * n : 1, size);
	if (n)
		memcpy(more, array, n * size);
	return more;
}

/* The media of that address: one that is there already, or a new one; NULL when none is taken.
 */
static struct feed_media *
feed_media_of(struct arena *a, struct feed_item *it, struct span url)
{
	for (size_t i = 0; i < it->n_media; i++)
		if (span_eq(it->media[i].url, url))
			return &it->media[i];
	it->media = feed_grow(a, it->media, it->n_media, sizeof(*it->media));
	it->media[it->n_media] = (struct feed_media){.url = arena_dup(a, url)};
	return &it->media[it->n_media++];
}

static struct feed_media *
feed_media_add(struct arena *a, struct feed_item *it, const struct url *base, struct span url)
{
	struct arena *scratch;
	struct feed_media *m = NULL;
	struct url u;

	if (it->n_media == FEED_MEDIA_MAX || !url.n || it->media_looks++ >= FEED_LOOKS_MAX)
		return NULL;
	scratch = arena_new();
	if (!url_resolve(scratch, base, url, &u))
		m = feed_media_of(a, it, u.text);
	arena_free(scratch);
	return m;
}

/* Is it an address that can be followed? *looks: how often somebody has asked here. */
static bool
feed_leads(const struct url *base, struct span href, size_t *looks)
{
	struct arena *scratch;
	struct url u;
	bool leads;

	if (!href.n || (*looks)++ >= FEED_LOOKS_MAX)
		return false;
	scratch = arena_new();
	leads = !url_resolve(scratch, base, href, &u);
	arena_free(scratch);
	return leads;
}

static void
feed_tag_add(struct arena *a, struct feed_item *it, struct span tag)
{
	if (it->n_tags == FEED_TAGS_MAX)
		return;
	tag = text_clean_line(a, tag, 100);
	if (tag.n > 0 && tag.p[0] == '#')
		tag = span_slice(tag, 1, tag.n);
	if (!tag.n)
		return;
	it->tags = feed_grow(a, it->tags, it->n_tags, sizeof(*it->tags));
	it->tags[it->n_tags++] = tag;
}

/* xml:base of the element and its ancestors, on top of the feed's own URL (RFC 3986, XML Base).
 */
static struct url
feed_base(struct arena *a, const struct xml *e, const struct url *feed)
{
	const struct xml *chain[16];
	struct url base = *feed, next;
	size_t n = 0;

	for (; e && n < ARRAY_LEN(chain); e = xml_parent(e))
		chain[n++] = e;
	while (n > 0) {
		struct span b = xml_attr(a, chain[--n], "base");

		if (b.n && !url_resolve(a, &base, b, &next))
			base = next;
	}
	return base;
}

/* Room for one more item at f->items[f->n_items]; earlier pointers into items end here. */
static bool
feed_begin(struct arena *a, struct feed *f)
{
	size_t n = f->n_items;

	if (n == FEED_ITEMS_MAX || arena_used(a) - f->used > FEED_MEMORY_MAX) {
		f->truncated = true;
		return false;
	}
	f->items = feed_grow(a, f->items, n, sizeof(*f->items));
	f->items[f->n_items] =
		(struct feed_item){.published_us = TIME_NONE, .updated_us = TIME_NONE};
	return true;
}

/* ---- Media RSS, iTunes ---- */

static void
media_content(
	struct arena *a, struct feed_item *it, const struct xml *e, const struct url *base)
{
	struct feed_media *m = feed_media_add(a, it, base, xml_attr(a, e, "url"));
	struct span alt;

	if (!m)
		return;
	if (xml_attr(a, e, "type").n)
		m->type = xml_attr(a, e, "type");
	if (xml_attr(a, e, "medium").n)
		m->medium = xml_attr(a, e, "medium");
	m->length = feed_number(xml_attr(a, e, "fileSize"), INT64_MAX);
	m->width = feed_number(xml_attr(a, e, "width"), 100000);
	m->height = feed_number(xml_attr(a, e, "height"), 100000);
	m->duration_s = feed_duration(xml_attr(a, e, "duration"));
	alt = xml_child_text(a, e, NS_MEDIA, "description");
	if (!alt.n)
		alt = xml_child_text(a, e, NS_MEDIA, "title");
	if (alt.n && !m->alt.n)
		m->alt = feed_title(a, alt);
}

/* The files of a group are one thing in several sizes: the widest, or the largest, is taken. */
static void
media_group(struct arena *a, struct feed_item *it, const struct xml *g, const struct url *base)
{
	const struct xml *best = NULL;
	int64_t best_size = -1;
	size_t before = it->n_media;
	struct span alt;

	for (const struct xml *e = xml_first(g); e; e = xml_next(e)) {
		int64_t size;

		if (!xml_is(e, NS_MEDIA, "content"))
			continue;
		size = feed_number(xml_attr(a, e, "width"), 100000) * 1000000 +
		       feed_number(xml_attr(a, e, "fileSize"), INT32_MAX) / 1000;
		if (size > best_size) {
			best = e;
			best_size = size;
		}
	}
	if (!best)
		return;
	media_content(a, it, best, base);
	alt = xml_child_text(a, g, NS_MEDIA, "description");
	if (!alt.n)
		alt = xml_child_text(a, g, NS_MEDIA, "title");
	if (it->n_media > before && alt.n && !it->media[before].alt.n)
		it->media[before].alt = feed_title(a, alt);
}

static void
item_media(
	struct arena *a, struct feed_item *it, const struct xml *item, const struct url *base)
{
	const int64_t duration_s =
		feed_duration(xml_child_text(a, item, NS_ITUNES, "duration"));
	struct feed_media *m;

	for (const struct xml *e = xml_first(item); e; e = xml_next(e)) {
		if (xml_is(e, NS_MEDIA, "content")) {
			media_content(a, it, e, base);
		} else if (xml_is(e, NS_MEDIA, "group")) {
			media_group(a, it, e, base);
		} else if (xml_is(e, NS_MEDIA, "thumbnail")) {
			m = it->n_media ? NULL
					: feed_media_add(a, it, base, xml_attr(a, e, "url"));
			if (m) {
				m->medium = SPAN("image");
				m->thumbnail = true;
			}
		} else if (xml_is(e, NS_ITUNES, "image")) {
			m = feed_media_add(a, it, base, xml_attr(a, e, "href"));
			if (m)
				m->medium = SPAN("image");
		} else if (strcmp(xml_name(e), "enclosure") == 0) {
			m = feed_media_add(a, it, base, xml_attr(a, e, "url"));
			if (!m)
				continue;
			m->type = xml_attr(a, e, "type");
			m->length = feed_number(xml_attr(a, e, "length"), INT64_MAX);
			m->duration_s = duration_s;
		}
	}
}

/* ---- RSS, with and without RDF ---- */

static void
rss_item(struct arena *a, const struct xml *e, const struct url *feed, struct feed_item *it)
{
	struct span link = SPAN_NONE, body;
	const struct xml *guid = NULL;
	struct url u;

	it->base = feed_base(a, e, feed);
	for (const struct xml *c = xml_first(e); c; c = xml_next(c)) {
		const char *name = xml_name(c);

		if (xml_is(c, NS_FEEDBURNER, "origLink"))
			link = xml_text(a, c);
		else if (strcmp(name, "link") == 0 && !link.n && !xml_is(c, NS_ATOM, "link"))
			link = xml_text(a, c);
		else if (strcmp(name, "guid") == 0)
			guid = c;
		else if (strcmp(name, "title") == 0 && !xml_is(c, NS_MEDIA, "title") &&
			 !it->title.p)
			it->title = feed_title(a, xml_text(a, c));
		else if (strcmp(name, "pubDate") == 0)
			it->published_us = feed_date(xml_text(a, c));
		else if (xml_is(c, NS_DC, "date") && it->published_us == TIME_NONE)
			it->published_us = feed_date(xml_text(a, c));
		else if (xml_is(c, NS_DC, "language") && !it->language.p)
			it->language = xml_text(a, c);
		else if (strcmp(name, "category") == 0 && !xml_is(c, NS_MEDIA, "category"))
			feed_tag_add(a, it, xml_text(a, c));
	}
	if (guid) {
		struct span perma = xml_attr(a, guid, "isPermaLink");

		it->id = xml_text(a, guid);
		it->id_is_link = !span_is_nocase(perma, "false") &&
				 span_starts_nocase(it->id, SPAN("http"));
	}
	if (!it->id.n)
		it->id = xml_attr_ns(a, e, NS_RDF, "about");
	if (!it->id.n)
		it->id = SPAN_NONE;
	if (!link.n && it->id_is_link)
		link = it->id;
	if (link.n && !url_resolve(a, &it->base, link, &u)) {
		it->link = u.text;
		it->base = u;
	}
	body = xml_child_text(a, e, NS_CONTENT, "encoded");
	if (!body.n)
		body = xml_child_text(a, e, NULL, "description");
	it->body = body.p ? body : SPAN("");
	it->body_is_html = true;
	item_media(a, it, e, &it->base);
}

static int64_t
rss_interval(struct arena *a, const struct xml *channel)
{
	static const struct {
		const char *period;
		int64_t seconds;
	} periods[] = {{"hourly", 3600}, {"daily", 86400}, {"weekly", 604800},
		{"monthly", 2592000}, {"yearly", 31536000}};
	struct span period = xml_child_text(a, channel, NS_SY, "updatePeriod");
	int64_t times =
		feed_number(xml_child_text(a, channel, NS_SY, "updateFrequency"), 100000);
	int64_t ttl = feed_number(xml_child_text(a, channel, NULL, "ttl"), 100000) * 60;

	for (size_t i = 0; i < ARRAY_LEN(periods); i++)
		if (span_is_nocase(period, periods[i].period) &&
			periods[i].seconds / (times ? times : 1) > ttl)
			ttl = periods[i].seconds / (times ? times : 1);
	return ttl;
}

/* Hours count from 0, in RSS 0.91 from 1. All of them would mean never: that is no wish. */
static uint32_t
rss_skip_hours(struct arena *a, const struct xml *channel)
{
	const uint32_t all = (UINT32_C(1) << 24) - 1;
	const struct xml *list = xml_child(channel, NULL, "skipHours");
	uint32_t hours = 0;
	int64_t h;

	for (const struct xml *e = list ? xml_first(list) : NULL; e; e = xml_next(e))
		if (strcmp(xml_name(e), "hour") == 0 &&
			span_i64(span_trim(xml_text(a, e)), 0, 24, &h))
			hours |= UINT32_C(1) << (h % 24);
	return hours == all ? 0 : hours;
}

static void
feed_next_link(
	struct arena *a, const struct xml *parent, const struct url *url, struct feed *out)
{
	for (const struct xml *c = xml_first(parent); c && !out->next.p; c = xml_next(c)) {
		struct url u;

		if (xml_is(c, NS_ATOM, "link") && span_is(xml_attr(a, c, "rel"), "next") &&
			!url_resolve(a, url, xml_attr(a, c, "href"), &u))
			out->next = u.text;
	}
}

static const struct err *
rss_parse(struct arena *a, const struct xml *root, const struct url *url, struct feed *out)
{
	bool rdf = strcmp(xml_name(root), "RDF") == 0;
	const struct xml *channel = xml_child(root, NULL, "channel");
	struct url base = *url;
	struct span link = SPAN_NONE;
	size_t looks = 0;

	if (!channel)
		return err_new(a, ERR_INPUT, "the RSS feed has no channel");
	out->title = feed_title(a, xml_child_text(a, channel, NULL, "title"));
	out->language = xml_child_text(a, channel, NULL, "language");
	if (!out->language.n)
		out->language = xml_child_text(a, channel, NS_DC, "language");
	out->generator = xml_child_text(a, channel, NULL, "generator");
	out->min_interval_s = rss_interval(a, channel);
	out->skip_hours = rss_skip_hours(a, channel);
	for (const struct xml *c = xml_first(channel); c; c = xml_next(c))
		if (strcmp(xml_name(c), "link") == 0 && !xml_is(c, NS_ATOM, "link") &&
			feed_leads(url, xml_text(a, c), &looks))
			link = xml_text(a, c);
	if (!link.n || url_resolve(a, url, link, &base))
		base = *url;
	feed_next_link(a, channel, url, out);
	for (const struct xml *c = xml_first(rdf ? root : channel); c; c = xml_next(c)) {
		if (strcmp(xml_name(c), "item") != 0)
			continue;
		if (!feed_begin(a, out))
			break;
		rss_item(a, c, &base, &out->items[out->n_items++]);
	}
	return NULL;
}

/* ---- Atom ---- */

/* A text construct (RFC 4287 3.1) as HTML; *html false for plain text. */
static struct span
atom_text(struct arena *a, const struct xml *e, bool *html)
{
	struct span type = xml_attr(a, e, "type");

	*html = true;
	if (span_is_nocase(type, "xhtml") || span_is_nocase(type, "application/xhtml+xml"))
		return xml_inner(a, e);
	if (span_is_nocase(type, "html") || span_is_nocase(type, "text/html"))
		return xml_text(a, e);
	*html = false;
	return xml_text(a, e);
}

static struct span
atom_title(struct arena *a, const struct xml *e)
{
	bool html;
	struct span s = atom_text(a, e, &html);

	return html ? feed_title(a, s) : text_clean_line(a, s, TITLE_MAX);
}

/* *page: the address of the item's own page as written, one that is HTML before another. */
static void
atom_link(struct arena *a, const struct xml *e, struct feed_item *it, struct span *page,
	size_t *looks)
{
	struct span rel = xml_attr(a, e, "rel"), href = xml_attr(a, e, "href");
	struct span type = xml_attr(a, e, "type");
	struct feed_media *m;

	if (span_is(rel, "enclosure")) {
		m = feed_media_add(a, it, &it->base, href);
		if (m) {
			m->type = type;
			m->length = feed_number(xml_attr(a, e, "length"), INT64_MAX);
			m->alt = text_clean_line(a, xml_attr(a, e, "title"), ALT_MAX);
		}
		return;
	}
	if (rel.n && !span_is(rel, "alternate"))
		return;
	if ((!page->p || span_is_nocase(type, "text/html")) &&
		feed_leads(&it->base, href, looks))
		*page = href;
}

static void
atom_entry(struct arena *a, const struct xml *e, const struct url *feed, struct feed_item *it)
{
	const struct xml *body = xml_child(e, NS_ATOM, "content");
	struct span lang = xml_attr(a, e, "lang"), page = SPAN_NONE;
	size_t looks = 0;
	struct url u;

	it->base = feed_base(a, e, feed);
	it->id = xml_child_text(a, e, NS_ATOM, "id");
	if (!it->id.n)
		it->id = SPAN_NONE;
	it->published_us = feed_date(xml_child_text(a, e, NS_ATOM, "published"));
	it->updated_us = feed_date(xml_child_text(a, e, NS_ATOM, "updated"));
	if (it->published_us == TIME_NONE)
		it->published_us = it->updated_us;
	for (const struct xml *c = xml_first(e); c; c = xml_next(c)) {
		if (xml_is(c, NS_ATOM, "link"))
			atom_link(a, c, it, &page, &looks);
		else if (xml_is(c, NS_ATOM, "category"))
			feed_tag_add(a, it,
				xml_attr(a, c, "label").n ? xml_attr(a, c, "label")
							  : xml_attr(a, c, "term"));
		else if (xml_is(c, NS_ATOM, "title") && !it->title.p)
			it->title = atom_title(a, c);
	}
	if (page.p && !url_resolve(a, &it->base, page, &u))
		it->link = u.text;
	if (!body || xml_attr(a, body, "src").n)
		body = xml_child(e, NS_ATOM, "summary");
	if (!body)
		body = xml_child(e, NS_ATOM, "content");
	it->body = body ? atom_text(a, body, &it->body_is_html) : SPAN("");
	if (body) {
		it->base = feed_base(a, body, feed);
		if (xml_attr(a, body, "lang").n)
			lang = xml_attr(a, body, "lang");
	}
	it->language = lang.n ? lang : SPAN_NONE;
	item_media(a, it, e, &it->base);
}

static const struct err *
atom_parse(struct arena *a, const struct xml *root, const struct url *url, struct feed *out)
{
	struct url base = feed_base(a, root, url);
	const struct xml *title = xml_child(root, NS_ATOM, "title");

	out->title = title ? atom_title(a, title) : SPAN("");
	out->language = xml_attr(a, root, "lang");
	out->generator = xml_child_text(a, root, NS_ATOM, "generator");
	feed_next_link(a, root, &base, out);
	for (const struct xml *c = xml_first(root); c; c = xml_next(c)) {
		bool gone = xml_is(c, NS_TOMB, "deleted-entry");
		struct feed_item *it;

		if (!gone && !xml_is(c, NS_ATOM, "entry"))
			continue;
		if (!feed_begin(a, out))
			break;
		it = &out->items[out->n_items++];
		if (!gone) {
			atom_entry(a, c, url, it);
			continue;
		}
		it->deleted = true;
		it->id = xml_attr(a, c, "ref");
		it->base = base;
		it->body = SPAN("");
	}
	return NULL;
}

/* ---- JSON Feed ---- */

static void
json_media(struct arena *a, const json_t *j, struct feed_item *it)
{
	static const char *const images[] = {"image", "banner_image"};
	json_t *list = json_want_array(j, "attachments"), *one;
	struct feed_media *m;
	size_t i;

	json_array_foreach(list, i, one)
	{
		m = feed_media_add(a, it, &it->base, json_text(json_object_get(one, "url")));
		if (!m)
			continue;
		m->type = json_text(json_object_get(one, "mime_type"));
		m->alt = text_clean_line(a, json_text(json_object_get(one, "title")), ALT_MAX);
		(void)json_want_int(one, "size_in_bytes", 0, INT64_MAX, &m->length);
		(void)json_want_int(one, "duration_in_seconds", 0, 1000000, &m->duration_s);
	}
	for (i = 0; i < ARRAY_LEN(images); i++) {
		m = feed_media_add(a, it, &it->base, json_text(json_object_get(j, images[i])));
		if (m)
			m->medium = SPAN("image");
	}
}

static void
json_item(struct arena *a, const json_t *j, const struct url *url, struct feed_item *it)
{
	const json_t *id = json_object_get(j, "id");
	json_t *tags = json_want_array(j, "tags"), *tag;
	struct span link = json_text(json_object_get(j, "url")), html;
	struct url u;
	size_t i;

	it->base = *url;
	it->id = json_is_integer(id)
			 ? arena_printf(a, "%lld", (long long)json_integer_value(id))
			 : span_trim(json_text(id));
	if (!it->id.n)
		it->id = SPAN_NONE;
	if (link.n && !url_resolve(a, url, link, &u)) {
		it->link = u.text;
		it->base = u;
	}
	it->title = text_clean_line(a, json_text(json_object_get(j, "title")), TITLE_MAX);
	html = json_text(json_object_get(j, "content_html"));
	it->body_is_html = html.p != NULL;
	it->body = html.p ? html : json_text(json_object_get(j, "content_text"));
	if (!it->body.p)
		it->body = json_text(json_object_get(j, "summary"));
	if (!it->body.p)
		it->body = SPAN("");
	it->published_us = feed_date(json_text(json_object_get(j, "date_published")));
	it->updated_us = feed_date(json_text(json_object_get(j, "date_modified")));
	it->language = json_text(json_object_get(j, "language"));
	json_array_foreach(tags, i, tag) feed_tag_add(a, it, json_text(tag));
	json_media(a, j, it);
}

static const struct err *
json_feed_parse(struct arena *a, struct span text, const struct url *url, struct feed *out)
{
	json_t *root, *list, *one;
	struct span version, next;
	const struct err *e;
	struct url u;
	size_t i;

	if (span_starts(text, SPAN("\xef\xbb\xbf")))
		text = span_slice(text, 3, text.n);
	if ((e = json_parse(a, text, &json_limits_feed, &root)))
		return err_wrap(a, e, "the JSON feed cannot be read");
	version = json_text(json_object_get(root, "version"));
	list = json_want_array(root, "items");
	if (!span_has(version, SPAN("jsonfeed.org")) || !list)
		return err_new(a, ERR_INPUT, "the JSON document is not a JSON Feed");
	out->title = text_clean_line(a, json_text(json_object_get(root, "title")), TITLE_MAX);
	out->language = json_text(json_object_get(root, "language"));
	(void)json_want_bool(root, "expired", &out->expired);
	next = json_text(json_object_get(root, "next_url"));
	if (next.n && !url_resolve(a, url, next, &u))
		out->next = u.text;
	json_array_foreach(list, i, one)
	{
		if (!json_is_object(one))
			continue;
		if (!feed_begin(a, out))
			break;
		json_item(a, one, url, &out->items[out->n_items++]);
	}
	return NULL;
}

/* ---- which one it is ---- */

static size_t
count_of(struct span s, struct span needle)
{
	size_t n = 0, at;

	while ((at = span_find(s, needle)) != SIZE_MAX) {
		n++;
		s = span_slice(s, at + needle.n, s.n);
	}
	return n;
}

/* In a text that was cut off, the last item is not whole: it would come back as an edit. */
static void
feed_drop_cut(struct span text, const char *close, struct feed *out)
{
	if (out->recovered && out->n_items > 0 && count_of(text, span_of(close)) < out->n_items)
		out->n_items--;
}

static bool
looks_like_html(struct span s)
{
	struct span head = span_slice(s, 0, 2048);

	return span_find_nocase(head, SPAN("<!doctype html")) != SIZE_MAX ||
	       span_find_nocase(head, SPAN("<html")) != SIZE_MAX;
}

static bool
type_is_json(struct span type)
{
	return span_find_nocase(type, SPAN("json")) != SIZE_MAX;
}

const struct err *
feed_parse(struct arena *a, struct span text, struct span content_type, const struct url *url,
	struct feed *out)
{
	struct span head = span_trim(text);
	struct xml_doc doc;
	const struct err *e;

	*out = (struct feed){.used = arena_used(a)};
	if (span_starts(head, SPAN("\xef\xbb\xbf")))
		head = span_trim(span_slice(head, 3, head.n));
	if (head.n == 0)
		return err_new(a, ERR_INPUT, "the answer is empty");
	if (head.p[0] == '{' || head.p[0] == '[' || type_is_json(content_type))
		return json_feed_parse(a, head, url, out);
	if (looks_like_html(text))
		return err_new(a, ERR_NOT_ACCEPTABLE,
			"the address leads to a web page, not to a feed");
	if ((e = xml_parse(a, text, feed_charset(a, content_type), &doc)))
		return e;
	out->recovered = doc.recovered;
	if (xml_is(doc.root, NULL, "rss") || xml_is(doc.root, NS_RDF, "RDF")) {
		if ((e = rss_parse(a, doc.root, url, out)))
			return e;
		feed_drop_cut(text, "</item>", out);
		return NULL;
	}
	if (xml_is(doc.root, NS_ATOM, "feed")) {
		if ((e = atom_parse(a, doc.root, url, out)))
			return e;
		feed_drop_cut(text, "</entry>", out);
		return NULL;
	}
	return err_new(a, ERR_INPUT, "the XML document is not RSS or Atom but <%s>",
		xml_name(doc.root));
}
