/* Cleaning, cutting and escaping of strangers' text. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "base/json.h"
#include "base/text.h"
#include "markup/tr.h"

static void
escape(struct arena *a, struct span s)
{
	struct buf b;
	json_t *j;

	buf_init(&b, 64 << 20);
	text_escape_html(&b, s);
	for (size_t i = 0; i < b.n; i++)
		assert(!strchr("<>\"'", b.p[i]));
	buf_reset(&b);
	text_escape_xml(&b, s);
	for (size_t i = 0; i < b.n; i++)
		assert(!strchr("<>\"'", b.p[i]));
	assert(utf8_valid(buf_span(&b)));
	buf_reset(&b);
	buf_byte(&b, '"');
	text_escape_json(&b, s);
	buf_byte(&b, '"');
	if (span_find_byte(s, '\0') == SIZE_MAX && s.n < 1000)
		assert(!json_parse(a, buf_span(&b), &json_limits_ap, &j));
	buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span s = span_from(data, size), out;
	struct arena *a = arena_new();

	assert(utf8_valid(utf8_repair(a, s)));
	assert(utf8_valid(utf8_from_cp1252(a, s)));
	out = text_clean_line(a, s, 50);
	assert(utf8_valid(out) && utf8_count(out) <= 50);
	assert(span_find_byte(out, '\n') == SIZE_MAX && span_find_byte(out, '\0') == SIZE_MAX);
	assert(span_eq(text_clean_line(a, out, 50), out));
	out = text_clean(a, s, 50);
	assert(utf8_valid(out) && utf8_count(out) <= 50 && !span_has(out, SPAN("\n\n\n")));
	assert(span_eq(text_clean(a, out, 50), out));
	out = text_truncate(a, utf8_repair(a, s), 20);
	assert(utf8_valid(out) && utf8_count(out) <= 20);
	out = text_slug(a, s, 30);
	assert(out.n <= 30);
	assert(utf8_valid(text_nfc(a, s)));
	escape(a, s);
	assert(tr_negotiate(s) < TR_LANGS);
	arena_free(a);
	return 0;
}
