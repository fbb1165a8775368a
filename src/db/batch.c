#include "db/batch.h"

#include <string.h>

#include "db/run.h"
#include "db/wire.h"

void
db_batch_init(struct db_batch *b, struct arena *a)
{
	*b = (struct db_batch){.arena = a};
}

size_t
db_add_n(struct db_batch *b, const struct db_stmt *st, const struct db_val *v, size_t n)
{
	struct db_query *q = ARENA_NEW(b->arena, struct db_query);

	assert(b->arena != NULL && !b->sent);
	assert(n == (st->params ? strlen(st->params) : 0) && n <= DB_PARAMS_MAX);
	q->st = st;
	q->n = (int)n;
	q->values = ARENA_ARRAY(b->arena, n ? n : 1, const char *);
	q->lengths = ARENA_ARRAY(b->arena, n ? n : 1, int);
	for (size_t i = 0; i < n; i++) {
		struct span s;

		assert(v[i].type == st->params[i]);
		s = db_encode(b->arena, &v[i]);
		assert(s.n <= INT32_MAX);
		q->values[i] = s.p;
		q->lengths[i] = (int)s.n;
	}
	if (b->last)
		b->last->next = q;
	else
		b->first = q;
	b->last = q;
	return b->n++;
}

struct next
await_commit_at(struct task *t, struct db_batch *b, step_fn *then, const char *name)
{
	return db_pool_wait(t, b, false, then, name);
}

struct next
await_rows_at(struct task *t, struct db_batch *b, step_fn *then, const char *name)
{
	return db_pool_wait(t, b, true, then, name);
}

const struct db_field db_expect_fields[1] = {DB_BOOL(struct db_expect, ok)};
