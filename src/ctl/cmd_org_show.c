#include "ctl/cmd.h"
#include "ctl/show.h"

static const struct err *
org_show_query(struct cmd_call *c, struct db_batch *b)
{
	(void)account_by_slug(b, c->args[0]);
	return NULL;
}

static const struct err *
org_show_show(struct cmd_call *c, const struct db_batch *b)
{
	static const struct cmd_column cols[] = {
		{"handle", "Handle", CMD_TEXT},
		{"name", "Name", CMD_TEXT},
		{"kind", "Kind", CMD_TEXT},
		{"summary", "Summary", CMD_LONG},
		{"website", "Website", CMD_TEXT},
		{"language", "Language", CMD_TEXT},
		{"claimed", "Claimed", CMD_TEXT},
		{"url", "Page", CMD_TEXT},
		{"uri", "Actor", CMD_TEXT},
		{"statuses_count", "Posts", CMD_TEXT},
		{"followers_count", "Followers", CMD_TEXT},
		{"last_status_at", "Last post", CMD_TIME},
		{"created_at", "Added", CMD_TIME},
	};
	struct account acc;
	const struct err *e = show_find_account(c, b, 0, c->args[0], &acc);

	if (e)
		return e;
	cmd_show(c, show_account(c, &acc), cols, ARRAY_LEN(cols));
	return NULL;
}

const struct cmd cmd_org_show = {
	.noun = "org",
	.verb = "show",
	.args = "SLUG",
	.summary = "Shows an organisation",
	.min_args = 1,
	.max_args = 1,
	.needs = CMD_NEEDS_DB,
	.query = org_show_query,
	.show = org_show_show,
};
