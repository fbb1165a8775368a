/* The API's JSON, key by key, as files. */
#include "web/entity.h"

#include "lib/check.h"
#include "lib/example.h"
#include "lib/golden.h"

static struct arena *arena;
static struct hub hub;
static struct account org;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new();
	hub = example_hub();
	org = example_account("organization");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

/* Indented, so that a difference can be read. */
static void
check_json(const char *name, json_t *j)
{
	char *text = json_dumps(j, JSON_INDENT(1));

	assert_non_null(text);
	check_golden(name, span_of(text));
	free(text);
	json_decref(j);
}

static void
test_account(void **state)
{
	struct account acc = example_account("hub");

	(void)state;
	check_json("web/account.json", entity_account(arena, &hub, &org));
	acc.last_post_us = TIME_NONE;
	check_json("web/account-hub.json", entity_account(arena, &hub, &acc));
	org.website = SPAN("javascript:alert(1)");
	org.summary = SPAN("<script>");
	{
		json_t *j = json_own(arena, entity_account(arena, &hub, &org));

		assert_int_equal(json_array_size(json_object_get(j, "fields")), 0);
		check_span(
			json_text(json_object_get(j, "note")), SPAN("<p>&lt;script&gt;</p>"));
	}
}

static json_t *
status(const struct post *p, const struct post_media *m, size_t n)
{
	json_t *acc = json_own(arena, json_pack("{s:s}", "acct", "feuerwehr_musterstadt"));

	return entity_status(arena, &hub, p, m, n, acc);
}

static void
test_status(void **state)
{
	struct post p = example_post();
	struct post_media m[] = {
		example_picture("Zwei Leitern an einer Wand"), example_picture("")};

	(void)state;
	m[1].type = SPAN("video");
	m[1].mime = SPAN("video/mp4");
	m[1].source_url = SPAN("https://feuerwehr-musterstadt.example/film.mp4");
	m[1].blob = m[1].small_blob = m[1].blurhash = SPAN_NONE;
	m[1].media = m[1].width = m[1].height = 0;
	m[1].post = p.id;
	m[1].position = 1;
	m[1].duration_s = 61;
	p.edited_us = EXAMPLE_US + 61 * US_PER_S;
	check_json("web/status.json", status(&p, m, ARRAY_LEN(m)));
}

/* A picture that is not here yet is not shown: its address would be a third party's. */
static void
test_pending(void **state)
{
	struct post p = example_post();
	struct post_media m = example_picture("x");
	json_t *j;

	(void)state;
	m.blob = m.small_blob = SPAN_NONE;
	assert_null(entity_media(arena, &hub, &m));
	j = json_own(arena, status(&p, &m, 1));
	assert_int_equal(json_array_size(json_object_get(j, "media_attachments")), 0);
}

static void
test_reblog(void **state)
{
	struct account by = example_account("hub");
	struct post p = example_post();
	json_t *acc = json_own(arena, json_pack("{s:s}", "acct", "hub"));
	json_t *inner = json_own(arena, status(&p, NULL, 0)), *j;

	(void)state;
	j = json_own(arena, entity_reblog(arena, &hub, &by, acc, &p, inner));
	check_span(json_text(json_object_get(j, "uri")),
		SPAN("https://hub.example/hub/a/116153332531200001/announce"));
	check_span(
		json_text(json_object_get(json_object_get(j, "account"), "acct")), SPAN("hub"));
	assert_ptr_equal(json_object_get(j, "reblog"), inner);
	check_span(json_text(json_object_get(j, "content")), SPAN(""));
	/* The original is untouched. */
	assert_true(json_is_null(json_object_get(inner, "reblog")));
	assert_true(json_string_length(json_object_get(inner, "content")) > 10);
}

static void
test_instance(void **state)
{
	const struct entity_site site = {
		.name = SPAN("Landkreis Musterkreis"),
		.contact_email = SPAN("hub@musterkreis.example"),
		.posts = 12345,
		.accounts = 42,
	};
	json_t *contact = json_own(arena, json_pack("{s:s}", "acct", "hub"));

	(void)state;
	check_json("web/instance-v1.json", entity_instance_v1(arena, &hub, &site, contact));
	check_json("web/instance-v2.json", entity_instance_v2(arena, &hub, &site, contact));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_account, setup, teardown),
		cmocka_unit_test_setup_teardown(test_status, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pending, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reblog, setup, teardown),
		cmocka_unit_test_setup_teardown(test_instance, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
