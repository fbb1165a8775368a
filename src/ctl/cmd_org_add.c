#include "base/text.h"
#include "ctl/cmd.h"
#include "ctl/show.h"

struct org_add {
	struct account_new acc;
	struct db_batch batch;
	size_t i;
};

static step_fn org_add_make, org_add_made, org_add_read;

static const struct flow org_add_flow = {
	.name = "ctl.org_add",
	.size = sizeof(struct org_add),
	.deadline_ms = 60000,
	.first = org_add_make,
	.failed = cmd_flow_failed,
};

static const struct err *
org_add_language(struct cmd_call *c, struct span s)
{
	bool ok = s.n >= 2 && s.n <= 35;

	for (size_t i = 0; ok && i < s.n; i++)
		ok = (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		     (i > 1 && (s.p[i] == '-' || (s.p[i] >= '0' && s.p[i] <= '9')));
	return ok ? NULL
		  : err_new(c->arena, ERR_INPUT,
			    "\"%.*s\" is no language: give a tag like de, en or de-DE",
			    SPAN_FMT(s));
}

static const struct err *
org_add_kind(struct cmd_call *c, struct span s)
{
	bool ok = s.n >= 1 && s.n <= 40;

	for (size_t i = 0; ok && i < s.n; i++)
		ok = (s.p[i] >= 'a' && s.p[i] <= 'z') || s.p[i] == '_';
	return ok ? NULL
		  : err_new(c->arena, ERR_INPUT,
			    "\"%.*s\" is no kind: use a to z and _, like fire_brigade",
			    SPAN_FMT(s));
}

/* Takes what was given, cleaned, or says what is wrong with it. */
static const struct err *
org_add_values(struct cmd_call *c, struct account_new *acc)
{
	struct arena *a = c->arena;
	struct url url;
	const struct err *e = account_slug_check(a, c->args[0]);

	*acc = (struct account_new){
		.kind = SPAN("organization"),
		.slug = c->args[0],
		.actor_type = SPAN("Organization"),
		.org_kind = cmd_opt(c, "kind"),
		.name = text_clean_line(a, cmd_opt(c, "name"), 100),
		.summary = text_clean(a, cmd_opt(c, "summary"), 1000),
		.website = cmd_opt(c, "website"),
		.language = cmd_opt(c, "language"),
		.claimed = cmd_flag(c, "claimed"),
	};
	if (!e && !acc->name.n)
		e = err_new(a, ERR_INPUT, "the organisation needs a name: --name NAME");
	if (!e && acc->org_kind.p)
		e = org_add_kind(c, acc->org_kind);
	if (!e && acc->language.p)
		e = org_add_language(c, acc->language);
	if (!e && acc->website.p && !(e = url_parse(a, acc->website, &url)))
		acc->website = url.text;
	return e;
}

static struct next
org_add_make(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct org_add *s = task_state(t);
	const struct err *e = org_add_values(c, &s->acc);

	if (!e)
		e = account_keys_make(task_arena(t), &c->hub, &s->acc);
	if (e)
		return fail(t, e);
	db_batch_init(&s->batch, task_arena(t));
	s->i = account_insert(&s->batch, &s->acc);
	return await_commit(t, &s->batch, org_add_made);
}

static struct next
org_add_made(struct task *t)
{
	struct org_add *s = task_state(t);
	int64_t id;

	if (!account_inserted(&s->batch, s->i, &id))
		return fail(t, err_new(task_arena(t), ERR_CONFLICT,
				       "there is an organisation \"%.*s\" already",
				       SPAN_FMT(s->acc.slug)));
	db_batch_init(&s->batch, task_arena(t));
	s->i = account_by_id(&s->batch, id);
	return await_rows(t, &s->batch, org_add_read);
}

static struct next
org_add_read(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct org_add *s = task_state(t);
	struct account acc;
	const struct err *e = account_row(&s->batch, s->i, 0, &acc);
	json_t *j;

	if (e)
		return fail(t, e);
	j = show_account(c, &acc);
	cmd_said(c, j, "added @%.*s, %.*s", SPAN_FMT(json_text(json_object_get(j, "handle"))),
		SPAN_FMT(json_text(json_object_get(j, "url"))));
	return done(t);
}

static const struct cmd_opt org_add_opts[] = {
	{"name", "NAME", "as people know it (needed)"},
	{"kind", "KIND", "e.g. county, town, fire_brigade, clinic, school"},
	{"summary", "TEXT", "what it does, in a sentence or two"},
	{"website", "URL", "its own website"},
	{"language", "TAG", "of its posts unless they say otherwise; de"},
	{"claimed", NULL, "it has taken over the account itself"},
};

const struct cmd cmd_org_add = {
	.noun = "org",
	.verb = "add",
	.args = "SLUG --name NAME",
	.summary = "Adds an organisation with its actor and keys",
	.help = "SLUG becomes the handle @SLUG@host: 1 to 30 of a-z, 0-9 and _, for ever.",
	.opts = org_add_opts,
	.n_opts = ARRAY_LEN(org_add_opts),
	.min_args = 1,
	.max_args = 1,
	.needs = CMD_NEEDS_SEAL,
	.flow = &org_add_flow,
};
