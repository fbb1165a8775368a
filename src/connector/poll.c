#include "connector/poll.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/codec.h"
#include "base/map.h"
#include "base/metric.h"
#include "connector/connector.h"
#include "connector/ingest.h"
#include "crypto/token.h"
#include "db/queue.h"
#include "task/work.h"

#define INTERVAL_MIN_S 600
#define INTERVAL_MAX_S 86400
#define BACKOFF_MIN_S 60
#define BACKOFF_MAX_S 3600
#define GONE_AGAIN_S 86400
#define AUTH_AGAIN_S 21600
#define MOVED_AFTER_US (INT64_C(86400) * US_PER_S)

struct poll {
	const struct job *job;
	struct db_batch tx;
	struct source source;
	const struct connector *ops;
	struct http_call call;
	struct ingest_run run;
	int64_t source_id;
	bool loaded;
};

static step_fn poll_begin, poll_ask, poll_read, poll_parsed, poll_chunk, poll_known, poll_write,
	poll_written, poll_done, poll_failed;

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

static struct next
poll_ask(struct task *t)
{
	struct poll *p = task_state(t);
	struct arena *a = task_arena(t);
	const struct err *e;

	if (db_rows(&p->tx, 0) == 0)
		return fail(t, err_new(a, ERR_NOT_FOUND, "the source has been removed"));
	if ((e = source_row(&p->tx, 0, 0, &p->source)))
		return fail(t, e);
	p->loaded = true;
	p->ops = connector_find(p->source.connector);
	if (!p->ops)
		return fail(t, err_new(a, ERR_INPUT, "this program has no connector \"%.*s\"",
				       SPAN_FMT(p->source.connector)));
	if ((e = p->ops->request(a, &p->source, SPAN_NONE, &p->call)))
		return fail(t, e);
	return await_http(t, &p->call, poll_read);
}

/* ---- when to come again ---- */

static int64_t
poll_jitter(int64_t s)
{
	uint16_t r;

	token_random(&r, sizeof(r));
	return s * 900 / 1000 + r % 200 * s / 1000;
}

/* What the server asks for in Cache-Control; 0 = nothing. */
static int64_t
poll_max_age(const struct http_call *c)
{
	struct span list = http_reply_header(c, "cache-control"), field;
	int64_t v;

	while (list.p && span_cut(&list, ',', &field)) {
		field = span_trim(field);
		if (span_starts_nocase(field, SPAN("max-age=")) &&
			span_i64(span_slice(field, 8, field.n), 0, INT64_MAX, &v))
			return v;
	}
	return 0;
}

static int64_t
poll_interval(const struct poll *p, bool found_new)
{
	int64_t s = p->source.interval_s, floor = INTERVAL_MIN_S,
		asked = poll_max_age(&p->call);

	/* What the operator has set is set. */
	if (p->source.min_interval_s)
		return p->source.min_interval_s;
	if (p->run.found.min_interval_s > asked)
		asked = p->run.found.min_interval_s;
	if (asked > floor)
		floor = asked;
	s = found_new ? floor : s * 3 / 2;
	if (s < floor)
		s = floor;
	return s > INTERVAL_MAX_S ? INTERVAL_MAX_S : s;
}

/* Twice in a row and a day apart: then the feed has moved for good. */
static void
poll_moved(const struct poll *p, struct source_polled *out)
{
	if (!p->call.moved_permanently)
		return;
	out->moved_to = p->call.final.text;
	if (span_eq(p->source.moved_to, p->call.final.text) &&
		p->source.moved_us != TIME_NONE &&
		clock_us() - p->source.moved_us >= MOVED_AFTER_US) {
		out->url = p->call.final.text;
		out->moved_to = SPAN_NONE;
	}
}

/* The end of a good poll, as statements of the last transaction. */
static void
poll_settle(struct poll *p, struct db_batch *b)
{
	bool found_new = p->run.n_new + p->run.n_edited > 0;
	struct source_polled out = {.id = p->source_id,
		.etag = p->run.found.etag,
		.last_modified = p->run.found.last_modified,
		.health = SPAN("ok"),
		.ok = true,
		.connected = true,
		.found_new = found_new};
	int64_t delay;

	if (p->run.found.recovered) {
		out.health = SPAN("degraded");
		out.health_text = SPAN("the feed is not well-formed; it was read all the same");
	}
	if (p->run.found.expired) {
		out.health = SPAN("gone");
		out.health_text = SPAN("the feed says that it has ended");
	}
	poll_moved(p, &out);
	out.interval_s = poll_interval(p, found_new);
	delay = p->source.min_interval_s ? out.interval_s * 1000
					 : poll_jitter(out.interval_s * 1000);
	if (p->run.found.expired)
		delay = (int64_t)GONE_AGAIN_S * 1000;
	out.next_poll_us = clock_us() + delay * 1000;
	source_polled(b, &out);
	queue_retry(b, p->job, delay, SPAN(""));
}

/* ---- the answer ---- */

static void
poll_parse_work(void *arg)
{
	struct poll *p = arg;

	ingest_run_parse(&p->run, p->ops, &p->source, &p->call);
}

static struct next
poll_read(struct task *t)
{
	struct poll *p = task_state(t);

	ingest_run_init(&p->run, task_arena(t), task_env(t)->hub);
	switch (http_verdict(&p->call)) {
	case VERDICT_OK:
		return await_work(t, poll_parse_work, p, poll_parsed);
	case VERDICT_NOT_MODIFIED:
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
	return go(t, poll_chunk);
}

static struct next
poll_chunk(struct task *t)
{
	struct poll *p = task_state(t);

	db_batch_init(&p->tx, task_arena(t));
	ingest_run_ask(&p->run, p->source_id, &p->tx);
	return p->tx.n ? await_rows(t, &p->tx, poll_known) : go(t, poll_write);
}

static struct next
poll_known(struct task *t)
{
	struct poll *p = task_state(t);
	const struct err *e = ingest_run_decide(&p->run, &p->source, &p->tx);

	if (e)
		return fail(t, e);
	db_batch_init(&p->tx, task_arena(t));
	ingest_run_ids(&p->run, &p->tx);
	return p->tx.n ? await_rows(t, &p->tx, poll_write) : go(t, poll_write);
}

static struct next
poll_write(struct task *t)
{
	struct poll *p = task_state(t);
	const struct err *e = ingest_run_take_ids(&p->run, &p->tx);

	if (e)
		return fail(t, e);
	db_batch_init(&p->tx, task_arena(t));
	queue_fence(&p->tx, p->job);
	ingest_run_posts(&p->run, &p->source, &p->tx);
	if (ingest_run_last(&p->run))
		poll_settle(p, &p->tx);
	ingest_run_record(&p->run, &p->tx);
	return await_commit(t, &p->tx, poll_written);
}

static struct next
poll_written(struct task *t)
{
	struct poll *p = task_state(t);

	if (ingest_run_next(&p->run))
		return go(t, poll_chunk);
	metric_add(METRIC_ITEMS_NEW, (int64_t)p->run.n_new);
	metric_add(METRIC_ITEMS_EDITED, (int64_t)p->run.n_edited);
	metric_add(METRIC_ITEMS_BAD, (int64_t)p->run.found.n_bad);
	if (p->run.n_new + p->run.n_edited + p->run.n_gone > 0)
		log_info(t, "polled", "source=%" PRId64 " new=%zu edited=%zu withdrawn=%zu",
			p->source_id, p->run.n_new, p->run.n_edited, p->run.n_gone);
	return go(t, poll_done);
}

static struct next
poll_done(struct task *t)
{
	return done(t);
}

/* ---- failing ---- */

/* What the failure means for the source, and when it is worth asking again. */
static void
poll_judge(const struct poll *p, const struct err *e, struct source_polled *out)
{
	int64_t fails = p->source.fail_count < 6 ? p->source.fail_count : 6;

	out->interval_s = (int64_t)BACKOFF_MIN_S << fails;
	if (out->interval_s > BACKOFF_MAX_S)
		out->interval_s = BACKOFF_MAX_S;
	if (p->source.min_interval_s && out->interval_s > 10 * p->source.min_interval_s)
		out->interval_s = 10 * p->source.min_interval_s;
	out->health = p->source.fail_count >= 2 ? SPAN("degraded") : p->source.health;
	switch (e->kind) {
	case ERR_GONE:
		out->health = SPAN("gone");
		out->interval_s = GONE_AGAIN_S;
		break;
	case ERR_FORBIDDEN:
	case ERR_AUTH:
		if (p->source.fail_count >= 2) {
			out->health = SPAN("auth_needed");
			out->interval_s = AUTH_AGAIN_S;
		}
		break;
	case ERR_TOO_MANY:
		out->health = SPAN("paused_quota");
		break;
	default:
		break;
	}
	if (e->retry_after_s > out->interval_s)
		out->interval_s = e->retry_after_s;
}

static struct next
poll_failed(struct task *t)
{
	struct poll *p = task_state(t);
	struct arena *a = task_arena(t);
	const struct err *e = task_error(t);
	struct span text = err_text(a, e);
	struct source_polled out = {.id = p->source_id, .health_text = text};

	log_at((enum log_level)err_level(e), task_log_ctx(t), "poll_failed",
		"source=%" PRId64 " error=%.*s", p->source_id, LOG_STR(text));
	db_batch_init(&p->tx, a);
	queue_fence(&p->tx, p->job);
	/* Our own trouble is not the source's: the database, a stop, a race. */
	if (!p->loaded || e->kind == ERR_STOPPED || e->kind == ERR_DB_GONE ||
		e->kind == ERR_UNCERTAIN || e->kind == ERR_CONFLICT ||
		e->kind == ERR_UNAVAILABLE) {
		if (!p->loaded && e->kind == ERR_NOT_FOUND)
			queue_bury(&p->tx, p->job, text);
		else
			queue_retry(&p->tx, p->job,
				queue_backoff_ms(p->job->crashes + 1, 500, 30000), text);
		return await_commit(t, &p->tx, poll_done);
	}
	poll_judge(p, e, &out);
	out.next_poll_us = clock_us() + out.interval_s * US_PER_S;
	source_polled(&p->tx, &out);
	queue_retry(&p->tx, p->job, poll_jitter(out.interval_s * 1000), text);
	return await_commit(t, &p->tx, poll_done);
}
