/* Base URL, newline, reference. What was parsed parses to itself. */
#include "fuzz/fuzz.h"
#include "base/url.h"

static void
same(struct arena *a, const struct url *u)
{
	struct url again;

	assert(!url_parse(a, u->text, &again));
	assert(span_eq(again.text, u->text));
	assert(span_eq(again.host, u->host));
	assert(span_eq(again.origin, u->origin));
	assert(span_eq(again.target, u->target));
	assert(again.port == u->port && again.https == u->https);
	assert(u->path.n > 0 && u->path.p[0] == '/');
	for (size_t i = 0; i < u->text.n; i++)
		assert(u->text.p[i] > ' ' && u->text.p[i] != 0x7f && u->text.p[i] != '\\');
	assert(span_find_byte(u->authority, '@') == SIZE_MAX);
	assert(url_same_origin(a, u->text, u->origin));
	assert(url_key(a, u).n <= u->text.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_from(data, size), first = fuzz_head(&rest, '\n'), host, again;
	struct arena *a = arena_new();
	struct url base, u, twice;

	if (url_host_normalise(a, first, &host)) {
		assert(url_host_normalise(a, host, &again));
		assert(span_eq(again, host));
	}
	if (url_parse(a, first, &base)) {
		bool ok = !url_parse(a, SPAN("https://hub.example/a/b?c#d"), &base);

		assert(ok);
	} else {
		same(a, &base);
	}
	if (!url_resolve(a, &base, rest, &u)) {
		same(a, &u);
		assert(!url_resolve(a, &base, u.text, &twice));
		assert(span_eq(twice.text, u.text));
	}
	arena_free(a);
	return 0;
}
