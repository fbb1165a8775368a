/*
 * Sanitize: strangers' HTML to HTML of ours.
 *
 * The input is parsed as browsers do (gumbo) and written again from an allow-list: p, br, a,
 * span (with lang), strong, b, em, i, u, del, ul, ol, li, blockquote, pre, code; nothing of the
 * input's own markup survives. The output is a fixpoint: sanitising it again changes nothing.
 * Depth, number of tags and length are limited; what is beyond is left out. A text that would
 * cost too much to parse (html_tree.h) is read as plain text.
 */
#ifndef MARKUP_SANITIZE_H
#define MARKUP_SANITIZE_H

#include "base/url.h"

#define HTML_MAX (1024 * 1024) /* bytes of input that are looked at */
#define HTML_DEPTH_MAX 64
#define HTML_NODES_MAX 3000 /* elements of the output */

/* Only markup/ makes these. */
struct safe_html {
	struct span html;
};

/* base resolves relative links; NULL drops them. */
struct safe_html html_sanitize(struct arena *a, struct span html, const struct url *base);
/* Text with paragraphs as blank lines, entities decoded, no markup. */
struct span html_to_text(struct arena *a, struct span html);
/*
 * Plain text to HTML: escaped, blank lines make paragraphs, http(s) links become links. A
 * hashtag becomes a link to hashtag_base + its name when hashtag_base is given.
 */
struct safe_html html_from_text(struct arena *a, struct span text, struct span hashtag_base);
struct safe_html html_join(struct arena *a, const struct safe_html *parts, size_t n);
/* "<p>prefix <a>label</a></p>" with a checked URL, or nothing when it is not one. */
struct safe_html html_link_line(
	struct arena *a, struct span prefix, struct span url, struct span label);
struct safe_html html_title(struct arena *a, struct span title); /* <p><strong>…</strong></p> */
/* What was stored by us as safe is safe: the one door back in, used by readers of our rows. */
struct safe_html html_stored(struct span html);

struct html_image {
	struct span url, alt;  /* resolved */
	struct span other;     /* a smaller size of the same picture, SPAN_NONE = none */
	int64_t width, height; /* as declared, 0 = not */
};
/* Images of the content, in order, at most max: the largest of srcset, data-src before src. */
size_t html_images(struct arena *a, struct span html, const struct url *base,
	struct html_image *out, size_t max);

/*
 * Feeds that a page names with <link rel=alternate>, and those that the Link headers of its
 * answer name (their values; RFC 8288), best first and each once; of equals the header's come
 * first.
 */
struct html_feed {
	struct span url, title, type;
};
size_t html_feeds(struct arena *a, struct span html, const struct url *page,
	const struct span *links, size_t n_links, struct html_feed *out, size_t max);

#endif
