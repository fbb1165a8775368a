#include "ctl/cmd.h"
#include "db/queue.h"
#include "task/group.h"

struct queue_retrial {
	struct db_batch batch;
	size_t i;
};

static step_fn queue_retry_put, queue_retry_done;

static const struct flow queue_retry_try_flow = {
	.name = "ctl.queue_retry_try",
	.size = sizeof(struct queue_retrial),
	.deadline_ms = 30000,
	.first = queue_retry_put,
	.failed = cmd_flow_failed,
};

static struct next
queue_retry_put(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct queue_retrial *s = task_state(t);
	const bool all = cmd_flag(c, "all-dead");
	int64_t id = 0;
	const struct err *e = NULL;

	if (all == (c->n_args == 1))
		e = err_new(
			task_arena(t), ERR_INPUT, "name one job by its id, or say --all-dead");
	else if (!all)
		e = cmd_number(c, "id of a job", c->args[0], 1, INT64_MAX, &id);
	if (e)
		return fail(t, e);
	db_batch_init(&s->batch, task_arena(t));
	s->i = all ? queue_revive_dead(&s->batch) : queue_revive(&s->batch, id);
	return await_commit(t, &s->batch, queue_retry_done);
}

static struct next
queue_retry_done(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct queue_retrial *s = task_state(t);
	const size_t n = db_rows(&s->batch, s->i);

	if (n == 0 && c->n_args)
		return fail(t, err_new(task_arena(t), ERR_NOT_FOUND,
				       "there is no job %.*s that waits or was given up",
				       SPAN_FMT(c->args[0])));
	cmd_said(c, json_pack("{s:I}", "retried", (json_int_t)n), "%zu job%s will run now", n,
		n == 1 ? "" : "s");
	return done(t);
}

/* ---- what the database says of it, in words ---- */

static step_fn queue_retry_begin, queue_retry_tried;

static const struct flow queue_retry_flow = {
	.name = "ctl.queue_retry",
	.size = sizeof(struct group),
	.deadline_ms = 60000,
	.first = queue_retry_begin,
	.failed = cmd_flow_failed,
};

static struct next
queue_retry_begin(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct group *g = task_state(t);

	group_init(g, t, 1);
	(void)group_add(g, &queue_retry_try_flow, &c, sizeof(struct cmd_call *), NULL);
	return await_all(t, g, queue_retry_tried);
}

static struct next
queue_retry_tried(struct task *t)
{
	const struct err *e = group_error(task_state(t), 0);

	if (e && e->kind == ERR_CONFLICT)
		e = err_new(task_arena(t), ERR_CONFLICT,
			"a job with the same key is alive already: nothing to retry");
	return e ? fail(t, e) : done(t);
}

static const struct cmd_opt queue_retry_opts[] = {
	{"all-dead", NULL, "everything that was given up"},
};

const struct cmd cmd_queue_retry = {
	.noun = "queue",
	.verb = "retry",
	.args = "ID|--all-dead",
	.summary = "Runs a job now that waits or was given up",
	.opts = queue_retry_opts,
	.n_opts = ARRAY_LEN(queue_retry_opts),
	.max_args = 1,
	.needs = CMD_NEEDS_DB,
	.flow = &queue_retry_flow,
};
