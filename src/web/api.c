#include "web/api.h"

#include "base/codec.h"

#define LINK_MAX 8192

/* ---- parameters ---- */

const struct err *
api_number(struct page_ask *q, size_t param, int64_t min, int64_t max, int64_t *out)
{
	const struct span s = q->param[param];
	int64_t v;

	if (!s.n)
		return NULL;
	if (!span_i64(s, min, INT64_MAX, &v))
		return err_new(q->arena, ERR_UNPROCESSABLE,
			"%s must be a whole number, at least %lld", q->page->params[param],
			(long long)min);
	*out = v > max ? max : v;
	return NULL;
}

bool
api_flag(const struct page_ask *q, size_t param)
{
	static const char *const words[] = {"true", "1", "on", "t", "yes"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (span_is_nocase(q->param[param], words[i]))
			return true;
	return false;
}

const struct err *
api_not_found(struct page_ask *q)
{
	return err_new(q->arena, ERR_NOT_FOUND, "Record not found");
}

const struct err *
api_path_id(struct page_ask *q, int64_t *out)
{
	return span_i64(q->capture[0], 1, INT64_MAX, out) ? NULL : api_not_found(q);
}

/* ---- answers ---- */

void
api_reply(struct page_ask *q, struct httpd_reply *out, json_t *j, int max_age_s)
{
	out->type = SPAN("application/json; charset=utf-8");
	out->body = json_dump(q->arena, json_own(q->arena, j));
	out->cache_control = arena_printf(q->arena,
		"public, max-age=%d, stale-while-revalidate=30, stale-if-error=60", max_age_s);
}

/* ---- the Link header (RFC 8288) ---- */

static void
link_add(struct page_ask *q, struct buf *b, struct span path, const char *cursor, int64_t id,
	const char *rel)
{
	const char *const *names = q->page->params;

	buf_printf(b, "%s<%.*s%.*s?", b->n ? ", " : "", SPAN_FMT(q->hub->base), SPAN_FMT(path));
	for (size_t i = 0; names[i]; i++) {
		struct span value;

		if (!q->param[i].p || i == RANGE_MAX_ID || i == RANGE_SINCE_ID ||
			i == RANGE_MIN_ID)
			continue;
		value = percent_encode(q->arena, q->param[i]);
		buf_printf(b, "%s=%.*s&", names[i], SPAN_FMT(value));
	}
	buf_printf(b, "%s=%lld>; rel=\"%s\"", cursor, (long long)id, rel);
}

struct span
api_link(struct page_ask *q, struct span path, int64_t first, int64_t last, bool older)
{
	struct span link;
	struct buf b;

	if (first == 0)
		return SPAN_NONE;
	buf_init(&b, LINK_MAX);
	if (older)
		link_add(q, &b, path, "max_id", last, "next");
	link_add(q, &b, path, "min_id", first, "prev");
	link = b.toobig ? SPAN_NONE : arena_dup(q->arena, buf_span(&b));
	buf_fini(&b);
	return link;
}

/* ---- a page of statuses ---- */

const struct err *
api_range(struct page_ask *q, struct api_statuses *s)
{
	struct post_page *p = &s->page;
	const struct err *e;

	p->limit = API_PAGE_DEFAULT;
	if ((e = api_number(q, RANGE_MAX_ID, 1, INT64_MAX, &p->max_id)) ||
		(e = api_number(q, RANGE_SINCE_ID, 0, INT64_MAX, &p->since_id)) ||
		(e = api_number(q, RANGE_MIN_ID, 0, INT64_MAX, &p->min_id)) ||
		(e = api_number(q, RANGE_LIMIT, 1, API_PAGE_MAX, &p->limit)))
		return e;
	p->limit++;
	return NULL;
}

const struct err *
api_statuses_take(
	struct page_ask *q, const struct db_batch *b, size_t i, struct api_statuses *s)
{
	const size_t limit = (size_t)s->page.limit - 1;
	const struct err *e = NULL;

	s->n = db_rows(b, i);
	s->posts = ARENA_ARRAY(q->arena, s->n, struct post);
	for (size_t row = 0; !e && row < s->n; row++)
		e = post_row(b, i, row, &s->posts[row]);
	if (e || s->n <= limit) {
		s->more = s->page.min_id > 0; /* what min_id names is older */
		return e;
	}
	/* Upwards the one too many is the newest. */
	s->more = true;
	s->n = limit;
	if (s->page.min_id > 0)
		s->posts++;
	return NULL;
}

void
api_statuses_accounts(struct page_ask *q, const struct api_statuses *s)
{
	int64_t *ids = ARENA_ARRAY(q->arena, s->n, int64_t);
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		size_t k = 0;

		while (k < n && ids[k] != s->posts[i].account)
			k++;
		if (k == n)
			ids[n++] = s->posts[i].account;
	}
	if (n > 0)
		(void)account_by_ids(&q->next, ids, n);
}

const struct err *
api_accounts_take(
	struct page_ask *q, const struct db_batch *b, size_t i, struct api_statuses *s)
{
	const struct err *e = NULL;

	s->n_accounts = b->n > i ? db_rows(b, i) : 0;
	s->accounts = ARENA_ARRAY(q->arena, s->n_accounts, struct account);
	s->made = ARENA_ARRAY(q->arena, s->n_accounts, json_t *);
	for (size_t row = 0; !e && row < s->n_accounts; row++)
		e = account_row(b, i, row, &s->accounts[row]);
	return e;
}

void
api_accounts_one(struct page_ask *q, struct api_statuses *s, struct account *acc)
{
	s->accounts = acc;
	s->n_accounts = 1;
	s->made = ARENA_ARRAY(q->arena, 1, json_t *);
}

/* The same account many times on a page is one value. */
static json_t *
statuses_account(struct page_ask *q, const struct api_statuses *s, int64_t id)
{
	for (size_t k = 0; k < s->n_accounts; k++) {
		if (s->accounts[k].id != id)
			continue;
		if (!s->made[k])
			s->made[k] = json_own(
				q->arena, entity_account(q->arena, q->hub, &s->accounts[k]));
		return s->made[k];
	}
	return NULL;
}

const struct err *
api_status_json(
	struct page_ask *q, const struct api_statuses *s, const struct post *p, json_t **out)
{
	json_t *account = statuses_account(q, s, p->account);
	struct post_media *m;
	size_t n;
	const struct err *e = post_media_parse(q->arena, p, &m, &n);

	if (e)
		return e;
	if (!account) /* between the two queries; the next reader sees both */
		return err_new(q->arena, ERR_UNAVAILABLE, "try again");
	*out = entity_status(q->arena, q->hub, p, m, n, account);
	return NULL;
}

const struct err *
api_statuses_reply(
	struct page_ask *q, struct api_statuses *s, struct span path, struct httpd_reply *out)
{
	json_t *list = json_own(q->arena, json_array()), *one = NULL;
	const struct err *e = NULL;

	for (size_t i = 0; !e && i < s->n; i++) {
		e = api_status_json(q, s, &s->posts[i], &one);
		if (!e)
			json_array_append_new(list, one);
	}
	if (e)
		return e;
	api_reply(q, out, json_incref(list), 15);
	if (s->n > 0)
		out->link = api_link(q, path, s->posts[0].id, s->posts[s->n - 1].id, s->more);
	return NULL;
}
