/* First bytes of strangers' pictures: what passes is inside the limits, whatever its type says.
 */
#include "fuzz/fuzz.h"
#include "media/plan.h"

static void
planned(const struct plan *p)
{
	assert(p->format != FRAME_UNKNOWN);
	assert(p->width > 0 && p->width <= FRAME_SIDE_MAX);
	assert(p->height > 0 && p->height <= FRAME_SIDE_MAX);
	assert(p->width * p->height <= FRAME_PIXELS_MAX);
	assert(p->large > 0 && p->large <= PLAN_LARGE && p->small > 0 &&
		p->small <= PLAN_SMALL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {NULL, "image/jpeg", "text/html; charset=utf-8"};
	struct span s = span_from(data, size);

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct arena *a = arena_new();
		struct plan p = {0};

		if (!plan_picture(a, span_of(types[i]), s, &p))
			planned(&p);
		arena_free(a);
	}
	return 0;
}
