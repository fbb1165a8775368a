/* Two templates divided by a NUL byte: values never bring markup of their own. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "markup/template.h"

static const char model_text[] =
	"{\"name\":\"<b>\\\"'&\",\"yes\":true,\"no\":false,\"n\":5,\"null\":null,\"real\":1.5,"
	"\"list\":[{\"name\":\"<i>\",\"list\":[1,[]]},\"<u>\"],\"empty\":[],"
	"\"deep\":{\"a\":{\"b\":\"<s>\"}}}";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_from(data, size), first = fuzz_head(&rest, '\0');
	const struct embed_file files[] = {
		{"a.html", (const unsigned char *)first.p, first.n},
		{"b.html", (const unsigned char *)rest.p, rest.n},
		{NULL, NULL, 0},
	};
	struct arena *a = arena_new();
	struct templates *t;
	json_t *model;
	struct buf b;
	bool ok = !json_parse(a, span_of(model_text), &json_limits_ap, &model);

	assert(ok);
	if (size <= 4096 && !templates_new(a, files, &t)) {
		buf_init(&b, 1 << 20);
		template_render(t, "a", model, TR_DE, &b);
		if (!memchr(data, '<', size))
			assert(span_find_byte(buf_span(&b), '<') == SIZE_MAX);
		buf_fini(&b);
		templates_free(t);
	}
	arena_free(a);
	return 0;
}
