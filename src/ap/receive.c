#include "ap/receive.h"

#include "ap/actor.h"
#include "ap/inbox.h"
#include "ap/origin.h"
#include "ap/own.h"
#include "ap/state.h"
#include "base/map.h"
#include "base/metric.h"
#include "base/text.h"
#include "hub/delivery.h"
#include "hub/remote.h"

#define RECEIVE_GROUP 256
#define RECEIVE_BACKOFF_MS 2000
#define RECEIVE_BACKOFF_MAX_MS 3600000
#define RECEIVE_OUTCOME_MAX 300
#define RECEIVE_ASKING_MAX 8 /* of the 32 at a time: others' servers may be slow */
#define RECEIVE_LATER_MS 10000

/* ---- many at once: reading, and ending those that are only counted ---- */

struct read_item {
	struct span signer, uri;
	struct arena *arena; /* of the task that asked */
	struct inbox_activity row;
	bool found;
};

struct counted_item {
	const struct job *job;
	struct inbox_ended end;
};

struct received_run {
	struct db_batch batch;
};

static step_fn received_ask, received_answer, counted_put, counted_end, received_failed;

static const struct flow received_flow = {
	.name = "ap.received",
	.size = sizeof(struct received_run),
	.deadline_ms = 15000,
	.first = received_ask,
	.failed = received_failed,
};

static const struct flow counted_flow = {
	.name = "ap.counted",
	.size = sizeof(struct received_run),
	.deadline_ms = 15000,
	.first = counted_put,
	.failed = received_failed,
};

static struct next
received_ask(struct task *t)
{
	struct received_run *r = task_state(t);
	size_t n;
	struct gather_item **items = gather_items(t, &n);
	struct span *signers = ARENA_ARRAY(task_arena(t), n, struct span);
	struct span *uris = ARENA_ARRAY(task_arena(t), n, struct span);

	for (size_t i = 0; i < n; i++) {
		const struct read_item *it = items[i]->data;

		signers[i] = it->signer;
		uris[i] = it->uri;
	}
	db_batch_init(&r->batch, task_arena(t));
	(void)inbox_get(&r->batch, signers, uris, n);
	return await_rows(t, &r->batch, received_answer);
}

static void
received_give(struct read_item *it, const struct inbox_activity *row)
{
	it->found = true;
	it->row.type = arena_dup(it->arena, row->type);
	it->row.body = arena_dup(it->arena, row->body);
	it->row.outcome = arena_dup(it->arena, row->outcome);
}

static struct span
received_key(struct arena *a, struct span signer, struct span uri)
{
	return arena_printf(a, "%.*s %.*s", SPAN_FMT(signer), SPAN_FMT(uri));
}

static struct next
received_answer(struct task *t)
{
	struct received_run *r = task_state(t);
	struct arena *a = task_arena(t);
	size_t n, rows = db_rows(&r->batch, 0);
	struct gather_item **items = gather_items(t, &n);
	struct inbox_activity *row = ARENA_ARRAY(a, rows, struct inbox_activity);
	struct map *by_key = map_new();
	const struct err *e = NULL;

	for (size_t i = 0; !e && i < rows; i++) {
		e = inbox_row(&r->batch, 0, i, &row[i]);
		if (!e)
			(void)map_put(
				by_key, received_key(a, row[i].signer, row[i].uri), &row[i]);
	}
	for (size_t i = 0; !e && i < n; i++) {
		struct read_item *it = items[i]->data;
		const struct inbox_activity *found =
			map_get(by_key, received_key(a, it->signer, it->uri));

		if (found)
			received_give(it, found);
	}
	map_free(by_key, NULL);
	return e ? fail(t, e) : done(t);
}

static struct next
counted_put(struct task *t)
{
	struct received_run *r = task_state(t);
	struct arena *a = task_arena(t);
	size_t n;
	struct gather_item **items = gather_items(t, &n);
	struct inbox_ended *ends = ARENA_ARRAY(a, n, struct inbox_ended);
	struct span *tokens = ARENA_ARRAY(a, n, struct span);
	int64_t *ids = ARENA_ARRAY(a, n, int64_t);

	for (size_t i = 0; i < n; i++) {
		const struct counted_item *it = items[i]->data;

		ends[i] = it->end;
		ids[i] = it->job->id;
		tokens[i] = it->job->token;
	}
	db_batch_init(&r->batch, a);
	inbox_end(&r->batch, ends, n);
	(void)queue_finish(&r->batch, ids, tokens, n);
	return await_commit(t, &r->batch, counted_end);
}

static struct next
counted_end(struct task *t)
{
	return done(t);
}

static struct next
received_failed(struct task *t)
{
	return fail(t, task_error(t));
}

/* ---- the job ---- */

struct receive {
	const struct job *job;
	struct read_item read;
	struct activity_in act;
	struct receive_plan plan;
	const struct own *own;
	struct remote_actor actor;
	struct actor again;
	enum origin origin;
	bool asking; /* counted in struct ap */
	struct counted_item counted;
	struct gather_item item;
	struct db_batch tx;
};

static step_fn receive_begin, receive_read, receive_decide, receive_actor, receive_follow,
	receive_unfollow, receive_key, receive_refreshed, receive_origin, receive_counted,
	receive_done, receive_ended, receive_failed;

const struct flow receive_flow = {
	.name = "ap.receive",
	.size = sizeof(struct receive),
	.deadline_ms = 60000,
	.first = receive_begin,
	.failed = receive_failed,
};

static struct next
receive_begin(struct task *t)
{
	struct receive *r = task_state(t);
	struct arena *a = task_arena(t);
	const struct err *e;
	json_t *args;

	r->job = task_arg(t);
	r->read.arena = a;
	if ((e = json_parse(a, r->job->args, &json_limits_ap, &args)) ||
		(e = json_need_text(a, args, "signer", URL_MAX, &r->read.signer)) ||
		(e = json_need_text(a, args, "uri", URL_MAX, &r->read.uri)))
		return fail(t, e);
	return await_gather(t, ap_of(t)->received, &r->item, &r->read, receive_read);
}

/* Ends the job with an outcome and nothing else. */
static struct next
receive_count(struct task *t, struct span outcome)
{
	struct receive *r = task_state(t);

	r->counted.job = r->job;
	r->counted.end = (struct inbox_ended){
		.signer = r->read.signer, .uri = r->read.uri, .outcome = outcome};
	return await_gather(t, ap_of(t)->counted, &r->item, &r->counted, receive_counted);
}

static struct next
receive_counted(struct task *t)
{
	metric_inc(METRIC_INBOX_IGNORED);
	return done(t);
}

static struct next
receive_read(struct task *t)
{
	struct receive *r = task_state(t);
	struct arena *a = task_arena(t);
	const struct hub *h = task_env(t)->hub;
	const struct err *e;

	/* Done before, by a worker whose end we did not see; or removed by hand. */
	if (!r->read.found || r->read.row.outcome.p || !r->read.row.body.p)
		return receive_count(
			t, r->read.row.outcome.p ? r->read.row.outcome : SPAN("counted"));
	if ((e = activity_parse(a, h, r->read.row.body, &r->act)))
		return fail(t, e);
	if (!span_eq(r->act.actor, r->read.signer))
		return fail(t, err_new(a, ERR_INPUT, "its actor is not its signer"));
	r->plan = receive_plan(h, &r->act);
	return go(t, receive_decide);
}

static struct next
receive_again(struct task *t, const struct job_retry *retry)
{
	struct receive *r = task_state(t);

	db_batch_init(&r->tx, task_arena(t));
	queue_retries(&r->tx, retry, 1);
	return await_commit(t, &r->tx, receive_ended);
}

/* Nobody's slow server holds up the work that needs none. */
static struct next
receive_ask(struct task *t)
{
	struct receive *r = task_state(t);
	struct ap *ap = ap_of(t);
	const struct job_retry later = {.job = r->job,
		.error = SPAN("many others wait for an answer of a server"),
		.back = true,
		.delay_ms = queue_backoff_ms(1, RECEIVE_LATER_MS, RECEIVE_LATER_MS)};

	if (ap->asking >= RECEIVE_ASKING_MAX)
		return receive_again(t, &later);
	ap->asking++;
	r->asking = true;
	if (r->plan.kind == RECEIVE_REFRESH)
		return go(t, receive_actor);
	return await_origin(t, r->read.signer, &r->origin, receive_origin);
}

static void
receive_asked(struct task *t)
{
	struct receive *r = task_state(t);

	ap_of(t)->asking -= r->asking;
	r->asking = false;
}

static struct next
receive_decide(struct task *t)
{
	struct receive *r = task_state(t);

	switch (r->plan.kind) {
	case RECEIVE_FOLLOW:
		return await_own_slug(t, r->plan.slug, &r->own, receive_actor);
	case RECEIVE_UNFOLLOW:
		if (!r->plan.slug.p)
			return go(t, receive_unfollow);
		return await_own_slug(t, r->plan.slug, &r->own, receive_unfollow);
	case RECEIVE_REFRESH:
	case RECEIVE_GONE:
		return receive_ask(t);
	case RECEIVE_COUNT:
		break;
	}
	return receive_count(t, span_of(r->plan.outcome));
}

static struct next
receive_actor(struct task *t)
{
	struct receive *r = task_state(t);

	db_batch_init(&r->tx, task_arena(t));
	(void)remote_by_uri(&r->tx, r->read.signer);
	if (r->plan.kind == RECEIVE_FOLLOW)
		return await_rows(t, &r->tx, receive_follow);
	return await_rows(t, &r->tx, receive_key);
}

static const struct err *
receive_take_actor(struct task *t)
{
	struct receive *r = task_state(t);

	if (db_rows(&r->tx, 0) == 0)
		return err_new(task_arena(t), ERR_GONE, "the actor has been forgotten here");
	return remote_row(&r->tx, 0, 0, &r->actor);
}

/* All effects of the job are one commit, behind its fence. */
static void
receive_open(struct task *t)
{
	struct receive *r = task_state(t);

	db_batch_init(&r->tx, task_arena(t));
	queue_fence(&r->tx, r->job);
}

static struct next
receive_close(struct task *t, struct span outcome)
{
	struct receive *r = task_state(t);
	const struct inbox_ended end = {
		.signer = r->read.signer, .uri = r->read.uri, .outcome = outcome};

	inbox_end(&r->tx, &end, 1);
	(void)queue_finish(&r->tx, &r->job->id, &r->job->token, 1);
	return await_commit(t, &r->tx, receive_done);
}

static struct next
receive_done(struct task *t)
{
	struct receive *r = task_state(t);

	log_info(t, "received", "type=%.*s actor=%.*s outcome=%s", LOG_STR(r->act.type),
		LOG_STR(r->act.actor), r->plan.outcome);
	return done(t);
}

static struct next
receive_follow(struct task *t)
{
	struct receive *r = task_state(t);
	struct arena *a = task_arena(t);
	const struct hub *h = task_env(t)->hub;
	const struct err *e = receive_take_actor(t);
	struct activity_new accept = {.type = SPAN("Accept")};
	struct url inbox;
	json_t *j;

	if (!e)
		e = url_parse(a, r->actor.inbox, &inbox);
	if (e)
		return fail(t, e);
	j = activity_accept(a, h, &r->own->account, &r->act);
	accept.account = r->own->account.id;
	accept.uri = activity_id(j);
	accept.body = object_document(a, CONTEXT_PLAIN, j);
	receive_open(t);
	follow_put(&r->tx, r->own->account.id, r->read.signer, r->plan.follow);
	activity_put(&r->tx, &accept);
	delivery_to_inbox(&r->tx, &accept, inbox.text, inbox.authority);
	return receive_close(t, span_of(r->plan.outcome));
}

static struct next
receive_unfollow(struct task *t)
{
	struct receive *r = task_state(t);

	receive_open(t);
	follow_delete(&r->tx, r->own ? r->own->account.id : 0, r->read.signer, r->plan.follow,
		r->read.uri);
	/* The Follow may come after its Undo: then it is over before it began. */
	if (r->plan.follow.p && r->plan.follow.n <= INBOX_ID_MAX)
		inbox_forestall(&r->tx, r->read.signer, r->plan.follow, SPAN("undone before"));
	return receive_close(t, span_of(r->plan.outcome));
}

static struct next
receive_key(struct task *t)
{
	struct receive *r = task_state(t);
	const struct err *e = receive_take_actor(t);

	if (e)
		return fail(t, e);
	return await_actor(t, r->actor.key_id, ACTOR_REFETCH, &r->again, receive_refreshed);
}

static struct next
receive_refreshed(struct task *t)
{
	struct receive *r = task_state(t);
	const struct job_retry later = {.job = r->job,
		.error = SPAN("the actor was read a short time before"),
		.back = true,
		.delay_ms = ACTOR_WINDOW_S * 1000};

	receive_asked(t);
	/* It was read a short time before, and its server is not asked again so soon. */
	if (r->again.fetched_us < r->job->created_us)
		return receive_again(t, &later);
	return receive_count(t, span_of(r->plan.outcome));
}

static struct next
receive_origin(struct task *t)
{
	struct receive *r = task_state(t);

	receive_asked(t);
	if (r->origin == ORIGIN_THERE)
		return receive_count(t, SPAN("refused: its server still has the actor"));
	receive_open(t);
	remote_delete(&r->tx, &r->read.signer, 1);
	return receive_close(t, span_of(r->plan.outcome));
}

/* ---- failing ---- */

static struct next
receive_ended(struct task *t)
{
	return done(t);
}

static struct next
receive_failed(struct task *t)
{
	struct receive *r = task_state(t);
	struct arena *a = task_arena(t);
	const struct err *e = task_error(t);
	struct span text = text_truncate(a, err_text(a, e), RECEIVE_OUTCOME_MAX);
	const enum receive_end end = receive_judge(e, r->plan.kind, r->job->attempt);
	const struct job_retry retry = {.job = r->job,
		.error = text,
		.back = end == RECEIVE_END_BACK,
		.delay_ms = end == RECEIVE_END_BACK
				    ? 0
				    : queue_backoff_ms(r->job->attempt, RECEIVE_BACKOFF_MS,
					      RECEIVE_BACKOFF_MAX_MS)};

	receive_asked(t);
	if (end == RECEIVE_END_LOST)
		return done(t);
	log_at(end == RECEIVE_END_BURY ? LOG_WARN : LOG_INFO, task_log_ctx(t), "receive_failed",
		"signer=%.*s attempt=%lld error=%.*s", LOG_STR(r->read.signer),
		(long long)r->job->attempt, LOG_STR(text));
	switch (end) {
	case RECEIVE_END_OUTCOME:
		return receive_count(t, arena_printf(a, "ended: %.*s", SPAN_FMT(text)));
	case RECEIVE_END_BURY:
		db_batch_init(&r->tx, a);
		queue_bury(&r->tx, r->job, text);
		return await_commit(t, &r->tx, receive_ended);
	case RECEIVE_END_BACK:
	case RECEIVE_END_AGAIN:
	case RECEIVE_END_LOST:
		break;
	}
	return receive_again(t, &retry);
}

/* ---- life ---- */

void
receive_setup(struct ap *ap)
{
	ap->received = gather_new(ap->env->loop, &received_flow, RECEIVE_GROUP, 2);
	ap->counted = gather_new(ap->env->loop, &counted_flow, RECEIVE_GROUP, 1);
}

void
receive_teardown(struct ap *ap)
{
	gather_free(ap->received);
	gather_free(ap->counted);
}
