#include "markup/link_header.h"

#include "base/codec.h"

/* Cuts off what stands before sep; within quotes it separates nothing. */
static struct span
link_cut(struct span *rest, char sep)
{
	const struct span all = *rest;
	bool quoted = false;
	size_t i = 0;

	for (; i < all.n && (quoted || all.p[i] != sep); i++) {
		if (all.p[i] == '"')
			quoted = !quoted;
		else if (quoted && all.p[i] == '\\')
			i++;
	}
	*rest = span_slice(all, i + 1, all.n);
	return span_slice(all, 0, i);
}

/* A token, or a quoted string without its quotes and backslashes. */
static struct span
link_value(struct arena *a, struct span s)
{
	char *out;
	size_t n = 0;

	if (!span_starts(s, SPAN("\"")))
		return s;
	out = arena_alloc(a, s.n);
	for (size_t i = 1; i < s.n && s.p[i] != '"'; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		out[n++] = s.p[i];
	}
	return span_from(out, n);
}

/* charset'language'percent-encoded (RFC 8187); only UTF-8 has to be known. */
static struct span
link_extended(struct arena *a, struct span s)
{
	struct span charset, language, text;

	if (!span_cut(&s, '\'', &charset) || !span_is_nocase(charset, "utf-8") ||
		!span_cut(&s, '\'', &language) || !s.p || !percent_decode(a, s, false, &text))
		return SPAN_NONE;
	return text;
}

static void
link_params(struct arena *a, struct span params, struct link_header *out)
{
	struct span extended = SPAN_NONE;
	const struct {
		const char *name;
		struct span *to;
	} known[] = {{"rel", &out->rel}, {"type", &out->type}, {"title", &out->title},
		{"title*", &extended}, {"anchor", &out->anchor}};

	while (params.n > 0) {
		struct span value = link_cut(&params, ';');
		const struct span name = span_trim(link_cut(&value, '='));

		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			if (span_is_nocase(name, known[i].name) && !known[i].to->p)
				*known[i].to = link_value(a, span_trim(value));
	}
	extended = link_extended(a, extended);
	if (extended.p)
		out->title = extended;
}

size_t
link_header_parse(struct arena *a, struct span value, struct link_header *out, size_t max)
{
	struct span rest = value.n <= LINK_HEADER_MAX ? value : SPAN_NONE;
	size_t n = 0;

	while (n < max && (rest = span_trim(rest)).n > 0) {
		struct link_header link = {0};
		size_t end;

		if (rest.p[0] != '<') {
			(void)link_cut(&rest, ',');
			continue;
		}
		if ((end = span_find_byte(rest, '>')) == SIZE_MAX)
			break;
		link.target = span_trim(span_slice(rest, 1, end));
		rest = span_slice(rest, end + 1, rest.n);
		link_params(a, link_cut(&rest, ','), &link);
		out[n++] = link;
	}
	return n;
}
