/*
 * Setting: what admins change while the hub runs, and the generation that tells workers about
 * every change of public output.
 */
#ifndef HUB_SETTING_H
#define HUB_SETTING_H

#include "db/batch.h"
#include "hub/hub.h"

/* Bumps the generation: put it into every batch that changes public output. */
void generation_bump(struct db_batch *b);
/*
 * Followers come and go by strangers' will, so their number alone bumps it late, ten seconds
 * after a change: `due` says that it is time for generation_followers.
 */
size_t generation_read(struct db_batch *b);
const struct err *generation_row(
	const struct db_batch *b, size_t i, int64_t *n, bool *due) MUST_CHECK;
void generation_followers(struct db_batch *b);

/* Value is JSON text. Keys: base_url, media_base_url, hub_name, hub_description, contact_email,
 * security_contact (address or URL), impressum, datenschutz, barrierefreiheit, leichte_sprache,
 * gebaerdensprache (texts by language). */
size_t setting_all(struct db_batch *b);
struct setting {
	struct span key, value;
};
const struct err *setting_row(
	const struct db_batch *b, size_t i, size_t row, struct setting *out) MUST_CHECK;
void setting_put(struct db_batch *b, struct span key, struct span json);
/* Inserts only if absent: what is fixed at first start. */
void setting_init(struct db_batch *b, struct span key, struct span json);

extern const struct db_stmt *const setting_stmts[];
extern const size_t n_setting_stmts;

#endif
