#include "connector/poll.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/metric.h"
#include "connector/chunk.h"
#include "connector/pace.h"
#include "crypto/token.h"
#include "db/queue.h"
#include "task/work.h"

#define CONFLICTS_MAX 5 /* in a row: then it is no race but the page */
#define BACKOFF_MS 500
#define BACKOFF_MAX_MS 30000
#define BACKOFF_REFUSED_MAX_MS 600000 /* the source is asked again each time */

struct poll {
	const struct job *job;
	struct db_batch tx;
	struct source source;
	struct source asked; /* the same, as it is asked and read */
	const struct connector *ops;
	struct http_call call;
	struct ingest_run run;
	bool older;    /* a page behind the first one, of a first connect */
	bool modified; /* there is a page in `run` */
	bool asking;   /* what fails now fails at the source or its page */
	int64_t source_id;
	bool loaded;
};

static step_fn poll_begin, poll_ask, poll_read, poll_parsed, poll_write, poll_written,
	poll_done, poll_failed;

const struct flow poll_flow = {
	.name = "connector.poll",
	.size = sizeof(struct poll),
	.deadline_ms = 600000,
	.first = poll_begin,
	.failed = poll_failed,
};

static struct next
poll_begin(struct task *t)
{
	struct poll *p = task_state(t);
	struct arena *a = task_arena(t);
	const struct err *e;
	json_t *args;

	p->job = task_arg(t);
	if ((e = json_parse(a, p->job->args, &json_limits_ap, &args)))
		return fail(t, e);
	if (!json_want_int(args, "source", 1, INT64_MAX, &p->source_id))
		return fail(t, err_new(a, ERR_INPUT, "a poll job without its source"));
	db_batch_init(&p->tx, a);
	(void)source_by_id(&p->tx, p->source_id);
	return await_rows(t, &p->tx, poll_ask);
}

/* The source is gone or paused: so is its job. */
static struct next
poll_end_job(struct task *t)
{
	struct poll *p = task_state(t);

	db_batch_init(&p->tx, task_arena(t));
	(void)queue_finish(&p->tx, &p->job->id, &p->job->token, 1);
	return await_commit(t, &p->tx, poll_done);
}

/* An older page is read as what it is a part of: the first connect. */
static void
poll_turn_back(struct poll *p)
{
	struct source *s = &p->asked;

	p->older = true;
	s->url = s->backfill_url;
	s->etag = s->last_modified = SPAN_NONE;
	s->connected_us = TIME_NONE;
}

static struct next
poll_ask(struct task *t)
{
	struct poll *p = task_state(t);
	struct arena *a = task_arena(t);
	const struct err *e;

	if (db_rows(&p->tx, 0) == 0)
		return poll_end_job(t);
	if ((e = source_row(&p->tx, 0, 0, &p->source)))
		return fail(t, e);
	if (!span_is(p->source.state, "active"))
		return poll_end_job(t);
	p->loaded = true;
	p->ops = connector_find(p->source.connector);
	if (!p->ops)
		return fail(t, err_new(a, ERR_INPUT, "this program has no connector \"%.*s\"",
				       SPAN_FMT(p->source.connector)));
	p->asked = p->source;
	if (p->source.backfill_due)
		poll_turn_back(p);
	/* Not a third time: then the newest items would be buried with it. */
	if (p->older && p->job->crashes >= JOB_CRASHES_MAX - 1)
		return fail(t,
			err_new(a, ERR_UNPROCESSABLE, "reading %.*s brought the program down",
				SPAN_FMT(p->asked.url)));
	if ((e = p->ops->request(a, &p->asked, &p->call)))
		return fail(t, e);
	p->asking = true;
	return await_http(t, &p->call, poll_read);
}

/* ---- the answer ---- */

static int
poll_jitter(void)
{
	uint16_t r;

	token_random(&r, sizeof(r));
	return r % (PACE_JITTER + 1);
}

static struct pace_page
poll_page(const struct poll *p)
{
	return (struct pace_page){.call = &p->call,
		.found = p->modified ? &p->run.found : NULL,
		.news = p->run.n_new + p->run.n_edited > 0,
		.again_us = p->modified ? p->run.again_us : TIME_NONE};
}

static void
poll_settle_newest(const struct poll *p, struct db_batch *b)
{
	const struct pace_page page = poll_page(p);
	struct source_polled out;

	pace_read(b->arena, &p->source, &page, clock_us(), poll_jitter(), &out);
	source_polled(b, &out);
}

static void
poll_settle_older(const struct poll *p, struct db_batch *b)
{
	const struct pace_page page = poll_page(p);
	struct source_backfilled out;

	pace_backfill(b->arena, &p->source, &page, clock_us(), poll_jitter(), &out);
	source_backfilled(b, &out);
}

/* The end of a good poll, as statements of the last transaction. */
static void
poll_settle(void *arg, struct db_batch *b)
{
	struct poll *p = arg;

	if (p->older)
		poll_settle_older(p, b);
	else
		poll_settle_newest(p, b);
	source_next_poll(b, p->source_id);
}

static void
poll_parse_work(void *arg)
{
	struct poll *p = arg;

	ingest_run_parse(&p->run, p->ops, &p->asked, &p->call);
}

static struct next
poll_read(struct task *t)
{
	struct poll *p = task_state(t);

	switch (http_verdict(&p->call)) {
	case VERDICT_OK:
		p->modified = true;
		ingest_run_init(&p->run, task_arena(t), task_env(t)->hub);
		p->run.older = p->older;
		return await_work(t, poll_parse_work, p, poll_parsed);
	case VERDICT_NOT_MODIFIED:
		p->asking = false;
		db_batch_init(&p->tx, task_arena(t));
		queue_fence(&p->tx, p->job);
		poll_settle(p, &p->tx);
		return await_commit(t, &p->tx, poll_done);
	default:
		return fail(t, http_error(task_arena(t), &p->call));
	}
}

static struct next
poll_parsed(struct task *t)
{
	struct poll *p = task_state(t);

	if (p->run.error)
		return fail(t, p->run.error);
	p->asking = false;
	return go(t, poll_write);
}

static struct next
poll_write(struct task *t)
{
	struct poll *p = task_state(t);
	const struct chunk_arg arg = {.run = &p->run,
		.source = &p->asked,
		.job = p->job,
		.settle = poll_settle,
		.settle_arg = p};

	return await_chunk(t, &arg, poll_written);
}

static struct next
poll_written(struct task *t)
{
	struct poll *p = task_state(t);

	if (ingest_run_next(&p->run))
		return go(t, poll_write);
	metric_add(METRIC_ITEMS_NEW, (int64_t)p->run.n_new);
	metric_add(METRIC_ITEMS_EDITED, (int64_t)p->run.n_edited);
	metric_add(METRIC_ITEMS_BAD, (int64_t)p->run.found.n_bad);
	if (p->run.n_new + p->run.n_edited + p->run.n_gone + p->run.found.n_bad > 0)
		log_info(t, "polled",
			"source=%" PRId64 " older=%s new=%zu edited=%zu withdrawn=%zu bad=%zu",
			p->source_id, p->older ? "true" : "false", p->run.n_new,
			p->run.n_edited, p->run.n_gone, p->run.found.n_bad);
	return go(t, poll_done);
}

static struct next
poll_done(struct task *t)
{
	return done(t);
}

/* ---- failing ---- */

/* Our own trouble is not the source's: the database, a race. */
static bool
poll_is_our_trouble(const struct poll *p, const struct err *e)
{
	switch (e->kind) {
	case ERR_DB_GONE:
	case ERR_UNCERTAIN:
	case ERR_UNAVAILABLE:
	case ERR_DB:
	case ERR_CORRUPT: /* only what is read from our own database is called that */
	case ERR_INTERNAL:
		return true;
	case ERR_TIMEOUT: /* of a server, or of a statement or a lock */
		return !p->asking;
	case ERR_CONFLICT:
		return p->job->attempt < CONFLICTS_MAX;
	default:
		return false;
	}
}

/* A database that is away comes back soon; what it refuses or is too slow for may well last. */
static int64_t
poll_backoff_ms(const struct poll *p, const struct err *e)
{
	const bool passing = e->kind == ERR_DB_GONE || e->kind == ERR_UNCERTAIN ||
			     e->kind == ERR_UNAVAILABLE || e->kind == ERR_CONFLICT;

	return queue_backoff_ms(
		p->job->attempt, BACKOFF_MS, passing ? BACKOFF_MAX_MS : BACKOFF_REFUSED_MAX_MS);
}

/* The source's own trouble, and the next poll. */
static void
poll_book(struct poll *p, const struct err *e, struct span text)
{
	struct source_backfilled back;
	struct source_polled out;

	if (p->older) {
		pace_backfill_failed(&p->source, e, text, clock_us(), poll_jitter(), &back);
		source_backfilled(&p->tx, &back);
	} else {
		pace_failed(&p->source, e, text, clock_us(), poll_jitter(), &out);
		source_polled(&p->tx, &out);
	}
	source_next_poll(&p->tx, p->source_id);
}

static struct next
poll_failed(struct task *t)
{
	struct poll *p = task_state(t);
	struct arena *a = task_arena(t);
	const struct err *e = task_error(t);
	struct span text = err_text(a, e);

	log_at((enum log_level)err_level(e), task_log_ctx(t), "poll_failed",
		"source=%" PRId64 " error=%.*s", p->source_id, LOG_STR(text));
	db_batch_init(&p->tx, a);
	queue_fence(&p->tx, p->job);
	if (e->kind == ERR_STOPPED) {
		queue_give_back(&p->tx, p->job);
	} else if (poll_is_our_trouble(p, e)) {
		queue_retry(&p->tx, p->job, poll_backoff_ms(p, e), text);
	} else if (!p->loaded) {
		queue_bury(&p->tx, p->job, text);
	} else {
		poll_book(p, e, text);
	}
	return await_commit(t, &p->tx, poll_done);
}
