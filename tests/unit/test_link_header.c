/* Links in the head of an answer, as servers write them. */
#include "lib/check.h"

#include "base/err.h"
#include "markup/link_header.h"

#define MAX 4

struct row {
	const char *in;
	/* target|rel|type|title of each, with "-" for what is not given, "\n" behind each */
	const char *out;
};

static const struct row table[] = {
	{"", ""},
	{" , ,\t", ""},
	{"</feed>; rel=\"alternate\"; type=\"application/rss+xml\"",
		"/feed|alternate|application/rss+xml|-\n"},
	{"<a>", "a|-|-|-\n"},
	{"<>; rel=x", "|x|-|-\n"},
	{"< a >;rel=x;;type=y;", "a|x|y|-\n"},
	/* Several in one value, commas and semicolons where they separate nothing. */
	{"<a>; rel=x, <b>;rel=y,<c>", "a|x|-|-\nb|y|-|-\nc|-|-|-\n"},
	{"<a,b;c>; title=\"1, 2; 3\"; rel=x,<b>", "a,b;c|x|-|1, 2; 3\nb|-|-|-\n"},
	{"<a>; title=\"<b>, <c>\"", "a|-|-|<b>, <c>\n"},
	/* Spellings of parameters. */
	{"<a> ;\tREL = \"x  y\" ; Type=\"t\"", "a|x  y|t|-\n"},
	{"<a>; rel=x; rel=y; type; type=z", "a|x||-\n"},
	{"<a>; title=\"ein \\\"Wort\\\" \\\\, noch\"; rel=x", "a|x|-|ein \"Wort\" \\, noch\n"},
	{"<a>; title=\"\"", "a|-|-|\n"},
	{"<a>; title=\"x\"y; rel=z", "a|z|-|x\n"},
	{"<a>; relation=x; xrel=y", "a|-|-|-\n"},
	/* RFC 8187: it wins when it can be read. */
	{"<a>; title=alt; title*=utf-8'de'%C3%9Cber%2C%20uns", "a|-|-|\xc3\x9c"
							       "ber, uns\n"},
	{"<a>; title*=UTF-8''x; title=alt", "a|-|-|x\n"},
	{"<a>; title=alt; title*=iso-8859-1''%DC", "a|-|-|alt\n"},
	{"<a>; title=alt; title*=UTF-8''%G1", "a|-|-|alt\n"},
	{"<a>; title=alt; title*=UTF-8'de", "a|-|-|alt\n"},
	{"<a>; title=alt; title*", "a|-|-|alt\n"},
	/* What is no link is skipped; what has no end takes the rest. */
	{"nichts; rel=x, <b>; rel=y", "b|y|-|-\n"},
	{"\"<a>, <b>\", <c>", "c|-|-|-\n"},
	{"<a", ""},
	{"<a>, <b", "a|-|-|-\n"},
	{"<a>; rel=\"x, <b>; rel=y", "a|x, <b>; rel=y|-|-\n"},
	{"<a>; title=\"x\\", "a|-|-|x\\\n"},
	{"<a>;=;=\"x\";\"rel\"=y;rel", "a||-|-\n"},
	{"<a>x; rel=y", "a|y|-|-\n"},
	/* No more than asked for. */
	{"<a>,<b>,<c>,<d>,<e>", "a|-|-|-\nb|-|-|-\nc|-|-|-\nd|-|-|-\n"},
};

static struct span
or_dash(struct span s)
{
	return s.p ? s : SPAN("-");
}

static struct span
parsed(struct arena *a, struct span in)
{
	struct link_header l[MAX];
	const size_t n = link_header_parse(a, in, l, MAX);
	struct span all = SPAN("");

	assert_true(n <= MAX);
	for (size_t i = 0; i < n; i++)
		all = arena_printf(a, "%.*s%.*s|%.*s|%.*s|%.*s\n", SPAN_FMT(all),
			SPAN_FMT(l[i].target), SPAN_FMT(or_dash(l[i].rel)),
			SPAN_FMT(or_dash(l[i].type)), SPAN_FMT(or_dash(l[i].title)));
	return all;
}

static void
parses(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const size_t n = strlen(table[i].in);
		char *copy = xmalloc(n ? n : 1); /* so that reading past it is seen */

		memcpy(copy, table[i].in, n);
		check_span(parsed(a, span_from(copy, n)), span_of(table[i].out));
		free(copy);
	}
	assert_int_equal(link_header_parse(a, SPAN_NONE, NULL, 0), 0);
	arena_free(a);
}

static void
knows_anchors(void **state)
{
	struct arena *a = arena_new();
	struct link_header l[MAX];

	(void)state;
	assert_int_equal(link_header_parse(a, SPAN("<a>; anchor=\"#x\", <b>"), l, MAX), 2);
	check_span(l[0].anchor, SPAN("#x"));
	assert_null(l[1].anchor.p);
	arena_free(a);
}

static void
limits_hold(void **state)
{
	struct arena *a = arena_new();
	char *big = arena_alloc(a, LINK_HEADER_MAX + 1);
	struct link_header l[MAX];

	(void)state;
	memset(big, ',', LINK_HEADER_MAX + 1);
	memcpy(big, "<a>", 3);
	assert_int_equal(link_header_parse(a, span_from(big, LINK_HEADER_MAX), l, MAX), 1);
	assert_int_equal(link_header_parse(a, span_from(big, LINK_HEADER_MAX + 1), l, MAX), 0);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(knows_anchors),
		cmocka_unit_test(limits_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
