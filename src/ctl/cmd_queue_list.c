#include "ctl/cmd.h"
#include "ctl/show.h"

static const struct err *
queue_list_query(struct cmd_call *c, struct db_batch *b)
{
	const struct span given = cmd_opt(c, "limit");
	int64_t limit = 100;
	const struct err *e = NULL;

	if (given.p)
		e = cmd_number(c, "limit", given, 1, 100000, &limit);
	if (!e)
		(void)queue_list(b, cmd_flag(c, "dead"), limit);
	return e;
}

static const struct err *
queue_list_show(struct cmd_call *c, const struct db_batch *b)
{
	static const struct cmd_column cols[] = {
		{"id", "ID", CMD_TEXT},
		{"kind", "KIND", CMD_TEXT},
		{"state", "STATE", CMD_TEXT},
		{"attempt", "TRIES", CMD_TEXT},
		{"run_at", "RUNS", CMD_TIME},
		{"host", "HOST", CMD_TEXT},
		{"key", "KEY", CMD_TEXT},
		{"error", "ERROR", CMD_TEXT},
	};
	json_t *rows = json_own(c->arena, json_array());
	struct job_info *jobs;
	size_t n;
	const struct err *e = queue_listed(b, 0, &jobs, &n);

	if (e)
		return e;
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(rows, show_job(&jobs[i]));
	cmd_list(c, json_incref(rows), cols, ARRAY_LEN(cols));
	return NULL;
}

static const struct cmd_opt queue_list_opts[] = {
	{"dead", NULL, "only those that were given up"},
	{"limit", "N", "at most so many; 100"},
};

const struct cmd cmd_queue_list = {
	.noun = "queue",
	.verb = "list",
	.args = "",
	.summary = "Lists jobs: given up first, then running, then by time",
	.opts = queue_list_opts,
	.n_opts = ARRAY_LEN(queue_list_opts),
	.needs = CMD_NEEDS_DB,
	.query = queue_list_query,
	.show = queue_list_show,
};
