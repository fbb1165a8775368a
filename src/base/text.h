/*
 * Text: UTF-8 validity, safe truncation, cleaning, escaping per context.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buf.h"
#include "base/arena.h"

bool utf8_valid(struct span s); /* no surrogates, no overlong forms, at most U+10FFFF */
/* Invalid sequences become U+FFFD. */
struct span utf8_repair(struct arena *a, struct span s);
/* Windows-1252 (the superset browsers use for ISO-8859-1) to UTF-8. */
struct span utf8_from_cp1252(struct arena *a, struct span s);
size_t utf8_count(struct span s); /* code points of valid text */
/* At most max code points, cut at a word where one is near, with "…" when cut. */
struct span text_truncate(struct arena *a, struct span s, size_t max);
/* One line of text from outside: no control bytes, no bidi overrides, white space collapsed. */
struct span text_clean_line(struct arena *a, struct span s, size_t max_chars);
/* The same, keeping line breaks (CRLF to LF, at most two in a row). */
struct span text_clean(struct arena *a, struct span s, size_t max_chars);
/* NFC (RFC 5198), for comparing and hashing. */
struct span text_nfc(struct arena *a, struct span s);
/* ASCII slug of a hashtag or handle: lower case, ä to ae; not [a-z0-9_] becomes '_'. */
struct span text_slug(struct arena *a, struct span s, size_t max);

void text_escape_html(struct buf *b, struct span s); /* & < > " ' : also right in attributes */
void text_escape_xml(
	struct buf *b, struct span s); /* the same, without XML 1.0's forbidden code points */
void text_escape_json(struct buf *b, struct span s); /* without the quotes */

#endif
