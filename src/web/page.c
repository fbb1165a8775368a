#include "web/page.h"

#include <string.h>

#include "base/codec.h"
#include "base/metric.h"
#include "crypto/digest.h"
#include "task/once.h"
#include "web/app.h"
#include "web/cache.h"

#define PAGE_DEADLINE_MS 8000
#define PAGE_ETAG_BYTES 12
/* Target and captures are at most 4 KiB each, see net/httpd.c. */
#define PAGE_KEY_MAX (8192 + 4 * (ROUTE_CAPTURES + PAGE_PARAMS_MAX) + 32)
#define PAGE_ABSENT 0xffffu

/* ---- the key: all that an answer depends on, in a form that can be read back ---- */

struct page_key {
	const struct page *page;
	unsigned char lang, accept;
};

static size_t
key_put(char *key, size_t n, struct span s)
{
	size_t len = s.p ? s.n : PAGE_ABSENT;

	assert(n + 2 + s.n <= PAGE_KEY_MAX && (!s.p || s.n < PAGE_ABSENT));
	key[n++] = (char)(len >> 8);
	key[n++] = (char)(len & 0xff);
	if (s.p)
		memcpy(key + n, s.p, s.n);
	return n + s.n;
}

static struct span
key_take(struct span *rest)
{
	const unsigned char *p = (const unsigned char *)rest->p;
	size_t len = (size_t)p[0] << 8 | p[1];
	struct span s = SPAN_NONE;

	if (len != PAGE_ABSENT)
		s = span_slice(*rest, 2, 2 + len);
	*rest = span_slice(*rest, 2 + s.n, rest->n);
	return s;
}

static enum tr_lang
page_lang(struct httpd_req *r)
{
	enum tr_lang lang;

	if (httpd_query(r).n && tr_lang_of(httpd_param(r, "lang"), &lang))
		return lang;
	return tr_negotiate(httpd_header(r, "accept-language"));
}

static struct span
page_key_make(struct httpd_req *r, const struct route_match *m, char key[PAGE_KEY_MAX])
{
	const struct page *p = m->route->data;
	const bool asked = httpd_query(r).n > 0;
	struct page_key head;
	size_t n = sizeof(head);

	memset(&head, 0, sizeof(head));
	head.page = p;
	if (p->flags & PAGE_LANG)
		head.lang = (unsigned char)page_lang(r);
	if (p->flags & (PAGE_ACCEPT_AP | PAGE_ACCEPT_HTML))
		head.accept = (unsigned char)accept_negotiate(httpd_header(r, "accept"),
			p->flags & PAGE_ACCEPT_AP ? ACCEPT_AP : ACCEPT_HTML);
	memcpy(key, &head, sizeof(head));
	for (size_t i = 0; i < ROUTE_CAPTURES && m->capture[i].p; i++)
		n = key_put(key, n, m->capture[i]);
	n = key_put(key, n, SPAN_NONE);
	for (size_t i = 0; p->params && p->params[i]; i++)
		n = key_put(key, n, asked ? httpd_param(r, p->params[i]) : SPAN_NONE);
	return span_from(key, n);
}

static void
page_key_read(struct span key, struct page_ask *q)
{
	struct page_key head;

	memcpy(&head, key.p, sizeof(head));
	q->page = head.page;
	q->lang = (enum tr_lang)head.lang;
	q->accept = (enum accept_kind)head.accept;
	key = span_slice(key, sizeof(head), key.n);
	for (size_t i = 0; i <= ROUTE_CAPTURES; i++) {
		struct span s = key_take(&key);

		if (!s.p)
			break;
		q->capture[i] = s;
	}
	for (size_t i = 0; q->page->params && q->page->params[i]; i++) {
		assert(i < PAGE_PARAMS_MAX);
		q->param[i] = key_take(&key);
	}
}

/* ---- rendering: query, rows, perhaps again, reply; one run for all who wait ---- */

struct page_run_arg {
	int64_t generation;
	size_t n;
	char key[];
};

struct page_run {
	struct page_ask ask;
	int64_t generation;
	struct span key;
};

static step_fn page_query, page_rows, page_render, page_run_failed;

static const struct flow page_run_flow = {
	.name = "web.page",
	.size = sizeof(struct page_run),
	.deadline_ms = PAGE_DEADLINE_MS,
	.first = page_query,
	.failed = page_run_failed,
};

static struct next
page_query(struct task *t)
{
	struct page_run *s = task_state(t);
	const struct page_run_arg *arg = task_arg(t);
	struct page_ask *q = &s->ask;
	const struct err *e;

	s->generation = arg->generation;
	s->key = span_from(arg->key, arg->n);
	q->arena = task_arena(t);
	q->env = task_env(t);
	q->web = q->env->web;
	q->hub = q->env->hub;
	page_key_read(s->key, q);
	q->state = arena_alloc(q->arena, q->page->state_size);
	db_batch_init(&q->batch, q->arena);
	db_batch_init(&q->next, q->arena);
	q->batch.lane = q->next.lane = DB_LANE_PUBLIC;
	e = q->page->query ? q->page->query(q) : NULL;
	if (e)
		return fail(t, e);
	if (q->batch.n == 0)
		return go(t, page_rows);
	return await_rows(t, &q->batch, page_rows);
}

static struct next
page_rows(struct task *t)
{
	struct page_run *s = task_state(t);
	struct page_ask *q = &s->ask;
	const struct err *e = q->page->more ? q->page->more(q) : NULL;

	if (e)
		return fail(t, e);
	if (q->next.n == 0)
		return go(t, page_render);
	return await_rows(t, &q->next, page_render);
}

static struct span
page_etag(struct arena *a, struct span body)
{
	unsigned char sum[SHA256_SIZE];
	struct span text;

	digest_sha256(body, sum);
	text = base64url_encode(a, span_from(sum, PAGE_ETAG_BYTES));
	return arena_printf(a, "\"%.*s\"", SPAN_FMT(text));
}

static struct span
page_vary(unsigned flags)
{
	const bool accept = flags & (PAGE_ACCEPT_AP | PAGE_ACCEPT_HTML);

	if (flags & PAGE_LANG)
		return accept ? SPAN("Accept, Accept-Language") : SPAN("Accept-Language");
	return accept ? SPAN("Accept") : SPAN_NONE;
}

static void
page_frozen_release(void *f)
{
	httpd_frozen_unref(f);
}

static struct next
page_render(struct task *t)
{
	struct page_run *s = task_state(t);
	struct page_ask *q = &s->ask;
	struct httpd_frozen **out = task_out(t);
	struct httpd_reply reply = {.status = 200};
	const struct err *e = q->page->render(q, &reply);

	if (e)
		return fail(t, e);
	reply.vary = page_vary(q->page->flags);
	reply.cors = reply.cors || q->page->flags & PAGE_CORS;
	if (reply.status == 200 && !reply.etag.p)
		reply.etag = page_etag(q->arena, reply.body);
	*out = httpd_freeze(&reply);
	metric_inc(METRIC_CACHE_MISSES);
	arena_own(q->arena, page_frozen_release, *out);
	cache_put(q->web->cache, s->key, s->generation, *out);
	return done(t);
}

static struct next
page_run_failed(struct task *t)
{
	return done(t); /* those who wait answer with the error */
}

static void
page_copy(struct arena *to, void *out, const void *result)
{
	struct httpd_frozen *const *f = result;

	*(struct httpd_frozen **)out = httpd_frozen_ref(*f);
	arena_own(to, page_frozen_release, *f);
}

const struct once_ops page_once_ops = {
	.flow = &page_run_flow,
	.result_size = sizeof(struct httpd_frozen *),
	.copy = page_copy,
};

/* ---- a request: from the cache, or after the run ---- */

struct page_wait {
	struct httpd_frozen *frozen;
};

static step_fn page_miss, page_send, page_failed;

static const struct flow page_flow = {
	.name = "web.request",
	.size = sizeof(struct page_wait),
	.deadline_ms = PAGE_DEADLINE_MS + 1000,
	.first = page_miss,
	.failed = page_failed,
};

static struct next
page_miss(struct task *t)
{
	struct page_wait *s = task_state(t);
	struct httpd_req *r = httpd_task_req(t);
	struct web *w = task_env(t)->web;
	const size_t head = offsetof(struct page_run_arg, key);
	struct page_run_arg *arg = arena_alloc(task_arena(t), head + PAGE_KEY_MAX);

	arg->generation = cache_generation(w->cache);
	arg->n = page_key_make(r, httpd_match(r), arg->key).n;
	/* Who comes after a change must not get what was begun before it: the arg is the key.
	 */
	return await_once(t, w->renderings, span_from(arg, head + arg->n), arg, head + arg->n,
		&s->frozen, page_send);
}

static struct next
page_send(struct task *t)
{
	struct page_wait *s = task_state(t);

	httpd_send_frozen(httpd_task_req(t), s->frozen);
	return done(t);
}

static struct next
page_failed(struct task *t)
{
	httpd_send_error(httpd_task_req(t), task_error(t));
	return done(t);
}

void
page_handle(struct httpd_req *r, const struct route_match *m)
{
	struct web *w = httpd_env(r)->web;
	char key[PAGE_KEY_MAX];
	struct httpd_frozen *f = cache_get(w->cache, page_key_make(r, m, key));

	if (f) {
		metric_inc(METRIC_CACHE_HITS);
		httpd_send_frozen(r, f);
		return;
	}
	httpd_run(r, &page_flow);
}
