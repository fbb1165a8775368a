#include "markup/xml.h"

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlsave.h>
#include <pthread.h>
#include <string.h>

#include "base/buf.h"
#include "base/scope.h"
#include "base/text.h"

#define XML_NS_XML "http://www.w3.org/XML/1998/namespace"

AUTO_DEFINE(xmlBuffer, xmlBufferFree)

/* A node of libxml2 under our own name: nobody else sees its structs. */
static const struct xml *
xml_of(const xmlNode *n)
{
	return (const struct xml *)(const void *)n;
}

static const xmlNode *
node_of(const struct xml *e)
{
	return (const xmlNode *)(const void *)e;
}

/* ---- the library, once per process ---- */

static xmlParserInputPtr
xml_no_entity(const char *url, const char *id, xmlParserCtxtPtr ctxt)
{
	(void)url;
	(void)id;
	(void)ctxt;
	return NULL;
}

static void
xml_silent(void *ctx, const char *msg, ...)
{
	(void)ctx;
	(void)msg;
}

static void
xml_setup(void)
{
	xmlInitParser();
	xmlSetExternalEntityLoader(xml_no_entity);
	xmlSetGenericErrorFunc(NULL, xml_silent);
}

/* ---- encoding ---- */

static struct span
utf16_to_utf8(struct arena *a, struct span s, bool big)
{
	char *out = arena_alloc(a, s.n * 2 + 4);
	size_t n = 0;

	for (size_t i = 0; i + 1 < s.n; i += 2) {
		unsigned hi = (unsigned char)s.p[big ? i : i + 1];
		unsigned lo = (unsigned char)s.p[big ? i + 1 : i];
		unsigned long c = hi << 8 | lo;

		if (c >= 0xd800 && c < 0xdc00 && i + 3 < s.n) {
			unsigned long d = (unsigned long)(unsigned char)s.p[i + (big ? 2 : 3)]
						  << 8 |
					  (unsigned char)s.p[i + (big ? 3 : 2)];

			if (d >= 0xdc00 && d < 0xe000) {
				c = 0x10000 + ((c - 0xd800) << 10) + (d - 0xdc00);
				i += 2;
			}
		}
		if (c >= 0xd800 && c < 0xe000)
			c = 0xfffd; /* half of a pair */
		if (c < 0x80) {
			out[n++] = (char)c;
		} else if (c < 0x800) {
			out[n++] = (char)(0xc0 | c >> 6);
			out[n++] = (char)(0x80 | (c & 63));
		} else if (c < 0x10000) {
			out[n++] = (char)(0xe0 | c >> 12);
			out[n++] = (char)(0x80 | (c >> 6 & 63));
			out[n++] = (char)(0x80 | (c & 63));
		} else {
			out[n++] = (char)(0xf0 | c >> 18);
			out[n++] = (char)(0x80 | (c >> 12 & 63));
			out[n++] = (char)(0x80 | (c >> 6 & 63));
			out[n++] = (char)(0x80 | (c & 63));
		}
	}
	return utf8_repair(a, span_from(out, n));
}

static bool
charset_is_latin(struct span c)
{
	static const char *const names[] = {"iso-8859-1", "iso-8859-15", "latin1",
		"windows-1252", "cp1252", "iso_8859-1", "us-ascii", "ascii"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_is_nocase(c, names[i]))
			return true;
	return false;
}

/* encoding="…" of the XML declaration. */
static struct span
xml_declared(struct span s)
{
	struct span head = span_slice(s, 0, 200);
	size_t end = span_find(head, SPAN("?>")), at;
	char quote;

	if (end == SIZE_MAX || !span_starts(head, SPAN("<?xml")))
		return SPAN_NONE;
	head = span_slice(head, 0, end);
	at = span_find(head, SPAN("encoding"));
	if (at == SIZE_MAX)
		return SPAN_NONE;
	head = span_slice(head, at + 8, head.n);
	while (head.n > 0 && head.p[0] != '"' && head.p[0] != '\'')
		head = span_slice(head, 1, head.n);
	if (head.n < 2)
		return SPAN_NONE;
	quote = head.p[0];
	head = span_slice(head, 1, head.n);
	return span_slice(head, 0, span_find_byte(head, quote));
}

static struct span
xml_to_utf8(struct arena *a, struct span s, struct span charset, bool *wrong)
{
	struct span declared;

	if (span_starts(s, SPAN("\xef\xbb\xbf")))
		s = span_slice(s, 3, s.n);
	else if (span_starts(s, SPAN("\xff\xfe")))
		return utf16_to_utf8(a, span_slice(s, 2, s.n), false);
	else if (span_starts(s, SPAN("\xfe\xff")))
		return utf16_to_utf8(a, span_slice(s, 2, s.n), true);
	declared = charset.n ? charset : xml_declared(s);
	if (charset_is_latin(declared) &&
		!(span_is_nocase(declared, "us-ascii") && utf8_valid(s)))
		return utf8_from_cp1252(a, s);
	if (utf8_valid(s))
		return s;
	*wrong = true;
	return utf8_from_cp1252(a, s);
}

/* ---- mending ---- */

static const struct {
	const char *name, *utf8;
} entities[] = {
	{"nbsp", "\xc2\xa0"},
	{"auml", "ä"},
	{"ouml", "ö"},
	{"uuml", "ü"},
	{"Auml", "Ä"},
	{"Ouml", "Ö"},
	{"Uuml", "Ü"},
	{"szlig", "ß"},
	{"ndash", "–"},
	{"mdash", "—"},
	{"hellip", "…"},
	{"bdquo", "„"},
	{"ldquo", "“"},
	{"rdquo", "”"},
	{"lsquo", "‘"},
	{"rsquo", "’"},
	{"sbquo", "‚"},
	{"laquo", "«"},
	{"raquo", "»"},
	{"euro", "€"},
	{"copy", "©"},
	{"reg", "®"},
	{"trade", "™"},
	{"deg", "°"},
	{"sect", "§"},
	{"middot", "·"},
	{"bull", "•"},
	{"eacute", "é"},
	{"egrave", "è"},
	{"agrave", "à"},
	{"aacute", "á"},
	{"ccedil", "ç"},
	{"shy", ""},
	{"times", "×"},
	{"frac12", "½"},
	{"sup2", "²"},
	{"sup3", "³"},
};

/* Length of "&name;" or "&#…;" at s, 0 when the ampersand stands alone; *utf8 for HTML names.
 */
static size_t
entity_at(struct span s, const char **utf8)
{
	static const char *const own[] = {"amp", "lt", "gt", "quot", "apos"};
	size_t end = span_find_byte(span_slice(s, 0, 12), ';');
	struct span name;

	*utf8 = NULL;
	if (end == SIZE_MAX || end < 2)
		return 0;
	name = span_slice(s, 1, end);
	if (name.p[0] == '#') {
		for (size_t i = 1; i < name.n; i++)
			if (!((name.p[i] >= '0' && name.p[i] <= '9') ||
				    (i == 1 && name.p[i] == 'x') ||
				    ((name.p[i] | 32) >= 'a' && (name.p[i] | 32) <= 'f' &&
					    (name.p[1] | 32) == 'x')))
				return 0;
		return name.n > 1 ? end + 1 : 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (span_is(name, own[i]))
			return end + 1;
	for (size_t i = 0; i < ARRAY_LEN(entities); i++) {
		if (span_is(name, entities[i].name)) {
			*utf8 = entities[i].utf8;
			return end + 1;
		}
	}
	return 0;
}

/*
 * Length of an element of HTML at s that is never closed, "<br>", up to its '>'; 0 = it is
 * none. RSS's own <link> must not be among them.
 */
static size_t
void_at(struct span s)
{
	static const char *const names[] = {"br", "hr", "img", "wbr", "input", "col"};
	size_t n = 1, i = 0, end;

	s = span_slice(s, 0, 2048);
	while (n < s.n && ((s.p[n] | 32) >= 'a' && (s.p[n] | 32) <= 'z'))
		n++;
	while (i < ARRAY_LEN(names) && !span_is_nocase(span_slice(s, 1, n), names[i]))
		i++;
	if (i == ARRAY_LEN(names))
		return 0;
	end = span_find_byte(s, '>');
	if (end == SIZE_MAX || s.p[end - 1] == '/' ||
		span_find_byte(span_slice(s, 1, end), '<') != SIZE_MAX)
		return 0;
	return end;
}

/*
 * From the first '<' on, without control bytes; HTML's entities as characters outside CDATA.
 * mend: ampersands that begin no entity are escaped, HTML's empty elements are closed.
 */
static void
xml_clean(struct span s, bool mend, struct buf *b)
{
	size_t start = span_find_byte(s, '<');
	bool cdata = false;

	if (start == SIZE_MAX)
		return;
	for (size_t i = start; i < s.n; i++) {
		struct span rest = span_slice(s, i, s.n);
		unsigned char c = (unsigned char)s.p[i];
		const char *utf8;
		size_t n = 0;

		if (!cdata && c == '<' && span_starts(rest, SPAN("<![CDATA[")))
			cdata = true;
		else if (cdata && c == ']' && span_starts(rest, SPAN("]]>")))
			cdata = false;
		if (c == '&' && !cdata) {
			n = entity_at(rest, &utf8);
			if (utf8) {
				buf_add_cstr(b, utf8);
				i += n - 1;
				continue;
			}
			if (n == 0 && mend) {
				buf_lit(b, "&amp;");
				continue;
			}
		}
		n = mend && !cdata && c == '<' ? void_at(rest) : 0;
		if (n > 0) {
			xml_clean(span_slice(rest, 0, n), true, b);
			buf_lit(b, "/>");
			i += n;
			continue;
		}
		if (c >= 0x20 || c == '\t' || c == '\n' || c == '\r')
			buf_byte(b, (char)c);
	}
}

/* ---- parsing ---- */

/* Text and entities are all there is: a DOCTYPE is cut out before libxml2 sees it. */
static struct span
xml_without_doctype(struct arena *a, struct span s)
{
	size_t at = span_find(s, SPAN("<!DOCTYPE")), end;
	int brackets = 0;

	if (at == SIZE_MAX || at > 8192)
		return s;
	for (end = at; end < s.n; end++) {
		brackets += s.p[end] == '[';
		brackets -= s.p[end] == ']';
		if (s.p[end] == '>' && brackets <= 0)
			break;
	}
	if (end == s.n)
		return span_slice(s, 0, at);
	return arena_printf(a, "%.*s%.*s", (int)at, s.p, (int)(s.n - end - 1), s.p + end + 1);
}

/* The declaration names an encoding that no longer is: it is skipped. */
static struct span
xml_without_declaration(struct span s)
{
	size_t end;

	if (!span_starts(s, SPAN("<?xml")))
		return s;
	end = span_find(s, SPAN("?>"));
	return end == SIZE_MAX ? s : span_slice(s, end + 2, s.n);
}

static struct span
xml_prolog_cut(struct arena *a, struct span s)
{
	return xml_without_declaration(xml_without_doctype(a, s));
}

static void
xml_doc_release(void *doc)
{
	xmlFreeDoc(doc);
}

/*
 * The first DOCTYPE has been cut out; a text may hold another one further on. Whatever it
 * declares is not heard of, so there is no entity but the five of XML that could be expanded.
 */
static void
xml_deaf(xmlSAXHandler *sax)
{
	sax->comment = NULL; /* nobody reads them */
	sax->processingInstruction = NULL;
	sax->externalSubset = NULL;
	sax->entityDecl = NULL;
	sax->unparsedEntityDecl = NULL;
	sax->notationDecl = NULL;
	sax->attributeDecl = NULL;
	sax->elementDecl = NULL;
	sax->getParameterEntity = NULL;
	sax->resolveEntity = NULL;
}

/* Counts what the tree is made of: a few bytes of text are a hundred of tree. */
static void
xml_element(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int n_ns,
	const xmlChar **ns, int n_attr, int n_default, const xmlChar **attr)
{
	xmlParserCtxtPtr ctxt = ctx;
	size_t *nodes = ctxt->_private;

	*nodes += 1 + (size_t)n_ns + (size_t)n_attr;
	if (*nodes > XML_NODES_MAX)
		xmlStopParser(ctxt);
	else
		xmlSAX2StartElementNs(
			ctx, name, prefix, uri, n_ns, ns, n_attr, n_default, attr);
}

/* The length of what begins at s and is no element: a comment, a section of plain text; or 0.
 */
static size_t
xml_no_element(struct span s)
{
	const struct span begin =
		span_starts(s, SPAN("<!--")) ? SPAN("<!--") : SPAN("<![CDATA[");
	const struct span end = begin.n == 4 ? SPAN("-->") : SPAN("]]>");
	size_t at;

	if (!span_starts(s, begin))
		return 0;
	at = span_find(span_slice(s, begin.n, s.n), end);
	return at == SIZE_MAX ? s.n : begin.n + at + end.n;
}

/*
 * libxml2 compares each attribute of an element with all before it, and only then tells us of
 * the element: what would take minutes is found here.
 */
static bool
xml_has_swollen_element(struct span s)
{
	char quote = '\0'; /* that an attribute stands in */
	bool tag = false;
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		const char c = s.p[i];

		if (c == '<') { /* also in quotes: there it ends what libxml2 takes for a tag */
			const size_t skip = xml_no_element(span_slice(s, i, s.n));

			i += skip ? skip - 1 : 0;
			tag = skip == 0;
			n = 0;
			quote = '\0';
		} else if (!tag) {
			continue;
		} else if (quote) {
			if (c == quote)
				quote = '\0';
		} else if (c == '"' || c == '\'') {
			quote = c;
		} else if (c == '>') {
			tag = false;
		} else if (c == '=' && ++n > XML_ATTRIBUTES_MAX) {
			return true;
		}
	}
	return false;
}

static xmlDoc *
xml_try(struct span s, int options, size_t *nodes)
{
	xmlParserCtxtPtr ctxt;
	xmlDoc *doc;

	*nodes = xml_has_swollen_element(s) ? XML_NODES_MAX + 1 : 0;
	if (*nodes > 0)
		return NULL;
	ctxt = xmlNewParserCtxt();
	assert(ctxt);
	xml_deaf(ctxt->sax);
	ctxt->sax->startElementNs = xml_element;
	ctxt->_private = nodes;
	doc = xmlCtxtReadMemory(ctxt, s.p, (int)s.n, NULL, "UTF-8",
		options | XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_NOERROR |
			XML_PARSE_NOWARNING | XML_PARSE_COMPACT);
	xmlFreeParserCtxt(ctxt);
	return doc;
}

/* Strict first, then mended, then whatever is left of it. */
static xmlDoc *
xml_read(struct arena *scratch, struct span given, bool *recovered, size_t *nodes)
{
	struct span s;
	struct buf b;
	xmlDoc *doc;

	buf_init(&b, 3 * XML_MAX);
	xml_clean(given, false, &b);
	s = xml_prolog_cut(scratch, buf_span(&b));
	doc = xml_try(s, 0, nodes);
	if (!doc && *nodes <= XML_NODES_MAX) {
		*recovered = true;
		buf_reset(&b);
		xml_clean(given, true, &b);
		s = xml_prolog_cut(scratch, buf_span(&b));
		doc = xml_try(s, 0, nodes);
	}
	if (!doc && *nodes <= XML_NODES_MAX)
		doc = xml_try(s, XML_PARSE_RECOVER, nodes);
	buf_fini(&b);
	if (*nodes > XML_NODES_MAX) {
		xmlFreeDoc(doc);
		return NULL;
	}
	return doc;
}

const struct err *
xml_parse(struct arena *a, struct span text, struct span charset, struct xml_doc *out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct arena *scratch; /* libxml2 keeps nothing of what it reads */
	size_t nodes = 0;
	xmlDoc *doc;
	xmlNode *root;

	(void)pthread_once(&once, xml_setup);
	*out = (struct xml_doc){0};
	if (text.n > XML_MAX)
		return err_new(
			a, ERR_TOO_LARGE, "XML of %zu bytes: at most 8 MiB are read", text.n);
	scratch = arena_new();
	doc = xml_read(scratch, xml_to_utf8(scratch, text, charset, &out->recovered),
		&out->recovered, &nodes);
	arena_free(scratch);
	if (nodes > XML_NODES_MAX)
		return err_new(a, ERR_TOO_LARGE,
			"XML of more than %d elements and attributes, or %d of one element: "
			"offer fewer items",
			XML_NODES_MAX, XML_ATTRIBUTES_MAX);
	root = doc ? xmlDocGetRootElement(doc) : NULL;
	if (!root) {
		xmlFreeDoc(doc);
		return err_new(a, ERR_INPUT, "the text is not XML");
	}
	arena_own(a, xml_doc_release, doc);
	out->root = xml_of(root);
	return NULL;
}

/* ---- reading ---- */

const char *
xml_name(const struct xml *e)
{
	return (const char *)node_of(e)->name;
}

bool
xml_is(const struct xml *e, const char *ns, const char *name)
{
	const xmlNode *n = node_of(e);

	if (strcmp((const char *)n->name, name) != 0)
		return false;
	if (!ns)
		return true;
	return n->ns && n->ns->href && strcmp((const char *)n->ns->href, ns) == 0;
}

static const struct xml *
xml_element_from(const xmlNode *n)
{
	while (n && n->type != XML_ELEMENT_NODE)
		n = n->next;
	return n ? xml_of(n) : NULL;
}

const struct xml *
xml_first(const struct xml *e)
{
	return xml_element_from(node_of(e)->children);
}

const struct xml *
xml_next(const struct xml *e)
{
	return xml_element_from(node_of(e)->next);
}

const struct xml *
xml_parent(const struct xml *e)
{
	const xmlNode *p = node_of(e)->parent;

	return p && p->type == XML_ELEMENT_NODE ? xml_of(p) : NULL;
}

const struct xml *
xml_child(const struct xml *e, const char *ns, const char *name)
{
	for (const struct xml *c = xml_first(e); c; c = xml_next(c))
		if (xml_is(c, ns, name))
			return c;
	return NULL;
}

static struct span
attr_value(struct arena *a, xmlChar *v)
{
	struct span s;

	if (!v)
		return SPAN_NONE;
	s = span_trim(arena_dup(a, span_of((const char *)v)));
	xmlFree(v);
	return s;
}

struct span
xml_attr_ns(struct arena *a, const struct xml *e, const char *ns, const char *name)
{
	xmlNode *n = (xmlNode *)(uintptr_t)node_of(e);

	return attr_value(a, xmlGetNsProp(n, (const xmlChar *)name, (const xmlChar *)ns));
}

struct span
xml_attr(struct arena *a, const struct xml *e, const char *name)
{
	xmlNode *n = (xmlNode *)(uintptr_t)node_of(e);
	xmlChar *v = xmlGetNoNsProp(n, (const xmlChar *)name);

	return v ? attr_value(a, v) : xml_attr_ns(a, e, XML_NS_XML, name);
}

struct span
xml_text(struct arena *a, const struct xml *e)
{
	xmlChar *v = xmlNodeGetContent(node_of(e));
	struct span s = v ? span_trim(arena_dup(a, span_of((const char *)v))) : SPAN("");

	xmlFree(v);
	return s;
}

struct span
xml_child_text(struct arena *a, const struct xml *e, const char *ns, const char *name)
{
	const struct xml *c = xml_child(e, ns, name);

	return c ? xml_text(a, c) : SPAN_NONE;
}

struct span
xml_inner(struct arena *a, const struct xml *e)
{
	AUTO(xmlBuffer) *b = xmlBufferCreate();
	xmlNode *n = (xmlNode *)(uintptr_t)node_of(e);

	assert(b);
	for (xmlNode *c = n->children; c; c = c->next)
		if (xmlNodeDump(b, n->doc, c, 0, 0) < 0)
			break;
	return arena_dup(a, span_from(xmlBufferContent(b), (size_t)xmlBufferLength(b)));
}
