/* WebFinger: every form in which others ask, and the documents they get. */
#include "ap/webfinger.h"

#include "lib/check.h"
#include "lib/example.h"
#include "lib/golden.h"

static void
test_resources(void **state)
{
	static const struct {
		const char *resource, *slug; /* NULL = refused as: */
		enum err_kind kind;
	} cases[] = {
		{"acct:feuerwehr_x@hub.example", "feuerwehr_x", 0},
		{"ACCT:feuerwehr_x@hub.example", "feuerwehr_x", 0},
		{"feuerwehr_x@hub.example", "feuerwehr_x", 0},
		{"acct:@feuerwehr_x@hub.example", "feuerwehr_x", 0},
		{"@feuerwehr_x@hub.example", "feuerwehr_x", 0},
		{"acct:FeuerWehr_X@HUB.example", "feuerwehr_x", 0},
		{"acct:feuerwehr_x@hub.example:443", "feuerwehr_x", 0},
		{"acct:feuerwehr_x@hub.example.", "feuerwehr_x", 0},
		{"acct:hub@hub.example", "hub", 0},
		{"https://hub.example/o/feuerwehr_x", "feuerwehr_x", 0},
		{"https://HUB.example/o/feuerwehr_x", "feuerwehr_x", 0},
		{"https://hub.example/@feuerwehr_x", "feuerwehr_x", 0},
		{"https://hub.example/@Feuerwehr_X", "feuerwehr_x", 0},
		{"https://hub.example/hub", "hub", 0},
		{"https://hub.example/@hub", "hub", 0},
		{"https://hub.example", "actor", 0},
		{"https://hub.example/", "actor", 0},
		{"https://hub.example/actor", "actor", 0},
		{"hub.example@hub.example", "actor", 0},
		{"acct:Hub.Example@hub.example", "actor", 0},
		/* No resource at all. */
		{NULL, NULL, ERR_INPUT},
		{"", NULL, ERR_INPUT},
		{"acct:", NULL, ERR_INPUT},
		{"acct:x", NULL, ERR_INPUT},
		{"@", NULL, ERR_INPUT},
		{"x@", NULL, ERR_INPUT},
		{"@hub.example", NULL, ERR_INPUT},
		{"acct:a b@hub.example", NULL, ERR_INPUT},
		{"acct:a\x01@hub.example", NULL, ERR_INPUT},
		{"acct:a\xff@hub.example", NULL, ERR_INPUT},
		{"x@hub.example/o/x", NULL, ERR_INPUT},
		{"x@hub.example:99999", NULL, ERR_INPUT},
		{"https://user@hub.example/o/x", NULL, ERR_INPUT},
		{"https:///o/x", NULL, ERR_INPUT},
		/* Not ours, or no actor. */
		{"acct:hub@elsewhere.example", NULL, ERR_NOT_FOUND},
		{"acct:hub@hub.example:8443", NULL, ERR_NOT_FOUND},
		{"acct:hub@hub.example.evil.example", NULL, ERR_NOT_FOUND},
		{"acct:actor@hub.example", NULL, ERR_NOT_FOUND},
		{"https://elsewhere.example/o/feuerwehr_x", NULL, ERR_NOT_FOUND},
		{"http://hub.example/o/feuerwehr_x", NULL, ERR_NOT_FOUND},
		{"https://hub.example/o/feuerwehr_x/outbox", NULL, ERR_NOT_FOUND},
		{"https://hub.example/o/feuerwehr_x?a=1", NULL, ERR_NOT_FOUND},
		{"https://hub.example/o/", NULL, ERR_NOT_FOUND},
		{"https://hub.example/@actor", NULL, ERR_NOT_FOUND},
		{"https://hub.example/p/1", NULL, ERR_NOT_FOUND},
		{"https://hub.example/?x", NULL, ERR_NOT_FOUND},
	};
	struct arena *a = arena_new();
	struct hub h = example_hub();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span slug = SPAN_NONE;
		const struct err *e = webfinger_parse(a, &h, span_of(cases[i].resource), &slug);
		const char *name = cases[i].resource ? cases[i].resource : "(none)";

		if (cases[i].slug && (e || !span_is(slug, cases[i].slug)))
			check_fail("%s: %.*s %s", name, SPAN_FMT(slug),
				e ? err_name(e->kind) : "");
		if (!cases[i].slug && (!e || e->kind != cases[i].kind))
			check_fail("%s: %s", name, e ? err_name(e->kind) : "taken");
	}
	arena_free(a);
}

static void
test_zero_and_length(void **state)
{
	struct arena *a = arena_new();
	struct hub h = example_hub();
	struct span slug;
	char *big = arena_alloc(a, 5000);
	const struct err *e = webfinger_parse(a, &h, span_from("a\0b@hub.example", 15), &slug);

	(void)state;
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_INPUT);
	memset(big, 'x', 5000);
	e = webfinger_parse(a, &h, span_from(big, 5000), &slug);
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_INPUT);
	arena_free(a);
}

/* A hub on a port of its own has it in its handles. */
static void
test_port(void **state)
{
	struct arena *a = arena_new();
	const struct hub h = {
		.base = SPAN("http://127.0.0.1:8420"), .authority = SPAN("127.0.0.1:8420")};
	struct span slug = SPAN_NONE;

	(void)state;
	check_ok(a, webfinger_parse(a, &h, SPAN("acct:x@127.0.0.1:8420"), &slug));
	check_span(slug, SPAN("x"));
	check_ok(a, webfinger_parse(a, &h, SPAN("127.0.0.1:8420@127.0.0.1:8420"), &slug));
	check_span(slug, SPAN("actor"));
	assert_non_null(webfinger_parse(a, &h, SPAN("acct:x@127.0.0.1"), &slug));
	arena_free(a);
}

static void
test_documents(void **state)
{
	struct arena *a = arena_new();
	struct hub h = example_hub();
	struct account org = example_account("organization"),
		       instance = example_account("instance");

	(void)state;
	check_golden("ap/webfinger-organization.json", webfinger_document(a, &h, &org));
	check_golden("ap/webfinger-instance.json", webfinger_document(a, &h, &instance));
	check_golden("ap/host-meta.xml", host_meta_xml(a, &h));
	check_golden("ap/host-meta.json", host_meta_json(a, &h));
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resources),
		cmocka_unit_test(test_zero_and_length),
		cmocka_unit_test(test_port),
		cmocka_unit_test(test_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
