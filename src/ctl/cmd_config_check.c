#include "ctl/cmd.h"

static const struct err *
config_check_run(struct cmd_call *c)
{
	const struct err *e = c->conf.dsn.n ? db_dsn_check(c->arena, c->conf.dsn) : NULL;
	json_t *j;

	if (e)
		return e;
	/* Reading the rest was the check. */
	j = json_object();
	(void)json_object_set_new(j, "path", json_str(c->conf.path));
	(void)json_object_set_new(j, "base_url", json_str(c->conf.base_url.origin));
	(void)json_object_set_new(j, "media_base_url", json_str(c->conf.media_base_url.origin));
	(void)json_object_set_new(j, "data_dir", json_str(c->conf.data_dir));
	(void)json_object_set_new(
		j, "database", json_string(c->conf.dsn.n ? "external" : "embedded"));
	(void)json_object_set_new(j, "workers", json_integer(c->conf.workers));
	if (c->conf.n_allow_private)
		cmd_note(
			c, "note: net.allow_private lets the hub fetch from private addresses");
	cmd_said(c, j, "%.*s is valid", SPAN_FMT(c->conf.path));
	return NULL;
}

const struct cmd cmd_config_check = {
	.noun = "config",
	.verb = "check",
	.args = "",
	.summary = "Reads the configuration as litfassd would",
	.help = "Errors name the file, the line and the key.",
	.needs = CMD_NEEDS_CONF,
	.run = config_check_run,
};
