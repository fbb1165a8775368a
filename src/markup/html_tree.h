/*
 * HTML tree: gumbo under limits. Private to src/markup.
 *
 * gumbo parses as browsers do and knows no limits: the standard lets a few kilobytes of open
 * formatting tags become gigabytes of tree, and a tag with many attributes costs their square,
 * as do elements in each other.
 * So only HTML_MAX bytes and HTML_TAGS_MAX tags are looked at, the tree has its own arena with
 * a maximum, and a text that needs more than that has no tree: what stands between its tags is
 * read as plain text. The tree is freed as one piece, without recursion.
 */
#ifndef MARKUP_HTML_TREE_H
#define MARKUP_HTML_TREE_H

#include <gumbo.h>

#include "base/arena.h"

#define HTML_TAGS_MAX 6500
#define HTML_ATTRIBUTES_MAX 40
#define HTML_OPEN_MAX 200 /* elements in each other */

struct html_tree {
	struct arena *arena;
	const GumboNode *root; /* <html>; NULL when the text has no tree */
	struct span text;      /* the input without control characters, of the same arena */
};

void html_tree_init(struct span html, struct html_tree *out);
void html_tree_fini(struct html_tree *t);
/* Children of <body>: every parser takes a fragment for a body. */
const GumboVector *html_tree_body(const struct html_tree *t);
/* The input without what looks like a tag: of a text that has no tree. The tree's memory. */
struct span html_tree_bare(const struct html_tree *t);

/* Bytes of the control character at the beginning of s, 0 when there is none. */
size_t html_control(struct span s);

/* Value of an attribute, SPAN_NONE when absent. */
struct span html_attr(const GumboElement *e, const char *name);
/* The tag goes with all its content: it is not text for people. */
bool html_tag_dropped(GumboTag tag);
/* The tag begins a line of its own. */
bool html_tag_is_block(GumboTag tag);

#endif
