/* Content-Type, newline, a feed: from the recorded answer to the form that is stored. */
#include "fuzz/fuzz.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/text.h"
#include "connector/connector.h"
#include "lib/html_check.h"

#define NOW (INT64_C(1772359200) * US_PER_S) /* 2026-03-01 10:00 UTC */

static void
check_post(struct arena *a, const struct ingest_post *p)
{
	struct url u;
	size_t at;

	assert(p->remote_id.n > 0 && utf8_valid(p->text) && utf8_valid(p->html.html));
	assert(!html_check(p->html.html, &at));
	assert(p->content_hash.n == 32);
	assert(!p->url.n || !url_parse(a, p->url, &u));
	assert(p->n_media <= INGEST_MEDIA_MAX);
	for (size_t i = 0; i < p->n_media; i++)
		assert(!url_parse(a, p->media[i].url, &u));
	for (size_t i = 0; i < p->n_tags; i++)
		assert(p->tags[i].n > 0 && utf8_valid(p->tags[i]));
}

static void
check_items(struct arena *a, const struct source *s, const struct ingest *in)
{
	struct hub h = {.base = SPAN("https://hub.example"), .authority = SPAN("hub.example")};

	struct url u;

	assert(!in->older.n || !url_parse(a, in->older, &u));
	assert(in->n_items <= INGEST_ITEMS_MAX && in->n_bad <= INGEST_ITEMS_MAX);
	for (size_t i = 0; i < in->n_items; i++) {
		struct ingest_post p = {0};

		assert(in->items[i].remote_id.n > 0);
		ingest_normalise(a, &h, s, &in->items[i], NOW, &p);
		check_post(a, &p);
		(void)ingest_decide(&h, s, &in->items[i], &p, NULL, NOW);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_from(data, size), type = fuzz_head(&rest, '\n');
	const struct source s = {.id = 1,
		.account_slug = SPAN("feuerwehr"),
		.account_language = SPAN("de"),
		.url = SPAN("https://kreis.example/feed.xml"),
		.connected_us = TIME_NONE};
	struct http_call answer = {.status = 200, .content_type = type, .reply = rest};
	struct arena *a = arena_new();
	struct ingest in;
	bool ok = !url_parse(a, s.url, &answer.final);

	assert(ok);
	if (!connector_feed.parse(a, &s, &answer, NOW, &in))
		check_items(a, &s, &in);
	arena_free(a);
	return 0;
}
