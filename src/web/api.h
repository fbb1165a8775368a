/*
 * Api (private to web/): what the endpoints of the Mastodon API share: parameters, answers,
 * pages of statuses.
 */
#ifndef WEB_API_H
#define WEB_API_H

#include "hub/post.h"
#include "web/app.h"
#include "web/entity.h"

#define API_PAGE_DEFAULT 20
#define API_PAGE_MAX 40

/* ---- parameters: an error says which and what would be right (422) ---- */

/* A decimal number; absent leaves *out as it is, more than max counts as max. */
const struct err *api_number(
	struct page_ask *q, size_t param, int64_t min, int64_t max, int64_t *out) MUST_CHECK;
bool api_flag(const struct page_ask *q, size_t param); /* true, 1, on, t, yes */
/* An id out of the path; anything else is simply not there (404). */
const struct err *api_path_id(struct page_ask *q, int64_t *out) MUST_CHECK;
const struct err *api_not_found(struct page_ask *q) MUST_CHECK;

/* ---- answers ---- */

/* Takes the reference. max_age_s of public caches; they may go on with it meanwhile. */
void api_reply(struct page_ask *q, struct httpd_reply *out, json_t *j, int max_age_s);

/* ---- a page of statuses ---- */

/* The first params of every page of statuses, in this order. */
enum api_range_param {
	RANGE_MAX_ID,
	RANGE_SINCE_ID,
	RANGE_MIN_ID,
	RANGE_LIMIT,
	RANGE_PARAMS,
};
#define API_RANGE_NAMES "max_id", "since_id", "min_id", "limit"

struct api_statuses {
	struct post_page page; /* as asked; limit is one more, to know whether there is more */
	struct post *posts;
	size_t n;
	bool more; /* older ones exist */
	struct account *accounts;
	size_t n_accounts;
	json_t **made; /* per account: its JSON, once it was needed */
};
/* Reads the range into s->page. */
const struct err *api_range(struct page_ask *q, struct api_statuses *s) MUST_CHECK;
/* Rows of statement i of batch; without the one too many. */
const struct err *api_statuses_take(struct page_ask *q, const struct db_batch *b, size_t i,
	struct api_statuses *s) MUST_CHECK;
/* Asks for the accounts of the posts; what q->next gets as its only statement. */
void api_statuses_accounts(struct page_ask *q, const struct api_statuses *s);
/* Rows of struct account. */
const struct err *api_accounts_take(struct page_ask *q, const struct db_batch *b, size_t i,
	struct api_statuses *s) MUST_CHECK;
/* The one account whose posts they are. */
void api_accounts_one(struct page_ask *q, struct api_statuses *s, struct account *acc);
/* A new reference. */
const struct err *api_status_json(struct page_ask *q, const struct api_statuses *s,
	const struct post *p, json_t **out) MUST_CHECK;
/* The list, with its Link header. path: of this endpoint, from "/". */
const struct err *api_statuses_reply(struct page_ask *q, struct api_statuses *s,
	struct span path, struct httpd_reply *out) MUST_CHECK;

/*
 * "<…>; rel=next, <…>; rel=prev": all parameters of the request but the cursors are repeated.
 * SPAN_NONE for an empty page.
 */
struct span api_link(
	struct page_ask *q, struct span path, int64_t first, int64_t last, bool older);

extern const struct route_table api_account_routes, api_instance_routes, api_search_routes,
	api_status_routes, api_timeline_routes;

#endif
