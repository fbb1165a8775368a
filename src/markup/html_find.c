#include "markup/sanitize.h"

#include <string.h>

#include "base/text.h"
#include "markup/html_tree.h"
#include "markup/link_header.h"

/* ---- walking the tree without recursion, for images and links ---- */

typedef bool visit_fn(void *arg, const GumboElement *e); /* false ends the walk */

static void
html_walk(const GumboNode *root, visit_fn *fn, void *arg)
{
	const GumboNode *n = root;
	size_t seen = 0;

	while (n && ++seen < 50000) {
		const GumboVector *v =
			n->type == GUMBO_NODE_ELEMENT || n->type == GUMBO_NODE_TEMPLATE
				? &n->v.element.children
				: NULL;

		if (n->type == GUMBO_NODE_ELEMENT && !fn(arg, &n->v.element))
			return;
		if (v && v->length > 0) {
			n = v->data[0];
			continue;
		}
		for (;;) {
			const GumboVector *siblings;

			if (n == root || !n->parent || n->parent->type == GUMBO_NODE_DOCUMENT)
				return;
			siblings = &n->parent->v.element.children;
			if (n->index_within_parent + 1 < siblings->length) {
				n = siblings->data[n->index_within_parent + 1];
				break;
			}
			n = n->parent;
		}
	}
}

/* The widest candidate of srcset, or the one with the greatest density. */
static struct span
srcset_best(struct span set)
{
	struct span best = SPAN_NONE, field;
	uint64_t best_size = 0;

	while (set.p && span_cut(&set, ',', &field)) {
		struct span url, size;
		uint64_t v = 1;

		size = span_trim(field);
		if (!span_cut(&size, ' ', &url))
			continue;
		size = span_trim(size);
		if (size.n > 1 && (size.p[size.n - 1] == 'w' || size.p[size.n - 1] == 'x'))
			(void)!span_u64(span_slice(size, 0, size.n - 1), 100000, &v);
		if (url.n && v > best_size) {
			best = url;
			best_size = v;
		}
	}
	return best;
}

struct image_walk {
	struct arena *a;
	const struct url *base;
	struct html_image *out;
	size_t n, max;
};

static struct span
image_address(const struct image_walk *w, struct span src)
{
	struct url u;

	if (!src.p || span_starts_nocase(src, SPAN("data:")) ||
		(w->base ? url_resolve(w->a, w->base, src, &u) != NULL
			 : url_parse(w->a, src, &u) != NULL))
		return SPAN_NONE;
	return u.text;
}

static bool
image_visit(void *arg, const GumboElement *e)
{
	struct image_walk *w = arg;
	struct html_image *img = &w->out[w->n];
	struct span plain, better;

	if (e->tag != GUMBO_TAG_IMG)
		return true;
	plain = image_address(w, html_attr(e, "src"));
	better = image_address(w, srcset_best(html_attr(e, "srcset")));
	if (!better.p)
		better = image_address(w, html_attr(e, "data-src"));
	if (!better.p)
		better = plain;
	if (!better.p)
		return true;
	*img = (struct html_image){
		.url = better, .other = span_eq(plain, better) ? SPAN_NONE : plain};
	img->alt = text_clean_line(
		w->a, html_attr(e, "alt").p ? html_attr(e, "alt") : SPAN(""), 1500);
	(void)!span_i64(html_attr(e, "width"), 0, 100000, &img->width);
	(void)!span_i64(html_attr(e, "height"), 0, 100000, &img->height);
	return ++w->n < w->max;
}

size_t
html_images(struct arena *a, struct span html, const struct url *base, struct html_image *out,
	size_t max)
{
	struct image_walk w = {.a = a, .base = base, .out = out, .max = max};
	struct html_tree tree;

	if (max == 0)
		return 0;
	html_tree_init(html, &tree);
	if (tree.root)
		html_walk(tree.root, image_visit, &w);
	html_tree_fini(&tree);
	return w.n;
}

/* ---- feeds, of the page and of the head of the answer ---- */

#define LINKS_MAX 64 /* of one header */

struct feed_walk {
	struct arena *a;
	const struct url *page;
	struct url base;
	bool based;
	struct html_feed *out;
	int *rank;
	size_t n, max;
};

static bool
list_has(struct span list, const char *word)
{
	struct span field;

	while (list.p && span_cut(&list, ' ', &field))
		if (span_is_nocase(span_trim(field), word))
			return true;
	return false;
}

/* Smaller is better: other hosts and feeds of comments come last, Atom before RSS before JSON.
 */
static int
feed_rank(struct feed_walk *w, const struct html_feed *f, const struct url *u)
{
	int rank = span_has(f->type, SPAN("atom")) ? 0 : span_has(f->type, SPAN("rss")) ? 1 : 2;

	if (!span_eq(u->host, w->page->host))
		rank += 10;
	if (span_find_nocase(f->title, SPAN("kommentar")) != SIZE_MAX ||
		span_find_nocase(f->title, SPAN("comment")) != SIZE_MAX)
		rank += 100;
	return rank;
}

/* Best first, in the order in which they are found; each address once. */
static void
feed_insert(struct feed_walk *w, const struct html_feed *f, int rank)
{
	size_t at = w->n;

	for (size_t i = 0; i < w->n; i++)
		if (span_eq(w->out[i].url, f->url))
			return;
	while (at > 0 && w->rank[at - 1] > rank)
		at--;
	memmove(&w->out[at + 1], &w->out[at], (w->n - at) * sizeof(*w->out));
	memmove(&w->rank[at + 1], &w->rank[at], (w->n - at) * sizeof(*w->rank));
	w->out[at] = *f;
	w->rank[at] = rank;
	if (w->n < w->max)
		w->n++;
}

/* A link with rel=alternate; f has its type and title as written. */
static void
feed_add(struct feed_walk *w, const struct url *base, struct span href, struct html_feed f)
{
	static const char *const types[] = {"application/atom+xml", "application/rss+xml",
		"application/feed+json", "application/json", "application/rdf+xml"};
	struct url u;
	size_t k = 0;

	while (k < ARRAY_LEN(types) && !span_is_nocase(f.type, types[k]))
		k++;
	if (k == ARRAY_LEN(types) || !href.p || url_resolve(w->a, base, href, &u))
		return;
	f.url = u.text;
	f.type = span_of(types[k]);
	f.title = text_clean_line(w->a, f.title.p ? f.title : SPAN(""), 200);
	feed_insert(w, &f, feed_rank(w, &f, &u));
}

static bool
feed_visit(void *arg, const GumboElement *e)
{
	struct feed_walk *w = arg;
	struct url u;

	if (e->tag == GUMBO_TAG_BASE && !w->based && html_attr(e, "href").p) {
		w->based = !url_resolve(w->a, w->page, html_attr(e, "href"), &u);
		if (w->based)
			w->base = u;
	} else if (e->tag == GUMBO_TAG_LINK && list_has(html_attr(e, "rel"), "alternate")) {
		feed_add(w, &w->base, html_attr(e, "href"),
			(struct html_feed){.type = span_trim(html_attr(e, "type")),
				.title = html_attr(e, "title")});
	}
	return true;
}

/* Relative to the address of the answer: the base that a page names is for its elements. */
static void
feed_header(struct feed_walk *w, struct span value)
{
	struct link_header link[LINKS_MAX];
	const size_t n = link_header_parse(w->a, value, link, LINKS_MAX);

	for (size_t i = 0; i < n; i++)
		if (!link[i].anchor.p && list_has(link[i].rel, "alternate"))
			feed_add(w, w->page, link[i].target,
				(struct html_feed){.type = span_trim(link[i].type),
					.title = link[i].title});
}

size_t
html_feeds(struct arena *a, struct span html, const struct url *page, const struct span *links,
	size_t n_links, struct html_feed *out, size_t max)
{
	struct feed_walk w = {.a = a, .page = page, .base = *page, .max = max};
	struct html_tree tree;

	if (max == 0)
		return 0;
	w.out = ARENA_ARRAY(a, max + 1, struct html_feed);
	w.rank = ARENA_ARRAY(a, max + 1, int);
	for (size_t i = 0; i < n_links; i++)
		feed_header(&w, links[i]);
	html_tree_init(html, &tree);
	if (tree.root)
		html_walk(tree.root, feed_visit, &w);
	html_tree_fini(&tree);
	memcpy(out, w.out, w.n * sizeof(*out));
	return w.n;
}
