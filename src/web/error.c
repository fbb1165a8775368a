#include "base/text.h"
#include "web/app.h"

#define ERROR_PAGE_MAX 4096

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

static void
error_html(struct arena *a, const struct err *e, struct httpd_reply *out)
{
	struct buf b;

	buf_init(&b, ERROR_PAGE_MAX);
	buf_printf(&b,
		"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
		"<title>%s</title><h1>%s</h1><p>",
		err_title(e->kind), err_title(e->kind));
	text_escape_html(&b, e->text);
	buf_lit(&b, "</p></html>\n");
	out->type = SPAN("text/html; charset=utf-8");
	out->body = arena_dup(a, buf_span(&b));
	buf_fini(&b);
}

bool
web_error(struct httpd_req *r, const struct err *e, struct httpd_reply *out, void *arg)
{
	struct arena *a = httpd_arena(r);

	(void)arg;
	if (error_for_program(httpd_path(r), httpd_header(r, "accept")))
		error_json(a, e, out);
	else
		error_html(a, e, out);
	return true;
}
