/* The one piece of HTML that followers and apps see of a post. */
#include "hub/compose.h"

#include "base/text.h"
#include "lib/check.h"
#include "lib/example.h"

static struct arena *arena;
static struct hub hub;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new();
	hub = example_hub();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct span
note(const struct post *p, const struct post_media *m, size_t n)
{
	return compose_note(arena, &hub, p, m, n).html;
}

#define TITLE "<p><strong>Übung am alten Sägewerk</strong></p>"
#define REL " rel=\"nofollow noopener ugc\">"
#define PAGE "https://hub.example/@feuerwehr_musterstadt/116153332531200001"
#define TAG(href_, name_)                                                                      \
	"<a href=\"https://hub.example/tags/" href_                                            \
	"\" class=\"mention hashtag\" rel=\"tag\">#<span>" name_ "</span></a>"
#define TEXT                                                                                   \
	"<p>Die Übung <strong>dauert</strong> zwei Stunden. " TAG(                             \
		"Feuerwehr", "Feuerwehr") "</p>"
#define URL "https://feuerwehr-musterstadt.example/news/42?a=1&amp;b=2"
#define SOURCE(word_) "<p>" word_ ": <a href=\"" URL "\"" REL URL "</a></p>"

static void
test_whole(void **state)
{
	struct post p = example_post();

	(void)state;
	/* #Feuerwehr stands in the text, #Übung does not. */
	check_span(note(&p, NULL, 0),
		SPAN(TITLE TEXT "<p>" TAG("%C3%9Cbung", "Übung") "</p>" SOURCE("Quelle")));
	p.tags = SPAN("[\"FEUERWEHR\"]");
	p.language = SPAN("en");
	check_span(note(&p, NULL, 0), SPAN(TITLE TEXT SOURCE("Source")));
	p.language = SPAN("de-simple");
	p.title = SPAN("");
	p.tags = SPAN("[]");
	check_span(note(&p, NULL, 0), SPAN(TEXT SOURCE("Quelle")));
	p.url = SPAN_NONE;
	check_span(note(&p, NULL, 0), SPAN(TEXT));
}

/* What our own row says is shown even when a part of it cannot be read. */
static void
test_odd_rows(void **state)
{
	struct post p = example_post();

	(void)state;
	p.tags = SPAN("{\"no\":\"list\"}");
	p.url = SPAN("javascript:alert(1)");
	p.title = SPAN("<b>\"&");
	check_span(
		note(&p, NULL, 0), SPAN("<p><strong>&lt;b&gt;&quot;&amp;</strong></p>" TEXT));
}

static void
test_pictures(void **state)
{
	struct post p = example_post();
	struct post_media m[7];
	struct span got;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(m); i++)
		m[i] = example_picture("x");
	m[2].blob = SPAN_NONE; /* not downloaded: not counted */
	got = note(&p, m, 5);
	assert_false(span_has(got, SPAN("Weitere Bilder")));
	got = note(&p, m, 7);
	if (!span_has(got, SPAN("<p>Weitere Bilder (2): <a href=\"" PAGE "\"" REL PAGE
				"</a></p>" SOURCE("Quelle"))))
		check_fail("%.*s", SPAN_FMT(got));
}

static void
fill(struct post *p, size_t paragraphs, size_t words)
{
	struct buf html, text;

	buf_init(&html, 1 << 20);
	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < paragraphs; i++) {
		buf_printf(&html, "<ul><li><p>%zu<br>", i);
		for (size_t k = 0; k < words; k++) {
			buf_add_cstr(&html, "größer ");
			buf_add_cstr(&text, "größer ");
		}
		buf_add_cstr(&html, "</p></li></ul>");
		buf_add_cstr(&text, "\n\n");
	}
	p->html = arena_dup(arena, buf_span(&html));
	p->text = arena_dup(arena, buf_span(&text));
	buf_fini(&html);
	buf_fini(&text);
}

static size_t
count(struct span s, struct span what)
{
	size_t n = 0, at;

	for (; (at = span_find(s, what)) != SIZE_MAX; s = span_slice(s, at + what.n, s.n))
		n++;
	return n;
}

static void
test_long(void **state)
{
	struct post p = example_post();
	struct span got,
		more = SPAN("<p>Weiterlesen: <a href=\"" PAGE "\"" REL PAGE "</a></p>");

	(void)state;
	fill(&p, 30, 10); /* 72 characters each: 2160 */
	got = note(&p, NULL, 0);
	assert_true(span_has(got, more));
	/* Whole blocks only, about 1500 characters. */
	assert_int_equal(count(got, SPAN("<ul>")), count(got, SPAN("</p></li></ul>")));
	assert_in_range(count(got, SPAN("größer ")), 190, 215);
	fill(&p, 27, 10); /* 1944: shown whole */
	got = note(&p, NULL, 0);
	assert_false(span_has(got, more));
	assert_int_equal(count(got, SPAN("größer ")), 270);
	/* One block that is too long by itself is cut as text. */
	fill(&p, 1, 1000);
	got = note(&p, NULL, 0);
	assert_true(span_has(got, more));
	assert_false(span_has(got, SPAN("<ul>")));
	assert_in_range(utf8_count(got), 1500, 2200);
}

static void
test_headline(void **state)
{
	struct post p = example_post();

	(void)state;
	check_span(compose_headline(arena, &p, 100), SPAN("Übung am alten Sägewerk"));
	p.title = SPAN("");
	p.text = SPAN("Erste Zeile\n\nzweite  Zeile");
	check_span(compose_headline(arena, &p, 100), SPAN("Erste Zeile zweite Zeile"));
	assert_true(utf8_count(compose_headline(arena, &p, 15)) <= 15);
	assert_true(span_ends(compose_headline(arena, &p, 15), SPAN("…")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pictures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_headline, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
