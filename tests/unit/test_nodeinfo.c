/* NodeInfo: the members that the schema requires, with the right types. */
#include "ap/nodeinfo.h"

#include "base/json.h"
#include "lib/check.h"
#include "lib/example.h"
#include "lib/golden.h"

static void
test_links(void **state)
{
	struct arena *a = arena_new();
	struct hub h = example_hub();

	(void)state;
	check_golden("ap/nodeinfo-links.json", nodeinfo_links(a, &h));
	arena_free(a);
}

static const json_t *
at(const json_t *j, const char *first, const char *second)
{
	const json_t *v = json_object_get(j, first);

	v = second ? json_object_get(v, second) : v;
	if (!v)
		check_fail("%s.%s is missing", first, second ? second : "");
	return v;
}

static void
test_document(void **state)
{
	const struct nodeinfo n = {.name = SPAN("Landkreis \"Muster\"kreis"),
		.description = SPAN("Alles an einem Ort"),
		.users = 42,
		.active_month = 40,
		.active_halfyear = 41,
		.posts = 12345};
	struct arena *a = arena_new();

	(void)state;
	for (int minor = 0; minor < 2; minor++) {
		json_t *j;

		check_ok(
			a, json_parse(a, nodeinfo_document(a, minor, &n), &json_limits_ap, &j));
		check_span(
			json_text(at(j, "version", NULL)), minor ? SPAN("2.1") : SPAN("2.0"));
		check_span(json_text(at(j, "software", "name")), SPAN("litfass"));
		check_span(json_text(at(j, "software", "version")), SPAN(PACKAGE_VERSION));
		check_span(json_text(json_array_get(at(j, "protocols", NULL), 0)),
			SPAN("activitypub"));
		assert_true(json_is_array(at(j, "services", "inbound")));
		assert_true(json_is_array(at(j, "services", "outbound")));
		assert_true(json_is_false(at(j, "openRegistrations", NULL)));
		assert_int_equal(
			json_integer_value(at(at(j, "usage", NULL), "users", "total")), 42);
		assert_int_equal(
			json_integer_value(at(at(j, "usage", NULL), "users", "activeMonth")),
			40);
		assert_int_equal(
			json_integer_value(at(at(j, "usage", NULL), "users", "activeHalfyear")),
			41);
		assert_int_equal(json_integer_value(at(j, "usage", "localPosts")), 12345);
		assert_int_equal(json_integer_value(at(j, "usage", "localComments")), 0);
		check_span(json_text(at(j, "metadata", "nodeName")), n.name);
	}
	check_span(nodeinfo_type(a, 1),
		SPAN("application/json; "
		     "profile=\"http://nodeinfo.diaspora.software/ns/schema/2.1#\""));
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
