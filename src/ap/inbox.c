#include "ap/inbox.h"

#include "ap/activity.h"
#include "ap/actor.h"
#include "ap/own.h"
#include "ap/state.h"
#include "base/conf.h"
#include "base/map.h"
#include "base/metric.h"
#include "crypto/httpsig.h"
#include "hub/delivery.h"
#include "hub/remote.h"
#include "net/httpd.h"
#include "task/group.h"
#include "task/work.h"

#define INBOX_GROUP 256
#define INBOX_GROUP_BYTES ((size_t)8 << 20) /* of bodies, in one statement */
#define INBOX_RUNS 2
#define INBOX_STRANGERS_PER_S 10 /* requests of one client with unknown keys */
#define INBOX_STRANGERS_BURST 300
#define INBOX_CLIENTS_MAX 4096
#define INBOX_RETRY_S 60
#define INBOX_LAST_MS 5000 /* within the grace of a flow that has failed */
#define INBOX_SIGNATURE                                                                        \
	"sig1=(\"@method\" \"@target-uri\" \"@authority\" \"content-digest\");created;"        \
	"alg=\"rsa-v1_5-sha256\""

/* ---- pure ---- */

bool
inbox_takes_type(struct span content_type)
{
	static const char *const types[] = {
		"application/activity+json", "application/ld+json", "application/json"};
	struct span type =
		span_trim(span_slice(content_type, 0, span_find_byte(content_type, ';')));

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (span_is_nocase(type, types[i]))
			return true;
	return false;
}

struct span
inbox_slug(struct span path)
{
	const struct span before = SPAN("/o/"), behind = SPAN("/inbox");

	if (path.n <= before.n + behind.n || !span_starts(path, before) ||
		!span_ends(path, behind))
		return SPAN_NONE;
	return span_slice(path, before.n, path.n - behind.n);
}

struct inbox_refusal
inbox_refuse(struct arena *a, const struct err *e)
{
	struct inbox_refusal r = {.status = err_status(e),
		.text = err_text(a, e),
		.retry_after_s = e->retry_after_s};

	switch (e->kind) {
	case ERR_GONE: /* the sender's actor, not our inbox */
		r.status = 401;
		break;
	case ERR_STOPPED:
		r.text = SPAN("the server is restarting: send again in a moment");
		break;
	case ERR_UNAVAILABLE:
		break;
	default:
		if (r.status < 500)
			return r;
		r.status = 503;
		r.text = SPAN("this cannot be taken now: send again later");
	}
	if (r.status == 503 && r.retry_after_s == 0)
		r.retry_after_s = INBOX_RETRY_S;
	return r;
}

/* ---- many at once: which actors are known; taking activities in ---- */

struct known_item {
	struct span actor;
	bool known;
};

struct gathered {
	struct db_batch batch;
};

static step_fn known_ask, known_answer, accept_put, gathered_end, gathered_failed;

static const struct flow known_flow = {
	.name = "ap.known",
	.size = sizeof(struct gathered),
	.deadline_ms = 10000,
	.first = known_ask,
	.failed = gathered_failed,
};

static const struct flow accept_flow = {
	.name = "ap.accept",
	.size = sizeof(struct gathered),
	.deadline_ms = 10000,
	.first = accept_put,
	.failed = gathered_failed,
};

static struct next
known_ask(struct task *t)
{
	struct gathered *g = task_state(t);
	size_t n;
	struct gather_item **items = gather_items(t, &n);
	struct span *actors = ARENA_ARRAY(task_arena(t), n, struct span);

	for (size_t i = 0; i < n; i++)
		actors[i] = ((const struct known_item *)items[i]->data)->actor;
	db_batch_init(&g->batch, task_arena(t));
	(void)remote_known(&g->batch, actors, n);
	return await_rows(t, &g->batch, known_answer);
}

static struct next
known_answer(struct task *t)
{
	struct gathered *g = task_state(t);
	size_t n;
	struct gather_item **items = gather_items(t, &n);
	struct map *known = map_new();
	const struct err *e = NULL;
	struct span uri;

	for (size_t row = 0; !e && row < db_rows(&g->batch, 0); row++) {
		e = remote_uri_row(&g->batch, 0, row, &uri);
		if (!e)
			(void)map_put(known, uri, g);
	}
	for (size_t i = 0; !e && i < n; i++) {
		struct known_item *k = items[i]->data;

		k->known = map_get(known, k->actor) != NULL;
	}
	map_free(known, NULL);
	return e ? fail(t, e) : done(t);
}

static struct next
accept_put(struct task *t)
{
	struct gathered *g = task_state(t);
	size_t n;
	struct gather_item **items = gather_items(t, &n);
	struct inbox_new *rows = ARENA_ARRAY(task_arena(t), n, struct inbox_new);

	for (size_t i = 0; i < n; i++)
		rows[i] = *(const struct inbox_new *)items[i]->data;
	db_batch_init(&g->batch, task_arena(t));
	inbox_accept(&g->batch, rows, n);
	return await_commit(t, &g->batch, gathered_end);
}

static struct next
gathered_end(struct task *t)
{
	return done(t);
}

static struct next
gathered_failed(struct task *t)
{
	return fail(t, task_error(t));
}

/* ---- the request ---- */

struct inbox {
	struct httpd_req *req;
	struct activity_in act;
	struct httpsig sig;
	struct actor signer;
	const struct own *owner; /* of a single inbox */
	struct gather_item item;
	struct known_item known;
	struct inbox_new row;
	bool matches;      /* the signature, by the key at hand */
	struct group last; /* taking a last word in */
};

static step_fn inbox_begin, inbox_parse, inbox_known, inbox_signed, inbox_verify, inbox_judge,
	inbox_taken, inbox_last_taken, inbox_failed, last_word_put;

const struct flow inbox_flow = {
	.name = "ap.inbox",
	.size = sizeof(struct inbox),
	.deadline_ms = 20000,
	.first = inbox_begin,
	.failed = inbox_failed,
};

static struct next
inbox_begin(struct task *t)
{
	struct inbox *in = task_state(t);
	struct arena *a = task_arena(t);
	struct span slug;

	in->req = httpd_task_req(t);
	slug = inbox_slug(httpd_path(in->req));
	if (!inbox_takes_type(httpd_header(in->req, "content-type")))
		return fail(t,
			err_new(a, ERR_MEDIA_TYPE, "an inbox takes application/activity+json"));
	if (httpd_header(in->req, "content-encoding").p)
		return fail(t, err_new(a, ERR_MEDIA_TYPE,
				       "an inbox takes no compressed body: send it plain"));
	if (slug.p)
		return await_own_slug(t, slug, &in->owner, inbox_parse);
	return go(t, inbox_parse);
}

static struct next
inbox_parse(struct task *t)
{
	struct inbox *in = task_state(t);
	struct ap *ap = ap_of(t);
	struct arena *a = task_arena(t);
	const struct err *e;

	if (in->owner && !span_is(in->owner->account.kind, "organization"))
		return fail(t, err_new(a, ERR_NOT_FOUND, "there is no such actor"));
	e = activity_parse(a, ap->env->hub, httpd_body(in->req), &in->act);
	if (!e && in->act.id.n > INBOX_ID_MAX)
		e = err_new(a, ERR_INPUT, "\"id\" is longer than %d bytes", INBOX_ID_MAX);
	if (e)
		return fail(t, e);
	if (!activity_is_of_itself(&in->act))
		return go(t, inbox_signed);
	in->known.actor = in->act.actor;
	return await_gather(t, ap->known, &in->item, &in->known, inbox_known);
}

static struct next
inbox_reply_taken(struct task *t)
{
	struct inbox *in = task_state(t);

	httpd_send(in->req, &(const struct httpd_reply){.status = 202});
	return done(t);
}

/* Servers tell everybody of each account that ends: of those we never met there is no trace. */
static struct next
inbox_known(struct task *t)
{
	struct inbox *in = task_state(t);

	if (in->known.known)
		return go(t, inbox_signed);
	metric_inc(METRIC_INBOX_IGNORED);
	return inbox_reply_taken(t);
}

static const struct err *
inbox_read_signature(struct inbox *in, struct arena *a)
{
	const struct conf *c = httpd_env(in->req)->conf;
	const struct http_header *from;
	size_t n = httpd_headers(in->req, &from);
	struct httpsig_header *headers = ARENA_ARRAY(a, n, struct httpsig_header);
	const struct httpsig_request r = {
		.method = SPAN("POST"),
		.target = httpd_target(in->req),
		.scheme = c->base_url.scheme,
		.host = httpd_header(in->req, "host"),
		.headers = headers,
		.n_headers = n,
		.body = httpd_body(in->req),
	};

	for (size_t i = 0; i < n; i++)
		headers[i] =
			(struct httpsig_header){.name = from[i].name, .value = from[i].value};
	return httpsig_parse(a, &r, clock_us(), &in->sig);
}

static const struct err *
inbox_too_many(struct arena *a, int after_s, struct span text)
{
	struct err *e = ARENA_NEW(a, struct err);

	*e = (struct err){.kind = ERR_TOO_MANY, .retry_after_s = after_s, .text = text};
	return e;
}

static const struct err *
inbox_stranger(struct inbox *in, struct ap *ap, struct arena *a)
{
	char buf[64];
	int after_s = 0;

	if (actor_at_hand(ap, in->sig.key_id) ||
		limit_take(ap->strangers,
			limit_client_key(httpd_client(in->req), buf, sizeof(buf)), &after_s))
		return NULL;
	return inbox_too_many(
		a, after_s, SPAN("too many unknown keys at once: send again later"));
}

static struct next
inbox_signed(struct task *t)
{
	struct inbox *in = task_state(t);
	struct ap *ap = ap_of(t);
	const struct err *e = inbox_read_signature(in, task_arena(t));

	if (!e)
		e = inbox_stranger(in, ap, task_arena(t));
	if (e)
		return fail(t, e);
	return await_actor(t, in->sig.key_id, ACTOR_CACHED, &in->signer, inbox_verify);
}

static void
inbox_verify_work(void *arg)
{
	struct inbox *in = arg;

	in->matches = httpsig_verify(&in->sig, in->signer.key);
}

static struct next
inbox_verify(struct task *t)
{
	struct inbox *in = task_state(t);

	if (!span_eq(in->signer.uri, in->act.actor))
		return fail(t, err_new(task_arena(t), ERR_AUTH,
				       "the signature is not by the actor of the activity"));
	return await_work(t, inbox_verify_work, in, inbox_judge);
}

static struct next
inbox_judge(struct task *t)
{
	struct inbox *in = task_state(t);

	if (!in->matches && !in->signer.fresh) /* the key may have been rotated: ask once */
		return await_actor(t, in->sig.key_id, ACTOR_REFETCH, &in->signer, inbox_verify);
	if (!in->matches)
		return fail(t, err_new(task_arena(t), ERR_AUTH,
				       "the signature does not match the key of the actor"));
	in->row = (struct inbox_new){.signer = in->signer.uri,
		.uri = in->act.id,
		.type = in->act.type,
		.body = httpd_body(in->req),
		.signed_us = in->sig.signed_us};
	return await_gather(t, ap_of(t)->accept, &in->item, &in->row, inbox_taken);
}

static struct next
inbox_taken(struct task *t)
{
	metric_inc(METRIC_INBOX_ACCEPTED);
	return inbox_reply_taken(t);
}

/* ---- refusing ---- */

/*
 * An actor that is gone cannot prove it: nobody serves its key any more. That it is gone is
 * what the Delete says, and its server has just confirmed it of the key; so the work is taken
 * in, under one id and without a byte of the unproven body, and the actor itself is asked for.
 * That somebody else's server knows no such key says nothing.
 */
static bool
inbox_is_last_word(
	const struct inbox *in, struct arena *a, const struct err *e, struct url *actor)
{
	struct url key;

	return e->kind == ERR_GONE && in->act.kind == ACTIVITY_DELETE &&
	       activity_is_of_itself(&in->act) && in->act.actor.n + 5 <= INBOX_ID_MAX &&
	       !url_parse(a, in->act.actor, actor) && !url_parse(a, in->sig.key_id, &key) &&
	       span_eq(actor->origin, key.origin);
}

static const struct flow last_word_flow = {
	.name = "ap.last_word",
	.size = sizeof(struct gathered),
	.deadline_ms = INBOX_LAST_MS,
	.first = last_word_put,
	.failed = gathered_failed,
};

static struct next
last_word_put(struct task *t)
{
	struct gathered *g = task_state(t);
	const struct inbox *in = *(const struct inbox *const *)task_arg(t);

	db_batch_init(&g->batch, task_arena(t));
	inbox_accept(&g->batch, &in->row, 1);
	return await_commit(t, &g->batch, gathered_end);
}

/* As a child, whose failure is its own: a second one of ours would leave nobody to answer. */
static struct next
inbox_take_last_word(struct task *t)
{
	struct inbox *in = task_state(t);
	struct arena *a = task_arena(t);
	json_t *j = json_own(a, json_object());

	in->row = (struct inbox_new){.signer = in->act.actor,
		.uri = arena_printf(a, "%.*s#gone", SPAN_FMT(in->act.actor)),
		.type = SPAN("Delete"),
		.signed_us = TIME_NONE};
	json_object_set_new(j, "id", json_str(in->row.uri));
	json_object_set_new(j, "type", json_str(in->row.type));
	json_object_set_new(j, "actor", json_str(in->act.actor));
	json_object_set_new(j, "object", json_str(in->act.actor));
	in->row.body = json_dump(a, j);
	group_init(&in->last, t, 1);
	(void)group_add(&in->last, &last_word_flow, &in, sizeof(struct inbox *), NULL);
	return await_all(t, &in->last, inbox_last_taken);
}

static struct next
inbox_reply_refused(struct task *t, const struct err *e)
{
	struct inbox *in = task_state(t);
	struct arena *a = task_arena(t);
	const struct inbox_refusal r = inbox_refuse(a, e);
	json_t *j = json_own(a, json_object());
	struct http_header more[2];
	size_t n = 0;

	metric_inc(METRIC_INBOX_REFUSED);
	log_at((enum log_level)err_level(e), task_log_ctx(t), "inbox_refused",
		"status=%d client=%.*s actor=%.*s error=%.*s", r.status,
		LOG_STR(httpd_client(in->req)), LOG_STR(in->act.actor),
		LOG_STR(err_text(a, e)));
	if (r.status == 401)
		more[n++] =
			(struct http_header){SPAN("Accept-Signature"), SPAN(INBOX_SIGNATURE)};
	if (r.retry_after_s)
		more[n++] = (struct http_header){
			SPAN("Retry-After"), arena_printf(a, "%d", r.retry_after_s)};
	json_object_set_new(j, "error", json_str(r.text));
	httpd_send(in->req, &(const struct httpd_reply){.status = r.status,
				    .type = SPAN("application/json; charset=utf-8"),
				    .body = json_dump(a, j),
				    .cache_control = SPAN("no-store"),
				    .more = more,
				    .n_more = n});
	return done(t);
}

static struct next
inbox_last_taken(struct task *t)
{
	struct inbox *in = task_state(t);
	const struct err *e = group_error(&in->last, 0);

	return e ? inbox_reply_refused(t, e) : go(t, inbox_taken);
}

static struct next
inbox_failed(struct task *t)
{
	struct inbox *in = task_state(t);
	struct arena *a = task_arena(t);
	const struct err *e = task_error(t);
	struct url actor;
	int after_s = 0;

	if (!inbox_is_last_word(in, a, e, &actor))
		return inbox_reply_refused(t, e);
	/* Anybody may say it, and each has us ask the actor's server: not at any rate. */
	if (limit_take(ap_of(t)->fetches, actor.authority, &after_s))
		return inbox_take_last_word(t);
	return inbox_reply_refused(t, inbox_too_many(a, after_s,
					      SPAN("too many deleted actors of this host at "
						   "once: send again later")));
}

/* ---- life ---- */

static size_t
inbox_weight(const void *data)
{
	return ((const struct inbox_new *)data)->body.n;
}

void
inbox_setup(struct ap *ap)
{
	ap->known = gather_new(ap->env->loop, &known_flow, INBOX_GROUP, 1);
	ap->accept = gather_new(ap->env->loop, &accept_flow, INBOX_GROUP, INBOX_RUNS);
	gather_weigh(ap->accept, inbox_weight, INBOX_GROUP_BYTES);
	ap->strangers =
		limit_new(INBOX_STRANGERS_PER_S, INBOX_STRANGERS_BURST, INBOX_CLIENTS_MAX);
}

void
inbox_teardown(struct ap *ap)
{
	gather_free(ap->known);
	gather_free(ap->accept);
	limit_free(ap->strangers);
}
