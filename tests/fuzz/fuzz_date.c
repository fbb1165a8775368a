/* Any text: what is read as a time can be written, and is then read as the same time. */
#include "fuzz/fuzz.h"
#include "base/clock.h"
#include "markup/dates.h"

static void
same(struct arena *a, int64_t us)
{
	int64_t again;

	assert(time_parse_rfc3339(time_rfc3339(a, us), &again));
	assert(again / US_PER_S == us / US_PER_S);
	assert(time_parse_http(time_http(a, us), &again));
	assert(again / US_PER_S == us / US_PER_S);
	assert(date_parse(time_rfc822(a, us), &again));
	assert(again / US_PER_S == us / US_PER_S);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span s = span_from(data, size);
	struct arena *a = arena_new();
	int64_t us, first = -INT64_C(2208988800) * US_PER_S; /* 1900 */

	if (date_parse(s, &us) && us > first && us < INT64_C(253402300800) * US_PER_S)
		same(a, us);
	if (time_parse_http(s, &us) && us > 0)
		same(a, us);
	if (time_parse_rfc3339(s, &us) && us > 0 && us < INT64_C(253402300800) * US_PER_S)
		same(a, us);
	arena_free(a);
	return 0;
}
