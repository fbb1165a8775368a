/*
 * Batch: statements collected and sent as one pipeline ended by one sync: one transaction, all
 * commit or none, one wait. No transaction is ever open across a wait for something else.
 *
 * Failures: ERR_DB_GONE (no connection, nothing was sent: retry later), ERR_UNCERTAIN (the
 * connection broke before the answer: it may have committed; repeat with the same keys),
 * ERR_CONFLICT (23505 on a key and the statement did not say ON CONFLICT; 23503, what is
 * referred to has gone or got another key), ERR_TIMEOUT (57014),
 * ERR_DB (anything else, with SQLSTATE). 40001 and 40P01 are repeated up to five times inside,
 * whatever connections broke meanwhile; so is what met a broken one and cannot have committed.
 * A batch that a cancelled task has sent runs to its end on the server; its results are
 * dropped.
 */
#ifndef DB_BATCH_H
#define DB_BATCH_H

#include "db/value.h"
#include "task/task.h"

struct db_result; /* rows of one statement */

/* Which connections of the pool: what many strangers or long work do must not hold up others.
 */
enum db_lane {
	DB_LANE_WORK,   /* jobs, the inbox, everything that does not say otherwise */
	DB_LANE_PUBLIC, /* reading for visitors: short statements only */
	DB_LANE_VITAL,  /* a row or two that others rely on: generation, leases */
	DB_LANES
};

struct db_batch {
	struct arena *arena;
	struct db_query *first, *last;
	size_t n;
	struct db_result **results; /* by number, after the wait */
	enum db_lane lane;
	bool sent;
};

void db_batch_init(struct db_batch *b, struct arena *a); /* lane: DB_LANE_WORK */
/* Copies the values. Asserts that their types are the statement's. Returns the number. */
size_t db_add_n(struct db_batch *b, const struct db_stmt *st, const struct db_val *v, size_t n);
#define db_add(b, st, ...)                                                                     \
	db_add_n((b), (st), (const struct db_val[]){__VA_ARGS__},                              \
		sizeof((const struct db_val[]){__VA_ARGS__}) / sizeof(struct db_val))
#define db_add0(b, st) db_add_n((b), (st), NULL, 0)

/*
 * A statement that must change exactly one row, or the whole batch rolls back: a CTE `changed`
 * and DB_EXPECT_ONE behind it. litfass_expect raises SQLSTATE LF001, which is ERR_CONFLICT.
 */
struct db_expect {
	bool ok;
};
extern const struct db_field db_expect_fields[1];
#define DB_EXPECT_ONE(what)                                                                    \
	" SELECT litfass_expect((SELECT count(*) FROM changed), 1, '" what "') AS ok"
#define DB_EXPECT_ROW                                                                          \
	.fields = db_expect_fields, .n_fields = 1, .row_size = sizeof(struct db_expect)

/* BEGIN..COMMIT; the batch must hold at least one statement. */
struct next await_commit_at(
	struct task *t, struct db_batch *b, step_fn *then, const char *name) MUST_CHECK;
#define await_commit(t, b, step) await_commit_at((t), (b), (step), #step)
/* Reading only; the same snapshot for all statements is not promised. */
struct next await_rows_at(
	struct task *t, struct db_batch *b, step_fn *then, const char *name) MUST_CHECK;
#define await_rows(t, b, step) await_rows_at((t), (b), (step), #step)

/* ---- results of statement i ---- */
size_t db_rows(const struct db_batch *b, size_t i);
int64_t db_affected(const struct db_batch *b, size_t i);
/* Fills one row struct (memory of texts in the batch's arena). ERR_CORRUPT on an unexpected
 * NULL. */
const struct err *db_row(const struct db_batch *b, size_t i, size_t row, void *out) MUST_CHECK;
/* All rows as an array of st->row_size in the arena. */
const struct err *db_all(
	const struct db_batch *b, size_t i, void *out_array, size_t *n) MUST_CHECK;
/* Convenience: first column of the first row as int8, or absent. */
bool db_one_int(const struct db_batch *b, size_t i, int64_t *out);

#endif
