/*
 * Ingest: what connectors find, in the hub's own shape, and the pure decisions about it.
 *
 * A connector's parse fills struct ingest; ingest_normalise makes the stored form;
 * ingest_decide says what happens with it. Nothing here waits or touches the database.
 */
#ifndef HUB_INGEST_H
#define HUB_INGEST_H

#include "hub/post.h"
#include "hub/source.h"
#include "markup/sanitize.h"

#define INGEST_ITEMS_MAX 10000
#define INGEST_MEDIA_MAX 20
#define INGEST_TEXT_MAX (256 * 1024)
#define INGEST_HTML_MAX (512 * 1024) /* of ours; escaping makes it longer */
/* Memory of one page, the answer with it: when all has been found, and when all is normalised.
 */
#define INGEST_FOUND_MAX (48 << 20)
#define INGEST_PAGE_MAX (96 << 20)

struct ingest_media {
	struct span url, type, mime, alt; /* type: image video audio unknown */
	struct span other;                /* another size of the same, SPAN_NONE = none */
	int64_t width, height, bytes, duration_s;
};

struct ingest_item {
	struct span remote_id;
	struct span *aliases; /* other keys of the same item, best first */
	size_t n_aliases;
	struct span url, title;
	struct span base; /* of relative links; SPAN_NONE = url, else the source's own */
	struct span body; /* as the source has it */
	bool body_is_html;
	struct span language; /* SPAN_NONE = of the source */
	int64_t published_us; /* TIME_NONE = not said or not believable */
	int64_t embargo_us;   /* not before; TIME_NONE = none */
	struct span *tags;
	size_t n_tags;
	struct ingest_media *media;
	size_t n_media;
	bool sensitive;
	bool deleted; /* the source says so explicitly */
};

struct ingest_bad {
	struct span key, raw, error;
};

struct ingest {
	struct ingest_item *items; /* newest first as far as the source says */
	size_t n_items;
	struct ingest_bad *bad;
	size_t n_bad;
	struct span title; /* of the source, for litfassctl source test */
	struct span older; /* the page with the items before these, SPAN_NONE = none */
	struct span etag, last_modified;
	int64_t min_interval_s; /* asked for by the source, 0 = none */
	uint32_t skip_hours;    /* bit n = it is not to be asked from n:00 to n:59 UTC */
	bool recovered;         /* ill-formed, read anyway: health degraded */
	bool expired;           /* the source ends itself */
	bool truncated;         /* it has more items, or longer ones, than are read */
	struct span language;
};

/*
 * Is the memory of a page, all in its arena, used up? Then what follows is left out, and f says
 * that it is truncated. Asked before each item with one of the limits above; an item takes
 * about a megabyte at most.
 */
bool ingest_page_full(const struct arena *a, size_t max, struct ingest *f);

/* The stored form of an item. */
struct ingest_post {
	struct span remote_id, url, title, text, language;
	struct safe_html html;
	struct span *aliases;
	size_t n_aliases;
	struct span *tags;
	size_t n_tags;
	struct ingest_media *media;
	size_t n_media;
	int64_t published_us;
	bool sensitive;
	struct span content_hash; /* 32 bytes: texts, link and media without what changes */
};
void ingest_normalise(struct arena *a, const struct hub *h, const struct source *s,
	const struct ingest_item *it, int64_t now_us, struct ingest_post *out);

enum ingest_decision {
	INGEST_SAME,    /* nothing changed */
	INGEST_PUBLISH, /* new, or an edit: see known */
	INGEST_DELETE,  /* explicit deletion of something published */
	INGEST_HOLD,
	INGEST_DROP, /* known and withdrawn, or ours (loop guard) */
	INGEST_WAIT, /* not yet: an embargo, or an edit of what is still held */
};
struct ingest_verdict {
	enum ingest_decision decision;
	bool archive; /* older than 24 h when first seen, or undated at the first connect */
	bool dated;   /* its id is of its publication: archive, and all of a first connect */
	const char *reason;
	int64_t until_us; /* INGEST_WAIT: when it is to be looked at again */
};
struct ingest_verdict ingest_decide(const struct hub *h, const struct source *s,
	const struct ingest_item *it, const struct ingest_post *p,
	const struct post_known *known, int64_t now_us);

#endif
