#include "base/text.h"
#include "ctl/cmd.h"
#include "ctl/show.h"
#include "hub/record.h"
#include "task/group.h"

#define WITHDRAW_TRIES 5

/* One try: an edit may come between reading the post and taking it back. */
struct post_withdrawal {
	struct db_batch batch;
	size_t i;
	struct post post;
};

struct post_withdrawn {
	int64_t id;
	bool held; /* nobody had seen it yet */
	bool sent;
};

static step_fn post_withdraw_ask, post_withdraw_put, post_withdraw_done;

static const struct flow post_withdraw_try_flow = {
	.name = "ctl.post_withdraw_try",
	.size = sizeof(struct post_withdrawal),
	.deadline_ms = 30000,
	.first = post_withdraw_ask,
	.failed = cmd_flow_failed,
};

static struct next
post_withdraw_ask(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct post_withdrawal *s = task_state(t);
	int64_t id;
	const struct err *e = cmd_number(c, "id of a post", c->args[0], 1, INT64_MAX, &id);

	if (e)
		return fail(t, e);
	db_batch_init(&s->batch, task_arena(t));
	s->i = post_any(&s->batch, id);
	return await_rows(t, &s->batch, post_withdraw_put);
}

/* The record's entry is the withdrawal: everyone who got the post is told by its readers. */
static struct next
post_withdraw_put(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct post_withdrawal *s = task_state(t);
	struct post_withdrawn *out = task_out(t);
	const struct span opt = cmd_opt(c, "reason");
	const struct span reason = opt.p ? text_clean_line(task_arena(t), opt, 500) : SPAN_NONE;
	struct record_new entry;
	const struct err *e;

	if (db_rows(&s->batch, s->i) == 0)
		return fail(t, err_new(task_arena(t), ERR_NOT_FOUND, "there is no post %.*s",
				       SPAN_FMT(c->args[0])));
	e = post_row(&s->batch, s->i, 0, &s->post);
	out->held = !e && span_is(s->post.state, "held");
	if (!e && !out->held && !span_is(s->post.state, "published"))
		e = err_new(task_arena(t), ERR_CONFLICT, "post %.*s is not public: it is %.*s",
			SPAN_FMT(c->args[0]), SPAN_FMT(s->post.state));
	if (e)
		return fail(t, e);
	out->id = s->post.id;
	out->sent = true;
	db_batch_init(&s->batch, task_arena(t));
	/* Nobody has heard of it, so nobody is told: there is no entry. */
	if (out->held) {
		post_drop(&s->batch, s->post.id, clock_us(), reason);
		return await_commit(t, &s->batch, post_withdraw_done);
	}
	entry = post_withdraw(&s->batch, &s->post, clock_us(), reason);
	record_append(&s->batch, &c->hub, &entry);
	return await_commit(t, &s->batch, post_withdraw_done);
}

static struct next
post_withdraw_done(struct task *t)
{
	return done(t);
}

/* ---- as often as it takes ---- */

struct post_withdrawals {
	struct group group;
	struct post_withdrawn end;
	int tries;
};

static step_fn post_withdraw_begin, post_withdraw_tried;

static const struct flow post_withdraw_flow = {
	.name = "ctl.post_withdraw",
	.size = sizeof(struct post_withdrawals),
	.deadline_ms = 60000,
	.first = post_withdraw_begin,
	.failed = cmd_flow_failed,
};

static struct next
post_withdraw_begin(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct post_withdrawals *s = task_state(t);

	s->tries++;
	s->end = (struct post_withdrawn){0};
	group_init(&s->group, t, 1);
	(void)group_add(
		&s->group, &post_withdraw_try_flow, &c, sizeof(struct cmd_call *), &s->end);
	return await_all(t, &s->group, post_withdraw_tried);
}

static struct next
post_withdraw_tried(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct post_withdrawals *s = task_state(t);
	const struct err *e = group_error(&s->group, 0);

	if (e && e->kind == ERR_CONFLICT && s->end.sent) {
		if (s->tries < WITHDRAW_TRIES)
			return go(t, post_withdraw_begin);
		e = err_new(task_arena(t), ERR_CONFLICT,
			"post %.*s is changed again and again at this moment: try it once more",
			SPAN_FMT(c->args[0]));
	}
	if (e)
		return fail(t, e);
	cmd_said(c, json_pack("{s:o, s:s}", "id", cmd_json_id(s->end.id), "state", "withdrawn"),
		s->end.held ? "withdrawn before it was public; it will not be published"
			    : "withdrawn; everyone who received it is told to delete it");
	return done(t);
}

static const struct cmd_opt post_withdraw_opts[] = {
	{"reason", "TEXT", "kept with the post, not public"},
};

const struct cmd cmd_post_withdraw = {
	.noun = "post",
	.verb = "withdraw",
	.args = "ID",
	.summary = "Takes a post back everywhere",
	.help = "The pages and the API answer 404 or 410 within a second, followers get a "
		"Delete.\n"
		"A post that is still held is never published.\n"
		"The text is kept, not public; the item does not come back with the next poll.",
	.opts = post_withdraw_opts,
	.n_opts = ARRAY_LEN(post_withdraw_opts),
	.min_args = 1,
	.max_args = 1,
	.needs = CMD_NEEDS_DB,
	.flow = &post_withdraw_flow,
};
