#include "main/ops.h"

#include "base/metric.h"
#include "db/db.h"
#include "hub/hub.h"

#define METRICS_MAX (256 * 1024)

static void
ops_send(struct httpd_req *r, int status, struct span type, struct span body)
{
	const struct httpd_reply reply = {
		.status = status,
		.type = type,
		.body = body,
		.cache_control = SPAN("no-store"),
	};

	httpd_send(r, &reply);
}

static void
ops_text(struct httpd_req *r, int status, struct span body)
{
	ops_send(r, status, SPAN("text/plain; charset=utf-8"), body);
}

bool
ops_handle(struct httpd_req *r, bool leaving)
{
	const struct span path = httpd_path(r);
	const struct env *env = httpd_env(r);

	if (!(httpd_method(r) & (HTTPD_GET | HTTPD_HEAD)))
		return false;
	if (span_is(path, "/health"))
		ops_text(r, 200, SPAN("OK")); /* as Mastodon's clients compare it */
	else if (!span_is(path, "/ready"))
		return false;
	else if (leaving)
		ops_text(r, 503, SPAN("stopping\n"));
	else if (!db_ready(env->db))
		ops_text(r, 503, SPAN("the database cannot be reached\n"));
	else if (!env->hub->hub_account)
		ops_text(r, 503, SPAN("starting\n"));
	else
		ops_text(r, 200, SPAN("ready\n"));
	return true;
}

void
ops_metrics(struct httpd_req *r, void *arg)
{
	struct buf b;

	if (!span_is(httpd_path(r), "/metrics") || httpd_method(r) != HTTPD_GET) {
		ops_text(r, 404, SPAN("only GET /metrics is here\n"));
		return;
	}
	buf_init(&b, METRICS_MAX);
	metric_render(&b, span_of(arg));
	ops_send(r, 200, SPAN("text/plain; version=0.0.4; charset=utf-8"), buf_span(&b));
	buf_fini(&b);
}
