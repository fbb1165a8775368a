/* Feeds of every family in one shape, and what is none. */
#include "lib/check.h"

#include "base/buf.h"
#include "base/clock.h"
#include "markup/feed.h"

struct fixture {
	struct arena *a;
	struct url url;
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->a = arena_new();
	check_ok(f->a, url_parse(f->a, SPAN("https://kreis.example/feeds/neu.xml"), &f->url));
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

static struct feed
read_feed(struct fixture *f, struct span text, const char *type)
{
	struct feed out;

	check_ok(f->a, feed_parse(f->a, text, span_of(type), &f->url, &out));
	return out;
}

static void
is_time(struct fixture *f, int64_t us, const char *utc)
{
	if (us == TIME_NONE)
		check_fail("no time, want %s", utc);
	check_span(time_rfc3339(f->a, us), span_of(utc));
}

static void
rss2(void **state)
{
	struct fixture *f = *state;
	struct feed out = read_feed(f,
		SPAN("<?xml version='1.0'?><rss version='2.0' "
		     "xmlns:content='http://purl.org/rss/1.0/modules/content/' "
		     "xmlns:dc='http://purl.org/dc/elements/1.1/' "
		     "xmlns:atom='http://www.w3.org/2005/Atom' "
		     "xmlns:sy='http://purl.org/rss/1.0/modules/syndication/'>"
		     "<channel><title>Kreis &amp;amp; "
		     "Stadt</title><link>https://www.kreis.example/</link>"
		     "<atom:link rel='self' href='neu.xml'/><atom:link rel='next' "
		     "href='?seite=2'/>"
		     "<language>de-DE</language><ttl>90</ttl>"
		     "<skipHours><hour>0</hour><hour> 23 </hour><hour>24</hour><hour>x</hour>"
		     "<day>5</day></skipHours>"
		     "<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</"
		     "sy:updateFrequency>"
		     "<item><title>A &lt;b&gt;fett&lt;/b&gt; &amp;amp; mehr</title>"
		     "<link>/aktuell/1</link><guid isPermaLink='false'> tag:1 </guid>"
		     "<pubDate>Sun, 01 Mar 2026 10:00:00 +0100</pubDate>"
		     "<description>kurz</description>"
		     "<content:encoded><![CDATA[<p>lang</p>]]></content:encoded>"
		     "<category>Amtsblatt</category><category>#Rat</category></item>"
		     "<item><guid>https://kreis.example/aktuell/2</guid>"
		     "<description>&lt;p&gt;zwei&lt;/p&gt;</description>"
		     "<dc:date>2026-02-28T10:00:00Z</dc:date></item>"
		     "<item/></channel></rss>"),
		"application/rss+xml");

	check_span(out.title, SPAN("Kreis & Stadt"));
	check_span(out.language, SPAN("de-DE"));
	check_span(out.next, SPAN("https://kreis.example/feeds/neu.xml?seite=2"));
	assert_int_equal(out.min_interval_s, 90 * 60);
	assert_int_equal(out.skip_hours, 1 << 0 | 1 << 23);
	assert_false(out.recovered);
	assert_int_equal(out.n_items, 3);
	check_span(out.items[0].title, SPAN("A fett & mehr"));
	check_span(out.items[0].link, SPAN("https://www.kreis.example/aktuell/1"));
	check_span(out.items[0].id, SPAN("tag:1"));
	assert_false(out.items[0].id_is_link);
	is_time(f, out.items[0].published_us, "2026-03-01T09:00:00Z");
	check_span(out.items[0].body, SPAN("<p>lang</p>"));
	assert_true(out.items[0].body_is_html);
	assert_int_equal(out.items[0].n_tags, 2);
	check_span(out.items[0].tags[1], SPAN("Rat"));
	check_span(out.items[1].link, SPAN("https://kreis.example/aktuell/2"));
	assert_true(out.items[1].id_is_link);
	check_span(out.items[1].body, SPAN("<p>zwei</p>"));
	is_time(f, out.items[1].published_us, "2026-02-28T10:00:00Z");
	assert_null(out.items[2].id.p);
	assert_null(out.items[2].link.p);
	assert_true(out.items[2].published_us == TIME_NONE);
}

static void
old_rss(void **state)
{
	struct fixture *f = *state;
	struct feed out = read_feed(f,
		SPAN("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n"
		     "<!DOCTYPE rss PUBLIC \"-//Netscape Communications//DTD RSS 0.91//EN\" "
		     "\"http://my.netscape.com/publish/formats/rss-0.91.dtd\">\n"
		     "<rss version=\"0.91\"><channel><title>Alt \xfc</title>"
		     "<link>http://kreis.example/</link>"
		     "<item><title>&copy; &uuml; A &amp; "
		     "B</title><link>http://kreis.example/1</link>"
		     "<description>x</description></item></channel></rss>"),
		"text/xml");

	check_span(out.title, SPAN("Alt \xc3\xbc"));
	assert_int_equal(out.n_items, 1);
	check_span(out.items[0].title, SPAN("\xc2\xa9 \xc3\xbc A & B"));
	check_span(out.items[0].link, SPAN("http://kreis.example/1"));
	assert_null(out.items[0].id.p);
}

static void
rdf(void **state)
{
	struct fixture *f = *state;
	struct feed out = read_feed(f,
		SPAN("<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' "
		     "xmlns='http://purl.org/rss/1.0/' "
		     "xmlns:dc='http://purl.org/dc/elements/1.1/'>"
		     "<channel rdf:about='https://kreis.example/'><title>RDF</title>"
		     "<dc:language>en</dc:language><link>https://kreis.example/</link></"
		     "channel>"
		     "<item rdf:about='https://kreis.example/i/1'><title>Eins</title>"
		     "<link>https://kreis.example/i/1</link><dc:date>2026-03-01T10:00+01:00</"
		     "dc:date>"
		     "<description>x</description></item></rdf:RDF>"),
		"application/rdf+xml");

	check_span(out.title, SPAN("RDF"));
	check_span(out.language, SPAN("en"));
	assert_int_equal(out.n_items, 1);
	check_span(out.items[0].id, SPAN("https://kreis.example/i/1"));
	is_time(f, out.items[0].published_us, "2026-03-01T09:00:00Z");
}

static void
atom(void **state)
{
	struct fixture *f = *state;
	struct feed out = read_feed(f,
		SPAN("<feed xmlns='http://www.w3.org/2005/Atom' xml:lang='de' "
		     "xml:base='/blog/'>"
		     "<title type='html'>N &amp;amp; M</title><link rel='next' href='p2'/>"
		     "<entry xml:base='2026/' xml:lang='en'><id> urn:1 </id>"
		     "<title type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'>Eins "
		     "<b>x</b></div></title>"
		     "<link href='andere' rel='related'/><link href='eins'/>"
		     "<link rel='enclosure' href='a.pdf' type='application/pdf' length='5' "
		     "title='Amtsblatt'/>"
		     "<published>2026-03-01T08:00:00Z</published>"
		     "<updated>2026-03-01T09:00:00Z</updated>"
		     "<category term='t' label='L'/><category term='nur'/>"
		     "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>Text "
		     "<b>x</b></p></div></content></entry>"
		     "<entry><id>urn:2</id><title>A &amp;lt; B</title>"
		     "<updated>2026-03-02T09:00:00Z</updated>"
		     "<summary type='html'>&lt;p&gt;s&lt;/p&gt;</summary><content "
		     "src='x.html'/></entry>"
		     "<entry><id>urn:3</id><content>nur &lt;Text&gt;</content></entry>"
		     "<at:deleted-entry xmlns:at='http://purl.org/atompub/tombstones/1.0' "
		     "ref='urn:4'/>"
		     "</feed>"),
		"application/atom+xml");

	check_span(out.title, SPAN("N & M"));
	check_span(out.language, SPAN("de"));
	check_span(out.next, SPAN("https://kreis.example/blog/p2"));
	assert_int_equal(out.n_items, 4);
	check_span(out.items[0].id, SPAN("urn:1"));
	check_span(out.items[0].title, SPAN("Eins x"));
	check_span(out.items[0].link, SPAN("https://kreis.example/blog/2026/eins"));
	check_span(out.items[0].language, SPAN("en"));
	assert_true(span_has(out.items[0].body, SPAN("<p>Text <b>x</b></p>")));
	is_time(f, out.items[0].published_us, "2026-03-01T08:00:00Z");
	is_time(f, out.items[0].updated_us, "2026-03-01T09:00:00Z");
	assert_int_equal(out.items[0].n_media, 1);
	check_span(out.items[0].media[0].url, SPAN("https://kreis.example/blog/2026/a.pdf"));
	check_span(out.items[0].media[0].alt, SPAN("Amtsblatt"));
	check_span(out.items[0].tags[0], SPAN("L"));
	check_span(out.items[0].tags[1], SPAN("nur"));
	check_span(
		out.items[1].title, SPAN("A &lt; B")); /* type text: nothing is decoded twice */
	check_span(out.items[1].body, SPAN("<p>s</p>"));
	is_time(f, out.items[1].published_us, "2026-03-02T09:00:00Z");
	assert_false(out.items[2].body_is_html);
	check_span(out.items[2].body, SPAN("nur <Text>"));
	assert_true(out.items[3].deleted);
	check_span(out.items[3].id, SPAN("urn:4"));
}

static void
json_feed(void **state)
{
	struct fixture *f = *state;
	struct feed out = read_feed(f,
		SPAN("\xef\xbb\xbf{\"version\":\"https://jsonfeed.org/version/"
		     "1.1\",\"title\":\" J\","
		     "\"language\":\"de\",\"next_url\":\"/2\",\"expired\":true,\"items\":["
		     "{\"id\":17,\"url\":\"/a\",\"title\":\"T\\nU\",\"content_html\":\"<p>x</"
		     "p>\","
		     "\"content_text\":\"y\",\"date_published\":\"2026-03-01T10:00:00+01:00\","
		     "\"tags\":[\"a\",\"#b\",5],\"image\":\"i.jpg\",\"attachments\":["
		     "{\"url\":\"x.mp4\",\"mime_type\":\"video/mp4\",\"size_in_bytes\":5,"
		     "\"duration_in_seconds\":3,\"title\":\"V\"},{\"url\":5},7]},"
		     "{\"id\":\"2\",\"content_text\":\"nur Text\"},\"kein "
		     "Objekt\",{\"id\":null}]}"),
		"text/plain");

	check_span(out.title, SPAN("J"));
	check_span(out.next, SPAN("https://kreis.example/2"));
	assert_true(out.expired);
	assert_int_equal(out.n_items, 3);
	check_span(out.items[0].id, SPAN("17"));
	check_span(out.items[0].title, SPAN("T U"));
	assert_true(out.items[0].body_is_html);
	is_time(f, out.items[0].published_us, "2026-03-01T09:00:00Z");
	assert_int_equal(out.items[0].n_tags, 2);
	assert_int_equal(out.items[0].n_media, 2);
	assert_int_equal(out.items[0].media[0].length, 5);
	assert_int_equal(out.items[0].media[0].duration_s, 3);
	check_span(out.items[0].media[1].medium, SPAN("image"));
	assert_false(out.items[1].body_is_html);
	check_span(out.items[1].body, SPAN("nur Text"));
	assert_null(out.items[2].id.p);
}

static void
media(void **state)
{
	struct fixture *f = *state;
	struct feed out = read_feed(f,
		SPAN("<rss xmlns:media='http://search.yahoo.com/mrss/' "
		     "xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd'><channel>"
		     "<item><media:group><media:content url='k.jpg' width='300' "
		     "medium='image'/>"
		     "<media:content url='g.jpg' width='900' height='600' medium='image'/>"
		     "<media:description>Ein "
		     "&lt;b&gt;Bild&lt;/b&gt;</media:description></media:group>"
		     "<media:thumbnail url='t.jpg'/></item>"
		     "<item><enclosure url='a.mp3' type='audio/mpeg' length='123'/>"
		     "<itunes:duration>1:02:03.5</itunes:duration><itunes:image "
		     "href='c.jpg'/></item>"
		     "<item><media:thumbnail url='t.jpg'/></item>"
		     "<item><media:content url='a.jpg' type='image/jpeg'>"
		     "<media:title>Alt</media:title></media:content>"
		     "<enclosure url='a.jpg' type='image/jpeg' length='9'/>"
		     "<enclosure url=''/><enclosure url='javascript:x'/><enclosure/></item>"
		     "</channel></rss>"),
		"");

	assert_int_equal(
		out.items[0].n_media, 1); /* one of the group, no thumbnail beside it */
	check_span(out.items[0].media[0].url, SPAN("https://kreis.example/feeds/g.jpg"));
	assert_int_equal(out.items[0].media[0].width, 900);
	check_span(out.items[0].media[0].alt, SPAN("Ein Bild"));
	assert_int_equal(out.items[1].n_media, 2);
	assert_int_equal(out.items[1].media[0].duration_s, 3723);
	assert_int_equal(out.items[1].media[0].length, 123);
	check_span(out.items[1].media[1].url, SPAN("https://kreis.example/feeds/c.jpg"));
	assert_true(out.items[2].n_media == 1 && out.items[2].media[0].thumbnail);
	assert_int_equal(out.items[3].n_media, 1); /* the same address is the same file */
	check_span(out.items[3].media[0].alt, SPAN("Alt"));
}

static void
charsets(void **state)
{
	const struct {
		struct span doc;
		const char *type, *title;
	} rows[] = {
		{SPAN("<rss><channel><title>\xfc</title></channel></rss>"),
			"text/xml; charset=\"iso-8859-1\"; x=y", "\xc3\xbc"},
		{SPAN("<rss><channel><title>\xfc</title></channel></rss>"),
			"text/xml; CHARSET=utf-8", "\xc3\xbc"},
		{SPAN("<?xml version='1.0' encoding='UTF-8'?><rss><channel><title>\x84x\x93"
		      "</title></channel></rss>"),
			"text/xml", "\xe2\x80\x9ex\xe2\x80\x9c"},
		{SPAN("<rss><channel><title>\xc3\xbc</title></channel></rss>"),
			"text/xml; charset=", "\xc3\xbc"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_span(
			read_feed(f, rows[i].doc, rows[i].type).title, span_of(rows[i].title));
}

/* Cut off in the middle of an item: that one is not whole, and would come back as an edit. */
static void
truncated(void **state)
{
	struct fixture *f = *state;
	struct feed out = read_feed(f,
		SPAN("<rss><channel><title>t</title><item><guid>1</guid></item>"
		     "<item><guid>2</guid></item><item><guid>3</guid><title>Hal"),
		"");

	assert_true(out.recovered);
	assert_int_equal(out.n_items, 2);
	out = read_feed(f,
		SPAN("<feed "
		     "xmlns='http://www.w3.org/2005/Atom'><entry><id>1</id></"
		     "entry><entry><id>2"),
		"");
	assert_true(out.recovered);
	assert_int_equal(out.n_items, 1);
}

static void
not_a_feed(void **state)
{
	static const struct {
		const char *text, *type;
		enum err_kind kind;
	} rows[] = {
		{"", "", ERR_INPUT},
		{" \n ", "", ERR_INPUT},
		{"Hallo", "text/plain", ERR_INPUT},
		{"<!DOCTYPE html><html><body>x</body></html>", "text/xml", ERR_NOT_ACCEPTABLE},
		{"<HTML><p>x", "application/rss+xml", ERR_NOT_ACCEPTABLE},
		{"<rss/>", "", ERR_INPUT},
		{"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>", "",
			ERR_INPUT},
		{"<feed/>", "", ERR_INPUT},
		{"<svg xmlns='http://www.w3.org/2000/svg'/>", "", ERR_INPUT},
		{"{}", "", ERR_INPUT},
		{"{\"version\":\"https://jsonfeed.org/version/1\"}", "", ERR_INPUT},
		{"{\"items\":[]}", "", ERR_INPUT},
		{"[1,2", "", ERR_INPUT},
		{"{\"version\":5,\"items\":[]}", "", ERR_INPUT},
		{"<rss><channel/></rss>", "application/json", ERR_INPUT},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct feed out;
		const struct err *e = feed_parse(
			f->a, span_of(rows[i].text), span_of(rows[i].type), &f->url, &out);

		if (!e)
			check_fail("%s was read", rows[i].text);
		if (e->kind != rows[i].kind)
			check_fail("%s: %.*s", rows[i].text, SPAN_FMT(e->text));
	}
}

/* Ten thousand items are read; one more is not. An empty feed is one. */
static void
limits(void **state)
{
	struct fixture *f = *state;
	struct feed out = read_feed(f, SPAN("<rss><channel><title/></channel></rss>"), "");
	struct buf b;

	assert_int_equal(out.n_items, 0);
	buf_init(&b, 8 << 20);
	buf_lit(&b, "<rss><channel>");
	for (int i = 0; i <= FEED_ITEMS_MAX; i++)
		buf_printf(&b, "<item><guid>%d</guid></item>", i);
	buf_lit(&b, "</channel></rss>");
	out = read_feed(f, buf_span(&b), "");
	assert_int_equal(out.n_items, FEED_ITEMS_MAX);
	assert_true(out.truncated);
	check_span(out.items[0].id, SPAN("0"));
	check_span(out.items[9999].id, SPAN("9999"));
	buf_reset(&b);
	buf_lit(&b, "<rss><channel><item>");
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "<category>c%d</category><enclosure url='%d.jpg'/>", i, i);
	buf_lit(&b, "</item></channel></rss>");
	out = read_feed(f, buf_span(&b), "");
	assert_int_equal(out.items[0].n_tags, FEED_TAGS_MAX);
	assert_int_equal(out.items[0].n_media, FEED_MEDIA_MAX);
	buf_fini(&b);
}

/* Short links with a long base, many to an item and many items: what is kept has an end. */
static void
long_bases(void **state)
{
	struct fixture *f = *state;
	size_t before = arena_used(f->a);
	struct feed out;
	struct buf b;

	buf_init(&b, 8 << 20);
	buf_printf(&b,
		"<rss xmlns:m='http://search.yahoo.com/mrss/' xml:base='/%01900d/'>"
		"<channel>",
		1);
	for (int i = 0; i < 7000; i++) {
		buf_lit(&b, "<item>");
		for (int k = 0; k < 12; k++)
			buf_printf(&b, "<m:content url='%d'/>", k);
		buf_lit(&b, "</item>");
	}
	buf_lit(&b, "</channel></rss>");
	check_ok(f->a, feed_parse(f->a, buf_span(&b), SPAN(""), &f->url, &out));
	buf_fini(&b);
	assert_true(out.truncated);
	assert_true(out.n_items > 100 && out.n_items < 7000);
	assert_int_equal(out.items[out.n_items - 1].n_media, 12);
	assert_true(arena_used(f->a) - before < FEED_MEMORY_MAX + (1 << 20));
}

/* One item that names the same few addresses over and over leaves no trace of it. */
static void
many_addresses(void **state)
{
	struct fixture *f = *state;
	size_t before = arena_used(f->a);
	struct feed out;
	struct buf b;

	buf_init(&b, 8 << 20);
	buf_printf(&b, "<feed xmlns='http://www.w3.org/2005/Atom' xml:base='/%01900d/'><entry>",
		1);
	for (int i = 0; i < 4000; i++)
		buf_printf(&b,
			"<link rel='enclosure' href='%d'/><link type='text/html' href='%d'/>",
			i % 3, i);
	buf_lit(&b, "<link rel='enclosure' href='late'/></entry></feed>");
	check_ok(f->a, feed_parse(f->a, buf_span(&b), SPAN(""), &f->url, &out));
	assert_false(out.truncated);
	assert_int_equal(out.n_items, 1);
	assert_int_equal(out.items[0].n_media, 3); /* the late one is too late */
	assert_true(span_ends(out.items[0].link, SPAN("/99")));
	/* Of the attributes as written, not of what they lead to. */
	assert_true(arena_used(f->a) - before < 8 * b.n);
	buf_fini(&b);
}

/* Honest, and as large as they come: nothing is left out. */
static void
large_podcast(void **state)
{
	struct fixture *f = *state;
	struct feed out;
	struct buf b;

	buf_init(&b, 8 << 20);
	buf_lit(&b, "<rss xmlns:i='http://www.itunes.com/dtds/podcast-1.0.dtd'><channel>");
	for (int i = 0; i < FEED_ITEMS_MAX; i++)
		buf_printf(&b,
			"<item><title>Folge %d</title><guid>https://pod.example/folge/%d</guid>"
			"<link>https://pod.example/folge/%d</link><category>Kreis</category>"
			"<pubDate>Sun, 01 Mar 2026 10:00:00 +0100</pubDate>"
			"<i:duration>1:00:05</i:duration>"
			"<enclosure url='https://pod.example/folge/%d.mp3' type='audio/mpeg'"
			" length='1000'/><description>%0300d</description></item>",
			i, i, i, i, i);
	buf_lit(&b, "</channel></rss>");
	check_ok(f->a, feed_parse(f->a, buf_span(&b), SPAN(""), &f->url, &out));
	buf_fini(&b);
	assert_false(out.truncated);
	assert_int_equal(out.n_items, FEED_ITEMS_MAX);
	assert_int_equal(out.items[9999].n_media, 1);
	assert_int_equal(out.items[9999].media[0].duration_s, 3605);
	assert_int_equal(out.items[9999].n_tags, 1);
}

/* What stands once in an item is read once, whatever asks for it. */
static void
long_duration(void **state)
{
	struct fixture *f = *state;
	size_t before = arena_used(f->a);
	struct feed out;
	struct buf b;

	buf_init(&b, 8 << 20);
	buf_printf(&b,
		"<rss xmlns:i='http://www.itunes.com/dtds/podcast-1.0.dtd'><channel><item>"
		"<i:duration>%01000000d</i:duration>",
		1);
	for (int i = 0; i < 100; i++)
		buf_lit(&b, "<enclosure url='x'/>");
	buf_lit(&b, "</item></channel></rss>");
	check_ok(f->a, feed_parse(f->a, buf_span(&b), SPAN(""), &f->url, &out));
	assert_int_equal(out.n_items, 1);
	assert_true(arena_used(f->a) - before < 3 * b.n);
	buf_fini(&b);
}

/* Of several addresses those count that can be followed. */
static void
links_that_lead(void **state)
{
	struct fixture *f = *state;
	struct feed out = read_feed(f,
		SPAN("<feed xmlns='http://www.w3.org/2005/Atom'>"
		     "<entry><link href='gemini://x/'/><link href='/1'/></entry>"
		     "<entry><link href='/2'/><link type='text/html' href='app://y'/></entry>"
		     "<entry><link href='urn:z'/><link type='text/html' href='/3'/></entry>"
		     "</feed>"),
		"application/atom+xml");

	assert_int_equal(out.n_items, 3);
	check_span(out.items[0].link, SPAN("https://kreis.example/1"));
	check_span(out.items[1].link, SPAN("https://kreis.example/2"));
	check_span(out.items[2].link, SPAN("https://kreis.example/3"));
	out = read_feed(f,
		SPAN("<rss xmlns:p='urn:p'><channel><p:link>urn:nothing</p:link>"
		     "<link>https://www.k.example/neu/</link>"
		     "<item><link>1.html</link></item></channel></rss>"),
		"application/rss+xml");
	check_span(out.items[0].link, SPAN("https://www.k.example/neu/1.html"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rss2),
		cmocka_unit_test(old_rss),
		cmocka_unit_test(rdf),
		cmocka_unit_test(atom),
		cmocka_unit_test(json_feed),
		cmocka_unit_test(media),
		cmocka_unit_test(charsets),
		cmocka_unit_test(truncated),
		cmocka_unit_test(not_a_feed),
		cmocka_unit_test(limits),
		cmocka_unit_test(long_bases),
		cmocka_unit_test(many_addresses),
		cmocka_unit_test(large_podcast),
		cmocka_unit_test(long_duration),
		cmocka_unit_test(links_that_lead),
	};

	return cmocka_run_group_tests_name("feed", tests, setup, teardown);
}
