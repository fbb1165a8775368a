/* The texts that every page links to: legal notice, privacy, accessibility, easy language. */
#include "web/html.h"

static const char *const text_params[] = {"lang", NULL};

static const struct err *
text_query(struct page_ask *q)
{
	html_query(q);
	return NULL;
}

/* A page that knows which text it shows. */
struct text_page {
	struct page page; /* first: ask->page leads back here */
	enum model_text which;
};

static const struct err *
text_render(struct page_ask *q, struct httpd_reply *out)
{
	const enum model_text which = ((const struct text_page *)q->page)->which;
	struct model_frame f = {.place = PLACE_TEXT, .path = model_text_path(which)};
	struct model m;
	json_t *root;
	const struct err *e = html_model(q, &m);

	if (e)
		return e;
	f.title = model_text_label(&m, which);
	f.description = model_lead(&m);
	root = model_page(&m, &f);
	model_text(&m, root, which);
	return html_reply(q, &m, "text", root, out);
}

#define TEXT_PAGE(which_)                                                                      \
	[which_] = {.page = {.params = text_params,                                            \
			    .flags = PAGE_LANG,                                                \
			    .query = text_query,                                               \
			    .render = text_render},                                            \
		.which = which_}

static const struct text_page text_pages[TEXTS] = {
	TEXT_PAGE(TEXT_IMPRINT),
	TEXT_PAGE(TEXT_PRIVACY),
	TEXT_PAGE(TEXT_ACCESSIBILITY),
	TEXT_PAGE(TEXT_EASY),
	TEXT_PAGE(TEXT_SIGN),
};

static const struct route text_list[] = {
	WEB_PAGE("/impressum", text_pages[TEXT_IMPRINT].page),
	WEB_PAGE("/datenschutz", text_pages[TEXT_PRIVACY].page),
	WEB_PAGE("/barrierefreiheit", text_pages[TEXT_ACCESSIBILITY].page),
	WEB_PAGE("/leichte-sprache", text_pages[TEXT_EASY].page),
	WEB_PAGE("/gebaerdensprache", text_pages[TEXT_SIGN].page),
};
const struct route_table text_routes = WEB_ROUTES(text_list);
