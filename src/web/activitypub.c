#include "web/activitypub.h"

void
activitypub_document(
	struct page_ask *q, struct httpd_reply *out, enum object_context c, const json_t *j)
{
	out->type = SPAN(AP_TYPE "; charset=utf-8");
	out->body = object_document(q->arena, c, j);
	if (!out->cache_control.p)
		out->cache_control = SPAN("public, max-age=180");
}

void
activitypub_redirect(struct httpd_reply *out, struct span location)
{
	out->status = 302;
	out->location = location;
	out->cache_control = SPAN("public, max-age=180");
}
