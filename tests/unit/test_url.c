#include "base/url.h"

#include "lib/check.h"

static int
setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static void
test_parse(void **state)
{
	static const struct {
		const char *in, *text, *host, *target;
		int port;
	} cases[] = {
		{"https://hub.example", "https://hub.example/", "hub.example", "/", 443},
		{"http://hub.example/", "http://hub.example/", "hub.example", "/", 80},
		{"HTTPS://HUB.Example/Path?Q=1#F", "https://hub.example/Path?Q=1#F",
			"hub.example", "/Path?Q=1", 443},
		{"https://hub.example:443/a", "https://hub.example/a", "hub.example", "/a",
			443},
		{"http://hub.example:443/a", "http://hub.example:443/a", "hub.example", "/a",
			443},
		{"https://hub.example:/a", "https://hub.example/a", "hub.example", "/a", 443},
		{"https://hub.example:08443/", "https://hub.example:8443/", "hub.example", "/",
			8443},
		{"https://hub.example./a", "https://hub.example/a", "hub.example", "/a", 443},
		{"https://hub.example?q", "https://hub.example/?q", "hub.example", "/?q", 443},
		{"https://hub.example#f", "https://hub.example/#f", "hub.example", "/", 443},
		{"https://hub.example/?", "https://hub.example/?", "hub.example", "/?", 443},
		{"https://hub.example/#", "https://hub.example/#", "hub.example", "/", 443},
		{"https://hub.example/a?b?c#d#e", "https://hub.example/a?b?c#d#e",
			"hub.example", "/a?b?c", 443},
		/* Nothing of the path is changed: what is checked is what is fetched. */
		{"https://hub.example/a/../b/%2e%2e/%41",
			"https://hub.example/a/../b/%2e%2e/%41", "hub.example",
			"/a/../b/%2e%2e/%41", 443},
		{"https://under_score.example/", "https://under_score.example/",
			"under_score.example", "/", 443},
		{"http://localhost:8420/", "http://localhost:8420/", "localhost", "/", 8420},
		{"http://127.0.0.1/", "http://127.0.0.1/", "127.0.0.1", "/", 80},
		/* International names: A-labels as RFC 5891 and UTS 46 make them. */
		{"https://m\xc3\xbcnchen.example/", "https://xn--mnchen-3ya.example/",
			"xn--mnchen-3ya.example", "/", 443},
		{"https://M\xc3\x9cNCHEN.example/", "https://xn--mnchen-3ya.example/",
			"xn--mnchen-3ya.example", "/", 443},
		{"https://stra\xc3\x9f"
		 "e.example/",
			"https://xn--strae-oqa.example/", "xn--strae-oqa.example", "/", 443},
		{"https://xn--mnchen-3ya.example/", "https://xn--mnchen-3ya.example/",
			"xn--mnchen-3ya.example", "/", 443},
		/* Full-width letters and the ideographic full stop are mapped before the check.
		 */
		{"https://\xef\xbd\x88\xef\xbd\x95\xef\xbd\x82\xe3\x80\x82"
		 "example/",
			"https://hub.example/", "hub.example", "/", 443},
		/* IPv6 in its one spelling (RFC 5952). */
		{"http://[::1]/", "http://[::1]/", "[::1]", "/", 80},
		{"http://[0:0:0:0:0:0:0:1]:80/", "http://[::1]/", "[::1]", "/", 80},
		{"http://[2001:DB8:0:0:1::1]:8080/x", "http://[2001:db8::1:0:0:1]:8080/x",
			"[2001:db8::1:0:0:1]", "/x", 8080},
		{"http://[::ffff:7f00:1]/", "http://[::ffff:127.0.0.1]/", "[::ffff:127.0.0.1]",
			"/", 80},
	};
	struct arena *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct url u, again;
		const struct err *e = url_parse(a, span_of(cases[i].in), &u);

		if (e)
			check_fail("%s: %.*s", cases[i].in, SPAN_FMT(err_text(a, e)));
		check_span(u.text, span_of(cases[i].text));
		check_span(u.host, span_of(cases[i].host));
		check_span(u.target, span_of(cases[i].target));
		assert_int_equal(u.port, cases[i].port);
		assert_int_equal(u.https, cases[i].text[4] == 's');
		/* What has been normalised once stays as it is. */
		check_ok(a, url_parse(a, u.text, &again));
		check_span(again.text, u.text);
	}
}

static void
test_parts(void **state)
{
	struct arena *a = *state;
	struct url u;

	check_ok(a, url_parse(a, SPAN("https://hub.example:8443/a/b?c=d#e"), &u));
	check_span(u.scheme, SPAN("https"));
	check_span(u.authority, SPAN("hub.example:8443"));
	check_span(u.origin, SPAN("https://hub.example:8443"));
	check_span(u.path, SPAN("/a/b"));
	check_span(u.query, SPAN("c=d"));
	check_span(u.fragment, SPAN("e"));
	check_ok(a, url_parse(a, SPAN("https://hub.example"), &u));
	check_span(u.path, SPAN("/"));
	assert_null(u.query.p);
	assert_null(u.fragment.p);
	check_ok(a, url_parse(a, SPAN("https://hub.example/?#"), &u));
	assert_true(u.query.p && u.query.n == 0 && u.fragment.p && u.fragment.n == 0);
}

static void
test_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"hub.example",
		"//hub.example/",
		"ftp://hub.example/",
		"javascript://hub.example/%0aalert(1)",
		"https:hub.example",
		"https:/hub.example",
		"https://",
		"https:///path",
		"https://?q",
		"https://:443/",
		" https://hub.example/",
		/* user names */
		"https://user@hub.example/",
		"https://user:pass@hub.example/",
		"https://hub.example@evil.example/",
		"https://@hub.example/",
		/* ports */
		"https://hub.example:0/",
		"https://hub.example:65536/",
		"https://hub.example:80a/",
		"https://hub.example:-1/",
		"https://hub.example:+80/",
		"https://hub.example:80:80/",
		/* hosts */
		"https://hub..example/",
		"https://.hub.example/",
		"https://hub.example../",
		"https://./",
		"https://-hub.example/",
		"https://hub-.example/",
		"https://hub example/",
		"https://hub%2eexample/",
		"https://hub.exa\\mple/",
		"https://hub.example\\@evil.example/",
		"https://hub!.example/",
		"https://\xff.example/",
		"https://xn--.example\xc2\xad..example/",
		"https://\xe2\x80\xae.example/",
		/* every spelling of an IPv4 address but four decimal octets */
		"http://127.1/",
		"http://127.0.1/",
		"http://2130706433/",
		"http://0x7f000001/",
		"http://0x7f.0.0.1/",
		"http://127.0.0.0x1/",
		"http://0177.0.0.1/",
		"http://127.0.0.01/",
		"http://127.0.0.256/",
		"http://127.0.0.1.1/",
		"http://1.2.3/",
		"http://017700000001/",
		"http://0x/",
		"http://hub.0x7f/",
		"http://hub.1/",
		"http://0xA.0xB.0xC.0xD/",
		/* IPv6 */
		"http://[::1/",
		"http://[]/",
		"http://[::]x/",
		"http://[:::]/",
		"http://[1:2:3:4:5:6:7]/",
		"http://[1:2:3:4:5:6:7:8:9]/",
		"http://[12345::]/",
		"http://[::1%25lo]/",
		"http://[::1%lo]/",
		"http://[::ffff:127.1]/",
		"http://[v1.x]/",
		"http://[127.0.0.1]/",
		"http://::1/",
		/* bytes */
		"https://hub.example/a b",
		"https://hub.example/\t",
		"https://hub.example/a\nb",
		"https://hub.example/\x7f",
		"https://hub.example/\xc3\xa4",
		"https://hub.example/\"",
		"https://hub.example/<",
		"https://hub.example/a\\b",
		"https://hub.example/{}",
		"https://hub.example/?a|b",
		"https://hub.example/#`",
	};
	struct arena *a = *state;
	struct url u;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct err *e = url_parse(a, span_of(cases[i]), &u);

		if (!e)
			check_fail("\"%s\" was taken as %.*s", cases[i], SPAN_FMT(u.text));
		assert_int_equal(e->kind, ERR_INPUT);
	}
	/* A NUL in the middle does not end it. */
	assert_non_null(url_parse(a, span_from("https://hub.example\0.evil.example/", 34), &u));
	assert_non_null(url_parse(a, span_from("https://[::1\0]/", 15), &u));
}

static void
test_limits(void **state)
{
	struct arena *a = *state;
	struct span s = arena_printf(a, "https://hub.example/%02028d", 0);
	char label[70];
	struct url u;

	assert_int_equal(s.n, URL_MAX);
	check_ok(a, url_parse(a, s, &u));
	s = arena_printf(a, "%.*s0", SPAN_FMT(s));
	assert_non_null(url_parse(a, s, &u));
	memset(label, 'a', sizeof(label));
	s = arena_printf(a, "https://%.63s.example/", label);
	check_ok(a, url_parse(a, s, &u));
	s = arena_printf(a, "https://%.64s.example/", label);
	assert_non_null(url_parse(a, s, &u));
	/* 253 bytes of host: 63.63.63.61 */
	s = arena_printf(a, "%.63s.%.63s.%.63s.%.61s", label, label, label, label);
	assert_true(url_host_normalise(a, s, &u.host));
	s = arena_printf(a, "%.63s.%.63s.%.63s.%.62s", label, label, label, label);
	assert_false(url_host_normalise(a, s, &u.host));
}

/* RFC 3986, 5.4: all examples, with the base's host and scheme made ours. */
static void
test_resolve_rfc(void **state)
{
	static const struct {
		const char *ref, *want; /* NULL = refused */
	} cases[] = {
		{"g:h", NULL}, {"g", "http://a/b/c/g"}, {"./g", "http://a/b/c/g"},
		{"g/", "http://a/b/c/g/"}, {"/g", "http://a/g"}, {"//g", "http://g/"},
		{"?y", "http://a/b/c/d;p?y"}, {"g?y", "http://a/b/c/g?y"},
		{"#s", "http://a/b/c/d;p?q#s"}, {"g#s", "http://a/b/c/g#s"},
		{"g?y#s", "http://a/b/c/g?y#s"}, {";x", "http://a/b/c/;x"},
		{"g;x", "http://a/b/c/g;x"}, {"g;x?y#s", "http://a/b/c/g;x?y#s"},
		{"", "http://a/b/c/d;p?q"}, {".", "http://a/b/c/"}, {"./", "http://a/b/c/"},
		{"..", "http://a/b/"}, {"../", "http://a/b/"}, {"../g", "http://a/b/g"},
		{"../..", "http://a/"}, {"../../", "http://a/"}, {"../../g", "http://a/g"},
		{"../../../g", "http://a/g"}, {"../../../../g", "http://a/g"},
		{"/./g", "http://a/g"}, {"/../g", "http://a/g"}, {"g.", "http://a/b/c/g."},
		{".g", "http://a/b/c/.g"}, {"g..", "http://a/b/c/g.."},
		{"..g", "http://a/b/c/..g"}, {"./../g", "http://a/b/g"},
		{"./g/.", "http://a/b/c/g/"}, {"g/./h", "http://a/b/c/g/h"},
		{"g/../h", "http://a/b/c/h"}, {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
		{"g;x=1/../y", "http://a/b/c/y"}, {"g?y/./x", "http://a/b/c/g?y/./x"},
		{"g?y/../x", "http://a/b/c/g?y/../x"}, {"g#s/./x", "http://a/b/c/g#s/./x"},
		{"g#s/../x", "http://a/b/c/g#s/../x"}, {"http:g", NULL}, /* strict */
	};
	struct arena *a = *state;
	struct url base, u;

	check_ok(a, url_parse(a, SPAN("http://a/b/c/d;p?q"), &base));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct err *e = url_resolve(a, &base, span_of(cases[i].ref), &u);

		if (!e != (cases[i].want != NULL))
			check_fail("\"%s\": %s", cases[i].ref, e ? "refused" : "taken");
		if (!e && !span_is(u.text, cases[i].want))
			check_fail("\"%s\": %.*s, want %s", cases[i].ref, SPAN_FMT(u.text),
				cases[i].want);
	}
}

/* What sloppy sources write. */
static void
test_resolve_sloppy(void **state)
{
	static const struct {
		const char *ref, *want; /* NULL = refused */
	} cases[] = {
		{"  bild 1.jpg\n", "https://x.example/d/bild%201.jpg"},
		{"stra\xc3\x9f"
		 "e.html",
			"https://x.example/d/stra%C3%9Fe.html"},
		{"a%20b", "https://x.example/d/a%20b"}, /* not encoded twice */
		{"a\tb\nc", "https://x.example/d/abc"},
		{"a\"<>`{}|^\\b", "https://x.example/d/a%22%3C%3E%60%7B%7D%7C%5E%5Cb"},
		{"https://y.example/a b?c d#e f", "https://y.example/a%20b?c%20d#e%20f"},
		{"//y.example/a b", "https://y.example/a%20b"},
		{"HTTP://Y.example", "http://y.example/"},
		{"%2e%2e/g", "https://x.example/g"},
		{".%2E/%2e/g", "https://x.example/g"},
		{"javascript:alert(1)", NULL},
		{"data:text/html,x", NULL},
		{"mailto:a@b.example", NULL},
		{"https://u@y.example/", NULL},
		{"//127.1/", NULL},
		{"https://", NULL},
	};
	struct arena *a = *state;
	struct url base, u;
	char bars[700];

	check_ok(a, url_parse(a, SPAN("https://x.example/d/f?q"), &base));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct err *e = url_resolve(a, &base, span_of(cases[i].ref), &u);

		if (!e != (cases[i].want != NULL))
			check_fail("\"%s\": %s", cases[i].ref, e ? "refused" : "taken");
		if (!e && !span_is(u.text, cases[i].want))
			check_fail("\"%s\": %.*s, want %s", cases[i].ref, SPAN_FMT(u.text),
				cases[i].want);
	}
	assert_non_null(url_resolve(a, &base, arena_printf(a, "%02049d", 0), &u));
	/* Encoding makes it longer than a URL may be. */
	memset(bars, '|', sizeof(bars));
	assert_non_null(url_resolve(a, &base, span_from(bars, sizeof(bars)), &u));
}

static void
test_origin(void **state)
{
	static const struct {
		const char *x, *y;
		bool same;
	} cases[] = {
		{"https://a.example/x", "https://A.example:443/y?z#f", true},
		{"https://a.example/", "http://a.example/", false},
		{"https://a.example/", "https://a.example:8443/", false},
		{"https://a.example/", "https://b.example/", false},
		{"https://a.example/", "https://a.example.evil.example/", false},
		{"https://m\xc3\xbcller.example/", "https://xn--mller-kva.example/", true},
		{"http://[::1]/", "http://[0::1]/", true},
		{"https://a.example/", "", false},
		{"", "", false},
		{"nonsense", "nonsense", false},
	};
	struct arena *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(url_same_origin(a, span_of(cases[i].x), span_of(cases[i].y)),
			cases[i].same);
}

static void
test_key(void **state)
{
	static const struct {
		const char *url, *key;
	} cases[] = {
		{"https://a.example/x/", "a.example/x"},
		{"http://a.example/x", "a.example/x"},
		{"https://a.example/", "a.example/"},
		{"https://a.example///", "a.example/"},
		{"https://a.example/x?utm_source=rss&id=7&fbclid=Q#top", "a.example/x?id=7"},
		{"https://a.example/x?utm_source=rss", "a.example/x"},
		{"https://a.example/x?b=1&a=2", "a.example/x?b=1&a=2"},
		{"https://a.example/x?utm=1&mc_cid=3&mc_eid=4&gclid&igshid=",
			"a.example/x?utm=1"},
		{"https://a.example:8443/x?", "a.example:8443/x?"},
	};
	struct arena *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct url u;

		check_ok(a, url_parse(a, span_of(cases[i].url), &u));
		check_span(url_key(a, &u), span_of(cases[i].key));
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_parse),
		TEST(test_parts),
		TEST(test_refused),
		TEST(test_limits),
		TEST(test_resolve_rfc),
		TEST(test_resolve_sloppy),
		TEST(test_origin),
		TEST(test_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
