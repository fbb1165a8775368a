/* Whole pages: byte by byte as they were looked at, and without a fault that can be computed.
 */
#include "base/clock.h"
#include "lib/check.h"
#include "lib/example.h"
#include "lib/golden.h"
#include "lib/page_lint.h"
#include "markup/template.h"
#include "web/model.h"

static struct arena *a;
static struct hub hub;
static struct templates *templates;

static int
setup(void **state)
{
	(void)state;
	a = arena_new();
	hub = example_hub();
	check_ok(a, templates_new(a, embed_templates, &templates));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	templates_free(templates);
	arena_free(a);
	return 0;
}

static struct model
model_in(enum tr_lang lang)
{
	return (struct model){.arena = a,
		.hub = &hub,
		.lang = lang,
		.assets = SPAN("/assets/v"),
		.site = {.name = SPAN("Landkreis <Musterkreis>")}};
}

/* Renders, checks, compares. */
static void
check_page(const struct model *m, const char *template, const char *name, const json_t *root)
{
	struct buf b;
	struct span wrong;

	buf_init(&b, 1 << 20);
	template_render(templates, template, root, m->lang, &b);
	assert_false(b.toobig);
	wrong = page_lint(a, buf_span(&b), hub.media_base);
	if (wrong.n)
		check_fail("%s in %s:\n%.*s", name, tr_code(m->lang), SPAN_FMT(wrong));
	check_golden(
		arena_printf(a, "pages/%s.%s.html", name, tr_code(m->lang)).p, buf_span(&b));
	buf_fini(&b);
}

/* ---- what the pages show ---- */

static const char picture[] =
	"{\"media\":1,\"type\":\"image\",\"source_url\":\"https://x.example/b.jpg\","
	"\"alt\":\"Ein \\\"rotes\\\" Auto\",\"blob\":\"b.webp\",\"small_blob\":\"s.webp\","
	"\"width\":1280,\"height\":960,\"small_width\":400,\"small_height\":300}";

static json_t *
posts(const struct model *m, const struct account *acc)
{
	struct post p[4] = {example_post(), example_post(), example_post(), example_post()};
	json_t *list = json_array();

	p[0].media = arena_printf(a, "[%s,%s,%s]", picture, picture, picture);
	p[0].edited_us = EXAMPLE_US + 3600 * US_PER_S;
	/* In plain language, without a title, with pictures that not everybody wants to see. */
	p[1].id = EXAMPLE_POST - 1;
	p[1].language = SPAN("de-simple");
	p[1].title = SPAN("");
	p[1].sensitive = true;
	p[1].media = arena_printf(a, "[%s]", picture);
	/* Hostile in every place where text is free. */
	p[2].id = EXAMPLE_POST - 2;
	p[2].language = SPAN("en");
	p[2].title = SPAN("<script>alert(\"1\")</script> & 'more'");
	p[2].html = SPAN("");
	p[2].url = SPAN("https://x.example/?a=1&b=\"><script>");
	p[2].tags = SPAN("[\"\\\"><b>\"]");
	/* A video that stays elsewhere. */
	p[3].id = EXAMPLE_POST - 3;
	p[3].language = SPAN("ar");
	p[3].media = SPAN("[{\"type\":\"video\",\"source_url\":\"https://x.example/v.mp4\","
			  "\"alt\":\"<Film>\"}]");
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		json_t *j;

		check_ok(a, model_post(m, &p[i], acc, i ? 0 : MODEL_FIRST, &j));
		json_array_append(list, j);
	}
	return list;
}

static json_t *
wrapped(json_t *org)
{
	json_t *j = json_object();

	json_object_set_new(j, "org", org);
	return j;
}

static void
home(const struct model *m)
{
	const struct model_frame f = {
		.place = PLACE_HOME, .path = SPAN("/"), .description = model_lead(m)};
	struct account org = example_account("organization"), own = example_account("hub");
	json_t *root = model_page(m, &f), *home;

	home = json_pack("{s:s, s:s, s:[{s:s, s:s, s:b}], s:n}", "title", "Titel", "lead",
		"Untertitel", "choices", "slug", "x", "name", "X & Y", "chosen", 1, "all");
	json_object_set_new(home, "orgs", json_array());
	json_array_append_new(json_object_get(home, "orgs"), wrapped(model_org(m, &org)));
	json_object_set_new(root, "home", home);
	json_object_set_new(root, "follow", model_follow(m, &own));
	json_object_set_new(root, "posts", posts(m, &org));
	model_feeds(m, root, SPAN("/feed"), m->site.name);
	model_pager(m, root, &(struct model_pager){.path = SPAN("/"), .older_than = 5});
	check_page(m, "home", "home", root);
}

static void
organisation(const struct model *m)
{
	const struct model_frame f = {.path = SPAN("/@feuerwehr_musterstadt"),
		.title = SPAN("Feuerwehr Musterstadt"),
		.hidden = true};
	struct account org = example_account("organization");
	json_t *root = model_page(m, &f);

	org.avatar_blob = SPAN_NONE;
	org.claimed = m->lang == TR_DE;
	json_object_set_new(root, "org", model_org(m, &org));
	json_object_set_new(root, "follow", model_follow(m, &org));
	json_object_set_new(root, "posts", posts(m, &org));
	model_feeds(m, root, f.path, f.title);
	model_pager(m, root,
		&(struct model_pager){
			.path = f.path, .newer_than = 9, .older_than = 5, .deep = true});
	check_page(m, "org", "organisation", root);
}

static void
organisations(const struct model *m)
{
	const struct model_frame f = {
		.place = PLACE_ORGS, .path = SPAN("/organisationen"), .title = SPAN("Alle")};
	struct account org = example_account("organization");
	json_t *root = model_page(m, &f), *orgs = json_object(), *list = json_array();

	json_array_append_new(list, wrapped(model_org(m, &org)));
	json_object_set_new(orgs, "list", list);
	json_object_set_new(orgs, "lead", json_string("Alle, die hier schreiben."));
	json_object_set_new(root, "orgs", orgs);
	check_page(m, "orgs", "organisations", root);
}

static void
status(const struct model *m)
{
	const struct model_frame f = {.path = SPAN("/@feuerwehr_musterstadt/1"),
		.title = SPAN("Übung"),
		.description = SPAN("Die Übung dauert zwei Stunden.")};
	struct account org = example_account("organization");
	struct post p = example_post();
	json_t *root = model_page(m, &f), *post, *further;

	p.media = arena_printf(a, "[%s,%s]", picture, picture);
	p.edited_us = EXAMPLE_US + 3600 * US_PER_S;
	check_ok(a, model_post(m, &p, &org, MODEL_WHOLE | MODEL_FIRST, &post));
	check_ok(a, model_card(m, &p, root));
	json_object_set(root, "post", post);
	further = json_pack(
		"[{s:s, s:s, s:s}]", "href", "/@x/1", "title", "Nächster", "lang", "de");
	json_object_set_new(json_array_get(further, 0), "published", model_time(m, EXAMPLE_US));
	json_object_set_new(root, "further", further);
	json_object_set_new(json_object_get(root, "page"), "activity",
		json_string("https://hub.example/p/1"));
	check_page(m, "status", "post", root);
	p.title = SPAN("");
	p.sensitive = true;
	check_ok(a, model_post(m, &p, &org, MODEL_WHOLE, &post));
	json_object_set(root, "post", post);
	json_object_set_new(root, "further", json_array());
	check_page(m, "status", "post-untitled", root);
}

static void
topic(const struct model *m)
{
	const struct model_frame f = {.path = SPAN("/tags/x"), .title = SPAN("#x")};
	json_t *root = model_page(m, &f);

	json_object_set_new(root, "tag", json_pack("{s:s}", "name", "<x>"));
	json_object_set_new(root, "posts", json_array());
	model_feeds(m, root, f.path, f.title);
	model_pager(m, root, &(struct model_pager){.path = f.path});
	check_page(m, "tag", "topic-empty", root);
}

static void
texts(const struct model *m)
{
	static const char *const names[TEXTS] = {
		"imprint", "privacy", "accessibility", "easy", "sign"};

	for (int i = 0; i < TEXTS; i++) {
		enum model_text which = (enum model_text)i;
		const struct model_frame f = {.place = PLACE_TEXT,
			.path = model_text_path(which),
			.title = model_text_label(m, which)};
		json_t *root = model_page(m, &f);

		model_text(m, root, which);
		check_page(m, "text", names[i], root);
	}
}

static void
errors(const struct model *m)
{
	const struct model_frame f = {
		.path = SPAN("/"), .title = model_error_title(m, ERR_GONE), .hidden = true};
	json_t *root = model_page(m, &f);

	model_error(m, root, ERR_GONE);
	check_page(m, "error", "error", root);
}

static void
test_pages(void **state)
{
	void (*const pages[])(const struct model *) = {
		home, organisation, organisations, status, topic, texts, errors};

	(void)state;
	for (int lang = 0; lang < TR_LANGS; lang++) {
		struct model m = model_in((enum tr_lang)lang);

		/* One of the two as it is after ?lang=. */
		m.lang_asked = lang == TR_EN;
		for (size_t i = 0; i < ARRAY_LEN(pages); i++)
			pages[i](&m);
	}
}

/* A line that holds nothing but a tag which writes nothing leaves no empty line. */
static void
test_lines(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"a\n{{#yes}}\nb\n{{/yes}}\nc\n", "a\nb\nc\n"},
		{"a\n  {{#yes}} \t\n  b\n\t{{/yes}}\nc", "a\n  b\nc"},
		{"a\n{{! words }}\nb", "a\nb"},
		{"a\n{{>part}}\nb\n", "a\n[part]\nb\n"},
		{"{{^yes}}\na\n{{/yes}}\n", ""},
		{"{{#yes}}", NULL},
		{"{{#yes}}\n{{/yes}}", ""},
		/* Not alone, or writing something. */
		{"a {{#yes}}\nb{{/yes}}\n", "a \nb\n"},
		{"{{#yes}}{{/yes}}\nb", "\nb"},
		{"a\n{{none}}\nb", "a\n\nb"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct embed_file files[] = {
			{"one.html", (const unsigned char *)cases[i].text,
				strlen(cases[i].text)},
			{"part.html", (const unsigned char *)"[part]\n", 7},
			{0},
		};
		json_t *model = json_own(a, json_pack("{s:b}", "yes", 1));
		struct templates *t = NULL;
		const struct err *e = templates_new(a, files, &t);
		struct buf b;

		assert_int_equal(e != NULL, cases[i].want == NULL);
		if (e)
			continue;
		buf_init(&b, 1000);
		template_render(t, "one", model, TR_EN, &b);
		check_span(buf_span(&b), span_of(cases[i].want));
		buf_fini(&b);
		templates_free(t);
	}
}

/* The lint itself sees what it is there for. */
static void
test_lint(void **state)
{
#define TEXTS_LINKED                                                                           \
	"<a href=\"/impressum\">a</a><a href=\"/datenschutz\">b</a>"                           \
	"<a href=\"/barrierefreiheit\">c</a><a href=\"/leichte-sprache\">d</a>"                \
	"<a href=\"/gebaerdensprache\">e</a>"
#define PAGE_OF(lang, skip, in)                                                                \
	"<!doctype html><html" lang "><head><title>x</title></head><body>" skip                \
	"<main id=\"m\"><h1>x</h1>" in "</main>" TEXTS_LINKED "</body></html>"
#define GOOD(in) PAGE_OF(" lang=\"de\"", "<a href=\"#m\">s</a>", in)
	static const struct {
		const char *html, *want;
	} cases[] = {
		{GOOD(""), ""},
		{PAGE_OF("", "<a href=\"#m\">s</a>", ""), "html without lang\n"},
		{PAGE_OF(" lang=\"de\"", "<a href=\"/\">s</a>", ""),
			"the first link is no skip link: /\n"},
		{PAGE_OF(" lang=\"de\"", "<a href=\"#n\">s</a>", ""), "#n leads nowhere\n"},
		{GOOD("<h1>y</h1>"), "2 h1\n"},
		{GOOD("<h3>y</h3>"), "h3 follows h1\n"},
		{GOOD("<img src=\"/assets/x\" width=1 height=1>"),
			"img without alt: /assets/x\n"},
		{GOOD("<img src=\"https://evil.example/x\" alt=\"\" width=1 height=1>"),
			"loads https://evil.example/x\n"},
		{GOOD("<a href=\"/x\"></a>"), "a link without a name: /x\n"},
		{GOOD("<p id=\"m\"></p>"), "the id m comes twice\n"},
		{GOOD("<select id=\"s\"></select>"), "the control s has no label\n"},
		{GOOD("<label for=\"s\">s</label><select id=\"s\"></select>"), ""},
		{GOOD("<p tabindex=\"1\"></p>"), "tabindex 1\n"},
		{GOOD("<p style=\"x\"></p>"), "the attribute style\n"},
		{GOOD("<p onclick=\"x\"></p>"), "the attribute onclick\n"},
		{GOOD("<script></script>"), "a <script>\n"},
		{GOOD("<article aria-labelledby=\"m\"></article>"),
			"a post without a language\n"},
		{GOOD("<nav></nav>"), "a nav without a name\n"},
		{GOOD("<p><div></p>"), "2 parse errors\n"},
		{"<!doctype html><html lang=de><title>x</title><a href=\"#m\">s</a>"
		 "<main id=m><h1>x</h1></main>",
			"no link to /impressum\nno link to /datenschutz\n"
			"no link to /barrierefreiheit\nno link to /leichte-sprache\n"
			"no link to /gebaerdensprache\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_span(page_lint(a, span_of(cases[i].html), SPAN("https://media.example")),
			span_of(cases[i].want));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_lint),
		cmocka_unit_test(test_pages),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
