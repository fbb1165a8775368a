/*
 * Clock: wall time in microseconds since 1970 UTC and monotonic time in milliseconds.
 * Tests replace both with clock_fake. Times in structs are int64_t microseconds, suffix _us.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/arena.h"

#define US_PER_S INT64_C(1000000)
#define TIME_NONE INT64_MIN /* "no time" in structs and SQL NULL */

int64_t clock_us(void);
int64_t clock_mono_ms(void);
/* Tests only: fixed wall time and monotonic time until changed again; 0, 0 = real clocks. */
void clock_fake(int64_t wall_us, int64_t mono_ms);

/* RFC 3339 UTC: "2026-03-01T10:00:00Z", with_ms "2026-03-01T10:00:00.000Z". */
struct span time_rfc3339(struct arena *a, int64_t us);
struct span time_rfc3339_ms(struct arena *a, int64_t us);
/* IMF-fixdate, RFC 9110 5.6.7: "Sun, 01 Mar 2026 10:00:00 GMT". */
struct span time_http(struct arena *a, int64_t us);
/* RFC 822 with numeric zone for RSS: "Sun, 01 Mar 2026 10:00:00 +0000". */
struct span time_rfc822(struct arena *a, int64_t us);
/* Strict RFC 3339 with any offset and up to 9 fraction digits; false when not valid. */
bool time_parse_rfc3339(struct span s, int64_t *us) MUST_CHECK;
/* All three date forms of RFC 9110 5.6.7. */
bool time_parse_http(struct span s, int64_t *us) MUST_CHECK;

/* Broken-down civil time without the process's locale or TZ. */
struct civil {
	int year, month, day, hour, minute, second,
		weekday; /* month 1-12, weekday 0 = Sunday */
};
struct civil civil_utc(int64_t us);
/* Europe/Berlin by the EU rule (last Sundays of March and October, 01:00 UTC). */
struct civil civil_berlin(int64_t us);
int64_t civil_to_us(const struct civil *c, int offset_min);
int berlin_offset_min(int64_t us);
/* Offset for a Berlin wall time given as if it were UTC. */
int berlin_offset_of_local(const struct civil *c);

#endif
