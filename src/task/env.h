/*
 * Env: the services of one process, as opaque handles that every task can reach.
 * Filled once by main/ before the loop runs, torn down after it has stopped; const to everyone
 * else. A handle that a role does not need is NULL.
 */
#ifndef TASK_ENV_H
#define TASK_ENV_H

struct conf;
struct loop;
struct work_pool;
struct db;
struct http;
struct httpd;
struct blob_store;
struct proc;
struct hub;
struct web;
struct ap;

struct env {
	const struct conf *conf;
	struct loop *loop;
	struct work_pool *work;   /* CPU threads */
	struct db *db;            /* connection pool */
	struct http *http;        /* the one HTTP client */
	struct httpd *httpd;      /* the HTTP server, role web */
	struct blob_store *blobs; /* media store */
	struct proc *media;       /* litfass-media, roles media and ingest */
	struct hub *hub;          /* settings, keys, master key (hub/hub.h) */
	struct ap *ap;            /* key cache, inbox committer (ap/ap.h) */
	struct web *web;          /* response cache, templates (web/web.h) */
};

#endif
