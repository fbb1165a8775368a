#include "ctl/cmd.h"
#include "ctl/show.h"

static const struct err *
source_list_query(struct cmd_call *c, struct db_batch *b)
{
	(void)source_list(b, c->n_args ? c->args[0] : SPAN_NONE);
	if (c->n_args)
		(void)account_by_slug(b, c->args[0]);
	return NULL;
}

static const struct err *
source_list_show(struct cmd_call *c, const struct db_batch *b)
{
	json_t *rows = json_own(c->arena, json_array());
	struct account acc;
	const struct err *e = NULL;

	if (c->n_args)
		e = show_find_account(c, b, 1, c->args[0], &acc);
	for (size_t row = 0; !e && row < db_rows(b, 0); row++) {
		struct source s;

		e = source_row(b, 0, row, &s);
		if (!e)
			(void)json_array_append_new(rows, show_source(&s));
	}
	if (!e)
		cmd_list(c, json_incref(rows), show_source_columns, n_show_source_columns);
	return e;
}

const struct cmd cmd_source_list = {
	.noun = "source",
	.verb = "list",
	.args = "[SLUG]",
	.summary = "Lists the sources and how they are",
	.max_args = 1,
	.needs = CMD_NEEDS_DB,
	.query = source_list_query,
	.show = source_list_show,
};
