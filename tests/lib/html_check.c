#include "lib/html_check.h"

#include <string.h>

#define DEPTH 80

struct check {
	struct span s;
	size_t i;
	const char *open[DEPTH];
	size_t depth;
};

static const char *const names[] = {"p", "a", "span", "strong", "b", "em", "i", "u", "del",
	"ul", "ol", "li", "blockquote", "pre", "code"};

static bool
is_block(const char *name)
{
	return strcmp(name, "p") == 0 || strcmp(name, "ul") == 0 || strcmp(name, "ol") == 0 ||
	       strcmp(name, "blockquote") == 0 || strcmp(name, "pre") == 0;
}

static bool
eat(struct check *c, const char *text)
{
	size_t n = strlen(text);

	if (!span_starts(span_slice(c->s, c->i, c->s.n), span_of(text)))
		return false;
	c->i += n;
	return true;
}

static const char *
eat_name(struct check *c)
{
	size_t n = 0;

	while (c->i + n < c->s.n && c->s.p[c->i + n] >= 'a' && c->s.p[c->i + n] <= 'z')
		n++;
	for (size_t k = 0; k < ARRAY_LEN(names); k++) {
		if (span_is(span_slice(c->s, c->i, c->i + n), names[k])) {
			c->i += n;
			return names[k];
		}
	}
	return NULL;
}

/* Up to the closing quote: escaped text without white space. */
static bool
eat_url(struct check *c)
{
	static const char *const schemes[] = {"http://", "https://", "mailto:"};
	struct span rest = span_slice(c->s, c->i, c->s.n);
	bool known = false;

	for (size_t k = 0; k < ARRAY_LEN(schemes); k++)
		known = known || span_starts_nocase(rest, span_of(schemes[k]));
	for (; c->i < c->s.n && c->s.p[c->i] != '"'; c->i++)
		if ((unsigned char)c->s.p[c->i] <= ' ' || strchr("<>'", c->s.p[c->i]))
			return false;
	return known;
}

static const char *
attributes(struct check *c, const char *name)
{
	if (strcmp(name, "a") == 0) {
		if (!eat(c, " href=\"") || !eat_url(c))
			return "a link that is none";
		if (!eat(c, "\" rel=\"nofollow noopener ugc\"") &&
			!eat(c, "\" class=\"mention hashtag\" rel=\"tag\""))
			return "a link with other attributes";
	}
	if (eat(c, " lang=\"")) {
		size_t from = c->i;

		while (c->i < c->s.n &&
			strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
			       "WXYZ0123456789-",
				c->s.p[c->i]))
			c->i++;
		if (c->i - from < 2 || !eat(c, "\""))
			return "a language that is none";
	}
	return eat(c, ">") ? NULL : "an attribute that is not allowed";
}

/* What may stand in what. */
static const char *
place(const struct check *c, const char *name)
{
	const char *in = c->depth ? c->open[c->depth - 1] : "";

	if (strcmp(name, "li") == 0)
		return strcmp(in, "ul") == 0 || strcmp(in, "ol") == 0 ? NULL
								      : "li outside a list";
	if (strcmp(in, "ul") == 0 || strcmp(in, "ol") == 0)
		return "a list holds something else than li";
	if (is_block(name))
		return *in == '\0' || strcmp(in, "blockquote") == 0 ? NULL
								    : "a block in a text";
	if (*in == '\0' || strcmp(in, "blockquote") == 0)
		return "text without a block";
	for (size_t k = 0; k < c->depth; k++)
		if (strcmp(name, "a") == 0 && strcmp(c->open[k], "a") == 0)
			return "a link in a link";
	return NULL;
}

static const char *
tag(struct check *c)
{
	const char *name, *bad;

	if (eat(c, "<br>"))
		return c->depth ? NULL : "br without a block";
	if (eat(c, "</")) {
		name = eat_name(c);
		if (!name || !eat(c, ">") || c->depth == 0 || c->open[c->depth - 1] != name)
			return "a tag is closed that is not open";
		c->depth--;
		return NULL;
	}
	c->i++;
	name = eat_name(c);
	if (!name)
		return "an element that is not allowed";
	if ((bad = attributes(c, name)) || (bad = place(c, name)))
		return bad;
	if (c->depth == DEPTH)
		return "nested too deep";
	c->open[c->depth++] = name;
	return NULL;
}

static const char *
character(struct check *c)
{
	static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
	unsigned char ch = (unsigned char)c->s.p[c->i];
	const char *bad = c->depth ? place(c, "") : "text without a block";

	if (bad)
		return bad;
	if (ch == '&') {
		for (size_t k = 0; k < ARRAY_LEN(entities); k++)
			if (eat(c, entities[k]))
				return NULL;
		return "a bare ampersand";
	}
	if (ch == '>' || ch == '"' || ch == '\'' || ch == '\0')
		return "an unescaped character";
	c->i++;
	return NULL;
}

const char *
html_check(struct span html, size_t *at)
{
	struct check c = {.s = html};
	const char *bad = NULL;

	while (!bad && c.i < html.n) {
		*at = c.i;
		bad = html.p[c.i] == '<' ? tag(&c) : character(&c);
	}
	return !bad && c.depth > 0 ? "a tag is left open" : bad;
}
