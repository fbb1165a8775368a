/* What is encoded decodes to itself; what decodes has one spelling. */
#include "fuzz/fuzz.h"
#include "base/codec.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span s = span_from(data, size), out, again;
	struct arena *a = arena_new();

	assert(hex_decode(a, hex_encode(a, s), &out) && span_eq(out, s));
	assert(base64_decode(a, base64_encode(a, s), &out) && span_eq(out, s));
	assert(percent_decode(a, percent_encode(a, s), true, &out) && span_eq(out, s));
	if (s.n <= 128)
		assert(base58_decode(a, base58_encode(a, s), &out) && span_eq(out, s));
	if (hex_decode(a, s, &out))
		assert(span_eq_nocase(hex_encode(a, out), s));
	if (base64_decode(a, s, &out)) {
		again = base64_encode(a, out);
		assert(span_starts(again, s) || span_starts(s, again));
	}
	if (base58_decode(a, s, &out) && out.n <= 128)
		assert(span_eq(base58_encode(a, out), s));
	(void)!percent_decode(a, s, false, &out);
	arena_free(a);
	return 0;
}
