/*
 * Hashtag: '#' and a name in text, and the link that it becomes.
 *
 * A name is of letters, digits and '_', also beyond ASCII, at most HASHTAG_MAX bytes; digits
 * alone are none. The link is as Mastodon writes it, so that its readers find the tag at home.
 */
#ifndef MARKUP_HASHTAG_H
#define MARKUP_HASHTAG_H

#include "base/buf.h"
#include "markup/sanitize.h"

#define HASHTAG_MAX 100

/* Length of the name at the beginning of s (behind '#'), 0 when there is none. */
size_t hashtag_length(struct span s);
/* May a hashtag begin behind this character? */
bool hashtag_may_follow(char before);
/* May one stand at text.p[i]? */
bool hashtag_may_stand(struct span text, size_t i);
/* <a href="base + tag" class="mention hashtag" rel="tag">#<span>tag</span></a> */
void hashtag_link(struct arena *a, struct buf *b, struct span base, struct span tag);
/* Hashtags of a text, without '#', each once, as first written; at most max. */
size_t text_hashtags(struct arena *a, struct span text, struct span *out, size_t max);
/*
 * Hashtags in the text of our HTML become links, also those that were links to where the text
 * came from; other links, pre and code stay as they are.
 */
struct safe_html html_link_hashtags(struct arena *a, struct safe_html html, struct span base);

#endif
