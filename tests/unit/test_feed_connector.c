/* The feed connector: recorded documents of every format to items with their identity. */
#include "base/clock.h"
#include "connector/connector.h"
#include "lib/check.h"
#include "lib/file.h"

#define FEED_URL "https://www.stadt-wiesenquell.example/feed.xml"
/* 2026-05-12T18:00:00Z */
#define NOW_US (INT64_C(1778608800) * US_PER_S)

static const struct err *
parse(struct arena *a, struct span body, const char *type, struct ingest *out)
{
	const struct source s = {.url = SPAN(FEED_URL), .connected_us = TIME_NONE};
	struct http_header headers[] = {{SPAN("ETag"), SPAN("W/\"7\"")},
		{SPAN("Last-Modified"), SPAN("Tue, 12 May 2026 16:10:00 GMT")}};
	struct http_call c = {.status = 200,
		.reply = body,
		.content_type = span_of(type),
		.reply_headers = headers,
		.n_reply_headers = ARRAY_LEN(headers)};

	check_ok(a, url_parse(a, SPAN(FEED_URL), &c.final));
	return connector_feed.parse(a, &s, &c, NOW_US, out);
}

static struct ingest
read_file(struct arena *a, const char *name)
{
	struct ingest out;

	check_ok(a,
		parse(a, file_read(a, arena_printf(a, "feeds/%s", name).p), "text/xml", &out));
	return out;
}

/* A document of RSS around some items. */
static struct ingest
read_items(struct arena *a, const char *items)
{
	struct ingest out;

	check_ok(a, parse(a,
			    arena_printf(a,
				    "<rss version='2.0'><channel><title>T</title>%s"
				    "</channel></rss>",
				    items),
			    "application/rss+xml", &out));
	return out;
}

static int64_t
us(const char *rfc3339)
{
	int64_t v;

	assert_true(time_parse_rfc3339(span_of(rfc3339), &v));
	return v;
}

/* ---- documents ---- */

static void
test_documents(void **state)
{
	/* The first item of each. */
	static const struct {
		const char *name;
		size_t items;
		const char *id, *url, *title, *published;
		bool recovered;
	} cases[] = {
		{"rss2_page1.xml", 2, "tag:kreis-auental.example,2026:meldung-4711",
			"https://www.kreis-auental.example/aktuelles/"
			"flaechenbrand-moorfelder-damm",
			"Flächenbrand am Moorfelder Damm unter Kontrolle",
			"2026-05-12T16:02:00Z", false},
		{"rss2_page2.xml", 1, "https://www.stadt-wiesenquell.example/meldung/99",
			"https://www.stadt-wiesenquell.example/meldung/99",
			"Sperrung der Brückenstraße", "2026-05-08T08:00:00Z", false},
		{"rss1.rdf", 1, "https://www.gesamtschule-moorfeld.example/n/5",
			"https://www.gesamtschule-moorfeld.example/n/5", "Schulfest",
			"2026-05-12T16:02:00Z", false},
		{"rss091.xml", 1, "l:alt.example/1", "http://alt.example/1", "Nur Titel", NULL,
			false},
		{"atom_page1.xml", 1, "urn:uuid:7f1c0000-0000-4000-8000-000000000011",
			"https://www.kreisklinikum-auental.example/aktuelles/11",
			"Tag der offenen Tür", "2026-05-08T08:00:00Z", false},
		{"jsonfeed_page1.json", 1, "https://www.gesamtschule-moorfeld.example/n/7",
			"https://www.gesamtschule-moorfeld.example/n/7", "Projektwoche Klima",
			"2026-05-11T10:00:00Z", false},
		{"jsonfeed_page2.json", 1, "6", NULL, "", "2026-05-08T07:00:00Z", false},
		{"latin1.xml", 1, "g1", "http://x.example/1", "Grünschnitt",
			"2026-05-08T08:00:00Z", false},
		{"cp1252_declared_utf8.xml", 1, NULL, NULL, NULL, NULL, false},
		{"malformed_unescaped_amp.xml", 1, "m1",
			"https://www.stadt-wiesenquell.example/m/1?a=1&b=2", "Kita & Schule",
			"2026-05-08T08:00:00Z", true},
		{"malformed_leading_junk.xml", 1, NULL, NULL, NULL, NULL, false},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct ingest in = read_file(a, cases[i].name);
		const struct ingest_item *it = in.items;

		if (in.n_items != cases[i].items)
			check_fail("%s: %zu items", cases[i].name, in.n_items);
		assert_int_equal(in.n_bad, 0);
		check_span(in.etag, SPAN("W/\"7\""));
		check_span(in.last_modified, SPAN("Tue, 12 May 2026 16:10:00 GMT"));
		if (!cases[i].id)
			continue;
		check_span(it->remote_id, span_of(cases[i].id));
		check_span(it->url, span_of(cases[i].url));
		check_span(it->title, span_of(cases[i].title));
		assert_int_equal(it->published_us,
			cases[i].published ? us(cases[i].published) : TIME_NONE);
		assert_int_equal(in.recovered, cases[i].recovered);
	}
	arena_free(a);
}

static void
test_whole_page(void **state)
{
	struct arena *a = arena_new();
	const struct ingest in = read_file(a, "rss2_page1.xml");
	const struct ingest_item *fire = &in.items[0], *podcast = &in.items[1];

	(void)state;
	check_span(in.title, SPAN("Stadt Wiesenquell – Aktuelles"));
	check_span(in.language, SPAN("de-DE"));
	assert_int_equal(in.min_interval_s, 3600);
	assert_true(fire->body_is_html);
	assert_true(span_has(fire->body, SPAN("64 Einsatzkräfte der Feuerwehren")));
	assert_int_equal(fire->n_tags, 1);
	check_span(fire->tags[0], SPAN("Feuerwehr"));
	/* The link of the item is the base of what is relative in it. */
	check_span(fire->media[0].url,
		SPAN("https://www.kreis-auental.example/bilder/brand-1-2048.jpg"));
	check_span(fire->media[0].other,
		SPAN("https://www.kreis-auental.example/bilder/brand-1.jpg"));
	assert_true(span_starts(fire->media[0].alt, SPAN("Löschfahrzeug vor einem")));
	check_span(podcast->media[0].mime, SPAN("audio/mpeg"));
	assert_int_equal(podcast->media[0].bytes, 23456789);
	assert_int_equal(podcast->media[0].duration_s, 31 * 60 + 7);
	arena_free(a);
}

static void
test_ends(void **state)
{
	struct arena *a = arena_new();
	struct ingest in = read_file(a, "atom_tombstone.xml");

	(void)state;
	assert_int_equal(in.n_items, 1);
	assert_true(in.items[0].deleted);
	check_span(
		in.items[0].remote_id, SPAN("urn:uuid:7f1c0000-0000-4000-8000-000000000012"));
	in = read_file(a, "jsonfeed_expired.json");
	assert_true(in.expired);
	assert_int_equal(in.n_items, 0);
	in = read_file(a, "empty.xml");
	assert_int_equal(in.n_items, 0);
	assert_false(in.recovered);
	arena_free(a);
}

/* Where older items stand: as the feed says, or as WordPress counts. */
static void
test_older(void **state)
{
	static const struct {
		const char *url, *inner, *older;
	} cases[] = {
		{FEED_URL, "<item><guid>1</guid></item>", NULL},
		{FEED_URL, "<atom:link rel='next' href='?p=2'/>", FEED_URL "?p=2"},
		{FEED_URL, "<atom:link rel='next' href='feed.xml'/>", NULL},
		{FEED_URL, "<atom:link rel='next' href='ftp://x.example/'/>", NULL},
		/* What was read safely does not lead to what is not. */
		{"https://x.example/feed/", "<atom:link rel='next' href='http://x.example/2'/>",
			NULL},
		{"http://x.example/feed/", "<atom:link rel='next' href='http://x.example/2'/>",
			"http://x.example/2"},
		{"https://x.example/feed/",
			"<generator>https://wordpress.org/?v=6.8</generator><item><guid>1</"
			"guid></item>",
			"https://x.example/feed/?paged=2"},
		{"https://x.example/feed/?paged=2&cat=3",
			"<generator>WordPress 6</generator><item><guid>1</guid></item>",
			"https://x.example/feed/?cat=3&paged=3"},
		{"https://x.example/feed/?cat=3",
			"<generator>https://wordpress.org/</generator><item><guid>1</guid></"
			"item>"
			"<atom:link rel='next' href='/older'/>",
			"https://x.example/older"},
		{"https://x.example/feed/?paged=x",
			"<generator>https://wordpress.org/</generator><item><guid>1</guid></"
			"item>",
			NULL},
		/* An empty page is the last one. */
		{"https://x.example/feed/?paged=9",
			"<generator>https://wordpress.org/</generator>", NULL},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct source s = {.url = span_of(cases[i].url)};
		struct http_call c = {.status = 200,
			.reply = arena_printf(a,
				"<rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom'>"
				"<channel>%s</channel></rss>",
				cases[i].inner)};
		struct ingest out;

		check_ok(a, url_parse(a, s.url, &c.final));
		check_ok(a, connector_feed.parse(a, &s, &c, NOW_US, &out));
		check_span(out.older, span_of(cases[i].older));
	}
	arena_free(a);
}

/* The last one is cut off: keeping half of it would look like an edit at the next poll. */
static void
test_truncated(void **state)
{
	struct arena *a = arena_new();
	const struct ingest in = read_file(a, "malformed_truncated.xml");

	(void)state;
	assert_true(in.recovered);
	assert_int_equal(in.n_items, 0);
	arena_free(a);
}

/* One item that is not XML does not swallow those behind it. */
static void
test_malformed_items(void **state)
{
	struct arena *a = arena_new();
	const struct ingest in = read_items(a,
		"<item><guid>1</guid><description>A & B<br>C &nbsp; D</description></item>"
		"<item><guid>2</guid><description>E<IMG src='x.jpg' "
		"alt='&'>F</description></item>"
		"<item><guid>3</guid><description>G<br/>H<hr class='a'></description></item>");

	(void)state;
	assert_true(in.recovered);
	assert_int_equal(in.n_items, 3);
	for (size_t i = 0; i < 3; i++)
		check_span(in.items[i].remote_id, arena_printf(a, "%zu", i + 1));
	assert_true(span_starts(in.items[0].body, SPAN("A & B")));
	assert_true(span_has(in.items[1].body, SPAN("F")));
	arena_free(a);
}

static void
test_no_feed(void **state)
{
	static const struct {
		const char *name;
		enum err_kind kind;
	} cases[] = {
		{"html_instead.html", ERR_NOT_ACCEPTABLE},
		{"jsonfeed_malformed.json", ERR_INPUT},
	};
	struct arena *a = arena_new();
	struct ingest in;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct span name = arena_printf(a, "feeds/%s", cases[i].name);
		const struct err *e = parse(a, file_read(a, name.p), "text/xml", &in);

		if (!e)
			check_fail("%s is taken for a feed", cases[i].name);
		assert_int_equal(e->kind, cases[i].kind);
	}
	assert_non_null(parse(a, SPAN(""), "application/rss+xml", &in));
	arena_free(a);
}

static void
test_xxe(void **state)
{
	struct arena *a = arena_new();
	struct ingest in;

	(void)state;
	/* The entities stay what they are written as: nothing is looked up or blown up. */
	check_ok(a, parse(a, file_read(a, "feeds/xxe.xml"), "text/xml", &in));
	check_span(in.title, SPAN("&b;"));
	assert_int_equal(in.n_items, 1);
	check_span(in.items[0].title, SPAN("&x;"));
	arena_free(a);
}

static void
test_dates(void **state)
{
	struct arena *a = arena_new();
	const struct ingest in = read_file(a, "dates.xml");

	(void)state;
	assert_int_equal(in.n_items, 10);
	for (size_t i = 0; i < 7; i++)
		if (in.items[i].published_us != us("2026-05-12T16:02:00Z"))
			check_fail("D%zu: %s", i, time_rfc3339(a, in.items[i].published_us).p);
	assert_int_equal(in.items[7].published_us, us("2026-05-12T22:00:00Z"));
	arena_free(a);
}

/* ---- identity ---- */

static bool
has_alias(const struct ingest_item *it, const char *alias)
{
	for (size_t i = 0; i < it->n_aliases; i++)
		if (span_is(it->aliases[i], alias))
			return true;
	return false;
}

static void
test_duplicate_ids(void **state)
{
	struct arena *a = arena_new();
	const struct ingest in = read_file(a, "dup_guid.xml");

	(void)state;
	assert_int_equal(in.n_items, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct span want =
			arena_printf(a, "l:www.stadt-wiesenquell.example/m/%zu", i + 1);

		check_span(in.items[i].remote_id, want);
	}
	arena_free(a);
}

static void
test_no_ids(void **state)
{
	struct arena *a = arena_new();
	const struct ingest in = read_file(a, "no_guid_no_date.xml");
	const struct ingest again = read_file(a, "no_guid_no_date.xml");

	(void)state;
	assert_int_equal(in.n_items, 2);
	check_span(in.items[0].remote_id, SPAN("l:www.stadt-wiesenquell.example/m/ohne"));
	assert_int_equal(in.items[0].published_us, TIME_NONE);
	/* Neither id, nor link, nor date: the content itself, the same every time. */
	assert_true(span_starts(in.items[1].remote_id, SPAN("h:")));
	check_span(again.items[1].remote_id, in.items[1].remote_id);
	arena_free(a);
}

static void
test_aliases(void **state)
{
	static const char old[] =
		"<item><title>Titel</title><link>https://x.example/alt?utm_source=rss</link>"
		"<guid>1</guid><pubDate>Fri, 08 May 2026 08:00:00 GMT</pubDate></item>";
	static const char renamed[] =
		"<item><title>Titel</title><link>http://x.example/alt/</link>"
		"<guid>node-1</guid><pubDate>Fri, 08 May 2026 08:00:00 GMT</pubDate></item>";
	static const char moved[] =
		"<item><title>Titel</title><link>https://neu.example/1</link>"
		"<guid>node-1</guid><pubDate>Fri, 08 May 2026 08:00:00 GMT</pubDate></item>";
	struct arena *a = arena_new();
	const struct ingest_item *o = read_items(a, old).items,
				 *r = read_items(a, renamed).items,
				 *m = read_items(a, moved).items;
	const char *title;

	(void)state;
	check_span(o->remote_id, SPAN("1"));
	check_span(r->remote_id, SPAN("node-1"));
	/* By link, whatever its scheme, parameters for counting and slash at the end. */
	assert_true(has_alias(o, "l:x.example/alt"));
	assert_true(has_alias(r, "l:x.example/alt"));
	/* By title and date, when even the link is another one. */
	assert_int_equal(o->n_aliases, 2);
	title = arena_cstr(a, o->aliases[1]);
	assert_true(strncmp(title, "t:", 2) == 0);
	assert_true(has_alias(r, title) && has_alias(m, title));
	arena_free(a);
}

/* What is the same for several items tells nothing about any of them. */
static void
test_shared_keys(void **state)
{
	struct arena *a = arena_new();
	const struct ingest in = read_items(a,
		"<item><title>A</title><link>https://x.example/</link><guid>1</guid></item>"
		"<item><title>B</title><link>https://x.example/</link><guid>2</guid></item>");

	(void)state;
	check_span(in.items[0].remote_id, SPAN("1"));
	check_span(in.items[1].remote_id, SPAN("2"));
	assert_int_equal(in.items[0].n_aliases, 0);
	assert_int_equal(in.items[1].n_aliases, 0);
	arena_free(a);
}

/* An id is not taken for a key that we have made from something else. */
static void
test_forged_keys(void **state)
{
	struct arena *a = arena_new();
	const struct ingest in = read_items(a,
		"<item><title>A</title><guid isPermaLink='false'>l:x.example/b</guid></item>"
		"<item><title>B</title><link>https://x.example/b</link></item>");
	const struct ingest_item *it = in.items;

	(void)state;
	assert_int_equal(in.n_items, 2);
	check_span(it[1].remote_id, SPAN("l:x.example/b"));
	assert_true(span_starts(it[0].remote_id, SPAN("i:")));
	arena_free(a);
}

static void
test_long_ids(void **state)
{
	struct arena *a = arena_new();
	char *id = arena_alloc(a, 5001);
	struct ingest in;

	(void)state;
	memset(id, 'x', 5000);
	in = read_items(
		a, arena_printf(a, "<item><title>A</title><guid>%s</guid></item>", id).p);
	assert_true(span_starts(in.items[0].remote_id, SPAN("i:")));
	assert_true(in.items[0].remote_id.n < 100);
	arena_free(a);
}

/* ---- what cannot be taken ---- */

static void
test_bad_item(void **state)
{
	struct arena *a = arena_new();
	const size_t n = INGEST_TEXT_MAX + 1;
	char *text = arena_alloc(a, n + 1);
	struct ingest in;

	(void)state;
	memset(text, 'x', n);
	in = read_items(a, arena_printf(a,
				   "<item><guid>long</guid><description>%s</description></item>"
				   "<item><guid>short</guid><title>Kurz</title></item>",
				   text)
				   .p);
	assert_int_equal(in.n_items, 1);
	check_span(in.items[0].remote_id, SPAN("short"));
	assert_int_equal(in.n_bad, 1);
	check_span(in.bad[0].key, SPAN("long"));
	assert_true(span_has(in.bad[0].error, SPAN("longer than 256 KiB")));
	assert_int_equal(in.bad[0].raw.n, 4096);
	arena_free(a);
}

static void
test_many(void **state)
{
	struct arena *a = arena_new();
	struct buf b;
	struct ingest in;

	(void)state;
	buf_init(&b, 4 << 20);
	buf_lit(&b, "<rss version='2.0'><channel>");
	for (int i = 0; i < INGEST_ITEMS_MAX + 5; i++)
		buf_printf(&b, "<item><guid>%d</guid><title>M</title></item>", i);
	buf_lit(&b, "</channel></rss>");
	check_ok(a, parse(a, buf_span(&b), "text/xml", &in));
	buf_fini(&b);
	assert_int_equal(in.n_items, INGEST_ITEMS_MAX);
	assert_true(in.truncated);
	arena_free(a);
}

/* ---- asking ---- */

static struct span
header_of(const struct http_call *c, const char *name)
{
	for (size_t i = 0; i < c->n_headers; i++)
		if (span_is_nocase(c->headers[i].name, name))
			return c->headers[i].value;
	return SPAN_NONE;
}

static void
test_request(void **state)
{
	struct arena *a = arena_new();
	const struct source fresh = {.url = SPAN(FEED_URL)},
			    known = {.url = SPAN(FEED_URL),
				    .etag = SPAN("W/\"7\""),
				    .last_modified = SPAN("Tue, 12 May 2026 16:10:00 GMT")};
	struct http_call c;

	(void)state;
	check_ok(a, connector_feed.request(a, &fresh, &c));
	assert_int_equal(c.kind, HTTP_FEED);
	check_span(c.url, SPAN(FEED_URL));
	assert_true(span_starts(header_of(&c, "Accept"), SPAN("application/atom+xml")));
	assert_null(header_of(&c, "If-None-Match").p);
	assert_null(header_of(&c, "If-Modified-Since").p);

	/* Both, word for word as the server gave them. */
	check_ok(a, connector_feed.request(a, &known, &c));
	check_span(header_of(&c, "If-None-Match"), known.etag);
	check_span(header_of(&c, "If-Modified-Since"), known.last_modified);
	arena_free(a);
}

static void
test_check(void **state)
{
	struct arena *a = arena_new();
	const struct source_new good = {.url = SPAN(FEED_URL)}, bad = {.url = SPAN("feed.xml")};

	(void)state;
	check_ok(a, connector_feed.check(a, &good));
	assert_non_null(connector_feed.check(a, &bad));
	assert_ptr_equal(connector_find(SPAN("feed")), &connector_feed);
	assert_null(connector_find(SPAN("fax")));
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_whole_page),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_older),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_malformed_items),
		cmocka_unit_test(test_no_feed),
		cmocka_unit_test(test_xxe),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_duplicate_ids),
		cmocka_unit_test(test_no_ids),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_shared_keys),
		cmocka_unit_test(test_forged_keys),
		cmocka_unit_test(test_long_ids),
		cmocka_unit_test(test_bad_item),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
