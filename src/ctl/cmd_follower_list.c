#include "ctl/cmd.h"
#include "ctl/show.h"

#define FOLLOWERS_MAX 100000

struct followers {
	struct db_batch batch;
	size_t i;
};

static step_fn follower_list_find, follower_list_found, follower_list_read;

static const struct flow follower_list_flow = {
	.name = "ctl.follower_list",
	.size = sizeof(struct followers),
	.deadline_ms = 60000,
	.first = follower_list_find,
	.failed = cmd_flow_failed,
};

static struct next
follower_list_ask(struct task *t, int64_t account)
{
	struct followers *s = task_state(t);

	db_batch_init(&s->batch, task_arena(t));
	s->i = follow_list(&s->batch, account, FOLLOWERS_MAX);
	return await_rows(t, &s->batch, follower_list_read);
}

static struct next
follower_list_find(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct followers *s = task_state(t);

	if (!c->n_args)
		return follower_list_ask(t, 0);
	db_batch_init(&s->batch, task_arena(t));
	s->i = account_by_slug(&s->batch, c->args[0]);
	return await_rows(t, &s->batch, follower_list_found);
}

static struct next
follower_list_found(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct followers *s = task_state(t);
	struct account acc;
	const struct err *e = show_find_account(c, &s->batch, s->i, c->args[0], &acc);

	return e ? fail(t, e) : follower_list_ask(t, acc.id);
}

static struct next
follower_list_read(struct task *t)
{
	static const struct cmd_column cols[] = {
		{"org", "ORG", CMD_TEXT},
		{"uri", "FOLLOWER", CMD_TEXT},
		{"host", "HOST", CMD_TEXT},
		{"accepted_at", "SINCE", CMD_TIME},
	};
	struct cmd_call *c = cmd_call_of(t);
	struct followers *s = task_state(t);
	json_t *rows = json_own(c->arena, json_array());

	for (size_t r = 0; r < db_rows(&s->batch, s->i); r++) {
		struct follower f;
		const struct err *e = follower_row(&s->batch, s->i, r, &f);

		if (e)
			return fail(t, e);
		(void)json_array_append_new(rows, show_follower(&f));
	}
	cmd_list(c, json_incref(rows), cols, ARRAY_LEN(cols));
	return done(t);
}

const struct cmd cmd_follower_list = {
	.noun = "follower",
	.verb = "list",
	.args = "[SLUG|hub]",
	.summary = "Lists who follows the organisations or the hub",
	.max_args = 1,
	.needs = CMD_NEEDS_DB,
	.flow = &follower_list_flow,
};
