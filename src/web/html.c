#include "web/html.h"

#include "hub/link.h"
#include "markup/template.h"

/* A post's own page with the longest text there may be. */
#define HTML_BODY_MAX ((size_t)16 << 20)

void
html_query(struct page_ask *q)
{
	size_t i = site_query(&q->batch);

	assert(i == 0);
	(void)i;
}

const struct err *
html_model(struct page_ask *q, struct model *out)
{
	enum tr_lang asked;

	*out = (struct model){
		.arena = q->arena,
		.hub = q->hub,
		.lang = q->lang,
		.lang_asked = tr_lang_of(q->param[HTML_PARAM_LANG], &asked),
		.assets = q->web->assets,
	};
	return site_take(q, &q->batch, 0, &out->site);
}

/* Only our own style sheet and icons, and pictures of our own media host. */
static struct span
html_csp(struct arena *a, const struct hub *h)
{
	return arena_printf(a,
		"default-src 'none'; style-src 'self'; img-src 'self' %.*s; "
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		SPAN_FMT(h->media_base));
}

static const struct err *
html_render(struct arena *a, const struct web *w, const struct model *m, const char *template,
	const json_t *root, struct httpd_reply *out)
{
	const struct err *e = NULL;
	struct buf b;

	buf_init(&b, HTML_BODY_MAX);
	template_render(w->templates, template, root, m->lang, &b);
	if (b.toobig)
		e = err_new(a, ERR_INTERNAL, "the page \"%s\" is too large", template);
	else
		out->body = arena_dup(a, buf_span(&b));
	buf_fini(&b);
	out->type = SPAN("text/html; charset=utf-8");
	out->csp = html_csp(a, m->hub);
	return e;
}

const struct err *
html_reply(struct page_ask *q, const struct model *m, const char *template, json_t *root,
	struct httpd_reply *out)
{
	/* Asked for again each time: what is withdrawn must not stay in caches on the way. */
	out->cache_control = SPAN("public, no-cache");
	return html_render(q->arena, q->web, m, template, root, out);
}

void
html_redirect(struct page_ask *q, struct span url, struct httpd_reply *out)
{
	(void)q;
	out->status = 302;
	out->location = url;
	out->cache_control = SPAN("public, no-cache");
}

bool
html_error(struct httpd_req *r, struct web *w, const struct err *e, struct httpd_reply *out)
{
	struct arena *a = httpd_arena(r);
	struct model m = {.arena = a, .hub = w->env->hub, .lang = TR_DE, .assets = w->assets};
	struct model_frame f = {.path = SPAN("/"), .hidden = true};
	json_t *root;

	if (!m.hub)
		return false;
	m.site.name = m.hub->conf->name;
	m.lang_asked = tr_lang_of(httpd_param(r, "lang"), &m.lang);
	if (!m.lang_asked)
		m.lang = tr_negotiate(httpd_header(r, "accept-language"));
	f.title = model_error_title(&m, e->kind);
	root = model_page(&m, &f);
	model_error(&m, root, e->kind);
	out->vary = SPAN("Accept, Accept-Language");
	return html_render(a, w, &m, "error", root, out) == NULL;
}

/* ---- pages of posts ---- */

static const struct err *
id_param(struct page_ask *q, enum html_param which, int64_t *out)
{
	struct span s = q->param[which];

	*out = 0;
	if (!s.n || span_i64(s, 0, INT64_MAX, out))
		return NULL;
	return err_new(
		q->arena, ERR_INPUT, "\"%s\" is no number of a post", q->page->params[which]);
}

const struct err *
html_posts_query(
	struct page_ask *q, struct db_batch *b, struct post_page *page, struct html_posts *out)
{
	const struct err *e = id_param(q, HTML_PARAM_MAX_ID, &out->max_id);

	if (!e)
		e = id_param(q, HTML_PARAM_MIN_ID, &out->min_id);
	if (e)
		return e;
	page->max_id = out->max_id;
	page->min_id = out->min_id;
	page->limit = HTML_POSTS + 1;
	out->next = b == &q->next;
	out->query = post_page(b, page);
	return NULL;
}

bool
html_posts_deep(const struct html_posts *p)
{
	return p->max_id > 0 || p->min_id > 0;
}

const struct err *
html_accounts(struct page_ask *q, size_t i, struct account **out, size_t *n)
{
	*n = db_rows(&q->batch, i);
	*out = ARENA_ARRAY(q->arena, *n, struct account);
	for (size_t k = 0; k < *n; k++) {
		const struct err *e = account_row(&q->batch, i, k, &(*out)[k]);

		if (e)
			return e;
	}
	return NULL;
}

static const struct account *
account_of(const struct account *list, size_t n, int64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].id == id)
			return &list[i];
	return NULL;
}

const struct err *
html_posts_model(struct page_ask *q, const struct model *m, const struct html_posts *p,
	struct span path, const struct account *accounts, size_t n, json_t *root)
{
	const struct db_batch *b = p->next ? &q->next : &q->batch;
	size_t rows = db_rows(b, p->query), shown = rows > HTML_POSTS ? HTML_POSTS : rows;
	/* Upwards the one too many is the newest, downwards the oldest. */
	size_t first = p->min_id ? rows - shown : 0;
	struct model_pager pager = {.path = path, .deep = html_posts_deep(p)};
	json_t *list = json_array();

	json_object_set_new(root, "posts", list);
	for (size_t i = 0; i < shown; i++) {
		struct post post;
		const struct account *acc;
		json_t *j;
		const struct err *e = post_row(b, p->query, first + i, &post);

		if (e)
			return e;
		if (i == 0 && (p->min_id ? rows > shown : p->max_id > 0))
			pager.newer_than = post.id;
		if (i + 1 == shown && (p->min_id || rows > shown))
			pager.older_than = post.id;
		acc = account_of(accounts, n, post.account);
		if (!acc)
			continue; /* added between the two statements: on the next rendering */
		if ((e = model_post(m, &post, acc, i < 2 ? MODEL_FIRST : 0, &j)))
			return e;
		json_array_append(list, j);
	}
	model_pager(m, root, &pager);
	return NULL;
}
