#include "ctl/cmd.h"
#include "hub/setting.h"

static const struct err *
setting_list_query(struct cmd_call *c, struct db_batch *b)
{
	(void)c;
	(void)setting_all(b);
	return NULL;
}

/* A text in several languages is several rows. */
static void
setting_list_add(json_t *rows, struct span key, const char *lang, json_t *value)
{
	json_t *j = json_object();

	(void)json_object_set_new(j, "key", json_str(key));
	(void)json_object_set_new(j, "lang", lang ? json_string(lang) : json_null());
	(void)json_object_set(j, "value", value);
	(void)json_array_append_new(rows, j);
}

static const struct err *
setting_list_show(struct cmd_call *c, const struct db_batch *b)
{
	static const struct cmd_column cols[] = {
		{"key", "KEY", CMD_TEXT},
		{"lang", "LANG", CMD_TEXT},
		{"value", "VALUE", CMD_TEXT},
	};
	json_t *rows = json_own(c->arena, json_array());

	for (size_t row = 0; row < db_rows(b, 0); row++) {
		struct setting s;
		const struct err *e = setting_row(b, 0, row, &s);
		json_t *value, *one;
		const char *lang;

		if (e)
			return e;
		value = json_own(
			c->arena, json_loadb(s.value.p, s.value.n, JSON_DECODE_ANY, NULL));
		if (!json_is_object(value))
			setting_list_add(rows, s.key, NULL, value);
		json_object_foreach(value, lang, one) setting_list_add(rows, s.key, lang, one);
	}
	cmd_list(c, json_incref(rows), cols, ARRAY_LEN(cols));
	return NULL;
}

const struct cmd cmd_setting_list = {
	.noun = "setting",
	.verb = "list",
	.args = "",
	.summary = "Lists what is set: names and texts of the pages",
	.help = "What is not listed has its default: the pages then say what is true of every "
		"hub.",
	.needs = CMD_NEEDS_DB,
	.query = setting_list_query,
	.show = setting_list_show,
};
