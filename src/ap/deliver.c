#include "ap/deliver.h"

#include <stdlib.h>
#include <string.h>

#include "ap/moved.h"
#include "ap/object.h"
#include "ap/own.h"
#include "ap/state.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/metric.h"
#include "hub/delivery.h"
#include "hub/remote.h"
#include "net/http.h"
#include "task/work.h"

#define DELIVER_GROUP 256
#define DELIVER_BODIES 64
#define DELIVER_BODY_TTL_MS 300000
#define DELIVER_HOSTS 8192
#define DELIVER_HOST_TTL_MS 30000
#define DELIVER_BACK_MS 2000

/* ---- bodies: one for all inboxes it goes to ---- */

struct outbound {
	int refs;
	int64_t account, object;
	struct span uri, type, body;
	char text[];
};

static void
outbound_release(void *arg)
{
	struct outbound *o = arg;

	if (--o->refs == 0)
		free(o);
}

static const struct outbound *
outbound_lend(struct arena *a, struct outbound *o)
{
	o->refs++;
	arena_own(a, outbound_release, o);
	return o;
}

static struct outbound *
outbound_new(const struct activity *v)
{
	struct outbound *o = xcalloc(1, sizeof(*o) + v->uri.n + v->type.n + v->body.n);

	o->refs = 1;
	o->account = v->account;
	o->object = v->object;
	o->uri = span_from(memcpy(o->text, v->uri.p, v->uri.n), v->uri.n);
	o->type = span_from(memcpy(o->text + v->uri.n, v->type.p, v->type.n), v->type.n);
	o->body = span_from(
		memcpy(o->text + v->uri.n + v->type.n, v->body.p, v->body.n), v->body.n);
	return o;
}

/* What is known of a host. Not in the table: a healthy one that takes draft-cavage. */
struct host_known {
	enum httpsig_scheme scheme;
	int64_t open_until_us; /* TIME_NONE = may be asked */
};

static void
host_remember(struct ap *ap, struct span host, struct host_known what)
{
	struct host_known *h = xmalloc(sizeof(*h));

	*h = what;
	cache_put(ap->hosts, host, h);
}

/* ---- many at once: reading bodies and hosts ---- */

struct load_item {
	struct span activity, host;
	struct arena *arena; /* of the task that asked */
	const struct outbound *out;
	struct host_known known;
};

/* False when the database has to be asked. */
static bool
load_at_hand(struct ap *ap, struct load_item *it)
{
	const struct host_known *h = cache_get(ap->hosts, it->host);
	struct outbound *o;

	if (!h)
		return false;
	it->known = *h;
	o = cache_get(ap->bodies, it->activity);
	if (!o)
		return false;
	it->out = outbound_lend(it->arena, o);
	return true;
}

struct load_run {
	struct db_batch batch;
	size_t bodies, hosts;
	struct map *names; /* hosts asked for */
};

static step_fn load_ask, load_answer, load_failed;

static const struct flow load_flow = {
	.name = "ap.load",
	.size = sizeof(struct load_run),
	.deadline_ms = 15000,
	.first = load_ask,
	.failed = load_failed,
};

static void
load_free_map(void *m)
{
	map_free(m, NULL);
}

static struct next
load_ask(struct task *t)
{
	struct load_run *r = task_state(t);
	struct arena *a = task_arena(t);
	size_t n, n_uris = 0, n_hosts = 0;
	struct gather_item **items = gather_items(t, &n);
	struct span *uris = ARENA_ARRAY(a, n, struct span);
	struct span *hosts = ARENA_ARRAY(a, n, struct span);
	struct map *seen = map_new();

	arena_own(a, load_free_map, seen);
	for (size_t i = 0; i < n; i++) {
		const struct load_item *it = items[i]->data;

		if (!map_put(seen, arena_printf(a, "a%.*s", SPAN_FMT(it->activity)), r))
			uris[n_uris++] = it->activity;
		if (!map_put(seen, arena_printf(a, "h%.*s", SPAN_FMT(it->host)), r))
			hosts[n_hosts++] = it->host;
	}
	db_batch_init(&r->batch, a);
	r->bodies = activity_get(&r->batch, uris, n_uris);
	r->hosts = remote_hosts(&r->batch, hosts, n_hosts);
	return await_rows(t, &r->batch, load_answer);
}

static const struct err *
load_take(struct ap *ap, struct load_run *r, struct map *bodies, struct map *hosts)
{
	struct arena *a = r->batch.arena;
	const struct err *e = NULL;

	for (size_t i = 0; !e && i < db_rows(&r->batch, r->bodies); i++) {
		struct activity v;
		struct outbound *o;

		if ((e = activity_row(&r->batch, r->bodies, i, &v)))
			break;
		o = outbound_new(&v);
		cache_put(ap->bodies, v.uri, o);
		/* Many of them could crowd each other out of the cache. */
		(void)map_put(bodies, v.uri, (void *)(uintptr_t)outbound_lend(a, o));
	}
	for (size_t i = 0; !e && i < db_rows(&r->batch, r->hosts); i++) {
		struct remote_host *row = ARENA_NEW(a, struct remote_host);

		if (!(e = remote_host_row(&r->batch, r->hosts, i, row)))
			(void)map_put(hosts, row->host, row);
	}
	return e;
}

static struct next
load_answer(struct task *t)
{
	struct load_run *r = task_state(t);
	struct arena *a = task_arena(t);
	struct ap *ap = ap_of(t);
	size_t n;
	struct gather_item **items = gather_items(t, &n);
	struct map *bodies = map_new(), *hosts = map_new();
	const struct err *e;

	arena_own(a, load_free_map, bodies);
	arena_own(a, load_free_map, hosts);
	if ((e = load_take(ap, r, bodies, hosts)))
		return fail(t, e);
	for (size_t i = 0; i < n; i++) {
		struct load_item *it = items[i]->data;
		struct outbound *o = map_get(bodies, it->activity);
		const struct remote_host *row = map_get(hosts, it->host);

		if (o)
			it->out = outbound_lend(it->arena, o);
		it->known = (struct host_known){HTTPSIG_CAVAGE, TIME_NONE};
		if (row) {
			it->known.open_until_us = row->open_until_us;
			if (span_is(row->sig_scheme, "rfc9421"))
				it->known.scheme = HTTPSIG_RFC9421;
		}
		host_remember(ap, it->host, it->known);
	}
	return done(t);
}

static struct next
load_failed(struct task *t)
{
	return fail(t, task_error(t));
}

/* ---- many at once: outcomes ---- */

struct settle_item {
	const struct job *job;
	struct deliver_verdict verdict;
	int64_t delay_ms;
	struct span host, error;
	bool learnt; /* the host takes another scheme than was known */
	enum httpsig_scheme scheme;
};

struct settle_run {
	struct db_batch batch;
};

static step_fn settle_put, settle_end;

static const struct flow settle_flow = {
	.name = "ap.settle",
	.size = sizeof(struct settle_run),
	.deadline_ms = 15000,
	.first = settle_put,
	.failed = load_failed,
};

static void
settle_jobs(struct db_batch *b, struct gather_item **items, size_t n)
{
	int64_t *ids = ARENA_ARRAY(b->arena, n, int64_t);
	struct span *tokens = ARENA_ARRAY(b->arena, n, struct span);
	struct job_retry *again = ARENA_ARRAY(b->arena, n, struct job_retry);
	size_t n_done = 0, n_again = 0;

	for (size_t i = 0; i < n; i++) {
		const struct settle_item *it = items[i]->data;

		switch (it->verdict.end) {
		case DELIVER_LATER:
		case DELIVER_BACK:
			again[n_again++] = (struct job_retry){.job = it->job,
				.delay_ms = it->delay_ms,
				.error = it->error,
				.back = it->verdict.end == DELIVER_BACK};
			break;
		case DELIVER_BURY:
			queue_bury(b, it->job, it->error);
			break;
		default:
			ids[n_done] = it->job->id;
			tokens[n_done++] = it->job->token;
		}
	}
	if (n_done)
		(void)queue_finish(b, ids, tokens, n_done);
	if (n_again)
		queue_retries(b, again, n_again);
}

static struct next
settle_put(struct task *t)
{
	struct settle_run *r = task_state(t);
	struct arena *a = task_arena(t);
	size_t n, n_hosts = 0;
	struct gather_item **items = gather_items(t, &n);
	struct remote_result *hosts = ARENA_ARRAY(a, n, struct remote_result);

	db_batch_init(&r->batch, a);
	settle_jobs(&r->batch, items, n);
	for (size_t i = 0; i < n; i++) {
		const struct settle_item *it = items[i]->data;

		if (it->learnt)
			remote_host_scheme(&r->batch, it->host,
				it->scheme == HTTPSIG_RFC9421 ? SPAN("rfc9421")
							      : SPAN("cavage"));
		if (it->verdict.host != HOST_UNTOUCHED)
			hosts[n_hosts++] = (struct remote_result){.host = it->host,
				.ok = it->verdict.host == HOST_OK,
				.retry_after_s = it->verdict.wait_s};
	}
	if (n_hosts)
		remote_host_result(&r->batch, hosts, n_hosts);
	return await_commit(t, &r->batch, settle_end);
}

/* What has changed about a host is read again the next time. */
static struct next
settle_end(struct task *t)
{
	struct ap *ap = ap_of(t);
	size_t n;
	struct gather_item **items = gather_items(t, &n);

	for (size_t i = 0; i < n; i++) {
		const struct settle_item *it = items[i]->data;

		if (it->verdict.host == HOST_FAILED || it->verdict.wait_s || it->learnt)
			cache_drop(ap->hosts, it->host);
	}
	return done(t);
}

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
	bool settling;
	struct gather_item item;
	struct moved moved;
};

static step_fn deliver_begin, deliver_loaded, deliver_sign, deliver_post, deliver_answered,
	deliver_settle, deliver_end, deliver_failed;

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
	struct ap *ap = ap_of(t);
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
	if (load_at_hand(ap, &d->load))
		return go(t, deliver_loaded);
	return await_gather(t, ap->load, &d->item, &d->load, deliver_loaded);
}

/* The host rests: not before its time, and not all at once then. */
static struct next
deliver_rest(struct task *t, int64_t ms)
{
	struct deliver *d = task_state(t);
	const struct deliver_answer w = {
		.error = err_new(task_arena(t), ERR_UNAVAILABLE,
			"%.*s failed several times in a row or asked for a pause: waiting",
			SPAN_FMT(d->load.host)),
		.attempt = d->job->attempt,
		.age_s = (clock_us() - d->job->created_us) / US_PER_S};

	d->settle.verdict = deliver_judge(&w);
	d->settle.error = w.error->text;
	d->settle.delay_ms = ms + (int64_t)arc4random_uniform(30000);
	return go(t, deliver_settle);
}

static struct next
deliver_loaded(struct task *t)
{
	struct deliver *d = task_state(t);
	int64_t rest_ms = 0;

	if (!d->load.out)
		return fail(t, err_new(task_arena(t), ERR_NOT_FOUND,
				       "the activity to deliver is not there any more"));
	if (d->load.known.open_until_us != TIME_NONE)
		rest_ms = (d->load.known.open_until_us - clock_us()) / 1000;
	if (rest_ms > 0)
		return deliver_rest(t, rest_ms);
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
	struct span signature;

	httpsig_prepare(a, &r, d->way.scheme, d->own->key_id, clock_us(), &d->sig);
	d->sign_error = pkey_sign(a, d->own->rsa, d->sig.text, &signature);
	if (!d->sign_error)
		httpsig_finish(a, &d->sig, signature);
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
	return await_http(t, &d->call, deliver_answered);
}

static struct next
deliver_apply(struct task *t, const struct err *e)
{
	struct deliver *d = task_state(t);
	struct arena *a = task_arena(t);
	struct deliver_way other;
	const struct deliver_answer w = {
		.error = e,
		.status = d->call.status,
		.retry_after_s = e ? e->retry_after_s : d->call.retry_after_s,
		.other_way = deliver_way(
			d->load.known.scheme, d->inbox.query.p != NULL, d->tries, &other),
		.attempt = d->job->attempt,
		.age_s = (clock_us() - d->job->created_us) / US_PER_S,
	};

	d->settle.verdict = deliver_judge(&w);
	if (d->settle.verdict.end == DELIVER_OTHER_WAY)
		return go(t, deliver_sign);
	d->settle.error = e ? err_text(a, e) : err_text(a, http_error(a, &d->call));
	d->settle.delay_ms = d->settle.verdict.end == DELIVER_BACK
				     ? (e && e->kind == ERR_STOPPED ? 0 : DELIVER_BACK_MS)
				     : deliver_delay_ms(d->job->attempt, arc4random());
	if (d->settle.delay_ms < (int64_t)d->settle.verdict.wait_s * 1000)
		d->settle.delay_ms = (int64_t)d->settle.verdict.wait_s * 1000;
	if (d->settle.verdict.end != DELIVER_MOVED)
		return go(t, deliver_settle);
	d->moved = (struct moved){.inbox = d->inbox.text,
		.activity = {.account = d->load.out->account,
			.object = d->load.out->object,
			.uri = d->load.out->uri,
			.type = d->load.out->type,
			.body = d->load.out->body}};
	return await_moved(t, &d->moved, deliver_settle);
}

static struct next
deliver_answered(struct task *t)
{
	struct deliver *d = task_state(t);

	if (http_verdict(&d->call) == VERDICT_OK && d->way.scheme != d->load.known.scheme) {
		d->settle.learnt = true;
		d->settle.scheme = d->way.scheme;
		host_remember(
			ap_of(t), d->load.host, (struct host_known){d->way.scheme, TIME_NONE});
	}
	return deliver_apply(t, NULL);
}

/* ---- ending it ---- */

static struct next
deliver_settle(struct task *t)
{
	struct deliver *d = task_state(t);

	d->settling = true;
	return await_gather(t, ap_of(t)->settle, &d->item, &d->settle, deliver_end);
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
		[DELIVER_BURY] = "delivery_given_up",
	};
	const enum deliver_end end = d->settle.verdict.end;

	if (end == DELIVER_DONE)
		metric_inc(METRIC_DELIVERED);
	else if (end != DELIVER_BACK)
		metric_inc(METRIC_DELIVERY_ERRORS);
	if (end == DELIVER_BURY)
		metric_inc(METRIC_JOBS_BURIED);
	if (end == DELIVER_DONE)
		log_info(t, "delivered", "host=%.*s status=%d ms=%lld", LOG_STR(d->load.host),
			d->call.status, (long long)(clock_mono_ms() - d->began_ms));
	else
		log_at(end == DELIVER_BURY ? LOG_WARN : LOG_INFO, task_log_ctx(t), events[end],
			"host=%.*s activity=%.*s attempt=%lld error=\"%.*s\"",
			LOG_STR(d->load.host), LOG_STR(d->load.activity),
			(long long)d->job->attempt, LOG_STR(d->settle.error));
	return done(t);
}

/* The network's failures come here, and ours; the job is settled all the same. */
static struct next
deliver_failed(struct task *t)
{
	struct deliver *d = task_state(t);
	const struct err *e = task_error(t);

	/*
	 * If the settling itself fails, once more; if that fails as well, the lease runs out
	 * and somebody delivers it again.
	 */
	if (d->settling && e->kind != ERR_STOPPED)
		return await_sleep(t, DELIVER_BACK_MS, deliver_settle);
	return d->settling ? fail(t, e) : deliver_apply(t, e);
}

/* ---- life ---- */

void
deliver_setup(struct ap *ap)
{
	ap->bodies = cache_new(DELIVER_BODIES, DELIVER_BODY_TTL_MS, outbound_release);
	ap->hosts = cache_new(DELIVER_HOSTS, DELIVER_HOST_TTL_MS, free);
	ap->load = gather_new(ap->env->loop, &load_flow, DELIVER_GROUP, 2);
	ap->settle = gather_new(ap->env->loop, &settle_flow, DELIVER_GROUP, 1);
}

void
deliver_teardown(struct ap *ap)
{
	gather_free(ap->load);
	gather_free(ap->settle);
	cache_free(ap->bodies);
	cache_free(ap->hosts);
}
