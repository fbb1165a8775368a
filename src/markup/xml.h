/*
 * XML: libxml2, hardened: no network, no external entities, no DTD, no expansion, bounded.
 *
 * Feeds lie about their encoding and are cut off, so the text is made UTF-8 first (byte order
 * mark, HTTP charset, declaration, validity, then windows-1252) and parsed in three tries: as
 * it is, with libxml2's recovery, and with bare ampersands escaped. Only complete elements
 * count.
 */
#ifndef MARKUP_XML_H
#define MARKUP_XML_H

#include "base/err.h"

#define XML_MAX (8 * 1024 * 1024)
#define XML_NODES_MAX 300000   /* elements, attributes and namespaces */
#define XML_ATTRIBUTES_MAX 256 /* of one element, namespaces with them */

struct xml; /* an element; valid while the arena lives */

struct xml_doc {
	const struct xml *root;
	bool recovered; /* not well-formed, or the declared encoding was wrong */
};

/* charset: of the Content-Type header, SPAN_NONE when absent. The arena owns the tree. */
const struct err *xml_parse(
	struct arena *a, struct span text, struct span charset, struct xml_doc *out) MUST_CHECK;

/* Namespaces are compared by URI; ns NULL = none or any default. */
bool xml_is(const struct xml *e, const char *ns, const char *name);
const char *xml_name(const struct xml *e);
const struct xml *xml_first(const struct xml *e); /* child element */
const struct xml *xml_next(const struct xml *e);
const struct xml *xml_parent(const struct xml *e);
const struct xml *xml_child(const struct xml *e, const char *ns, const char *name);
/* Attribute without namespace (or with xml: for "lang" and "base"). */
struct span xml_attr(struct arena *a, const struct xml *e, const char *name);
struct span xml_attr_ns(struct arena *a, const struct xml *e, const char *ns, const char *name);
struct span xml_text(struct arena *a, const struct xml *e); /* with all descendants, trimmed */
/* Text of the first such child, SPAN_NONE when there is none. */
struct span xml_child_text(
	struct arena *a, const struct xml *e, const char *ns, const char *name);
/* Children as markup, for XHTML content. */
struct span xml_inner(struct arena *a, const struct xml *e);

#endif
