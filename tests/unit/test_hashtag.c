/* Hashtags: where one begins and ends, and links in HTML of ours. */
#include "markup/hashtag.h"

#include "lib/check.h"

#define LINK(href, tag)                                                                        \
	"<a href=\"https://h.example/tags/" href                                               \
	"\" class=\"mention hashtag\" rel=\"tag\">#<span>" tag "</span></a>"

static void
test_length(void **state)
{
	static const struct {
		const char *text;
		size_t want;
	} cases[] = {
		{"Feuerwehr", 9},
		{"Feuerwehr!", 9},
		{"Übung, heute", 6},
		{"112", 0},
		{"112er", 5},
		{"_", 1},
		{"", 0},
		{" x", 0},
		{"Wald\xe2\x80\xa6", 4}, /* … */
		{"Wald\xc2\xa0und", 4},  /* no-break space */
		{"caf\xc3\xa9", 5},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(hashtag_length(span_of(cases[i].text)), cases[i].want);
}

static void
test_longest(void **state)
{
	struct arena *a = arena_new();
	char *text = arena_alloc(a, 201);

	(void)state;
	/* 100 bytes would end in the middle of the 34th character of three bytes. */
	for (size_t i = 0; i < 198; i++)
		text[i] = "\xe4\xb8\xad"[i % 3];
	assert_int_equal(hashtag_length(span_from(text, 198)), 99);
	arena_free(a);
}

static void
test_text(void **state)
{
	static const struct {
		const char *text, *want; /* separated by blanks */
	} cases[] = {
		{"Ein #Einsatz der #Feuerwehr.", "Einsatz Feuerwehr"},
		{"#Eins #eins #EINS", "Eins"},
		{"a#b &#39; https://x.example/#anker ##doppelt", ""},
		{"(#klammer) \"#zitat\" -#strich", "klammer zitat strich"},
		{"nichts", ""},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span found[8], got = SPAN("");
		size_t n = text_hashtags(a, span_of(cases[i].text), found, 8);

		for (size_t k = 0; k < n; k++)
			got = arena_printf(a, "%.*s%s%.*s", SPAN_FMT(got), k ? " " : "",
				SPAN_FMT(found[k]));
		check_span(got, span_of(cases[i].want));
	}
	arena_free(a);
}

static void
test_html(void **state)
{
	static const struct {
		const char *name, *html, *want;
	} cases[] = {
		{"plain", "<p>Ein #Einsatz.</p>", "<p>Ein " LINK("Einsatz", "Einsatz") ".</p>"},
		{"first and last", "#a<br>#b", LINK("a", "a") "<br>" LINK("b", "b")},
		{"beyond ASCII", "<p>#Übung</p>", "<p>" LINK("%C3%9Cbung", "Übung") "</p>"},
		{"within strong", "<p><strong>#a</strong></p>",
			"<p><strong>" LINK("a", "a") "</strong></p>"},
		{"entity", "<p>&#39;quoted&#39; &amp;#nix</p>",
			"<p>&#39;quoted&#39; &amp;#nix</p>"},
		{"a link stays",
			"<a href=\"https://x.example/#top\" rel=\"ugc\">mehr #dazu</a>",
			"<a href=\"https://x.example/#top\" rel=\"ugc\">mehr #dazu</a>"},
		{"a foreign hashtag becomes ours",
			"<a href=\"https://social.example/hashtag/x\" rel=\"ugc\">#x</a>",
			LINK("x", "x")},
		{"ours stays ours", LINK("x", "x"), LINK("x", "x")},
		{"code and pre stay", "<pre>#a</pre><p><code>#b</code> #c</p>",
			"<pre>#a</pre><p><code>#b</code> " LINK("c", "c") "</p>"},
		{"a word goes on behind a tag", "<p>#a#b a<em>#c</em></p><p>#d</p>",
			"<p>" LINK("a", "a") "#b a<em>#c</em></p><p>" LINK("d", "d") "</p>"},
		{"number", "<p>#112</p>", "<p>#112</p>"},
		{"unclosed", "<a href=\"#x\">#y", "<a href=\"#x\">" LINK("y", "y")},
		{"cut tag", "#a <stro", LINK("a", "a") " <stro"},
		{"empty", "", ""},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct safe_html in = html_stored(span_of(cases[i].html));
		struct span base = SPAN("https://h.example/tags/");
		struct safe_html out = html_link_hashtags(a, in, base);

		if (!span_eq(out.html, span_of(cases[i].want)))
			check_fail("%s: %.*s", cases[i].name, SPAN_FMT(out.html));
		/* Once more changes nothing. */
		check_span(html_link_hashtags(a, out, base).html, out.html);
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_html),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
