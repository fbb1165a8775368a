#include "ap/context.h"

#define AS_IRI "https://www.w3.org/ns/activitystreams#"

/* The members that decide who says what about what. */
static const char *const context_core[] = {"id", "type", "actor", "object", "target", "to",
	"cc", "bto", "bcc", "attributedTo", "inReplyTo", "published", "updated"};

static bool
context_is_core(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(context_core); i++)
		if (span_is(name, context_core[i]))
			return true;
	return false;
}

/* "as:actor" and the IRI it stands for give "actor"; other names SPAN_NONE. */
static struct span
context_as_name(struct span s)
{
	if (span_starts(s, SPAN("as:")))
		return span_slice(s, 3, s.n);
	if (span_starts(s, SPAN(AS_IRI)))
		return span_slice(s, sizeof(AS_IRI) - 1, s.n);
	return SPAN_NONE;
}

static const struct err *
context_refuse(struct arena *a, struct span key, const char *why)
{
	return err_new(a, ERR_INPUT, "the member \"%.*s\" %s: send plain ActivityStreams names",
		(int)(key.n > 60 ? 60 : key.n), key.p, why);
}

/* A term and what it is said to mean. */
static const struct err *
context_term(struct arena *a, struct span term, struct span meaning)
{
	struct span as = context_as_name(meaning);
	bool core = context_is_core(term);

	if (span_starts(meaning, SPAN("@"))) {
		if ((span_is(term, "id") && span_is(meaning, "@id")) ||
			(span_is(term, "type") && span_is(meaning, "@type")))
			return NULL;
		return context_refuse(a, term, "renames a keyword of JSON-LD");
	}
	if (span_is(term, "as") && !span_is(meaning, AS_IRI))
		return context_refuse(a, term, "is given another meaning");
	if (core && !span_eq(as, term))
		return context_refuse(a, term, "is given another meaning");
	if (!core && context_is_core(as))
		return context_refuse(a, term, "is a second name of one that has a name");
	return NULL;
}

static const struct err *
context_definition(struct arena *a, struct span term, const json_t *def)
{
	static const char *const refused[] = {"@context", "@reverse", "@nest"};
	struct span id = json_text(json_object_get(def, "@id"));

	if (json_is_string(def))
		return context_term(a, term, json_text(def));
	if (json_is_null(def) && !context_is_core(term))
		return NULL;
	if (!json_is_object(def))
		return context_refuse(a, term, "is defined in a way that is not understood");
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (json_object_get(def, refused[i]))
			return context_refuse(a, term, "changes what stands inside it");
	if (!id.p)
		return context_is_core(term)
			       ? context_refuse(a, term, "is given another meaning")
			       : NULL;
	return context_term(a, term, id);
}

static const struct err *
context_inline(struct arena *a, const json_t *context)
{
	static const char *const harmless[] = {
		"@vocab", "@language", "@version", "@protected", "@direction"};
	const char *key;
	json_t *def;

	json_object_foreach((json_t *)(uintptr_t)context, key, def)
	{
		struct span term = span_of(key);
		const struct err *e = NULL;
		size_t i = 0;

		while (i < ARRAY_LEN(harmless) && !span_is(term, harmless[i]))
			i++;
		if (!span_starts(term, SPAN("@")))
			e = context_definition(a, term, def);
		else if (i == ARRAY_LEN(harmless))
			e = context_refuse(a, term, "changes what other members mean");
		if (e)
			return e;
	}
	return NULL;
}

/* A context is a name, which is not looked at, an inline one, or a list of both. */
static const struct err *
context_value(struct arena *a, const json_t *v)
{
	const struct err *e = NULL;

	if (json_is_object(v))
		return context_inline(a, v);
	for (size_t i = 0; !e && i < json_array_size(v); i++)
		if (json_is_object(json_array_get(v, i)))
			e = context_inline(a, json_array_get(v, i));
	return e;
}

static const struct err *
context_member(struct arena *a, struct span key)
{
	static const char *const values[] = {
		"@value", "@language", "@direction", "@list", "@set"};

	if (span_starts(key, SPAN("@"))) {
		for (size_t i = 0; i < ARRAY_LEN(values); i++)
			if (span_is(key, values[i]))
				return NULL;
		return context_refuse(a, key, "is a keyword of JSON-LD");
	}
	if (context_is_core(context_as_name(key)))
		return context_refuse(a, key, "is a second name of one that has a name");
	return NULL;
}

const struct err *
context_check(struct arena *a, const json_t *doc)
{
	const struct err *e = NULL;
	const char *key;
	json_t *v;

	for (size_t i = 0; !e && i < json_array_size(doc); i++)
		e = context_check(a, json_array_get(doc, i));
	json_object_foreach((json_t *)(uintptr_t)doc, key, v)
	{
		if (e)
			return e;
		if (span_is(span_of(key), "@context"))
			e = context_value(a, v);
		else if (!(e = context_member(a, span_of(key))))
			e = context_check(a, v);
	}
	return e;
}
