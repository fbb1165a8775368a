/*
 * Tr: translations, compiled in. msgid is the English text; German is the default language.
 *
 * Each request has its own language, so this is not gettext(3), which has one per process.
 */
#ifndef MARKUP_TR_H
#define MARKUP_TR_H

#include "base/span.h"

enum tr_lang {
	TR_DE,
	TR_EN,
	TR_LANGS,
};

/* Marks a text that reaches tr() through a table. */
#define TR_N(msgid) msgid

/* The translation, or the msgid itself. The result lives for ever. */
struct span tr(enum tr_lang lang, const char *msgid);
struct span tr_span(enum tr_lang lang, struct span msgid);
const char *tr_code(enum tr_lang lang);               /* "de", "en" */
bool tr_lang_of(struct span code, enum tr_lang *out); /* "de", "de-AT", "en_GB" */
/* The best of an Accept-Language header (RFC 9110 12.5.4), German without one. */
enum tr_lang tr_negotiate(struct span accept_language);

#endif
