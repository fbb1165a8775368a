/*
 * Template: logic-less templates, compiled once, rendered from JSON, escaped by default.
 *
 *	{{name}} {{a.b}} {{.}}     value, escaped for HTML text and quoted attributes
 *	{{&name}}                  only a value made by template_safe: already HTML
 *	{{#name}}…{{/name}}        for each of a list, once for an object or a true value
 *	{{^name}}…{{/name}}        if absent, false, empty
 *	{{>part}}                  another template
 *	{{_ "text"}}               translated into the language of the rendering
 *	{{! comment}}
 *
 * A line that holds nothing but a section's begin or end, a part or a comment is not written.
 * Names are looked up from the innermost section outwards. A value that is no text, whole
 *number or boolean renders as nothing. Values may stand in text and between quotes, never as a
 *bare attribute, in a script or in a style.
 */
#ifndef MARKUP_TEMPLATE_H
#define MARKUP_TEMPLATE_H

#include "base/embed.h"
#include "base/json.h"
#include "markup/sanitize.h"
#include "markup/tr.h"

struct templates;

/*
 * Compiles all files of a table, named without ".html". The error names the file: a malformed
 * tag with its line, a part that is missing, parts that are in themselves.
 */
const struct err *templates_new(
	struct arena *a, const struct embed_file *files, struct templates **out) MUST_CHECK;
void templates_free(struct templates *t);

/* Renders into b. The template must exist. */
void template_render(const struct templates *t, const char *name, const json_t *model,
	enum tr_lang lang, struct buf *b);

/* The JSON value that {{&name}} writes as it is. */
json_t *template_safe(struct safe_html html);

#endif
