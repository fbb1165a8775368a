/*
 * Page lint: what can be said about a page's accessibility without a browser.
 *
 * One h1, headings without gaps, languages, alternative texts, labels, unique ids and
 * references that lead somewhere, the skip link first, no order of our own for the keyboard, no
 * script, no style in the text, nothing from elsewhere, the texts that the law asks for within
 * one click.
 */
#ifndef TESTS_LIB_PAGE_LINT_H
#define TESTS_LIB_PAGE_LINT_H

#include "base/arena.h"

/* What is wrong, one line each; empty when nothing is. media: the origin pictures come from. */
struct span page_lint(struct arena *a, struct span html, struct span media);

#endif
