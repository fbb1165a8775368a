#include "markup/template.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/text.h"

#define TEMPLATE_DEPTH 16 /* of sections and parts together */
#define TEMPLATE_SAFE                                                                          \
	"\001safe_html" /* a key that no model of ours and no stranger can name                \
			 */

enum node_kind {
	NODE_TEXT,
	NODE_VALUE,
	NODE_SAFE,
	NODE_SECTION,
	NODE_INVERTED,
	NODE_PART,
	NODE_TR,
};

struct node {
	enum node_kind kind;
	struct span text; /* literal, name, part, or msgid */
	struct node *first, *next;
};

struct template
{
	const char *name;
	struct node *first;
};

struct templates {
	struct arena *arena;
	struct map *by_name;
};

/* ---- compiling ---- */

struct compile {
	struct arena *a;
	struct span file; /* name */
	struct span all, rest;
	struct span open[TEMPLATE_DEPTH]; /* names of the open sections */
	int depth;
};

static const struct err *
compile_bad(struct compile *c, const char *why)
{
	int line = 1;

	for (const char *p = c->all.p; p < c->rest.p; p++)
		line += *p == '\n';
	return err_new(
		c->a, ERR_CONFIG, "template %.*s, line %d: %s", SPAN_FMT(c->file), line, why);
}

static struct node *
node_new(struct compile *c, enum node_kind kind, struct span text)
{
	struct node *n = ARENA_NEW(c->a, struct node);

	n->kind = kind;
	n->text = text;
	return n;
}

static const struct err *
compile_tag(struct compile *c, struct span tag, struct node **out, bool *closed)
{
	char sigil = (char)(tag.n ? tag.p[0] : '\0');
	struct span name = span_trim(span_slice(tag, 1, tag.n));

	*out = NULL;
	switch (sigil) {
	case '!':
		return NULL;
	case '&':
		*out = node_new(c, NODE_SAFE, name);
		return NULL;
	case '>':
		*out = node_new(c, NODE_PART, name);
		return NULL;
	case '_':
		if (name.n < 2 || name.p[0] != '"' || name.p[name.n - 1] != '"')
			return compile_bad(c, "a translation is written {{_ \"text\"}}");
		*out = node_new(c, NODE_TR, span_slice(name, 1, name.n - 1));
		return NULL;
	case '#':
	case '^':
		if (c->depth == TEMPLATE_DEPTH)
			return compile_bad(c, "sections are nested too deep");
		c->open[c->depth++] = name;
		*out = node_new(c, sigil == '#' ? NODE_SECTION : NODE_INVERTED, name);
		return NULL;
	case '/':
		if (c->depth == 0 || !span_eq(c->open[c->depth - 1], name))
			return compile_bad(c, "a section is closed that is not open here");
		c->depth--;
		*closed = true;
		return NULL;
	default:
		if (tag.n == 0)
			return compile_bad(c, "an empty tag");
		*out = node_new(c, NODE_VALUE, span_trim(tag));
		return NULL;
	}
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * A tag that writes nothing itself and stands alone in its line: the line is not written. tag:
 * from "{{" to "}}". *before is the number of blanks in front, *behind what follows the line.
 */
static bool
compile_alone(const struct compile *c, struct span tag, size_t *before, struct span *behind)
{
	const char *begin = tag.p, *end = tag.p + tag.n, *last = c->all.p + c->all.n;

	if (tag.n < 5 || !strchr("#^/!>", tag.p[2]))
		return false;
	while (begin > c->all.p && is_blank(begin[-1]))
		begin--;
	while (end < last && is_blank(*end))
		end++;
	if ((begin > c->all.p && begin[-1] != '\n') || (end < last && *end != '\n'))
		return false;
	*before = (size_t)(tag.p - begin);
	end += end < last;
	*behind = span_from(end, (size_t)(last - end));
	return true;
}

/* Text up to the next tag; the tag from "{{" to "}}", or nothing, and what follows it. */
static const struct err *
compile_split(struct compile *c, struct span *text, struct span *tag)
{
	size_t open = span_find(c->rest, SPAN("{{")), close, before;

	*text = span_slice(c->rest, 0, open);
	*tag = SPAN_NONE;
	c->rest = span_slice(c->rest, text->n, c->rest.n);
	if (open == SIZE_MAX)
		return NULL;
	close = span_find(c->rest, SPAN("}}"));
	if (close == SIZE_MAX)
		return compile_bad(c, "a tag is not closed");
	*tag = span_slice(c->rest, 0, close + 2);
	if (compile_alone(c, *tag, &before, &c->rest))
		*text = span_slice(*text, 0, text->n - before);
	else
		c->rest = span_slice(c->rest, tag->n, c->rest.n);
	return NULL;
}

/* Nodes up to the end of the text or of the open section. */
static const struct err *
compile_nodes(struct compile *c, struct node **first)
{
	struct node **at = first;
	int depth = c->depth;
	const struct err *e;

	while (c->rest.n > 0) {
		struct span text, tag;
		struct node *n = NULL;
		bool closed = false;

		if ((e = compile_split(c, &text, &tag)))
			return e;
		if (text.n) {
			*at = node_new(c, NODE_TEXT, text);
			at = &(*at)->next;
		}
		if (!tag.n)
			break;
		if ((e = compile_tag(c, span_slice(tag, 2, tag.n - 2), &n, &closed)))
			return e;
		if (closed)
			return NULL;
		if (!n)
			continue;
		*at = n;
		at = &n->next;
		if ((n->kind == NODE_SECTION || n->kind == NODE_INVERTED) &&
			(e = compile_nodes(c, &n->first)))
			return e;
	}
	return depth > 0 ? compile_bad(c, "a section is not closed") : NULL;
}

/*
 * A part that is not there, or that is in itself, must be known at start, not when a page is
 * first asked for. depth: of sections and parts around these nodes.
 */
static const struct err *
check_nodes(struct arena *a, const struct templates *t, const char *file, const struct node *n,
	int depth)
{
	const struct err *e = NULL;

	if (depth > TEMPLATE_DEPTH)
		return err_new(a, ERR_CONFIG,
			"template %s: its sections and parts are nested too deep, or in a "
			"circle",
			file);
	for (; n && !e; n = n->next) {
		const struct template *part = NULL;

		if (n->kind == NODE_PART && !(part = map_get(t->by_name, n->text)))
			return err_new(a, ERR_CONFIG, "template %s: there is no part \"%.*s\"",
				file, SPAN_FMT(n->text));
		if (part)
			e = check_nodes(a, t, part->name, part->first, depth + 1);
		else if (n->kind == NODE_SECTION || n->kind == NODE_INVERTED)
			e = check_nodes(a, t, file, n->first, depth + 1);
	}
	return e;
}

static const struct err *
check_all(struct arena *a, const struct templates *t)
{
	const struct err *e = NULL;
	struct span name;
	size_t at = 0;
	void *one;

	while (!e && map_next(t->by_name, &at, &name, &one))
		e = check_nodes(a, t, ((struct template *)one)->name,
			((struct template *)one)->first, 0);
	return e;
}

const struct err *
templates_new(struct arena *a, const struct embed_file *files, struct templates **out)
{
	struct templates *t = xcalloc(1, sizeof(*t));

	t->arena = arena_new();
	t->by_name = map_new();
	for (; files->name; files++) {
		struct compile c = {.a = t->arena, .file = span_of(files->name)};
		struct template *one = ARENA_NEW(t->arena, struct template);
		const struct err *e;

		c.all = c.rest = span_from(files->data, files->size);
		if ((e = compile_nodes(&c, &one->first))) {
			e = err_copy(a, e);
			templates_free(t);
			return e;
		}
		one->name = files->name;
		(void)map_put(t->by_name,
			span_slice(span_of(files->name), 0,
				span_rfind_byte(span_of(files->name), '.')),
			one);
	}
	const struct err *e = check_all(a, t);

	if (e)
		templates_free(t);
	else
		*out = t;
	return e;
}

void
templates_free(struct templates *t)
{
	if (!t)
		return;
	map_free(t->by_name, NULL);
	arena_free(t->arena);
	free(t);
}

/* ---- rendering ---- */

struct render {
	const struct templates *t;
	const json_t *stack[TEMPLATE_DEPTH + 1];
	int depth; /* check_nodes has seen to it that the stack is large enough */
	enum tr_lang lang;
	struct buf *b;
};

static const json_t *
render_get(const json_t *from, struct span name)
{
	struct span part;

	while (from && span_cut(&name, '.', &part)) {
		char key[64];

		if (part.n >= sizeof(key))
			return NULL;
		memcpy(key, part.p, part.n);
		key[part.n] = '\0';
		from = json_object_get(from, key);
	}
	return from;
}

/* The first part of a dotted name decides which section it belongs to. */
static const json_t *
render_find(const struct render *r, struct span name)
{
	struct span head = span_slice(name, 0, span_find_byte(name, '.'));

	if (span_is(name, "."))
		return r->stack[r->depth - 1];
	for (int i = r->depth - 1; i >= 0; i--)
		if (render_get(r->stack[i], head))
			return render_get(r->stack[i], name);
	return NULL;
}

static bool
render_truthy(const json_t *v)
{
	if (!v || json_is_null(v) || json_is_false(v))
		return false;
	if (json_is_array(v))
		return json_array_size(v) > 0;
	if (json_is_string(v))
		return json_string_length(v) > 0;
	if (json_is_integer(v))
		return json_integer_value(v) != 0;
	return true;
}

static void
render_value(struct render *r, const json_t *v)
{
	if (json_is_string(v))
		text_escape_html(r->b, json_text(v));
	else if (json_is_integer(v))
		buf_i64(r->b, json_integer_value(v));
	else if (json_is_boolean(v))
		buf_add_cstr(r->b, json_is_true(v) ? "true" : "false");
}

static void render_nodes(struct render *r, const struct node *n);

static void
render_section(struct render *r, const struct node *n)
{
	const json_t *v = render_find(r, n->text), *item;
	size_t i;

	if (n->kind == NODE_INVERTED) {
		if (!render_truthy(v))
			render_nodes(r, n->first);
		return;
	}
	if (!render_truthy(v))
		return;
	if (!json_is_array(v)) {
		r->stack[r->depth++] = v;
		render_nodes(r, n->first);
		r->depth--;
		return;
	}
	for (i = 0; i < json_array_size(v); i++) {
		item = json_array_get(v, i);
		r->stack[r->depth++] = item;
		render_nodes(r, n->first);
		r->depth--;
	}
}

static void
render_nodes(struct render *r, const struct node *n)
{
	for (; n; n = n->next) {
		const struct template *part;

		switch (n->kind) {
		case NODE_TEXT:
			buf_add(r->b, n->text);
			break;
		case NODE_VALUE:
			render_value(r, render_find(r, n->text));
			break;
		case NODE_SAFE:
			buf_add(r->b, json_text(json_object_get(
					      render_find(r, n->text), TEMPLATE_SAFE)));
			break;
		case NODE_TR:
			text_escape_html(r->b, tr_span(r->lang, n->text));
			break;
		case NODE_PART:
			part = map_get(r->t->by_name, n->text);
			render_nodes(r, part->first);
			break;
		default:
			render_section(r, n);
		}
	}
}

void
template_render(const struct templates *t, const char *name, const json_t *model,
	enum tr_lang lang, struct buf *b)
{
	const struct template *one = map_get(t->by_name, span_of(name));
	struct render r = {.t = t, .depth = 1, .lang = lang, .b = b};

	assert(one);
	r.stack[0] = model;
	render_nodes(&r, one->first);
}

json_t *
template_safe(struct safe_html html)
{
	json_t *j = json_object();

	json_object_set_new(j, TEMPLATE_SAFE, json_str(html.html.p ? html.html : SPAN("")));
	return j;
}
