/* Wire (private to db/): PostgreSQL's binary forms. */
#ifndef DB_WIRE_H
#define DB_WIRE_H

#include "base/arena.h"
#include "db/value.h"

#define DB_EPOCH_US INT64_C(946684800000000) /* 2000-01-01 UTC, PostgreSQL's zero */

void db_put_u32(unsigned char *p, uint32_t v);
void db_put_u64(unsigned char *p, uint64_t v);
uint64_t db_get_u64(const void *from);
/* Binary parameter in the arena; p NULL for SQL NULL, never NULL otherwise. */
struct span db_encode(struct arena *a, const struct db_val *v);

#endif
