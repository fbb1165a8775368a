#include "ap/deliver.h"

#include <stdlib.h>

#include "ap/moved.h"
#include "ap/object.h"
#include "ap/outgoing.h"
#include "ap/own.h"
#include "ap/state.h"
#include "base/clock.h"
#include "base/metric.h"
#include "hub/delivery.h"
#include "net/http.h"
#include "task/work.h"

#define DELIVER_BACK_MS 2000
#define DELIVER_BEHIND_S 7200

/* ---- the job ---- */

#define DELIVER_HEADERS (2 + HTTPSIG_HEADERS)

struct deliver {
	const struct job *job;
	struct url inbox;
	int64_t account;
	struct load_item load;
	const struct own *own;
	struct deliver_way way;
	int tries; /* ways gone so far */
	struct httpsig_out sig;
	const struct err *sign_error;
	struct http_call call;
	struct http_header headers[DELIVER_HEADERS];
	int64_t began_ms;
	struct settle_item settle;
	bool asking; /* what is too late now is the host */
	bool asked;  /* what is wrong now is what the host says, or its address */
	bool settling;
	struct gather_item item;
	struct moved moved;
	struct db_batch tx; /* giving it back */
};

static step_fn deliver_begin, deliver_loaded, deliver_sign, deliver_post, deliver_answered,
	deliver_moved, deliver_settle, deliver_end, deliver_failed;

const struct flow deliver_flow = {
	.name = "ap.deliver",
	.size = sizeof(struct deliver),
	.deadline_ms = 120000,
	.first = deliver_begin,
	.failed = deliver_failed,
};

static struct next
deliver_begin(struct task *t)
{
	struct deliver *d = task_state(t);
	struct arena *a = task_arena(t);
	const struct err *e;
	struct span inbox;
	json_t *args;

	d->job = task_arg(t);
	d->settle.job = d->job;
	d->load.arena = a;
	if ((e = json_parse(a, d->job->args, &json_limits_ap, &args)) ||
		(e = json_need_text(a, args, "activity", URL_MAX, &d->load.activity)) ||
		(e = json_need_text(a, args, "inbox", URL_MAX, &inbox)) ||
		(e = url_parse(a, inbox, &d->inbox)))
		return fail(t, e);
	d->load.host = d->inbox.authority;
	d->settle.host = d->inbox.authority;
	return await_load(t, &d->item, &d->load, deliver_loaded);
}

/* Of this attempt, with nothing of an answer yet. */
static struct deliver_answer
deliver_attempt(const struct deliver *d)
{
	return (struct deliver_answer){.attempt = d->job->attempt,
		.age_s = (clock_us() - d->job->created_us) / US_PER_S};
}

static struct next
deliver_wait(struct task *t, int64_t ms, const struct err *why)
{
	struct deliver *d = task_state(t);
	struct deliver_answer w = deliver_attempt(d);

	w.error = why;
	d->settle.verdict = deliver_judge(&w);
	d->settle.error = why->text;
	d->settle.delay_ms = ms;
	return go(t, deliver_settle);
}

/* The host rests: not before its time, and not all at once then. */
static struct next
deliver_rest(struct task *t, int64_t ms)
{
	struct deliver *d = task_state(t);

	return deliver_wait(t, ms + (int64_t)arc4random_uniform(30000),
		err_new(task_arena(t), ERR_UNAVAILABLE,
			"%.*s failed several times in a row or asked for a pause: waiting",
			SPAN_FMT(d->load.host)));
}

/*
 * What is for followers only counts where it is known that there is one. But only what was made
 * behind that Accept waits, and not for long: new followers come all the time at a large host,
 * and one of them may have an inbox that takes nothing.
 */
static bool
deliver_is_behind(const struct deliver *d)
{
	const struct span type = d->load.out->type;

	return d->load.behind && d->load.behind < d->job->id &&
	       deliver_attempt(d).age_s < DELIVER_BEHIND_S &&
	       (span_is(type, "Create") || span_is(type, "Announce") ||
		       span_is(type, "Update"));
}

static struct next
deliver_loaded(struct task *t)
{
	struct deliver *d = task_state(t);
	int64_t rest_ms = 0;

	if (!d->load.out)
		return fail(t, err_new(task_arena(t), ERR_NOT_FOUND,
				       "the activity to deliver is not there any more"));
	if (d->load.out->overtaken) {
		d->settle.verdict = (struct deliver_verdict){.end = DELIVER_OVERTAKEN};
		d->settle.error = SPAN("its post has been withdrawn");
		return go(t, deliver_settle);
	}
	if (d->load.known.open_until_us != TIME_NONE)
		rest_ms = (d->load.known.open_until_us - clock_us()) / 1000;
	if (rest_ms > 0)
		return deliver_rest(t, rest_ms);
	if (deliver_is_behind(d))
		return deliver_wait(t, d->load.wait_ms + DELIVER_BACK_MS,
			err_new(task_arena(t), ERR_UNAVAILABLE,
				"the Accept for a new follower of this host goes first"));
	return await_own(t, d->load.out->account, &d->own, deliver_sign);
}

/* On a worker thread: one digest and one RSA operation, in the arena of the waiting task. */
static void
deliver_sign_work(void *arg)
{
	struct deliver *d = arg;
	struct arena *a = d->load.arena;
	const struct httpsig_header type = {SPAN("Content-Type"), SPAN(AP_TYPE)};
	const struct httpsig_request r = {.method = SPAN("POST"),
		.target = d->way.without_query ? d->inbox.path : d->inbox.target,
		.scheme = d->inbox.scheme,
		.host = d->inbox.authority,
		.headers = &type,
		.n_headers = 1,
		.body = d->load.out->body};

	d->sign_error = own_sign(a, d->own, d->way.scheme, &r, &d->sig);
}

static struct next
deliver_sign(struct task *t)
{
	struct deliver *d = task_state(t);
	const bool query = d->inbox.query.p != NULL;
	const bool there = deliver_way(d->load.known.scheme, query, d->tries++, &d->way);

	assert(there); /* asked before: deliver_judge was told whether there is one */
	(void)there;
	return await_work(t, deliver_sign_work, d, deliver_post);
}

static struct next
deliver_post(struct task *t)
{
	struct deliver *d = task_state(t);
	size_t n = 0;

	if (d->sign_error)
		return fail(t, d->sign_error);
	d->headers[n++] = (struct http_header){SPAN("Content-Type"), SPAN(AP_TYPE)};
	d->headers[n++] = (struct http_header){
		SPAN("Accept"), SPAN("application/activity+json, application/ld+json")};
	for (size_t i = 0; i < d->sig.n_headers; i++)
		d->headers[n++] =
			(struct http_header){d->sig.headers[i].name, d->sig.headers[i].value};
	d->call = (struct http_call){.kind = HTTP_DELIVER,
		.method = SPAN("POST"),
		.url = d->inbox.text,
		.body = d->load.out->body,
		.headers = d->headers,
		.n_headers = n};
	d->began_ms = clock_mono_ms();
	d->asking = d->asked = true;
	return await_http(t, &d->call, deliver_answered);
}

static struct next
deliver_apply(struct task *t, const struct err *e)
{
	struct deliver *d = task_state(t);
	struct arena *a = task_arena(t);
	struct deliver_way other;
	struct deliver_answer w = deliver_attempt(d);

	w.error = e;
	w.status = d->call.status;
	w.retry_after_s = e ? e->retry_after_s : d->call.retry_after_s;
	w.other_way =
		deliver_way(d->load.known.scheme, d->inbox.query.p != NULL, d->tries, &other);
	d->settle.verdict = deliver_judge(&w);
	if (d->settle.verdict.end == DELIVER_OTHER_WAY)
		return go(t, deliver_sign);
	d->settle.error = e ? err_text(a, e) : err_text(a, http_error(a, &d->call));
	d->settle.delay_ms = d->settle.verdict.end == DELIVER_BACK
				     ? DELIVER_BACK_MS
				     : deliver_delay_ms(d->job->attempt, arc4random());
	if (d->settle.delay_ms < (int64_t)d->settle.verdict.wait_s * 1000)
		d->settle.delay_ms = (int64_t)d->settle.verdict.wait_s * 1000;
	if (d->settle.verdict.end != DELIVER_MOVED)
		return go(t, deliver_settle);
	d->moved = (struct moved){.inbox = d->inbox.text,
		.job = d->job,
		.activity = {.account = d->load.out->account,
			.object = d->load.out->object,
			.uri = d->load.out->uri,
			.type = d->load.out->type,
			.body = d->load.out->body}};
	return await_moved(t, &d->moved, deliver_moved);
}

/* Who could not be asked may have another inbox: it is not lost until he was. */
static struct next
deliver_moved(struct task *t)
{
	struct deliver *d = task_state(t);
	const struct deliver_answer w = deliver_attempt(d);

	if (d->moved.unknown)
		d->settle.verdict.end = deliver_again(&w, DELIVER_LATER);
	return go(t, deliver_settle);
}

static struct next
deliver_answered(struct task *t)
{
	struct deliver *d = task_state(t);

	d->asking = false;
	if (http_verdict(&d->call) == VERDICT_OK && d->way.scheme != d->load.known.scheme) {
		d->settle.learnt = true;
		d->settle.scheme = d->way.scheme;
		outgoing_learn(ap_of(t), d->load.host, d->way.scheme);
	}
	return deliver_apply(t, NULL);
}

/* ---- ending it ---- */

static struct next
deliver_settle(struct task *t)
{
	struct deliver *d = task_state(t);

	d->settling = true;
	return await_settle(t, &d->item, &d->settle, deliver_end);
}

static struct next
deliver_end(struct task *t)
{
	struct deliver *d = task_state(t);
	static const char *const events[] = {
		[DELIVER_DONE] = "delivered",
		[DELIVER_OTHER_WAY] = "delivered",
		[DELIVER_LATER] = "delivery_later",
		[DELIVER_BACK] = "delivery_waits",
		[DELIVER_DROP] = "delivery_refused",
		[DELIVER_MOVED] = "inbox_gone",
		[DELIVER_OVERTAKEN] = "delivery_overtaken",
		[DELIVER_BURY] = "delivery_given_up",
	};
	const enum deliver_end end = d->settle.verdict.end;

	if (end == DELIVER_DONE)
		metric_inc(METRIC_DELIVERED);
	else if (end != DELIVER_BACK && end != DELIVER_OVERTAKEN)
		metric_inc(METRIC_DELIVERY_ERRORS);
	if (end == DELIVER_DONE)
		log_info(t, "delivered", "host=%.*s status=%d ms=%lld", LOG_STR(d->load.host),
			d->call.status, (long long)(clock_mono_ms() - d->began_ms));
	else
		log_at(end == DELIVER_BURY ? LOG_WARN : LOG_INFO, task_log_ctx(t), events[end],
			"host=%.*s activity=%.*s attempt=%lld error=%.*s",
			LOG_STR(d->load.host), LOG_STR(d->load.activity),
			(long long)d->job->attempt, LOG_STR(d->settle.error));
	return done(t);
}

static struct next
deliver_given_back(struct task *t)
{
	return done(t);
}

/* We stop, and no group is gathered any more: the job goes back as if it had not begun. */
static struct next
deliver_give_back(struct task *t)
{
	struct deliver *d = task_state(t);

	db_batch_init(&d->tx, task_arena(t));
	queue_give_back(&d->tx, d->job);
	return await_commit(t, &d->tx, deliver_given_back);
}

/* The network's failures come here, and ours; the job is settled all the same. */
static struct next
deliver_failed(struct task *t)
{
	struct deliver *d = task_state(t);
	const struct err *e = task_error(t);

	if (e->kind == ERR_STOPPED)
		return deliver_give_back(t);
	/*
	 * If the settling itself fails, once more; if that fails as well, the lease runs out
	 * and somebody delivers it again.
	 */
	if (d->settling)
		return await_sleep(t, DELIVER_BACK_MS, deliver_settle);
	/* Too late was our own database, or this flow, and not the host. */
	if (e->kind == ERR_TIMEOUT && !d->asking)
		e = err_new(task_arena(t), ERR_UNAVAILABLE, "%.*s",
			SPAN_FMT(err_text(task_arena(t), e)));
	/* A job that cannot be read is for people to see. */
	if (!d->asked && (e->kind == ERR_INPUT || e->kind == ERR_TOO_LARGE))
		e = err_new(task_arena(t), ERR_CORRUPT, "%.*s",
			SPAN_FMT(err_text(task_arena(t), e)));
	return deliver_apply(t, e);
}
