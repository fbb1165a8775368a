/* Remote: actors and hosts elsewhere, their keys, and who follows us. */
#ifndef HUB_REMOTE_H
#define HUB_REMOTE_H

#include "db/batch.h"

struct remote_actor {
	int64_t id;
	struct span uri, host, inbox, shared_inbox, username, name, url, type;
	struct span key_id, public_key_pem;
	int64_t fetched_us;
};
/* With that key, be it the one last asked for or another that the actor's document lists. */
size_t remote_by_key(struct db_batch *b, struct span key_id);
size_t remote_by_uri(struct db_batch *b, struct span uri);
/* Insert or refresh; row: the actor. The other keys are all it has beside its own, and it has
 * none twice. */
#define REMOTE_KEYS_MORE 3
struct remote_key {
	struct span id, pem;
};
size_t remote_put(struct db_batch *b, const struct remote_actor *r,
	const struct remote_key *more, size_t n_more);
/* Its actor's server says that it is none (any more): all keys of that actor go, since it may
 * say the same of them; the actor stays. */
void remote_key_drop(struct db_batch *b, struct span key_id);
/*
 * Deletes actors with their follows, when they are confirmed to be gone. All in one call: locks
 * are taken in the order of actors, of our accounts, then of the generation.
 */
void remote_delete(struct db_batch *b, const struct span *uris, size_t n);
/* Followers that are reached at this inbox and were last read before then; first those whom
 * nobody has asked for longest. */
size_t remote_by_inbox(struct db_batch *b, struct span inbox, int64_t before_us, int64_t limit);
const struct err *remote_row(
	const struct db_batch *b, size_t i, size_t row, struct remote_actor *out) MUST_CHECK;

/* Which of these actors are known: one row each, its uri. */
size_t remote_known(struct db_batch *b, const struct span *uris, size_t n);
const struct err *remote_uri_row(
	const struct db_batch *b, size_t i, size_t row, struct span *uri) MUST_CHECK;
/* Forgets actors nobody has to do with for a month, and notes that no longer say anything. */
void remote_sweep(struct db_batch *b);

/* At most one fetch per key in `window_s`; in a day if its actor was gone for good the last
 * time.
 */
struct key_fetch {
	bool allowed; /* go ahead: it is noted */
	bool gone;    /* not allowed, because the actor is gone */
	int64_t retry_after_s;
};
size_t key_fetch_allow(struct db_batch *b, struct span key_id, int64_t window_s);
const struct err *key_fetch_row(
	const struct db_batch *b, size_t i, struct key_fetch *out) MUST_CHECK;
void key_fetch_failed(struct db_batch *b, struct span key_id, struct span error, bool gone);

struct remote_host {
	struct span host, sig_scheme;
	int64_t fail_count;
	int64_t open_until_us; /* breaker; TIME_NONE = closed */
};
size_t remote_hosts(struct db_batch *b, const struct span *hosts, size_t n);
const struct err *remote_host_row(
	const struct db_batch *b, size_t i, size_t row, struct remote_host *out) MUST_CHECK;
/*
 * Outcomes of deliveries, several at once. Five failures in a row open the breaker for a
 * minute, further ones for 5 and 30 minutes, then for an hour. Retry-After opens it as well.
 */
struct remote_result {
	struct span host;
	bool ok;
	int64_t retry_after_s; /* the host asked for it; 0 = it did not */
	/* It took another than was known; SPAN_NONE = it did not. One other than draft-cavage
	 * is forgotten after 30 days: the host is asked anew. */
	struct span scheme;
};
void remote_host_result(struct db_batch *b, const struct remote_result *v, size_t n);

struct follower {
	struct span uri, inbox, shared_inbox, host, account_slug;
	int64_t since_us;
};
void follow_put(
	struct db_batch *b, int64_t account, struct span actor_uri, struct span follow_uri);
/*
 * Because of the activity by_uri that was taken in. By Follow id; or by (actor, account),
 * account 0 = none, unless the id is of an older Follow. Never one that was signed after
 * by_uri.
 */
void follow_delete(struct db_batch *b, int64_t account, struct span actor_uri,
	struct span follow_uri, struct span by_uri);
size_t follow_list(struct db_batch *b, int64_t account, int64_t limit); /* 0 = all accounts */
const struct err *follower_row(
	const struct db_batch *b, size_t i, size_t row, struct follower *out) MUST_CHECK;
size_t follow_count(struct db_batch *b, int64_t account); /* one int row */

extern const struct db_stmt *const remote_stmts[];
extern const size_t n_remote_stmts;

#endif
