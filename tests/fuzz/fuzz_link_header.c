/* A Link header: at most as many links as asked for, and feeds only with usable addresses. */
#include "fuzz/fuzz.h"
#include "base/text.h"
#include "markup/link_header.h"
#include "markup/sanitize.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span value = span_from(data, size);
	struct arena *a = arena_new();
	struct link_header links[3];
	struct html_feed feeds[3];
	struct url page, u;
	bool ok = !url_parse(a, SPAN("https://kreis.example/aktuelles/"), &page);
	size_t n = link_header_parse(a, value, links, ARRAY_LEN(links));

	assert(ok && n <= ARRAY_LEN(links));
	for (size_t i = 0; i < n; i++)
		assert(links[i].target.p && links[i].title.n <= size);
	n = html_feeds(a, SPAN(""), &page, &value, 1, feeds, ARRAY_LEN(feeds));
	assert(n <= ARRAY_LEN(feeds));
	for (size_t i = 0; i < n; i++)
		assert(!url_parse(a, feeds[i].url, &u) && utf8_valid(feeds[i].title));
	arena_free(a);
	return 0;
}
