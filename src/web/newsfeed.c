#include "web/newsfeed.h"

#include "base/json.h"
#include "base/text.h"
#include "hub/compose.h"
#include "hub/link.h"

#define HEADLINE_MAX 120
#define SUMMARY_MAX 300

/* ---- shared ---- */

int64_t
newsfeed_item_updated(const struct newsfeed_item *it)
{
	const struct post *p = it->post;

	return p->edited_us > p->published_us ? p->edited_us : p->published_us;
}

int64_t
newsfeed_updated(const struct newsfeed *f)
{
	int64_t last = 0;

	for (size_t i = 0; i < f->n; i++)
		if (newsfeed_item_updated(&f->items[i]) > last)
			last = newsfeed_item_updated(&f->items[i]);
	return last;
}

bool
newsfeed_file(struct arena *a, const struct newsfeed *f, const struct post_media *m,
	struct span *url, struct span *type)
{
	if (m->blob.p) {
		*url = link_media(a, f->hub, m->blob);
		*type = m->blob_type;
		return true;
	}
	/* Films and sound are not copied; they are where they were published. */
	*url = m->source_url;
	*type = m->mime.n                   ? m->mime
		: span_is(m->type, "video") ? SPAN("video/mp4")
					    : SPAN("audio/mpeg");
	return span_is(m->type, "video") || span_is(m->type, "audio");
}

static void
html_picture(
	struct arena *a, struct buf *b, const struct newsfeed *f, const struct post_media *m)
{
	if (!m->blob.p || !span_is(m->type, "image"))
		return;
	buf_lit(b, "<p><img src=\"");
	text_escape_html(b, link_media(a, f->hub, m->blob));
	buf_lit(b, "\" alt=\"");
	text_escape_html(b, m->alt);
	buf_byte(b, '"');
	if (m->width > 0 && m->height > 0)
		buf_printf(b, " width=\"%lld\" height=\"%lld\"", (long long)m->width,
			(long long)m->height);
	buf_lit(b, "></p>");
}

struct span
newsfeed_html(struct arena *a, const struct newsfeed *f, const struct newsfeed_item *it)
{
	struct span html;
	struct buf b;

	buf_init(&b, NEWSFEED_MAX);
	buf_add(&b, it->post->html);
	for (size_t i = 0; i < it->n_media; i++)
		html_picture(a, &b, f, &it->media[i]);
	buf_add(&b, compose_source(a, it->post).html);
	html = arena_dup(a, buf_span(&b));
	buf_fini(&b);
	return html;
}

/* ---- XML ---- */

static void
xml_attr_put(struct buf *b, const char *name, struct span value)
{
	buf_printf(b, " %s=\"", name);
	text_escape_xml(b, value);
	buf_byte(b, '"');
}

static void
xml_text_put(struct buf *b, const char *name, struct span text)
{
	buf_printf(b, "<%s>", name);
	text_escape_xml(b, text);
	buf_printf(b, "</%s>\n", name);
}

typedef void tag_fn(struct buf *b, struct span tag);

static void
each_tag(struct arena *a, struct buf *b, const struct post *p, tag_fn *fn)
{
	struct span *tags;
	size_t n = 0;

	if (post_tags_parse(a, p, &tags, &n))
		n = 0;
	for (size_t i = 0; i < n; i++)
		fn(b, tags[i]);
}

/* ---- Atom ---- */

static void
atom_link(struct buf *b, const char *rel, const char *type, struct span href)
{
	buf_printf(b, "<link rel=\"%s\"", rel);
	if (type)
		xml_attr_put(b, "type", span_of(type));
	xml_attr_put(b, "href", href);
	buf_lit(b, "/>\n");
}

static void
atom_author(struct arena *a, struct buf *b, const struct newsfeed *f, const struct account *by)
{
	buf_lit(b, "<author>");
	xml_text_put(b, "name", by->name);
	xml_text_put(b, "uri", link_profile(a, f->hub, by->slug));
	buf_lit(b, "</author>\n");
}

static void
atom_tag(struct buf *b, struct span tag)
{
	buf_lit(b, "<category");
	xml_attr_put(b, "term", tag);
	buf_lit(b, "/>\n");
}

static void
atom_enclosure(
	struct arena *a, struct buf *b, const struct newsfeed *f, const struct post_media *m)
{
	struct span url, type;

	if (!newsfeed_file(a, f, m, &url, &type))
		return;
	buf_lit(b, "<link rel=\"enclosure\"");
	xml_attr_put(b, "type", type);
	if (m->bytes > 0)
		buf_printf(b, " length=\"%lld\"", (long long)m->bytes);
	if (m->alt.n)
		xml_attr_put(b, "title", m->alt);
	xml_attr_put(b, "href", url);
	buf_lit(b, "/>\n");
}

static void
atom_entry(struct arena *a, struct buf *b, const struct newsfeed *f,
	const struct newsfeed_item *it)
{
	const struct post *p = it->post;

	buf_lit(b, "<entry");
	xml_attr_put(b, "xml:lang", p->language);
	buf_lit(b, ">\n");
	xml_text_put(b, "id", link_object(a, f->hub, p->id));
	xml_text_put(b, "title", compose_headline(a, p, HEADLINE_MAX));
	xml_text_put(b, "published", time_rfc3339(a, p->published_us));
	xml_text_put(b, "updated", time_rfc3339(a, newsfeed_item_updated(it)));
	atom_author(a, b, f, it->by);
	atom_link(b, "alternate", "text/html", link_status(a, f->hub, p->account_slug, p->id));
	if (p->url.p)
		atom_link(b, "via", NULL, p->url);
	each_tag(a, b, p, atom_tag);
	for (size_t i = 0; i < it->n_media; i++)
		atom_enclosure(a, b, f, &it->media[i]);
	buf_lit(b, "<content type=\"html\">");
	text_escape_xml(b, newsfeed_html(a, f, it));
	buf_lit(b, "</content>\n</entry>\n");
}

void
newsfeed_atom(struct arena *a, struct buf *b, const struct newsfeed *f)
{
	buf_lit(b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
		   "<feed xmlns=\"http://www.w3.org/2005/Atom\"");
	xml_attr_put(b, "xml:lang", f->language);
	buf_lit(b, ">\n");
	xml_text_put(b, "id", f->self);
	xml_text_put(b, "title", f->title);
	xml_text_put(b, "subtitle", f->description);
	xml_text_put(b, "updated", time_rfc3339(a, newsfeed_updated(f)));
	atom_link(b, "self", "application/atom+xml", f->self);
	atom_link(b, "alternate", "text/html", f->home);
	buf_lit(b, "<generator version=\"" PACKAGE_VERSION "\">Litfass</generator>\n");
	if (f->icon.p)
		xml_text_put(b, "icon", f->icon);
	for (size_t i = 0; i < f->n && b->n < NEWSFEED_ENOUGH; i++)
		atom_entry(a, b, f, &f->items[i]);
	buf_lit(b, "</feed>\n");
}

/* ---- RSS ---- */

static void
rss_tag(struct buf *b, struct span tag)
{
	xml_text_put(b, "category", tag);
}

/* RSS knows one enclosure an item; Media RSS has all of them, with their descriptions. */
static void
rss_files(struct arena *a, struct buf *b, const struct newsfeed *f,
	const struct newsfeed_item *it)
{
	struct span url, type;
	bool first = true;

	for (size_t i = 0; i < it->n_media; i++) {
		const struct post_media *m = &it->media[i];

		if (!newsfeed_file(a, f, m, &url, &type))
			continue;
		if (first) {
			buf_lit(b, "<enclosure");
			xml_attr_put(b, "url", url);
			buf_printf(b, " length=\"%lld\"", (long long)m->bytes);
			xml_attr_put(b, "type", type);
			buf_lit(b, "/>\n");
		}
		first = false;
		buf_lit(b, "<media:content");
		xml_attr_put(b, "url", url);
		xml_attr_put(b, "type", type);
		xml_attr_put(b, "medium", m->type);
		if (m->bytes > 0)
			buf_printf(b, " fileSize=\"%lld\"", (long long)m->bytes);
		buf_lit(b, ">");
		if (m->alt.n)
			xml_text_put(b, "media:description", m->alt);
		buf_lit(b, "</media:content>\n");
	}
}

static void
rss_item(struct arena *a, struct buf *b, const struct newsfeed *f,
	const struct newsfeed_item *it)
{
	const struct post *p = it->post;
	struct span line = text_clean_line(a, p->text, SUMMARY_MAX + 1);

	buf_lit(b, "<item>\n");
	xml_text_put(b, "title", compose_headline(a, p, HEADLINE_MAX));
	xml_text_put(b, "link", link_status(a, f->hub, p->account_slug, p->id));
	buf_lit(b, "<guid isPermaLink=\"false\">");
	text_escape_xml(b, link_object(a, f->hub, p->id));
	buf_lit(b, "</guid>\n");
	xml_text_put(b, "pubDate", time_rfc822(a, p->published_us));
	if (p->edited_us != TIME_NONE)
		xml_text_put(b, "atom:updated", time_rfc3339(a, p->edited_us));
	xml_text_put(b, "dc:creator", it->by->name);
	xml_text_put(b, "dc:language", p->language);
	each_tag(a, b, p, rss_tag);
	rss_files(a, b, f, it);
	xml_text_put(b, "description", text_truncate(a, line, SUMMARY_MAX));
	buf_lit(b, "<content:encoded>");
	text_escape_xml(b, newsfeed_html(a, f, it));
	buf_lit(b, "</content:encoded>\n</item>\n");
}

void
newsfeed_rss(struct arena *a, struct buf *b, const struct newsfeed *f)
{
	buf_lit(b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
		   "<rss version=\"2.0\" xmlns:atom=\"http://www.w3.org/2005/Atom\""
		   " xmlns:content=\"http://purl.org/rss/1.0/modules/content/\""
		   " xmlns:dc=\"http://purl.org/dc/elements/1.1/\""
		   " xmlns:media=\"http://search.yahoo.com/mrss/\">\n<channel>\n");
	xml_text_put(b, "title", f->title);
	xml_text_put(b, "link", f->home);
	xml_text_put(b, "description", f->description.n ? f->description : f->title);
	xml_text_put(b, "language", f->language);
	xml_text_put(b, "lastBuildDate", time_rfc822(a, newsfeed_updated(f)));
	xml_text_put(b, "generator", SPAN("Litfass " PACKAGE_VERSION));
	buf_lit(b, "<atom:link rel=\"self\" type=\"application/rss+xml\"");
	xml_attr_put(b, "href", f->self);
	buf_lit(b, "/>\n");
	for (size_t i = 0; i < f->n && b->n < NEWSFEED_ENOUGH; i++)
		rss_item(a, b, f, &f->items[i]);
	buf_lit(b, "</channel>\n</rss>\n");
}
