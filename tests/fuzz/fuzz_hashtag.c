/* HTML. Links of hashtags change no word of it, and a second pass changes nothing. */
#include "fuzz/fuzz.h"
#include "markup/hashtag.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span base = SPAN("https://hub.example/tags/");
	struct arena *a = arena_new();
	struct safe_html html = html_sanitize(a, span_from(data, size), NULL);
	struct safe_html linked = html_link_hashtags(a, html, base);

	assert(span_eq(html_to_text(a, linked.html), html_to_text(a, html.html)));
	assert(span_eq(html_link_hashtags(a, linked, base).html, linked.html));
	arena_free(a);
	return 0;
}
