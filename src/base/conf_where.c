#include "base/conf_where.h"

struct where {
	struct span rest; /* what is still to be read */
	int line;
	struct span word, section;
	int section_line;
	bool assigned; /* the last thing was '=' */
	bool in_list;
};

static void
where_skip(struct where *w, size_t n)
{
	if (n > w->rest.n)
		n = w->rest.n;
	for (size_t i = 0; i < n; i++)
		w->line += w->rest.p[i] == '\n';
	w->rest = span_slice(w->rest, n, w->rest.n);
}

static void
where_skip_to(struct where *w, struct span end)
{
	const size_t at = span_find(w->rest, end);

	where_skip(w, at == SIZE_MAX ? w->rest.n : at + end.n);
}

/* From behind the opening quote to behind the closing one. */
static void
where_skip_text(struct where *w, char quote)
{
	while (w->rest.n > 0 && w->rest.p[0] != quote)
		where_skip(w, w->rest.p[0] == '\\' ? 2 : 1);
	where_skip(w, 1);
}

static bool
where_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.';
}

static void
where_word(struct where *w)
{
	size_t n = 0;

	while (n < w->rest.n && where_word_byte(w->rest.p[n]))
		n++;
	w->word = span_slice(w->rest, 0, n);
	w->assigned = false;
	where_skip(w, n);
}

static void
where_brace(struct where *w, char brace)
{
	if (brace == '{' && w->assigned) {
		w->in_list = true;
	} else if (brace == '{') {
		w->section = w->word;
		w->section_line = w->line;
	} else if (w->in_list) {
		w->in_list = false;
	} else {
		w->section = SPAN_NONE;
	}
	w->assigned = false;
	where_skip(w, 1);
}

/* One comment, text, word or sign. */
static void
where_step(struct where *w)
{
	const char c = w->rest.p[0];

	if (c == '#' || span_starts(w->rest, SPAN("//"))) {
		where_skip_to(w, SPAN("\n"));
	} else if (span_starts(w->rest, SPAN("/*"))) {
		where_skip_to(w, SPAN("*/"));
	} else if (c == '"' || c == '\'') {
		where_skip(w, 1);
		where_skip_text(w, c);
	} else if (c == '{' || c == '}') {
		where_brace(w, c);
	} else if (where_word_byte(c)) {
		where_word(w);
	} else {
		w->assigned = w->assigned || c == '=';
		where_skip(w, 1);
	}
}

int
conf_where(struct span text, const char *section, const char *key)
{
	struct where w = {.rest = text, .line = 1};
	int found = 0;

	while (w.rest.n > 0) {
		if (w.rest.p[0] == '=' && !w.in_list && span_is(w.word, key) &&
			(section ? span_is(w.section, section) : !w.section.p))
			found = w.line;
		where_step(&w);
	}
	return found;
}

int
conf_where_open(struct span text)
{
	struct where w = {.rest = text, .line = 1};

	while (w.rest.n > 0)
		where_step(&w);
	return w.section.p ? w.section_line : 0;
}
