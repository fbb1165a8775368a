/*
 * Span: a borrowed run of bytes (pointer, length), usually text. Owns nothing.
 *
 * p may be NULL only when n is 0; a NULL p means "absent" where a function says so.
 * No function here reads beyond n or needs a terminating NUL. Case folding is ASCII only.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct span {
	const char *p;
	size_t n;
};

#define SPAN(lit) ((struct span){.p = ("" lit), .n = sizeof(lit) - 1})
#define SPAN_NONE ((struct span){.p = NULL, .n = 0})
/* For printf: printf("%.*s", SPAN_FMT(s)). Callers limit the length where it matters. */
#define SPAN_FMT(s) (int)((s).n), ((s).p ? (s).p : "")

struct span span_of(const char *cstr); /* NULL gives SPAN_NONE */
struct span span_from(const void *p, size_t n);
/* Bytes [from, to), both clamped to the span. */
struct span span_slice(struct span s, size_t from, size_t to);

bool span_eq(struct span a, struct span b);
bool span_eq_nocase(struct span a, struct span b);
bool span_is(struct span a, const char *cstr);
bool span_is_nocase(struct span a, const char *cstr);
bool span_starts(struct span s, struct span prefix);
bool span_starts_nocase(struct span s, struct span prefix);
bool span_ends(struct span s, struct span suffix);
/* First position, or SIZE_MAX. */
size_t span_find_byte(struct span s, char c);
size_t span_rfind_byte(struct span s, char c);
size_t span_find(struct span s, struct span needle);
size_t span_find_nocase(struct span s, struct span needle);
bool span_has(struct span s, struct span needle);

/* Without leading and trailing space, tab, CR, LF, FF, VT. */
struct span span_trim(struct span s);
/*
 * Cuts the first field off *rest at sep: *field gets what stands before it, *rest what stands
 * behind. False when *rest was absent (p NULL): `while (span_cut(&rest, ',', &f))` visits all
 * fields, also empty ones.
 */
bool span_cut(struct span *rest, char sep, struct span *field);

/* Whole span must be a decimal number in range, digits only (a '-' for signed): else false. */
bool span_u64(struct span s, uint64_t max, uint64_t *out) MUST_CHECK;
bool span_i64(struct span s, int64_t min, int64_t max, int64_t *out) MUST_CHECK;

uint64_t span_hash(struct span s); /* not for secrets; seeded per process */

#endif
