#include "ap/own.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ap/state.h"
#include "base/clock.h"
#include "hub/link.h"

#define OWN_MAX 1024 /* two entries each */
#define OWN_TTL_MS 60000
#define OWN_KEY_MAX 320

/* Counted; the arena is its memory. */
struct own_kept {
	int refs;
	struct arena *arena;
	struct own own;
};

static void
own_release(void *arg)
{
	struct own_kept *k = arg;

	if (--k->refs > 0)
		return;
	pkey_unref(k->own.rsa);
	pkey_unref(k->own.ed25519);
	arena_free(k->arena);
}

static const struct own *
own_lend(struct arena *a, struct own_kept *k)
{
	k->refs++;
	arena_own(a, own_release, k);
	return &k->own;
}

/* ---- the run that reads and opens one ---- */

struct own_query {
	bool by_slug;
	int64_t account;
	char slug[OWN_KEY_MAX];
};

struct own_run {
	const struct own_query *q;
	struct db_batch batch;
};

static step_fn own_ask, own_open, own_failed;

static const struct flow own_flow = {
	.name = "ap.own",
	.size = sizeof(struct own_run),
	.deadline_ms = 10000,
	.first = own_ask,
	.failed = own_failed,
};

static struct next
own_ask(struct task *t)
{
	struct own_run *r = task_state(t);

	r->q = task_arg(t);
	db_batch_init(&r->batch, task_arena(t));
	if (r->q->by_slug)
		(void)account_by_slug(&r->batch, span_of(r->q->slug));
	else
		(void)account_by_id(&r->batch, r->q->account);
	return await_rows(t, &r->batch, own_open);
}

static void
own_copy_account(struct arena *a, struct account *to, const struct account *from)
{
	*to = *from;
	to->kind = arena_dup(a, from->kind);
	to->slug = arena_dup(a, from->slug);
	to->actor_type = arena_dup(a, from->actor_type);
	to->org_kind = arena_dup(a, from->org_kind);
	to->name = arena_dup(a, from->name);
	to->summary = arena_dup(a, from->summary);
	to->website = arena_dup(a, from->website);
	to->language = arena_dup(a, from->language);
	to->avatar_blob = arena_dup(a, from->avatar_blob);
	to->header_blob = arena_dup(a, from->header_blob);
	to->public_key_pem = arena_dup(a, from->public_key_pem);
	to->ed25519_public = arena_dup(a, from->ed25519_public);
	to->private_keys = SPAN_NONE; /* opened beside it */
}

static struct next
own_open(struct task *t)
{
	struct own_run *r = task_state(t);
	struct ap *ap = ap_of(t);
	const struct hub *h = ap->env->hub;
	char key[OWN_KEY_MAX + 1];
	struct own_kept *k;
	struct account acc;
	struct own own = {0};
	struct arena *a;
	const struct err *e;
	int n;

	if (db_rows(&r->batch, 0) == 0)
		return fail(t, err_new(task_arena(t), ERR_NOT_FOUND, "there is no such actor"));
	if ((e = account_row(&r->batch, 0, 0, &acc)))
		return fail(t, e);
	a = arena_new();
	if ((e = account_keys_open(task_arena(t), h, &acc, &own.rsa, &own.ed25519))) {
		own.locked = arena_dup(a, err_text(task_arena(t), e));
		log_error(t, "keys_unreadable", "account=%.*s error=%.*s", LOG_STR(acc.slug),
			LOG_STR(own.locked));
	}
	k = ARENA_NEW(a, struct own_kept);
	k->arena = a;
	k->own = own;
	own_copy_account(a, &k->own.account, &acc);
	k->own.actor = link_actor(a, h, &acc, LINK_SELF);
	k->own.key_id = link_actor(a, h, &acc, LINK_KEY);
	k->refs = 2;
	n = snprintf(key, sizeof(key), "s%.*s", SPAN_FMT(acc.slug));
	lru_put(ap->own, span_from(key, (size_t)n), k);
	n = snprintf(key, sizeof(key), "i%" PRId64, acc.id);
	lru_put(ap->own, span_from(key, (size_t)n), k);
	*(const struct own **)task_out(t) = own_lend(task_arena(t), k);
	return done(t);
}

static struct next
own_failed(struct task *t)
{
	return fail(t, task_error(t));
}

/* ---- asking ---- */

static struct own_kept *
own_kept_of(const struct own *o)
{
	return (struct own_kept *)(uintptr_t)((const char *)o - offsetof(struct own_kept, own));
}

static void
own_copy(struct arena *to, void *out, const void *result)
{
	const struct own *const *o = result;

	*(const struct own **)out = own_lend(to, own_kept_of(*o));
}

static struct next
own_wait(struct task *t, const struct own_query *q, struct span key, const struct own **out,
	step_fn *then, const char *name)
{
	struct ap *ap = ap_of(t);
	struct own_kept *k = lru_get(ap->own, key);

	if (!k)
		return await_once_at(t, ap->own_once, key, q, sizeof(*q), out, then, name);
	*out = own_lend(task_arena(t), k);
	return task_go(t, then, name);
}

struct next
await_own_at(struct task *t, int64_t account, const struct own **out, step_fn *then,
	const char *name)
{
	const struct own_query q = {.account = account};
	char key[32];
	int n = snprintf(key, sizeof(key), "i%" PRId64, account);

	return own_wait(t, &q, span_from(key, (size_t)n), out, then, name);
}

struct next
await_own_slug_at(struct task *t, struct span slug, const struct own **out, step_fn *then,
	const char *name)
{
	struct own_query q = {.by_slug = true};
	char key[OWN_KEY_MAX + 1];
	int n;

	if (slug.n >= OWN_KEY_MAX)
		return fail(t, err_new(task_arena(t), ERR_NOT_FOUND, "there is no such actor"));
	(void)snprintf(q.slug, sizeof(q.slug), "%.*s", SPAN_FMT(slug));
	n = snprintf(key, sizeof(key), "s%s", q.slug);
	return own_wait(t, &q, span_from(key, (size_t)n), out, then, name);
}

/* ---- signing ---- */

const struct err *
own_sign(struct arena *a, const struct own *own, enum httpsig_scheme scheme,
	const struct httpsig_request *r, struct httpsig_out *out)
{
	struct span signature;
	const struct err *e;

	if (own->locked.p)
		return err_new(a, ERR_CORRUPT, "the keys of %.*s cannot be opened: %.*s",
			SPAN_FMT(own->account.slug), SPAN_FMT(own->locked));
	httpsig_prepare(a, r, scheme, own->key_id, clock_us(), out);
	if ((e = pkey_sign(a, own->rsa, out->text, &signature)))
		return e;
	httpsig_finish(a, out, signature);
	return NULL;
}

/* ---- life ---- */

void
own_setup(struct ap *ap)
{
	static const struct once_ops ops = {
		.flow = &own_flow, .result_size = sizeof(struct own *), .copy = own_copy};

	ap->own = lru_new(OWN_MAX, OWN_TTL_MS, own_release);
	ap->own_once = once_new(&ops);
}

void
own_teardown(struct ap *ap)
{
	once_free(ap->own_once);
	lru_free(ap->own);
}
