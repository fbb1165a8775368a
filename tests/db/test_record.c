/* The record on a real database: appending, readers, checkpoints, and every way to tamper. */
#include "base/codec.h"
#include "crypto/pkey.h"
#include "hub/record.h"
#include "hub/setting.h"
#include "lib/check.h"
#include "lib/dbrun.h"
#include "lib/pg.h"

static struct pg *pg;
static struct span dsn;
static struct arena *arena;
static struct hub hub;

static int
setup(void **state)
{
	(void)state;
	pg = pg_shared();
	arena = arena_new();
	dsn = dbrun_database(pg);
	hub = (struct hub){.arena = arena, .authority = SPAN("hub.example"), .epoch = 1};
	hub.checkpoint_key = pkey_generate(PKEY_ED25519);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pkey_unref(hub.checkpoint_key);
	arena_free(arena);
	pg_stop(pg);
	return 0;
}

static int64_t
number(const char *sql)
{
	return pg_number(dsn, sql);
}

static void
fill_begin(struct db_batch *b, void *ctx)
{
	(void)ctx;
	record_begin(b, &hub);
}

struct append {
	int64_t first, n;
	bool twice; /* something refuses the batch at its end */
};

static void
fill_append(struct db_batch *b, void *ctx)
{
	static const struct db_stmt refuse = {
		.name = "t_refuse", .sql = "SELECT litfass_expect(0, 1, 'nothing')"};
	const struct append *ap = ctx;

	for (int64_t i = ap->first; i < ap->first + ap->n; i++) {
		const struct record_new e = {
			.kind = i % 5 == 4 ? RECORD_DELETE : RECORD_CREATE,
			.account = 1,
			.object = i,
			.revision = 1,
			.archive = i % 2 == 0,
			.at_us = 1772359200000000 + i,
			.content = i % 5 == 4
					   ? SPAN_NONE
					   : arena_printf(b->arena, "{\"id\":\"%d\"}", (int)i),
		};

		record_append(b, &hub, &e);
	}
	if (ap->twice)
		(void)db_add0(b, &refuse);
}

static void
append(int64_t first, int64_t n)
{
	struct append a = {.first = first, .n = n};

	dbrun_ok(dsn, fill_append, NULL, &a);
}

/* ---- checkpoints as the worker makes them ---- */

static void
fill_due(struct db_batch *b, void *ctx)
{
	(void)ctx;
	(void)checkpoint_due(b, &hub);
}

static void
read_due(const struct db_batch *b, void *ctx)
{
	struct record_checkpoint *c = ctx;

	if (db_rows(b, 0) == 0)
		return;
	check_ok(arena, checkpoint_row(b, 0, 0, c));
	c->hub = arena_dup(arena, c->hub);
	c->hash = arena_dup(arena, c->hash);
}

static void
fill_store(struct db_batch *b, void *ctx)
{
	checkpoint_store(b, ctx);
}

static bool
checkpoint(void)
{
	struct record_checkpoint c = {0};

	dbrun_ok(dsn, fill_due, read_due, &c);
	if (!c.seq)
		return false;
	check_ok(arena,
		pkey_sign(arena, hub.checkpoint_key, checkpoint_text(arena, &c), &c.signature));
	dbrun_ok(dsn, fill_store, NULL, &c);
	return true;
}

static int
fresh(void **state)
{
	(void)state;
	(void)pg_sql(dsn, "TRUNCATE record_head, record_entry, record_content, "
			  "record_checkpoint, reader");
	dbrun_ok(dsn, fill_begin, NULL, NULL);
	return 0;
}

/* ---- verification as litfassctl does it ---- */

struct verify {
	struct record_verify v;
	const struct err *e;
};

static void
fill_verify(struct db_batch *b, void *ctx)
{
	(void)ctx;
	(void)record_after(b, &hub, 0, 0, 1000, true);
	(void)checkpoint_list(b, &hub, 0, 0, 1000);
	(void)record_head_read(b);
}

static const struct err *
verify_rows(const struct db_batch *b, struct record_verify *v)
{
	struct record_checkpoint c = {0};
	struct record_entry entry;
	const struct err *e = NULL;
	size_t next = 0;

	record_verify_init(v, 1);
	for (size_t row = 0; row <= db_rows(b, 0); row++) {
		while (!e && next < db_rows(b, 1)) {
			check_ok(arena, checkpoint_row(b, 1, next, &c));
			if (record_verify_waits(v, &c) && row < db_rows(b, 0))
				break;
			e = record_verify_checkpoint(v, arena, &c, hub.checkpoint_key);
			next++;
		}
		if (e || row == db_rows(b, 0))
			break;
		check_ok(arena, record_row(b, 0, row, &entry));
		e = record_verify_entry(v, arena, &entry);
	}
	if (e)
		return e;
	check_ok(arena, record_head_row(b, 2, &c));
	return record_verify_head(v, arena, &c);
}

static void
read_verify(const struct db_batch *b, void *ctx)
{
	struct verify *v = ctx;
	const struct err *e = verify_rows(b, &v->v);

	v->e = e ? err_copy(arena, e) : NULL;
}

static struct verify
verify(void)
{
	struct verify v = {0};

	dbrun_ok(dsn, fill_verify, read_verify, &v);
	return v;
}

static void
test_append(void **state)
{
	struct append refused = {.first = 100, .n = 5, .twice = true};
	int64_t generation = number("SELECT n FROM generation");
	struct verify v;

	(void)state;
	assert_false(checkpoint());
	append(1, 1);
	append(2, 10);
	assert_true(number("SELECT n FROM generation") > generation);
	assert_int_equal(dbrun_fails(dsn, fill_append, &refused), ERR_CONFLICT);
	append(12, 3);
	assert_true(checkpoint());
	assert_false(checkpoint());
	v = verify();
	check_ok(arena, v.e);
	assert_int_equal(v.v.entries, 14);
	assert_int_equal(v.v.checkpoints, 1);
	/* Deletes have no content; its place in the digest is all zero. */
	assert_int_equal(v.v.contents, 14 - 3 + 1 - 1);
	assert_int_equal(number("SELECT count(*) FROM record_entry WHERE kind = 'delete'"
				" AND content_digest = decode(repeat('00', 32), 'hex')"),
		number("SELECT count(*) FROM record_entry WHERE kind = 'delete'"));
}

static void
test_empty(void **state)
{
	(void)state;
	check_ok(arena, verify().e);
	dbrun_ok(dsn, fill_begin, NULL, NULL);
	assert_int_equal(number("SELECT count(*) FROM record_head"), 1);
}

/* Many writers at once: commit order, no gap, one chain. */
static void
test_concurrent(void **state)
{
	enum { WRITERS = 60 };
	struct append *a = calloc(WRITERS, sizeof(*a));
	struct dbrun_call *c = calloc(WRITERS, sizeof(*c));
	const struct db_opts o = dbrun_opts(dsn, 6);
	struct dbrun *r = dbrun_new(&o);

	(void)state;
	for (int i = 0; i < WRITERS; i++) {
		a[i] = (struct append){
			.first = i * 10 + 1, .n = 1 + i % 7, .twice = i % 11 == 3};
		c[i] = (struct dbrun_call){.fill = fill_append, .ctx = &a[i]};
		dbrun_start(r, &c[i]);
	}
	dbrun_wait(r);
	dbrun_free(r);
	int64_t want = 0;

	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(c[i].failed, a[i].twice);
		want += a[i].twice ? 0 : a[i].n;
	}
	assert_int_equal(number("SELECT max(seq) FROM record_entry"), want);
	check_ok(arena, verify().e);
	free(a);
	free(c);
}

static void
test_tampered(void **state)
{
	static const struct {
		const char *sql, *says;
	} cases[] = {
		{"UPDATE record_entry SET archive = NOT archive WHERE seq = 7",
			"entry 1/7 was changed"},
		{"UPDATE record_entry SET at = at + interval '1 us' WHERE seq = 1",
			"entry 1/1 was changed"},
		{"UPDATE record_entry SET content_digest = sha256('x') WHERE seq = 9",
			"entry 1/9 was changed"},
		{"UPDATE record_entry SET entry_digest = sha256('x') WHERE seq = 20",
			"entry 1/20 was changed"},
		{"UPDATE record_entry SET hash = sha256('x') WHERE seq = 20",
			"entry 1/20 does not follow"},
		{"UPDATE record_content SET content = '{}' WHERE seq = 3",
			"entry 1/3: the content was changed"},
		{"UPDATE record_content SET salt = sha256('x') WHERE seq = 3",
			"entry 1/3: the content was changed"},
		{"UPDATE record_content SET salt = salt || substring(content FOR 3),"
		 " content = substring(content FROM 4) WHERE seq = 3",
			"entry 1/3: the content was changed"},
		{"INSERT INTO record_content (hub, epoch, seq, salt, content)"
		 " VALUES ('hub.example', 1, 5, '', '{}')",
			"entry 1/5: the content was changed"},
		{"UPDATE record_entry SET seq = 99 WHERE seq = 5;"
		 "UPDATE record_entry SET seq = 5 WHERE seq = 6;"
		 "UPDATE record_entry SET seq = 6 WHERE seq = 99",
			"entry 1/5 does not follow"},
		{"DELETE FROM record_entry WHERE seq = 12", "entry 1/12 is missing"},
		{"DELETE FROM record_entry WHERE seq BETWEEN 12 AND 14",
			"entry 1/12 is missing"},
		{"DELETE FROM record_entry WHERE seq = 1", "entry 1/1 is missing"},
		{"DELETE FROM record_entry WHERE seq > 25",
			"entry 1/26 and what follows are missing"},
		{"DELETE FROM record_entry WHERE seq > 25;"
		 "UPDATE record_head SET seq = 25,"
		 " hash = (SELECT hash FROM record_entry WHERE seq = 25)",
			"a signed checkpoint stands on 1/30"},
		{"DELETE FROM record_entry; UPDATE record_head SET seq = 0,"
		 " hash = decode(repeat('00', 32), 'hex')",
			"a signed checkpoint stands on 1/10"},
		{"UPDATE record_head SET hash = sha256('x')",
			"the head of the record does not fit"},
		{"UPDATE record_checkpoint SET at = at + interval '1 us' WHERE seq = 10",
			"checkpoint 1/10 does not carry the hub's signature"},
		{"UPDATE record_checkpoint SET hash = sha256('x') WHERE seq = 10",
			"checkpoint 1/10 was signed over another record"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct verify v;
		struct span said;

		(void)fresh(state);
		append(0, 10);
		assert_true(checkpoint());
		append(10, 20);
		assert_true(checkpoint());
		v = verify();
		check_ok(arena, v.e);
		assert_int_equal(v.v.checkpoints, 2);
		(void)pg_sql(dsn, cases[i].sql);
		v = verify();
		if (!v.e)
			check_fail("not found: %s", cases[i].sql);
		assert_int_equal(v.e->kind, ERR_CORRUPT);
		said = err_text(arena, v.e);
		if (!strstr(arena_cstr(arena, said), cases[i].says))
			check_fail("%s: \"%.*s\"", cases[i].sql, SPAN_FMT(said));
	}
}

/* A forger who recomputes the whole chain still lacks the key. */
static void
test_rewritten(void **state)
{
	struct verify v;

	(void)state;
	append(0, 5);
	assert_true(checkpoint());
	(void)pg_sql(dsn,
		"DELETE FROM record_entry; DELETE FROM record_content;"
		"UPDATE record_head SET seq = 0, hash = decode(repeat('00', 32), 'hex')");
	append(50, 5);
	v = verify();
	assert_non_null(v.e);
	assert_non_null(strstr(arena_cstr(arena, err_text(arena, v.e)), "another record"));
}

/* Erasing removes content and salt; the chain holds. */
static void
test_erased(void **state)
{
	struct verify v;

	(void)state;
	append(0, 10);
	assert_true(checkpoint());
	(void)pg_sql(dsn, "DELETE FROM record_content WHERE seq IN (2, 3)");
	v = verify();
	check_ok(arena, v.e);
	assert_int_equal(v.v.contents, 6);
}

/* A restore begins a new epoch on the last hash it knows. */
static void
test_epochs(void **state)
{
	struct verify v;

	(void)state;
	append(0, 5);
	assert_true(checkpoint());
	(void)pg_sql(dsn, "INSERT INTO record_head (hub, epoch, seq, hash, own)"
			  " SELECT hub, 2, 0, hash, false FROM record_head;"
			  "UPDATE record_head SET own = (epoch = 2) WHERE epoch = 1;"
			  "UPDATE record_head SET own = true WHERE epoch = 2");
	check_ok(arena, verify().e);
	append(5, 3);
	assert_true(checkpoint());
	v = verify();
	check_ok(arena, v.e);
	assert_true(v.v.epoch == 2 && v.v.seq == 3 && v.v.checkpoints == 2);
}

/* ---- readers ---- */

struct read {
	const char *name;
	bool from_start;
	struct reader_place place, to;
	int64_t effect;
};

static void
fill_read(struct db_batch *b, void *ctx)
{
	const struct read *r = ctx;

	(void)reader_read(b, span_of(r->name), r->from_start);
}

static void
read_read(const struct db_batch *b, void *ctx)
{
	struct read *r = ctx;

	assert_int_equal(db_rows(b, 0), 1);
	check_ok(arena, reader_row(b, 0, &r->place));
}

static void
fill_move(struct db_batch *b, void *ctx)
{
	const struct read *r = ctx;

	setting_put(b, arena_printf(b->arena, "effect%d", (int)r->effect), SPAN("1"));
	reader_move(b, span_of(r->name), r->place, r->to);
}

static void
test_readers(void **state)
{
	struct read end = {.name = "end"}, start = {.name = "start", .from_start = true};
	struct read slow;

	(void)state;
	append(0, 7);
	dbrun_ok(dsn, fill_read, read_read, &end);
	dbrun_ok(dsn, fill_read, read_read, &start);
	assert_true(end.place.epoch == 1 && end.place.seq == 7);
	assert_true(start.place.epoch == 1 && start.place.seq == 0);
	append(7, 2);
	dbrun_ok(dsn, fill_read, read_read, &end);
	assert_int_equal(end.place.seq, 7);
	/* Two workers stand at the same place: one moves, the other's effects are undone. */
	slow = start;
	start.to = (struct reader_place){1, 5};
	start.effect = 1;
	slow.to = (struct reader_place){1, 3};
	slow.effect = 2;
	dbrun_ok(dsn, fill_move, NULL, &start);
	assert_int_equal(dbrun_fails(dsn, fill_move, &slow), ERR_CONFLICT);
	assert_int_equal(number("SELECT count(*) FROM setting WHERE key = 'effect1'"), 1);
	assert_int_equal(number("SELECT count(*) FROM setting WHERE key = 'effect2'"), 0);
	dbrun_ok(dsn, fill_read, read_read, &slow);
	assert_int_equal(slow.place.seq, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, fresh),
		cmocka_unit_test_setup(test_append, fresh),
		cmocka_unit_test_setup(test_concurrent, fresh),
		cmocka_unit_test_setup(test_tampered, fresh),
		cmocka_unit_test_setup(test_rewritten, fresh),
		cmocka_unit_test_setup(test_erased, fresh),
		cmocka_unit_test_setup(test_epochs, fresh),
		cmocka_unit_test_setup(test_readers, fresh),
	};

	log_setup(LOG_ERROR, false, "test");
	return cmocka_run_group_tests_name("db.record", tests, setup, teardown);
}
