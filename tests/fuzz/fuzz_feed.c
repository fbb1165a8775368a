/* Content-Type, newline, document: what a feed reader makes of it is valid and in bounds. */
#include "fuzz/fuzz.h"
#include "base/text.h"
#include "markup/feed.h"

static void
is_url(struct arena *a, struct span s)
{
	struct url u;

	assert(!s.p || !url_parse(a, s, &u));
}

static void
is_line(struct span s, size_t max)
{
	assert(utf8_valid(s) && utf8_count(s) <= max);
	assert(span_find_byte(s, '\n') == SIZE_MAX && span_find_byte(s, '\0') == SIZE_MAX);
}

static void
check_item(struct arena *a, const struct feed_item *it)
{
	assert(!it->id.p || it->id.n > 0);
	assert(it->n_tags <= FEED_TAGS_MAX && it->n_media <= FEED_MEDIA_MAX);
	is_line(it->title, 500);
	is_url(a, it->link);
	is_url(a, it->base.text);
	assert(it->body.p && utf8_valid(it->body) && utf8_valid(it->id));
	for (size_t i = 0; i < it->n_tags; i++)
		is_line(it->tags[i], 100);
	for (size_t i = 0; i < it->n_media; i++) {
		const struct feed_media *m = &it->media[i];

		assert(m->url.p);
		is_url(a, m->url);
		is_line(m->alt, 1500);
		assert(m->length >= 0 && m->width >= 0 && m->height >= 0 && m->duration_s >= 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_from(data, size), type = fuzz_head(&rest, '\n');
	struct arena *a = arena_new();
	struct feed f;
	struct url url;
	bool ok = !url_parse(a, SPAN("https://kreis.example/feed.xml"), &url);

	assert(ok);
	if (!feed_parse(a, rest, type, &url, &f)) {
		assert(f.n_items <= FEED_ITEMS_MAX && f.min_interval_s >= 0);
		is_line(f.title, 500);
		is_url(a, f.next);
		for (size_t i = 0; i < f.n_items; i++)
			check_item(a, &f.items[i]);
	}
	arena_free(a);
	return 0;
}
