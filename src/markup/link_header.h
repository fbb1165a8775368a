/*
 * Link header: the links that an HTTP answer names in its head (RFC 8288).
 *
 * Pure and lenient: what is no link is skipped, and a value that is too long says nothing.
 * Nothing is resolved or judged here. Spans are of the value or of the arena.
 */
#ifndef MARKUP_LINK_HEADER_H
#define MARKUP_LINK_HEADER_H

#include "base/arena.h"
#include "base/span.h"

#define LINK_HEADER_MAX (16 * 1024) /* bytes of one value that are looked at all */

/* Of a parameter that is given twice the first counts; SPAN_NONE when it is not given. */
struct link_header {
	struct span target; /* as written: a reference relative to the answer's URL */
	struct span rel;    /* words with spaces between them */
	struct span type, title;
	struct span anchor; /* when given, the link may be of something else than the answer */
};

/* The links of one value, in order, at most max; what is beyond is left out. */
size_t link_header_parse(
	struct arena *a, struct span value, struct link_header *out, size_t max);

#endif
