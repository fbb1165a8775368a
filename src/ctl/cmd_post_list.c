#include "ctl/cmd.h"
#include "ctl/show.h"

static const struct err *
post_list_query(struct cmd_call *c, struct db_batch *b)
{
	const struct span given = cmd_opt(c, "limit");
	int64_t limit = 20;
	const struct err *e = NULL;

	if (given.p)
		e = cmd_number(c, "limit", given, 1, 10000, &limit);
	if (e)
		return e;
	(void)post_list(b, c->n_args ? c->args[0] : SPAN_NONE, limit);
	if (c->n_args)
		(void)account_by_slug(b, c->args[0]);
	return NULL;
}

static const struct err *
post_list_show(struct cmd_call *c, const struct db_batch *b)
{
	static const struct cmd_column cols[] = {
		{"id", "ID", CMD_TEXT},
		{"org", "ORG", CMD_TEXT},
		{"state", "STATE", CMD_TEXT},
		{"archive", "ARCHIVE", CMD_TEXT},
		{"created_at", "PUBLISHED", CMD_TIME},
		{"title", "TITLE", CMD_TEXT},
	};
	json_t *rows = json_own(c->arena, json_array());
	struct account acc;
	const struct err *e = NULL;

	if (c->n_args)
		e = show_find_account(c, b, 1, c->args[0], &acc);
	for (size_t row = 0; !e && row < db_rows(b, 0); row++) {
		struct post p;

		e = post_row(b, 0, row, &p);
		if (!e)
			(void)json_array_append_new(rows, show_post(c, &p, false));
	}
	if (!e)
		cmd_list(c, json_incref(rows), cols, ARRAY_LEN(cols));
	return e;
}

static const struct cmd_opt post_list_opts[] = {
	{"limit", "N", "at most so many, the newest; 20"},
};

const struct cmd cmd_post_list = {
	.noun = "post",
	.verb = "list",
	.args = "[SLUG]",
	.summary = "Lists posts in every state, newest first",
	.opts = post_list_opts,
	.n_opts = ARRAY_LEN(post_list_opts),
	.max_args = 1,
	.needs = CMD_NEEDS_DB,
	.query = post_list_query,
	.show = post_list_show,
};
