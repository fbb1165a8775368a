/*
 * Account: our own actors (organisations, the hub, the instance) and their keys.
 */
#ifndef HUB_ACCOUNT_H
#define HUB_ACCOUNT_H

#include "db/batch.h"
#include "hub/hub.h"

struct pkey;

struct account {
	int64_t id;
	struct span kind; /* "organization", "hub", "instance" */
	struct span slug; /* also the handle; of the instance: "actor" */
	struct span actor_type;
	bool claimed;
	struct span org_kind, name, summary, website, language;
	struct span avatar_blob, header_blob; /* of the media store, or SPAN_NONE */
	struct span public_key_pem;
	struct span ed25519_public; /* 32 bytes */
	struct span private_keys;   /* sealed */
	int64_t posts_count, followers_count;
	int64_t last_post_us, created_us, updated_us;
};

/* Handles: [a-z0-9_]{1,30}, not reserved (hub netz net actor relay admin api). */
const struct err *account_slug_check(struct arena *a, struct span slug) MUST_CHECK;

struct account_new {
	struct span kind, slug, actor_type, org_kind, name, summary, website, language;
	bool claimed;
	/* From account_keys_make. */
	struct span public_key_pem, ed25519_public, private_keys;
};
/* CPU work (RSA key generation): call on a worker thread or at start-up. */
const struct err *account_keys_make(
	struct arena *a, const struct hub *h, struct account_new *out) MUST_CHECK;
/* Opens the sealed keys; the caller owns both references. */
const struct err *account_keys_open(struct arena *a, const struct hub *h,
	const struct account *acc, struct pkey **rsa, struct pkey **ed25519) MUST_CHECK;

/* Inserts and bumps the generation; nothing, and no id, if the slug exists. */
size_t account_insert(struct db_batch *b, const struct account_new *n);
bool account_inserted(const struct db_batch *b, size_t i, int64_t *id);
size_t account_by_slug(struct db_batch *b, struct span slug);
size_t account_by_id(struct db_batch *b, int64_t id);
size_t account_list(struct db_batch *b); /* organisations, by name */
size_t account_own(struct db_batch *b);  /* the hub, then the instance */
/* Those of a page of posts, without their private keys (SPAN_NONE). */
size_t account_by_ids(struct db_batch *b, const int64_t *ids, size_t n);
/* Row of one of the five above. */
const struct err *account_row(
	const struct db_batch *b, size_t i, size_t row, struct account *out) MUST_CHECK;

extern const struct db_stmt *const account_stmts[];
extern const size_t n_account_stmts;

#endif
