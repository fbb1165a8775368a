/* Strangers' HTML: the output is inside the allow-list and a fixpoint. */
#include <stdio.h>

#include "fuzz/fuzz.h"
#include "base/text.h"
#include "lib/html_check.h"
#include "markup/hashtag.h"
#include "markup/sanitize.h"

static void
inside(struct span html)
{
	size_t at = 0;
	const char *bad = html_check(html, &at);

	if (bad) {
		(void)fprintf(stderr, "%s at %zu of: %.*s\n", bad, at, SPAN_FMT(html));
		assert(!bad);
	}
	assert(utf8_valid(html));
}

static void
sanitize(struct arena *a, struct span html, const struct url *base)
{
	struct span out = html_sanitize(a, html, base).html;
	struct span again = html_sanitize(a, out, base).html;

	inside(out);
	inside(html_link_hashtags(
		a, (struct safe_html){.html = out}, SPAN("https://hub.example/tags/"))
			.html);
	if (!span_eq(out, again)) {
		(void)fprintf(
			stderr, "once:  %.*s\ntwice: %.*s\n", SPAN_FMT(out), SPAN_FMT(again));
		assert(span_eq(out, again));
	}
}

static void
find(struct arena *a, struct span html, const struct url *base)
{
	struct html_image images[3];
	struct html_feed feeds[3];
	struct span tags[5];
	struct url u;
	size_t n = html_images(a, html, base, images, ARRAY_LEN(images));

	assert(n <= ARRAY_LEN(images));
	for (size_t i = 0; i < n; i++)
		assert(!url_parse(a, images[i].url, &u) && utf8_valid(images[i].alt));
	n = html_feeds(a, html, base, NULL, 0, feeds, ARRAY_LEN(feeds));
	assert(n <= ARRAY_LEN(feeds));
	for (size_t i = 0; i < n; i++)
		assert(!url_parse(a, feeds[i].url, &u) && utf8_valid(feeds[i].title));
	n = text_hashtags(a, html, tags, ARRAY_LEN(tags));
	assert(n <= ARRAY_LEN(tags));
	for (size_t i = 0; i < n; i++)
		assert(tags[i].n > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span html = span_from(data, size), text;
	struct arena *a = arena_new();
	struct url base;
	bool ok = !url_parse(a, SPAN("https://kreis.example/aktuelles/"), &base);

	assert(ok);
	sanitize(a, html, &base);
	sanitize(a, html, NULL);
	text = html_to_text(a, html);
	assert(utf8_valid(text) && span_find_byte(text, '\0') == SIZE_MAX);
	inside(html_from_text(a, html, SPAN("https://hub.example/tags/")).html);
	inside(html_from_text(a, text, SPAN_NONE).html);
	inside(html_link_line(a, SPAN("Quelle: "), html, SPAN("a & b")).html);
	find(a, html, &base);
	arena_free(a);
	return 0;
}
