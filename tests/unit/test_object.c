/* Objects: the very bytes that other servers get, and the rules behind them. */
#include "ap/object.h"

#include "base/text.h"
#include "lib/check.h"
#include "lib/example.h"
#include "lib/golden.h"

static struct arena *a;
static struct hub h;

static int
setup(void **state)
{
	(void)state;
	a = arena_new();
	h = example_hub();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

/* Indented, so that a difference can be read. */
static void
check_document(const char *name, enum object_context c, const json_t *j)
{
	struct span text = object_document(a, c, j);
	json_t *doc;
	char *pretty;

	check_ok(a, json_parse(a, text, &json_limits_ap, &doc));
	pretty = json_dumps(doc, JSON_INDENT(1));
	check_golden(name, span_of(pretty));
	free(pretty);
}

static void
test_golden(void **state)
{
	struct post p = example_post();
	struct post_media m = example_picture("Eine Drehleiter");
	struct account org = example_account("organization"), hub = example_account("hub"),
		       instance = example_account("instance");

	(void)state;
	check_document("ap/note.json", CONTEXT_NOTE, object_note(a, &h, &p, &m, 1));
	check_document("ap/organization.json", CONTEXT_ACTOR, object_actor(a, &h, &org));
	check_document("ap/hub.json", CONTEXT_ACTOR, object_actor(a, &h, &hub));
	check_document("ap/instance.json", CONTEXT_ACTOR, object_actor(a, &h, &instance));
	check_document("ap/tombstone.json", CONTEXT_PLAIN,
		object_tombstone(a, SPAN("https://hub.example/p/1"), "Note", EXAMPLE_US));
}

static const json_t *
member(const json_t *j, const char *key)
{
	const json_t *v = json_object_get(j, key);

	if (!v)
		check_fail("there is no \"%s\"", key);
	return v;
}

static void
test_note_is_of_the_record(void **state)
{
	struct post p = example_post(), back;
	struct post_media m[2] = {example_picture("eins"), example_picture("zwei")}, *out;
	size_t n = 0;
	struct span content = post_content(a, &p, m, 2);

	(void)state;
	/* From the content of a record entry comes the same Note as from the row. */
	check_ok(a, post_content_parse(a, content, &back, &out, &n));
	check_span(object_document(a, CONTEXT_NOTE, object_note(a, &h, &back, out, n)),
		object_document(a, CONTEXT_NOTE, object_note(a, &h, &p, m, 2)));
}

static void
test_language(void **state)
{
	struct post p = example_post();
	const json_t *note, *map;

	(void)state;
	p.language = SPAN("en");
	note = object_note(a, &h, &p, NULL, 0);
	map = member(note, "contentMap");
	assert_int_equal(json_object_size(map), 1);
	/* GoToSocial compares the bytes. */
	check_span(json_text(member(map, "en")), json_text(member(note, "content")));
	assert_true(span_has(json_text(member(note, "content")), SPAN("Source: ")));
}

static void
test_no_content_warning(void **state)
{
	struct post p = example_post();

	(void)state;
	assert_true(json_is_null(member(object_note(a, &h, &p, NULL, 0), "summary")));
	assert_true(json_is_false(member(object_note(a, &h, &p, NULL, 0), "sensitive")));
	p.sensitive = true;
	assert_true(json_is_true(member(object_note(a, &h, &p, NULL, 0), "sensitive")));
}

static void
test_edit_says_when(void **state)
{
	struct post p = example_post();

	(void)state;
	assert_null(json_object_get(object_note(a, &h, &p, NULL, 0), "updated"));
	p.edited_us = EXAMPLE_US + 3600 * US_PER_S;
	check_span(json_text(member(object_note(a, &h, &p, NULL, 0), "updated")),
		SPAN("2026-03-01T11:00:00Z"));
}

/* Every tag is an entry and a link to the same address, in the text or behind it. */
static void
test_tags(void **state)
{
	struct post p = example_post();
	const json_t *note = object_note(a, &h, &p, NULL, 0), *tag;
	struct span content = json_text(member(note, "content"));
	size_t i;

	(void)state;
	assert_int_equal(json_array_size(member(note, "tag")), 2);
	json_array_foreach(member(note, "tag"), i, tag)
	{
		struct span href = json_text(member(tag, "href"));
		struct span link = arena_printf(a, "<a href=\"%.*s\"", SPAN_FMT(href));

		check_span(json_text(member(tag, "type")), SPAN("Hashtag"));
		assert_true(span_starts(json_text(member(tag, "name")), SPAN("#")));
		assert_true(span_has(content, link));
	}
	p.tags = SPAN("not JSON");
	assert_int_equal(json_array_size(member(object_note(a, &h, &p, NULL, 0), "tag")), 0);
}

static void
test_pictures(void **state)
{
	struct post p = example_post();
	struct post_media m[7];
	const json_t *note, *list;
	struct span content;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(m); i++)
		m[i] = example_picture(i ? "Bild" : "");
	m[1].blob = SPAN_NONE; /* could not be fetched */
	note = object_note(a, &h, &p, m, ARRAY_LEN(m));
	list = member(note, "attachment");
	assert_int_equal(json_array_size(list), OBJECT_ATTACHMENTS_MAX);
	/* Without a text there is no empty one, which would say "decorative". */
	assert_null(json_object_get(json_array_get(list, 0), "name"));
	check_span(json_text(member(json_array_get(list, 1), "name")), SPAN("Bild"));
	check_span(json_text(member(json_array_get(list, 1), "summary")), SPAN("Bild"));
	/* Six are there, four are shown, and the text says so. */
	content = json_text(member(note, "content"));
	assert_true(span_has(content, SPAN("Weitere Bilder (2): ")));
	note = object_note(a, &h, &p, m, 5);
	assert_int_equal(json_array_size(member(note, "attachment")), 4);
	assert_false(span_has(json_text(member(note, "content")), SPAN("Weitere Bilder")));
}

static void
test_media_kinds(void **state)
{
	static const struct {
		const char *type, *want;
	} cases[] = {{"image", "Image"}, {"video", "Video"}, {"audio", "Audio"},
		{"unknown", "Document"}};
	struct post p = example_post();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct post_media m = example_picture("x");
		const json_t *one;

		m.type = span_of(cases[i].type);
		m.duration_s = 75;
		one = json_array_get(member(object_note(a, &h, &p, &m, 1), "attachment"), 0);
		check_span(json_text(member(one, "type")), span_of(cases[i].want));
		check_span(json_text(member(one, "duration")), SPAN("PT75S"));
	}
}

static void
test_long_text(void **state)
{
	struct buf html, text;
	struct post p = example_post();
	const json_t *note;
	struct span content, source;

	(void)state;
	buf_init(&html, 1 << 20);
	buf_init(&text, 1 << 20);
	for (int i = 0; i < 100; i++) {
		buf_printf(&html, "<p>Absatz %d mit etwas Text darin, vierzig Zeichen.</p>", i);
		buf_printf(&text, "Absatz %d mit etwas Text darin, vierzig Zeichen.\n\n", i);
	}
	p.html = buf_span(&html);
	p.text = buf_span(&text);
	note = object_note(a, &h, &p, NULL, 0);
	content = json_text(member(note, "content"));
	source = json_text(member(member(note, "source"), "content"));
	assert_true(content.n < 3000 && content.n > 1000);
	assert_true(utf8_count(source) <= 1501);
	assert_false(span_has(content, SPAN("Absatz 99")));
	assert_true(span_has(content,
		SPAN("Weiterlesen: <a href=\"https://hub.example/@feuerwehr_musterstadt/")));
	buf_fini(&html);
	buf_fini(&text);
}

static void
test_actor_without_extras(void **state)
{
	struct account acc = example_account("organization");
	const json_t *j;

	(void)state;
	acc.website = SPAN("javascript:alert(1)");
	acc.avatar_blob = acc.header_blob = SPAN_NONE;
	acc.summary = SPAN("<script>x</script> & mehr");
	j = object_actor(a, &h, &acc);
	assert_int_equal(json_array_size(member(j, "attachment")), 0);
	assert_null(json_object_get(j, "attributionDomains"));
	assert_null(json_object_get(j, "icon"));
	check_span(json_text(member(j, "summary")),
		SPAN("<p>&lt;script&gt;x&lt;/script&gt; &amp; mehr</p>"));
}

static void
test_collections(void **state)
{
	json_t *items = json_own(a, json_array()), *j;
	struct object_page page = {.id = SPAN("https://hub.example/hub/outbox?page=true"),
		.part_of = SPAN("https://hub.example/hub/outbox"),
		.items = items};

	(void)state;
	json_array_append_new(items, json_string("https://hub.example/p/1"));
	j = object_collection(a, page.part_of, 7, SPAN_NONE, SPAN_NONE);
	assert_int_equal(json_integer_value(member(j, "totalItems")), 7);
	assert_null(json_object_get(j, "first"));
	assert_null(json_object_get(j, "orderedItems"));
	j = object_collection(a, page.part_of, 7, page.id, SPAN("x"));
	check_span(json_text(member(j, "first")), page.id);
	j = object_collection_whole(a, page.part_of, items);
	assert_int_equal(json_array_size(member(j, "orderedItems")), 1);
	assert_int_equal(json_integer_value(member(j, "totalItems")), 1);
	j = object_collection_page(a, &page);
	assert_null(json_object_get(j, "next"));
	assert_null(json_object_get(j, "prev"));
	check_span(json_text(member(j, "partOf")), page.part_of);
	page.next = SPAN("n");
	check_span(json_text(member(object_collection_page(a, &page), "next")), SPAN("n"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_golden),
		TEST(test_note_is_of_the_record),
		TEST(test_language),
		TEST(test_no_content_warning),
		TEST(test_edit_says_when),
		TEST(test_tags),
		TEST(test_pictures),
		TEST(test_media_kinds),
		TEST(test_long_text),
		TEST(test_actor_without_extras),
		TEST(test_collections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
