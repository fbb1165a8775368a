/* Within its limits JSON is written and read again to the same; getters take any type. */
#include "fuzz/fuzz.h"
#include "base/json.h"
#include "base/text.h"

static size_t
count(const json_t *j, int depth)
{
	size_t n = 1, i;
	const char *key;
	json_t *v;

	assert(depth <= json_limits_ap.depth);
	json_object_foreach((json_t *)(uintptr_t)j, key, v) n += count(v, depth + 1);
	json_array_foreach(j, i, v) n += count(v, depth + 1);
	assert(json_text(j).n <= json_limits_ap.string);
	assert(utf8_valid(json_text(j)));
	return n;
}

static void
get(struct arena *a, const json_t *j)
{
	struct span text = SPAN("unset");
	int64_t number = 7;
	bool flag = false;

	if (!json_need_text(a, j, "id", 10, &text))
		assert(text.n <= 10);
	(void)!json_want_text(j, "type", 100, &text);
	if (json_want_int(j, "n", -5, 5, &number))
		assert(number >= -5 && number <= 5);
	(void)!json_want_bool(j, "flag", &flag);
	(void)json_want_array(j, "object");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	json_t *j, *again;

	if (!json_parse(a, span_from(data, size), &json_limits_ap, &j)) {
		assert(count(j, 0) <= json_limits_ap.values);
		get(a, j);
		assert(!json_parse(a, json_dump(a, j), &json_limits_feed, &again));
		assert(json_equal(j, again));
		assert(span_eq(json_dump_sorted(a, j), json_dump_sorted(a, again)));
	}
	arena_free(a);
	return 0;
}
