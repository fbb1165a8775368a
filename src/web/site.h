/*
 * Site (private to web/): what people have said about their hub, as pages need it: the settings
 * by key, with the texts that exist in several languages.
 */
#ifndef WEB_SITE_H
#define WEB_SITE_H

#include "web/page.h"

struct site {
	struct span name, description, contact_email; /* empty when not set, name never */
	const json_t *settings;                       /* all of them, by key */
};

/* Adds the statement whose number site_take wants. */
size_t site_query(struct db_batch *b);
const struct err *site_take(
	struct page_ask *q, const struct db_batch *b, size_t i, struct site *out) MUST_CHECK;
/*
 * A text by language: the setting is a text, or an object from language to text; then the asked
 * one, else German, else any. Empty when there is none.
 */
struct span site_text(const struct site *s, const char *key, enum tr_lang lang);
/* The same, and the language it is in; a setting that is a text is in German. */
struct span site_text_in(
	const struct site *s, const char *key, enum tr_lang lang, struct span *language);

#endif
