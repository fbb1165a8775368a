/* Show: how the hub's things look as JSON documents and as tables, once for all commands. */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include "ctl/cmd.h"
#include "hub/account.h"
#include "hub/post.h"
#include "hub/remote.h"
#include "hub/source.h"

json_t *show_account(struct cmd_call *c, const struct account *acc);
json_t *show_source(const struct source *s);
json_t *show_post(struct cmd_call *c, const struct post *p, bool full);
json_t *show_follower(const struct follower *f);
json_t *show_job(const struct job_info *i);

/* An account by its slug, or an error that names it. */
const struct err *show_find_account(struct cmd_call *c, const struct db_batch *b, size_t i,
	struct span slug, struct account *out) MUST_CHECK;

extern const struct cmd_column show_source_columns[];
extern const size_t n_show_source_columns;

#endif
