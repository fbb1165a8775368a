/* Status: figures about the hub's health for doctor, metrics and the admin pages. */
#ifndef HUB_STATUS_H
#define HUB_STATUS_H

#include "db/batch.h"

struct status {
	int64_t now_us;         /* the database's clock */
	int64_t server_version; /* 150020 */
	int64_t connections, connections_max;
	int64_t sources, sources_new, sources_ill; /* active ones; ill: neither new nor ok */
	struct span ill_example;                   /* "slug: sentence" of one of them */
	int64_t sources_late;                      /* due for more than 15 minutes */
	int64_t sources_lacking;                   /* older items of theirs were given up */
	struct span lacking_example;
	int64_t posts, held;
	int64_t inbox_open;         /* accepted, not yet worked on */
	int64_t record_seq;         /* of the head */
	int64_t record_unsigned_us; /* time of the head's entry while no checkpoint stands on it
				     */
	int64_t hosts_down;         /* breaker open */
	int64_t database_bytes;
};

size_t status_read(struct db_batch *b);
const struct err *status_row(const struct db_batch *b, size_t i, struct status *out) MUST_CHECK;

extern const struct db_stmt *const status_stmts[];
extern const size_t n_status_stmts;

#endif
