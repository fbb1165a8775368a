/* The media job against a scripted server, the real helper, a real store and database. */
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "hub/post.h"
#include "lib/check.h"
#include "lib/dbrun.h"
#include "lib/file.h"
#include "lib/hubrun.h"
#include "lib/pg.h"
#include "lib/site.h"
#include "media/frame.h"
#include "media/pull.h"

static const char *const helper[] = {BUILD_DIR "/litfass-media", NULL};
static const char *const no_helper[] = {"/nonexistent/litfass-media", NULL};

static struct pg *pg;
static struct site *site;
static char store[] = "/tmp/litfass-media-XXXXXX";

struct world {
	struct arena *a;
	struct span dsn;
	const char *const *helper;
	struct hub hub;
};

static void
world_init(struct world *w)
{
	*w = (struct world){.a = arena_new(),
		.dsn = hubrun_database(pg),
		.helper = helper,
		.hub = {.authority = SPAN("hub.example")}};
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
serve(struct world *w, const char *path, const char *type, const char *file)
{
	const struct site_answer answer = {.status = 200,
		.type = type,
		.body = file_read(w->a, arena_printf(w->a, "media/%s", file).p)};

	site_give(site, path, &answer);
}

static void
serve_status(const char *path, int status)
{
	const struct site_answer answer = {.status = status};

	site_give(site, path, &answer);
}

/* A post with up to three pictures and its job; what was published has been said. */
static int64_t
put_post(struct world *w, const char *state, const char *const paths[3])
{
	int64_t id = SQL_INT(w,
		"INSERT INTO post (account, state, reason, content_hash, title, html, text,"
		" language, published_at, archive)"
		" SELECT id, split_part('%s', ' ', 1), nullif(split_part('%s', ' ', 2), ''), "
		"'',"
		" 'Titel', '<p>Text</p>', 'Text', 'de', now(), '%s' = 'published archive'"
		" FROM account RETURNING id",
		state, state, state);

	/* A release gives it another id: this is how it is found again. */
	(void)SQL_TEXT(w, "UPDATE post SET remote_id = id WHERE id = %" PRId64, id);
	for (size_t i = 0; i < 3 && paths[i]; i++)
		(void)SQL_TEXT(w,
			"INSERT INTO post_media (post, position, source_url, type, alt)"
			" VALUES (%" PRId64 ", %zu, '%s%s', 'image', 'Bild %zu')",
			id, i, site_base(site), paths[i], i);
	(void)SQL_TEXT(w,
		"INSERT INTO job (kind, key, args) VALUES ('media', '%" PRId64
		"', '{\"post\": %" PRId64 "}')",
		id, id);
	return id;
}

#define POST(w, state, ...) put_post((w), (state), (const char *const[3]){__VA_ARGS__})

/* The id of today of a post that began with this one. */
static int64_t
id_now(struct world *w, int64_t post)
{
	return SQL_INT(w,
		"SELECT coalesce((SELECT id FROM post WHERE remote_id = '%" PRId64
		"'), %" PRId64 ")",
		post, post);
}

/* As if the connector had said it. */
static void
say(struct world *w, int64_t post)
{
	const int64_t seq = SQL_INT(w, "UPDATE record_head SET seq = seq + 1 RETURNING seq");

	(void)SQL_TEXT(w,
		"INSERT INTO record_entry (hub, epoch, seq, kind, account, object, revision,"
		" archive, at, content_digest, entry_digest, hash)"
		" SELECT 'hub.example', 1, %" PRId64
		", 'create', account, id, revision, archive,"
		" now(), '', '', '' FROM post WHERE id = %" PRId64,
		seq, post);
}

/* stop: may be NULL. */
static struct hubrun_end
pull_job_until(struct world *w, const struct job *j, struct hubrun_stop *stop)
{
	const struct hubrun_opts o = {.dsn = w->dsn,
		.data_dir = span_of(store),
		.helper = w->helper,
		.helper_wall_ms = FRAME_WALL_MS};
	struct hubrun_end end;
	struct hubrun r;

	hubrun_init(&r, &o);
	if (stop)
		hubrun_stop_start(&r, stop);
	hubrun_start(&r, &end, &media_flow, j, sizeof(*j), NULL);
	hubrun_wait(&r);
	if (stop)
		hubrun_stop_end(stop);
	hubrun_fini(&r);
	return end;
}

static struct hubrun_end
pull_job(struct world *w, const struct job *j)
{
	return pull_job_until(w, j, NULL);
}

static struct hubrun_end
pull_once(struct world *w, int64_t post)
{
	const struct job j = hubrun_claim(w->a, w->dsn, "media", id_now(w, post));

	return pull_job(w, &j);
}

static void
pull(struct world *w, int64_t post)
{
	const struct hubrun_end end = pull_once(w, post);

	if (end.failed)
		check_fail("%s", end.text);
}

/* "state revision pictures/errors", and how often the job was tried if it still lives. */
static void
check_post(struct world *w, int64_t post, const char *want)
{
	const char *got = SQL_TEXT(w,
		"SELECT p.state || ' ' || p.revision || ' ' || count(m.media) || '/' || "
		"count(m.error)"
		"       || coalesce(' ' || (SELECT j.state || ' ' || j.attempt FROM job j"
		"                            WHERE j.kind = 'media' AND j.key = p.id::text), "
		"'')"
		"  FROM post p LEFT JOIN post_media m ON m.post = p.id"
		" WHERE p.id = %" PRId64 " GROUP BY p.id",
		id_now(w, post));

	if (strcmp(got, want) != 0)
		check_fail("got \"%s\", want \"%s\"", got, want);
}

/* The record's entries about a post, in order: "create 1, update 2". */
static void
check_record(struct world *w, int64_t post, const char *want)
{
	const char *got = SQL_TEXT(w,
		"SELECT coalesce(string_agg(kind || ' ' || revision"
		"                || CASE WHEN archive THEN ' archive' ELSE '' END, ', ' ORDER "
		"BY seq),"
		"                '')"
		"  FROM record_entry WHERE object = %" PRId64,
		id_now(w, post));

	if (strcmp(got, want) != 0)
		check_fail("got \"%s\", want \"%s\"", got, want);
}

/* Content of the last entry about a post. */
static struct span
last_content(struct world *w, int64_t post)
{
	return arena_dup(
		w->a, span_of(SQL_TEXT(w,
			      "SELECT convert_from(c.content, 'UTF8') FROM record_entry e"
			      " JOIN record_content c USING (hub, epoch, seq)"
			      " WHERE e.object = %" PRId64 " ORDER BY e.seq DESC LIMIT 1",
			      id_now(w, post))));
}

static bool
stored(struct span blob)
{
	char path[200];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/media/%.2s/%.2s/%.*s", store, blob.p, blob.p + 2,
		SPAN_FMT(blob));
	return stat(path, &st) == 0 && st.st_size > 0;
}

/* ---- tests ---- */

static void
test_released(void **state)
{
	struct post_media *m;
	struct world w;
	struct post p;
	int64_t id, generation;
	size_t n;

	(void)state;
	world_init(&w);
	serve(&w, "/a.jpg", "image/jpeg", "everywhere.jpg");
	serve(&w, "/b.png", "image/png", "deep.png");
	id = POST(&w, "held media", "/a.jpg", "/b.png");
	generation = SQL_INT(&w, "SELECT n FROM generation");
	pull(&w, id);
	check_post(&w, id, "published 1 2/0");
	check_record(&w, id, "create 1");
	assert_int_equal(SQL_INT(&w, "SELECT posts FROM account_count"), 1);
	assert_true(SQL_INT(&w, "SELECT n FROM generation") > generation);

	check_ok(w.a, post_content_parse(w.a, last_content(&w, id), &p, &m, &n));
	assert_int_equal(p.id, id_now(&w, id));
	assert_int_equal(p.edited_us, TIME_NONE);
	assert_int_equal(n, 2);
	check_span(m[0].alt, SPAN("Bild 0"));
	check_span(m[0].blob_type, SPAN("image/webp"));
	assert_int_equal(m[0].width, 720);
	assert_int_equal(m[0].height, 1280);
	assert_int_equal(m[0].small_width, 225);
	assert_int_equal(m[0].small_height, 400);
	assert_int_equal(m[0].blurhash.n, 28);
	assert_int_equal(m[1].width, 500);
	for (size_t i = 0; i < 2; i++)
		assert_true(m[i].bytes > 0 && stored(m[i].blob) && stored(m[i].small_blob));
	world_fini(&w);
}

/* Who has seen a later post and asks for what came since must still come upon this one. */
static void
test_id_at_release(void **state)
{
	static const struct {
		bool dated, said, moves;
	} cases[] = {
		{false, false, true},
		{true, false,
			false}, /* of a first connect: it belongs where it was published */
		{false, true, false}, /* public before it was held again: others know its id */
	};

	(void)state;
	serve_status("/none.gif", 404);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t id, later, now;
		struct world w;

		world_init(&w);
		id = POST(&w, "held media", "/none.gif");
		(void)SQL_TEXT(&w, "INSERT INTO source (account, connector, url)"
				   " SELECT id, 'feed', 'https://a.example/' FROM account");
		(void)SQL_TEXT(&w, "INSERT INTO post_alias (source, alias, post)"
				   " SELECT s.id, 'also', p.id FROM source s, post p");
		if (cases[i].dated)
			(void)SQL_TEXT(&w, "UPDATE post SET dated = true");
		if (cases[i].said)
			say(&w, id);
		later = SQL_INT(&w, "SELECT litfass_id()");
		pull(&w, id);
		now = id_now(&w, id);
		assert_int_equal(now != id, cases[i].moves);
		assert_int_equal(now > later, cases[i].moves);
		check_post(&w, id, "published 1 0/1");
		if (!cases[i].said)
			check_record(&w, id, "create 1");
		assert_int_equal(SQL_INT(&w, "SELECT post FROM post_alias"), now);
		arena_free(w.a);
	}
}

static void
test_known_files(void **state)
{
	struct world w;
	int64_t id;

	(void)state;
	world_init(&w);
	serve(&w, "/known.gif", "image/gif", "animated.gif");
	serve(&w, "/copy.gif", "image/gif", "animated.gif");
	pull(&w, POST(&w, "held media", "/known.gif"));
	assert_int_equal(site_count(site, "/known.gif"), 1);
	/* By its address: not even asked for. By its bytes: not made again, helper or not. */
	w.helper = no_helper;
	id = POST(&w, "held media", "/known.gif", "/copy.gif");
	pull(&w, id);
	check_post(&w, id, "published 1 2/0");
	assert_int_equal(site_count(site, "/known.gif"), 1);
	assert_int_equal(site_count(site, "/copy.gif"), 1);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM media"), 1);
	/* What is known of an address is believed for a month. */
	(void)SQL_TEXT(&w, "UPDATE media SET created_at = now() - interval '31 days'");
	pull(&w, POST(&w, "held media", "/known.gif"));
	assert_int_equal(site_count(site, "/known.gif"), 2);
	world_fini(&w);
}

static void
test_given_up(void **state)
{
	static const struct {
		const char *path, *type, *file, *says;
		int status;
	} cases[] = {
		{"/gone.jpg", NULL, NULL, "127.0.0.1 answered 404", 404},
		{"/page.jpg", "text/html", "drawing.svg", "a drawing (SVG)", 200},
		{"/half.jpg", "image/jpeg", "truncated.jpg", "cannot be decoded", 200},
		{"/bomb.png", "image/png", "bomb.png", "30000 x 30000", 200},
		{"/spacer.gif", "image/gif", "tracker.gif", "a spacer", 200},
		{"/empty.jpg", "image/jpeg", "empty.jpg", "empty", 200},
	};
	struct world w;

	(void)state;
	world_init(&w);
	serve(&w, "/good.gif", "image/gif", "animated.gif");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t id = POST(&w, "held media", cases[i].path, "/good.gif");

		if (cases[i].file)
			serve(&w, cases[i].path, cases[i].type, cases[i].file);
		else
			serve_status(cases[i].path, cases[i].status);
		/* At the first try, with the reason, and the others are there. */
		pull(&w, id);
		check_post(&w, id, "published 1 1/1");
		check_record(&w, id, "create 1");
		if (!strstr(SQL_TEXT(&w,
				    "SELECT error FROM post_media WHERE post = %" PRId64
				    " AND position = 0",
				    id_now(&w, id)),
			    cases[i].says))
			check_fail("%s: %s", cases[i].path,
				SQL_TEXT(&w,
					"SELECT error FROM post_media WHERE post = %" PRId64
					" AND position = 0",
					id_now(&w, id)));
	}
	world_fini(&w);
}

/* Bytes that cost an effort in vain are not decoded again, whatever their address. */
static void
test_bad_bytes_are_known(void **state)
{
	struct world w;
	int64_t id;

	(void)state;
	world_init(&w);
	serve(&w, "/bad1.jpg", "image/jpeg", "truncated.jpg");
	serve(&w, "/bad2.jpg", "image/jpeg", "truncated.jpg");
	pull(&w, POST(&w, "held media", "/bad1.jpg"));
	assert_string_equal(SQL_TEXT(&w, "SELECT state FROM media"), "bad");
	w.helper = no_helper;
	id = POST(&w, "held media", "/bad2.jpg");
	pull(&w, id);
	check_post(&w, id, "published 1 0/1");
	/* But a week later they are, and may be good then. */
	w.helper = helper;
	(void)SQL_TEXT(&w, "UPDATE media SET created_at = now() - interval '8 days'");
	pull(&w, POST(&w, "held media", "/bad2.jpg"));
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM media WHERE state = 'bad'"
				     " AND created_at > now() - interval '1 hour'"),
		1);
	world_fini(&w);
}

static void
test_retried(void **state)
{
	struct world w;
	int64_t id;

	(void)state;
	world_init(&w);
	serve(&w, "/there.gif", "image/gif", "animated.gif");
	serve_status("/late.png", 503);
	id = POST(&w, "held media", "/there.gif", "/late.png");
	/* The post waits for a while ... */
	pull(&w, id);
	check_post(&w, id, "held 1 0/0 ready 1");
	assert_non_null(strstr(SQL_TEXT(&w, "SELECT error FROM job"), "answered 503"));
	pull(&w, id);
	check_post(&w, id, "held 1 0/0 ready 2");
	assert_int_equal(
		SQL_INT(&w, "SELECT count(*) FROM job WHERE run_at < now() + interval '40 s'"),
		1);
	check_record(&w, id, "");
	/* ... then it goes out with what there is, and the rest is tried on. */
	pull(&w, id);
	check_post(&w, id, "published 1 1/0 ready 3");
	check_record(&w, id, "create 1");
	pull(&w, id);
	check_post(&w, id, "published 1 1/0 ready 4");
	check_record(&w, id, "create 1");
	/* What comes late comes as an update that others will take for one. */
	serve(&w, "/late.png", "image/png", "deep.png");
	pull(&w, id);
	check_post(&w, id, "published 2 2/0");
	check_record(&w, id, "create 1, update 2");
	assert_int_equal(
		SQL_INT(&w, "SELECT count(*) FROM post WHERE edited_at IS NOT NULL"), 1);
	assert_true(span_has(last_content(&w, id), SPAN("\"updated\":")));
	world_fini(&w);
}

static void
test_never_comes(void **state)
{
	struct world w;
	int64_t id;

	(void)state;
	world_init(&w);
	serve(&w, "/any.png", "image/png", "deep.png");
	w.helper = no_helper;
	id = POST(&w, "held media", "/any.png");
	for (int i = 1; i < PULL_TRIES; i++)
		pull(&w, id);
	check_post(&w, id, "published 1 0/0 ready 5");
	pull(&w, id);
	check_post(&w, id, "published 1 0/1");
	check_record(&w, id, "create 1");
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM media"), 0);
	world_fini(&w);
}

static void
test_archive(void **state)
{
	struct world w;
	int64_t id;

	(void)state;
	world_init(&w);
	serve(&w, "/archive.gif", "image/gif", "animated.gif");
	id = POST(&w, "published archive", "/archive.gif");
	say(&w, id);
	pull(&w, id);
	/* Everyone who reads the record sees it; nobody is told of an edit. */
	check_post(&w, id, "published 2 1/0");
	check_record(&w, id, "create 1 archive, update 2 archive");
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM post WHERE edited_at IS NULL"), 1);
	assert_false(span_has(last_content(&w, id), SPAN("\"updated\":")));
	arena_free(w.a);
}

/* An edit waits for its pictures and is said once, also when they are all known. */
static void
test_edit(void **state)
{
	struct world w;
	int64_t id;

	(void)state;
	world_init(&w);
	serve(&w, "/edit.gif", "image/gif", "animated.gif");
	id = POST(&w, "published", "/edit.gif");
	say(&w, id);
	(void)SQL_TEXT(&w, "UPDATE post SET revision = 2, title = 'Neu', edited_at = now()");
	pull(&w, id);
	check_post(&w, id, "published 2 1/0");
	check_record(&w, id, "create 1, update 2");
	assert_true(span_has(last_content(&w, id), SPAN("\"title\":\"Neu\"")));

	(void)SQL_TEXT(&w, "UPDATE post SET revision = 3, title = 'Noch neuer'");
	(void)SQL_TEXT(&w,
		"INSERT INTO job (kind, key, args) VALUES ('media', '%" PRId64
		"', '{\"post\": %" PRId64 "}')",
		id, id);
	pull(&w, id);
	check_record(&w, id, "create 1, update 2, update 3");
	/* Nothing to say is not said. */
	(void)SQL_TEXT(&w,
		"INSERT INTO job (kind, key, args) VALUES ('media', '%" PRId64
		"', '{\"post\": %" PRId64 "}')",
		id, id);
	pull(&w, id);
	check_post(&w, id, "published 3 1/0");
	check_record(&w, id, "create 1, update 2, update 3");
	arena_free(w.a);
}

/* The source edits the post while its picture is fetched: the old text is never said. */
static void
test_edit_meanwhile(void **state)
{
	struct world w;
	int64_t id;

	(void)state;
	world_init(&w);
	serve(&w, "/meanwhile.gif", "image/gif", "animated.gif");
	id = POST(&w, "published", "/meanwhile.gif");
	say(&w, id);
	(void)SQL_TEXT(&w,
		"CREATE FUNCTION edit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
		" UPDATE post SET revision = revision + 1, title = 'Neu'; RETURN NULL; END $$");
	(void)SQL_TEXT(&w, "CREATE TRIGGER edit AFTER INSERT ON media FOR EACH ROW EXECUTE "
			   "FUNCTION edit()");
	assert_int_equal(pull_once(&w, id).kind, ERR_CONFLICT);
	check_post(&w, id, "published 2 0/0 ready 1");
	check_record(&w, id, "create 1");
	pull(&w, id);
	check_post(&w, id, "published 2 1/0");
	check_record(&w, id, "create 1, update 2");
	assert_true(span_has(last_content(&w, id), SPAN("\"title\":\"Neu\"")));
	arena_free(w.a);
}

static void
test_not_ours_to_say(void **state)
{
	struct world w;
	int64_t id;

	(void)state;
	world_init(&w);
	serve(&w, "/quiet.gif", "image/gif", "animated.gif");
	/* Withdrawn: nothing is fetched any more. */
	id = POST(&w, "withdrawn", "/quiet.gif");
	pull(&w, id);
	check_post(&w, id, "withdrawn 1 0/0");
	assert_int_equal(site_count(site, "/quiet.gif"), 0);
	/* Held for a person to look at: its pictures come, it stays. */
	id = POST(&w, "held review", "/quiet.gif");
	pull(&w, id);
	check_post(&w, id, "held 1 1/0");
	check_record(&w, id, "");
	/* No such post. */
	(void)SQL_TEXT(
		&w, "INSERT INTO job (kind, key, args) VALUES ('media', '1', '{\"post\": 1}')");
	pull(&w, 1);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM job"), 0);
	/* No sense at all. */
	(void)SQL_TEXT(&w, "INSERT INTO job (kind, key, args) VALUES ('media', '2', '{}')");
	assert_true(pull_once(&w, 2).failed);
	assert_string_equal(SQL_TEXT(&w, "SELECT state FROM job"), "dead");
	world_fini(&w);
}

/* It brought the worker down twice: the third time nothing is fetched, and the post goes out.
 */
static void
test_cursed(void **state)
{
	struct world w;
	int64_t id;

	(void)state;
	world_init(&w);
	serve(&w, "/cursed.gif", "image/gif", "animated.gif");
	id = POST(&w, "held media", "/cursed.gif");
	(void)SQL_TEXT(&w, "UPDATE job SET crashes = 2, attempt = 2");
	pull(&w, id);
	check_post(&w, id, "published 1 0/1");
	assert_int_equal(site_count(site, "/cursed.gif"), 0);
	world_fini(&w);
}

static void
plan_missing(struct db_batch *b, void *ctx)
{
	const struct world *w = ctx;

	post_plan_missing(b, &w->hub);
}

/* Its job was buried: it goes out without its pictures, once, rather than wait for ever. */
static void
test_buried(void **state)
{
	struct world w;
	int64_t id, other;

	(void)state;
	world_init(&w);
	serve(&w, "/buried.gif", "image/gif", "animated.gif");
	id = POST(&w, "held media", "/buried.gif");
	other = POST(&w, "held review", "/buried.gif");
	dbrun_ok(w.dsn, plan_missing, NULL, &w);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM job"), 2); /* it has one */
	(void)SQL_TEXT(&w, "UPDATE job SET state = 'dead'");
	for (int i = 0; i < 2; i++)
		dbrun_ok(w.dsn, plan_missing, NULL, &w);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM job WHERE state = 'ready'"), 1);
	pull(&w, id);
	assert_string_equal(SQL_TEXT(&w,
				    "SELECT p.state || ' ' || count(m.error) FROM post p"
				    " JOIN post_media m ON m.post = p.id"
				    " WHERE p.id = %" PRId64 " GROUP BY p.id",
				    id_now(&w, id)),
		"published 1");
	check_record(&w, id, "create 1");
	assert_int_equal(site_count(site, "/buried.gif"), 0);
	check_post(&w, other, "held 1 0/0 dead 0");
	/* That one is not tried again for ever. */
	id = POST(&w, "held media", "/buried.gif");
	(void)SQL_TEXT(&w, "UPDATE job SET state = 'dead',"
			   " args = args || '{\"bare\": true, \"revision\": 1}'");
	dbrun_ok(w.dsn, plan_missing, NULL, &w);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM job WHERE state = 'ready'"), 0);
	world_fini(&w);
}

/* An edit whose job was buried is said without its pictures, and so is the one after it. */
static void
test_edit_buried(void **state)
{
	struct world w;
	int64_t id;

	(void)state;
	world_init(&w);
	serve(&w, "/edited.gif", "image/gif", "animated.gif");
	id = POST(&w, "published", "/edited.gif");
	say(&w, id);
	(void)SQL_TEXT(&w, "UPDATE job SET state = 'dead'");
	/* Only pictures are missing: nothing is left to say. */
	dbrun_ok(w.dsn, plan_missing, NULL, &w);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM job WHERE state = 'ready'"), 0);
	for (int revision = 2; revision <= 3; revision++) {
		(void)SQL_TEXT(&w, "UPDATE post SET revision = %d, title = 'Neu'", revision);
		for (int i = 0; i < 2; i++)
			dbrun_ok(w.dsn, plan_missing, NULL, &w);
		assert_int_equal(
			SQL_INT(&w, "SELECT count(*) FROM job WHERE state = 'ready'"), 1);
		if (revision == 2) { /* the bare one is buried as well */
			(void)SQL_TEXT(&w, "UPDATE job SET state = 'dead'");
			dbrun_ok(w.dsn, plan_missing, NULL, &w);
			assert_int_equal(
				SQL_INT(&w, "SELECT count(*) FROM job WHERE state = 'ready'"),
				0);
		}
	}
	pull(&w, id);
	check_record(&w, id, "create 1, update 3");
	assert_true(span_has(last_content(&w, id), SPAN("\"title\":\"Neu\"")));
	assert_int_equal(site_count(site, "/edited.gif"), 0);
	dbrun_ok(w.dsn, plan_missing, NULL, &w);
	assert_int_equal(SQL_INT(&w, "SELECT count(*) FROM job WHERE state = 'ready'"), 0);
	arena_free(w.a);
}

/*
 * The source edits the post before the bare job has come: that one was to give up the pictures
 * of the text before, not those that are new.
 */
static void
test_edit_before_bare(void **state)
{
	static const char *const states[] = {"held media", "published"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		struct world w;
		int64_t id;

		world_init(&w);
		serve_status("/before.gif", 404);
		serve(&w, "/after.gif", "image/gif", "animated.gif");
		id = POST(&w, states[i], "/before.gif");
		if (i == 1) {
			say(&w, id);
			(void)SQL_TEXT(&w, "UPDATE post SET revision = 2");
		}
		(void)SQL_TEXT(&w, "UPDATE job SET state = 'dead'");
		dbrun_ok(w.dsn, plan_missing, NULL, &w);
		assert_int_equal(
			SQL_INT(&w,
				"SELECT count(*) FROM job WHERE args @> '{\"bare\": true}'"),
			1);
		/* Its own job finds the bare one in its place. */
		(void)SQL_TEXT(&w, "UPDATE post SET revision = revision + 1, title = 'Neu'");
		(void)SQL_TEXT(&w, "UPDATE post_media SET source_url = '%s/after.gif'",
			site_base(site));
		pull(&w, id);
		assert_string_equal(SQL_TEXT(&w, "SELECT state || ' ' || count(media) || '/' ||"
						 " count(error) FROM post"
						 " JOIN post_media ON post = id GROUP BY id"),
			"published 1/0");
		check_record(&w, id, i == 0 ? "create 2" : "create 1, update 3");
		assert_true(span_has(last_content(&w, id), SPAN("\"title\":\"Neu\"")));
		assert_int_equal(site_count(site, "/before.gif"), 0);
		arena_free(w.a);
	}
}

static void
test_lease_lost(void **state)
{
	struct world w;
	struct job j;
	int64_t id;

	(void)state;
	world_init(&w);
	serve(&w, "/lost.gif", "image/gif", "animated.gif");
	id = POST(&w, "held media", "/lost.gif");
	j = hubrun_claim(w.a, w.dsn, "media", id);
	j.token = SPAN("00000000-0000-4000-8000-000000000000");
	assert_true(pull_job(&w, &j).failed);
	check_post(&w, id, "held 1 0/0 running 1");
	check_record(&w, id, "");
	world_fini(&w);
}

/*
 * The program stops in the middle: the job is given back as if it had not begun, so that no
 * picture loses a try, or its commit is there; the post is said once.
 */
static void
test_stopped(void **state)
{
	static const struct {
		const char *at, *table;
		bool rows; /* it stands before rows of the table, in the middle of a commit */
	} cases[] = {
		{" pull_loaded waits for db", "post", false},
		{" picture_fetched waits for http", NULL, false},
		{" pull_done waits for db", "record_head", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct hubrun_stop stop = {.at = cases[i].at};
		struct world w;
		struct job j;
		int64_t id;

		world_init(&w);
		serve(&w, "/stopped.gif", "image/gif", "animated.gif");
		id = POST(&w, "held media", "/stopped.gif");
		if (!cases[i].table)
			(void)SQL_TEXT(
				&w, "UPDATE post_media SET source_url = '%s'", hubrun_mute());
		j = hubrun_claim(w.a, w.dsn, "media", id);
		if (cases[i].table)
			stop.hang = cases[i].rows ? hang_rows(w.dsn, cases[i].table)
						  : hang_table(w.dsn, cases[i].table);
		assert_int_equal(pull_job_until(&w, &j, &stop).kind, ERR_STOPPED);
		if (cases[i].rows) {
			check_post(&w, id, "published 1 1/0");
		} else {
			(void)SQL_TEXT(&w, "UPDATE post_media SET source_url = '%s%s'",
				site_base(site), "/stopped.gif");
			check_post(&w, id, "held 1 0/0 ready 0");
			assert_int_equal(
				SQL_INT(&w, "SELECT count(*) FROM job WHERE run_at <= now()"),
				1);
			pull(&w, id);
		}
		check_post(&w, id, "published 1 1/0");
		check_record(&w, id, "create 1");
		world_fini(&w);
	}
}

static int
setup(void **state)
{
	(void)state;
	pg = pg_shared();
	site = site_start();
	return mkdtemp(store) ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	site_stop(site);
	pg_stop(pg);
	file_remove_tree(store);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_released),
		cmocka_unit_test(test_id_at_release),
		cmocka_unit_test(test_known_files),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_bad_bytes_are_known),
		cmocka_unit_test(test_retried),
		cmocka_unit_test(test_never_comes),
		cmocka_unit_test(test_archive),
		cmocka_unit_test(test_edit),
		cmocka_unit_test(test_edit_meanwhile),
		cmocka_unit_test(test_not_ours_to_say),
		cmocka_unit_test(test_cursed),
		cmocka_unit_test(test_buried),
		cmocka_unit_test(test_edit_buried),
		cmocka_unit_test(test_edit_before_bare),
		cmocka_unit_test(test_lease_lost),
		cmocka_unit_test(test_stopped),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
