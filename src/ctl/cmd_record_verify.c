#include "crypto/pkey.h"
#include "ctl/cmd.h"
#include "hub/account.h"
#include "hub/record.h"

#define VERIFY_PAGE 500

/*
 * Entries come in pages, checkpoints beside them, and are fed in the order they stand. Each
 * page asks for the head, the checkpoints and then the entries, so that what is appended
 * meanwhile only adds entries behind the head.
 */
enum { VERIFY_HEAD, VERIFY_CHECKPOINTS, VERIFY_ENTRIES };

struct verification {
	struct db_batch batch;
	struct arena *page;
	struct record_verify v;
	struct pkey *key;
	struct record_checkpoint head, last; /* last: place of the last checkpoint fed */
	size_t checkpoint;                   /* next row of the batch */
	bool head_met;
};

static step_fn verify_start, verify_key, verify_ask, verify_page, verify_failed;

static const struct flow record_verify_flow = {
	.name = "ctl.record_verify",
	.size = sizeof(struct verification),
	.deadline_ms = 12 * 3600 * 1000,
	.first = verify_start,
	.failed = verify_failed,
};

static struct next
verify_start(struct task *t)
{
	struct verification *s = task_state(t);

	record_verify_init(&s->v, 1);
	db_batch_init(&s->batch, task_arena(t));
	(void)account_own(&s->batch);
	return await_rows(t, &s->batch, verify_key);
}

static struct next
verify_key(struct task *t)
{
	struct verification *s = task_state(t);
	struct account acc;
	const struct err *e = account_row(&s->batch, 0, 0, &acc);

	if (!e)
		e = pkey_ed25519_from_public(task_arena(t), acc.ed25519_public, &s->key);
	return e ? fail(t, e) : go(t, verify_ask);
}

static struct next
verify_ask(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct verification *s = task_state(t);

	arena_free(s->page);
	s->page = arena_new();
	s->checkpoint = 0;
	db_batch_init(&s->batch, s->page);
	(void)record_head_read(&s->batch);
	/* An entry has at most one checkpoint, so one page of them is enough for ours. */
	(void)checkpoint_list(&s->batch, &c->hub, s->last.epoch, s->last.seq, VERIFY_PAGE + 1);
	(void)record_after(&s->batch, &c->hub, s->v.epoch, s->v.seq, VERIFY_PAGE, true);
	return await_rows(t, &s->batch, verify_page);
}

/* What stands at the place we have reached; at the end also what stands further on. */
static const struct err *
verify_here(struct verification *s, bool end)
{
	const struct err *e = NULL;

	while (!e && s->checkpoint < db_rows(&s->batch, VERIFY_CHECKPOINTS)) {
		struct record_checkpoint c;

		e = checkpoint_row(&s->batch, VERIFY_CHECKPOINTS, s->checkpoint, &c);
		if (!e && !end && record_verify_waits(&s->v, &c))
			break;
		if (!e)
			e = record_verify_checkpoint(&s->v, s->page, &c, s->key);
		s->checkpoint++;
		s->last.epoch = c.epoch;
		s->last.seq = c.seq;
	}
	if (e || s->head_met || (!end && record_verify_waits(&s->v, &s->head)))
		return e;
	s->head_met = true;
	return record_verify_head(&s->v, s->page, &s->head);
}

static const struct err *
verify_rows(struct verification *s, bool end)
{
	const struct err *e = record_head_row(&s->batch, VERIFY_HEAD, &s->head);

	s->head_met = false;
	for (size_t row = 0; !e && row < db_rows(&s->batch, VERIFY_ENTRIES); row++) {
		struct record_entry entry;

		e = verify_here(s, false);
		if (!e)
			e = record_row(&s->batch, VERIFY_ENTRIES, row, &entry);
		if (!e)
			e = record_verify_entry(&s->v, s->page, &entry);
	}
	return e ? e : verify_here(s, end);
}

static struct next
verify_page(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct verification *s = task_state(t);
	const bool end = db_rows(&s->batch, VERIFY_ENTRIES) < VERIFY_PAGE;
	const struct err *e = verify_rows(s, end);

	if (e)
		return fail(t, e);
	if (!end)
		return go(t, verify_ask);
	cmd_said(c,
		json_pack("{s:b, s:I, s:I, s:I, s:I, s:I}", "verified", 1, "epoch",
			(json_int_t)s->v.epoch, "seq", (json_int_t)s->v.seq, "entries",
			(json_int_t)s->v.entries, "contents", (json_int_t)s->v.contents,
			"checkpoints", (json_int_t)s->v.checkpoints),
		"verified: %lld entries up to %lld/%lld, %lld with content, %lld signed "
		"checkpoints",
		(long long)s->v.entries, (long long)s->v.epoch, (long long)s->v.seq,
		(long long)s->v.contents, (long long)s->v.checkpoints);
	pkey_unref(s->key);
	arena_free(s->page);
	return done(t);
}

static struct next
verify_failed(struct task *t)
{
	struct verification *s = task_state(t);

	pkey_unref(s->key);
	s->key = NULL;
	arena_free(s->page); /* the error was copied by the task */
	s->page = NULL;
	return fail(t, task_error(t));
}

const struct cmd cmd_record_verify = {
	.noun = "record",
	.verb = "verify",
	.args = "",
	.summary = "Proves that the record is whole and unchanged",
	.help = "Computes the chain again from the first entry, compares the content that is "
		"still\n"
		"there, and checks every signed checkpoint. Names the first entry that is "
		"wrong and\n"
		"ends with exit code 7.",
	.needs = CMD_NEEDS_DB,
	.flow = &record_verify_flow,
};
