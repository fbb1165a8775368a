#include "connector/pace.h"

#include "base/text.h"

#define INTERVAL_MIN_S 600
#define INTERVAL_MAX_S 86400
#define BACKOFF_MIN_S 60
#define BACKOFF_MAX_S 3600
#define GONE_AGAIN_S 86400
#define AUTH_AGAIN_S 21600
#define WAITING_MIN_S 30
#define HOUR_MS 3600000
#define AWAKE_JITTER_MS 3000 /* times the jitter: ten minutes at most */
#define DAY_US (INT64_C(86400) * US_PER_S)
#define MISSING_DAYS 14
#define FAILS_BEFORE_ILL 2 /* a single failure is no news */
#define VALIDATOR_MAX 1024
#define BACKFILL_PAUSE_MS 1000
#define BACKFILL_FAILS_MAX 10
#define BACKFILL_AGAIN_MAX_S 21600

static int64_t
jittered(int64_t s, int jitter)
{
	return s * (900 + jitter);
}

/* What the server asks for in Cache-Control; 0 = nothing. */
static int64_t
max_age(const struct http_call *c)
{
	struct span list = http_reply_header(c, "cache-control"), field;
	int64_t v;

	while (list.p && span_cut(&list, ',', &field)) {
		field = span_trim(field);
		if (span_starts_nocase(field, SPAN("max-age=")) &&
			span_i64(span_slice(field, 8, field.n), 0, INT64_MAX, &v))
			return v;
	}
	return 0;
}

static int64_t
interval(const struct source *s, const struct pace_page *p)
{
	int64_t floor = max_age(p->call), next = s->interval_s * 3 / 2;

	if (s->min_interval_s)
		return s->min_interval_s;
	if (p->found && p->found->min_interval_s > floor)
		floor = p->found->min_interval_s;
	if (floor < INTERVAL_MIN_S)
		floor = INTERVAL_MIN_S;
	if (p->news || next < floor)
		next = floor;
	return next > INTERVAL_MAX_S ? INTERVAL_MAX_S : next;
}

/* Not in the hours in which the source does not want to be asked; a while behind them. */
static int64_t
awake_ms(const struct source *s, int64_t skip_hours, int64_t now_us, int64_t ms, int jitter)
{
	int64_t at_ms = now_us / 1000 + ms;
	bool asleep = false;

	if (s->min_interval_s)
		return ms;
	for (int i = 0; i < 24 && skip_hours >> (at_ms / HOUR_MS % 24) & 1; i++) {
		at_ms = (at_ms / HOUR_MS + 1) * HOUR_MS;
		asleep = true;
	}
	return at_ms - now_us / 1000 + (asleep ? (int64_t)jitter * AWAKE_JITTER_MS : 0);
}

/* What tells a page from the one before: where it begins and ends. */
static struct span
page_seen(struct arena *a, const struct ingest *f)
{
	if (f->n_items == 0)
		return SPAN("");
	return arena_printf(a, "%.*s %.*s", SPAN_FMT(f->items[0].remote_id),
		SPAN_FMT(f->items[f->n_items - 1].remote_id));
}

/* Twice in a row and a day apart: then the feed has moved for good. */
static void
moved(const struct source *s, const struct http_call *c, int64_t now_us,
	struct source_polled *out)
{
	if (!c->moved_permanently)
		return;
	out->moved_to = c->final.text;
	if (span_eq(s->moved_to, c->final.text) && s->moved_us != TIME_NONE &&
		now_us - s->moved_us >= DAY_US) {
		out->url = c->final.text;
		out->moved_to = SPAN_NONE;
	}
}

static void
health_of_page(struct arena *a, const struct source *s, const struct ingest *f,
	struct source_polled *out)
{
	out->health = SPAN("degraded");
	if (!f && s->fail_count == 0 && !span_is(s->health, "new")) {
		/* The same page as the last time: so is what is to be said about it. */
		out->health = s->health;
		out->health_text = s->health_text;
	} else if (f && f->expired) {
		out->health = SPAN("gone");
		out->health_text = SPAN("the feed says that it has ended");
	} else if (f && f->recovered) {
		out->health_text =
			SPAN("the feed is not well-formed; it was read all the same");
	} else if (f && f->n_bad > 0) {
		out->health_text = arena_printf(a, "%zu of %zu items cannot be read: %.*s",
			f->n_bad, f->n_bad + f->n_items, SPAN_FMT(f->bad[0].error));
	} else if (f && f->truncated) {
		out->health_text = arena_printf(a,
			"the feed is too large: at most %d items and %d MiB of memory are "
			"taken; its first items are read, the rest is not",
			INGEST_ITEMS_MAX, INGEST_PAGE_MAX >> 20);
	} else {
		out->health = SPAN("ok");
	}
}

/*
 * A validator goes into the database and into the next request as it is. One that either would
 * refuse is worth nothing: without it the page is read in full, as if there were none.
 */
static struct span
validator(struct span v)
{
	if (v.n > VALIDATOR_MAX || !utf8_valid(v))
		return SPAN("");
	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] < 0x20 || v.p[i] == 0x7f)
			return SPAN("");
	return v.p ? v : SPAN("");
}

/* Until what waits may be looked at again. */
static int64_t
waiting_ms(int64_t again_us, int64_t now_us)
{
	int64_t until_s = (again_us - now_us) / US_PER_S + 1;

	return (until_s < WAITING_MIN_S ? WAITING_MIN_S : until_s) * 1000;
}

void
pace_read(struct arena *a, const struct source *s, const struct pace_page *p, int64_t now_us,
	int jitter, struct source_polled *out)
{
	*out = (struct source_polled){.id = s->id,
		.ok = true,
		.connected = true,
		.found_new = p->news,
		.interval_s = interval(s, p),
		.skip_hours = p->found ? p->found->skip_hours : s->skip_hours};
	if (p->found && s->connected_us == TIME_NONE) {
		out->backfill_url = p->found->older;
		out->backfill_seen = page_seen(a, p->found);
		out->backfill_ms =
			awake_ms(s, out->skip_hours, now_us, BACKFILL_PAUSE_MS, jitter);
	}
	health_of_page(a, s, p->found, out);
	moved(s, p->call, now_us, out);
	if (p->found) {
		out->etag = validator(p->found->etag);
		out->last_modified = validator(p->found->last_modified);
	}
	out->next_ms = s->min_interval_s ? out->interval_s * 1000
					 : awake_ms(s, out->skip_hours, now_us,
						   jittered(out->interval_s, jitter), jitter);
	if (p->found && p->found->expired)
		out->next_ms = (int64_t)GONE_AGAIN_S * 1000;
	if (p->again_us == TIME_NONE)
		return;
	/* The page has to be read again in full, even if nothing changes at its place. */
	out->etag = out->last_modified = SPAN("");
	if (waiting_ms(p->again_us, now_us) < out->next_ms)
		out->next_ms = waiting_ms(p->again_us, now_us);
}

/* ---- failures ---- */

static struct span
health_of_failure(const struct source *s, const struct err *e, int64_t now_us)
{
	bool often = s->fail_count >= FAILS_BEFORE_ILL;

	switch (e->kind) {
	case ERR_GONE:
		return SPAN("gone");
	case ERR_TOO_MANY:
		return SPAN("paused_quota");
	case ERR_FORBIDDEN:
	case ERR_AUTH:
		if (often)
			return SPAN("auth_needed");
		break;
	case ERR_NOT_FOUND:
		/* A site that is being rebuilt comes back. */
		often = s->last_ok_us == TIME_NONE ||
			now_us - s->last_ok_us > MISSING_DAYS * DAY_US;
		break;
	default:
		break;
	}
	/* What never worked is told at once, to whoever has just added it. */
	return often || s->connected_us == TIME_NONE ? SPAN("degraded") : s->health;
}

void
pace_failed(const struct source *s, const struct err *e, struct span text, int64_t now_us,
	int jitter, struct source_polled *out)
{
	int64_t fails = s->fail_count < 6 ? s->fail_count : 6;
	int64_t pause = (int64_t)BACKOFF_MIN_S << fails;

	if (pause > BACKOFF_MAX_S)
		pause = BACKOFF_MAX_S;
	if (s->min_interval_s && pause > 10 * s->min_interval_s)
		pause = 10 * s->min_interval_s;
	*out = (struct source_polled){.id = s->id,
		.moved_to = s->moved_to,
		.health = health_of_failure(s, e, now_us),
		.health_text = text,
		.interval_s = s->interval_s,
		.skip_hours = s->skip_hours};
	if (span_is(out->health, "gone"))
		pause = GONE_AGAIN_S;
	if (span_is(out->health, "auth_needed"))
		pause = AUTH_AGAIN_S;
	if (e->retry_after_s > pause)
		pause = e->retry_after_s;
	out->next_ms = awake_ms(s, s->skip_hours, now_us,
		e->retry_after_s == pause ? pause * 1000 : jittered(pause, jitter), jitter);
}

/* ---- older items ---- */

static void
backfill_end(const struct source *s, int64_t now_us, int jitter, struct source_backfilled *out)
{
	if (out->again_us == TIME_NONE)
		return;
	out->url = s->url;
	out->error = SPAN("some have to wait: they are dated in the future, or held");
	out->pages = out->fails = 0;
	out->seen = SPAN_NONE;
	out->next_ms =
		awake_ms(s, s->skip_hours, now_us, waiting_ms(out->again_us, now_us), jitter);
	out->again_us = TIME_NONE;
}

void
pace_backfill(struct arena *a, const struct source *s, const struct pace_page *p,
	int64_t now_us, int jitter, struct source_backfilled *out)
{
	const struct ingest *found = p->found;

	*out = (struct source_backfilled){.id = s->id,
		.pages = s->backfill_pages + 1,
		.next_ms = awake_ms(s, s->skip_hours, now_us, BACKFILL_PAUSE_MS, jitter),
		.again_us = s->backfill_again_us};
	if (found)
		out->seen = page_seen(a, found);
	/* A server that knows no pages answers with the same one again and again. */
	if (!found || (out->seen.n && span_eq(out->seen, s->backfill_seen))) {
		backfill_end(s, now_us, jitter, out);
		return;
	}
	/* What waits among the newest items is looked at by their own polls. */
	if (p->again_us != TIME_NONE && !span_eq(s->backfill_url, s->url) &&
		(out->again_us == TIME_NONE || p->again_us > out->again_us))
		out->again_us = p->again_us;
	if (!found->older.n)
		backfill_end(s, now_us, jitter, out);
	else if (out->pages < BACKFILL_PAGES_MAX)
		out->url = found->older;
	else
		out->error = SPAN("the feed has more pages than are read");
}

/* Who counts pages up, as WordPress wants it, comes to the end like this. */
static bool
is_end(const struct source *s, const struct err *e)
{
	return (e->kind == ERR_NOT_FOUND || e->kind == ERR_GONE) &&
	       span_has(s->backfill_url, SPAN("paged="));
}

void
pace_backfill_failed(const struct source *s, const struct err *e, struct span text,
	int64_t now_us, int jitter, struct source_backfilled *out)
{
	int64_t fails = s->backfill_fails + 1;
	int64_t pause = (int64_t)BACKOFF_MIN_S << (fails < 10 ? fails - 1 : 9);

	*out = (struct source_backfilled){.id = s->id,
		.pages = s->backfill_pages,
		.fails = fails,
		.seen = s->backfill_seen,
		.again_us = s->backfill_again_us};
	if (pause > BACKFILL_AGAIN_MAX_S)
		pause = BACKFILL_AGAIN_MAX_S;
	out->next_ms = awake_ms(s, s->skip_hours, now_us,
		e->retry_after_s > pause ? (int64_t)e->retry_after_s * 1000
					 : jittered(pause, jitter),
		jitter);
	if (is_end(s, e)) {
		backfill_end(s, now_us, jitter, out);
		return;
	}
	out->error = text;
	if (e->kind != ERR_UNPROCESSABLE && fails < BACKFILL_FAILS_MAX)
		out->url = s->backfill_url;
}
