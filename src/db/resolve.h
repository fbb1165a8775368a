/*
 * Resolve (private to db/): the addresses of a host's name, without holding up the loop.
 *
 * libpq would call getaddrinfo itself. So do we, to know what the system knows (nsswitch,
 * hosts, DNS), but it cannot be interrupted: each lookup has a thread of its own, at most one
 * per name, and all who ask meanwhile share its answer. Who asks brings the patience. A lookup
 * that nobody waits for any more is left alone: its thread touches nothing but the lookup,
 * which the last of both frees.
 */
#ifndef DB_RESOLVE_H
#define DB_RESOLVE_H

#include "base/attr.h"
#include "base/list.h"
#include "task/loop.h"

struct db_resolver;
struct db_resolver *db_resolver_new(struct loop *l);
void db_resolver_free(struct db_resolver *r); /* when nobody asks; waits for no thread */

/* Is it for getaddrinfo? Addresses and socket directories are not. */
bool db_resolver_wants(const char *host);

/* The addresses in numbers, between commas; or NULL, and why says what is wrong. */
typedef void db_resolved_fn(void *arg, const char *addrs, const char *why);
/* Embedded in who asks; zeroed = does not. */
struct db_ask {
	struct list link;
	const char *name; /* of the host, while it is asked for */
	db_resolved_fn *fn;
	void *arg;
};
/* fn runs once, never inside this call; false: out of descriptors (errno), fn never runs. */
bool db_ask_start(struct db_ask *q, struct db_resolver *r, const char *name, db_resolved_fn *fn,
	void *arg) MUST_CHECK;
void db_ask_stop(struct db_ask *q);

#endif
