/*
 * Pace: what a poll means for its source: its health, its validators, when to come again. Pure.
 *
 * Between polls lies what the source asks for (Cache-Control, ttl, skipHours) and what
 * experience says: at least ten minutes, half as much again after each poll without news, at
 * most a day. What the operator has set holds instead. Failures come again after a minute, then
 * two, up to an hour; refused access after six hours, what has gone for good once a day.
 *
 * Older items (backfill): a first connect goes on through the pages behind the first one, a
 * second apart, at most fifty. What fails is tried ten times, ever later, at most six hours
 * apart, unless it is refused or brings the program down; the newest items never wait for it.
 *
 * now_us: our clock; jitter: from 0 to PACE_JITTER.
 */
#ifndef CONNECTOR_PACE_H
#define CONNECTOR_PACE_H

#include "hub/ingest.h"
#include "hub/source.h"
#include "net/http.h"

#define PACE_JITTER 200 /* jitter is a number from 0 to this: a tenth less or more */
#define BACKFILL_PAGES_MAX 50

/* A page that was read, or was not modified. */
struct pace_page {
	const struct http_call *call;
	const struct ingest *found; /* NULL = 304 */
	bool news;                  /* new items or edits */
	int64_t again_us;           /* an item waits until then; TIME_NONE = none does */
};
void pace_read(struct arena *a, const struct source *s, const struct pace_page *p,
	int64_t now_us, int jitter, struct source_polled *out);
/* text: of the error, for people. */
void pace_failed(const struct source *s, const struct err *e, struct span text, int64_t now_us,
	int jitter, struct source_polled *out);

/*
 * A page of older items. When all have been read and some item had to wait, they are read once
 * more behind its time: by then it may stand on another page.
 */
void pace_backfill(struct arena *a, const struct source *s, const struct pace_page *p,
	int64_t now_us, int jitter, struct source_backfilled *out);
void pace_backfill_failed(const struct source *s, const struct err *e, struct span text,
	int64_t now_us, int jitter, struct source_backfilled *out);

#endif
