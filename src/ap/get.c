#include "ap/get.h"

#include "ap/own.h"
#include "ap/state.h"
#include "task/work.h"

#define GET_TIMEOUT_MS 8000
#define GET_ACCEPT                                                                             \
	"application/activity+json, "                                                          \
	"application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\""

struct get_run {
	struct get *get; /* in the parent's state, which outlives us */
	struct arena *arena;
	const struct own *instance;
	struct http_call call;
	struct url hop; /* what is asked next */
	struct httpsig_out sig;
	const struct err *sign_error;
	struct http_header headers[1 + HTTPSIG_HEADERS];
};

static step_fn get_begin, get_sign, get_ask, get_answered, get_failed;

static const struct flow get_flow = {
	.name = "ap.get",
	.size = sizeof(struct get_run),
	.deadline_ms = 20000,
	.first = get_begin,
	.failed = get_failed,
};

static struct next
get_begin(struct task *t)
{
	struct get_run *r = task_state(t);
	const struct err *e;

	r->get = *(struct get *const *)task_arg(t);
	r->arena = task_arena(t);
	if ((e = url_parse(r->arena, r->get->url, &r->hop)))
		return fail(t, e);
	r->call = (struct http_call){.kind = HTTP_AP,
		.url = r->get->url,
		.per_hop = true,
		.timeout_ms = GET_TIMEOUT_MS};
	return await_own(t, task_env(t)->hub->instance_account, &r->instance, get_sign);
}

/* On a worker thread, in the arena of the waiting task. */
static void
get_sign_work(void *arg)
{
	struct get_run *r = arg;
	const struct httpsig_request q = {.method = SPAN("GET"),
		.target = r->hop.target,
		.scheme = r->hop.scheme,
		.host = r->hop.authority};

	r->sign_error = own_sign(r->arena, r->instance, HTTPSIG_CAVAGE, &q, &r->sig);
}

static struct next
get_sign(struct task *t)
{
	return await_work(t, get_sign_work, task_state(t), get_ask);
}

static struct next
get_ask(struct task *t)
{
	struct get_run *r = task_state(t);

	if (r->sign_error)
		return fail(t, r->sign_error);
	r->headers[0] = (struct http_header){SPAN("Accept"), SPAN(GET_ACCEPT)};
	for (size_t i = 0; i < r->sig.n_headers; i++)
		r->headers[1 + i] = (struct http_header){
			.name = r->sig.headers[i].name, .value = r->sig.headers[i].value};
	r->call.headers = r->headers;
	r->call.n_headers = 1 + r->sig.n_headers;
	return await_http(t, &r->call, get_answered);
}

/* What the parent needs of the answer moves to its arena; ours ends here. */
static struct next
get_answered(struct task *t)
{
	struct get_run *r = task_state(t);
	struct arena *a = r->get->arena;
	struct http_call *to = &r->get->call;
	struct http_header *h = ARENA_ARRAY(a, r->call.n_reply_headers, struct http_header);
	struct span final = span_slice(
		r->call.final.text, 0, r->call.final.origin.n + r->call.final.target.n);
	const struct err *e;

	if (r->call.next.text.p) {
		r->hop = r->call.next;
		return go(t, get_sign);
	}
	*to = (struct http_call){.kind = HTTP_AP, .status = r->call.status};
	for (size_t i = 0; i < r->call.n_reply_headers; i++)
		h[i] = (struct http_header){.name = arena_dup(a, r->call.reply_headers[i].name),
			.value = arena_dup(a, r->call.reply_headers[i].value)};
	to->reply_headers = h;
	to->n_reply_headers = r->call.n_reply_headers;
	to->content_type = http_reply_header(to, "content-type");
	to->reply = arena_dup(a, r->call.reply);
	to->retry_after_s = r->call.retry_after_s;
	e = url_parse(a, final, &to->final);
	return e ? fail(t, e) : done(t);
}

static struct next
get_failed(struct task *t)
{
	return fail(t, task_error(t));
}

struct next
await_get_at(struct task *t, struct get *g, struct span url, step_fn *then, const char *name)
{
	*g = (struct get){.url = url, .arena = task_arena(t)};
	group_init(&g->group, t, 1);
	(void)group_add(&g->group, &get_flow, &g, sizeof(struct get *), NULL);
	return await_all_at(t, &g->group, then, name);
}

const struct err *
get_error(const struct get *g)
{
	return group_error(&g->group, 0);
}
