/*
 * JSON: limits before parsing, typed getters that name the path, canonical output.
 *
 * json_t is a value type of jansson. Parsed documents are owned by the arena. Getters never
 * crash on a wrong type: `need` gives an error that names the key; `want` returns false when
 * the value is absent or of another type, and leaves *out as it was, so set a default first.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"

AUTO_DEFINE(json_t, json_decref)

struct json_limits {
	size_t bytes;  /* of the document */
	int depth;     /* at most 64 */
	size_t values; /* scalars and containers */
	size_t string; /* bytes of one string */
};
extern const struct json_limits json_limits_ap;   /* 1 MiB, depth 32, 10 000 values, 256 KiB */
extern const struct json_limits json_limits_feed; /* 8 MiB, depth 16, 500 000 values, 2 MiB */

/* Strict JSON, duplicate keys refused, no NUL. The arena owns the result. */
const struct err *json_parse(
	struct arena *a, struct span s, const struct json_limits *lim, json_t **out) MUST_CHECK;
/* Hands a reference to the arena; returns it. */
json_t *json_own(struct arena *a, json_t *j);

const struct err *json_need_text(struct arena *a, const json_t *obj, const char *key,
	size_t max, struct span *out) MUST_CHECK;
bool json_want_text(const json_t *obj, const char *key, size_t max, struct span *out);
bool json_want_int(const json_t *obj, const char *key, int64_t min, int64_t max, int64_t *out);
bool json_want_bool(const json_t *obj, const char *key, bool *out);
json_t *json_want_array(const json_t *obj, const char *key); /* borrowed or NULL */
struct span json_text(const json_t *j); /* of a string; SPAN_NONE otherwise */

json_t *json_str(
	struct span s); /* json_stringn; invalid UTF-8 is repaired, SPAN_NONE gives null */
/* Compact text in the arena. */
struct span json_dump(struct arena *a, const json_t *j);
/* Sorted keys, compact: stable bytes for hashing our own values (not RFC 8785). */
struct span json_dump_sorted(struct arena *a, const json_t *j);

#endif
