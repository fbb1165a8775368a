/* Rows to the JSON that pages are rendered from. */
#include "base/clock.h"
#include "lib/check.h"
#include "lib/example.h"
#include "web/model.h"

static struct arena *a;
static struct hub hub;
static struct model de, en;

static int
setup(void **state)
{
	(void)state;
	a = arena_new();
	hub = example_hub();
	de = (struct model){.arena = a,
		.hub = &hub,
		.lang = TR_DE,
		.assets = SPAN("/assets/v"),
		.site = {.name = SPAN("Landkreis Musterkreis")}};
	en = de;
	en.lang = TR_EN;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

/* "a.b.0.c" */
static const json_t *
at(const json_t *j, const char *path)
{
	struct span rest = span_of(path), part;

	while (j && span_cut(&rest, '.', &part)) {
		uint64_t i;

		j = span_u64(part, 1000, &i) ? json_array_get(j, (size_t)i)
					     : json_object_get(j, arena_cstr(a, part));
	}
	return j;
}

#define check_at(j, path, want) check_span(json_text(at((j), (path))), span_of(want))

/* ---- words ---- */

static void
test_time(void **state)
{
	static const struct {
		const char *utc, *de, *en;
	} cases[] = {
		{"2026-03-01T10:00:00Z", "1. März 2026, 11:00 Uhr", "1 March 2026, 11:00"},
		{"2026-07-01T07:05:00Z", "1. Juli 2026, 9:05 Uhr", "1 July 2026, 9:05"},
		/* The clock was put forward at 01:00 UTC. */
		{"2026-03-29T00:59:59Z", "29. März 2026, 1:59 Uhr", "29 March 2026, 1:59"},
		{"2026-03-29T01:00:00Z", "29. März 2026, 3:00 Uhr", "29 March 2026, 3:00"},
		/* Another day, month and year than in UTC. */
		{"2025-12-31T23:30:00Z", "1. Januar 2026, 0:30 Uhr", "1 January 2026, 0:30"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t us;

		assert_true(time_parse_rfc3339(span_of(cases[i].utc), &us));
		check_at(json_own(a, model_time(&de, us)), "text", cases[i].de);
		check_at(json_own(a, model_time(&en, us)), "text", cases[i].en);
		check_at(json_own(a, model_time(&en, us)), "iso", cases[i].utc);
	}
}

static void
test_initials(void **state)
{
	static const struct {
		const char *name, *want;
	} cases[] = {
		{"Freiwillige Feuerwehr Musterstadt", "FF"},
		{"Landrat Dr. Jonas Albrecht", "LJ"},
		{"Energieagentur", "E"},
		{"Amt für Umwelt", "AU"},
		{"Ökostation Übersee", "ÖÜ"},
		{"1. FC Musterstadt", "FM"},
		{"  Stadt  Musterstadt ", "SM"},
		{"die kleinen", ""},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_span(model_initials(a, span_of(cases[i].name)), span_of(cases[i].want));
}

static void
test_tongue(void **state)
{
	static const struct {
		const char *language, *code, *de, *en, *direction;
	} cases[] = {
		{"de", "de", NULL, "Deutsch", NULL},
		{"en", "en", "English", NULL, NULL},
		{"de-simple", "de", "Leichte Sprache", "Leichte Sprache", NULL},
		{"de-1996", "de", NULL, "Deutsch", NULL},
		{"tr", "tr", "Türkçe", "Türkçe", NULL},
		{"ar", "ar", "العربية", "العربية", "rtl"},
		{"zh-hant", "zh", "中文", "中文", NULL},
		{"tlh", "tlh", "tlh", "tlh", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span s = span_of(cases[i].language);
		json_t *in_de = json_own(a, model_tongue(&de, s));
		json_t *in_en = json_own(a, model_tongue(&en, s));

		check_at(in_de, "name", cases[i].de);
		check_at(in_en, "name", cases[i].en);
		check_at(json_is_null(in_de) ? in_en : in_de, "code", cases[i].code);
		check_span(model_direction(s), span_of(cases[i].direction));
	}
}

static void
test_say(void **state)
{
	(void)state;
	check_span(model_say(&de, "All posts by {name}", "name", SPAN("A {name} & B")),
		SPAN("Alle Beiträge von A {name} & B"));
	check_span(model_say(&en, "no place", "name", SPAN("x")), SPAN("no place"));
	check_span(model_kind(&de, SPAN("fire_brigade")), SPAN("Feuerwehr"));
	check_span(model_kind(&de, SPAN("other")), SPAN_NONE);
}

/* ---- the frame ---- */

static void
test_links(void **state)
{
	struct model asked = en;

	(void)state;
	asked.lang_asked = true;
	check_span(model_href(&en, SPAN("https://hub.example/@x/1")), SPAN("/@x/1"));
	check_span(model_href(&asked, SPAN("https://hub.example/@x/1")), SPAN("/@x/1?lang=en"));
	check_span(model_href(&asked, SPAN("/?org=x")), SPAN("/?org=x&lang=en"));
	check_span(model_href(&en, SPAN("https://hub.example.evil/")),
		SPAN("https://hub.example.evil/"));
}

static void
test_frame(void **state)
{
	const struct model_frame f = {.place = PLACE_ORGS,
		.title = SPAN("Titel"),
		.description = SPAN("Text"),
		.path = SPAN("/organisationen")};
	struct model_frame hidden = f, home = {.place = PLACE_HOME, .path = SPAN("/")};
	json_t *root = model_page(&de, &f);

	(void)state;
	check_at(root, "page.title", "Titel – Landkreis Musterkreis");
	check_at(root, "page.lang", "de");
	check_at(root, "page.canonical", "https://hub.example/organisationen");
	check_at(root, "page.versions.1.href", "https://hub.example/organisationen?lang=en");
	check_at(root, "page.other.href", "/organisationen?lang=en");
	check_at(root, "page.other.name", "English");
	check_at(root, "page.css", "/assets/v/litfass.css");
	assert_true(json_is_false(at(root, "page.nav.0.current")));
	assert_true(json_is_true(at(root, "page.nav.1.current")));
	check_at(root, "page.about.0.label", "Impressum");
	hidden.hidden = true;
	root = model_page(&en, &hidden);
	assert_true(json_is_null(at(root, "page.canonical")));
	assert_true(json_is_null(at(root, "page.card")));
	check_at(root, "page.about.0.label", "Legal notice");
	check_at(model_page(&de, &home), "page.title", "Landkreis Musterkreis");
}

static void
test_pager(void **state)
{
	const struct {
		struct model_pager in;
		const char *newer, *older, *top;
		bool any;
	} cases[] = {
		{{.path = SPAN("/")}, NULL, NULL, NULL, false},
		{{.path = SPAN("/"), .older_than = 5}, NULL, "/?max_id=5", NULL, true},
		{{.path = SPAN("/?org=x"), .older_than = 5, .newer_than = 9, .deep = true},
			"/?org=x&min_id=9", "/?org=x&max_id=5", "/?org=x", true},
		{{.path = SPAN("/@x"), .deep = true}, NULL, NULL, "/@x", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *root = json_own(a, json_object());

		model_pager(&de, root, &cases[i].in);
		check_at(root, "pager.newer", cases[i].newer);
		check_at(root, "pager.older", cases[i].older);
		check_at(root, "pager.top", cases[i].top);
		assert_int_equal(json_is_true(at(root, "pager.any")), cases[i].any);
	}
}

static void
test_feeds(void **state)
{
	json_t *root = model_page(&de, &(struct model_frame){.path = SPAN("/")});

	(void)state;
	model_feeds(&de, root, SPAN("/@x"), SPAN("Name"));
	assert_int_equal(json_array_size(at(root, "page.feeds")), 3);
	check_at(root, "page.feeds.0.href", "/@x.atom");
	check_at(root, "page.feeds.1.type", "application/rss+xml");
	check_at(root, "page.feeds.2.title", "Name (JSON Feed)");
}

static void
test_org(void **state)
{
	struct account acc = example_account("organization");
	json_t *j = json_own(a, model_org(&de, &acc));

	(void)state;
	check_at(j, "href", "/@feuerwehr_musterstadt");
	check_at(j, "handle.user", "@feuerwehr_musterstadt");
	check_at(j, "handle.host", "@hub.example");
	check_at(j, "avatar", "https://media.hub.example/aa11.png");
	check_at(j, "kind", "Feuerwehr");
	check_at(j, "website.host", "feuerwehr-musterstadt.example");
	check_at(j, "count", "Bisher 12 Beiträge.");
	acc.posts_count = 1;
	acc.website = SPAN("javascript:alert(1)");
	acc.avatar_blob = SPAN_NONE;
	j = json_own(a, model_org(&en, &acc));
	check_at(j, "count", "1 post so far.");
	check_at(j, "initials", "FM");
	assert_true(json_is_null(at(j, "website")));
	assert_true(json_is_null(at(j, "avatar")));
}

/* ---- posts ---- */

static json_t *
post_of(const struct model *m, const struct post *p, unsigned flags)
{
	struct account acc = example_account("organization");
	json_t *j = NULL;

	check_ok(a, model_post(m, p, &acc, flags, &j));
	return j;
}

/* The HTML as a template writes it. */
static struct span
html_of(const json_t *post)
{
	return json_text(json_object_get(json_object_get(post, "html"), "\001safe_html"));
}

static void
test_post(void **state)
{
	struct post p = example_post();
	json_t *j = post_of(&de, &p, 0);

	(void)state;
	check_at(j, "id", "116153332531200001");
	check_at(j, "href", "/@feuerwehr_musterstadt/116153332531200001");
	check_at(j, "permalink",
		"https://hub.example/@feuerwehr_musterstadt/116153332531200001");
	check_at(j, "title", "Übung am alten Sägewerk");
	check_at(j, "source.label", "Originalbeitrag auf feuerwehr-musterstadt.example");
	check_at(j, "tags.list.0.href", "/tags/Feuerwehr");
	check_at(j, "tags.list.1.href", "/tags/%C3%9Cbung");
	assert_true(json_is_null(at(j, "edited")));
	assert_true(json_is_null(at(j, "gallery")));
	assert_true(json_is_null(at(j, "files")));
	assert_true(json_is_null(at(j, "tongue")));
	p.edited_us = EXAMPLE_US + 60 * US_PER_S;
	p.url = SPAN("javascript:alert(1)");
	p.language = SPAN("ar");
	p.tags = SPAN("[]");
	j = post_of(&de, &p, 0);
	check_at(j, "edited.text", "1. März 2026, 11:01 Uhr");
	check_at(j, "dir", "rtl");
	assert_true(json_is_null(at(j, "source")));
	assert_true(json_is_null(at(j, "tags")));
}

static void
test_text(void **state)
{
	/* html, text, tags → html, names of the topics; "-" before one that is no link */
	static const struct {
		const char *html, *tags, *want, *topics;
	} cases[] = {
		{"<p>Eins.</p><p>#Feuerwehr #Übung</p>", "[\"Feuerwehr\",\"Übung\"]",
			"<p>Eins.</p>", "Feuerwehr Übung"},
		{"<p>Eins.</p><p>#feuerwehr #112</p>", "[\"Feuerwehr\"]", "<p>Eins.</p>",
			"Feuerwehr -112"},
		{"<p>#Feuerwehr</p>", "[\"Feuerwehr\"]", NULL, "Feuerwehr"},
		{"<p>Eins.</p><p>#112 #110</p>", "[]", "<p>Eins.</p><p>#112 #110</p>", ""},
		{"<p>Eins.</p><p>Mehr: #x</p>", "[\"x\"]",
			"<p>Eins.</p><p>Mehr: <a href=\"https://hub.example/tags/x\" "
			"class=\"mention hashtag\" rel=\"tag\">#<span>x</span></a></p>",
			"x"},
		/* Not the last block on the outermost level. */
		{"<p>Eins.</p><blockquote><p>#112</p></blockquote>", "[]",
			"<p>Eins.</p><blockquote><p>#112</p></blockquote>", ""},
		{"<ul><li>#112</li></ul>", "[]", "<ul><li>#112</li></ul>", ""},
		{"", "[]", NULL, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct post p = example_post();
		struct span topics = SPAN("");
		json_t *j;
		const json_t *list;

		p.html = span_of(cases[i].html);
		p.text = SPAN("kurz");
		p.tags = span_of(cases[i].tags);
		j = post_of(&de, &p, 0);
		check_span(html_of(j), span_of(cases[i].want));
		list = at(j, "tags.list");
		for (size_t k = 0; k < json_array_size(list); k++) {
			const json_t *t = json_array_get(list, k);

			topics = arena_printf(a, "%.*s%s%s%.*s", SPAN_FMT(topics), k ? " " : "",
				json_is_null(at(t, "href")) ? "-" : "",
				SPAN_FMT(json_text(at(t, "name"))));
		}
		check_span(topics, span_of(cases[i].topics));
	}
}

static void
test_excerpt(void **state)
{
	struct post p = example_post();
	struct buf html, text;
	json_t *j;

	(void)state;
	buf_init(&html, 1 << 20);
	buf_init(&text, 1 << 20);
	for (int i = 0; i < 40; i++) {
		buf_lit(&html, "<p>Das ist ein Satz mit vielen Wörtern darin.</p>");
		buf_lit(&text, "Das ist ein Satz mit vielen Wörtern darin.\n\n");
	}
	p.html = buf_span(&html);
	p.text = buf_span(&text);
	j = post_of(&de, &p, 0);
	assert_true(json_is_true(at(j, "cut")));
	assert_true(html_of(j).n < 1000 && html_of(j).n > 300);
	assert_true(span_ends(html_of(j), SPAN("</p>")));
	j = post_of(&de, &p, MODEL_WHOLE);
	assert_true(json_is_false(at(j, "cut")));
	check_span(html_of(j), p.html);
	/* Few words in a heap of markup: the words alone. */
	buf_reset(&html);
	for (int i = 0; i < 2000; i++)
		buf_lit(&html, "<p><strong>a</strong></p>");
	p.html = buf_span(&html);
	p.text = SPAN("a a a <b>");
	j = post_of(&de, &p, 0);
	assert_true(json_is_true(at(j, "cut")));
	check_span(html_of(j), SPAN("<p>a a a &lt;b&gt;</p>"));
	buf_fini(&html);
	buf_fini(&text);
}

static struct span
media_of(int n, const char *one)
{
	struct span list = SPAN("");

	for (int i = 0; i < n; i++)
		list = arena_printf(a, "%.*s%s%s", SPAN_FMT(list), i ? "," : "", one);
	return arena_printf(a, "[%.*s]", SPAN_FMT(list));
}

#define WIDE                                                                                   \
	"{\"media\":1,\"type\":\"image\",\"source_url\":\"https://x.example/b.jpg\","          \
	"\"alt\":\"Ein Bild\",\"blob\":\"b.webp\",\"small_blob\":\"s.webp\",\"width\":1280,"   \
	"\"height\":960,\"small_width\":400,\"small_height\":300}"
#define TALL                                                                                   \
	"{\"media\":1,\"type\":\"image\",\"source_url\":\"https://x.example/b.jpg\","          \
	"\"alt\":\"\",\"blob\":\"b.webp\",\"width\":600,\"height\":900}"
#define MISSING "{\"type\":\"image\",\"source_url\":\"https://x.example/b.jpg\",\"alt\":\"\"}"
#define VIDEO                                                                                  \
	"{\"type\":\"video\",\"source_url\":\"https://www.x.example/v.mp4\",\"alt\":\"Film\"}"
#define EVIL "{\"type\":\"video\",\"source_url\":\"javascript:alert(1)\",\"alt\":\"\"}"

static void
test_gallery(void **state)
{
	static const struct {
		int n;
		const char *one;
		unsigned flags;
		const char *shape;
		size_t shown;
		const char *more;
	} cases[] = {
		{1, WIDE, 0, "one", 1, NULL},
		{1, TALL, 0, "tall", 1, NULL},
		{2, WIDE, 0, "two", 2, NULL},
		{3, WIDE, 0, "odd", 3, NULL},
		{4, WIDE, 0, "even", 4, NULL},
		{7, WIDE, 0, "even", 4, "Alle 7 Bilder"},
		{7, WIDE, MODEL_WHOLE, "odd", 7, NULL},
		{1, MISSING, 0, NULL, 0, NULL},
		{1, VIDEO, 0, NULL, 0, NULL},
	};
	struct post p = example_post();
	json_t *j;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		p.media = media_of(cases[i].n, cases[i].one);
		j = post_of(&de, &p, cases[i].flags);
		check_at(j, "gallery.shape", cases[i].shape);
		assert_int_equal(json_array_size(at(j, "gallery.images")), cases[i].shown);
		check_at(j, "more_images.label", cases[i].more);
	}
}

static void
test_picture(void **state)
{
	struct post p = example_post();
	json_t *j;

	(void)state;
	p.media = media_of(1, WIDE);
	j = post_of(&de, &p, 0);
	check_at(j, "gallery.images.0.src", "https://media.hub.example/s.webp");
	check_at(j, "gallery.images.0.srcset",
		"https://media.hub.example/s.webp 400w, https://media.hub.example/b.webp "
		"1280w");
	check_at(j, "gallery.images.0.alt", "Ein Bild");
	assert_true(json_is_null(at(j, "gallery.images.0.full")));
	assert_true(json_is_true(at(j, "gallery.images.0.lazy")));
	p.media = media_of(1, TALL);
	p.sensitive = true;
	j = post_of(&de, &p, MODEL_WHOLE | MODEL_FIRST);
	check_at(j, "gallery.images.0.src", "https://media.hub.example/b.webp");
	check_at(j, "gallery.images.0.full", "https://media.hub.example/b.webp");
	check_at(j, "gallery.images.0.alt", "Bild ohne Beschreibung");
	assert_true(json_is_null(at(j, "gallery.images.0.srcset")));
	assert_true(json_is_false(at(j, "gallery.images.0.lazy")));
	assert_true(json_is_true(at(j, "gallery.hidden")));
	p.media = media_of(1, VIDEO);
	j = post_of(&de, &p, 0);
	check_at(j, "files.list.0.label", "Video auf x.example");
	check_at(j, "files.list.0.href", "https://www.x.example/v.mp4");
	p.media = media_of(1, EVIL);
	assert_true(json_is_null(at(post_of(&de, &p, 0), "files")));
	p.media = SPAN("{}");
	assert_non_null(model_post(
		&de, &p, &(struct account){.slug = SPAN("x"), .name = SPAN("X")}, 0, &j));
}

static void
test_card(void **state)
{
	struct post p = example_post();
	json_t *root = model_page(&de, &(struct model_frame){.path = SPAN("/x")});

	(void)state;
	p.media = media_of(2, WIDE);
	check_ok(a, model_card(&de, &p, root));
	check_at(root, "page.card.type", "article");
	check_at(root, "page.card.image.href", "https://media.hub.example/b.webp");
	check_at(root, "page.card.published", "2026-03-01T10:00:00Z");
	p.sensitive = true;
	check_ok(a, model_card(&de, &p, root));
	assert_true(json_is_null(at(root, "page.card.image")));
}

/* ---- texts ---- */

static void
test_blocks(void **state)
{
	json_t *j = json_own(
		a, model_blocks(a,
			   SPAN("## Titel <b>\n\nEins\nzwei & drei\n\n\n- a\n- b\n\n- c\nd")));

	(void)state;
	assert_int_equal(json_array_size(j), 4);
	check_at(j, "0.heading", "Titel <b>");
	check_span(html_of(json_array_get(j, 1)), SPAN("<p>Eins<br>zwei &amp; drei</p>"));
	assert_int_equal(json_array_size(at(j, "2.items.list")), 2);
	check_span(html_of(at(j, "2.items.list.1")), SPAN("<p>b</p>"));
	/* Not every line is an item. */
	check_span(html_of(json_array_get(j, 3)), SPAN("<p>- c<br>d</p>"));
	assert_int_equal(json_array_size(json_own(a, model_blocks(a, SPAN("")))), 0);
}

static void
test_own_text(void **state)
{
	struct model m = en;
	json_t *root = json_own(a, json_object());

	(void)state;
	m.site.settings =
		json_own(a, json_pack("{s:{s:s}, s:s}", "impressum", "de", "Unser Impressum",
				    "datenschutz", "Alles geheim"));
	m.site.contact_email = SPAN("post@musterkreis.example");
	model_text(&m, root, TEXT_IMPRINT);
	check_at(root, "text.title", "Legal notice");
	check_at(root, "text.lang", "de");
	check_span(html_of(at(root, "text.blocks.0")), SPAN("<p>Unser Impressum</p>"));
	model_text(&m, root, TEXT_PRIVACY);
	check_at(root, "text.lang", "de");
	model_text(&m, root, TEXT_ACCESSIBILITY);
	assert_true(json_is_null(at(root, "text.lang")));
	assert_true(span_has(json_dump(a, at(root, "text.blocks")), m.site.contact_email));
	model_text(&de, root, TEXT_EASY);
	check_at(root, "text.lang", "de-simple");
	model_text(&en, root, TEXT_EASY);
	assert_true(json_is_null(at(root, "text.lang")));
}

static void
test_error(void **state)
{
	static const struct {
		enum err_kind kind;
		const char *code, *title;
	} cases[] = {
		{ERR_NOT_FOUND, "Fehler 404", "Diese Seite gibt es nicht"},
		{ERR_GONE, "Fehler 410", "Dieser Beitrag wurde zurückgezogen"},
		{ERR_TOO_MANY, "Fehler 429", "Zu viele Anfragen"},
		{ERR_DB_GONE, "Fehler 503", "Zurzeit nicht erreichbar"},
		{ERR_TIMEOUT, "Fehler 504", "Zurzeit nicht erreichbar"},
		{ERR_INTERNAL, "Fehler 500", "Hier ist etwas schiefgegangen"},
		{ERR_INPUT, "Fehler 400", "Diese Anfrage lässt sich nicht beantworten"},
		{ERR_METHOD, "Fehler 405", "Diese Anfrage lässt sich nicht beantworten"},
		{ERR_MISDIRECTED, "Fehler 421", "Diese Adresse gehört nicht hierher"},
	};
	json_t *root = json_own(a, json_object());

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		model_error(&de, root, cases[i].kind);
		check_at(root, "error.code", cases[i].code);
		check_at(root, "error.title", cases[i].title);
		assert_true(json_text(at(root, "error.text")).n > 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_time),
		TEST(test_initials),
		TEST(test_tongue),
		TEST(test_say),
		TEST(test_links),
		TEST(test_frame),
		TEST(test_pager),
		TEST(test_feeds),
		TEST(test_org),
		TEST(test_post),
		TEST(test_text),
		TEST(test_excerpt),
		TEST(test_gallery),
		TEST(test_picture),
		TEST(test_card),
		TEST(test_blocks),
		TEST(test_own_text),
		TEST(test_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
