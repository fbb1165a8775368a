/*
 * Newsfeed (private to web/): posts as Atom (RFC 4287), RSS 2.0 with Media RSS, and JSON Feed
 * 1.1. Pure.
 *
 * Entries carry the whole text and all pictures. Their ids are those of the ActivityPub objects
 * and never change; links lead to our pages, the place of origin is named beside them.
 */
#ifndef WEB_NEWSFEED_H
#define WEB_NEWSFEED_H

#include "base/buf.h"
#include "hub/account.h"
#include "hub/post.h"

/* Older entries are left out of a feed that has grown larger than this. */
#define NEWSFEED_ENOUGH (512 * 1024)
#define NEWSFEED_MAX (16 * 1024 * 1024)

struct newsfeed_item {
	const struct post *post;
	const struct account *by;
	const struct post_media *media;
	size_t n_media;
};

struct newsfeed {
	const struct hub *hub;
	struct span title, description, language;
	struct span self, home; /* address of this feed, and of the page that shows the same */
	struct span icon;       /* SPAN_NONE = none */
	const struct newsfeed_item *items;
	size_t n;
};

void newsfeed_atom(struct arena *a, struct buf *b, const struct newsfeed *f);
void newsfeed_rss(struct arena *a, struct buf *b, const struct newsfeed *f);
void newsfeed_json(struct arena *a, struct buf *b, const struct newsfeed *f);

/* ---- shared by the three ---- */

/* Text, pictures and source of a post as HTML. */
struct span newsfeed_html(
	struct arena *a, const struct newsfeed *f, const struct newsfeed_item *it);
/* When anything of it was last changed. */
int64_t newsfeed_updated(const struct newsfeed *f);
int64_t newsfeed_item_updated(const struct newsfeed_item *it);
/* A file that a reader can load: address and type; false for a picture that is not here. */
bool newsfeed_file(struct arena *a, const struct newsfeed *f, const struct post_media *m,
	struct span *url, struct span *type);

#endif
