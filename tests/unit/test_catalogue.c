/* Every text of the pages is in the German catalogue, and the catalogue holds nothing else. */
#include <dirent.h>

#include "base/buf.h"
#include "base/arena.h"
#include "base/embed.h"
#include "lib/check.h"
#include "markup/tr.h"

#define TEXTS_MAX 1000
#define FILE_MAX ((size_t)1 << 20)

static struct arena *a;
static struct span texts[TEXTS_MAX];
static size_t n_texts;

static void
text_add(struct span s)
{
	for (size_t i = 0; i < n_texts; i++)
		if (span_eq(texts[i], s))
			return;
	assert_true(n_texts < TEXTS_MAX);
	texts[n_texts++] = s;
}

static struct span
file_text(const char *path)
{
	char *p = arena_alloc(a, FILE_MAX);
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		check_fail("cannot read %s", path);
	n = fread(p, 1, FILE_MAX, f);
	assert_true(n < FILE_MAX);
	(void)fclose(f);
	return span_from(p, n);
}

/* ---- {{_ "text"}} ---- */

static void
collect_templates(void)
{
	for (const struct embed_file *f = embed_templates; f->name; f++) {
		struct span rest = span_from(f->data, f->size);
		size_t at;

		while ((at = span_find(rest, SPAN("{{_ \""))) != SIZE_MAX) {
			rest = span_slice(rest, at + 5, rest.n);
			at = span_find(rest, SPAN("\"}}"));
			assert_true(at != SIZE_MAX);
			text_add(span_slice(rest, 0, at));
		}
	}
}

/* ---- tr(lang, "text"), TR_N("text"), model_say(m, "text", …) ---- */

/* String literals of C or PO that follow each other, as one text; *rest moves behind them. */
static bool
literal(struct span *rest, struct span *out)
{
	struct buf b;
	bool any = false;

	buf_init(&b, 1 << 16);
	for (;;) {
		size_t i = 1;

		*rest = span_trim(*rest);
		if (!rest->n || rest->p[0] != '"')
			break;
		for (any = true; i < rest->n && rest->p[i] != '"'; i++) {
			if (rest->p[i] != '\\') {
				buf_byte(&b, rest->p[i]);
				continue;
			}
			i++;
			buf_byte(&b, (char)(rest->p[i] == 'n' ? '\n' : rest->p[i]));
		}
		*rest = span_slice(*rest, i + 1, rest->n);
	}
	*out = arena_dup(a, buf_span(&b));
	buf_fini(&b);
	return any;
}

static void
collect_calls(struct span source, struct span call, bool first_argument)
{
	size_t at;

	while ((at = span_find(source, call)) != SIZE_MAX) {
		bool word =
			at > 0 && (source.p[at - 1] == '_' ||
					  (source.p[at - 1] >= 'a' && source.p[at - 1] <= 'z'));
		struct span text;

		source = span_slice(source, at + call.n, source.n);
		if (word)
			continue;
		if (!first_argument) {
			at = span_find_byte(source, ',');
			source = span_slice(source, at == SIZE_MAX ? at : at + 1, source.n);
		}
		if (literal(&source, &text))
			text_add(text);
	}
}

static void
collect_sources(void)
{
	const char *dir = SRC_DIR "/web";
	DIR *d = opendir(dir);
	const struct dirent *e;
	int files = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		struct span source;

		if (!span_ends(span_of(e->d_name), SPAN(".c")))
			continue;
		source = file_text(arena_printf(a, "%s/%s", dir, e->d_name).p);
		collect_calls(source, SPAN("tr("), false);
		collect_calls(source, SPAN("model_say("), false);
		collect_calls(source, SPAN("TR_N("), true);
		files++;
	}
	(void)closedir(d);
	assert_true(files > 10);
}

/* ---- the catalogue ---- */

static void
test_catalogue(void **state)
{
	struct span po = file_text(SRC_DIR "/web/po/de.po"), rest = po;
	struct span id, text, seen[TEXTS_MAX];
	size_t n = 0, at;

	(void)state;
	collect_templates();
	collect_sources();
	assert_true(n_texts > 100);
	assert_false(span_has(po, SPAN("fuzzy")));
	assert_false(span_has(po, SPAN("\n#~")));
	while ((at = span_find(rest, SPAN("msgid \""))) != SIZE_MAX) {
		rest = span_slice(rest, at + 6, rest.n);
		assert_true(literal(&rest, &id));
		assert_true(span_starts(rest, SPAN("msgstr ")));
		rest = span_slice(rest, 7, rest.n);
		assert_true(literal(&rest, &text));
		if (!text.n)
			check_fail("\"%.*s\" is not translated", SPAN_FMT(id));
		if (!id.n)
			continue;
		check_span(tr_span(TR_DE, id), text);
		check_span(tr_span(TR_EN, id), id);
		assert_true(n < TEXTS_MAX);
		seen[n++] = id;
		at = 0;
		while (at < n_texts && !span_eq(texts[at], id))
			at++;
		if (at == n_texts)
			check_fail("nothing says \"%.*s\" any more", SPAN_FMT(id));
	}
	for (size_t i = 0; i < n_texts; i++) {
		at = 0;
		while (at < n && !span_eq(seen[at], texts[i]))
			at++;
		if (at == n)
			check_fail("\"%.*s\" is not in the catalogue", SPAN_FMT(texts[i]));
	}
}

/* Words of the trade that citizens need not know, and the form of address. */
static void
test_words(void **state)
{
	static const char *const never[] = {"Instanz", "Toot", "Federation", "föderiert",
		"Timeline", " du ", " dein", " Dein"};
	struct span po = file_text(SRC_DIR "/web/po/de.po"), rest = po, text;
	size_t at;

	(void)state;
	while ((at = span_find(rest, SPAN("msgstr \""))) != SIZE_MAX) {
		rest = span_slice(rest, at + 7, rest.n);
		assert_true(literal(&rest, &text));
		for (size_t i = 0; i < ARRAY_LEN(never); i++)
			if (span_has(text, span_of(never[i])))
				check_fail("\"%s\" in \"%.*s\"", never[i], SPAN_FMT(text));
	}
}

static int
setup(void **state)
{
	(void)state;
	a = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_catalogue),
		cmocka_unit_test(test_words),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
