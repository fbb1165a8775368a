/* Templates: sections and names, escaping, what is refused when they are compiled. */
#include "lib/check.h"

#include "markup/template.h"

static const char model_text[] =
	"{\"title\":\"<T> & \\\"q\\\" 'a'\",\"n\":-5,\"yes\":true,\"no\":false,\"zero\":0,"
	"\"empty\":\"\",\"null\":null,\"real\":1.5,\"list\":[{\"t\":\"a\"},{\"t\":\"b\","
	"\"title\":\"inner\"}],\"words\":[\"x\",\"<y>\",3,null],\"none\":[],\"o\":{\"p\":{"
	"\"q\":\"deep\"}},"
	"\"html\":\"<b>no</b>\"}";

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

static const struct err *
compile(struct arena *a, const char *text, const char *part, struct templates **t)
{
	const struct embed_file files[] = {
		{"page.html", (const unsigned char *)text, strlen(text)},
		{"part.html", (const unsigned char *)part, strlen(part)},
		{NULL, NULL, 0},
	};

	return templates_new(a, files, t);
}

static struct span
render(struct arena *a, const char *text)
{
	struct templates *t;
	struct span s;
	json_t *model;
	struct buf b;

	check_ok(a, json_parse(a, span_of(model_text), &json_limits_ap, &model));
	(void)json_object_set_new(
		model, "safe", template_safe(html_sanitize(a, SPAN("<b>x</b>"), NULL)));
	check_ok(a, compile(a, text, "[{{t}}{{title}}]", &t));
	buf_init(&b, 10000);
	template_render(t, "page", model, TR_EN, &b);
	s = arena_dup(a, buf_span(&b));
	buf_fini(&b);
	templates_free(t);
	return s;
}

#define TITLE "&lt;T&gt; &amp; &quot;q&quot; &#39;a&#39;"

static void
renders(void **state)
{
	static const struct {
		const char *text, *out;
	} rows[] = {
		{"", ""},
		{"plain <b>text</b> } {", "plain <b>text</b> } {"},
		{"{{title}}", TITLE},
		{"<a title=\"{{title}}\" alt='{{title}}'>",
			"<a title=\"" TITLE "\" alt='" TITLE "'>"},
		{"{{ title }}", TITLE},
		{"{{n}} {{yes}} {{no}} {{zero}}", "-5 true false 0"},
		{"a{{empty}}{{null}}{{real}}{{missing}}{{list}}{{o}}b", "ab"},
		{"{{o.p.q}}{{o.p.x}}{{o.x.q}}{{n.p}}", "deep"},
		{"{{#yes}}1{{/yes}}{{#no}}2{{/no}}{{#zero}}3{{/zero}}{{#empty}}4{{/empty}}"
		 "{{#null}}5{{/null}}{{#none}}6{{/none}}{{#missing}}7{{/missing}}{{#n}}8{{/n}}",
			"18"},
		{"{{^yes}}1{{/yes}}{{^no}}2{{/no}}{{^zero}}3{{/zero}}{{^none}}4{{/none}}"
		 "{{^missing}}5{{/missing}}",
			"2345"},
		{"{{#list}}{{t}}:{{title}};{{/list}}", "a:" TITLE ";b:inner;"},
		{"{{#words}}({{.}}){{/words}}", "(x)(&lt;y&gt;)(3)()"},
		{"{{#o}}{{#p}}{{q}}{{title}}{{/p}}{{/o}}", "deep" TITLE},
		{"{{#list}}{{>part}}{{/list}}{{>part}}", "[a" TITLE "][binner][" TITLE "]"},
		{"{{! a comment }}x{{!{{}}y", "xy"},
		{"{{_ \"News & more\"}}", "News &amp; more"},
		{"{{&safe}}", "<p><b>x</b></p>"},
		/* Only what the sanitiser made is markup, whatever a model says. */
		{"{{&html}}{{&o}}{{&missing}}{{html}}", "&lt;b&gt;no&lt;/b&gt;"},
		{"{{safe}}", ""},
	};
	struct arena *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_span(render(a, rows[i].text), span_of(rows[i].out));
}

static void
refuses(void **state)
{
	static const struct {
		const char *text, *part, *says;
	} rows[] = {
		{"a\nb{{", "", "page.html, line 2: a tag is not closed"},
		{"{{}}", "", "line 1: an empty tag"},
		{"{{#a}}\n\n", "", "a section is not closed"},
		{"\n{{#a}}{{/b}}", "", "line 2: a section is closed that is not open here"},
		{"{{/a}}", "", "line 1: a section is closed"},
		{"{{#a}}{{^b}}{{/a}}{{/b}}", "", "a section is closed that is not open here"},
		{"{{_ text}}", "", "a translation is written"},
		{"{{_ \"}}", "", "a translation is written"},
		{"{{>nichts}}", "", "page.html: there is no part \"nichts\""},
		{"{{#a}}{{^b}}{{>nichts}}{{/b}}{{/a}}", "", "there is no part"},
		{"x", "{{>gone}}", "part.html: there is no part \"gone\""},
		{"{{>page}}", "", "in a circle"},
		{"{{>part}}", "{{#x}}{{>page}}{{/x}}", "in a circle"},
		{"{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}"
		 "}"
		 "{{#a}}{{#a}}{{#a}}{{#a}}",
			"", "nested too deep"},
	};
	struct arena *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct templates *t;
		const struct err *e = compile(a, rows[i].text, rows[i].part, &t);

		if (!e)
			check_fail("%s was compiled", rows[i].text);
		assert_int_equal(e->kind, ERR_CONFIG);
		if (!span_has(e->text, span_of(rows[i].says)))
			check_fail("%s: %.*s", rows[i].text, SPAN_FMT(e->text));
	}
	templates_free(NULL);
}

/* A page that is too large sets toobig and does no harm. */
static void
stops_at_the_maximum(void **state)
{
	struct arena *a = *state;
	struct templates *t;
	json_t *model = json_own(a, json_pack("{s:[i,i,i,i]}", "list", 1, 2, 3, 4));
	struct buf b;

	check_ok(a, compile(a, "{{#list}}0123456789{{/list}}", "", &t));
	buf_init(&b, 25);
	template_render(t, "page", model, TR_DE, &b);
	assert_true(b.toobig && b.n == 20);
	buf_fini(&b);
	templates_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renders),
		cmocka_unit_test(refuses),
		cmocka_unit_test(stops_at_the_maximum),
	};

	return cmocka_run_group_tests_name("template", tests, setup, teardown);
}
