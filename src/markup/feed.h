/*
 * Feed: RSS 0.91 to 2.0, RSS 1.0 (RDF), Atom 1.0 and JSON Feed 1.x into one plain shape.
 *
 * Known by the document itself, never by its media type. Everything is resolved and cut to
 * size, nothing is judged: identity and dates are the connector's business. All memory is the
 * arena's; a relative link is short and its base may be long, so a document of some megabytes
 * could become gigabytes: items are taken until FEED_MEMORY_MAX is used. A page that is not a
 * feed gives ERR_INPUT; ERR_NOT_ACCEPTABLE when it is an HTML page (which may name feeds:
 * html_feeds).
 */
#ifndef MARKUP_FEED_H
#define MARKUP_FEED_H

#include "base/url.h"

#define FEED_ITEMS_MAX 10000
#define FEED_MEMORY_MAX (32 << 20) /* of what the items are made into */
#define FEED_MEDIA_MAX 20
#define FEED_LOOKS_MAX 100 /* addresses that are looked at for them, or for a link */
#define FEED_TAGS_MAX 30

struct feed_media {
	struct span url, type, alt; /* type: media type as said, SPAN_NONE = not said */
	struct span medium;         /* "image", "video", "audio" when said */
	int64_t length, width, height, duration_s;
	bool thumbnail;
};

struct feed_item {
	struct span id;    /* guid, Atom id, rdf:about, JSON id: trimmed, SPAN_NONE = none */
	bool id_is_link;   /* an RSS guid that is a permalink */
	struct span link;  /* resolved permalink, SPAN_NONE = none */
	struct span title; /* one line of plain text */
	struct span body;
	bool body_is_html;
	struct url base; /* for relative URLs in body */
	struct span language;
	int64_t published_us, updated_us; /* TIME_NONE = not said or not readable */
	struct span *tags;
	size_t n_tags;
	struct feed_media *media;
	size_t n_media, media_looks;
	bool deleted; /* RFC 6721 */
};

struct feed {
	struct span title, language, generator;
	struct feed_item *items; /* as in the document */
	size_t n_items;
	size_t used;            /* of the arena, before */
	struct span next;       /* older page, RFC 5005 or next_url */
	int64_t min_interval_s; /* ttl, sy:updatePeriod; 0 = none */
	uint32_t skip_hours;    /* RSS skipHours: bit n = not from n:00 to n:59 UTC */
	bool recovered, expired;
	bool truncated; /* there are more items, beyond FEED_ITEMS_MAX or FEED_MEMORY_MAX */
};

const struct err *feed_parse(struct arena *a, struct span text, struct span content_type,
	const struct url *url, struct feed *out) MUST_CHECK;

#endif
