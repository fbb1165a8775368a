/*
 * Hub: who we are. Loaded once per process, read by everybody, const afterwards.
 *
 * Settings that operators change live are read with setting.h and cached by their users until
 * the generation changes.
 */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include "base/conf.h"

struct seal; /* crypto/seal.h: opens and closes secrets at rest */
struct pkey; /* crypto/pkey.h */

struct hub {
	struct arena *arena;
	const struct conf *conf;
	struct span base;       /* base_url's origin: "https://hub.example" */
	struct span authority;  /* "hub.example[:port]": also our name in the record */
	struct span media_base; /* media_base_url's origin */
	struct seal *seal;
	struct span worker;                    /* name of this worker instance, for leases */
	int64_t hub_account, instance_account; /* ids */
	int64_t epoch;                         /* of our record */
	struct pkey *checkpoint_key;           /* Ed25519 of the hub actor */
};

/*
 * Start: hub_init, then await_rows of hub_query, then hub_load. ERR_NOT_FOUND from hub_load
 * means that this database has never had a hub: hub_keys (CPU work), await_commit of hub_found,
 * and from hub_query again. Two programs may do so at once: the first one wins.
 */
struct db_batch;
struct account_new;
void hub_init(struct hub *h, struct arena *a, const struct conf *c, struct seal *seal);
size_t hub_query(struct db_batch *b);
/* ERR_CONFIG when base_url or media_base_url are not those of the first start. */
const struct err *hub_load(const struct db_batch *b, size_t i, struct hub *h) MUST_CHECK;
const struct err *hub_keys(
	struct arena *a, const struct hub *h, struct account_new *own) MUST_CHECK;
void hub_found(struct db_batch *b, const struct hub *h, const struct account_new *own);
/* Releases the keys. */
void hub_fini(struct hub *h);

#endif
