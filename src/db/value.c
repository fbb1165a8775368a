#include "db/value.h"

#include <string.h>

#include "db/run.h"
#include "db/wire.h"

unsigned
db_oid(char type)
{
	switch (type) {
	case 'i':
		return 20;
	case 'b':
		return 16;
	case 't':
		return 25;
	case 'y':
		return 17;
	case 'j':
		return 3802;
	case 'z':
		return 1184;
	case 'I':
		return 1016;
	case 'T':
		return 1009;
	case 'Y':
		return 1001;
	case 'Z':
		return 1185;
	default:
		return 0;
	}
}

void
db_param_oids(const struct db_stmt *st, unsigned *out)
{
	const size_t n = st->params ? strlen(st->params) : 0;

	assert(n <= DB_PARAMS_MAX);
	for (size_t i = 0; i < n; i++) {
		out[i] = db_oid(st->params[i]);
		assert(out[i] != 0);
	}
}

void
db_put_u32(unsigned char *p, uint32_t v)
{
	for (int i = 3; i >= 0; i--, v >>= 8)
		p[i] = (unsigned char)v;
}

void
db_put_u64(unsigned char *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (unsigned char)v;
}

uint64_t
db_get_u64(const void *from)
{
	const unsigned char *p = from;
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static struct span
value_int(struct arena *a, int64_t v)
{
	unsigned char *p = arena_alloc(a, 8);

	db_put_u64(p, (uint64_t)v);
	return span_from(p, 8);
}

static struct span
value_time(struct arena *a, int64_t us)
{
	return value_int(a, us - DB_EPOCH_US);
}

static struct span
value_json(struct arena *a, struct span s)
{
	char *p = arena_alloc(a, s.n + 1);

	p[0] = 1; /* version of jsonb's binary form */
	if (s.n)
		memcpy(p + 1, s.p, s.n);
	return span_from(p, s.n + 1);
}

static size_t
array_item_size(const struct db_val *v, size_t i)
{
	if (v->type == 'I')
		return 8;
	if (v->type == 'Z')
		return v->u.array.i[i] == TIME_NONE ? 0 : 8;
	return v->u.array.s[i].n;
}

static bool
array_item_null(const struct db_val *v, size_t i)
{
	if (v->type == 'I')
		return false;
	if (v->type == 'Z')
		return v->u.array.i[i] == TIME_NONE;
	return v->u.array.s[i].p == NULL;
}

static void
array_item(unsigned char *p, const struct db_val *v, size_t i, size_t size)
{
	if (v->type == 'I')
		db_put_u64(p, (uint64_t)v->u.array.i[i]);
	else if (v->type == 'Z')
		db_put_u64(p, (uint64_t)(v->u.array.i[i] - DB_EPOCH_US));
	else if (size)
		memcpy(p, v->u.array.s[i].p, size);
}

/* ndim, has nulls, element type, then per dimension size and lower bound, then the items. */
static struct span
value_array(struct arena *a, const struct db_val *v)
{
	const size_t n = v->u.array.n;
	const char element = (char)(v->type == 'I'   ? 'i'
				    : v->type == 'T' ? 't'
				    : v->type == 'Y' ? 'y'
						     : 'z');
	size_t size = n ? 20 : 12;
	unsigned char *p, *at;

	for (size_t i = 0; i < n; i++)
		size += 4 + array_item_size(v, i);
	p = at = arena_alloc(a, size);
	db_put_u32(at, n ? 1 : 0);
	db_put_u32(at + 4, 0);
	db_put_u32(at + 8, db_oid(element));
	if (!n)
		return span_from(p, size);
	db_put_u32(at + 12, (uint32_t)n);
	db_put_u32(at + 16, 1);
	at += 20;
	for (size_t i = 0; i < n; i++) {
		const size_t bytes = array_item_size(v, i);

		if (array_item_null(v, i)) {
			db_put_u32(p + 4, 1);
			db_put_u32(at, UINT32_MAX);
			at += 4;
			continue;
		}
		db_put_u32(at, (uint32_t)bytes);
		array_item(at + 4, v, i, bytes);
		at += 4 + bytes;
	}
	return span_from(p, (size_t)(at - p));
}

struct span
db_encode(struct arena *a, const struct db_val *v)
{
	if (v->null)
		return SPAN_NONE;
	switch (v->type) {
	case 'i':
		return value_int(a, v->u.i);
	case 'b': {
		char *p = arena_alloc(a, 1);

		p[0] = v->u.b ? 1 : 0;
		return span_from(p, 1);
	}
	case 't':
	case 'y':
		return arena_dup(a, v->u.s);
	case 'j':
		return value_json(a, v->u.s);
	case 'z':
		return value_time(a, v->u.i);
	default:
		return value_array(a, v);
	}
}
