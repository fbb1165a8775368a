/*
 * Page (private to web/): one cacheable read is a query and a rendering.
 *
 * A `const struct page` names what its answer depends on: captures of the route, the listed
 * parameters, and by flags the reader's language and the kind that Accept asks for. From these
 * page.c makes the cache's key; nothing else of the request reaches a page, so an answer fits
 * everybody with the same key. Several requests for the same missing page are one run.
 *
 *	query   checks captures and parameters and fills ask->batch (may add nothing)
 *	more    optional: reads the rows and fills ask->next (may add nothing)
 *	render  makes the reply from the rows; its texts are copied before the arena goes
 *
 * All three return an error for anything but an answer: ERR_NOT_FOUND, ERR_INPUT and so on get
 * the form of web_error and are not cached. render sets status, type, body, cache_control,
 * link, location; vary, ETag and CORS are page.c's.
 */
#ifndef WEB_PAGE_H
#define WEB_PAGE_H

#include "db/batch.h"
#include "hub/hub.h"
#include "markup/tr.h"
#include "net/route.h"
#include "web/accept.h"

#define PAGE_PARAMS_MAX 12

enum page_flag {
	PAGE_LANG = 1,        /* Accept-Language and ?lang= matter */
	PAGE_ACCEPT_AP = 2,   /* Accept matters; ActivityPub unless HTML is asked for */
	PAGE_ACCEPT_HTML = 4, /* Accept matters; HTML unless ActivityPub is asked for */
	PAGE_CORS = 8,        /* may be read by scripts of other sites */
};

struct web;
struct page;

struct page_ask {
	struct arena *arena;
	struct env *env;
	struct web *web;
	const struct hub *hub;
	const struct page *page;
	struct span capture[ROUTE_CAPTURES]; /* in order of the pattern */
	struct span param[PAGE_PARAMS_MAX];  /* in order of page->params; SPAN_NONE = absent */
	enum tr_lang lang;
	enum accept_kind accept;
	struct db_batch batch, next; /* of query and of more */
	void *state;                 /* page->state_size bytes, zeroed */
};

struct page {
	const char *const *params; /* ended by NULL; NULL = none */
	unsigned flags;            /* set of enum page_flag */
	size_t state_size;
	const struct err *(*query)(struct page_ask *q);
	const struct err *(*more)(struct page_ask *q);
	const struct err *(*render)(struct page_ask *q, struct httpd_reply *out);
};

/* A route's handler; its data is the page. */
void page_handle(struct httpd_req *r, const struct route_match *m);
#define WEB_PAGE(pattern_, page_)                                                              \
	{                                                                                      \
		.methods = HTTPD_GET, .pattern = (pattern_), .site = SITE_MAIN,                \
		.handle = page_handle, .data = &(page_)                                        \
	}

/* For web_new: the run that renders. */
extern const struct once_ops page_once_ops;

#endif
