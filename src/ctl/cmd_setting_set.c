#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "ctl/cmd.h"
#include "hub/setting.h"
#include "markup/tr.h"

#define SETTING_TEXT_MAX ((size_t)256 * 1024)

/* Addresses and the like are fixed at first start and stand in no command. */
static const struct setting_kind {
	const char *key;
	bool by_language;
	size_t max; /* characters; 0 = a text of many lines */
} setting_kinds[] = {
	{"hub_name", true, 100},
	{"hub_description", true, 300},
	{"contact_email", false, 200},
	{"security_contact", false, 200},
	{"impressum", true, 0},
	{"datenschutz", true, 0},
	{"barrierefreiheit", true, 0},
	{"leichte_sprache", true, 0},
	{"gebaerdensprache", true, 0},
};

struct setting_set {
	struct db_batch batch;
	size_t i;
	const struct setting_kind *kind;
	struct span value;
	const char *lang;
};

static step_fn setting_set_ask, setting_set_put, setting_set_done;

static const struct flow setting_set_flow = {
	.name = "ctl.setting_set",
	.size = sizeof(struct setting_set),
	.deadline_ms = 30000,
	.first = setting_set_ask,
	.failed = cmd_flow_failed,
};

static const struct err *
setting_set_read(struct cmd_call *c, struct span path, struct span *out)
{
	const char *name = arena_cstr(c->arena, path);
	const int fd = span_is(path, "-") ? dup(0) : open(name, O_RDONLY | O_CLOEXEC);
	char *text = arena_alloc(c->arena, SETTING_TEXT_MAX + 1);
	size_t n = 0;
	ssize_t got = -1;

	while (fd >= 0 && n <= SETTING_TEXT_MAX &&
		(got = read(fd, text + n, SETTING_TEXT_MAX + 1 - n)) > 0)
		n += (size_t)got;
	if (got < 0) {
		const struct err *e = err_new(
			c->arena, ERR_INPUT, "%s cannot be read: %s", name, strerror(errno));

		if (fd >= 0)
			(void)close(fd);
		return e;
	}
	(void)close(fd);
	*out = span_from(text, n);
	return NULL;
}

/* What is given, cleaned, or what is wrong with it. */
static const struct err *
setting_set_value(struct cmd_call *c, const struct setting_kind *kind, struct span *out)
{
	struct span text = c->n_args > 1 ? c->args[1] : SPAN_NONE, file = cmd_opt(c, "file");
	const struct err *e = NULL;

	if ((text.p != NULL) == (file.p != NULL))
		return err_new(c->arena, ERR_INPUT,
			"give the text, or --file with the file that holds it");
	if (file.p)
		e = setting_set_read(c, file, &text);
	if (e)
		return e;
	if (text.n > SETTING_TEXT_MAX)
		return err_new(c->arena, ERR_INPUT, "the text is longer than %zu bytes",
			SETTING_TEXT_MAX);
	if (!utf8_valid(text))
		return err_new(c->arena, ERR_INPUT, "the text is not in UTF-8");
	*out = kind->max ? text_clean_line(c->arena, text, kind->max + 1)
			 : span_trim(text_clean(c->arena, text, SETTING_TEXT_MAX));
	if (kind->max && utf8_count(*out) > kind->max)
		return err_new(c->arena, ERR_INPUT, "%s takes at most %zu characters",
			kind->key, kind->max);
	return NULL;
}

static const struct err *
setting_set_kind(struct cmd_call *c, const struct setting_kind **out)
{
	struct span list = SPAN("");

	for (size_t i = 0; i < ARRAY_LEN(setting_kinds); i++) {
		*out = &setting_kinds[i];
		if (span_is(c->args[0], (*out)->key))
			return NULL;
		list = arena_printf(
			c->arena, "%.*s%s%s", SPAN_FMT(list), i ? ", " : "", (*out)->key);
	}
	return err_new(c->arena, ERR_INPUT, "there is no setting \"%.*s\": use one of %.*s",
		SPAN_FMT(span_slice(c->args[0], 0, 60)), SPAN_FMT(list));
}

static struct next
setting_set_ask(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct setting_set *s = task_state(t);
	struct span code = cmd_opt(c, "lang");
	enum tr_lang lang = TR_DE;
	const struct err *e = setting_set_kind(c, &s->kind);

	if (!e && code.p && !tr_lang_of(code, &lang))
		e = err_new(c->arena, ERR_INPUT, "the pages are in de and en");
	if (!e && code.p && !s->kind->by_language)
		e = err_new(
			c->arena, ERR_INPUT, "%s is the same in all languages", s->kind->key);
	if (!e)
		e = setting_set_value(c, s->kind, &s->value);
	if (e)
		return fail(t, e);
	s->lang = tr_code(lang);
	db_batch_init(&s->batch, task_arena(t));
	s->i = setting_all(&s->batch);
	return await_rows(t, &s->batch, setting_set_put);
}

/* The other languages stay; a text without a language was German. */
static const struct err *
setting_set_merge(struct cmd_call *c, struct setting_set *s, json_t **out)
{
	json_t *old = NULL;

	for (size_t row = 0; row < db_rows(&s->batch, s->i); row++) {
		struct setting have;
		const struct err *e = setting_row(&s->batch, s->i, row, &have);

		if (e)
			return e;
		if (span_is(have.key, s->kind->key))
			old = json_own(c->arena,
				json_loadb(have.value.p, have.value.n, JSON_DECODE_ANY, NULL));
	}
	if (!s->kind->by_language) {
		*out = json_own(c->arena, json_str(s->value));
		return NULL;
	}
	*out = json_own(c->arena, json_is_object(old) ? json_deep_copy(old) : json_object());
	if (json_is_string(old))
		(void)json_object_set(*out, tr_code(TR_DE), old);
	if (s->value.n)
		(void)json_object_set_new(*out, s->lang, json_str(s->value));
	else
		(void)json_object_del(*out, s->lang);
	return NULL;
}

static struct next
setting_set_put(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct setting_set *s = task_state(t);
	json_t *value = NULL;
	const struct err *e = setting_set_merge(c, s, &value);
	char *text;

	if (e)
		return fail(t, e);
	text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	db_batch_init(&s->batch, task_arena(t));
	setting_put(&s->batch, span_of(s->kind->key), arena_dup(task_arena(t), span_of(text)));
	free(text);
	return await_commit(t, &s->batch, setting_set_done);
}

static struct next
setting_set_done(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct setting_set *s = task_state(t);

	cmd_said(c,
		json_pack("{s:s, s:s?, s:b}", "key", s->kind->key, "lang",
			s->kind->by_language ? s->lang : NULL, "set", s->value.n > 0),
		s->value.n ? "set; the pages show it within a second"
			   : "removed; the pages show their default within a second");
	return done(t);
}

static const struct cmd_opt setting_set_opts[] = {
	{"lang", "TAG", "de (the default) or en"},
	{"file", "FILE", "reads the text from there; - is standard input"},
};

const struct cmd cmd_setting_set = {
	.noun = "setting",
	.verb = "set",
	.args = "KEY [TEXT]",
	.summary = "Sets a name or a text of the pages",
	.help = "KEY is one of hub_name, hub_description, contact_email, security_contact,\n"
		"impressum, datenschutz, barrierefreiheit, leichte_sprache, gebaerdensprache.\n"
		"In the last five blank lines part paragraphs, \"## \" begins a heading and\n"
		"\"- \" the items of a list. An empty text brings the default back.",
	.opts = setting_set_opts,
	.n_opts = ARRAY_LEN(setting_set_opts),
	.min_args = 1,
	.max_args = 2,
	.needs = CMD_NEEDS_DB,
	.flow = &setting_set_flow,
};
