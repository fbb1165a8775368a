#include "ctl/cmd.h"
#include "ctl/show.h"

#define POLL_PAUSE_MS 100
#define POLL_WAIT_MS 120000

struct source_poll {
	struct db_batch batch;
	size_t i;
	int64_t *ids;
	size_t n;
	struct poll_open {
		int64_t due_us; /* of the poll that was asked for */
		bool still;
	} * open; /* as ids */
	int64_t waited_ms;
};

static step_fn source_poll_ask, source_poll_found, source_poll_by_slug, source_poll_sent,
	source_poll_watch, source_poll_watched;

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
	for (size_t r = 0; r < s->n; r++) {
		source_poll_now(&s->batch, s->ids[r]);
		if (cmd_flag(c, "older"))
			source_poll_older(&s->batch, s->ids[r]);
	}
	s->i = source_list(&s->batch, SPAN_NONE);
	return await_commit(t, &s->batch, source_poll_sent);
}

/* The place of a source among those that were asked for, n when it is none of them. */
static size_t
source_poll_place(const struct source_poll *s, int64_t id)
{
	size_t i = 0;

	while (i < s->n && s->ids[i] != id)
		i++;
	return i;
}

static const struct err *
source_poll_due(struct task *t, struct source_poll *s)
{
	const struct err *e = NULL;

	s->open = ARENA_ARRAY(task_arena(t), s->n, struct poll_open);
	for (size_t r = 0; !e && r < db_rows(&s->batch, s->i); r++) {
		struct source row;
		size_t i;

		e = source_row(&s->batch, s->i, r, &row);
		i = e ? s->n : source_poll_place(s, row.id);
		if (i < s->n)
			s->open[i] = (struct poll_open){row.next_poll_us, true};
	}
	return e;
}

static struct next
source_poll_sent(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct source_poll *s = task_state(t);
	const struct err *e;
	json_t *ids;

	if (cmd_flag(c, "wait")) {
		e = source_poll_due(t, s);
		return e ? fail(t, e) : go(t, source_poll_watch);
	}
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
	int64_t *ids = ARENA_ARRAY(task_arena(t), s->n, int64_t);
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->open[i].still)
			ids[n++] = s->ids[i];
	db_batch_init(&s->batch, task_arena(t));
	(void)source_busy(&s->batch, ids, n);
	s->i = source_list(&s->batch, SPAN_NONE);
	return await_rows(t, &s->batch, source_poll_watched);
}

/*
 * The end of a poll of the newest items, good or bad, sets the time of the next one; that of a
 * page of older items, which the same job reads, does not.
 */
static const struct err *
source_poll_look(struct source_poll *s, int64_t *n)
{
	const struct err *e = NULL;

	*n = 0;
	for (size_t r = 0; !e && r < db_rows(&s->batch, s->i); r++) {
		struct source row;
		struct poll_open *o;

		e = source_row(&s->batch, s->i, r, &row);
		if (e || source_poll_place(s, row.id) == s->n)
			continue;
		o = &s->open[source_poll_place(s, row.id)];
		o->still = o->still && o->due_us == row.next_poll_us;
		*n += o->still;
	}
	return e;
}

static struct next
source_poll_watched(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct source_poll *s = task_state(t);
	int64_t busy = 0, open;
	json_t *rows;
	const struct err *e = source_poll_look(s, &open);

	/* One that is not done and has no job is paused, or its job was given up. */
	if (!e && open > 0 && db_one_int(&s->batch, 0, &busy) && busy > 0) {
		s->waited_ms += POLL_PAUSE_MS;
		if (s->waited_ms > POLL_WAIT_MS)
			return fail(t, err_new(task_arena(t), ERR_TIMEOUT,
					       "%lld of %zu sources still wait after %d s; "
					       "does litfassd "
					       "run with the role \"ingest\"?",
					       (long long)open, s->n, POLL_WAIT_MS / 1000));
		return await_sleep(t, POLL_PAUSE_MS, source_poll_watch);
	}
	rows = json_own(c->arena, json_array());
	for (size_t r = 0; !e && r < db_rows(&s->batch, s->i); r++) {
		struct source row;

		e = source_row(&s->batch, s->i, r, &row);
		if (e || source_poll_place(s, row.id) == s->n)
			continue;
		(void)json_array_append_new(rows, show_source(&row));
		if (row.fail_count > 0)
			c->exit = CMD_FAILED;
	}
	if (e)
		return fail(t, e);
	cmd_list(c, json_incref(rows), show_source_columns, n_show_source_columns);
	return done(t);
}

static const struct cmd_opt source_poll_opts[] = {
	{"all", NULL, "all sources of the hub"},
	{"older", NULL, "also the pages of older items, all of them"},
	{"wait", NULL, "until it is done, then show how the sources are"},
};

const struct cmd cmd_source_poll = {
	.noun = "source",
	.verb = "poll",
	.args = "ID|SLUG|--all",
	.summary = "Polls sources now instead of at their time",
	.help = "--wait ends when the newest items have been read, with exit code 1 if one of "
		"the\n"
		"polls failed. Older pages of a feed are not waited for. They are read at the "
		"first\n"
		"connect; --older reads them again, when some could not be read then.",
	.opts = source_poll_opts,
	.n_opts = ARRAY_LEN(source_poll_opts),
	.max_args = 1,
	.needs = CMD_NEEDS_DB,
	.flow = &source_poll_flow,
};
