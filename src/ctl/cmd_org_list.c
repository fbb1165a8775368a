#include "ctl/cmd.h"
#include "ctl/show.h"

static const struct err *
org_list_query(struct cmd_call *c, struct db_batch *b)
{
	(void)c;
	(void)account_list(b);
	return NULL;
}

static const struct err *
org_list_show(struct cmd_call *c, const struct db_batch *b)
{
	static const struct cmd_column cols[] = {
		{"slug", "SLUG", CMD_TEXT},
		{"name", "NAME", CMD_TEXT},
		{"kind", "KIND", CMD_TEXT},
		{"claimed", "CLAIMED", CMD_TEXT},
		{"statuses_count", "POSTS", CMD_TEXT},
		{"followers_count", "FOLLOWERS", CMD_TEXT},
		{"last_status_at", "LAST POST", CMD_TIME},
	};
	json_t *rows = json_own(c->arena, json_array());

	for (size_t row = 0; row < db_rows(b, 0); row++) {
		struct account acc;
		const struct err *e = account_row(b, 0, row, &acc);

		if (e)
			return e;
		(void)json_array_append_new(rows, show_account(c, &acc));
	}
	cmd_list(c, json_incref(rows), cols, ARRAY_LEN(cols));
	return NULL;
}

const struct cmd cmd_org_list = {
	.noun = "org",
	.verb = "list",
	.args = "",
	.summary = "Lists the organisations",
	.needs = CMD_NEEDS_DB,
	.query = org_list_query,
	.show = org_list_show,
};
