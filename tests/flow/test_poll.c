/* The polling flow against a scripted server, on a real loop and a real database. */
#include <inttypes.h>

#include "base/clock.h"
#include "connector/poll.h"
#include "hub/source.h"
#include "hub/status.h"
#include "lib/check.h"
#include "lib/dbrun.h"
#include "lib/hubrun.h"
#include "lib/pg.h"
#include "lib/site.h"

#define HOUR_S 3600
#define DAY_S 86400
#define UNDATED INT64_MIN

static struct pg *pg;
static struct site *site;

/* ---- feeds ---- */

struct item {
	const char *guid, *link, *title, *body;
	int64_t age_s; /* negative = in the future */
};

static void
put_item(struct arena *a, struct buf *b, const struct item *it)
{
	buf_lit(b, "<item>");
	if (it->guid)
		buf_printf(b, "<guid isPermaLink='false'>%s</guid>", it->guid);
	if (it->link)
		buf_printf(b, "<link>https://feed.example/%s</link>", it->link);
	buf_printf(b, "<title>%s</title><description>%s</description>", it->title,
		it->body ? it->body : "Ein Text.");
	if (it->age_s != UNDATED)
		buf_printf(b, "<pubDate>%.*s</pubDate>",
			SPAN_FMT(time_rfc822(a, clock_us() - it->age_s * US_PER_S)));
	buf_lit(b, "</item>\n");
}

static struct span
feed_of(struct arena *a, const struct item *items, size_t n)
{
	struct buf b;
	struct span s;

	buf_init(&b, 8 << 20);
	buf_lit(&b, "<?xml version='1.0'?><rss version='2.0'><channel><title>T</title>\n");
	for (size_t i = 0; i < n; i++)
		put_item(a, &b, &items[i]);
	buf_lit(&b, "</channel></rss>\n");
	assert_false(b.toobig);
	s = arena_dup(a, buf_span(&b));
	buf_fini(&b);
	return s;
}

/* n items, each an hour older than the one before, all older than a day. */
static struct item *
many_items(struct arena *a, size_t n)
{
	struct item *it = ARENA_ARRAY(a, n, struct item);

	for (size_t i = 0; i < n; i++)
		it[i] = (struct item){.guid = arena_printf(a, "g%zu", i).p,
			.link = arena_printf(a, "%zu", i).p,
			.title = arena_printf(a, "Meldung %zu", i).p,
			.age_s = 2 * DAY_S + (int64_t)i * 60};
	return it;
}

/* ---- one test's world ---- */

struct world {
	struct arena *a;
	struct span dsn;
	int64_t account, source;
	const char *path;
};

static void
source_put(struct db_batch *b, void *ctx)
{
	const struct world *w = ctx;
	const struct source_new s = {.account = w->account,
		.connector = SPAN("feed"),
		.url = arena_printf(b->arena, "%s%s", site_base(site), w->path)};

	(void)source_insert(b, &s);
}

static void
world_init(struct world *w, const char *path)
{
	*w = (struct world){.a = arena_new(), .dsn = hubrun_database(pg), .path = path};
	w->account = hubrun_int(w->dsn, "SELECT id FROM account");
	dbrun_ok(w->dsn, source_put, NULL, w);
	w->source = hubrun_int(w->dsn, "SELECT id FROM source");
}

static void
world_fini(struct world *w)
{
	hubrun_verify(w->dsn);
	arena_free(w->a);
}

#define SQL_INT(w, ...) hubrun_int((w)->dsn, __VA_ARGS__)
#define SQL_TEXT(w, ...) hubrun_sql((w)->dsn, __VA_ARGS__)

static void
give(const char *path, struct span body, const char *etag)
{
	const struct site_answer answer = {
		.status = 200, .type = "application/rss+xml", .body = body, .etag = etag};

	site_give(site, path, &answer);
}

static void
give_items(struct world *w, const struct item *items, size_t n, const char *etag)
{
	give(w->path, feed_of(w->a, items, n), etag);
}

#define GIVE(w, etag, ...)                                                                     \
	give_items((w), (const struct item[]){__VA_ARGS__},                                    \
		sizeof((const struct item[]){__VA_ARGS__}) / sizeof(struct item), (etag))

/* stop: may be NULL. */
static void
poll_jobs_until(struct world *w, const struct job *jobs, size_t n, struct hubrun_end *ends,
	struct hubrun_stop *stop)
{
	const struct hubrun_opts o = {.dsn = w->dsn};
	struct hubrun r;

	hubrun_init(&r, &o);
	if (stop)
		hubrun_stop_start(&r, stop);
	for (size_t i = 0; i < n; i++)
		hubrun_start(&r, &ends[i], &poll_flow, &jobs[i], sizeof(struct job), NULL);
	hubrun_wait(&r);
	if (stop)
		hubrun_stop_end(stop);
	hubrun_fini(&r);
}

static void
poll_jobs(struct world *w, const struct job *jobs, size_t n, struct hubrun_end *ends)
{
	poll_jobs_until(w, jobs, n, ends, NULL);
}

static struct hubrun_end
poll_once(struct world *w)
{
	const struct job j = hubrun_claim(w->a, w->dsn, "poll", w->source);
	struct hubrun_end end;

	poll_jobs(w, &j, 1, &end);
	return end;
}

static void
poll(struct world *w)
{
	const struct hubrun_end end = poll_once(w);

	if (end.failed)
		check_fail("%s", end.text);
}

static void
poll_fails(struct world *w)
{
	assert_true(poll_once(w).failed);
}

/* Of a finished poll: the job waits for its next turn, as good as new. */
static void
check_planned(struct world *w)
{
	assert_int_equal(SQL_INT(w, "SELECT count(*) FROM job WHERE kind = 'poll'"), 1);
	assert_int_equal(
		SQL_INT(w, "SELECT count(*) FROM job j, source s WHERE j.kind = 'poll'"
			   " AND j.state = 'ready' AND j.attempt = 0 AND j.error IS NULL"
			   " AND j.run_at = s.next_poll_at AND j.run_at > now()"),
		1);
}

static int64_t
entries(struct world *w, const char *kind)
{
	return SQL_INT(w, "SELECT count(*) FROM record_entry WHERE kind = '%s'", kind);
}

static int64_t
posts(struct world *w)
{
	return SQL_INT(w, "SELECT count(*) FROM post");
}

/* ---- tests ---- */

static void
test_first_connect(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "/first");
	GIVE(&w, "\"1\"", {"neu", "1", "Neu", NULL, HOUR_S},
		{"alt", "2", "Alt", NULL, 400 * DAY_S},
		{"ohne", "3", "Ohne Datum", NULL, UNDATED});
	poll(&w);
	/* All are there, with their dates; only the fresh one is told. */
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM post WHERE state = 'published'"), 3);
	assert_int_equal(SQL_INT(&w, "SELECT posts FROM account_count"), 3);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM post WHERE archive"), 2);
	assert_int_equal(
		SQL_INT(&w,
			"SELECT count(*) FROM post WHERE title = 'Alt'"
			" AND published_at < now() - interval '399 days'"
			" AND to_timestamp((id >> 16) / 1000) < now() - interval '399 days'"),
		1);
	assert_int_equal(
		SQL_INT(&w, "SELECT count(*) FROM post WHERE title = 'Neu'"
			    " AND published_at < now() - interval '59 minutes'"
			    " AND id >> 16 = floor(extract(epoch FROM published_at) * 1000)"),
		1);
	assert_int_equal(entries(&w, "create"), 3);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM record_entry e JOIN post p"
				     " ON p.id = e.object WHERE e.archive = p.archive"),
		3);
	assert_string_equal(
		SQL_TEXT(&w, "SELECT p.title FROM record_entry e JOIN post p ON p.id = e.object"
			     " WHERE NOT e.archive"),
		"Neu");
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM source WHERE health = 'ok'"
				     " AND connected_at IS NOT NULL AND etag = '\"1\"'"
				     " AND last_ok_at IS NOT NULL AND last_new_at IS NOT NULL"
				     " AND fail_count = 0"),
		1);
	check_planned(&w);

	/* Later on, what has no date is news. */
	GIVE(&w, "\"2\"", {"auch ohne", "4", "Auch ohne Datum", NULL, UNDATED});
	poll(&w);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM post WHERE NOT archive"), 2);
	world_fini(&w);
}

/* Ids are the order of all pages: a first connect takes its place, what comes later is new. */
static void
test_ids(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "/ids");
	(void)SQL_TEXT(&w, "INSERT INTO post (id, account, state, content_hash, title, html, "
			   "text, language,"
			   " published_at) SELECT litfass_id(now() - interval '90 minutes'), "
			   "id, 'published',"
			   " '', 'dazwischen', '', '', 'de', now() FROM account");
	/* The clock of a source may be ahead of ours, but not of what follows. */
	GIVE(&w, NULL, {"1", "1", "vor einer Stunde", NULL, HOUR_S},
		{"2", "2", "vor zwei", NULL, 2 * HOUR_S}, {"3", "3", "gleich", NULL, -120});
	poll(&w);
	GIVE(&w, NULL, {"4", "4", "neu", NULL, 3 * HOUR_S});
	poll(&w);
	assert_string_equal(SQL_TEXT(&w, "SELECT string_agg(title, ', ' ORDER BY id) FROM post"
					 " WHERE state = 'published'"),
		"vor zwei, dazwischen, vor einer Stunde, gleich, neu");
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM record_entry WHERE NOT archive"), 4);
	world_fini(&w);
}

static void
test_not_modified(void **state)
{
	struct world w;
	int64_t before;

	(void)state;
	world_init(&w, "/same");
	GIVE(&w, "W/\"v 1\"", {"1", "1", "Eins", NULL, HOUR_S});
	poll(&w);
	assert_string_equal(site_header(site, w.path, "If-None-Match"), "");
	before = SQL_INT(&w, "SELECT interval_s FROM source");
	poll(&w);
	assert_string_equal(site_header(site, w.path, "If-None-Match"), "W/\"v 1\"");
	assert_int_equal(site_count(site, w.path), 2);
	assert_int_equal(entries(&w, "create"), 1);
	assert_int_equal(entries(&w, "update"), 0);
	assert_string_equal(SQL_TEXT(&w, "SELECT etag FROM source"), "W/\"v 1\"");
	assert_true(SQL_INT(&w, "SELECT interval_s FROM source") > before);
	check_planned(&w);
	world_fini(&w);
}

/* Validators that neither the database nor a request would take: the page is read all the same.
 */
static void
test_unusable_validators(void **state)
{
	const struct site_answer answer = {.status = 200,
		.type = "application/rss+xml",
		.etag = "\"\xe4\"",
		.headers = "Last-Modified: gestern, am fr\xfchen Abend\r\n"};
	struct site_answer full = answer;
	struct world w;

	(void)state;
	world_init(&w, "/latin1");
	full.body = feed_of(w.a, &(const struct item){"1", "1", "Eins", NULL, HOUR_S}, 1);
	site_give(site, w.path, &full);
	for (int i = 0; i < 2; i++) {
		poll(&w);
		assert_string_equal(site_header(site, w.path, "If-None-Match"), "");
		assert_string_equal(site_header(site, w.path, "If-Modified-Since"), "");
	}
	assert_int_equal(posts(&w), 1);
	assert_string_equal(SQL_TEXT(&w, "SELECT etag || last_modified FROM source"), "");
	assert_string_equal(SQL_TEXT(&w, "SELECT health FROM source"), "ok");
	world_fini(&w);
}

static void
test_edit(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "/edit");
	GIVE(&w, NULL, {"1", "1", "Eins", NULL, HOUR_S}, {"2", "2", "Zwei", NULL, 2 * DAY_S});
	poll(&w);
	GIVE(&w, NULL, {"1", "1", "Eins, berichtigt", NULL, HOUR_S / 2},
		{"2", "2", "Zwei, berichtigt", NULL, HOUR_S});
	for (int i = 0; i < 3; i++)
		poll(&w);
	assert_int_equal(posts(&w), 2);
	assert_int_equal(entries(&w, "update"), 2);
	assert_int_equal(
		SQL_INT(&w, "SELECT count(*) FROM post WHERE revision = 2"
			    " AND title LIKE '%%, berichtigt' AND edited_at IS NOT NULL"),
		2);
	/* The time of publication stays, and an archive stays one. */
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM post"
				     " WHERE published_at < now() - interval '59 minutes'"),
		2);
	assert_int_equal(
		SQL_INT(&w,
			"SELECT count(*) FROM record_entry WHERE kind = 'update' AND archive"),
		1);
	assert_int_equal(
		SQL_INT(&w,
			"SELECT count(*) FROM record_entry e JOIN record_content c"
			" USING (hub, epoch, seq) WHERE e.kind = 'update' AND e.revision = 2"
			" AND convert_from(c.content, 'UTF8') LIKE '%%berichtigt%%'"),
		2);
	world_fini(&w);
}

static void
test_vanished(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "/window");
	GIVE(&w, NULL, {"1", "1", "Eins", NULL, HOUR_S}, {"2", "2", "Zwei", NULL, 2 * HOUR_S});
	poll(&w);
	GIVE(&w, NULL, {"3", "3", "Drei", NULL, HOUR_S / 2});
	poll(&w);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM post WHERE state = 'published'"), 3);
	assert_int_equal(entries(&w, "delete"), 0);
	world_fini(&w);
}

#define ATOM(inner)                                                                            \
	"<feed xmlns='http://www.w3.org/2005/Atom'"                                            \
	" xmlns:at='http://purl.org/atompub/tombstones/1.0'><title>T</title>" inner "</feed>"
#define ENTRY(id, title)                                                                       \
	"<entry><id>" id "</id><title>" title "</title><link href='https://feed.example/" id   \
	"'/><updated>2020-01-01T10:00:00Z</updated></entry>"
#define TOMB(id) "<at:deleted-entry ref='" id "' when='2026-03-01T10:00:00Z'/>"

static void
test_deleted(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "/tomb");
	give(w.path, SPAN(ATOM(ENTRY("a", "A") ENTRY("b", "B"))), NULL);
	poll(&w);
	give(w.path, SPAN(ATOM(TOMB("a") TOMB("never seen") ENTRY("b", "B"))), NULL);
	for (int i = 0; i < 2; i++)
		poll(&w);
	assert_string_equal(
		SQL_TEXT(&w, "SELECT state FROM post WHERE remote_id = 'a'"), "withdrawn");
	assert_int_equal(posts(&w), 2);
	assert_int_equal(entries(&w, "delete"), 1);
	assert_int_equal(SQL_INT(&w, "SELECT posts FROM account_count"), 1);
	/* It never comes back. */
	give(w.path, SPAN(ATOM(ENTRY("a", "A, wieder da") ENTRY("b", "B"))), NULL);
	poll(&w);
	assert_string_equal(
		SQL_TEXT(&w, "SELECT state FROM post WHERE remote_id = 'a'"), "withdrawn");
	assert_int_equal(posts(&w), 2);
	world_fini(&w);
}

/* Withdrawn by the source while its picture was on the way: nobody ever hears of it. */
static void
test_deleted_while_held(void **state)
{
	struct world w;
	struct span feed;

	(void)state;
	world_init(&w, "/held");
	feed = arena_printf(w.a,
		ATOM("<entry><id>a</id><title>A</title><updated>%s</updated>"
		     "<content type='html'>&lt;img "
		     "src='https://feed.example/a.jpg'/&gt;</content>"
		     "</entry>"),
		time_rfc3339(w.a, clock_us() - HOUR_S * US_PER_S).p);
	give(w.path, feed, NULL);
	poll(&w);
	assert_string_equal(
		SQL_TEXT(&w, "SELECT state || ' ' || reason FROM post"), "held media");
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM job WHERE kind = 'media'"
				     " AND host = 'feed.example'"),
		1);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM record_entry"), 0);
	give(w.path, SPAN(ATOM(TOMB("a"))), NULL);
	poll(&w);
	assert_string_equal(SQL_TEXT(&w, "SELECT state FROM post"), "withdrawn");
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM record_entry"), 0);
	assert_int_equal(SQL_INT(&w, "SELECT posts FROM account_count"), 0);
	world_fini(&w);
}

/* An edit of what is still held is not lost, though the server says "not modified" then. */
static void
test_edit_while_held(void **state)
{
	static const char picture[] = "&lt;img src='https://feed.example/a.jpg'&gt;";
	struct world w;

	(void)state;
	world_init(&w, "/held-edit");
	GIVE(&w, "\"1\"", {"1", "1", "Eins", picture, HOUR_S});
	poll(&w);
	GIVE(&w, "\"2\"", {"1", "1", "Eins, berichtigt", picture, HOUR_S});
	poll(&w);
	assert_string_equal(
		SQL_TEXT(&w, "SELECT state || ' ' || title FROM post"), "held Eins");
	assert_string_equal(SQL_TEXT(&w, "SELECT etag FROM source"), "");
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM source"
				     " WHERE next_poll_at < now() + interval '2 minutes'"),
		1);
	(void)SQL_TEXT(&w, "UPDATE post SET state = 'published', reason = NULL");
	poll(&w);
	assert_string_equal(SQL_TEXT(&w, "SELECT title FROM post"), "Eins, berichtigt");
	assert_string_equal(SQL_TEXT(&w, "SELECT etag FROM source"), "\"2\"");
	world_fini(&w);
}

static void
test_embargo(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "/embargo");
	GIVE(&w, "\"1\"", {"1", "1", "Morgen", NULL, -HOUR_S / 2},
		{"2", "2", "Heute", NULL, HOUR_S});
	poll(&w);
	assert_string_equal(SQL_TEXT(&w, "SELECT string_agg(title, ',') FROM post"), "Heute");
	/* Asked for in full again, and at the time that was said. */
	assert_string_equal(SQL_TEXT(&w, "SELECT etag FROM source"), "");
	(void)SQL_TEXT(&w, "UPDATE source SET interval_s = 40000");
	poll(&w);
	assert_string_equal(site_header(site, w.path, "If-None-Match"), "");
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM source"
				     " WHERE next_poll_at < now() + interval '35 minutes'"),
		1);
	GIVE(&w, "\"1\"", {"1", "1", "Morgen", NULL, 1}, {"2", "2", "Heute", NULL, HOUR_S});
	poll(&w);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM post WHERE NOT archive"), 2);
	assert_string_equal(SQL_TEXT(&w, "SELECT etag FROM source"), "\"1\"");
	world_fini(&w);
}

static void
test_duplicates(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "/dup");
	GIVE(&w, NULL, {"0", "1", "Eins", NULL, HOUR_S}, {"0", "2", "Zwei", NULL, HOUR_S},
		{"0", "3", "Drei", NULL, HOUR_S}, {NULL, NULL, "Vier", NULL, UNDATED});
	for (int i = 0; i < 2; i++)
		poll(&w);
	assert_int_equal(posts(&w), 4);
	assert_int_equal(entries(&w, "create"), 4);
	/* The CMS learns to give ids: the links still tell who is who. */
	GIVE(&w, NULL, {"a", "1", "Eins", NULL, HOUR_S}, {"b", "2", "Zwei", NULL, HOUR_S},
		{"c", "3", "Drei", NULL, HOUR_S});
	poll(&w);
	assert_int_equal(posts(&w), 4);
	assert_int_equal(entries(&w, "update"), 0);
	/* And then the ids tell, when the site is rebuilt and all links are new. */
	GIVE(&w, NULL, {"a", "neu/1", "Eins!", NULL, HOUR_S},
		{"b", "neu/2", "Zwei!", NULL, HOUR_S});
	poll(&w);
	assert_int_equal(posts(&w), 4);
	assert_int_equal(entries(&w, "update"), 2);
	world_fini(&w);
}

/* Two items, chunks apart, that mean one post: it does not swing to and fro at every poll. */
static void
test_two_for_one(void **state)
{
	const size_t n = 450;
	struct item *items, *first, *last;
	struct world w;

	(void)state;
	world_init(&w, "/two");
	items = many_items(w.a, n);
	first = &items[0];
	last = &items[n - 1];
	give_items(&w, first, 1, NULL);
	poll(&w);
	first->link = "elsewhere"; /* known by its id */
	last->link = "0";          /* known by the link of the other */
	give_items(&w, items, n, NULL);
	for (int i = 0; i < 3; i++)
		poll(&w);
	assert_int_equal(posts(&w), n - 1);
	assert_int_equal(entries(&w, "update"), 1);
	world_fini(&w);
}

/* Long texts: a transaction holds fewer of them. */
static void
test_heavy_chunks(void **state)
{
	struct item *items;
	struct world w;
	char *text;

	(void)state;
	world_init(&w, "/heavy");
	text = arena_alloc(w.a, 250001);
	for (int i = 0; i < 250000; i++)
		text[i] = i % 8 ? 'x' : ' ';
	items = many_items(w.a, 30);
	for (int i = 0; i < 30; i++)
		items[i].body = text;
	give_items(&w, items, 30, NULL);
	poll(&w);
	assert_int_equal(posts(&w), 30);
	assert_int_equal(SQL_INT(&w, "SELECT count(DISTINCT xmin::text) FROM post"), 4);
	world_fini(&w);
}

/* Bytes of a stranger's answer that no text may hold do not keep its failure from being booked.
 */
static void
test_raw_bytes(void **state)
{
	static const struct site_answer odd = {
		.status = 302, .headers = "Location: ftp://h\xe4user.example/\xff\x01\r\n"};
	struct world w;

	(void)state;
	world_init(&w, "/raw");
	site_give(site, w.path, &odd);
	poll_fails(&w);
	assert_int_equal(
		SQL_INT(&w, "SELECT count(*) FROM source WHERE fail_count = 1"
			    " AND health = 'degraded' AND health_text LIKE '%%user%%'"),
		1);
	check_planned(&w);
	world_fini(&w);
}

static void
test_quarantine(void **state)
{
	struct world w;
	char *text;

	(void)state;
	world_init(&w, "/bad");
	text = arena_alloc(w.a, 300001);
	memset(text, 'x', 300000);
	GIVE(&w, NULL, {"1", "1", "Gut", NULL, HOUR_S}, {"2", "2", "Schlecht", text, HOUR_S});
	for (int i = 0; i < 2; i++)
		poll(&w);
	assert_string_equal(SQL_TEXT(&w, "SELECT string_agg(title, ',') FROM post"), "Gut");
	assert_string_equal(SQL_TEXT(&w, "SELECT item_key FROM quarantine"), "2");
	assert_string_equal(SQL_TEXT(&w, "SELECT health FROM source"), "degraded");
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM source WHERE health_text"
				     " LIKE '1 of 2 items cannot be read: %%'"),
		1);
	/* The newest are kept, not all there ever were. */
	(void)SQL_TEXT(&w,
		"INSERT INTO quarantine (source, item_key, raw, error, at)"
		" SELECT id, 'alt ' || n, '', '', now() - n * interval '1 hour'"
		"   FROM source, generate_series(1, %d) n",
		QUARANTINE_MAX);
	poll(&w);
	assert_string_equal(
		SQL_TEXT(&w, "SELECT concat_ws(' ', count(*), count(*) FILTER (WHERE item_key"
			     " = '2'), max(substr(item_key, 5)::int) FILTER (WHERE item_key"
			     " LIKE 'alt %%')) FROM quarantine"),
		arena_printf(w.a, "%d 1 %d", QUARANTINE_MAX, QUARANTINE_MAX - 1).p);
	(void)SQL_TEXT(&w, "DELETE FROM quarantine WHERE item_key <> '2'");
	GIVE(&w, NULL, {"1", "1", "Gut", NULL, HOUR_S}, {"2", "2", "Nun gut", NULL, HOUR_S});
	poll(&w);
	assert_int_equal(posts(&w), 2);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM quarantine"), 0);
	assert_string_equal(SQL_TEXT(&w, "SELECT health FROM source"), "ok");
	world_fini(&w);
}

/* The second of three chunks fails, as if the program had died there. */
static void
test_crash_between_chunks(void **state)
{
	const size_t n = 450;
	struct world w;

	(void)state;
	world_init(&w, "/crash");
	give_items(&w, many_items(w.a, n), n, "\"1\"");
	(void)SQL_TEXT(&w,
		"CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
		" IF (SELECT count(*) FROM post) > 250 THEN RAISE EXCEPTION 'died'; END IF;"
		" RETURN NEW; END $$");
	(void)SQL_TEXT(&w,
		"CREATE TRIGGER die BEFORE INSERT ON post FOR EACH ROW EXECUTE FUNCTION die()");
	poll_fails(&w);
	assert_int_equal(posts(&w), 200);
	assert_int_equal(entries(&w, "create"), 200);
	/* Nothing of the page counts as read. */
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM source WHERE etag IS NULL"
				     " AND connected_at IS NULL AND fail_count = 0"),
		1);
	(void)SQL_TEXT(&w, "DROP TRIGGER die ON post");
	poll(&w);
	assert_int_equal(posts(&w), n);
	assert_int_equal(SQL_INT(&w, "SELECT count(DISTINCT remote_id) FROM post"), n);
	assert_int_equal(entries(&w, "create"), n);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM record_entry WHERE archive"), n);
	assert_string_equal(SQL_TEXT(&w, "SELECT etag FROM source"), "\"1\"");
	check_planned(&w);
	world_fini(&w);
}

/* Two with the same lease, and one whose lease went to somebody else. */
static void
test_race(void **state)
{
	const size_t n = 450;
	struct hubrun_end ends[2];
	struct job jobs[2];
	struct world w;

	(void)state;
	world_init(&w, "/race");
	give_items(&w, many_items(w.a, n), n, NULL);
	jobs[0] = jobs[1] = hubrun_claim(w.a, w.dsn, "poll", w.source);
	poll_jobs(&w, jobs, 2, ends);
	/* Whoever lost gave up, or put the job back: then the page is read once more. */
	if (posts(&w) != (int64_t)n)
		poll(&w);
	assert_int_equal(posts(&w), n);
	assert_int_equal(entries(&w, "create"), n);
	assert_int_equal(entries(&w, "update"), 0);

	give_items(&w, &(const struct item){"neu", "neu", "Neu", NULL, HOUR_S}, 1, NULL);
	jobs[0].token = SPAN("00000000-0000-4000-8000-000000000000");
	poll_jobs(&w, jobs, 1, ends);
	assert_true(ends[0].failed);
	assert_int_equal(posts(&w), n);
	assert_int_equal(SQL_INT(&w, "SELECT fail_count FROM source"), 0);
	world_fini(&w);
}

/*
 * The program stops in the middle: the job is given back as if it had not begun, or the chunk
 * that was being committed is there; the next poll brings what is missing and nothing twice.
 */
static void
test_stopped(void **state)
{
	const size_t n = 250; /* two chunks */
	static const struct {
		const char *at, *table;
		bool rows; /* it stands before rows of the table, in the middle of a commit */
		int64_t posts;
	} cases[] = {
		{" poll_ask waits for db", "source", false, 0},
		{" poll_read waits for http", NULL, false, 0},
		{" chunk_known waits for db", "post", false, 0},
		{" chunk_done waits for db", "record_head", true, 200},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct hubrun_stop stop = {.at = cases[i].at};
		struct hubrun_end end;
		struct world w;
		struct job j;

		world_init(&w, "/stopped");
		give_items(&w, many_items(w.a, n), n, NULL);
		if (!cases[i].table)
			(void)SQL_TEXT(&w, "UPDATE source SET url = '%s'", hubrun_mute());
		j = hubrun_claim(w.a, w.dsn, "poll", w.source);
		if (cases[i].table)
			stop.hang = cases[i].rows ? hang_rows(w.dsn, cases[i].table)
						  : hang_table(w.dsn, cases[i].table);
		poll_jobs_until(&w, &j, 1, &end, &stop);
		assert_int_equal(end.kind, ERR_STOPPED);
		if (!cases[i].table)
			(void)SQL_TEXT(
				&w, "UPDATE source SET url = '%s%s'", site_base(site), w.path);
		assert_int_equal(
			SQL_INT(&w, "SELECT count(*) FROM job WHERE kind = 'poll' AND state ="
				    " 'ready' AND attempt = 0 AND run_at <= now()"),
			1);
		assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM source WHERE health = 'new'"
					     " AND fail_count = 0"),
			1);
		assert_int_equal(posts(&w), cases[i].posts);
		poll(&w);
		assert_int_equal(posts(&w), n);
		assert_int_equal(entries(&w, "create"), n);
		assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM record_entry"), n);
		check_planned(&w);
		world_fini(&w);
	}
}

static void
test_failures(void **state)
{
	static const struct {
		int status;
		const char *headers, *health, *says;
		int64_t least_s, most_s; /* until the next poll */
	} steps[] = {
		{500, NULL, "degraded", "answered 500", 54, 66},
		{0, NULL, "degraded", "127.0.0.1", 108, 132},
		{401, NULL, "auth_needed", "answered 401", 19440, 23760},
		{429, "Retry-After: 900\r\n", "paused_quota", "answered 429", 899, 901},
		{410, NULL, "gone", "answered 410", 77760, 95040},
	};
	struct world w;

	(void)state;
	world_init(&w, "/fails");
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		const struct site_answer answer = {
			.status = steps[i].status, .headers = steps[i].headers};
		int64_t wait;

		site_give(site, w.path, &answer);
		poll_fails(&w);
		assert_string_equal(SQL_TEXT(&w, "SELECT health FROM source"), steps[i].health);
		if (!strstr(SQL_TEXT(&w, "SELECT health_text FROM source"), steps[i].says))
			check_fail("%s", SQL_TEXT(&w, "SELECT health_text FROM source"));
		assert_int_equal(SQL_INT(&w, "SELECT fail_count FROM source"), i + 1);
		wait = SQL_INT(
			&w, "SELECT extract(epoch FROM run_at - now())::bigint FROM job");
		if (wait < steps[i].least_s - 5 || wait > steps[i].most_s)
			check_fail("after %d: %" PRId64 " s", steps[i].status, wait);
	}
	GIVE(&w, NULL, {"1", "1", "Eins", NULL, HOUR_S});
	poll(&w);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM source WHERE health = 'ok'"
				     " AND health_text IS NULL AND fail_count = 0"),
		1);
	assert_int_equal(posts(&w), 1);

	/* What is no feed at all leaves everything as it is. */
	give(w.path, SPAN("<!doctype html><html><body>Wartung</body></html>"), "\"html\"");
	poll_fails(&w);
	assert_string_equal(SQL_TEXT(&w, "SELECT health FROM source"), "ok");
	assert_int_equal(SQL_INT(&w, "SELECT fail_count FROM source"), 1);
	assert_string_equal(SQL_TEXT(&w, "SELECT coalesce(etag, '') FROM source"), "");
	assert_int_equal(posts(&w), 1);
	world_fini(&w);
}

/* What the database refuses or is too slow for is not the source's fault. */
static void
test_our_trouble(void **state)
{
	static const char *const codes[] = {"57014", "55P03", "XX000"};
	struct world w;

	(void)state;
	world_init(&w, "/trouble");
	GIVE(&w, "\"1\"", {"1", "1", "Eins", NULL, HOUR_S});
	(void)SQL_TEXT(&w, "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
			   " RAISE EXCEPTION 'no' USING ERRCODE = TG_ARGV[0]; END $$");
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		(void)SQL_TEXT(&w,
			"CREATE TRIGGER fail BEFORE INSERT ON post FOR EACH ROW"
			" EXECUTE FUNCTION fail('%s')",
			codes[i]);
		poll_fails(&w);
		(void)SQL_TEXT(&w, "DROP TRIGGER fail ON post");
		assert_string_equal(
			SQL_TEXT(&w, "SELECT concat_ws(' ', health, health_text, fail_count)"
				     " FROM source"),
			"new 0");
		assert_int_equal(SQL_INT(&w,
					 "SELECT count(*) FROM job WHERE state = 'ready'"
					 " AND run_at < now() + interval '10 s'"
					 " AND error LIKE '%%%s%%'",
					 codes[i]),
			1);
	}
	poll(&w);
	assert_int_equal(posts(&w), 1);
	world_fini(&w);
}

static void
test_moved(void **state)
{
	const struct site_answer away = {.status = 301, .headers = "Location: /new\r\n"};
	struct world w;
	char *old;

	(void)state;
	world_init(&w, "/old");
	old = xstrdup(SQL_TEXT(&w, "SELECT url FROM source"));
	site_give(site, "/old", &away);
	give("/new", feed_of(w.a, &(const struct item){"1", "1", "Eins", NULL, HOUR_S}, 1),
		NULL);
	/* Twice on one day is once. */
	for (int i = 0; i < 2; i++) {
		poll(&w);
		assert_string_equal(SQL_TEXT(&w, "SELECT url FROM source"), old);
		assert_non_null(strstr(SQL_TEXT(&w, "SELECT moved_to FROM source"), "/new"));
	}
	(void)SQL_TEXT(&w, "UPDATE source SET moved_at = moved_at - interval '25 hours'");
	poll(&w);
	assert_non_null(strstr(SQL_TEXT(&w, "SELECT url FROM source"), "/new"));
	assert_string_equal(SQL_TEXT(&w, "SELECT coalesce(moved_to, '') FROM source"), "");
	poll(&w);
	assert_int_equal(site_count(site, "/old"), 3);
	assert_int_equal(site_count(site, "/new"), 4);
	assert_int_equal(posts(&w), 1);
	free(old);
	world_fini(&w);
}

/* ---- older pages ---- */

static void
give_page(struct world *w, const char *path, const char *guid, int64_t age_s, const char *next)
{
	const struct item it = {guid, guid, guid, NULL, age_s};
	struct buf b;

	buf_init(&b, 65536);
	buf_lit(&b, "<rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom'><channel>");
	if (next)
		buf_printf(&b, "<atom:link rel='next' href='%s'/>", next);
	put_item(w->a, &b, &it);
	buf_lit(&b, "</channel></rss>");
	give(path, arena_dup(w->a, buf_span(&b)), NULL);
	buf_fini(&b);
}

static void
give_status(const char *path, int status)
{
	const struct site_answer answer = {.status = status};

	site_give(site, path, &answer);
}

/* The next older page is due, and the newest items are not. */
static struct hubrun_end
poll_older(struct world *w)
{
	(void)SQL_TEXT(w, "UPDATE source SET backfill_at = now() - interval '1 s'");
	return poll_once(w);
}

static const char *
backfill(struct world *w)
{
	return SQL_TEXT(w, "SELECT concat_ws(' ', coalesce(regexp_replace(backfill_url,"
			   " '^http://[^/]*', ''), '-'), backfill_pages, backfill_fails)"
			   " FROM source");
}

/* Also what stands on the pages behind the first one has its place and is archive. */
static void
test_older_pages(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "/pages");
	give_page(&w, "/pages", "eins", HOUR_S, "/pages?2");
	give_page(&w, "/pages?2", "zwei", 2 * HOUR_S, "/pages?3");
	give_page(&w, "/pages?3", "drei", UNDATED, NULL);
	poll(&w);
	assert_string_equal(backfill(&w), "/pages?2 0 0");
	/* A job of its own, soon; the first page is not due before its time. */
	assert_int_equal(
		SQL_INT(&w, "SELECT count(*) FROM job WHERE kind = 'poll'"
			    " AND state = 'ready' AND run_at <= now() + interval '1 s'"),
		1);
	assert_false(poll_older(&w).failed);
	assert_string_equal(backfill(&w), "/pages?3 1 0");
	assert_false(poll_older(&w).failed);
	assert_string_equal(backfill(&w), "- 2 0");
	check_planned(&w);
	assert_int_equal(site_count(site, "/pages"), 1);
	assert_string_equal(
		SQL_TEXT(&w, "SELECT string_agg(title || CASE WHEN archive THEN ' archive'"
			     " ELSE '' END, ', ' ORDER BY title) FROM post"),
		"drei archive, eins, zwei");
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM post"
				     " WHERE id >> 16 < extract(epoch FROM now()"
				     "       - interval '119 minutes') * 1000"),
		1);
	assert_int_equal(entries(&w, "create"), 3);
	/* A feed that is known has no more to tell of the past. */
	poll(&w);
	assert_string_equal(backfill(&w), "- 2 0");
	world_fini(&w);
}

/* What fails there is tried again; the newest items come meanwhile, and first. */
static void
test_older_fails(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "/trouble-behind");
	give_page(&w, w.path, "eins", HOUR_S, "/behind");
	give_status("/behind", 500);
	poll(&w);
	assert_true(poll_older(&w).failed);
	assert_string_equal(backfill(&w), "/behind 0 1");
	assert_string_equal(
		SQL_TEXT(&w, "SELECT concat_ws(' ', health, fail_count, health_text)"
			     " FROM source"),
		"ok 0");
	assert_int_equal(
		SQL_INT(&w,
			"SELECT count(*) FROM source s, job j WHERE j.run_at = s.backfill_at"
			" AND s.backfill_error LIKE '%%answered 500%%'"
			" AND j.run_at BETWEEN now() + interval '50 s' AND now() + interval "
			"'70 s'"),
		1);
	/* Both are due. */
	give_page(&w, w.path, "neu", 60, NULL);
	(void)SQL_TEXT(&w, "UPDATE source SET next_poll_at = now()");
	assert_false(poll_older(&w).failed);
	assert_string_equal(
		SQL_TEXT(&w, "SELECT string_agg(title, ', ' ORDER BY title) FROM post"),
		"eins, neu");
	/* While the source itself fails, the rest waits with it. */
	give_status(w.path, 500);
	(void)SQL_TEXT(&w, "UPDATE source SET next_poll_at = now()");
	assert_true(poll_older(&w).failed);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM source"
				     " WHERE fail_count = 1 AND backfill_at = next_poll_at"),
		1);
	(void)SQL_TEXT(&w, "UPDATE source SET next_poll_at = now() + interval '1 hour'");
	give_page(&w, "/behind", "alt", 3 * DAY_S, "/hole");
	assert_false(poll_older(&w).failed);
	assert_string_equal(backfill(&w), "/hole 1 0");
	/* The feed itself has named it. */
	assert_true(poll_older(&w).failed);
	assert_string_equal(backfill(&w), "/hole 1 1");
	give_page(&w, "/hole", "noch älter", 4 * DAY_S, "/gone?paged=4");
	assert_false(poll_older(&w).failed);
	assert_string_equal(backfill(&w), "/gone?paged=4 2 0");
	/* The end of what is counted up. */
	assert_true(poll_older(&w).failed);
	assert_string_equal(backfill(&w), "- 2 1");
	assert_string_equal(
		SQL_TEXT(&w, "SELECT coalesce(backfill_error, '') FROM source"), "");
	assert_int_equal(posts(&w), 4);
	check_planned(&w);
	world_fini(&w);
}

static void
ask_busy(struct db_batch *b, void *ctx)
{
	const struct world *w = ctx;

	(void)source_busy(b, &w->source, 1);
}

static void
read_busy(const struct db_batch *b, void *ctx)
{
	int64_t n;

	(void)ctx;
	assert_true(db_one_int(b, 0, &n));
	assert_int_equal(n, 1);
}

/* Whoever waits for a poll waits also while our own trouble puts it off. */
static void
test_busy(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "/busy");
	dbrun_ok(w.dsn, ask_busy, read_busy, &w);
	(void)SQL_TEXT(&w, "UPDATE job SET run_at = now() + interval '20 s', attempt = 1");
	dbrun_ok(w.dsn, ask_busy, read_busy, &w);
	world_fini(&w);
}

static void
older_again(struct db_batch *b, void *ctx)
{
	const struct world *w = ctx;

	source_poll_now(b, w->source);
	source_poll_older(b, w->source);
}

static void
ask_status(struct db_batch *b, void *ctx)
{
	(void)ctx;
	(void)status_read(b);
}

static void
read_status(const struct db_batch *b, void *ctx)
{
	check_ok(b->arena, status_row(b, 0, ctx));
}

/* Pages that were given up are told of, and read when somebody asks for them. */
static void
test_older_again(void **state)
{
	struct world w;
	struct status s;

	(void)state;
	world_init(&w, "/given-up");
	give_page(&w, w.path, "eins", HOUR_S, "/given-up/2");
	give_status("/given-up/2", 500);
	poll(&w);
	(void)SQL_TEXT(&w, "UPDATE source SET backfill_fails = 9");
	assert_true(poll_older(&w).failed);
	assert_string_equal(backfill(&w), "- 0 10");
	dbrun_ok(w.dsn, ask_status, read_status, &s);
	assert_int_equal(s.sources_ill, 0);
	assert_int_equal(s.sources_lacking, 1);

	give_page(&w, "/given-up/2", "zwei", 2 * DAY_S, NULL);
	dbrun_ok(w.dsn, older_again, NULL, &w);
	/* The newest items, then the same page as an older one, then the one behind it. */
	poll(&w);
	assert_string_equal(backfill(&w), "/given-up 0 0");
	for (int i = 0; i < 2; i++)
		assert_false(poll_older(&w).failed);
	assert_string_equal(backfill(&w), "- 2 0");
	assert_int_equal(posts(&w), 2);
	assert_int_equal(entries(&w, "update"), 0);
	dbrun_ok(w.dsn, ask_status, read_status, &s);
	assert_int_equal(s.sources_lacking, 0);
	world_fini(&w);
}

/* What has to wait on an older page is not lost with it, and holds nothing up. */
static void
test_older_waits(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "/waiting-behind");
	give_page(&w, w.path, "eins", HOUR_S, "/waiting");
	give_page(&w, "/waiting", "bald", -HOUR_S, "/waiting/3");
	give_page(&w, "/waiting/3", "alt", 3 * DAY_S, NULL);
	poll(&w);
	assert_false(poll_older(&w).failed);
	assert_string_equal(backfill(&w), "/waiting/3 1 0");
	assert_false(poll_older(&w).failed);
	assert_string_equal(backfill(&w), "/waiting-behind 0 0");
	assert_int_equal(posts(&w), 2);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM source WHERE backfill_at"
				     " BETWEEN now() + interval '59 min' AND now() + interval"
				     " '61 min' AND backfill_error IS NOT NULL"),
		1);
	/* Until then it has gone further back. */
	give_page(&w, "/waiting", "zwei", 2 * DAY_S, "/waiting/3");
	give_page(&w, "/waiting/3", "bald", 60, NULL);
	for (int i = 0; i < 3; i++)
		assert_false(poll_older(&w).failed);
	assert_string_equal(backfill(&w), "- 3 0");
	assert_string_equal(
		SQL_TEXT(&w, "SELECT string_agg(title, ' ' ORDER BY title) FROM post"
			     " WHERE state = 'published'"),
		"alt bald eins zwei");
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM source WHERE backfill_error IS NULL"
				     " AND backfill_again_at IS NULL"),
		1);
	world_fini(&w);
}

/* New items have pushed known ones onto the next page: what is behind it is still to be read.
 */
static void
test_older_moved_on(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "/moved-on");
	give_page(&w, w.path, "b", 2 * HOUR_S, "/moved-on?2");
	poll(&w);
	give_page(&w, w.path, "c", 3 * HOUR_S, NULL);
	poll(&w);
	give_page(&w, "/moved-on?2", "c", 3 * HOUR_S, "/moved-on?3");
	give_page(&w, "/moved-on?3", "d", 3 * DAY_S, NULL);
	assert_false(poll_older(&w).failed);
	assert_string_equal(backfill(&w), "/moved-on?3 1 0");
	assert_false(poll_older(&w).failed);
	assert_int_equal(posts(&w), 3);
	world_fini(&w);
}

/* Many items share a link, here one on each page: they are not one. */
static void
test_older_alias(void **state)
{
	const struct item newer = {"1", "stellen", "Neue Stelle", NULL, HOUR_S},
			  older = {"2", "stellen", "Alte Stelle", NULL, 30 * DAY_S};
	struct world w;

	(void)state;
	world_init(&w, "/shared");
	give_page(&w, w.path, "x", HOUR_S, "/shared?2");
	poll(&w);
	give_items(&w, &newer, 1, NULL);
	poll(&w);
	give("/shared?2", feed_of(w.a, &older, 1), NULL);
	assert_false(poll_older(&w).failed);
	assert_string_equal(
		SQL_TEXT(&w, "SELECT string_agg(title, ', ' ORDER BY title) FROM post"),
		"Alte Stelle, Neue Stelle, x");
	assert_int_equal(entries(&w, "update"), 0);
	world_fini(&w);
}

/* A page that brings the worker down is not read a third time; the newest items go on. */
static void
test_older_cursed(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "/cursed");
	give_page(&w, w.path, "eins", HOUR_S, "/cursed?2");
	poll(&w);
	(void)SQL_TEXT(&w, "UPDATE job SET crashes = 2 WHERE kind = 'poll'");
	assert_true(poll_older(&w).failed);
	assert_string_equal(backfill(&w), "- 0 1");
	assert_int_equal(site_count(site, "/cursed?2"), 0);
	assert_int_equal(
		SQL_INT(&w, "SELECT count(*) FROM source"
			    " WHERE backfill_error LIKE '%%brought the program down%%'"),
		1);
	check_planned(&w);
	world_fini(&w);
}

/* A server that knows no pages answers with the same one: that is the end, not a circle. */
static void
test_older_repeats(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "/wordpress");
	give(w.path,
		arena_printf(w.a,
			"<rss "
			"version='2.0'><channel><generator>https://wordpress.org/?v=6.8</"
			"generator>"
			"<item><guid>a</guid><title>A</title></item></channel></rss>"),
		NULL);
	poll(&w);
	assert_string_equal(backfill(&w), "/wordpress?paged=2 0 0");
	assert_false(poll_older(&w).failed);
	assert_string_equal(backfill(&w), "- 1 0");
	assert_int_equal(site_count(site, w.path), 2);
	assert_int_equal(posts(&w), 1);
	check_planned(&w);
	world_fini(&w);
}

/* The program dies while an older page is written: it is read again, and nothing twice. */
static void
test_older_crash(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "/older-crash");
	give_page(&w, w.path, "eins", HOUR_S, "/older-crash?2");
	give_page(&w, "/older-crash?2", "zwei", 2 * DAY_S, NULL);
	poll(&w);
	(void)SQL_TEXT(&w, "UPDATE source SET backfill_at = now() - interval '1 s'");
	(void)SQL_TEXT(&w, "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
			   " RAISE EXCEPTION 'died'; END $$");
	(void)SQL_TEXT(&w, "CREATE TRIGGER die BEFORE UPDATE ON source FOR EACH ROW EXECUTE "
			   "FUNCTION die()");
	poll_fails(&w);
	assert_int_equal(posts(&w), 1);
	assert_string_equal(backfill(&w), "/older-crash?2 0 0");
	(void)SQL_TEXT(&w, "DROP TRIGGER die ON source");
	assert_false(poll_older(&w).failed);
	assert_string_equal(backfill(&w), "- 1 0");
	assert_int_equal(posts(&w), 2);
	assert_int_equal(entries(&w, "create"), 2);
	check_planned(&w);
	world_fini(&w);
}

/* Somebody asks for the newest items while older ones are read. */
static void
poll_now(struct db_batch *b, void *ctx)
{
	source_poll_now(b, ((const struct world *)ctx)->source);
}

static void
test_older_and_asked(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "/asked");
	give_page(&w, w.path, "eins", HOUR_S, "/asked?2");
	give_page(&w, "/asked?2", "zwei", 2 * DAY_S, NULL);
	poll(&w);
	give_page(&w, w.path, "neu", 60, NULL);
	dbrun_ok(w.dsn, poll_now, NULL, &w);
	assert_false(poll_older(&w).failed);
	assert_string_equal(backfill(&w), "/asked?2 0 0");
	assert_int_equal(posts(&w), 2);
	assert_false(poll_older(&w).failed);
	assert_int_equal(posts(&w), 3);
	world_fini(&w);
}

static void
test_no_source(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "/paused");
	(void)SQL_TEXT(&w, "UPDATE source SET state = 'paused'");
	poll(&w);
	assert_int_equal(site_count(site, w.path), 0);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM job"), 0);
	world_fini(&w);

	/* Paused while it is polled: what was read is kept, the job ends. */
	world_init(&w, "/pausing");
	GIVE(&w, NULL, {"1", "1", "Eins", NULL, HOUR_S});
	(void)SQL_TEXT(&w,
		"CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
		" UPDATE source SET state = 'paused'; RETURN NULL; END $$");
	(void)SQL_TEXT(&w, "CREATE TRIGGER pause AFTER INSERT ON post FOR EACH ROW"
			   " EXECUTE FUNCTION pause()");
	poll(&w);
	assert_int_equal(posts(&w), 1);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM job"), 0);
	world_fini(&w);

	world_init(&w, "/removed");
	(void)SQL_TEXT(&w, "DELETE FROM source");
	poll(&w);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM job"), 0);
	world_fini(&w);
}

static void
test_many(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "/many");
	give_items(&w, many_items(w.a, 10000), 10000, NULL);
	poll(&w);
	assert_int_equal(posts(&w), 10000);
	assert_int_equal(SQL_INT(&w, "SELECT count(DISTINCT remote_id) FROM post"), 10000);
	assert_int_equal(entries(&w, "create"), 10000);
	/* In the order of their publication. */
	assert_int_equal(
		SQL_INT(&w,
			"SELECT count(*) FROM (SELECT e.seq,"
			" lag(p.published_at) OVER (ORDER BY e.seq) > p.published_at AS back"
			" FROM record_entry e JOIN post p ON p.id = e.object) x WHERE back"),
		0);
	poll(&w);
	assert_int_equal(posts(&w), 10000);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM record_entry"), 10000);
	world_fini(&w);
}

static int
setup(void **state)
{
	(void)state;
	pg = pg_start();
	site = site_start();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	site_stop(site);
	pg_stop(pg);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_connect),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_not_modified),
		cmocka_unit_test(test_unusable_validators),
		cmocka_unit_test(test_edit),
		cmocka_unit_test(test_vanished),
		cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_deleted_while_held),
		cmocka_unit_test(test_edit_while_held),
		cmocka_unit_test(test_embargo),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_two_for_one),
		cmocka_unit_test(test_heavy_chunks),
		cmocka_unit_test(test_raw_bytes),
		cmocka_unit_test(test_quarantine),
		cmocka_unit_test(test_crash_between_chunks),
		cmocka_unit_test(test_race),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_our_trouble),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_older_pages),
		cmocka_unit_test(test_older_fails),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_older_again),
		cmocka_unit_test(test_older_waits),
		cmocka_unit_test(test_older_moved_on),
		cmocka_unit_test(test_older_alias),
		cmocka_unit_test(test_older_cursed),
		cmocka_unit_test(test_older_repeats),
		cmocka_unit_test(test_older_crash),
		cmocka_unit_test(test_older_and_asked),
		cmocka_unit_test(test_no_source),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
