#include "web/html.h"

/* Programs ask below these; whatever Accept says, they want JSON. */
static bool
error_for_program(struct span path, struct span accept)
{
	static const char *const programs[] = {
		"/api/", "/oauth/", "/.well-known/", "/nodeinfo/", "/inbox"};

	for (size_t i = 0; i < ARRAY_LEN(programs); i++)
		if (span_starts(path, span_of(programs[i])))
			return true;
	return accept_negotiate(
		       accept, span_starts(path, SPAN("/o/")) || span_starts(path, SPAN("/p/"))
				       ? ACCEPT_AP
				       : ACCEPT_HTML) == ACCEPT_AP;
}

static void
error_json(struct arena *a, const struct err *e, struct httpd_reply *out)
{
	json_t *j = json_own(a, json_object());

	json_object_set_new(j, "error", json_str(e->text));
	out->type = SPAN("application/json; charset=utf-8");
	out->body = json_dump(a, j);
	out->cors = true;
}

bool
web_error(struct httpd_req *r, const struct err *e, struct httpd_reply *out, void *arg)
{
	struct arena *a = httpd_arena(r);

	if (!error_for_program(httpd_path(r), httpd_header(r, "accept")))
		return html_error(r, arg, e, out);
	error_json(a, e, out);
	return true;
}
