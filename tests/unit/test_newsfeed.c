/* Atom, RSS and JSON Feed as files, and read again by our own parser. */
#include "web/newsfeed.h"

#include "base/json.h"
#include "lib/check.h"
#include "lib/example.h"
#include "lib/golden.h"
#include "markup/xml.h"

#define ATOM "http://www.w3.org/2005/Atom"

static struct arena *arena;
static struct hub hub;
static struct account org;
static struct post posts[2];
static struct post_media media[2];
static struct newsfeed_item items[2];
static struct newsfeed feed;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new();
	hub = example_hub();
	org = example_account("organization");
	posts[0] = posts[1] = example_post();
	media[0] = example_picture("Eine \"Leiter\" & <Wand>");
	media[1] = example_picture("");
	media[1].type = SPAN("audio");
	media[1].mime = SPAN("");
	media[1].source_url = SPAN("https://feuerwehr-musterstadt.example/ton.mp3?a=1&b=2");
	media[1].blob = SPAN_NONE;
	media[1].bytes = 0;
	media[1].duration_s = 61;
	/* The second: nothing but text, edited, in another language. */
	posts[1].id--;
	posts[1].title = posts[1].url = SPAN_NONE;
	posts[1].html = SPAN("<p>Fire drill ]]&gt; today \x01</p>");
	posts[1].text = SPAN("Fire drill ]]> today \x01");
	posts[1].language = SPAN("en");
	posts[1].tags = SPAN("[]");
	posts[1].edited_us = EXAMPLE_US + 3600 * US_PER_S;
	items[0] = (struct newsfeed_item){&posts[0], &org, media, ARRAY_LEN(media)};
	items[1] = (struct newsfeed_item){&posts[1], &org, NULL, 0};
	feed = (struct newsfeed){.hub = &hub,
		.title = SPAN("Feuerwehr & Co"),
		.description = SPAN("Retten, löschen"),
		.language = SPAN("de"),
		.home = SPAN("https://hub.example/@feuerwehr_musterstadt"),
		.icon = SPAN("https://media.hub.example/aa11.png"),
		.items = items,
		.n = ARRAY_LEN(items)};
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
written(void (*write)(struct arena *, struct buf *, const struct newsfeed *), const char *ext)
{
	struct span s;
	struct buf b;

	feed.self = arena_printf(arena, "https://hub.example/@feuerwehr_musterstadt.%s", ext);
	buf_init(&b, NEWSFEED_MAX);
	write(arena, &b, &feed);
	assert_false(b.toobig);
	s = arena_dup(arena, buf_span(&b));
	buf_fini(&b);
	return s;
}

static const struct xml *
parsed(struct span text)
{
	struct xml_doc doc;

	check_ok(arena, xml_parse(arena, text, SPAN("utf-8"), &doc));
	assert_false(doc.recovered);
	return doc.root;
}

static void
test_atom(void **state)
{
	struct span text = written(newsfeed_atom, "atom");
	const struct xml *root = parsed(text), *entry = xml_child(root, ATOM, "entry");

	(void)state;
	check_golden("web/feed.atom", text);
	/* RFC 4287 4.1.1: these must be there. */
	check_span(xml_child_text(arena, root, ATOM, "id"), feed.self);
	check_span(xml_child_text(arena, root, ATOM, "updated"), SPAN("2026-03-01T11:00:00Z"));
	check_span(xml_child_text(arena, entry, ATOM, "id"),
		SPAN("https://hub.example/p/116153332531200001"));
	assert_true(span_has(xml_child_text(arena, entry, ATOM, "content"),
		SPAN("<p>Die Übung <strong>dauert</strong>")));
}

static void
test_rss(void **state)
{
	struct span text = written(newsfeed_rss, "rss");
	const struct xml *channel = xml_child(parsed(text), NULL, "channel");
	const struct xml *item = xml_child(channel, NULL, "item");

	(void)state;
	check_golden("web/feed.rss", text);
	check_span(xml_child_text(arena, channel, NULL, "title"), feed.title);
	check_span(
		xml_attr(arena, xml_child(item, NULL, "enclosure"), "length"), SPAN("123456"));
	check_span(xml_child_text(arena, item, NULL, "pubDate"),
		SPAN("Sun, 01 Mar 2026 10:00:00 +0000"));
}

static void
test_json(void **state)
{
	struct span text = written(newsfeed_json, "json");
	json_t *j;
	char *pretty;

	(void)state;
	check_ok(arena, json_parse(arena, text, &json_limits_feed, &j));
	pretty = json_dumps(j, JSON_INDENT(1));
	check_golden("web/feed.json", span_of(pretty));
	free(pretty);
}

static void
test_empty(void **state)
{
	(void)state;
	feed.n = 0;
	(void)parsed(written(newsfeed_atom, "atom"));
	(void)parsed(written(newsfeed_rss, "rss"));
}

/* Old entries give way to a feed that can still be fetched. */
static void
test_large(void **state)
{
	static char big[NEWSFEED_ENOUGH];
	struct newsfeed_item many[10];
	struct span text;

	(void)state;
	memset(big, 'x', sizeof(big));
	posts[0].html = posts[0].text = span_from(big, sizeof(big));
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = items[0];
	feed.items = many;
	feed.n = ARRAY_LEN(many);
	text = written(newsfeed_atom, "atom");
	assert_in_range(text.n, NEWSFEED_ENOUGH, 2 * NEWSFEED_ENOUGH);
	(void)parsed(text);
	text = written(newsfeed_json, "json");
	assert_in_range(text.n, NEWSFEED_ENOUGH, 2 * NEWSFEED_ENOUGH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_atom, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rss, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
