/*
 * Html (private to web/): what the citizens' pages share between their query and their reply.
 *
 * Every page's parameters begin with "lang", its flags have PAGE_LANG, its query begins with
 * html_query and its rendering with html_model.
 */
#ifndef WEB_HTML_H
#define WEB_HTML_H

#include "web/app.h"
#include "web/model.h"

#define HTML_POSTS 20 /* on a page */

/* Parameters of pages of posts; a page may add its own behind. */
enum html_param {
	HTML_PARAM_LANG,
	HTML_PARAM_MAX_ID,
	HTML_PARAM_MIN_ID,
	HTML_PARAMS,
};

/* Asks for the settings: the first statement of the batch. */
void html_query(struct page_ask *q);
const struct err *html_model(struct page_ask *q, struct model *out) MUST_CHECK;
/* The template with the root. */
const struct err *html_reply(struct page_ask *q, const struct model *m, const char *template,
	json_t *root, struct httpd_reply *out) MUST_CHECK;
/* An answer that leads elsewhere on this hub. */
void html_redirect(struct page_ask *q, struct span url, struct httpd_reply *out);

/* The page for an error, also without a database. False when even that cannot be made. */
bool html_error(
	struct httpd_req *r, struct web *w, const struct err *e, struct httpd_reply *out);

/* ---- pages of posts ---- */

struct html_posts {
	size_t query; /* number of its statement */
	bool next;    /* which is in ask->next */
	int64_t max_id, min_id;
};
/* Reads max_id and min_id and asks for one post more than is shown. */
const struct err *html_posts_query(struct page_ask *q, struct db_batch *b,
	struct post_page *page, struct html_posts *out) MUST_CHECK;
/* root.posts and root.pager; path is the page's own, accounts are all that may appear. */
const struct err *html_posts_model(struct page_ask *q, const struct model *m,
	const struct html_posts *p, struct span path, const struct account *accounts, size_t n,
	json_t *root) MUST_CHECK;
bool html_posts_deep(const struct html_posts *p); /* not the newest page */
/* All rows of account_list or account_own, statement i of the first batch. */
const struct err *html_accounts(
	struct page_ask *q, size_t i, struct account **out, size_t *n) MUST_CHECK;

#endif
