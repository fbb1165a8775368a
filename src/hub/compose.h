/*
 * Compose: what a post looks like to those who see no more of it than one piece of HTML: the
 * content of its ActivityPub Note and of the API's status, the same bytes in both.
 *
 * Title in bold, text, hashtags that the text does not hold, a line about further pictures
 * (Mastodon keeps the first four), the source. A text over COMPOSE_TEXT_MAX characters is cut
 * behind a block and leads on to its own page, which has all of it. Pure.
 */
#ifndef HUB_COMPOSE_H
#define HUB_COMPOSE_H

#include "hub/hub.h"
#include "hub/post.h"
#include "markup/sanitize.h"

#define COMPOSE_TEXT_MAX 2000    /* characters that are shown whole */
#define COMPOSE_EXCERPT_MAX 1500 /* what is shown of a longer text */
#define COMPOSE_PICTURES_MAX 4

struct safe_html compose_note(struct arena *a, const struct hub *h, const struct post *p,
	const struct post_media *m, size_t n);
/* The line that says where the post comes from; empty when it has no address there. */
struct safe_html compose_source(struct arena *a, const struct post *p);
/*
 * The text as it is stored when it has at most `whole` characters; otherwise its first blocks,
 * of about max characters, and true.
 */
bool compose_excerpt(
	struct arena *a, const struct post *p, size_t whole, size_t max, struct safe_html *out);
/* The title, or the beginning of the text where there is none; one line, at most max
 * characters. */
struct span compose_headline(struct arena *a, const struct post *p, size_t max);

#endif
