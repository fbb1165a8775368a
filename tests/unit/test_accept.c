/* Content negotiation: what servers, browsers and everything between them ask for. */
#include "web/accept.h"

#include "lib/check.h"

#define LD "application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\""

static void
test_negotiate(void **state)
{
	enum { AP, HTML, OTHERWISE };
	static const struct {
		const char *accept; /* NULL = no header */
		int want;
	} rows[] = {
		/* Mastodon dereferencing, Mastodon's search box, GoToSocial, Misskey */
		{"application/activity+json, application/ld+json", AP},
		{LD ", application/activity+json, text/html;q=0.1", AP},
		{LD, AP},
		{"application/activity+json," LD, AP},
		/* Firefox, Chromium, Safari */
		{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML},
		{"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
		 "image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
			HTML},
		{"application/json", AP},
		{"APPLICATION/Activity+JSON", AP},
		{"application/xhtml+xml", HTML},
		/* weights */
		{"application/activity+json;q=0.4, text/html;q=0.5", HTML},
		{"application/activity+json;q=0.5, text/html;q=0.5", AP},
		{"text/html;q=0.001, application/ld+json;q=0", HTML},
		{"text/html;q=0, application/json;q=0.1", AP},
		{"text/html; charset=utf-8; q=0.3, application/json;Q=0.2", HTML},
		{"text/html;q=1.000, application/json;q=0.999", HTML},
		{"text/html;q=0.25, application/json;q=0.2", HTML},
		/* neither */
		{NULL, OTHERWISE},
		{"", OTHERWISE},
		{"*/*", OTHERWISE},
		{"image/png", OTHERWISE},
		{"text/html;q=0", OTHERWISE},
		{"application/activity+jsonx, text/htm", OTHERWISE},
		{",,;;,=", OTHERWISE},
		{"text/html;q=", OTHERWISE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span accept = span_of(rows[i].accept);
		enum accept_kind ap = accept_negotiate(accept, ACCEPT_AP);
		enum accept_kind html = accept_negotiate(accept, ACCEPT_HTML);
		int got = ap != html ? OTHERWISE : ap == ACCEPT_AP ? AP : HTML;

		if (got != rows[i].want || (ap != html && (ap != ACCEPT_AP)))
			check_fail("\"%s\": %d, want %d",
				rows[i].accept ? rows[i].accept : "(none)", got, rows[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_negotiate)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
