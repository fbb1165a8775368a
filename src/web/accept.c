#include "web/accept.h"

/* "q=0.123" to 0..1000; RFC 9110 12.4.2. What is no weight counts as none. */
static unsigned
accept_weight(struct span params)
{
	struct span field;
	unsigned q = 1000, digit = 100;

	while (params.p && span_cut(&params, ';', &field)) {
		field = span_trim(field);
		if (!span_starts_nocase(field, SPAN("q=")))
			continue;
		q = field.n > 2 && field.p[2] == '1' ? 1000 : 0;
		for (size_t i = 4; q < 1000 && i < field.n && digit > 0; i++, digit /= 10)
			if (field.p[i] >= '0' && field.p[i] <= '9')
				q += (unsigned)(field.p[i] - '0') * digit;
	}
	return q;
}

enum accept_kind
accept_negotiate(struct span accept, enum accept_kind otherwise)
{
	static const char *const ap[] = {
		"application/activity+json", "application/ld+json", "application/json"};
	static const char *const html[] = {"text/html", "application/xhtml+xml"};
	unsigned best_ap = 0, best_html = 0;
	struct span field, type;

	while (accept.p && span_cut(&accept, ',', &field)) {
		unsigned q;

		(void)span_cut(&field, ';', &type);
		type = span_trim(type);
		q = accept_weight(field);
		for (size_t i = 0; i < ARRAY_LEN(ap); i++)
			if (span_is_nocase(type, ap[i]) && q > best_ap)
				best_ap = q;
		for (size_t i = 0; i < ARRAY_LEN(html); i++)
			if (span_is_nocase(type, html[i]) && q > best_html)
				best_html = q;
	}
	if (best_ap == 0 && best_html == 0)
		return otherwise;
	return best_ap >= best_html ? ACCEPT_AP : ACCEPT_HTML;
}
