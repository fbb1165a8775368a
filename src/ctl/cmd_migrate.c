#include "ctl/cmd.h"
#include "db/db.h"

static const struct err *
migrate_status(struct cmd_call *c, struct span dsn)
{
	static const struct cmd_column cols[] = {
		{"number", "NUMBER", CMD_TEXT},
		{"name", "MIGRATION", CMD_TEXT},
		{"applied", "APPLIED", CMD_TEXT},
	};
	json_t *rows;
	struct db_migration *list;
	size_t n;
	const struct err *e = db_migrations(c->arena, dsn, &list, &n);

	if (e)
		return e;
	rows = json_array();
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(
			rows, json_pack("{s:i, s:o, s:b}", "number", list[i].number, "name",
				      json_str(list[i].name), "applied", (int)list[i].applied));
	cmd_list(c, rows, cols, ARRAY_LEN(cols));
	return NULL;
}

static const struct err *
migrate_run(struct cmd_call *c)
{
	struct span dsn;
	int applied = 0;
	const struct err *e = db_dsn(c->arena, &c->conf, &dsn);

	if (e)
		return e;
	if (cmd_flag(c, "status"))
		return migrate_status(c, dsn);
	e = db_migrate(c->arena, dsn, &applied);
	if (e)
		return e;
	if (applied)
		cmd_said(c, json_pack("{s:i}", "applied", applied), "%d migration%s applied",
			applied, applied == 1 ? "" : "s");
	else
		cmd_said(c, json_pack("{s:i}", "applied", 0), "the schema is up to date");
	return NULL;
}

static const struct cmd_opt migrate_opts[] = {
	{"status", NULL, "only show what is applied"},
};

const struct cmd cmd_migrate = {
	.noun = "migrate",
	.args = "",
	.summary = "Brings the database's schema up to date",
	.help = "litfassd does so by itself when it starts. Refuses a schema that is newer "
		"than\n"
		"the program.",
	.opts = migrate_opts,
	.n_opts = ARRAY_LEN(migrate_opts),
	.needs = CMD_NEEDS_CONF,
	.run = migrate_run,
};
