/*
 * Context (private to ap/): is every member what its plain name says?
 *
 * We read ActivityStreams by its short names and load no context. A document in which these
 * names mean something else, or in which a second name means one of them, would be read
 * differently by those who expand it; such a document is refused instead of guessed at.
 * Embedded documents may carry contexts of their own, under the same rules.
 */
#ifndef AP_CONTEXT_H
#define AP_CONTEXT_H

#include "base/json.h"

/* Walks the whole document, whose depth json_parse has limited. ERR_INPUT names the member. */
const struct err *context_check(struct arena *a, const json_t *doc) MUST_CHECK;

#endif
