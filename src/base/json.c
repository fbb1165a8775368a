#include "base/json.h"

#include <stdlib.h>

#include "base/text.h"

const struct json_limits json_limits_ap = {
	.bytes = 1 << 20, .depth = 32, .values = 10000, .string = 256 << 10};
const struct json_limits json_limits_feed = {
	.bytes = 8 << 20, .depth = 16, .values = 500000, .string = 2 << 20};

static void
json_release(void *j)
{
	json_decref(j);
}

json_t *
json_own(struct arena *a, json_t *j)
{
	if (j)
		arena_own(a, json_release, j);
	return j;
}

/*
 * jansson recurses as deep as the text says and knows no sizes, so the text is walked once
 * before: depth, number of values, length of strings. Syntax is jansson's own business.
 */
static const struct err *
json_scan(struct arena *a, struct span s, const struct json_limits *lim)
{
	size_t values = 1, from = 0;
	bool in_string = false;
	int depth = 0;

	if (s.n > lim->bytes)
		return err_new(a, ERR_TOO_LARGE, "JSON of %zu bytes: at most %zu are read", s.n,
			lim->bytes);
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
			if (i - from > lim->string + 1) /* `from` and i stand on the quotes */
				return err_new(a, ERR_TOO_LARGE,
					"JSON with a string of over %zu bytes", lim->string);
			continue;
		}
		if (c == '"') {
			in_string = true;
			from = i;
		} else if (c == '{' || c == '[') {
			values++;
			if (++depth > lim->depth)
				return err_new(a, ERR_INPUT,
					"JSON nested deeper than %d levels", lim->depth);
		} else if (c == '}' || c == ']') {
			depth--;
		} else if (c == ',' || c == ':') {
			values++;
		}
		if (values > lim->values)
			return err_new(
				a, ERR_TOO_LARGE, "JSON with over %zu values", lim->values);
	}
	return NULL;
}

const struct err *
json_parse(struct arena *a, struct span s, const struct json_limits *lim, json_t **out)
{
	const struct err *e = json_scan(a, s, lim);
	json_error_t bad;
	json_t *j;

	if (e)
		return e;
	j = json_loadb(s.p ? s.p : "", s.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &bad);
	if (!j)
		return err_new(a, ERR_INPUT, "not JSON: %s (line %d, column %d)", bad.text,
			bad.line, bad.column);
	*out = json_own(a, j);
	return NULL;
}

struct span
json_text(const json_t *j)
{
	return json_is_string(j) ? span_from(json_string_value(j), json_string_length(j))
				 : SPAN_NONE;
}

const struct err *
json_need_text(
	struct arena *a, const json_t *obj, const char *key, size_t max, struct span *out)
{
	const json_t *v = json_object_get(obj, key);

	if (!v)
		return err_new(a, ERR_INPUT, "\"%s\" is missing", key);
	if (!json_is_string(v))
		return err_new(a, ERR_INPUT, "\"%s\" is not a text", key);
	if (json_string_length(v) > max)
		return err_new(a, ERR_INPUT, "\"%s\" is longer than %zu bytes", key, max);
	*out = json_text(v);
	return NULL;
}

bool
json_want_text(const json_t *obj, const char *key, size_t max, struct span *out)
{
	const json_t *v = json_object_get(obj, key);

	if (!json_is_string(v) || json_string_length(v) > max)
		return false;
	*out = json_text(v);
	return true;
}

bool
json_want_int(const json_t *obj, const char *key, int64_t min, int64_t max, int64_t *out)
{
	const json_t *v = json_object_get(obj, key);

	if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
		return false;
	*out = json_integer_value(v);
	return true;
}

bool
json_want_bool(const json_t *obj, const char *key, bool *out)
{
	const json_t *v = json_object_get(obj, key);

	if (!json_is_boolean(v))
		return false;
	*out = json_is_true(v);
	return true;
}

json_t *
json_want_array(const json_t *obj, const char *key)
{
	json_t *v = json_object_get(obj, key);

	return json_is_array(v) ? v : NULL;
}

json_t *
json_str(struct span s)
{
	struct arena *a;
	json_t *j;

	if (!s.p)
		return json_null();
	j = json_stringn(s.p, s.n);
	if (j)
		return j;
	a = arena_new();
	s = utf8_repair(a, s);
	j = json_stringn(s.p, s.n);
	arena_free(a);
	assert(j);
	return j;
}

static struct span
json_dump_flags(struct arena *a, const json_t *j, size_t flags)
{
	char *p = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY | flags);
	struct span s;

	assert(p);
	s = arena_dup(a, span_of(p));
	free(p);
	return s;
}

struct span
json_dump(struct arena *a, const json_t *j)
{
	return json_dump_flags(a, j, 0);
}

struct span
json_dump_sorted(struct arena *a, const json_t *j)
{
	return json_dump_flags(a, j, JSON_SORT_KEYS);
}
