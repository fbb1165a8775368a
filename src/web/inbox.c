/* Where other servers post: one flow behind all inboxes. */
#include "ap/ap.h"
#include "web/app.h"

#define INBOX_BODY_MAX ((size_t)1024 * 1024)
#define INBOX(pattern_)                                                                        \
	{                                                                                      \
		.methods = HTTPD_POST, .pattern = (pattern_), .site = SITE_MAIN,               \
		.body_max = INBOX_BODY_MAX, .flow = &inbox_flow                                \
	}

static const struct route inbox_list[] = {
	INBOX("/inbox"),
	INBOX("/o/{slug}/inbox"),
	INBOX("/hub/inbox"),
	INBOX("/actor/inbox"),
};
const struct route_table inbox_routes = WEB_ROUTES(inbox_list);
