/* Jobs "receive" on a real database: what each kind of activity does, and to whom. */
#include "base/json.h"
#include "hub/delivery.h"
#include "hub/remote.h"
#include "lib/check.h"
#include "lib/dbrun.h"
#include "lib/fedi.h"
#include "lib/pg.h"

static struct span alice, bob, stadt;

static int
setup(void **state)
{
	(void)fedi_setup(state);
	alice = fedi_actor(fedi, "alice");
	bob = fedi_actor(fedi, "bob");
	stadt = arena_printf(arena, "%.*s/o/stadt", SPAN_FMT(fedi->hub_base));
	return 0;
}

static int
clean(void **state)
{
	const struct span who[] = {alice, bob};

	(void)state;
	fedi_clean(fedi);
	for (size_t i = 0; i < ARRAY_LEN(who); i++)
		(void)pg_sql(fedi->dsn,
			arena_printf(arena,
				"INSERT INTO remote_actor (uri, host, inbox, shared_inbox, "
				"key_id,"
				" public_key_pem, fetched_at) VALUES ('%.*s', 'h', "
				"'%.*s/inbox',"
				" '%.*s/inbox', '%.*s#main-key', '%.*s', now())",
				SPAN_FMT(who[i]), SPAN_FMT(who[i]), SPAN_FMT(fedi->peer_base),
				SPAN_FMT(who[i]), SPAN_FMT(pkey_public_pem(arena, fedi->key)))
				.p);
	return 0;
}

/* ---- taking in, then working ---- */

static struct span
quoted(struct span s)
{
	return s.n && s.p[0] == '{' ? s : arena_printf(arena, "\"%.*s\"", SPAN_FMT(s));
}

static struct span
body(const char *id, const char *type, struct span actor, struct span object)
{
	return arena_printf(arena,
		"{\"@context\":\"https://www.w3.org/ns/activitystreams\",\"id\":\"%.*s/%s\","
		"\"type\":\"%s\",\"actor\":\"%.*s\",\"object\":%.*s}",
		SPAN_FMT(fedi->peer_base), id, type, SPAN_FMT(actor), SPAN_FMT(quoted(object)));
}

struct taken {
	struct span actor, body, id;
	const char *type;
	int64_t signed_us;
};

#define SIGNED_US INT64_C(1778608800000000)

static void
fill_take(struct db_batch *b, void *ctx)
{
	const struct taken *x = ctx;
	const struct inbox_new row = {.signer = x->actor,
		.uri = x->id,
		.type = span_of(x->type),
		.body = x->body,
		.signed_us = x->signed_us};

	inbox_accept(b, &row, 1);
}

static void
take_later(int later_s, const char *id, const char *type, struct span actor, struct span object)
{
	struct taken x = {.actor = actor,
		.type = type,
		.signed_us = SIGNED_US + later_s * US_PER_S,
		.id = arena_printf(arena, "%.*s/%s", SPAN_FMT(fedi->peer_base), id),
		.body = body(id, type, actor, object)};

	dbrun_ok(fedi->dsn, fill_take, NULL, &x);
}

static void
take(const char *id, const char *type, struct span actor, struct span object)
{
	take_later(0, id, type, actor, object);
}

struct taken_all {
	const struct inbox_new *rows;
	size_t n;
};

static void
fill_take_all(struct db_batch *b, void *ctx)
{
	const struct taken_all *x = ctx;

	inbox_accept(b, x->rows, x->n);
}

static void
take_all(const struct inbox_new *rows, size_t n)
{
	struct taken_all x = {rows, n};

	dbrun_ok(fedi->dsn, fill_take_all, NULL, &x);
}

/* Whatever happens to followers, their number goes with them. */
static size_t
work(void)
{
	const size_t n = fedi_jobs(fedi, "receive", &receive_flow);

	assert_int_equal(
		pg_number(fedi->dsn,
			"SELECT count(*) FROM account a"
			"  LEFT JOIN account_count n ON n.account = a.id"
			" WHERE coalesce(n.followers, 0) <>"
			"       (SELECT count(*) FROM follow f WHERE f.account = a.id)"),
		0);
	return n;
}

static const char *
outcome(const char *id)
{
	return pg_sql(fedi->dsn, arena_printf(arena,
					 "SELECT coalesce(outcome, 'open') FROM inbox_activity "
					 "WHERE uri = '%.*s/%s'",
					 SPAN_FMT(fedi->peer_base), id)
					 .p);
}

static int64_t
number(const char *sql)
{
	return pg_number(fedi->dsn, sql);
}

static struct span
uri(const char *id)
{
	return arena_printf(arena, "%.*s/%s", SPAN_FMT(fedi->peer_base), id);
}

/* ---- Follow ---- */

static void
test_follow(void **state)
{
	json_t *accept;
	struct span object;

	(void)state;
	take("f1", "Follow", alice, stadt);
	assert_int_equal(work(), 1);
	assert_string_equal(outcome("f1"), "followed");
	check_span(span_of(pg_sql(fedi->dsn, "SELECT uri FROM follow")), uri("f1"));
	assert_int_equal(
		number("SELECT count(*) FROM generation WHERE followers_at IS NOT NULL"), 1);
	assert_int_equal(
		number("SELECT count(*) FROM inbox_activity WHERE body IS NOT NULL"), 0);
	assert_int_equal(number("SELECT count(*) FROM job WHERE kind = 'receive'"), 0);
	/* The Accept goes to the follower's own inbox, with the Follow's id. */
	assert_int_equal(number("SELECT count(*) FROM job WHERE kind = 'deliver'"), 1);
	check_span(span_of(pg_sql(fedi->dsn, "SELECT args->>'inbox' FROM job")),
		arena_printf(arena, "%.*s/inbox", SPAN_FMT(alice)));
	check_ok(arena, json_parse(arena,
				arena_dup(arena, span_of(pg_sql(fedi->dsn,
							 "SELECT body FROM activity"))),
				&json_limits_ap, &accept));
	assert_string_equal(json_string_value(json_object_get(accept, "type")), "Accept");
	object = json_text(json_object_get(json_object_get(accept, "object"), "id"));
	check_span(object, uri("f1"));
}

static void
test_follow_again(void **state)
{
	(void)state;
	take("f1", "Follow", alice, stadt);
	take("f2", "Follow", alice, stadt);
	take("f3", "Follow", bob, stadt);
	assert_true(work() >= 2);
	while (work() > 0)
		;
	assert_int_equal(number("SELECT count(*) FROM follow"), 2);
	check_span(span_of(pg_sql(fedi->dsn, arena_printf(arena,
						     "SELECT f.uri FROM follow f JOIN "
						     "remote_actor r ON r.id = f.actor"
						     " WHERE r.uri = '%.*s'",
						     SPAN_FMT(alice))
						     .p)),
		uri("f2"));
	/* Each is accepted, under an id of its own. */
	assert_int_equal(
		number("SELECT count(DISTINCT uri) FROM activity WHERE type = 'Accept'"), 3);
	assert_int_equal(number("SELECT count(*) FROM job WHERE kind = 'deliver'"), 3);
}

static void
test_follow_of_nobody(void **state)
{
	(void)state;
	take("f1", "Follow", alice,
		arena_printf(arena, "%.*s/o/niemand", SPAN_FMT(fedi->hub_base)));
	take("f2", "Follow", alice,
		arena_printf(arena, "%.*s/actor", SPAN_FMT(fedi->hub_base)));
	take("f3", "Follow", alice, SPAN("https://anderswo.example/users/x"));
	take("f4", "Follow", alice, arena_printf(arena, "%.*s/x", SPAN_FMT(stadt)));
	take("f5", "Follow", alice,
		arena_printf(arena, "%.*s/o/hub", SPAN_FMT(fedi->hub_base)));
	while (work() > 0)
		;
	for (int i = 1; i <= 5; i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "f%d", i);
		if (!strstr(outcome(id), "no such actor") && !strstr(outcome(id), "refused"))
			check_fail("%s: %s", id, outcome(id));
	}
	assert_int_equal(number("SELECT count(*) FROM follow"), 0);
	assert_int_equal(number("SELECT count(*) FROM activity"), 0);
	assert_int_equal(number("SELECT count(*) FROM job"), 0);
}

static void
test_follower_forgotten(void **state)
{
	(void)state;
	take("f1", "Follow", alice, stadt);
	(void)pg_sql(fedi->dsn, "DELETE FROM remote_actor");
	assert_int_equal(work(), 1);
	assert_non_null(strstr(outcome("f1"), "forgotten"));
	assert_int_equal(number("SELECT count(*) FROM job"), 0);
}

/* ---- Undo ---- */

static void
follow_both(void)
{
	take("f1", "Follow", alice, stadt);
	take("f2", "Follow", bob, stadt);
	while (work() > 0)
		;
	assert_int_equal(number("SELECT count(*) FROM follow"), 2);
}

static void
test_undo(void **state)
{
	const struct {
		const char *name;
		struct span actor, object;
		int64_t left;
	} cases[] = {
		{"whole", alice, body("f1", "Follow", alice, stadt), 1},
		{"without its id", alice,
			arena_printf(arena,
				"{\"type\":\"Follow\",\"actor\":\"%.*s\",\"object\":\"%.*s\"}",
				SPAN_FMT(alice), SPAN_FMT(stadt)),
			1},
		{"another id, same pair", alice, body("f9", "Follow", alice, stadt), 1},
		{"the id alone", alice, uri("f1"), 1},
		{"somebody else's", bob, uri("f1"), 2},
		{"a Like", alice, body("l1", "Like", alice, stadt), 2},
		{"an unknown id", alice, uri("f77"), 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)clean(NULL);
		follow_both();
		take("u1", "Undo", cases[i].actor, cases[i].object);
		assert_int_equal(work(), 1);
		if (number("SELECT count(*) FROM follow") != cases[i].left)
			check_fail("%s: %s", cases[i].name, outcome("u1"));
		assert_int_equal(number("SELECT count(*) FROM job WHERE kind = 'receive'"), 0);
	}
}

static void
test_undo_before_follow(void **state)
{
	(void)state;
	take("u1", "Undo", alice, body("f1", "Follow", alice, stadt));
	assert_int_equal(work(), 1);
	take("f1", "Follow", alice, stadt);
	assert_int_equal(work(), 0);
	assert_int_equal(number("SELECT count(*) FROM follow"), 0);
	take("f2", "Follow", alice, stadt);
	assert_int_equal(work(), 1);
	assert_int_equal(number("SELECT count(*) FROM follow"), 1);
}

/* Of several that come in one moment: in order of arrival, whatever their ids sort like. */
static void
test_undo_in_order(void **state)
{
	const struct {
		const char *follow, *undo;
		bool undo_first;
		int64_t left;
	} cases[] = {
		{"f1", "u1", false, 0},
		{"u1", "f1", false, 0},
		{"f1", "u1", true, 0}, /* over before it began */
		{"u1", "f1", true, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct span follow = body(cases[i].follow, "Follow", alice, stadt);
		struct inbox_new rows[] = {
			{alice, uri(cases[i].follow), SPAN("Follow"), follow, SIGNED_US},
			{alice, uri(cases[i].undo), SPAN("Undo"),
				body(cases[i].undo, "Undo", alice, follow), SIGNED_US},
			{alice, uri(cases[i].follow), SPAN("Follow"), follow,
				SIGNED_US}, /* a replay */
		};

		(void)clean(NULL);
		if (cases[i].undo_first) {
			const struct inbox_new undo = rows[1];

			rows[1] = rows[0];
			rows[0] = undo;
		}
		take_all(rows, ARRAY_LEN(rows));
		assert_int_equal(number("SELECT count(*) FROM job"), 2);
		while (work() > 0)
			;
		if (number("SELECT count(*) FROM follow") != cases[i].left)
			check_fail("case %zu: follow %s, undo %s", i, outcome(cases[i].follow),
				outcome(cases[i].undo));
		assert_string_equal(outcome(cases[i].undo), "unfollowed");
		if (cases[i].undo_first)
			assert_string_equal(outcome(cases[i].follow), "undone before");
	}
}

/* Who makes the ids of the pair alone says the same the second time; a replay says it for ever.
 */
static void
test_follow_with_the_same_id(void **state)
{
	const struct span follow = body("f/1/2", "Follow", alice, stadt);

	(void)state;
	for (int round = 0; round < 3; round++) {
		const int at = round * 60;

		take_later(at, "f/1/2", "Follow", alice, stadt);
		assert_int_equal(work(), 1);
		assert_int_equal(number("SELECT count(*) FROM follow"), 1);
		assert_int_equal(number("SELECT count(*) FROM job WHERE kind = 'deliver'"), 1);
		/* Replays, of this one and of the first. */
		take_later(at, "f/1/2", "Follow", alice, stadt);
		take_later(0, "f/1/2", "Follow", alice, stadt);
		assert_int_equal(work(), 0);
		(void)pg_sql(fedi->dsn, "DELETE FROM job WHERE kind = 'deliver'"); /* arrived */
		take_later(at + 30, "f/1/2/undo", "Undo", alice, follow);
		assert_int_equal(work(), 1);
		assert_int_equal(number("SELECT count(*) FROM follow"), 0);
		take_later(at + 30, "f/1/2/undo", "Undo", alice, follow);
		take_later(at, "f/1/2", "Follow", alice, stadt);
		assert_int_equal(work(), 0);
		assert_int_equal(number("SELECT count(*) FROM follow"), 0);
	}
	/* Asked once more, because the Accept was lost. */
	take_later(300, "f/1/2", "Follow", alice, stadt);
	take_later(301, "f/1/2", "Follow", alice, stadt); /* not done yet: once is enough */
	assert_int_equal(work(), 1);
	take_later(302, "f/1/2", "Follow", alice, stadt);
	assert_int_equal(work(), 1);
	assert_int_equal(number("SELECT count(*) FROM follow"), 1);
}

/* An Undo that was long on its way is not of the Follow that came meanwhile. */
static void
test_undo_of_older_follow(void **state)
{
	const struct span whole[] = {body("f1", "Follow", alice, stadt), uri("f1")};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
		(void)clean(NULL);
		take("f1", "Follow", alice, stadt);
		take("f2", "Follow", alice, stadt);
		take("u1", "Undo", alice, whole[i]);
		while (work() > 0)
			;
		check_span(span_of(pg_sql(fedi->dsn, "SELECT uri FROM follow")), uri("f2"));
		take("u2", "Undo", alice, body("f2", "Follow", alice, stadt));
		assert_int_equal(work(), 1);
		assert_int_equal(number("SELECT count(*) FROM follow"), 0);
	}
}

/* Nor of the one that came again with the same id. */
static void
test_undo_between_same_ids(void **state)
{
	const struct span follow = body("f1", "Follow", alice, stadt);

	(void)state;
	take_later(0, "f1", "Follow", alice, stadt);
	assert_int_equal(work(), 1);
	take_later(60, "f1", "Follow", alice, stadt);
	assert_int_equal(work(), 1);
	take_later(30, "u1", "Undo", alice, follow);
	assert_int_equal(work(), 1);
	assert_int_equal(number("SELECT count(*) FROM follow"), 1);
	take_later(90, "u2", "Undo", alice, follow);
	assert_int_equal(work(), 1);
	assert_int_equal(number("SELECT count(*) FROM follow"), 0);
}

/* The Undo of a Follow that has not come yet is not of the one that came before it. */
static void
test_undo_of_unseen_follow(void **state)
{
	const struct span without_id = arena_printf(arena,
		"{\"type\":\"Follow\",\"actor\":\"%.*s\",\"object\":\"%.*s\"}", SPAN_FMT(alice),
		SPAN_FMT(stadt));
	const struct {
		const char *type;
		struct span object;
	} cases[] = {
		{"Undo", body("f1", "Follow", alice, stadt)},
		{"Undo", without_id},
		{"Block", stadt},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)clean(NULL);
		take_later(60, "f2", "Follow", alice, stadt);
		take_later(30, "x1", cases[i].type, alice, cases[i].object);
		while (work() > 0)
			;
		check_span(span_of(pg_sql(fedi->dsn, "SELECT uri FROM follow")), uri("f2"));
		/* Said after it, the same is of it. */
		take_later(90, "x2", cases[i].type, alice, cases[i].object);
		assert_int_equal(work(), 1);
		assert_int_equal(number("SELECT count(*) FROM follow"), 0);
	}
	(void)clean(NULL);
	take_later(60, "f2", "Follow", alice, stadt);
	take_later(30, "u1", "Undo", alice, body("f1", "Follow", alice, stadt));
	while (work() > 0)
		;
	/* It comes after all, signed anew: it was over before it began. */
	take_later(120, "f1", "Follow", alice, stadt);
	assert_int_equal(work(), 0);
	assert_string_equal(outcome("f1"), "undone before");
	check_span(span_of(pg_sql(fedi->dsn, "SELECT uri FROM follow")), uri("f2"));
	/* Days later it is no repetition: somebody follows, and has no other id for it. */
	(void)pg_sql(fedi->dsn,
		"UPDATE inbox_activity SET received_at = now() - interval '49 h'"
		" WHERE type = ''");
	take_later(180, "f1", "Follow", alice, stadt);
	assert_int_equal(work(), 1);
	check_span(span_of(pg_sql(fedi->dsn, "SELECT uri FROM follow")), uri("f1"));
}

static void
test_block(void **state)
{
	(void)state;
	follow_both();
	take("b1", "Block", alice, stadt);
	assert_int_equal(work(), 1);
	assert_int_equal(number("SELECT count(*) FROM follow"), 1);
}

/* ---- Delete and Update of the actor ---- */

static void
answer_status(struct fedi *f, struct httpd_req *r)
{
	const int *status = f->arg;

	if (*status == 200)
		fedi_answer_actor(f, r, f->other);
	else
		fedi_reply(r, *status, "text/plain", SPAN("x"));
}

static void
test_delete(void **state)
{
	static const struct {
		int status;
		int64_t followers, jobs;
		const char *says;
	} cases[] = {
		{410, 1, 0, "actor deleted"},
		{404, 1, 0, "actor deleted"},
		{200, 2, 0, "still has the actor"},
		{503, 2, 1, "open"},
	};

	int status;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		status = cases[i].status;
		(void)clean(NULL);
		follow_both();
		fedi->answer = answer_status;
		fedi->arg = &status;
		take("d1", "Delete", alice, alice);
		assert_int_equal(work(), 1);
		assert_int_equal(number("SELECT count(*) FROM follow"), cases[i].followers);
		assert_int_equal(number("SELECT count(*) FROM job WHERE kind = 'receive'"),
			cases[i].jobs);
		if (!strstr(outcome("d1"), cases[i].says))
			check_fail("%d: %s", status, outcome("d1"));
	}
	/* The one that could not be confirmed comes again later, and counts as tried. */
	assert_int_equal(number("SELECT attempt FROM job WHERE kind = 'receive'"), 1);
	assert_int_equal(
		number("SELECT count(*) FROM job WHERE kind = 'receive' AND run_at > now()"),
		1);
	(void)pg_sql(
		fedi->dsn, "UPDATE job SET run_at = now(), attempt = 9 WHERE kind = 'receive'");
	assert_int_equal(work(), 1);
	assert_non_null(strstr(outcome("d1"), "ended: "));
	assert_int_equal(number("SELECT count(*) FROM job WHERE kind = 'receive'"), 0);
}

static void
fill_gone(struct db_batch *b, void *ctx)
{
	const struct span gone[] = {alice, bob};

	(void)ctx;
	remote_delete(b, gone, ARRAY_LEN(gone));
}

/* Many go at once, of several accounts: nobody waits for them in a circle. */
static void
test_delete_beside_publishing(void **state)
{
	(void)state;
	(void)pg_sql(fedi->dsn, "INSERT INTO follow (account, actor, uri)"
				" SELECT a.id, r.id, 'f' FROM account a, remote_actor r"
				"  WHERE (a.kind = 'organization') = (r.uri LIKE '%/bob')");
	assert_int_equal(number("SELECT count(DISTINCT account) FROM follow"), 3);
	/* Somebody publishes for the account whose number is counted last. */
	dbrun_beside(fedi->dsn, fill_gone,
		"UPDATE account_count SET posts = posts WHERE account ="
		" (SELECT max(account) FROM follow)",
		"UPDATE generation SET n = n + 1");
	assert_int_equal(number("SELECT count(*) FROM follow"), 0);
	assert_int_equal(number("SELECT sum(followers) FROM account_count"), 0);
}

/* What was not true when it was said first is looked at again when it is said again. */
static void
test_delete_again(void **state)
{
	int status = 200;

	(void)state;
	follow_both();
	fedi->answer = answer_status;
	fedi->arg = &status;
	take("d1", "Delete", alice, alice);
	assert_int_equal(work(), 1);
	assert_non_null(strstr(outcome("d1"), "still has the actor"));
	status = 410;
	take("d1", "Delete", alice, alice);
	assert_string_equal(outcome("d1"), "open");
	assert_int_equal(work(), 1);
	assert_string_equal(outcome("d1"), "actor deleted");
	assert_int_equal(number("SELECT count(*) FROM follow"), 1);
	/* Once true, it is a replay for ever. */
	take("d1", "Delete", alice, alice);
	assert_int_equal(number("SELECT count(*) FROM job WHERE kind = 'receive'"), 0);
	assert_string_equal(outcome("d1"), "actor deleted");
}

/* Work that waits for strangers' servers leaves room for the work that does not. */
static void
test_slow_servers(void **state)
{
	int status = 410;

	(void)state;
	fedi->answer = answer_status;
	fedi->arg = &status;
	for (int i = 0; i < 12; i++) {
		const struct span who = fedi_actor(fedi, arena_printf(arena, "gone%d", i).p);

		take(arena_printf(arena, "d%d", i).p, "Delete", who, who);
	}
	take("f1", "Follow", alice, stadt);
	assert_int_equal(work(), 13);
	assert_string_equal(outcome("f1"), "followed");
	assert_int_equal(number("SELECT count(*) FROM inbox_activity WHERE type = 'Delete'"
				" AND outcome = 'actor deleted'"),
		8);
	/* The others come again, and nothing of theirs counts as tried. */
	assert_int_equal(number("SELECT count(*) FROM job WHERE kind = 'receive'"
				" AND state = 'ready' AND attempt = 0 AND run_at > now()"),
		4);
	(void)pg_sql(fedi->dsn, "UPDATE job SET run_at = now() WHERE kind = 'receive'");
	assert_int_equal(work(), 4);
	assert_int_equal(
		number("SELECT count(*) FROM inbox_activity WHERE outcome IS NULL"), 0);
}

static void
test_update_of_actor(void **state)
{
	int status = 200;

	(void)state;
	fedi->answer = answer_status; /* serves another key */
	fedi->arg = &status;
	take("x1", "Update", alice,
		arena_printf(arena, "{\"id\":\"%.*s\",\"type\":\"Person\"}", SPAN_FMT(alice)));
	assert_int_equal(work(), 1);
	assert_string_equal(outcome("x1"), "actor refreshed");
	/* Too early to ask again, so not done yet. */
	take("x2", "Update", alice,
		arena_printf(arena, "{\"id\":\"%.*s\",\"type\":\"Person\"}", SPAN_FMT(alice)));
	assert_int_equal(work(), 1);
	assert_string_equal(outcome("x2"), "open");
	assert_in_range(number("SELECT extract(epoch FROM run_at - now())::int8 FROM job"
			       " WHERE kind = 'receive' AND attempt = 0"),
		290, 300);
	check_span(span_of(pg_sql(fedi->dsn,
			   arena_printf(arena,
				   "SELECT public_key_pem FROM remote_actor WHERE uri = '%.*s'",
				   SPAN_FMT(alice))
				   .p)),
		pkey_public_pem(arena, fedi->other));
}

static void
answer_second_key_only(struct fedi *f, struct httpd_req *r)
{
	struct arena *a = httpd_arena(r);
	const struct span pem = pkey_public_pem(a, f->other);

	fedi_reply(r, 200, "application/activity+json",
		arena_printf(a,
			"{\"@context\":\"https://www.w3.org/ns/activitystreams\",\"type\":"
			"\"Person\",\"id\":\"%.*s\",\"inbox\":\"%.*s/"
			"new\",\"publicKey\":{\"id\":"
			"\"%.*s#second-key\",\"owner\":\"%.*s\",\"publicKeyPem\":%.*s}}",
			SPAN_FMT(alice), SPAN_FMT(alice), SPAN_FMT(alice), SPAN_FMT(alice),
			SPAN_FMT(json_dump(a, json_own(a, json_str(pem))))));
}

/* The key it was known by is no more; it signs with its second one and has moved. */
static void
test_update_after_change_of_keys(void **state)
{
	(void)state;
	fedi->answer = answer_second_key_only;
	(void)pg_sql(fedi->dsn,
		arena_printf(arena,
			"INSERT INTO remote_key (key_id, actor, public_key_pem)"
			" SELECT uri || '#second-key', id, '%.*s' FROM remote_actor"
			"  WHERE uri = '%.*s'",
			SPAN_FMT(pkey_public_pem(arena, fedi->other)), SPAN_FMT(alice))
			.p);
	take("x1", "Update", alice,
		arena_printf(arena, "{\"id\":\"%.*s\",\"type\":\"Person\"}", SPAN_FMT(alice)));
	assert_int_equal(work(), 1);
	check_span(span_of(pg_sql(
			   fedi->dsn, arena_printf(arena,
					      "SELECT inbox || ' ' || key_id FROM remote_actor"
					      " WHERE uri = '%.*s'",
					      SPAN_FMT(alice))
					      .p)),
		arena_printf(
			arena, "%.*s/new %.*s#second-key", SPAN_FMT(alice), SPAN_FMT(alice)));
	assert_int_equal(number("SELECT count(*) FROM remote_key"), 0);
	/* From now on it is asked for by that one. */
	(void)pg_sql(fedi->dsn, "UPDATE key_fetch SET at = at - interval '6 minutes'");
	take("x2", "Update", alice,
		arena_printf(arena, "{\"id\":\"%.*s\",\"type\":\"Person\"}", SPAN_FMT(alice)));
	assert_int_equal(work(), 1);
	assert_string_equal(outcome("x2"), "actor refreshed");
}

/* ---- all the rest ---- */

static void
test_counted(void **state)
{
	static const char *const types[] = {
		"Like", "Announce", "Arrive", "Accept", "Reject", "Flag", "Move", "EmojiReact"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "c%zu", i);
		if (strcmp(types[i], "Move") == 0)
			continue;
		take(id, types[i], alice, SPAN("https://anderswo.example/1"));
	}
	take("n1", "Create", alice,
		arena_printf(arena,
			"{\"id\":\"%.*s/n\",\"type\":\"Note\",\"attributedTo\":\"%.*s\"}",
			SPAN_FMT(fedi->peer_base), SPAN_FMT(alice)));
	/* One signer's work is done in order, so one job after the other. */
	while (work() > 0)
		;
	assert_int_equal(
		number("SELECT count(*) FROM inbox_activity WHERE outcome IS NULL"), 0);
	assert_string_equal(outcome("c0"), "counted");
	assert_string_equal(outcome("n1"), "counted");
	assert_string_equal(outcome("c3"), "accepted");
	assert_string_equal(outcome("c4"), "rejected");
	assert_int_equal(number("SELECT count(*) FROM job"), 0);
	assert_int_equal(fedi->n_seen, 0);
}

static void
test_malformed(void **state)
{
	(void)state;
	take("m1", "Follow", alice, stadt);
	take("m2", "Follow", bob, stadt);
	(void)pg_sql(fedi->dsn,
		arena_printf(arena, "UPDATE inbox_activity SET body = '{' WHERE uri = '%.*s'",
			SPAN_FMT(uri("m1")))
			.p);
	(void)pg_sql(
		fedi->dsn, arena_printf(arena, "DELETE FROM inbox_activity WHERE uri = '%.*s'",
				   SPAN_FMT(uri("m2")))
				   .p);
	assert_int_equal(work(), 2);
	assert_non_null(strstr(outcome("m1"), "not JSON"));
	assert_int_equal(number("SELECT count(*) FROM job"), 0);
	assert_int_equal(number("SELECT count(*) FROM follow"), 0);
}

/* A job whose lease somebody else has now has no effect. */
static void
test_lease_lost(void **state)
{
	(void)state;
	take("f1", "Follow", alice, stadt);
	(void)pg_sql(fedi->dsn,
		"CREATE FUNCTION t_steal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
		" UPDATE job SET lease_token = gen_random_uuid() WHERE state = 'running'; "
		"RETURN NEW;"
		" END $$;"
		"CREATE TRIGGER t_steal AFTER UPDATE ON job FOR EACH ROW"
		" WHEN (pg_trigger_depth() = 0 AND NEW.state = 'running')"
		" EXECUTE FUNCTION t_steal()");
	assert_int_equal(work(), 1);
	(void)pg_sql(fedi->dsn, "DROP FUNCTION t_steal CASCADE");
	assert_string_equal(outcome("f1"), "open");
	assert_int_equal(number("SELECT count(*) FROM follow"), 0);
	assert_int_equal(number("SELECT count(*) FROM activity"), 0);
	assert_int_equal(number("SELECT count(*) FROM job WHERE state = 'running'"), 1);
}

static void
answer_gone(struct fedi *f, struct httpd_req *r)
{
	(void)f;
	fedi_reply(r, 410, NULL, SPAN(""));
}

/*
 * The program stops in the middle: the job is given back as if it had not begun, or is done;
 * either way its effect is there once in the end.
 */
static void
test_stopped(void **state)
{
	static const struct {
		const char *table; /* it hangs on; NULL = the peer */
		bool done;         /* in the middle of its commit, which then goes on */
	} cases[] = {
		{"inbox_activity", false},
		{"account", false},
		{"remote_actor", false},
		{"remote_actor", true},
		{NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const bool follow = cases[i].table != NULL;

		(void)clean(NULL);
		take("s1", follow ? "Follow" : "Delete", alice, follow ? stadt : alice);
		fedi_hang(fedi, !follow         ? NULL
				: cases[i].done ? hang_rows(fedi->dsn, cases[i].table)
						: hang_table(fedi->dsn, cases[i].table));
		fedi->then = fedi_stop_and_go_on;
		assert_int_equal(work(), 1);
		hang_settle(fedi->dsn);
		assert_int_equal(number("SELECT count(*) FROM job WHERE kind = 'receive'"),
			!cases[i].done);
		assert_int_equal(
			number("SELECT count(*) FROM job WHERE kind = 'receive' AND state ="
			       " 'ready' AND attempt = 0 AND run_at <= now()"),
			!cases[i].done);
		if (!cases[i].done)
			assert_string_equal(outcome("s1"), "open");
		fedi->when = NULL;
		fedi->answer = follow ? NULL : answer_gone;
		assert_int_equal(work(), !cases[i].done);
		assert_string_equal(outcome("s1"), follow ? "followed" : "actor deleted");
		assert_int_equal(number("SELECT count(*) FROM follow"), follow);
		assert_int_equal(number("SELECT count(*) FROM activity"), follow);
		assert_int_equal(
			number("SELECT count(*) FROM job WHERE kind = 'deliver'"), follow);
		assert_int_equal(number("SELECT count(*) FROM remote_actor"), 1 + follow);
		assert_int_equal(number("SELECT count(*) FROM job WHERE kind = 'receive'"), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_follow, clean),
		cmocka_unit_test_setup(test_follow_again, clean),
		cmocka_unit_test_setup(test_follow_of_nobody, clean),
		cmocka_unit_test_setup(test_follower_forgotten, clean),
		cmocka_unit_test_setup(test_follow_with_the_same_id, clean),
		cmocka_unit_test_setup(test_undo, clean),
		cmocka_unit_test_setup(test_undo_before_follow, clean),
		cmocka_unit_test_setup(test_undo_in_order, clean),
		cmocka_unit_test_setup(test_undo_of_older_follow, clean),
		cmocka_unit_test_setup(test_undo_between_same_ids, clean),
		cmocka_unit_test_setup(test_undo_of_unseen_follow, clean),
		cmocka_unit_test_setup(test_block, clean),
		cmocka_unit_test_setup(test_delete, clean),
		cmocka_unit_test_setup(test_delete_beside_publishing, clean),
		cmocka_unit_test_setup(test_delete_again, clean),
		cmocka_unit_test_setup(test_slow_servers, clean),
		cmocka_unit_test_setup(test_update_of_actor, clean),
		cmocka_unit_test_setup(test_update_after_change_of_keys, clean),
		cmocka_unit_test_setup(test_counted, clean),
		cmocka_unit_test_setup(test_malformed, clean),
		cmocka_unit_test_setup(test_lease_lost, clean),
		cmocka_unit_test_setup(test_stopped, clean),
	};

	return cmocka_run_group_tests_name("flow.receive", tests, setup, fedi_teardown);
}
