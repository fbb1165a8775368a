/* What is stored of an item, and what is decided about it. */
#include "base/clock.h"
#include "hub/ingest.h"
#include "lib/check.h"

#define NOW_US (INT64_C(1778608800) * US_PER_S) /* 2026-05-12T18:00:00Z */
#define HOUR_US (INT64_C(3600) * US_PER_S)

static const struct hub hub = {.base = {"https://hub.example", 19}};

static struct source
some_source(void)
{
	return (struct source){.url = SPAN("https://feed.example/feed.xml"),
		.account_language = SPAN("de"),
		.connected_us = NOW_US - 1000 * HOUR_US};
}

static struct ingest_item
some_item(void)
{
	return (struct ingest_item){.remote_id = SPAN("1"),
		.url = SPAN("https://feed.example/1"),
		.title = SPAN("Titel"),
		.body = SPAN("<p>Ein Text.</p>"),
		.body_is_html = true,
		.published_us = NOW_US - HOUR_US,
		.embargo_us = TIME_NONE};
}

static struct ingest_post
normalised(struct arena *a, const struct ingest_item *it)
{
	const struct source s = some_source();
	struct ingest_post p;

	ingest_normalise(a, &hub, &s, it, NOW_US, &p);
	return p;
}

/* ---- the stored form ---- */

static void
test_text(void **state)
{
	struct arena *a = arena_new();
	struct ingest_item it = some_item();
	struct ingest_post p;

	(void)state;
	it.title = SPAN("  Ein \n Titel\xe2\x80\xae ");
	it.body = SPAN(
		"<p>Eins<br>zwei</p><script>alert(1)</script><p><a href='/x'>drei</a></p>");
	p = normalised(a, &it);
	check_span(p.title, SPAN("Ein Titel"));
	check_span(p.text, SPAN("Eins\nzwei\n\ndrei"));
	assert_true(span_has(p.html.html, SPAN("href=\"https://feed.example/x\"")));
	assert_false(span_has(p.html.html, SPAN("script")));

	/* The document says what is relative to what. */
	it.base = SPAN("https://other.example/deep/");
	it.body = SPAN("<a href='x'>drei</a>");
	p = normalised(a, &it);
	assert_true(span_has(p.html.html, SPAN("href=\"https://other.example/deep/x\"")));

	/* A body that only repeats the title is left out. */
	it.title = SPAN("Titel");
	it.body = SPAN("<p>Titel</p>");
	p = normalised(a, &it);
	assert_int_equal(p.text.n, 0);
	assert_int_equal(p.html.html.n, 0);

	it.body = SPAN("Zeile <1>\n\nhttps://x.example/");
	it.body_is_html = false;
	p = normalised(a, &it);
	assert_true(span_has(p.html.html, SPAN("Zeile &lt;1&gt;")));
	assert_true(span_has(p.html.html, SPAN("href=\"https://x.example/\"")));
	arena_free(a);
}

static void
test_dates(void **state)
{
	const struct {
		int64_t said, stored;
	} cases[] = {
		{NOW_US - 5 * HOUR_US, NOW_US - 5 * HOUR_US},
		{TIME_NONE, NOW_US},
		{0, NOW_US},                                        /* 1970 */
		{NOW_US + 300 * US_PER_S, NOW_US + 300 * US_PER_S}, /* a clock that is fast */
		{NOW_US + 24 * HOUR_US, NOW_US},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ingest_item it = some_item();

		it.published_us = cases[i].said;
		assert_int_equal(normalised(a, &it).published_us, cases[i].stored);
	}
	arena_free(a);
}

static void
test_tags(void **state)
{
	struct arena *a = arena_new();
	struct ingest_item it = some_item();
	struct span said[] = {SPAN("Öffentliche Bekanntmachung"), SPAN("feuerwehr"),
		SPAN("2026"), SPAN("--"), SPAN_NONE};
	/* Two bytes each, and one before: cut at a limit in bytes, half of one would be left.
	 */
	char umlauts[1 + 2 * 80];
	struct ingest_post p;

	(void)state;
	umlauts[0] = 'x';
	for (size_t i = 0; i < 80; i++)
		memcpy(umlauts + 1 + 2 * i, "ä", 2);
	said[4] = span_from(umlauts, sizeof(umlauts));
	it.body = SPAN("<p>Hier brennt #Feuerwehr, #1 und #musterstadt.</p>");
	it.tags = said;
	it.n_tags = ARRAY_LEN(said);
	p = normalised(a, &it);
	assert_int_equal(p.n_tags, 4);
	check_span(p.tags[0], SPAN("Feuerwehr"));
	check_span(p.tags[1], SPAN("musterstadt"));
	check_span(p.tags[2], SPAN("ÖffentlicheBekanntmachung"));
	assert_int_equal(p.tags[3].n, 99);
	arena_free(a);
}

static void
test_media(void **state)
{
	static const struct {
		const char *what;
		struct ingest_media m[3];
		size_t n;
		const char *urls[3]; /* stored */
	} cases[] = {
		{"a picture thrice",
			{{.url = {"https://x/a.jpg", 15}}, {.url = {"https://x/a.jpg?w=9", 19}},
				{.url = {"https://x/a-300x200.jpg", 23}}},
			3, {"https://x/a.jpg"}},
		{"sizes of one picture",
			{{.url = {"https://x/a-2048.jpg", 20},
				 .other = {"https://x/a.jpg", 15}},
				{.url = {"https://x/a.jpg", 15}}},
			2, {"https://x/a-2048.jpg"}},
		{"pictures told apart by the query",
			{{.url = {"https://x/i.php?id=1", 20}},
				{.url = {"https://x/i.php?id=2", 20}}},
			2, {"https://x/i.php?id=1", "https://x/i.php?id=2"}},
		{"not a size",
			{{.url = {"https://x/a-1-2.jpg", 19}},
				{.url = {"https://x/a.jpg", 15}}},
			2, {"https://x/a-1-2.jpg", "https://x/a.jpg"}},
		{"a spacer",
			{{.url = {"https://x/s.gif", 15}, .width = 1, .height = 1},
				{.url = {"https://x/b.gif", 15}, .width = 800}},
			2, {"https://x/b.gif"}},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ingest_item it = some_item();
		struct ingest_media m[3];
		struct ingest_post p;
		size_t want = 0;

		memcpy(m, cases[i].m, sizeof(m));
		it.media = m;
		it.n_media = cases[i].n;
		p = normalised(a, &it);
		while (want < 3 && cases[i].urls[want])
			want++;
		if (p.n_media != want)
			check_fail("%s: %zu", cases[i].what, p.n_media);
		for (size_t k = 0; k < want; k++)
			check_span(p.media[k].url, span_of(cases[i].urls[k]));
	}
	arena_free(a);
}

static void
test_media_types(void **state)
{
	static const struct {
		const char *url, *mime, *said, *type;
	} cases[] = {
		{"https://x/a.JPG?x=1", NULL, NULL, "image"},
		{"https://x/a", "image/avif", NULL, "image"},
		{"https://x/a", NULL, "image", "image"},
		{"https://x/a.mp3", NULL, NULL, "audio"},
		{"https://x/a", "Video/mp4", NULL, "video"},
		{"https://x/a.jpg", "video/mp4", NULL, "video"},
		{"https://x/a", "imagery", NULL, "unknown"},
		{"https://x/a.pdf", "application/pdf", NULL, "unknown"},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ingest_item it = some_item();
		struct ingest_media m = {.url = span_of(cases[i].url),
			.mime = span_of(cases[i].mime),
			.type = span_of(cases[i].said)};

		it.media = &m;
		it.n_media = 1;
		check_span(normalised(a, &it).media[0].type, span_of(cases[i].type));
	}
	arena_free(a);
}

static void
test_media_merged(void **state)
{
	struct arena *a = arena_new();
	struct ingest_item it = some_item();
	char *mime = arena_alloc(a, 1000);
	struct ingest_media m[] = {{.url = SPAN("https://x/a.jpg")},
		{.url = SPAN("https://x/a.jpg"),
			.alt = SPAN(" Ein\n Bild "),
			.mime = SPAN("image/jpeg")},
		{.url = SPAN("https://x/b.jpg"), .mime = span_from(mime, 999)}};
	struct ingest_post p;

	(void)state;
	memset(mime, 'x', 999);
	it.media = m;
	it.n_media = ARRAY_LEN(m);
	p = normalised(a, &it);
	assert_int_equal(p.n_media, 2);
	check_span(p.media[0].alt, SPAN("Ein Bild"));
	check_span(p.media[0].mime, SPAN("image/jpeg"));
	assert_true(p.media[1].mime.n <= 110); /* what a stranger calls it has a limit */
	arena_free(a);
}

/* ---- edits ---- */

static bool
same_hash(struct arena *a, const struct ingest_item *x, const struct ingest_item *y)
{
	return span_eq(normalised(a, x).content_hash, normalised(a, y).content_hash);
}

static void
test_hash(void **state)
{
	struct arena *a = arena_new();
	const struct ingest_item base = some_item();
	struct ingest_media m = {.url = SPAN("https://x/a.jpg?sig=1"), .alt = SPAN("Alt")},
			    n = {.url = SPAN("https://x/a.jpg?sig=2"), .alt = SPAN("Alt")},
			    o = {.url = SPAN("https://x/a.jpg"), .alt = SPAN("Anders")};
	struct ingest_item x = base, y;

	(void)state;
	assert_true(same_hash(a, &base, &x));
	/* These are edits. */
	x.title = SPAN("Titel!");
	assert_false(same_hash(a, &base, &x));
	x = base;
	x.body = SPAN("<p>Ein Text!</p>");
	assert_false(same_hash(a, &base, &x));
	x = base;
	x.url = SPAN("https://feed.example/2");
	assert_false(same_hash(a, &base, &x));
	x = base;
	x.media = &m;
	x.n_media = 1;
	assert_false(same_hash(a, &base, &x));
	y = x;
	y.media = &o;
	assert_false(same_hash(a, &x, &y));
	/* These are not: they change by themselves. */
	y.media = &n;
	assert_true(same_hash(a, &x, &y));
	x = base;
	x.published_us = NOW_US;
	assert_true(same_hash(a, &base, &x));
	x = base;
	x.url = SPAN("http://feed.example/1/?utm_source=newsletter#top");
	assert_true(same_hash(a, &base, &x));
	x = base;
	x.body = SPAN("<div><p>Ein  Text.</p></div>");
	assert_true(same_hash(a, &base, &x));
	arena_free(a);
}

/* ---- deciding ---- */

static struct ingest_verdict
decide(struct arena *a, const struct ingest_item *it, const struct post_known *known,
	bool first_connect)
{
	struct source s = some_source();
	struct ingest_post p;

	if (first_connect)
		s.connected_us = TIME_NONE;
	ingest_normalise(a, &hub, &s, it, NOW_US, &p);
	return ingest_decide(&hub, &s, it, &p, known, NOW_US);
}

static void
test_archive(void **state)
{
	const struct {
		int64_t published;
		bool first_connect, archive;
	} cases[] = {
		{NOW_US - 23 * HOUR_US, true, false},
		{NOW_US - 25 * HOUR_US, true, true},
		{NOW_US - 23 * HOUR_US, false, false},
		/* Seen late, e.g. after an outage: it is not news any more. */
		{NOW_US - 25 * HOUR_US, false, true},
		/* Undated, or dated in 1970: on the first connect it may be years old. */
		{TIME_NONE, true, true},
		{0, true, true},
		{TIME_NONE, false, false},
		{0, false, false},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ingest_item it = some_item();
		struct ingest_verdict v;

		it.published_us = cases[i].published;
		v = decide(a, &it, NULL, cases[i].first_connect);
		assert_int_equal(v.decision, INGEST_PUBLISH);
		if (v.archive != cases[i].archive)
			check_fail("case %zu: archive %d", i, v.archive);
	}
	arena_free(a);
}

static void
test_embargo(void **state)
{
	const struct {
		int64_t published;
		enum ingest_decision decision;
		bool archive;
	} cases[] = {
		{NOW_US + 300 * US_PER_S, INGEST_PUBLISH, false}, /* clocks differ a little */
		{NOW_US + HOUR_US, INGEST_WAIT, false},
		{NOW_US + 6 * 24 * HOUR_US, INGEST_WAIT, false},
		/* Not meant: taken as seen now, which on the first connect may be anything. */
		{NOW_US + 8 * 24 * HOUR_US, INGEST_PUBLISH, true},
	};
	struct arena *a = arena_new();
	struct ingest_item it = some_item();
	struct ingest_verdict v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		it.published_us = cases[i].published;
		v = decide(a, &it, NULL, true);
		assert_int_equal(v.decision, cases[i].decision);
		assert_int_equal(v.archive, cases[i].archive);
		if (v.decision == INGEST_WAIT)
			assert_int_equal(v.until_us, it.published_us);
	}
	it = some_item();
	it.embargo_us = NOW_US + HOUR_US;
	v = decide(a, &it, NULL, false);
	assert_int_equal(v.decision, INGEST_WAIT);
	assert_int_equal(v.until_us, it.embargo_us);
	arena_free(a);
}

static void
test_known(void **state)
{
	static const struct {
		const char *state;
		bool changed, archive;
		enum ingest_decision decision;
	} cases[] = {
		{"published", false, false, INGEST_SAME},
		{"published", true, false, INGEST_PUBLISH},
		{"published", true, true, INGEST_PUBLISH},
		{"held", false, false, INGEST_SAME},
		/* Not lost: looked at again, though nothing may change at the source till then.
		 */
		{"held", true, false, INGEST_WAIT},
		{"withdrawn", false, false, INGEST_DROP},
		{"withdrawn", true, false, INGEST_DROP},
		{"dropped", true, false, INGEST_DROP},
	};
	struct arena *a = arena_new();
	struct ingest_item it = some_item();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct post_known k = {.id = 7,
			.revision = 1,
			.state = span_of(cases[i].state),
			.archive = cases[i].archive,
			.content_hash = cases[i].changed ? SPAN("other")
							 : normalised(a, &it).content_hash};
		const struct ingest_verdict v = decide(a, &it, &k, false);

		if (v.decision != cases[i].decision)
			check_fail("%s, changed %d: %d", cases[i].state, cases[i].changed,
				v.decision);
		/* An archive stays one, also when it is edited within the day. */
		assert_int_equal(v.archive, cases[i].archive);
		if (v.decision == INGEST_WAIT)
			assert_true(v.until_us > NOW_US && v.until_us <= NOW_US + HOUR_US);
	}
	arena_free(a);
}

static void
test_deleted(void **state)
{
	static const struct {
		const char *state; /* NULL = unknown */
		enum ingest_decision decision;
	} cases[] = {
		{"published", INGEST_DELETE},
		/* Never to be said, though its pictures are on their way. */
		{"held", INGEST_DELETE},
		{"withdrawn", INGEST_SAME},
		{NULL, INGEST_SAME},
	};
	struct arena *a = arena_new();
	struct ingest_item it = {.remote_id = SPAN("1"),
		.body = SPAN(""),
		.published_us = TIME_NONE,
		.embargo_us = TIME_NONE,
		.deleted = true};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct post_known k = {
			.id = 7, .revision = 1, .state = span_of(cases[i].state)};

		assert_int_equal(decide(a, &it, cases[i].state ? &k : NULL, false).decision,
			cases[i].decision);
	}
	arena_free(a);
}

static void
test_loop_guard(void **state)
{
	static const struct {
		const char *what, *id, *url, *body;
		bool ours;
	} cases[] = {
		{"our object", "1", "https://hub.example/p/5", "<p>x</p>", true},
		{"our page", "1", "https://hub.example/@feuerwehr/5", "<p>x</p>", true},
		{"our start page", "1", "https://hub.example", "<p>x</p>", true},
		{"an id of ours", "https://hub.example/p/5", "https://mirror.example/1",
			"<p>x</p>", true},
		{"a mirror with our permalink at the end", "1", "https://mirror.example/1",
			"<p>Text <a href='https://a.example/'>a</a> "
			"<a href='https://hub.example/@feuerwehr/5'>mehr</a></p>",
			true},
		{"a mention of ours in the middle", "1", "https://mirror.example/1",
			"<p>Wie <a href='https://hub.example/p/5'>gemeldet</a>, "
			"<a href='https://a.example/'>a</a></p>",
			false},
		{"our start page as the last link", "1", "https://mirror.example/1",
			"<p><a href='https://hub.example/'>Portal</a></p>", false},
		{"another host that begins alike", "1", "https://hub.example.org/p/5",
			"<p>x <a href='https://hub.example.org/p/5'>y</a></p>", false},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ingest_item it = some_item();
		struct ingest_verdict v;

		it.remote_id = span_of(cases[i].id);
		it.url = span_of(cases[i].url);
		it.body = span_of(cases[i].body);
		v = decide(a, &it, NULL, false);
		if ((v.decision == INGEST_DROP) != cases[i].ours)
			check_fail("%s: %d", cases[i].what, v.decision);
		if (cases[i].ours)
			assert_non_null(v.reason);
	}
	arena_free(a);
}

static void
test_nothing(void **state)
{
	struct arena *a = arena_new();
	struct ingest_media m = {.url = SPAN("https://x/a.jpg")};
	struct ingest_item it = some_item();
	const struct post_known k = {.id = 7,
		.revision = 1,
		.state = SPAN("published"),
		.content_hash = SPAN("other")};

	(void)state;
	it.title = SPAN(" ");
	it.body = SPAN("<p><br></p>");
	assert_int_equal(decide(a, &it, NULL, false).decision, INGEST_DROP);
	/* A source that empties what it said has not withdrawn it. */
	assert_int_equal(decide(a, &it, &k, false).decision, INGEST_SAME);
	it.media = &m;
	it.n_media = 1;
	assert_int_equal(decide(a, &it, NULL, false).decision, INGEST_PUBLISH);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_media),
		cmocka_unit_test(test_media_types),
		cmocka_unit_test(test_media_merged),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_archive),
		cmocka_unit_test(test_embargo),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_loop_guard),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
