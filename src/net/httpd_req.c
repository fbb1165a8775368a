#include "net/httpd_req.h"

#include <event2/http.h>

#include "base/codec.h"
#include "base/text.h"

#define PARAMS_MAX 32

/* ---- looking at the request ---- */

enum httpd_method
httpd_method(const struct httpd_req *r)
{
	MAGIC_CHECK(r, REQ_MAGIC);
	return r->method;
}

enum httpd_site
httpd_site(const struct httpd_req *r)
{
	return r->site;
}

struct span
httpd_target(const struct httpd_req *r)
{
	return r->target;
}

struct span
httpd_path(const struct httpd_req *r)
{
	return r->path;
}

struct span
httpd_query(const struct httpd_req *r)
{
	return r->query;
}

struct span
httpd_header(const struct httpd_req *r, const char *name)
{
	for (size_t i = 0; i < r->n_headers; i++)
		if (span_is_nocase(r->headers[i].name, name))
			return r->headers[i].value;
	return SPAN_NONE;
}

size_t
httpd_headers(const struct httpd_req *r, const struct http_header **out)
{
	*out = r->headers;
	return r->n_headers;
}

struct span
httpd_body(const struct httpd_req *r)
{
	return r->body;
}

struct span
httpd_client(const struct httpd_req *r)
{
	return r->client;
}

struct arena *
httpd_arena(struct httpd_req *r)
{
	return r->arena;
}

struct env *
httpd_env(const struct httpd_req *r)
{
	return loop_env(r->httpd->loop);
}

void
httpd_set_match(struct httpd_req *r, const struct route_match *m)
{
	r->match = *m;
}

const struct route_match *
httpd_match(const struct httpd_req *r)
{
	return &r->match;
}

/* Keys that cannot be decoded are as good as absent. */
static void
req_read_params(struct httpd_req *r)
{
	struct span rest = r->query, pair;

	r->params_read = true;
	if (!rest.p)
		return;
	r->params = ARENA_ARRAY(r->arena, PARAMS_MAX, struct httpd_pair);
	while (r->n_params < PARAMS_MAX && span_cut(&rest, '&', &pair)) {
		size_t eq = span_find_byte(pair, '=');
		struct httpd_pair *p = &r->params[r->n_params];

		if (percent_decode(r->arena, span_slice(pair, 0, eq), true, &p->name) &&
			percent_decode(r->arena,
				eq == SIZE_MAX ? SPAN("") : span_slice(pair, eq + 1, pair.n),
				true, &p->value) &&
			utf8_valid(p->value))
			r->n_params++;
	}
}

struct span
httpd_param(struct httpd_req *r, const char *name)
{
	if (!r->params_read)
		req_read_params(r);
	for (size_t i = 0; i < r->n_params; i++)
		if (span_is(r->params[i].name, name))
			return r->params[i].value;
	return SPAN_NONE;
}

/* ---- life of a request ---- */

void
httpd_req_unref(struct httpd_req *r)
{
	MAGIC_CHECK(r, REQ_MAGIC);
	if (--r->refs > 0)
		return;
	r->magic = 0;
	arena_free(r->arena);
}

struct bufferevent *
httpd_req_bev(struct evhttp_request *ev)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(ev);

	return evcon ? evhttp_connection_get_bufferevent(evcon) : NULL;
}
