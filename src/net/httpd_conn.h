/*
 * Connections of the server: caps and absolute deadlines that evhttp does not keep.
 *
 * evhttp owns its connections; we hold a second reference to each bufferevent, and give it back
 * when evhttp has let it go: at once where it tells us, else once a second. A connection that
 * is over its deadline is shut down; evhttp then frees it as if the client had left. Private to
 * src/net.
 */
#ifndef NET_HTTPD_CONN_H
#define NET_HTTPD_CONN_H

#include "base/conf.h"
#include "task/loop.h"

struct bufferevent;
struct evhttp;
struct httpd_conns;

#define HTTPD_HEAD_MS 10000
#define HTTPD_BODY_MS 30000
#define HTTPD_BODY_RATE 32 /* bytes a ms: one more second for 32 KiB */
#define HTTPD_REPLY_MS 60000
#define HTTPD_IDLE_MS 30000
#define HTTPD_PER_IP 32
/* Long enough for a page with its pictures many times over; short enough to rebalance workers.
 */
#define HTTPD_REQUESTS 10000

struct httpd_conns *httpd_conns_new(struct loop *l, const struct conf *c, struct evhttp *http);
void httpd_conns_listen(struct httpd_conns *cs, int fd);
/* No new connections; the idle ones are shut down after patience_ms. */
void httpd_conns_drain(struct httpd_conns *cs, int patience_ms);
size_t httpd_conns_open(const struct httpd_conns *cs);
void httpd_conns_free(struct httpd_conns *cs);   /* before evhttp_free */
void httpd_conns_settle(struct httpd_conns *cs); /* after evhttp_free */

/* A request has been read; false = it was the last one this connection may carry. */
bool httpd_conn_begin(struct httpd_conns *cs, struct bufferevent *bev);
/* Nothing is read behind this request, whatever evhttp thinks. */
void httpd_conn_last(struct httpd_conns *cs, struct bufferevent *bev);
/* Writing begins: so many bytes of body. */
void httpd_conn_reply(struct httpd_conns *cs, struct bufferevent *bev, size_t bytes);
/* The answer lies in the buffer: as much of it is written as the socket takes now. */
void httpd_conn_push(struct httpd_conns *cs, struct bufferevent *bev);
void httpd_conn_done(struct httpd_conns *cs, struct bufferevent *bev); /* written */
/* evhttp lets it go: it no longer counts against its address. */
void httpd_conn_left(struct httpd_conns *cs, struct bufferevent *bev);

#endif
