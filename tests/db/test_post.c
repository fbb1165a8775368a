/* Taking posts back, on a real database. */
#include "hub/post.h"
#include "lib/check.h"
#include "lib/dbrun.h"
#include "lib/pg.h"

static struct pg *pg;
static struct span dsn;
static struct arena *arena;
static int64_t account;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new();
	pg = pg_shared();
	dsn = dbrun_database(pg);
	account = pg_number(dsn,
		"INSERT INTO account (kind, slug, actor_type, name, public_key_pem,"
		" ed25519_public, private_keys) VALUES ('organization', 'stadt',"
		" 'Organization', 'Stadt', 'x', '\\x00', '\\x00') RETURNING id");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pg_stop(pg);
	arena_free(arena);
	return 0;
}

static struct post
put(const char *state, int64_t revision)
{
	struct post p = {.account = account, .revision = revision, .archive = true};

	p.id = pg_number(dsn,
		arena_printf(arena,
			"INSERT INTO post (account, state, revision, content_hash, html, text,"
			" language, published_at) VALUES (%lld, '%s', %lld, '\\x00', 'x', 'x',"
			" 'de', now()) RETURNING id",
			(long long)account, state, (long long)revision)
			.p);
	return p;
}

static const char *
state_of(const struct post *p)
{
	return pg_sql(dsn,
		arena_printf(arena, "SELECT state FROM post WHERE id = %lld", (long long)p->id)
			.p);
}

struct withdrawal {
	struct post post;
	struct record_new entry;
};

static void
fill_withdraw(struct db_batch *b, void *ctx)
{
	struct withdrawal *w = ctx;

	w->entry = post_withdraw(b, &w->post, INT64_C(1700000000000000), SPAN("weil"));
}

static void
fill_drop(struct db_batch *b, void *ctx)
{
	const struct withdrawal *w = ctx;

	post_drop(b, w->post.id, INT64_C(1700000000000000), SPAN("weil"));
}

static void
fill_release(struct db_batch *b, void *ctx)
{
	const struct withdrawal *w = ctx;

	post_release(b, w->post.id, w->post.id);
}

/* What is withdrawn is what was read, so that the entry has a revision of its own. */
static void
test_withdraw(void **state)
{
	struct withdrawal w = {.post = put("published", 3)};

	(void)state;
	w.post.revision = 2;
	assert_int_equal(dbrun_fails(dsn, fill_withdraw, &w), ERR_CONFLICT);
	assert_string_equal(state_of(&w.post), "published");
	w.post.revision = 3;
	dbrun_ok(dsn, fill_withdraw, NULL, &w);
	assert_string_equal(state_of(&w.post), "withdrawn");
	assert_int_equal(
		pg_number(dsn, arena_printf(arena, "SELECT revision FROM post WHERE id = %lld",
				       (long long)w.post.id)
				       .p),
		4);
	assert_int_equal(w.entry.kind, RECORD_DELETE);
	assert_int_equal(w.entry.object, w.post.id);
	assert_int_equal(w.entry.account, w.post.account);
	assert_int_equal(w.entry.revision, 4);
	assert_int_equal(w.entry.at_us, INT64_C(1700000000000000));
	assert_true(w.entry.archive);
	assert_null(w.entry.content.p);
	w.post.revision = 4;
	assert_int_equal(dbrun_fails(dsn, fill_withdraw, &w), ERR_CONFLICT);
}

static void
test_drop(void **state)
{
	struct withdrawal w = {.post = put("held", 1)};

	(void)state;
	assert_int_equal(dbrun_fails(dsn, fill_withdraw, &w), ERR_CONFLICT);
	dbrun_ok(dsn, fill_drop, NULL, &w);
	assert_string_equal(state_of(&w.post), "withdrawn");
	/* Its pictures come now: too late. */
	assert_int_equal(dbrun_fails(dsn, fill_release, &w), ERR_CONFLICT);
	assert_string_equal(state_of(&w.post), "withdrawn");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_withdraw),
		cmocka_unit_test(test_drop),
	};

	return cmocka_run_group_tests_name("db.post", tests, setup, teardown);
}
