/*
 * Value: typed parameters and fields, the same letters for both.
 *
 *	i  int8     int64_t          b  bool     bool
 *	t  text     struct span      y  bytea    struct span
 *	j  jsonb    struct span (JSON text)
 *	z  timestamptz  int64_t microseconds since 1970 UTC, TIME_NONE = NULL
 *	I  int8[]   T  text[]   Y  bytea[]   Z timestamptz[]   (parameters only)
 *
 * A span with p NULL is SQL NULL. Values are borrowed until the batch is sent (they are copied
 * into the batch's arena by db_add).
 */
#ifndef DB_VALUE_H
#define DB_VALUE_H

#include "base/clock.h"
#include "base/metric.h"
#include "base/span.h"

struct db_val {
	char type; /* one of the letters */
	bool null;
	union {
		int64_t i;
		bool b;
		struct span s;
		struct {
			const int64_t *i;
			const struct span *s;
			size_t n;
		} array;
	} u;
};

static inline struct db_val
db_int(int64_t v)
{
	return (struct db_val){.type = 'i', .u.i = v};
}

static inline struct db_val
db_bool(bool v)
{
	return (struct db_val){.type = 'b', .u.b = v};
}

static inline struct db_val
db_text(struct span s)
{
	return (struct db_val){.type = 't', .null = !s.p, .u.s = s};
}

static inline struct db_val
db_bytea(struct span s)
{
	return (struct db_val){.type = 'y', .null = !s.p, .u.s = s};
}

static inline struct db_val
db_json(struct span s)
{
	return (struct db_val){.type = 'j', .null = !s.p, .u.s = s};
}

static inline struct db_val
db_time(int64_t us)
{
	return (struct db_val){.type = 'z', .null = us == TIME_NONE, .u.i = us};
}

static inline struct db_val
db_int_null(void)
{
	return (struct db_val){.type = 'i', .null = true};
}

static inline struct db_val
db_ints(const int64_t *v, size_t n)
{
	return (struct db_val){.type = 'I', .u.array = {.i = v, .n = n}};
}

static inline struct db_val
db_texts(const struct span *v, size_t n)
{
	return (struct db_val){.type = 'T', .u.array = {.s = v, .n = n}};
}

static inline struct db_val
db_byteas(const struct span *v, size_t n)
{
	return (struct db_val){.type = 'Y', .u.array = {.s = v, .n = n}};
}

static inline struct db_val
db_times(const int64_t *v, size_t n)
{
	return (struct db_val){.type = 'Z', .u.array = {.i = v, .n = n}};
}

/* Where a column goes in a struct. */
struct db_field {
	const char *column;
	char type;     /* i t b y j z */
	bool nullable; /* 'i' and 'b' become 0 and false; others see above */
	size_t offset, size;
};

#define DB_FIELD_(st, member, letter, null_)                                                   \
	{                                                                                      \
		.column = #member, .type = (letter), .nullable = (null_),                      \
		.offset = offsetof(st, member), .size = sizeof(((st *)0)->member)              \
	}
#define DB_INT(st, member) DB_FIELD_(st, member, 'i', false)
#define DB_INT_NULL(st, member) DB_FIELD_(st, member, 'i', true)
#define DB_TEXT(st, member) DB_FIELD_(st, member, 't', false)
#define DB_TEXT_NULL(st, member) DB_FIELD_(st, member, 't', true)
#define DB_BOOL(st, member) DB_FIELD_(st, member, 'b', false)
#define DB_BYTEA(st, member) DB_FIELD_(st, member, 'y', false)
#define DB_BYTEA_NULL(st, member) DB_FIELD_(st, member, 'y', true)
#define DB_JSON(st, member) DB_FIELD_(st, member, 'j', false)
#define DB_TIME(st, member) DB_FIELD_(st, member, 'z', false)
#define DB_TIME_NULL(st, member) DB_FIELD_(st, member, 'z', true)

/*
 * A statement: constant SQL above the function that uses it. params are type letters in the
 * order of $1, $2...; the fields name every result column (none for statements without rows).
 * Lists of all statements of a module are checked by a test against a fresh database.
 */
struct db_stmt {
	const char *name; /* unique: "post_insert" */
	const char *sql;
	const char *params;
	const struct db_field *fields;
	size_t n_fields;
	size_t row_size;
	/* Grows by the rows it changed, or gave, once they are committed; NULL = none. */
	const enum metric *counts;
};

#define DB_ROW(type, table)                                                                    \
	.fields = (table), .n_fields = ARRAY_LEN(table), .row_size = sizeof(type)

#endif
