/*
 * HTML check: says whether a text is what html_sanitize and html_from_text may write, read by
 * rules of its own and not by theirs.
 */
#ifndef TESTS_LIB_HTML_CHECK_H
#define TESTS_LIB_HTML_CHECK_H

#include "base/span.h"

/* NULL, or what is wrong; *at is then where. */
const char *html_check(struct span html, size_t *at);

#endif
