#include "ctl/cmd.h"
#include "ctl/show.h"

static const struct err *
post_show_query(struct cmd_call *c, struct db_batch *b)
{
	int64_t id;
	const struct err *e = cmd_number(c, "id of a post", c->args[0], 1, INT64_MAX, &id);

	if (!e)
		(void)post_any(b, id);
	return e;
}

static const struct err *
post_show_show(struct cmd_call *c, const struct db_batch *b)
{
	static const struct cmd_column cols[] = {
		{"id", "Id", CMD_TEXT},
		{"org", "Organisation", CMD_TEXT},
		{"state", "State", CMD_TEXT},
		{"reason", "Reason", CMD_TEXT},
		{"title", "Title", CMD_TEXT},
		{"text", "Text", CMD_LONG},
		{"language", "Language", CMD_TEXT},
		{"tags", "Tags", CMD_TEXT},
		{"archive", "Archive", CMD_TEXT},
		{"sensitive", "Sensitive", CMD_TEXT},
		{"revision", "Revision", CMD_TEXT},
		{"created_at", "Published", CMD_TIME},
		{"edited_at", "Edited", CMD_TIME},
		{"deleted_at", "Withdrawn", CMD_TIME},
		{"url", "Page", CMD_TEXT},
		{"uri", "Object", CMD_TEXT},
		{"source_url", "At the source", CMD_TEXT},
		{"remote_id", "Id there", CMD_TEXT},
		{"media", "Media", CMD_TEXT},
	};
	struct post p;
	const struct err *e;

	if (db_rows(b, 0) == 0)
		return err_new(
			c->arena, ERR_NOT_FOUND, "there is no post %.*s", SPAN_FMT(c->args[0]));
	e = post_row(b, 0, 0, &p);
	if (!e)
		cmd_show(c, show_post(c, &p, true), cols, ARRAY_LEN(cols));
	return e;
}

const struct cmd cmd_post_show = {
	.noun = "post",
	.verb = "show",
	.args = "ID",
	.summary = "Shows a post with everything known about it",
	.min_args = 1,
	.max_args = 1,
	.needs = CMD_NEEDS_DB,
	.query = post_show_query,
	.show = post_show_show,
};
