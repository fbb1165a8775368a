#include "connector/connector.h"
#include "ctl/cmd.h"
#include "ctl/show.h"
#include "net/guard.h"

struct source_add {
	struct url url;
	int64_t interval;
	struct account acc;
	struct db_batch batch;
	size_t i;
};

static step_fn source_add_ask, source_add_put, source_add_made, source_add_read;

static const struct flow source_add_flow = {
	.name = "ctl.source_add",
	.size = sizeof(struct source_add),
	.deadline_ms = 30000,
	.first = source_add_ask,
	.failed = cmd_flow_failed,
};

/* Other people's servers are asked once a minute at most; our own tests, as often as we like.
 */
#define INTERVAL_MIN_S 60

static const struct err *
source_add_interval(struct cmd_call *c, struct source_add *s, struct span text)
{
	const struct err *e =
		cmd_number(c, "interval in seconds", text, 1, 86400, &s->interval);

	if (!e && s->interval < INTERVAL_MIN_S && !guard_permits_http(&c->conf, &s->url))
		e = err_new(c->arena, ERR_INPUT,
			"an interval of %d seconds or more is polite; only servers within "
			"net.allow_private may be asked more often",
			INTERVAL_MIN_S);
	return e;
}

static struct next
source_add_ask(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct source_add *s = task_state(t);
	const struct span interval = cmd_opt(c, "interval");
	const struct err *e = url_parse(task_arena(t), c->args[1], &s->url);

	if (!e && interval.p)
		e = source_add_interval(c, s, interval);
	if (e)
		return fail(t, e);
	db_batch_init(&s->batch, task_arena(t));
	s->i = account_by_slug(&s->batch, c->args[0]);
	return await_rows(t, &s->batch, source_add_put);
}

static struct next
source_add_put(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct source_add *s = task_state(t);
	const struct err *e = show_find_account(c, &s->batch, s->i, c->args[0], &s->acc);
	struct source_new n;

	if (!e && !span_is(s->acc.kind, "organization"))
		e = err_new(task_arena(t), ERR_INPUT,
			"@%.*s is the hub's own account and has no sources",
			SPAN_FMT(s->acc.slug));
	if (e)
		return fail(t, e);
	n = (struct source_new){
		.account = s->acc.id,
		.connector = span_of(connector_feed.name),
		.url = s->url.text,
		.language = cmd_opt(c, "language"),
		.min_interval_s = s->interval,
	};
	if ((e = connector_feed.check(task_arena(t), &n)))
		return fail(t, e);
	db_batch_init(&s->batch, task_arena(t));
	s->i = source_insert(&s->batch, &n);
	return await_commit(t, &s->batch, source_add_made);
}

static struct next
source_add_made(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct source_add *s = task_state(t);
	int64_t id;

	if (!source_inserted(&s->batch, s->i, &id))
		return fail(t, err_new(task_arena(t), ERR_CONFLICT, "@%.*s reads %.*s already",
				       SPAN_FMT(c->args[0]), SPAN_FMT(s->url.text)));
	db_batch_init(&s->batch, task_arena(t));
	s->i = source_by_id(&s->batch, id);
	return await_rows(t, &s->batch, source_add_read);
}

static struct next
source_add_read(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct source_add *s = task_state(t);
	struct source row;
	const struct err *e = source_row(&s->batch, s->i, 0, &row);

	if (e)
		return fail(t, e);
	cmd_said(c, show_source(&row), "added source %lld; the first poll is due now",
		(long long)row.id);
	return done(t);
}

static const struct cmd_opt source_add_opts[] = {
	{"language", "TAG", "of its posts unless they say otherwise"},
	{"interval", "SECONDS", "between polls, 60 to 86400; otherwise by what it publishes"},
};

const struct cmd cmd_source_add = {
	.noun = "source",
	.verb = "add",
	.args = "SLUG URL",
	.summary = "Connects a feed to an organisation",
	.help = "URL is the address of the feed itself. Try litfassctl source test first: it "
		"finds\n"
		"the feed of a page and shows what would come in.",
	.opts = source_add_opts,
	.n_opts = ARRAY_LEN(source_add_opts),
	.min_args = 2,
	.max_args = 2,
	.needs = CMD_NEEDS_DB,
	.flow = &source_add_flow,
};
