/* The language of a post: what the item says, else the source, else the organisation. */
#include "base/clock.h"
#include "hub/ingest.h"
#include "lib/check.h"

static void
test_language(void **state)
{
	static const struct {
		const char *item, *source, *account, *want;
	} cases[] = {
		{"de", "en", "fr", "de"},
		{"de-DE", NULL, NULL, "de"},
		{"en_GB", NULL, NULL, "en"},
		{"DE-Simple", NULL, NULL, "de-simple"},
		{"de-DE-simple", NULL, NULL, "de-simple"},
		{"zh-Hant-TW", NULL, NULL, "zh-hant"},
		{"de-1996", NULL, NULL, "de-1996"},
		{"de-x-simple", NULL, NULL, "de"},
		{"hsb", NULL, NULL, "hsb"},
		{"es-419", NULL, NULL, "es"},
		/* What is no tag says nothing, so the next one is asked. */
		{"", "en", NULL, "en"},
		{"deutsch", "en", NULL, "en"},
		{"d", "en", NULL, "en"},
		{"12", "en", NULL, "en"},
		{"de-si mple", "en", NULL, "en"},
		{NULL, "de-simple", "en", "de-simple"},
		{NULL, NULL, "tr", "tr"},
		{NULL, NULL, NULL, "de"},
		{"de-abcdefgh-abcdefgh-abcdefgh-abcdefgh", NULL, NULL,
			"de-abcdefgh-abcdefgh-abcdefgh"},
	};
	struct arena *a = arena_new();
	const struct hub h = {.base = SPAN("https://hub.example")};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct source s = {.url = SPAN("https://feed.example/"),
			.language = span_of(cases[i].source),
			.account_language = span_of(cases[i].account)};
		const struct ingest_item it = {.body = SPAN("<p>Text</p>"),
			.body_is_html = true,
			.language = span_of(cases[i].item),
			.published_us = TIME_NONE,
			.embargo_us = TIME_NONE};
		struct ingest_post p;

		ingest_normalise(a, &h, &s, &it, US_PER_S, &p);
		check_span(p.language, span_of(cases[i].want));
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_language),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
