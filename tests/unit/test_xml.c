/* XML of strangers: encodings, entities that are never expanded, documents that are cut off. */
#include "lib/check.h"

#include <time.h>

#include "base/buf.h"
#include "base/text.h"
#include "markup/xml.h"

static int
setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	arena_free(*state);
	return 0;
}

/* The whole text of a document; "!" when it cannot be read. */
static struct span
text_of(struct arena *a, struct span doc, struct span charset, bool *recovered)
{
	struct xml_doc d;

	if (xml_parse(a, doc, charset, &d))
		return SPAN("!");
	if (recovered)
		*recovered = d.recovered;
	return xml_text(a, d.root);
}

static void
encodings(void **state)
{
	const struct {
		struct span doc;
		const char *charset, *text;
		bool recovered;
	} rows[] = {
		{SPAN("<a>Gr\xc3\xbc\xc3\x9f"
		      "e</a>"),
			"",
			"Gr\xc3\xbc\xc3\x9f"
			"e",
			false},
		{SPAN("<?xml version='1.0' encoding='utf-8'?><a>\xc3\xbc</a>"), "", "\xc3\xbc",
			false},
		{SPAN("\xef\xbb\xbf<?xml version='1.0'?><a>\xc3\xbc</a>"), "", "\xc3\xbc",
			false},
		{SPAN("<?xml version='1.0' encoding='iso-8859-1'?><a>\xfc</a>"), "", "\xc3\xbc",
			false},
		{SPAN("<?xml version='1.0' encoding='windows-1252'?><a>\x84x\x93 \x80</a>"), "",
			"\xe2\x80\x9ex\xe2\x80\x9c \xe2\x82\xac", false},
		/* Says UTF-8 and is not. */
		{SPAN("<?xml version='1.0' encoding='UTF-8'?><a>\x84Gr\xfc\xdf"
		      "e\x93</a>"),
			"",
			"\xe2\x80\x9eGr\xc3\xbc\xc3\x9f"
			"e\xe2\x80\x9c",
			true},
		/* The header beats the declaration. */
		{SPAN("<?xml version='1.0' encoding='utf-8'?><a>\xfc</a>"), "ISO-8859-1",
			"\xc3\xbc", false},
		{SPAN("<a>\xc3\xbc</a>"), "us-ascii", "\xc3\xbc", false},
		{SPAN("\xff\xfe<\0a\0>\0\xfc\0<\0/\0a\0>\0"), "", "\xc3\xbc", false},
		{SPAN("\xfe\xff\0<\0a\0>\0\xfc\xd8\x3d\xde\x00\0<\0/\0a\0>"), "",
			"\xc3\xbc\xf0\x9f\x98\x80", false},
		{SPAN("\xfe\xff\0<\0a\0>\xd8\x3d\0<\0/\0a\0>"), "", "\xef\xbf\xbd", false},
	};
	struct arena *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool recovered = false;

		check_span(text_of(a, rows[i].doc, span_of(rows[i].charset), &recovered),
			span_of(rows[i].text));
		if (recovered != rows[i].recovered)
			check_fail("row %zu: recovered %d", i, recovered);
	}
}

static void
mends(void **state)
{
	static const struct {
		const char *doc, *text;
	} rows[] = {
		{"<a>x &amp; y &lt;b&gt; &#65;&#x42;</a>", "x & y <b> AB"},
		{"<a>x &auml;&nbsp;&ndash; y</a>", "x \xc3\xa4\xc2\xa0\xe2\x80\x93 y"},
		{"<a>A & B</a>", "A & B"},
		{"<a>x?a=1&b=2</a>", "x?a=1&b=2"},
		{"<a><![CDATA[A & <b> &auml;]]></a>", "A & <b> &auml;"},
		{"\n \n junk <?xml version='1.0'?><a>x</a>", "x"},
		{"<a>x\x01\x08y</a>", "xy"},
		{"<a>  x\n </a>", "x"},
		{"<a>x<!-- c -->y<?pi z?></a>", "xy"},
		{"<a>&nichts; x</a>", "&nichts; x"},
	};
	struct arena *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_span(text_of(a, span_of(rows[i].doc), SPAN_NONE, NULL),
			span_of(rows[i].text));
}

static void
refuses(void **state)
{
	static const char *const rows[] = {"", " ", "no xml", "{\"a\":1}", "<", "<>", "</a>",
		"<!-- x", "<?xml version='1.0'?>", "<!DOCTYPE a",
		"<!DOCTYPE a [<!ENTITY x \"y\">]>"};
	struct arena *a = *state;
	struct xml_doc d;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct err *e = xml_parse(a, span_of(rows[i]), SPAN_NONE, &d);

		if (!e)
			check_fail("\"%s\" was read", rows[i]);
		assert_int_equal(e->kind, ERR_INPUT);
	}
	assert_int_equal(
		xml_parse(a, span_from(arena_alloc(a, XML_MAX + 1), XML_MAX + 1), SPAN_NONE, &d)
			->kind,
		ERR_TOO_LARGE);
}

/*
 * No file, no network, no expansion: wherever the DOCTYPE stands, however it is spelt, and
 * whether the document is well-formed with it or not.
 */
static void
entities_are_not_expanded(void **state)
{
	static const char *const heads[] = {
		"<!DOCTYPE a [<!ENTITY x SYSTEM \"%s\"><!ENTITY y \"GEHEIM\">]>",
		"<!DOCTYPE z><!DOCTYPE a [<!ENTITY x SYSTEM \"%s\"><!ENTITY y \"GEHEIM\">]>",
		"<!DOCTYPE a [<!ENTITY %% p SYSTEM \"%s\">%%p;<!ENTITY x \"GEHEIM\"><!ENTITY y "
		"\"GEHEIM\">]>",
		"<!DOCTYPE a SYSTEM \"%s\" [<!ENTITY x \"GEHEIM\"><!ENTITY y \"GEHEIM\">]>",
		"<!doctype a [<!ENTITY x SYSTEM \"%s\"><!ENTITY y \"GEHEIM\">]>",
		"<!DOCTYPE a [<!ENTITY q \"]>\"><!ENTITY x SYSTEM \"%s\"><!ENTITY y "
		"\"GEHEIM\">]>",
		"<!DOCTYPE a [<!-- ]> --><!ENTITY x SYSTEM \"%s\"><!ENTITY y \"GEHEIM\">]>",
		"<!DOCTYPE a [<!ATTLIST a b CDATA \"GEHEIM\"><!ENTITY x SYSTEM \"%s\"><!ENTITY "
		"y "
		"\"GEHEIM\">]>",
	};
	static const char *const bodies[] = {"<a>1&x;2&y;3<c d=\"&y;\"/></a>", "<a>1&y;3</a>",
		"<a>1&x;2&y;3<c d=\"&y;&x;\"/> & </a>"};
	struct arena *a = *state;
	char file[] = "/tmp/litfass-xxe.XXXXXX";
	int fd = mkstemp(file);
	FILE *f = fdopen(fd, "w");

	assert_non_null(f);
	(void)fprintf(f, "GEHEIM");
	(void)fclose(f);
	for (size_t k = 0; k < 2 * ARRAY_LEN(heads) * ARRAY_LEN(bodies); k++) {
		size_t i = k / ARRAY_LEN(bodies);
		struct xml_doc d;
		struct buf b;

		buf_init(&b, 100000);
		if (i >= ARRAY_LEN(heads)) /* behind where the first one is looked for */
			buf_printf(&b, "<!-- %9000s -->", "");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		buf_printf(&b, heads[i % ARRAY_LEN(heads)], file);
#pragma GCC diagnostic pop
		buf_add_cstr(&b, bodies[k % ARRAY_LEN(bodies)]);
		if (!xml_parse(a, buf_span(&b), SPAN_NONE, &d)) {
			struct span all = xml_inner(a, d.root), text = xml_text(a, d.root);
			const struct xml *c = xml_child(d.root, NULL, "c");

			assert_false(span_has(all, SPAN("GEHEIM")));
			assert_false(span_has(text, SPAN("GEHEIM")));
			assert_false(span_has(xml_attr(a, d.root, "b"), SPAN("GEHEIM")));
			assert_false(c && span_has(xml_attr(a, c, "d"), SPAN("GEHEIM")));
		}
		buf_fini(&b);
	}
	(void)remove(file);
}

static struct span
laughs(struct arena *a, const char *before)
{
	struct span s;
	struct buf b;

	buf_init(&b, 100000);
	buf_add_cstr(&b, before);
	buf_lit(&b, "<!DOCTYPE a [<!ENTITY l0 \"lol\">");
	for (int i = 1; i < 30; i++) {
		buf_printf(&b, "<!ENTITY l%d \"", i);
		for (int k = 0; k < 10; k++)
			buf_printf(&b, "&l%d;", i - 1);
		buf_lit(&b, "\">");
	}
	buf_lit(&b, "]><a>&l29;<b c=\"&l29;\"/></a>");
	s = arena_dup(a, buf_span(&b));
	buf_fini(&b);
	return s;
}

static void
a_billion_laughs(void **state)
{
	struct arena *a = *state;
	size_t used = arena_used(a);
	clock_t began = clock();
	struct xml_doc d;

	if (!xml_parse(a, laughs(a, ""), SPAN_NONE, &d))
		assert_true(xml_text(a, d.root).n < 100);
	if (!xml_parse(a, laughs(a, "<!DOCTYPE z>"), SPAN_NONE, &d))
		assert_true(xml_text(a, d.root).n < 100 && xml_inner(a, d.root).n < 1000);
	assert_true(arena_used(a) - used < 1 << 20);
	assert_true(clock() - began < CLOCKS_PER_SEC);
}

/* Only what was closed in the text counts, wherever it was cut. */
static void
truncated_anywhere(void **state)
{
	const struct span doc = SPAN("<r x='1'><i>eins</i><i>zwei &amp; drei</i><!-- c "
				     "--><![CDATA[x]]><i a=\"b\">vier</i></r>");
	struct arena *a = *state;

	for (size_t n = 0; n <= doc.n; n++) {
		struct xml_doc d;
		size_t items = 0;

		if (xml_parse(a, span_slice(doc, 0, n), SPAN_NONE, &d))
			continue;
		assert_true(d.recovered == (n < doc.n));
		for (const struct xml *c = xml_first(d.root); c; c = xml_next(c))
			items++;
		assert_true(items <= 3);
	}
}

static void
nested_too_deep(void **state)
{
	struct arena *a = *state;
	struct xml_doc d;
	struct buf b;

	buf_init(&b, 8 << 20);
	for (int i = 0; i < 500000; i++)
		buf_lit(&b, "<a>");
	if (!xml_parse(a, buf_span(&b), SPAN_NONE, &d))
		assert_true(d.recovered);
	buf_fini(&b);
}

/* A tree is many times as large as its text: its parts are counted, attributes with them. */
static void
too_many_nodes(void **state)
{
	struct arena *a = *state;
	const struct err *e;
	struct xml_doc d;
	struct buf b;

	buf_init(&b, 8 << 20);
	buf_lit(&b, "<r>");
	for (int i = 0; i < XML_NODES_MAX / 3 - 1; i++)
		buf_lit(&b, "<a b='' c=''/>");
	buf_lit(&b, "</r>");
	check_ok(a, xml_parse(a, buf_span(&b), SPAN_NONE, &d));
	assert_false(d.recovered);
	b.n -= 4;
	for (int i = 0; i < 3; i++)
		buf_lit(&b, "<a/>");
	buf_lit(&b, "</r>");
	e = xml_parse(a, buf_span(&b), SPAN_NONE, &d);
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_TOO_LARGE);
	buf_fini(&b);
}

/* libxml2 would compare each attribute with all others; what only looks like one is text. */
static void
too_many_attributes(void **state)
{
	struct arena *a = *state;
	const struct err *e;
	struct xml_doc d;
	struct buf b;

	buf_init(&b, 8 << 20);
	buf_lit(&b, "<r><!-- <a ");
	for (int i = 0; i < 300; i++)
		buf_printf(&b, "a%d='' ", i);
	buf_lit(&b, "--><b q='");
	for (int i = 0; i < 300; i++)
		buf_lit(&b, "= ");
	buf_lit(&b, "'/>it's a=b <![CDATA[<c ");
	for (int i = 0; i < 300; i++)
		buf_printf(&b, "a%d='' ", i);
	buf_lit(&b, "]]><d ");
	for (int i = 0; i < XML_ATTRIBUTES_MAX; i++)
		buf_printf(&b, "a%d='' ", i);
	buf_lit(&b, "/></r>");
	check_ok(a, xml_parse(a, buf_span(&b), SPAN_NONE, &d));
	assert_false(d.recovered);
	buf_reset(&b);
	buf_lit(&b, "<r><d ");
	for (int i = 0; i < 300000; i++)
		buf_printf(&b, "a%d='' ", i);
	buf_lit(&b, "/></r>");
	e = xml_parse(a, buf_span(&b), SPAN_NONE, &d);
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_TOO_LARGE);
	buf_fini(&b);
}

static void
walks(void **state)
{
	struct arena *a = *state;
	const struct xml *e;
	struct xml_doc d;

	check_ok(a, xml_parse(a,
			    SPAN("<r xmlns='urn:d' xmlns:n='urn:n' xml:lang='de' n:lang='no'>t"
				 "<n:i n:k='1' k='2'>a<b>c</b></n:i><i/>u</r>"),
			    SPAN_NONE, &d));
	assert_true(xml_is(d.root, "urn:d", "r") && xml_is(d.root, NULL, "r"));
	assert_false(xml_is(d.root, "urn:n", "r"));
	check_span(xml_attr(a, d.root, "lang"), SPAN("de"));
	assert_null(xml_attr(a, d.root, "none").p);
	assert_null(xml_parent(d.root));
	e = xml_child(d.root, "urn:n", "i");
	assert_non_null(e);
	assert_true(xml_parent(e) == d.root && e == xml_first(d.root));
	check_span(xml_attr(a, e, "k"), SPAN("2"));
	check_span(xml_attr_ns(a, e, "urn:n", "k"), SPAN("1"));
	check_span(xml_text(a, e), SPAN("ac"));
	check_span(xml_inner(a, e), SPAN("a<b>c</b>"));
	e = xml_next(e);
	assert_true(xml_is(e, "urn:d", "i") && !xml_next(e) && !xml_first(e));
	check_span(xml_child_text(a, d.root, NULL, "i"), SPAN("ac"));
	assert_null(xml_child_text(a, d.root, NULL, "x").p);
	assert_string_equal(xml_name(e), "i");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodings),
		cmocka_unit_test(mends),
		cmocka_unit_test(refuses),
		cmocka_unit_test(entities_are_not_expanded),
		cmocka_unit_test(a_billion_laughs),
		cmocka_unit_test(truncated_anywhere),
		cmocka_unit_test(nested_too_deep),
		cmocka_unit_test(too_many_nodes),
		cmocka_unit_test(too_many_attributes),
		cmocka_unit_test(walks),
	};

	return cmocka_run_group_tests_name("xml", tests, setup, teardown);
}
