/*
 * Web: everything a hub shows: API, feeds, citizen pages, media, and what ap/ renders.
 *
 * One per process with the role web. main/ gives the three functions to httpd_new and
 * httpd_on_error; its own paths (/health, /ready) are answered before.
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "net/httpd.h"

struct web;

/* env: conf, loop, db, hub and blobs are there, and stay. Watches the generation at once. */
struct web *web_new(struct env *env, struct arena *a, const struct err **e);
void web_free(struct web *w); /* when the loop has ended, before loop_free; or NULL */

/* Of struct httpd_opts; arg is the struct web. */
void web_handle(struct httpd_req *r, void *arg);
size_t web_body_limit(enum httpd_method m, enum httpd_site site, struct span path, void *arg);
/* A httpd_error_fn: {"error": ...} for programs, a page for people. */
bool web_error(struct httpd_req *r, const struct err *e, struct httpd_reply *out, void *arg);

#endif
