#include "ap/actor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ap/get.h"
#include "ap/keydoc.h"
#include "ap/state.h"
#include "base/clock.h"
#include "base/codec.h"
#include "crypto/digest.h"
#include "crypto/pkey.h"
#include "hub/link.h"

#define ACTOR_MAX 2048
#define ACTOR_TTL_MS 60000
#define ACTOR_DAY_US (INT64_C(86400) * US_PER_S)
#define ACTOR_FETCHES_PER_S 5 /* of one host */
#define ACTOR_FETCHES_BURST 200
#define ACTOR_HOSTS_MAX 4096

/* ---- what is kept: one block of memory per actor ---- */

struct actor_kept {
	struct actor actor;
	char text[];
};

static struct span
actor_pack(char **at, struct span s)
{
	struct span copy = {.p = s.p ? *at : NULL, .n = s.n};

	if (s.p)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

static struct actor_kept *
actor_keep(const struct actor *a)
{
	struct actor_kept *k = xcalloc(1, sizeof(*k) + a->uri.n + a->host.n + a->inbox.n +
						  a->shared_inbox.n + a->key_id.n);
	char *at = k->text;

	k->actor.uri = actor_pack(&at, a->uri);
	k->actor.host = actor_pack(&at, a->host);
	k->actor.inbox = actor_pack(&at, a->inbox);
	k->actor.shared_inbox = actor_pack(&at, a->shared_inbox);
	k->actor.key_id = actor_pack(&at, a->key_id);
	k->actor.key = pkey_ref(a->key);
	k->actor.fetched_us = a->fetched_us;
	k->actor.fresh = a->fresh;
	return k;
}

static void
actor_release(void *arg)
{
	struct actor_kept *k = arg;

	pkey_unref(k->actor.key);
	free(k);
}

static void
actor_unref_key(void *arg)
{
	pkey_unref(arg);
}

/* into and from may be the same. */
static void
actor_lend(struct arena *a, struct actor *into, const struct actor *from)
{
	*into = (struct actor){
		.uri = arena_dup(a, from->uri),
		.host = arena_dup(a, from->host),
		.inbox = arena_dup(a, from->inbox),
		.shared_inbox = arena_dup(a, from->shared_inbox),
		.key_id = arena_dup(a, from->key_id),
		.key = pkey_ref(from->key),
		.fetched_us = from->fetched_us,
		.fresh = from->fresh,
	};
	arena_own(a, actor_unref_key, into->key);
}

/* A key that cannot be had: the reason, for those who ask again within the minute. */
struct actor_bad {
	enum err_kind kind;
	int64_t until_ms; /* from when on it may be asked for again; 0 = not said */
	char text[256];
};

static void
actor_bad_keep(struct ap *ap, struct span key_id, const struct err *e)
{
	struct actor_bad *b = xcalloc(1, sizeof(*b));

	b->kind = e->kind;
	if (e->retry_after_s)
		b->until_ms = clock_mono_ms() + (int64_t)e->retry_after_s * 1000;
	(void)snprintf(b->text, sizeof(b->text), "%.*s", SPAN_FMT(e->text));
	lru_put(ap->actors_bad, key_id, b);
}

static const struct err *
actor_later(struct arena *a, enum err_kind kind, int64_t after_s, struct span text)
{
	const struct err *made = err_new(a, kind, "%.*s", SPAN_FMT(text));
	struct err *e = ARENA_NEW(a, struct err);

	*e = *made;
	e->retry_after_s = (int)(after_s < 1 ? 1 : after_s > 86400 ? 86400 : after_s);
	return e;
}

/* ---- the run: memory has nothing (new enough) ---- */

struct actor_query {
	enum actor_age age;
	size_t n;
	char key_id[URL_MAX];
};

struct actor_run {
	const struct actor_query *q;
	struct span key_id;
	struct db_batch batch;
	struct remote_actor row; /* known so far */
	struct actor known;      /* the same with its key read; key NULL = not known */
	struct keydoc doc;
	struct get get;
	struct actor found;
	const struct err *error;
};

static step_fn actor_begin, actor_known, actor_allowed, actor_read, actor_stored, actor_noted,
	actor_failed;

static const struct flow actor_flow = {
	.name = "ap.actor",
	.size = sizeof(struct actor_run),
	.deadline_ms = 40000,
	.first = actor_begin,
	.failed = actor_failed,
};

static struct next
actor_begin(struct task *t)
{
	struct actor_run *r = task_state(t);
	const struct err *e;

	r->q = task_arg(t);
	r->key_id = span_from(r->q->key_id, r->q->n);
	if ((e = keydoc_begin(task_arena(t), &r->doc, r->key_id)))
		return fail(t, e);
	db_batch_init(&r->batch, task_arena(t));
	(void)remote_by_key(&r->batch, r->key_id);
	return await_rows(t, &r->batch, actor_known);
}

static void
actor_from_row(struct arena *a, const struct remote_actor *row, struct actor *out)
{
	struct pkey *key;

	if (pkey_public_from_pem(a, row->public_key_pem, &key))
		return; /* of another time or program: as if it were not there */
	arena_own(a, actor_unref_key, key);
	*out = (struct actor){
		.uri = row->uri,
		.host = row->host,
		.inbox = row->inbox,
		.shared_inbox = row->shared_inbox,
		.key_id = row->key_id,
		.key = key,
		.fetched_us = row->fetched_us,
	};
}

static struct next
actor_found(struct task *t, const struct actor *a, bool fresh)
{
	struct actor_run *r = task_state(t);
	struct ap *ap = ap_of(t);

	r->found = *a;
	r->found.fresh = fresh;
	lru_drop(ap->actors_bad, r->key_id);
	lru_put(ap->actors, r->key_id, actor_keep(&r->found));
	actor_lend(task_arena(t), task_out(t), &r->found);
	return done(t);
}

static struct next
actor_known(struct task *t)
{
	struct actor_run *r = task_state(t);
	struct ap *ap = ap_of(t);
	struct url key;
	const struct err *e = NULL;
	int after_s = 0;

	if (db_rows(&r->batch, 0) > 0 && !(e = remote_row(&r->batch, 0, 0, &r->row)))
		actor_from_row(task_arena(t), &r->row, &r->known);
	if (!e)
		e = url_parse(task_arena(t), r->doc.next, &key);
	if (e)
		return fail(t, e);
	if (r->known.key && r->q->age == ACTOR_CACHED &&
		clock_us() - r->row.fetched_us < ACTOR_DAY_US)
		return actor_found(t, &r->known, false);
	if (!limit_take(ap->fetches, key.authority, &after_s))
		return r->known.key
			       ? actor_found(t, &r->known, true)
			       : fail(t, actor_later(task_arena(t), ERR_TOO_MANY, after_s,
						 SPAN("too many unknown keys of this host at "
						      "once: send again later")));
	db_batch_init(&r->batch, task_arena(t));
	(void)key_fetch_allow(&r->batch, r->key_id, ACTOR_WINDOW_S);
	return await_commit(t, &r->batch, actor_allowed);
}

/* Asked for less than five minutes ago: what is known holds, unless its actor was gone. */
static struct next
actor_too_early(struct task *t, const struct key_fetch *may)
{
	struct actor_run *r = task_state(t);
	struct arena *a = task_arena(t);

	if (r->known.key && !may->gone)
		return actor_found(t, &r->known, true);
	r->error = may->gone ? err_new(a, ERR_GONE, "the actor of the key %.*s does not exist",
				       LOG_STR(r->key_id))
			     : actor_later(a, ERR_UNAVAILABLE, may->retry_after_s,
				       arena_printf(a,
					       "the key %.*s could not be fetched a short time "
					       "ago: send again later",
					       LOG_STR(r->key_id)));
	actor_bad_keep(ap_of(t), r->key_id, r->error);
	return fail(t, r->error);
}

static struct next
actor_allowed(struct task *t)
{
	struct actor_run *r = task_state(t);
	struct key_fetch may;
	const struct err *e = key_fetch_row(&r->batch, 0, &may);

	if (e)
		return fail(t, e);
	if (!may.allowed)
		return actor_too_early(t, &may);
	return await_get(t, &r->get, r->doc.next, actor_read);
}

static struct span
actor_fingerprint(struct arena *a, struct span pem)
{
	unsigned char sum[SHA256_SIZE];

	digest_sha256(pem, sum);
	return hex_encode(a, span_from(sum, 8));
}

static void
actor_tell_changed(struct task *t, const struct actor_run *r)
{
	struct arena *a = task_arena(t);

	if (!r->known.key || span_eq(r->row.public_key_pem, r->doc.actor.public_key_pem))
		return;
	log_warn(t, "key_changed", "actor=%.*s old=%.*s new=%.*s", LOG_STR(r->row.uri),
		SPAN_FMT(actor_fingerprint(a, r->row.public_key_pem)),
		SPAN_FMT(actor_fingerprint(a, r->doc.actor.public_key_pem)));
}

/* Why the network gave nothing is for our log: to a stranger it would tell of inner hosts. */
static const struct err *
actor_unreachable(struct task *t, const struct actor_run *r, const struct err *e)
{
	struct arena *a = task_arena(t);

	log_info(t, "key_unreachable", "key=%.*s error=%.*s", LOG_STR(r->key_id),
		LOG_STR(err_text(a, e)));
	if (e->kind == ERR_ADDRESS || e->kind == ERR_INPUT || e->kind == ERR_TOO_LARGE)
		return err_new(
			a, ERR_AUTH, "the key %.*s cannot be fetched", LOG_STR(r->key_id));
	return actor_later(a, ERR_UNAVAILABLE, ACTOR_WINDOW_S,
		arena_printf(a, "the key %.*s cannot be fetched now: send again later",
			LOG_STR(r->key_id)));
}

static bool
actor_network_failed(const struct err *e)
{
	return e->kind == ERR_NETWORK || e->kind == ERR_TLS || e->kind == ERR_TIMEOUT ||
	       e->kind == ERR_ADDRESS || e->kind == ERR_INPUT || e->kind == ERR_TOO_LARGE ||
	       e->kind == ERR_UPSTREAM;
}

static struct next
actor_read(struct task *t)
{
	struct actor_run *r = task_state(t);
	const struct err *e = get_error(&r->get);

	if (e && !actor_network_failed(e))
		return fail(t, e);
	r->error = e ? actor_unreachable(t, r, e)
		     : keydoc_read(task_arena(t), &r->doc, &r->get.call);
	db_batch_init(&r->batch, task_arena(t));
	if (r->error) {
		key_fetch_failed(&r->batch, r->key_id, r->error->text, r->doc.gone);
		if (r->doc.read || r->doc.gone)
			remote_key_drop(&r->batch, r->key_id);
		if (r->doc.others)
			(void)remote_put(&r->batch, &r->doc.actor, r->doc.more, r->doc.n_more);
		return await_commit(t, &r->batch, actor_noted);
	}
	if (r->doc.next.p)
		return await_get(t, &r->get, r->doc.next, actor_read);
	actor_tell_changed(t, r);
	(void)remote_put(&r->batch, &r->doc.actor, r->doc.more, r->doc.n_more);
	return await_commit(t, &r->batch, actor_stored);
}

static struct next
actor_stored(struct task *t)
{
	struct actor_run *r = task_state(t);
	const struct err *e = remote_row(&r->batch, 0, 0, &r->row);

	if (e)
		return fail(t, e);
	r->known.key = NULL;
	actor_from_row(task_arena(t), &r->row, &r->known);
	assert(r->known.key); /* keydoc_read has read it before */
	return actor_found(t, &r->known, true);
}

/*
 * A key that was good until now stays so unless its server has shown a document that says
 * otherwise, or is done with it for good: a forged signature in its name has us ask, and must
 * not shut the true sender out because of a 403, a 404 or a page of somebody in between.
 */
static struct next
actor_noted(struct task *t)
{
	struct actor_run *r = task_state(t);

	if (r->known.key && !r->doc.read && !r->doc.gone)
		return r->q->age == ACTOR_CACHED ? actor_found(t, &r->known, true)
						 : fail(t, r->error);
	lru_drop(ap_of(t)->actors, r->key_id);
	actor_bad_keep(ap_of(t), r->key_id, r->error);
	return fail(t, r->error);
}

static struct next
actor_failed(struct task *t)
{
	return fail(t, task_error(t));
}

/* ---- asking ---- */

static void
actor_copy(struct arena *to, void *out, const void *result)
{
	actor_lend(to, out, result);
}

static const struct err *
actor_bad_at_hand(struct task *t, struct span key_id)
{
	struct ap *ap = ap_of(t);
	const struct actor_bad *b = lru_get(ap->actors_bad, key_id);
	int64_t now = clock_mono_ms();

	if (!b)
		return NULL;
	if (b->until_ms && b->until_ms <= now) {
		lru_drop(ap->actors_bad, key_id);
		return NULL;
	}
	if (!b->until_ms)
		return err_new(task_arena(t), b->kind, "%s", b->text);
	return actor_later(
		task_arena(t), b->kind, (b->until_ms - now + 999) / 1000, span_of(b->text));
}

bool
actor_at_hand(struct ap *ap, struct span key_id)
{
	return lru_get(ap->actors, key_id) || lru_get(ap->actors_bad, key_id);
}

struct next
await_actor_at(struct task *t, struct span key_id, enum actor_age age, struct actor *out,
	step_fn *then, const char *name)
{
	struct ap *ap = ap_of(t);
	struct actor_query *q;
	const struct actor_kept *k = age == ACTOR_CACHED ? lru_get(ap->actors, key_id) : NULL;
	const struct err *e = NULL;

	if (k) {
		actor_lend(task_arena(t), out, &k->actor);
		return task_go(t, then, name);
	}
	if (key_id.n > sizeof(q->key_id))
		e = err_new(task_arena(t), ERR_AUTH, "the key id is too long");
	else if (link_is_ours(task_arena(t), ap->env->hub, key_id))
		e = err_new(task_arena(t), ERR_AUTH, "the key id is one of this hub's own");
	else if (age == ACTOR_CACHED)
		e = actor_bad_at_hand(t, key_id);
	if (e)
		return fail(t, e);
	q = ARENA_NEW(task_arena(t), struct actor_query);
	q->age = age;
	q->n = key_id.n;
	memcpy(q->key_id, key_id.p, key_id.n);
	return await_once_at(t, ap->actor_once,
		arena_printf(task_arena(t), "%d%.*s", (int)age, SPAN_FMT(key_id)), q,
		sizeof(*q), out, then, name);
}

/* ---- life ---- */

void
actor_setup(struct ap *ap)
{
	static const struct once_ops ops = {
		.flow = &actor_flow, .result_size = sizeof(struct actor), .copy = actor_copy};

	ap->actors = lru_new(ACTOR_MAX, ACTOR_TTL_MS, actor_release);
	ap->actors_bad = lru_new(ACTOR_MAX, ACTOR_TTL_MS, free);
	ap->actor_once = once_new(&ops);
	ap->fetches = limit_new(ACTOR_FETCHES_PER_S, ACTOR_FETCHES_BURST, ACTOR_HOSTS_MAX);
}

void
actor_teardown(struct ap *ap)
{
	once_free(ap->actor_once);
	limit_free(ap->fetches);
	lru_free(ap->actors_bad);
	lru_free(ap->actors);
}
