/* Strangers' HTML: what is kept, what is dropped, and that nothing gets through. */
#include "lib/check.h"

#include "base/text.h"
#include "lib/html_check.h"
#include "markup/hashtag.h"
#include "markup/sanitize.h"

#define REL " rel=\"nofollow noopener ugc\""

struct fixture {
	struct arena *a;
	struct url base;
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->a = arena_new();
	check_ok(f->a, url_parse(f->a, SPAN("https://kreis.example/aktuell/"), &f->base));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(f->a);
	free(f);
	return 0;
}

/* The output of html, which is also inside the allow-list and a fixpoint. */
static struct span
clean(struct fixture *f, struct span html)
{
	struct span out = html_sanitize(f->a, html, &f->base).html;
	size_t at = 0;
	const char *bad = html_check(out, &at);

	if (bad)
		check_fail("%s at %zu of %.*s", bad, at, SPAN_FMT(out));
	check_span(html_sanitize(f->a, out, &f->base).html, out);
	assert_true(utf8_valid(out));
	return out;
}

struct row {
	const char *in, *out;
};

static void
rows(struct fixture *f, const struct row *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_span(clean(f, span_of(r[i].in)), span_of(r[i].out));
}

static void
keeps_text(void **state)
{
	static const struct row r[] = {
		{"", ""},
		{"Hallo", "<p>Hallo</p>"},
		{"<p>Hallo <b>Welt</b></p>", "<p>Hallo <b>Welt</b></p>"},
		{"<div>a</div><div>b</div>", "<p>a</p><p>b</p>"},
		{"<p>a<br>b<br/>c<br></p>", "<p>a<br>b<br>c</p>"},
		{"<p>a<br><br><br><br>b</p>", "<p>a<br><br>b</p>"},
		{"<p><br>a</p><p>&nbsp;</p><p> </p>", "<p>a</p><p>\xc2\xa0</p>"},
		{"<h2>Titel</h2>Text", "<p><strong>Titel</strong></p><p>Text</p>"},
		{"<h2><strong>Titel</strong></h2>", "<p><strong>Titel</strong></p>"},
		{"<s>a</s><strike>b</strike><del>c</del>",
			"<p><del>a</del><del>b</del><del>c</del></p>"},
		{"a  \n b<b> c </b>d", "<p>a b <b>c</b> d</p>"},
		{"x<b></b><i> </i>y", "<p>x y</p>"},
		{"<b><b>a</b></b>", "<p><b>a</b></p>"},
		{"<ul><li>a<li>b<p>c</p></ul>", "<ul><li>a</li><li>b<br>c</li></ul>"},
		{"<ol><li>a<ul><li>b</li></ul></li><li> </li></ol>",
			"<ol><li>a</li><li>b</li></ol>"},
		{"<ul>x<li>a</ul>", "<ul><li>x</li><li>a</li></ul>"},
		{"<blockquote>a<blockquote><ul><li>b</ul></blockquote></"
		 "blockquote><blockquote> "
		 "</blockquote>",
			"<blockquote><p>a</p><blockquote><ul><li>b</li></ul></blockquote>"
			"</blockquote>"},
		{"<pre>\n\n a\n  <b>b</b>\r\n</pre>", "<pre> a\n  b\n</pre>"},
		{"<pre> </pre>", ""},
		{"<table><tr><td>Mo<td>8-12<tr><td>Di</table>", "<p>Mo 8-12</p><p>Di</p>"},
		{"<p lang=en>Hello <span lang=fr>monde</span></p>",
			"<p><span lang=\"en\">Hello <span lang=\"fr\">monde</span></span></p>"},
		{"<p lang='\"><x'>a</p>", "<p>a</p>"},
		{"<b>a<p>b</b>c</p>", "<p><b>a</b></p><p><b>b</b>c</p>"},
		{"<p>1 &lt; 2 &amp;amp; \"x\" 'y'</p>",
			"<p>1 &lt; 2 &amp;amp; &quot;x&quot; &#39;y&#39;</p>"},
		{"<details><summary>a</summary>b</details><hr>c", "<p>a</p><p>b</p><p>c</p>"},
		{"<figure><img src=x><figcaption>Bild</figcaption></figure>", "<p>Bild</p>"},
		{"<code>x</code><mark>y</mark><font color=red>z</font>",
			"<p><code>x</code>yz</p>"},
	};

	rows(*state, r, ARRAY_LEN(r));
}

static void
keeps_links(void **state)
{
	static const struct row r[] = {
		{"<a href='/x?a=1&b=2'>x</a>",
			"<p><a href=\"https://kreis.example/x?a=1&amp;b=2\"" REL ">x</a></p>"},
		{"<a href='mailto:amt@kreis.example'>x</a>",
			"<p><a href=\"mailto:amt@kreis.example\"" REL ">x</a></p>"},
		{"<a href='mailto:amt@kreis.example?subject=x'></a>",
			"<p><a href=\"mailto:amt@kreis.example?subject=x\"" REL
			">amt@kreis.example</a></p>"},
		{"<a name=x>x</a><a href=''>y</a>", "<p>xy</p>"},
		{"<a href='HTTPS://KREIS.example:443/a b'>x</a>",
			"<p><a href=\"https://kreis.example/a%20b\"" REL ">x</a></p>"},
		{"<a href='https://x.example/' target=_blank onclick='y()' rel=opener>x</a>",
			"<p><a href=\"https://x.example/\"" REL ">x</a></p>"},
		{"<a href='https://x.example/p'><img src=y></a>",
			"<p><a href=\"https://x.example/p\"" REL
			">https://x.example/p</a></p>"},
		{"<a href='/gross.JPG?x'><img src=klein.jpg></a>", ""},
		{"<a href=/1><p>a</p><p>b</p></a>",
			"<p><a href=\"https://kreis.example/1\"" REL
			">a</a></p><p><a href=\"https://kreis.example/1\"" REL ">b</a></p>"},
	};

	rows(*state, r, ARRAY_LEN(r));
}

/* Schemes, in every disguise that browsers see through. */
static void
refuses_schemes(void **state)
{
	static const char *const href[] = {"javascript:alert(1)", "JaVaScRiPt:alert(1)",
		" javascript:alert(1)", "\x01javascript:alert(1)", "java\tscript:alert(1)",
		"java&#10;script:alert(1)", "java&#x0D;script:alert(1)",
		"javascript&colon;alert(1)", "&#106;avascript:alert(1)",
		"&#x6a&#x61vascript:alert(1)", "data:text/html,x", "vbscript:x",
		"file:///etc/passwd", "ftp://x.example/", "blob:https://x",
		"https://user@x.example/", "https://x.example\\@y.example/", "http:/\\x",
		"mailto:a@b\nx", "feed:javascript:alert(1)", "view-source:javascript:x", "//",
		"https://", "http://[::1", "http://0x7f.1/"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(href); i++) {
		struct span in = arena_printf(f->a, "<a href=\"%s\">x</a>", href[i]);
		struct span out = clean(f, in);

		if (span_find_nocase(out, SPAN("script:")) != SIZE_MAX)
			/* Only as a path of the page's own site. */
			assert_true(span_has(out, SPAN("https://kreis.example/aktuell/")));
		else if (!span_is(out, "<p>x</p>"))
			check_fail("%s gave %.*s", href[i], SPAN_FMT(out));
	}
}

static void
drops_what_runs(void **state)
{
	static const struct row r[] = {
		{"a<script>alert(1)</script>b", "<p>ab</p>"},
		{"a<SCRIPT SRC=//x.example/x.js></SCRIPT>b", "<p>ab</p>"},
		{"<<script>alert(1);//<</script>", "<p>&lt;</p>"},
		{"<scr<script>ipt>alert(1)</scr</script>ipt>", "<p>ipt&gt;alert(1)ipt&gt;</p>"},
		{"<img src=x onerror=alert(1)>", ""},
		{"<p onclick=alert(1) style='x:expression(alert(1))' class=y id=z>a</p>",
			"<p>a</p>"},
		{"<style>@import 'x'</style><link rel=stylesheet href=x>a", "<p>a</p>"},
		{"<iframe srcdoc='<script>alert(1)</script>'>x</iframe>a", "<p>a</p>"},
		{"<object data=x>y</object><embed src=x><applet>z</applet>a", "<p>a</p>"},
		{"<svg onload=alert(1)><script>alert(1)</script></svg>a", "<p>a</p>"},
		{"<math href='javascript:alert(1)'>x</math>a", "<p>a</p>"},
		{"<form action=x><input name=y><button>z</button>a</form>", "<p>a</p>"},
		{"<textarea><script>x</script></textarea>a<title>x</title>", "<p>a</p>"},
		{"a<template><p>x</template><noscript><p>y</noscript>", "<p>a</p>"},
		{"<select><option>x</select><video>y</video><audio>z</audio>a", "<p>a</p>"},
		{"<meta http-equiv=refresh content='0;url=javascript:x'><base href=//x>a",
			"<p>a</p>"},
		{"a<!-- <script>x</script> -->b<!--><script>y</script>-->c",
			"<p>ab--&gt;c</p>"},
		{"<![CDATA[<script>x</script>]]>a", "<p>x]]&gt;a</p>"},
		{"<?xml x?><!DOCTYPE x>a", "<p>a</p>"},
		{"<xmp><script>x</script></xmp>a<plaintext>b</p>", "<p>a</p>"},
	};
	rows(*state, r, ARRAY_LEN(r));
}

/*
 * Mutation: markup that is harmless as it stands and becomes dangerous when it is parsed,
 * written and parsed again. Whatever comes out is inside the list, and stays the same.
 */
static void
survives_mutation(void **state)
{
	static const char *const in[] = {
		("<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img "
		 "src=1 onerror=alert(1)&gt;\">"),
		"<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
		"<svg><p><style><!--</style><a title=\"--><img src onerror=alert(1)>\">",
		"<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
		("<form><math><mtext></form><form><mglyph><style></math><img src "
		 "onerror=alert(1)>"),
		("<math><annotation-xml encoding=\"text/html\"><style><img src=x "
		 "onerror=alert(1)></style></annotation-xml></math>"),
		"<svg><foreignObject><p>x</p><script>alert(1)</script></foreignObject></svg>",
		"<table><a href=\"javascript:alert(1)\"><tr><td>x</a></table>",
		"<listing>&lt;img src=x onerror=alert(1)&gt;</listing>",
		"<pre>\n\n&lt;/pre&gt;&lt;script&gt;</pre>",
		"<p>&amp;lt;script&amp;gt;</p>",
		"<a href=\"https://x.example/&quot; onclick=&quot;alert(1)\">x</a>",
		"<p title='<script>'>a</p title='</script>'>",
		"<b <script>alert(1)</script>0",
		"<a\x0bhref=\"x\"\x0c>y",
		"<a/href=x/onclick=y>z</a>",
		"<isindex action=x><image src=x onerror=alert(1)>",
		"<select><keygen><script>alert(1)</script></select>",
		"<p>\xef\xbc\x9cscript\xef\xbc\x9e</p>",
		"<\xc0\xbcscript>",
		"<template><template></template><script>alert(1)</script></template>",
		"<frameset><noframes><script>alert(1)</script></noframes></frameset>x",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(in); i++) {
		struct span out = clean(f, span_of(in[i]));

		assert_true(span_find_nocase(out, SPAN("onerror=")) == SIZE_MAX ||
			    span_find_nocase(out, SPAN("&lt;img")) != SIZE_MAX);
	}
}

static void
names_the_real_host(void **state)
{
	static const struct row r[] = {
		{"<a href=https://b.example/x>https://bank.example/</a>", "b.example"},
		{"<a href=https://b.example/x><b>https://bank</b>.example/login</a>",
			"b.example"},
		{"<a href=https://b.example/x>Hier: www.bank.example!</a>", "b.example"},
		{"<a href=https://b.example/x>http://</a>", "b.example"},
		{"<a href=https://b.example/x>https://b.example/sehr/lan\xe2\x80\xa6</a>",
			"https://b.example/sehr/lan\xe2\x80\xa6"},
		{"<a href=https://www.b.example/x>https://b.example</a>", "https://b.example"},
		{"<a href=https://b.example/x>B.EXAMPLE, Amt</a>", "B.EXAMPLE, Amt"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(r); i++) {
		struct span out = clean(f, span_of(r[i].in));
		size_t from = span_find(out, SPAN("ugc\">"));

		assert_true(from != SIZE_MAX);
		out = span_slice(out, from + 5, out.n);
		check_span(span_slice(out, 0, span_find(out, SPAN("</a>"))), span_of(r[i].out));
	}
}

static void
without_base_only_whole_links(void **state)
{
	struct fixture *f = *state;

	check_span(html_sanitize(
			   f->a, SPAN("<a href=/x>a</a><a href=https://b.example/>b</a>"), NULL)
			   .html,
		SPAN("<p>a<a href=\"https://b.example/\"" REL ">b</a></p>"));
}

static void
control_characters_go(void **state)
{
	struct fixture *f = *state;

	check_span(clean(f, SPAN("<p>a\0b\x01\x1f\x7f\xc2\x80\xc2\x9f\xc2\xa0z</p>")),
		SPAN("<p>ab\xc2\xa0z</p>"));
	check_span(clean(f, SPAN("<p>\xff\xc3</p>")), SPAN("<p>\xef\xbf\xbd\xef\xbf\xbd</p>"));
	check_span(clean(f, SPAN("<pre>&#13;a&#1;&#13;&#10;b\tc</pre>")),
		SPAN("<pre>a\nb\tc</pre>"));
}

/* ---- limits ---- */

static struct span
repeat(struct arena *a, const char *before, const char *text, size_t times, const char *behind)
{
	struct buf b;
	struct span s;

	buf_init(&b, 16 << 20);
	buf_add_cstr(&b, before);
	for (size_t i = 0; i < times; i++)
		buf_add_cstr(&b, text);
	buf_add_cstr(&b, behind);
	s = arena_dup(a, buf_span(&b));
	buf_fini(&b);
	return s;
}

static void
limits_hold(void **state)
{
	struct fixture *f = *state;
	struct span out;

	out = clean(f, repeat(f->a, "", "<p><b>x</b></p>", 20000, ""));
	assert_true(out.n > 10000 && out.n < HTML_NODES_MAX * sizeof("<p><b>x</b></p>"));
	out = clean(f, repeat(f->a, "", "<blockquote>", 30, "tief"));
	assert_true(span_has(out, SPAN("tief")));
	out = clean(f, repeat(f->a, "", "<div>", 200, "zu tief"));
	check_span(out, SPAN(""));
	out = clean(f, repeat(f->a, "", "<i lang=de><i lang=en>", 20, "x"));
	assert_true(span_has(out, SPAN(">x</i>")));
	out = clean(f, repeat(f->a, "<p>", "&", HTML_MAX, ""));
	assert_true(out.n <= HTML_MAX);
	out = clean(f, repeat(f->a, "", "a&amp; ", 300000, ""));
	assert_true(out.n > HTML_MAX / 2 && out.n <= HTML_MAX);
	out = clean(f, repeat(f->a, "<pre>", "a\n", HTML_MAX, ""));
	assert_true(out.n <= HTML_MAX);
}

/* A little text that would become a forest: read as plain text, and quickly. */
static void
bombs_are_text(void **state)
{
	static const char *const deep[] = {
		"<div>", "<DIV></p></x>", "<b><div></b>", "<x></y>", "<my-x\n/>"};
	struct fixture *f = *state;
	struct buf b;

	buf_init(&b, HTML_MAX);
	buf_lit(&b, "<p>");
	for (int i = 0; i < 3000; i++)
		buf_printf(&b, "<b a=%d>", i);
	buf_lit(&b, "</p>");
	for (int i = 0; i < 3000; i++)
		buf_lit(&b, "<p>wort</p>");
	check_span(span_slice(clean(f, buf_span(&b)), 0, 18), SPAN("<p>wort wort wort "));
	check_span(span_slice(html_to_text(f->a, buf_span(&b)), 0, 10), SPAN("wort wort "));
	buf_reset(&b);
	buf_lit(&b, "<p>vorn <a ");
	for (int i = 0; i < 100000; i++)
		buf_printf(&b, "a%d ", i);
	buf_lit(&b, "href=x>hinten</a>");
	check_span(clean(f, buf_span(&b)), SPAN("<p>vorn hinten</p>"));
	for (size_t i = 0; i < ARRAY_LEN(deep); i++) {
		buf_reset(&b);
		for (int k = 0; k < 200; k++)
			buf_add_cstr(&b, deep[i]);
		buf_lit(&b, "<i>a");
		check_span(clean(f, buf_span(&b)), SPAN("<p>a</p>"));
	}
	/* Not what is long, or badly closed. */
	buf_reset(&b);
	for (int i = 0; i < 500; i++)
		buf_lit(&b, "<p><b>a</b><br><ul><li>c</ul><table><tr><td></table></u>");
	buf_lit(&b, "<i>z</i>");
	assert_true(span_ends(clean(f, buf_span(&b)), SPAN("<p><i>z</i></p>")));
	buf_fini(&b);
}

/* ---- to text and from text ---- */

static void
reads_text(void **state)
{
	static const struct row r[] = {
		{"<p>a</p><p>b<br>c</p>", "a\n\nb\nc"},
		{"<ul><li>a</li><li>b</li></ul>c", "a\nb\n\nc"},
		{"<p>a\n  b &amp; &lt;c&gt; &auml;</p><script>x</script>",
			"a b & <c> \xc3\xa4"},
		{"<table><tr><td>a<td>b</table>", "a b"},
		{"nur Text", "nur Text"},
		{"a<b>b</b>c", "abc"},
		{"", ""},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		check_span(html_to_text(f->a, span_of(r[i].in)), span_of(r[i].out));
}

static void
writes_text(void **state)
{
	static const struct row r[] = {
		{"", ""},
		{"a < b & \"c\"", "<p>a &lt; b &amp; &quot;c&quot;</p>"},
		{"a\nb\n\n\n\nc", "<p>a<br>b</p><p>c</p>"},
		{"<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"},
		{"siehe https://kreis.example/x?a=1&b=2.",
			"<p>siehe <a href=\"https://kreis.example/x?a=1&amp;b=2\"" REL
			">https://kreis.example/x?a=1&amp;b=2</a>.</p>"},
		{"(https://kreis.example/)", "<p>(<a href=\"https://kreis.example/\"" REL
					     ">https://kreis.example/</a>)</p>"},
		{"xhttps://kreis.example/", "<p>xhttps://kreis.example/</p>"},
		{"https://a@b.example/ http://\"x",
			"<p>https://a@b.example/ http://&quot;x</p>"},
		{"javascript:alert(1)", "<p>javascript:alert(1)</p>"},
		{"heute #Fest, #2026 a#b", "<p>heute <a href=\"https://h.example/tags/Fest\" "
					   "class=\"mention hashtag\" "
					   "rel=\"tag\">#<span>Fest</span></a>, #2026 a#b</p>"},
		{"h # #", "<p>h # #</p>"},
	};
	struct fixture *f = *state;
	size_t at;

	for (size_t i = 0; i < ARRAY_LEN(r); i++) {
		struct span out =
			html_from_text(f->a, span_of(r[i].in), SPAN("https://h.example/tags/"))
				.html;

		check_span(out, span_of(r[i].out));
		assert_null(html_check(out, &at));
	}
}

/* Nothing stays in the arena but the text: not what was tried for each of its links. */
static void
links_leave_nothing(void **state)
{
	struct fixture *f = *state;
	struct arena *a = f->a;
	struct safe_html safe;
	struct url base;
	struct buf b;
	size_t before;

	check_ok(a, url_parse(a, arena_printf(a, "https://kreis.example/%01900d/", 1), &base));
	buf_init(&b, HTML_MAX);
	for (int i = 0; i < 2000; i++)
		buf_printf(&b, "<a href=%d.jpg></a><a href=%d>www.kreis.example</a> ", i, i);
	before = arena_used(a);
	safe = html_sanitize(a, buf_span(&b), &base);
	buf_fini(&b);
	assert_true(safe.html.n > 100000);
	assert_true(arena_used(a) - before < safe.html.n + 4096);
}

/* Thousands of tags: the first become links, the rest stays, and nothing is torn. */
static void
many_hashtags(void **state)
{
	struct fixture *f = *state;
	struct span out = html_from_text(f->a, repeat(f->a, "", "#ab ", 100000, ""),
		arena_printf(f->a, "https://h.example/%01500d/", 0))
				  .html;
	size_t at = 0;

	assert_null(html_check(out, &at));
	assert_true(span_ends(out, SPAN("#ab #ab</p>")));
}

static void
joins(void **state)
{
	struct fixture *f = *state;
	const struct safe_html parts[] = {html_title(f->a, SPAN("A & <b>")),
		html_link_line(
			f->a, SPAN("Quelle: "), SPAN("https://k.example/?a&b"), SPAN("k<")),
		html_link_line(f->a, SPAN("x"), SPAN("javascript:x"), SPAN("y")),
		html_title(f->a, SPAN(""))};

	check_span(html_join(f->a, parts, ARRAY_LEN(parts)).html,
		SPAN("<p><strong>A &amp; &lt;b&gt;</strong></p><p>Quelle: <a "
		     "href=\"https://k.example/?a&amp;b\"" REL ">k&lt;</a></p>"));
	check_span(html_stored(SPAN("<p>x</p>")).html, SPAN("<p>x</p>"));
}

/* ---- pictures and feeds ---- */

static void
finds_images(void **state)
{
	struct fixture *f = *state;
	struct html_image img[3];
	size_t n = html_images(f->a,
		SPAN("<img src=a.jpg alt=' ein\nBild ' width=300 height=x>"
		     "<img src=k.jpg srcset='k1.jpg 300w, /k2.jpg 900w,k3.jpg 2x'>"
		     "<img src='data:image/gif;base64,x'><img><img src='javascript:x'>"
		     "<noscript><img src=n.jpg></noscript>"
		     "<img src=platz.gif data-src=echt.jpg><img src=vierte.jpg>"),
		&f->base, img, ARRAY_LEN(img));

	assert_int_equal(n, 3);
	check_span(img[0].url, SPAN("https://kreis.example/aktuell/a.jpg"));
	check_span(img[0].alt, SPAN("ein Bild"));
	assert_int_equal(img[0].width, 300);
	assert_int_equal(img[0].height, 0);
	check_span(img[1].url, SPAN("https://kreis.example/k2.jpg"));
	assert_int_equal(html_images(f->a, SPAN("<img src=a.jpg>"), &f->base, img, 0), 0);
	assert_int_equal(html_images(f->a, SPAN("<img src=a.jpg>"), NULL, img, 3), 0);
}

static void
finds_feeds(void **state)
{
	struct fixture *f = *state;
	struct html_feed feed[3];
	size_t n = html_feeds(f->a,
		SPAN("<head><base href='/neu/'>"
		     "<link rel=alternate type=application/rss+xml href=kommentare "
		     "title=Kommentare>"
		     "<link rel=alternate type=application/rss+xml href=rss>"
		     "<link rel='alternate' type='APPLICATION/atom+xml' href=atom title='N'>"
		     "<link rel=stylesheet type=application/rss+xml href=nein>"
		     "<link rel=alternate type=text/html href=nein>"
		     "<link rel=alternate type=application/json href='javascript:x'>"),
		&f->base, NULL, 0, feed, ARRAY_LEN(feed));

	assert_int_equal(n, 3);
	check_span(feed[0].url, SPAN("https://kreis.example/neu/atom"));
	check_span(feed[0].type, SPAN("application/atom+xml"));
	check_span(feed[1].url, SPAN("https://kreis.example/neu/rss"));
	check_span(feed[2].title, SPAN("Kommentare"));
}

/* The header's feeds stand in the same list, in front of the page's of the same rank. */
static void
finds_feeds_of_headers(void **state)
{
	const struct span links[] = {
		SPAN("<wp.json>; rel=alternate; type=\"application/json\", "
		     "<kopf.rss>; rel=\"shortlink alternate\"; type=\"application/rss+xml\""),
		SPAN("<k>; rel=alternate; type=application/rss+xml; title=\"Kommentare, "
		     "alle\", "
		     "<x>; rel=alternate; type=application/atom+xml; anchor=\"/andere\", "
		     "<s.css>; rel=preload; type=application/rss+xml, "
		     "</doppelt>; rel=alternate; type=application/rss+xml"),
	};
	const struct span page =
		SPAN("<base href='/neu/'>"
		     "<link rel=alternate type=application/rss+xml href=rss>"
		     "<link rel=alternate type=application/rss+xml "
		     "href=/doppelt title=X>"
		     "<link rel=alternate type=application/atom+xml href=atom>");
	static const char *const want[] = {"neu/atom", "aktuell/kopf.rss", "doppelt", "neu/rss",
		"aktuell/wp.json", "aktuell/k"};
	struct fixture *f = *state;
	struct html_feed feed[8];
	size_t n = html_feeds(
		f->a, page, &f->base, links, ARRAY_LEN(links), feed, ARRAY_LEN(feed));

	assert_int_equal(n, ARRAY_LEN(want));
	for (size_t i = 0; i < n; i++)
		check_span(
			feed[i].url, arena_printf(f->a, "https://kreis.example/%s", want[i]));
	check_span(feed[5].title, SPAN("Kommentare, alle"));
	/* Where there is not room for all, the best stay. */
	n = html_feeds(f->a, page, &f->base, links, ARRAY_LEN(links), feed, 2);
	assert_int_equal(n, 2);
	check_span(feed[0].url, SPAN("https://kreis.example/neu/atom"));
	check_span(feed[1].url, SPAN("https://kreis.example/aktuell/kopf.rss"));
	n = html_feeds(f->a, SPAN(""), &f->base, links, 1, feed, ARRAY_LEN(feed));
	assert_int_equal(n, 2);
	check_span(feed[0].url, SPAN("https://kreis.example/aktuell/kopf.rss"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_text),
		cmocka_unit_test(keeps_links),
		cmocka_unit_test(refuses_schemes),
		cmocka_unit_test(drops_what_runs),
		cmocka_unit_test(survives_mutation),
		cmocka_unit_test(names_the_real_host),
		cmocka_unit_test(without_base_only_whole_links),
		cmocka_unit_test(control_characters_go),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(bombs_are_text),
		cmocka_unit_test(reads_text),
		cmocka_unit_test(writes_text),
		cmocka_unit_test(links_leave_nothing),
		cmocka_unit_test(many_hashtags),
		cmocka_unit_test(joins),
		cmocka_unit_test(finds_images),
		cmocka_unit_test(finds_feeds),
		cmocka_unit_test(finds_feeds_of_headers),
	};

	return cmocka_run_group_tests_name("sanitize", tests, setup, teardown);
}
