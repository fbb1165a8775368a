#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/map.h"
#include "base/text.h"
#include "connector/connector.h"
#include "crypto/digest.h"
#include "markup/feed.h"

#define FEED_ACCEPT                                                                            \
	"application/atom+xml, application/rss+xml, application/feed+json;q=0.9, "             \
	"application/xml;q=0.8, */*;q=0.1"
#define KEY_MAX 1000

static const struct err *
feed_check(struct arena *a, const struct source_new *s)
{
	struct url u;

	return url_parse(a, s->url, &u);
}

/* Both validators go out: servers look at one or the other (RFC 9110 13.1). */
static const struct err *
feed_request(struct arena *a, const struct source *s, struct http_call *out)
{
	struct http_header *h = ARENA_ARRAY(a, 3, struct http_header);
	size_t n = 0;

	h[n++] = (struct http_header){.name = SPAN("Accept"), .value = SPAN(FEED_ACCEPT)};
	if (s->etag.n)
		h[n++] = (struct http_header){.name = SPAN("If-None-Match"), .value = s->etag};
	if (s->last_modified.n)
		h[n++] = (struct http_header){
			.name = SPAN("If-Modified-Since"), .value = s->last_modified};
	*out = (struct http_call){
		.kind = HTTP_FEED, .url = s->url, .headers = h, .n_headers = n};
	return NULL;
}

/* ---- identity ---- */

/* How often each key occurs in the document: what occurs twice identifies nothing. */
static void
count_key(struct map *m, struct span key)
{
	if (key.n)
		(void)map_put(m, key, (void *)((uintptr_t)map_get(m, key) + 1));
}

static bool
unique_key(const struct map *m, struct span key)
{
	return key.n && (uintptr_t)map_get(m, key) == 1;
}

static struct span
hash_key(struct arena *a, const char *prefix, struct span x, struct span y)
{
	struct digest *d = digest_sha256_new();
	unsigned char sum[SHA256_SIZE];
	struct span hex;

	digest_add(d, x);
	digest_add(d, SPAN("\n"));
	digest_add(d, y);
	digest_end(d, sum);
	hex = hex_encode(a, span_from(sum, 16));
	return arena_printf(a, "%s:%.*s", prefix, SPAN_FMT(hex));
}

static struct span
link_key_of(struct arena *a, const struct feed_item *it)
{
	struct arena *scratch = arena_new();
	struct span key = SPAN_NONE;
	struct url u;

	if (it->link.n && !url_parse(scratch, it->link, &u)) {
		key = url_key(scratch, &u);
		key = key.n <= KEY_MAX ? arena_printf(a, "l:%.*s", SPAN_FMT(key))
				       : hash_key(a, "l", key, SPAN(""));
	}
	arena_free(scratch);
	return key;
}

struct keys {
	struct span id, link, title;
};

static struct keys
keys_of(struct arena *a, const struct feed_item *it)
{
	struct keys k = {.id = it->id, .link = link_key_of(a, it)};

	/* An id that looks like a key of ours must not become one. */
	if (k.id.n > KEY_MAX || (k.id.n > 1 && k.id.p[1] == ':' && strchr("hilt", k.id.p[0])))
		k.id = hash_key(a, "i", k.id, SPAN(""));
	if (it->title.n && it->published_us != TIME_NONE)
		k.title = hash_key(a, "t", it->title,
			arena_printf(a, "%lld", (long long)it->published_us));
	return k;
}

/*
 * The identity of an item: its id where it is unique in the document, else its link, else its
 * content. The other keys become aliases, so that an item is still known when a new CMS gives
 * all of them new ids.
 */
static void
identify(struct arena *a, const struct feed_item *f, const struct keys *k,
	const struct map *seen, struct ingest_item *it)
{
	it->aliases = ARENA_ARRAY(a, 3, struct span);
	if (unique_key(seen, k->id))
		it->remote_id = k->id;
	if (unique_key(seen, k->link)) {
		if (!it->remote_id.p)
			it->remote_id = k->link;
		it->aliases[it->n_aliases++] = k->link;
	}
	if (unique_key(seen, k->title)) {
		if (!it->remote_id.p)
			it->remote_id = k->title;
		it->aliases[it->n_aliases++] = k->title;
	}
	if (!it->remote_id.p)
		it->remote_id = hash_key(a, "h", f->title, span_slice(f->body, 0, 200));
}

/* ---- items ---- */

static void
item_media(struct arena *a, const struct feed_item *f, struct ingest_item *it)
{
	struct html_image images[INGEST_MEDIA_MAX];
	size_t n = f->body_is_html ? html_images(a, f->body, &f->base, images, INGEST_MEDIA_MAX)
				   : 0;

	it->media = ARENA_ARRAY(a, n + f->n_media, struct ingest_media);
	for (size_t i = 0; i < n; i++)
		it->media[it->n_media++] = (struct ingest_media){.url = images[i].url,
			.other = images[i].other,
			.type = SPAN("image"),
			.alt = images[i].alt,
			.width = images[i].width,
			.height = images[i].height};
	for (size_t i = 0; i < f->n_media; i++) {
		const struct feed_media *m = &f->media[i];

		it->media[it->n_media++] = (struct ingest_media){.url = m->url,
			.type = m->medium,
			.mime = m->type,
			.alt = m->alt,
			.width = m->width,
			.height = m->height,
			.bytes = m->length,
			.duration_s = m->duration_s};
	}
}

static void
item_fill(struct arena *a, struct feed_item *f, struct ingest_item *it)
{
	it->url = f->link;
	it->base = f->base.text;
	it->title = f->title;
	it->body = f->body;
	it->body_is_html = f->body_is_html;
	it->language = f->language;
	it->published_us = f->published_us;
	it->embargo_us = TIME_NONE;
	it->tags = f->tags;
	it->n_tags = f->n_tags;
	it->deleted = f->deleted;
	item_media(a, f, it);
}

static bool
item_readable(const struct feed_item *f, const char **why)
{
	if (f->body.n > INGEST_TEXT_MAX) {
		*why = "its text is longer than 256 KiB";
		return false;
	}
	return true;
}

static void
bad_add(struct arena *a, const struct keys *k, const struct feed_item *f, const char *why,
	struct ingest *out)
{
	struct ingest_bad *b = &out->bad[out->n_bad++];

	b->key = k->id.n ? k->id : hash_key(a, "h", f->title, span_slice(f->body, 0, 200));
	b->raw = utf8_repair(a, span_slice(f->body, 0, 4096));
	b->error = span_of(why);
}

/* ---- pages ---- */

/* WordPress gives each feed in pages, but names none of them: "paged" counts from 1. */
static struct span
wordpress_older(struct arena *a, const struct url *page)
{
	struct span rest = page->query, field, query = SPAN("");
	int64_t n = 1;

	while (rest.p && span_cut(&rest, '&', &field))
		if (!span_starts(field, SPAN("paged=")))
			query = arena_printf(a, "%.*s%.*s&", SPAN_FMT(query), SPAN_FMT(field));
		else if (!span_i64(span_slice(field, 6, field.n), 1, INT32_MAX, &n))
			return SPAN_NONE;
	return arena_printf(a, "%.*s%.*s?%.*spaged=%lld", SPAN_FMT(page->origin),
		SPAN_FMT(page->path), SPAN_FMT(query), (long long)n + 1);
}

/* RFC 5005 3, JSON Feed 1.1 next_url. */
static struct span
older_page(struct arena *a, const struct feed *f, const struct url *page)
{
	/* Nobody on the way may have a say in what was read safely until now. */
	if (f->next.n && page->https && !span_starts(f->next, SPAN("https:")))
		return SPAN_NONE;
	if (f->next.n)
		return span_eq(f->next, page->text) ? SPAN_NONE : f->next;
	if (f->n_items == 0 || span_find_nocase(f->generator, SPAN("wordpress")) == SIZE_MAX)
		return SPAN_NONE;
	return wordpress_older(a, page);
}

static const struct err *
feed_parse_answer(struct arena *a, const struct source *s, const struct http_call *c,
	int64_t now_us, struct ingest *out)
{
	struct feed f;
	struct map *seen;
	struct keys *keys;
	const struct err *e = feed_parse(a, c->reply, c->content_type, &c->final, &f);

	(void)s;
	(void)now_us;
	*out = (struct ingest){0};
	if (e)
		return e;
	keys = ARENA_ARRAY(a, f.n_items, struct keys);
	seen = map_new();
	for (size_t i = 0; i < f.n_items; i++) {
		keys[i] = keys_of(a, &f.items[i]);
		count_key(seen, keys[i].id);
		count_key(seen, keys[i].link);
		count_key(seen, keys[i].title);
	}
	out->items = ARENA_ARRAY(a, f.n_items, struct ingest_item);
	out->bad = ARENA_ARRAY(a, f.n_items, struct ingest_bad);
	out->truncated = f.truncated;
	for (size_t i = 0; i < f.n_items && !ingest_page_full(a, INGEST_FOUND_MAX, out); i++) {
		const char *why;
		struct ingest_item *it;

		if (!item_readable(&f.items[i], &why)) {
			bad_add(a, &keys[i], &f.items[i], why, out);
			continue;
		}
		it = &out->items[out->n_items++];
		identify(a, &f.items[i], &keys[i], seen, it);
		item_fill(a, &f.items[i], it);
	}
	map_free(seen, NULL);
	out->older = older_page(a, &f, &c->final);
	out->title = f.title;
	out->language = f.language;
	out->etag = http_reply_header(c, "etag");
	out->last_modified = http_reply_header(c, "last-modified");
	out->min_interval_s = f.min_interval_s;
	out->skip_hours = f.skip_hours;
	out->recovered = f.recovered;
	out->expired = f.expired;
	return NULL;
}

const struct connector connector_feed = {
	.name = "feed",
	.check = feed_check,
	.request = feed_request,
	.parse = feed_parse_answer,
};
