#include "db/run.h"

#include <stdlib.h>
#include <string.h>

#include "db/wire.h"

static void
row_clear(void *pg)
{
	PQclear(pg);
}

void
db_result_give(struct db_batch *b, size_t i, const struct db_stmt *st, PGresult *res)
{
	struct db_result *r = ARENA_NEW(b->arena, struct db_result);

	r->st = st;
	r->pg = res;
	arena_own(b->arena, row_clear, res);
	b->results[i] = r;
}

const struct err *
db_result_check(struct arena *a, const struct db_stmt *st, const PGresult *res)
{
	const int n = PQnfields(res);

	/* A statement without fields may still SELECT, e.g. litfass_expect: not looked at. */
	if (st->n_fields == 0)
		return NULL;
	if ((size_t)n != st->n_fields)
		return err_new(a, ERR_CORRUPT, "statement %s gives %d columns, %zu are wanted",
			st->name, n, st->n_fields);
	for (int i = 0; i < n; i++) {
		const struct db_field *f = &st->fields[i];

		if (strcmp(PQfname(res, i), f->column) != 0)
			return err_new(a, ERR_CORRUPT,
				"statement %s: column %d is \"%s\", \"%s\" is wanted", st->name,
				i + 1, PQfname(res, i), f->column);
		if (PQftype(res, i) != db_oid(f->type))
			return err_new(a, ERR_CORRUPT,
				"statement %s: column \"%s\" has type %u, %u is wanted",
				st->name, f->column, PQftype(res, i), db_oid(f->type));
	}
	return NULL;
}

static const struct db_result *
row_result(const struct db_batch *b, size_t i)
{
	assert(b->results != NULL && i < b->n && b->results[i] != NULL);
	return b->results[i];
}

size_t
db_rows(const struct db_batch *b, size_t i)
{
	return (size_t)PQntuples(row_result(b, i)->pg);
}

int64_t
db_affected(const struct db_batch *b, size_t i)
{
	int64_t n = 0;

	if (!span_i64(span_of(PQcmdTuples(row_result(b, i)->pg)), 0, INT64_MAX, &n))
		return 0;
	return n;
}

static void
row_put_null(const struct db_field *f, char *to)
{
	const int64_t none = TIME_NONE;

	if (f->type == 'z')
		memcpy(to, &none, sizeof(none));
	else
		memset(to, 0, f->size); /* 0, false, SPAN_NONE */
}

static bool
row_put(const struct db_field *f, char *to, const char *p, size_t n)
{
	struct span s = span_from(p, n);
	int64_t i;
	bool b;

	switch (f->type) {
	case 'i':
	case 'z':
		if (n != 8)
			return false;
		i = (int64_t)db_get_u64(p);
		/* ±infinity and what lies beyond our range is no time we can use. */
		if (f->type == 'z' && (i > INT64_MAX - DB_EPOCH_US || i == INT64_MIN))
			return false;
		if (f->type == 'z')
			i += DB_EPOCH_US;
		assert(f->size == sizeof(i));
		memcpy(to, &i, sizeof(i));
		return true;
	case 'b':
		if (n != 1)
			return false;
		b = p[0] != 0;
		assert(f->size == sizeof(b));
		memcpy(to, &b, sizeof(b));
		return true;
	case 'j':
		if (n < 1 || p[0] != 1)
			return false;
		s = span_from(p + 1, n - 1);
		break;
	default:
		break;
	}
	assert(f->size == sizeof(s));
	memcpy(to, &s, sizeof(s));
	return true;
}

const struct err *
db_row(const struct db_batch *b, size_t i, size_t row, void *out)
{
	const struct db_result *r = row_result(b, i);
	const struct db_stmt *st = r->st;

	if (row >= (size_t)PQntuples(r->pg))
		return err_new(
			b->arena, ERR_NOT_FOUND, "statement %s gave no row %zu", st->name, row);
	for (size_t c = 0; c < st->n_fields; c++) {
		const struct db_field *f = &st->fields[c];
		char *to = (char *)out + f->offset;

		if (PQgetisnull(r->pg, (int)row, (int)c)) {
			if (!f->nullable)
				return err_new(b->arena, ERR_CORRUPT,
					"statement %s: column \"%s\" is NULL unexpectedly",
					st->name, f->column);
			row_put_null(f, to);
			continue;
		}
		if (!row_put(f, to, PQgetvalue(r->pg, (int)row, (int)c),
			    (size_t)PQgetlength(r->pg, (int)row, (int)c)))
			return err_new(b->arena, ERR_CORRUPT,
				"statement %s: column \"%s\" holds a value out of range",
				st->name, f->column);
	}
	return NULL;
}

const struct err *
db_all(const struct db_batch *b, size_t i, void *out_array, size_t *n)
{
	const struct db_result *r = row_result(b, i);
	const size_t rows = (size_t)PQntuples(r->pg), size = r->st->row_size;
	char *all = arena_array(b->arena, rows ? rows : 1, size ? size : 1);

	for (size_t row = 0; row < rows; row++) {
		const struct err *e = db_row(b, i, row, all + row * size);

		if (e)
			return e;
	}
	memcpy(out_array, &all, sizeof(all));
	*n = rows;
	return NULL;
}

bool
db_one_int(const struct db_batch *b, size_t i, int64_t *out)
{
	const struct db_result *r = row_result(b, i);

	if (PQntuples(r->pg) < 1 || PQnfields(r->pg) < 1 || PQftype(r->pg, 0) != db_oid('i') ||
		PQgetisnull(r->pg, 0, 0))
		return false;
	*out = (int64_t)db_get_u64(PQgetvalue(r->pg, 0, 0));
	return true;
}
