#include "hub/setting.h"

/* A stranger who follows and unfollows must not keep every cache empty. */
#define GENERATION_FOLLOWERS "interval '10 seconds'"

struct generation_row {
	int64_t n;
	bool due;
};

static const struct db_field generation_fields[] = {
	DB_INT(struct generation_row, n),
	DB_BOOL(struct generation_row, due),
};

static const struct db_stmt generation_bump_stmt = {
	.name = "generation_bump",
	.sql = "UPDATE generation"
	       "   SET n = n + 1",
	.params = "",
};

void
generation_bump(struct db_batch *b)
{
	(void)db_add0(b, &generation_bump_stmt);
}

static const struct db_stmt generation_read_stmt = {
	.name = "generation_read",
	.sql = "SELECT n,"
	       "       coalesce(followers_at < now() - " GENERATION_FOLLOWERS ", false) AS due"
	       "  FROM generation",
	.params = "",
	DB_ROW(struct generation_row, generation_fields),
};

size_t
generation_read(struct db_batch *b)
{
	return db_add0(b, &generation_read_stmt);
}

const struct err *
generation_row(const struct db_batch *b, size_t i, int64_t *n, bool *due)
{
	struct generation_row row = {0};
	const struct err *e = db_row(b, i, 0, &row);

	if (e)
		return e;
	*n = row.n;
	*due = row.due;
	return NULL;
}

static const struct db_stmt generation_followers_stmt = {
	.name = "generation_followers",
	.sql = "UPDATE generation"
	       "   SET n = n + 1, followers_at = NULL"
	       " WHERE followers_at < now() - " GENERATION_FOLLOWERS,
	.params = "",
};

void
generation_followers(struct db_batch *b)
{
	(void)db_add0(b, &generation_followers_stmt);
}

static const struct db_field setting_fields[] = {
	DB_TEXT(struct setting, key),
	DB_JSON(struct setting, value),
};

static const struct db_stmt setting_all_stmt = {
	.name = "setting_all",
	.sql = "SELECT key, value"
	       "  FROM setting"
	       " ORDER BY key",
	.params = "",
	DB_ROW(struct setting, setting_fields),
};

size_t
setting_all(struct db_batch *b)
{
	return db_add0(b, &setting_all_stmt);
}

const struct err *
setting_row(const struct db_batch *b, size_t i, size_t row, struct setting *out)
{
	return db_row(b, i, row, out);
}

static const struct db_stmt setting_put_stmt = {
	.name = "setting_put",
	.sql = "INSERT INTO setting (key, value)"
	       "VALUES ($1, $2)"
	       "    ON CONFLICT (key) DO UPDATE"
	       "   SET value = excluded.value, updated_at = now()",
	.params = "tj",
};

void
setting_put(struct db_batch *b, struct span key, struct span json)
{
	(void)db_add(b, &setting_put_stmt, db_text(key), db_json(json));
	generation_bump(b);
}

static const struct db_stmt setting_init_stmt = {
	.name = "setting_init",
	.sql = "INSERT INTO setting (key, value)"
	       "VALUES ($1, $2)"
	       "    ON CONFLICT (key) DO NOTHING",
	.params = "tj",
};

void
setting_init(struct db_batch *b, struct span key, struct span json)
{
	(void)db_add(b, &setting_init_stmt, db_text(key), db_json(json));
}

const struct db_stmt *const setting_stmts[] = {
	&generation_bump_stmt,
	&generation_read_stmt,
	&generation_followers_stmt,
	&setting_all_stmt,
	&setting_put_stmt,
	&setting_init_stmt,
};
const size_t n_setting_stmts = ARRAY_LEN(setting_stmts);
