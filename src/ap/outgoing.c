#include "ap/outgoing.h"

#include <stdlib.h>
#include <string.h>

#include "ap/state.h"
#include "base/clock.h"
#include "base/map.h"
#include "hub/delivery.h"
#include "hub/remote.h"

#define OUTGOING_GROUP 256
#define OUTGOING_HOSTS 8192
#define OUTGOING_HOST_TTL_MS 30000
/* An hour and a half of a host that fails at nothing else: then the others go on without it. */
#define OUTGOING_ACCEPT_TRIES 8

/* ---- bodies: one for all inboxes of a group ---- */

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
	o->overtaken = v->overtaken;
	o->uri = span_from(memcpy(o->text, v->uri.p, v->uri.n), v->uri.n);
	o->type = span_from(memcpy(o->text + v->uri.n, v->type.p, v->type.n), v->type.n);
	o->body = span_from(
		memcpy(o->text + v->uri.n + v->type.n, v->body.p, v->body.n), v->body.n);
	return o;
}

static void
host_remember(struct ap *ap, struct span host, struct host_known what)
{
	struct host_known *h = xmalloc(sizeof(*h));

	*h = what;
	lru_put(ap->hosts, host, h);
}

/* ---- many at once: reading bodies and hosts ---- */

struct load_run {
	struct db_batch batch;
	size_t bodies, hosts, behind;
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
	struct ap *ap = ap_of(t);
	size_t n, n_uris = 0, n_hosts = 0;
	struct gather_item **items = gather_items(t, &n);
	struct span *uris = ARENA_ARRAY(a, n, struct span);
	struct span *hosts = ARENA_ARRAY(a, n, struct span);
	struct span *all_hosts = ARENA_ARRAY(a, n, struct span);
	struct map *seen = map_new();

	arena_own(a, load_free_map, seen);
	for (size_t i = 0; i < n; i++) {
		struct load_item *it = items[i]->data;
		const struct host_known *h = lru_get(ap->hosts, it->host);

		if (!map_put(seen, arena_printf(a, "a%.*s", SPAN_FMT(it->activity)), r))
			uris[n_uris++] = it->activity;
		all_hosts[i] = it->host;
		it->at_hand = h != NULL;
		if (h)
			it->known = *h;
		else if (!map_put(seen, arena_printf(a, "h%.*s", SPAN_FMT(it->host)), r))
			hosts[n_hosts++] = it->host;
	}
	db_batch_init(&r->batch, a);
	r->bodies = activity_get(&r->batch, uris, n_uris);
	r->hosts = remote_hosts(&r->batch, hosts, n_hosts);
	r->behind = delivery_behind(&r->batch, all_hosts, n, OUTGOING_ACCEPT_TRIES);
	return await_rows(t, &r->batch, load_answer);
}

static struct span
load_behind_key(struct arena *a, struct span host, int64_t account)
{
	return arena_printf(a, "%lld %.*s", (long long)account, SPAN_FMT(host));
}

static const struct err *
load_take(struct load_run *r, struct map *bodies, struct map *hosts, struct map *behind)
{
	struct arena *a = r->batch.arena;
	const struct err *e = NULL;

	for (size_t i = 0; !e && i < db_rows(&r->batch, r->bodies); i++) {
		struct activity v;
		struct outbound *o;

		if ((e = activity_row(&r->batch, r->bodies, i, &v)))
			break;
		o = outbound_new(&v);
		arena_own(a, outbound_release, o);
		(void)map_put(bodies, v.uri, o);
	}
	for (size_t i = 0; !e && i < db_rows(&r->batch, r->hosts); i++) {
		struct remote_host *row = ARENA_NEW(a, struct remote_host);

		if (!(e = remote_host_row(&r->batch, r->hosts, i, row)))
			(void)map_put(hosts, row->host, row);
	}
	for (size_t i = 0; !e && i < db_rows(&r->batch, r->behind); i++) {
		struct delivery_behind *row = ARENA_NEW(a, struct delivery_behind);

		if (!(e = delivery_behind_row(&r->batch, r->behind, i, row)))
			(void)map_put(behind, load_behind_key(a, row->host, row->account), row);
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
	struct map *bodies = map_new(), *hosts = map_new(), *behind = map_new();
	const struct err *e;

	arena_own(a, load_free_map, bodies);
	arena_own(a, load_free_map, hosts);
	arena_own(a, load_free_map, behind);
	if ((e = load_take(r, bodies, hosts, behind)))
		return fail(t, e);
	for (size_t i = 0; i < n; i++) {
		struct load_item *it = items[i]->data;
		struct outbound *o = map_get(bodies, it->activity);
		const struct remote_host *row = map_get(hosts, it->host);
		const struct delivery_behind *ahead = NULL;

		if (o) {
			it->out = outbound_lend(it->arena, o);
			ahead = map_get(behind, load_behind_key(a, it->host, o->account));
		}
		if (ahead) {
			it->behind = ahead->job;
			it->wait_ms = ahead->wait_ms;
		}
		if (it->at_hand)
			continue;
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

		/* What was learnt came with a success. */
		if (it->verdict.host != HOST_UNTOUCHED)
			hosts[n_hosts++] = (struct remote_result){.host = it->host,
				.ok = it->verdict.host == HOST_OK,
				.retry_after_s = it->verdict.wait_s,
				.scheme = !it->learnt                     ? SPAN_NONE
					  : it->scheme == HTTPSIG_RFC9421 ? SPAN("rfc9421")
									  : SPAN("cavage")};
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
			lru_drop(ap->hosts, it->host);
	}
	return done(t);
}

/* ---- asking ---- */

struct next
await_load_at(struct task *t, struct gather_item *item, struct load_item *load, step_fn *then,
	const char *name)
{
	return await_gather_at(t, ap_of(t)->load, item, load, then, name);
}

struct next
await_settle_at(struct task *t, struct gather_item *item, struct settle_item *settle,
	step_fn *then, const char *name)
{
	return await_gather_at(t, ap_of(t)->settle, item, settle, then, name);
}

void
outgoing_learn(struct ap *ap, struct span host, enum httpsig_scheme scheme)
{
	host_remember(ap, host, (struct host_known){scheme, TIME_NONE});
}

/* ---- life ---- */

void
outgoing_setup(struct ap *ap)
{
	ap->hosts = lru_new(OUTGOING_HOSTS, OUTGOING_HOST_TTL_MS, free);
	ap->load = gather_new(ap->env->loop, &load_flow, OUTGOING_GROUP, 2);
	ap->settle = gather_new(ap->env->loop, &settle_flow, OUTGOING_GROUP, 1);
}

void
outgoing_teardown(struct ap *ap)
{
	gather_free(ap->load);
	gather_free(ap->settle);
	lru_free(ap->hosts);
}
