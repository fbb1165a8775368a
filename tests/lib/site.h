/*
 * Site: an HTTP server of a test, on a thread of its own and a port of its own at 127.0.0.1.
 *
 * It answers what it was given for a path, and counts. Requests come one after the other; a
 * slow answer therefore holds the next one up.
 */
#ifndef TESTS_LIB_SITE_H
#define TESTS_LIB_SITE_H

#include "base/span.h"

struct site;

struct site *site_start(void);
void site_stop(struct site *s);
/* "http://127.0.0.1:port", static memory of the site. */
const char *site_base(const struct site *s);

struct site_answer {
	int status;          /* 0 = closes the connection without a word */
	const char *type;    /* NULL = none */
	const char *headers; /* further lines, each ended by CRLF; NULL = none */
	struct span body;    /* kept by the caller */
	/* Answered 304 without a body when the request names this ETag. */
	const char *etag;
};
/*
 * What is answered from now on; a path that was never given answers 404. path: static text;
 * with a query it goes before the same without.
 */
void site_give(struct site *s, const char *path, const struct site_answer *a);
int site_count(struct site *s, const char *path); /* requests for it so far */
/* Value of a header of the last request for it, "" = not sent; static memory. */
const char *site_header(struct site *s, const char *path, const char *name);

#endif
