#include "ctl/cmd.h"
#include "ctl/show.h"

#define POLL_PAUSE_MS 100
#define POLL_WAIT_MS 120000

struct source_poll {
	struct db_batch batch;
	size_t i;
	int64_t *ids;
	size_t n;
	int64_t waited_ms;
};

static step_fn source_poll_ask, source_poll_found, source_poll_by_slug, source_poll_sent,
	source_poll_watch, source_poll_watched, source_poll_read;

static const struct flow source_poll_flow = {
	.name = "ctl.source_poll",
	.size = sizeof(struct source_poll),
	.deadline_ms = POLL_WAIT_MS + 30000,
	.first = source_poll_ask,
	.failed = cmd_flow_failed,
};

static struct next
source_poll_ask(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct source_poll *s = task_state(t);
	const bool all = cmd_flag(c, "all");
	int64_t id;

	if (all == (c->n_args == 1))
		return fail(t,
			err_new(task_arena(t), ERR_INPUT,
				"name one source by its id, or an organisation, or say --all"));
	db_batch_init(&s->batch, task_arena(t));
	if (!all && span_i64(c->args[0], 1, INT64_MAX, &id))
		s->i = source_by_id(&s->batch, id);
	else
		s->i = source_list(&s->batch, all ? SPAN_NONE : c->args[0]);
	return await_rows(t, &s->batch, source_poll_found);
}

/* A slug may consist of digits, too. */
static struct next
source_poll_found(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct source_poll *s = task_state(t);

	if (db_rows(&s->batch, s->i) > 0 || cmd_flag(c, "all"))
		return go(t, source_poll_by_slug);
	db_batch_init(&s->batch, task_arena(t));
	s->i = source_list(&s->batch, c->args[0]);
	return await_rows(t, &s->batch, source_poll_by_slug);
}

static struct next
source_poll_by_slug(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct source_poll *s = task_state(t);
	struct source row;
	const struct err *e = NULL;

	s->n = db_rows(&s->batch, s->i);
	if (s->n == 0 && c->n_args)
		return fail(t,
			err_new(task_arena(t), ERR_NOT_FOUND,
				"\"%.*s\" is neither a source nor an organisation with sources",
				SPAN_FMT(c->args[0])));
	s->ids = ARENA_ARRAY(task_arena(t), s->n + 1, int64_t);
	for (size_t r = 0; !e && r < s->n; r++) {
		e = source_row(&s->batch, s->i, r, &row);
		s->ids[r] = row.id;
	}
	if (e)
		return fail(t, e);
	if (s->n == 0) {
		cmd_said(c, json_array(), "there are no sources");
		return done(t);
	}
	db_batch_init(&s->batch, task_arena(t));
	for (size_t r = 0; r < s->n; r++)
		source_poll_now(&s->batch, s->ids[r]);
	return await_commit(t, &s->batch, source_poll_sent);
}

static struct next
source_poll_sent(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct source_poll *s = task_state(t);
	json_t *ids;

	if (cmd_flag(c, "wait"))
		return go(t, source_poll_watch);
	ids = json_array();
	for (size_t r = 0; r < s->n; r++)
		(void)json_array_append_new(ids, cmd_json_id(s->ids[r]));
	cmd_said(c, json_pack("{s:o}", "polled", ids), "%zu source%s will be polled now", s->n,
		s->n == 1 ? "" : "s");
	return done(t);
}

static struct next
source_poll_watch(struct task *t)
{
	struct source_poll *s = task_state(t);

	db_batch_init(&s->batch, task_arena(t));
	s->i = source_busy(&s->batch, s->ids, s->n);
	return await_rows(t, &s->batch, source_poll_watched);
}

static struct next
source_poll_watched(struct task *t)
{
	struct source_poll *s = task_state(t);
	int64_t busy = 0;

	if (db_one_int(&s->batch, s->i, &busy) && busy > 0) {
		s->waited_ms += POLL_PAUSE_MS;
		if (s->waited_ms > POLL_WAIT_MS)
			return fail(t, err_new(task_arena(t), ERR_TIMEOUT,
					       "%lld of %zu sources still wait after %d s; "
					       "does litfassd "
					       "run with the role \"ingest\"?",
					       (long long)busy, s->n, POLL_WAIT_MS / 1000));
		return await_sleep(t, POLL_PAUSE_MS, source_poll_watch);
	}
	db_batch_init(&s->batch, task_arena(t));
	s->i = source_list(&s->batch, SPAN_NONE);
	return await_rows(t, &s->batch, source_poll_read);
}

static bool
source_poll_asked(const struct source_poll *s, int64_t id)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->ids[i] == id)
			return true;
	return false;
}

static struct next
source_poll_read(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct source_poll *s = task_state(t);
	json_t *rows = json_own(c->arena, json_array());

	for (size_t r = 0; r < db_rows(&s->batch, s->i); r++) {
		struct source row;
		const struct err *e = source_row(&s->batch, s->i, r, &row);

		if (e)
			return fail(t, e);
		if (!source_poll_asked(s, row.id))
			continue;
		(void)json_array_append_new(rows, show_source(&row));
		if (row.fail_count > 0)
			c->exit = CMD_FAILED;
	}
	cmd_list(c, json_incref(rows), show_source_columns, n_show_source_columns);
	return done(t);
}

static const struct cmd_opt source_poll_opts[] = {
	{"all", NULL, "all sources of the hub"},
	{"wait", NULL, "until it is done, then show how the sources are"},
};

const struct cmd cmd_source_poll = {
	.noun = "source",
	.verb = "poll",
	.args = "ID|SLUG|--all",
	.summary = "Polls sources now instead of at their time",
	.help = "With --wait the exit code is 1 if one of the polls failed.",
	.opts = source_poll_opts,
	.n_opts = ARRAY_LEN(source_poll_opts),
	.max_args = 1,
	.needs = CMD_NEEDS_DB,
	.flow = &source_poll_flow,
};
