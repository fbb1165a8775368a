#include "web/app.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "markup/template.h"
#include "task/once.h"
#include "web/api.h"
#include "web/asset.h"
#include "web/cache.h"
#include "web/generation.h"
#include "web/rate.h"

#define WEB_LOST_BODY ((size_t)1 << 20)
#define WEB_CACHE_BYTES ((size_t)16 * 1024 * 1024)

/* ---- the table ---- */

static const struct route_table *const web_tables[] = {
	&activitypub_actor_routes,
	&activitypub_object_routes,
	&inbox_routes,
	&api_timeline_routes,
	&api_status_routes,
	&api_search_routes,
	&api_account_routes,
	&api_instance_routes,
	&feed_routes,
	&robots_routes,
	&wellknown_routes,
	&blob_routes,
	&asset_routes,
	&home_routes,
	&tag_routes,
	&text_routes,
	&org_routes,
	&status_routes,
};

static void
web_routes_join(struct web *w)
{
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_LEN(web_tables); i++)
		w->n_routes += web_tables[i]->n;
	w->routes = xcalloc(w->n_routes, sizeof(*w->routes));
	for (size_t i = 0; i < ARRAY_LEN(web_tables); i++) {
		memcpy(w->routes + at, web_tables[i]->routes,
			web_tables[i]->n * sizeof(*w->routes));
		at += web_tables[i]->n;
	}
	w->router = router_new(w->routes, w->n_routes);
}

struct web *
web_new(struct env *env, struct arena *a, const struct err **e)
{
	struct web *w = xcalloc(1, sizeof(*w));

	w->env = env;
	w->arena = arena_new();
	w->assets = asset_prefix(w->arena);
	w->cache = cache_new(WEB_CACHE_BYTES);
	w->renderings = once_new(&page_once_ops);
	web_routes_join(w);
	w->rate = rate_new(env->conf->rate_limit);
	w->yes = httpd_freeze(&(const struct httpd_reply){.status = 204});
	if ((*e = templates_new(a, embed_templates, &w->templates))) {
		web_free(w);
		return NULL;
	}
	w->generation = generation_start(env, w->cache);
	return w;
}

void
web_free(struct web *w)
{
	if (!w)
		return;
	repeat_free(w->generation);
	templates_free(w->templates);
	once_free(w->renderings);
	cache_free(w->cache);
	httpd_frozen_unref(w->yes);
	rate_free(w->rate);
	router_free(w->router);
	free(w->routes);
	arena_free(w->arena);
	free(w);
}

/* ---- dispatch ---- */

static const struct {
	enum httpd_method method;
	const char *name;
} web_methods[] = {
	{HTTPD_GET, "GET"},
	{HTTPD_HEAD, "HEAD"},
	{HTTPD_POST, "POST"},
	{HTTPD_PUT, "PUT"},
	{HTTPD_PATCH, "PATCH"},
	{HTTPD_DELETE, "DELETE"},
	{HTTPD_OPTIONS, "OPTIONS"},
};

static struct span
web_allow(struct arena *a, unsigned allowed)
{
	struct span list = SPAN("");

	if (allowed & HTTPD_GET)
		allowed |= HTTPD_HEAD;
	allowed |= HTTPD_OPTIONS;
	for (size_t i = 0; i < ARRAY_LEN(web_methods); i++)
		if (allowed & web_methods[i].method)
			list = arena_printf(a, "%.*s%s%s", SPAN_FMT(list), list.n ? ", " : "",
				web_methods[i].name);
	return list;
}

static bool
web_cors(const struct route *route)
{
	const struct page *p = route->handle == page_handle ? route->data : NULL;

	return p && p->flags & PAGE_CORS;
}

/* Some clients put a slash behind the API's addresses, as Rails lets them. */
static struct span
web_path(const struct httpd_req *r)
{
	struct span path = httpd_path(r);

	if (span_starts(path, SPAN("/api/")) && path.p[path.n - 1] == '/')
		return span_slice(path, 0, path.n - 1);
	return path;
}

/* Scripts of other sites ask before they send an Authorization, which we then ignore. */
static void
web_options(struct web *w, struct httpd_req *r, unsigned allowed)
{
	struct httpd_reply reply = {.status = 204};
	struct route_match m;
	unsigned others;

	httpd_add_header(r, "Allow", web_allow(httpd_arena(r), allowed));
	if (router_match(w->router, httpd_site(r), HTTPD_GET, web_path(r), &m, &others) &&
		web_cors(m.route)) {
		reply.cors = true;
		httpd_add_header(r, "Access-Control-Allow-Methods", SPAN("GET, OPTIONS"));
		/* The star does not stand for Authorization (Fetch, 4.9). */
		httpd_add_header(r, "Access-Control-Allow-Headers", SPAN("Authorization, *"));
		httpd_add_header(r, "Access-Control-Max-Age", SPAN("86400"));
	}
	httpd_send(r, &reply);
}

/* False when the client has had its share; it has been answered then. */
static bool
web_admit(struct web *w, struct httpd_req *r)
{
	struct arena *a = httpd_arena(r);
	struct rate_state s;
	struct err e = {.kind = ERR_TOO_MANY, .text = SPAN("Too many requests")};

	if (!w->rate || !span_starts(httpd_path(r), SPAN("/api/")) ||
		httpd_site(r) != SITE_MAIN)
		return true;
	s = rate_take(w->rate, httpd_client(r));
	httpd_add_header(r, "X-RateLimit-Limit",
		arena_printf(a, "%lld", (long long)rate_limit(w->rate)));
	httpd_add_header(
		r, "X-RateLimit-Remaining", arena_printf(a, "%lld", (long long)s.remaining));
	httpd_add_header(r, "X-RateLimit-Reset", time_rfc3339_ms(a, s.reset_us));
	if (!s.refused)
		return true;
	e.retry_after_s = (int)((s.reset_us - clock_us()) / US_PER_S) + 1;
	httpd_send_error(r, &e);
	return false;
}

void
web_handle(struct httpd_req *r, void *arg)
{
	struct web *w = arg;
	struct arena *a = httpd_arena(r);
	struct route_match m;
	unsigned allowed;
	const struct route *route;

	if (!web_admit(w, r))
		return;
	route = router_match(
		w->router, httpd_site(r), httpd_method(r), web_path(r), &m, &allowed);
	if (route) {
		httpd_set_match(r, &m);
		if (route->flow)
			httpd_run(r, route->flow);
		else
			route->handle(r, &m);
	} else if (allowed && httpd_method(r) == HTTPD_OPTIONS) {
		web_options(w, r, allowed);
	} else if (allowed) {
		httpd_add_header(r, "Allow", web_allow(a, allowed));
		httpd_send_error(
			r, err_new(a, ERR_METHOD, "this address does not take this method"));
	} else {
		httpd_send_error(r, err_new(a, ERR_NOT_FOUND, "there is nothing here"));
	}
}

size_t
web_body_limit(enum httpd_method m, enum httpd_site site, struct span path, void *arg)
{
	const struct web *w = arg;
	struct route_match match;
	unsigned allowed;
	const struct route *route = router_match(w->router, site, m, path, &match, &allowed);

	/* To whom it is said that there is nothing: 404 and 405 say more than 413 would. */
	return route ? route->body_max : WEB_LOST_BODY;
}
