#include "hub/ingest.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "hub/link.h"
#include "markup/dates.h"
#include "markup/hashtag.h"

#define TITLE_MAX 500
#define ALT_MAX 1500
#define TAGS_MAX 20
#define TAG_MAX 100
#define MIME_MAX 100
#define HELD_AGAIN_US (60 * US_PER_S)
#define EMBARGO_MAX_US (7 * INT64_C(86400) * US_PER_S)
#define FRESH_US (INT64_C(86400) * US_PER_S)
#define LANGUAGE_MAX 35
#define IMAGE_MIN 80 /* pixels: smaller ones are spacers, trackers and emoji */

/* ---- tags ---- */

/* "Öffentliche Bekanntmachung" becomes ÖffentlicheBekanntmachung: one word, readable aloud. */
static struct span
tag_of(struct arena *a, struct span s)
{
	char *out = arena_alloc(a, s.n + 1);
	bool up = false, letter = false;
	size_t n = 0;

	for (size_t i = 0; i < s.n && n < TAG_MAX; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool word = c >= 0x80 || c == '_' || (c >= '0' && c <= '9') ||
			    ((c | 32) >= 'a' && (c | 32) <= 'z');

		if (!word) {
			up = n > 0;
			continue;
		}
		if (up && c >= 'a' && c <= 'z')
			c = (unsigned char)(c - 32);
		up = false;
		letter = letter || !(c >= '0' && c <= '9');
		out[n++] = (char)c;
	}
	/* Never half a character. */
	while (n > 0 && n == TAG_MAX && !utf8_valid(span_from(out, n)))
		n--;
	return letter && utf8_valid(span_from(out, n)) ? span_from(out, n) : SPAN_NONE;
}

static void
tags_fill(struct arena *a, const struct ingest_item *it, struct ingest_post *out)
{
	struct span found[TAGS_MAX];
	size_t n = text_hashtags(a, out->text, found, TAGS_MAX);

	out->tags = ARENA_ARRAY(a, TAGS_MAX, struct span);
	for (size_t i = 0; i < n + it->n_tags && out->n_tags < TAGS_MAX; i++) {
		struct span tag = i < n ? found[i] : tag_of(a, it->tags[i - n]);
		size_t k = 0;

		while (k < out->n_tags && !span_eq_nocase(out->tags[k], tag))
			k++;
		if (tag.n && k == out->n_tags)
			out->tags[out->n_tags++] = tag;
	}
}

/* ---- media ---- */

static const struct {
	const char *ext, *type;
} media_exts[] = {{".jpg", "image"}, {".jpeg", "image"}, {".png", "image"}, {".webp", "image"},
	{".gif", "image"}, {".mp4", "video"}, {".webm", "video"}, {".mp3", "audio"},
	{".m4a", "audio"}, {".ogg", "audio"}};

/* Type by the ending of the path, SPAN_NONE when it has none that is known. */
static struct span
media_type_of_path(struct span url)
{
	struct span path = span_slice(url, 0, span_find_byte(url, '?'));

	for (size_t i = 0; i < ARRAY_LEN(media_exts); i++) {
		struct span ext = span_of(media_exts[i].ext);

		if (path.n > ext.n &&
			span_eq_nocase(span_slice(path, path.n - ext.n, path.n), ext))
			return span_of(media_exts[i].type);
	}
	return SPAN_NONE;
}

static struct span
media_type(const struct ingest_media *m)
{
	static const char *const types[] = {"image", "video", "audio"};
	struct span by_path = media_type_of_path(m->url);

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct span type = span_of(types[i]);

		if (span_eq(m->type, type) ||
			(span_starts_nocase(m->mime, type) &&
				span_starts(span_slice(m->mime, type.n, m->mime.n), SPAN("/"))))
			return type;
	}
	return by_path.p ? by_path : SPAN("unknown");
}

/*
 * The same picture comes in several sizes and with changing parameters: files are compared
 * without query and without WordPress's "-300x200". Where no file is named, the query is what
 * tells pictures apart ("image.php?id=7").
 */
static struct span
media_key(struct arena *a, struct span url)
{
	struct span s =
		media_type_of_path(url).p ? span_slice(url, 0, span_find_byte(url, '?')) : url;
	size_t dot = span_rfind_byte(s, '.'), dash = span_rfind_byte(s, '-');
	bool size = dot != SIZE_MAX && dash != SIZE_MAX && dash < dot && dot - dash >= 4;
	int crosses = 0;

	for (size_t i = dash + 1; size && i < dot; i++) {
		crosses += s.p[i] == 'x';
		size = s.p[i] == 'x' || (s.p[i] >= '0' && s.p[i] <= '9');
	}
	if (!size || crosses != 1)
		return s;
	return arena_printf(a, "%.*s%.*s", (int)dash, s.p, (int)(s.n - dot), s.p + dot);
}

static bool
media_same(const struct ingest_media *x, const struct ingest_media *y)
{
	const struct span xs[] = {x->url, x->other}, ys[] = {y->url, y->other};
	struct arena *scratch = arena_new();
	bool same = false;

	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < 2; k++)
			same = same || (xs[i].p && ys[k].p &&
					       span_eq(media_key(scratch, xs[i]),
						       media_key(scratch, ys[k])));
	arena_free(scratch);
	return same;
}

static void
media_add(struct arena *a, struct ingest_post *out, const struct ingest_media *m)
{
	struct span alt = text_clean_line(a, m->alt.p ? m->alt : SPAN(""), ALT_MAX);
	struct span mime = text_clean_line(a, m->mime.p ? m->mime : SPAN(""), MIME_MAX);
	struct ingest_media *slot;

	if ((m->width > 0 && m->width < IMAGE_MIN) || (m->height > 0 && m->height < IMAGE_MIN))
		return;
	for (size_t i = 0; i < out->n_media; i++) {
		slot = &out->media[i];
		if (!media_same(slot, m))
			continue;
		if (!slot->alt.n)
			slot->alt = alt;
		if (!slot->mime.n)
			slot->mime = mime;
		return;
	}
	if (out->n_media == INGEST_MEDIA_MAX)
		return;
	slot = &out->media[out->n_media++];
	*slot = *m;
	slot->type = media_type(m);
	slot->alt = alt;
	slot->mime = mime;
}

/* ---- normalising ---- */

bool
ingest_page_full(const struct arena *a, size_t max, struct ingest *f)
{
	bool full = arena_used(a) > max;

	f->truncated = f->truncated || full;
	return full;
}

/* One part of a language tag, in lower case: letters, in all but the first also
 * digits. */
static bool
language_part(struct span part, char out[LANGUAGE_MAX], size_t *n)
{
	bool first = *n == 0;

	if (!first)
		out[(*n)++] = '-';
	for (size_t i = 0; i < part.n; i++) {
		char c = (char)(part.p[i] | 32);

		if (!first && part.p[i] >= '0' && part.p[i] <= '9')
			c = part.p[i];
		else if (c < 'a' || c > 'z')
			return false;
		out[(*n)++] = c;
	}
	return true;
}

/*
 * What readers are told of a BCP 47 tag: language, script and variant ("de-simple", "zh-hant").
 * A region says nothing to them, so "de-DE" and "de" are one.
 */
static struct span
language_of(struct arena *a, struct span s)
{
	char *out = arena_alloc(a, LANGUAGE_MAX);
	struct span part;
	size_t n = 0;

	s = span_slice(s, 0, span_find_byte(s, '_'));
	if (!s.n || !span_cut(&s, '-', &part) || part.n < 2 || part.n > 3 ||
		!language_part(part, out, &n))
		return SPAN_NONE;
	/* A single letter begins extensions and private use. */
	while (s.p && span_cut(&s, '-', &part) && part.n >= 2 && part.n <= 8) {
		bool region = part.n < 4;

		if (region || n + 1 + part.n > LANGUAGE_MAX)
			continue;
		if (!language_part(part, out, &n))
			return SPAN_NONE;
	}
	return span_from(out, n);
}

static void
hash_field(struct digest *d, struct span s)
{
	unsigned char n[8];

	/* Lengths keep neighbours apart: "ab","c" is not "a","bc". */
	for (int i = 0; i < 8; i++)
		n[i] = (unsigned char)((uint64_t)s.n >> (56 - 8 * i));
	digest_add(d, span_from(n, sizeof(n)));
	digest_add(d, s);
}

static struct span
content_hash(struct arena *a, const struct ingest_post *p)
{
	struct digest *d = digest_sha256_new();
	unsigned char *sum = arena_alloc(a, SHA256_SIZE);
	struct arena *scratch = arena_new();
	struct url u;

	hash_field(d, text_nfc(scratch, p->title));
	hash_field(d, text_nfc(scratch, p->text));
	/* A link with another parameter for counting visitors is the same link. */
	hash_field(d,
		p->url.p && !url_parse(scratch, p->url, &u) ? url_key(scratch, &u) : SPAN(""));
	for (size_t i = 0; i < p->n_media; i++) {
		hash_field(d, media_key(scratch, p->media[i].url));
		hash_field(d, text_nfc(scratch, p->media[i].alt));
	}
	digest_end(d, sum);
	arena_free(scratch);
	return span_from(sum, SHA256_SIZE);
}

void
ingest_normalise(struct arena *a, const struct hub *h, const struct source *s,
	const struct ingest_item *it, int64_t now_us, struct ingest_post *out)
{
	struct url base;
	bool based = (it->base.n && !url_parse(a, it->base, &base)) ||
		     (it->url.n && !url_parse(a, it->url, &base));

	*out = (struct ingest_post){.remote_id = it->remote_id,
		.aliases = it->aliases,
		.n_aliases = it->n_aliases,
		.sensitive = it->sensitive};
	if (!based && url_parse(a, s->url, &base) == NULL)
		based = true;
	out->url = it->url.n ? it->url : SPAN_NONE;
	out->title = text_clean_line(a, it->title.p ? it->title : SPAN(""), TITLE_MAX);
	if (it->body_is_html) {
		out->html = html_sanitize(a, it->body, based ? &base : NULL);
		out->text = html_to_text(a, out->html.html);
	} else {
		out->text = text_clean(a, it->body, INGEST_TEXT_MAX);
		out->html = html_from_text(a, out->text, link_path(a, h, SPAN("/tags/")));
	}
	/* A body that only says the title again says nothing. */
	if (span_eq(out->text, out->title)) {
		out->text = SPAN("");
		out->html = html_from_text(a, SPAN(""), SPAN_NONE);
	}
	out->language = language_of(a, it->language);
	if (!out->language.p)
		out->language = language_of(a, s->language);
	if (!out->language.p)
		out->language = language_of(a, s->account_language);
	if (!out->language.p)
		out->language = SPAN("de");
	out->media =
		ARENA_ARRAY(a, it->n_media < INGEST_MEDIA_MAX ? it->n_media : INGEST_MEDIA_MAX,
			struct ingest_media);
	for (size_t i = 0; i < it->n_media; i++)
		media_add(a, out, &it->media[i]);
	tags_fill(a, it, out);
	out->published_us = it->published_us;
	if (it->published_us == TIME_NONE || !date_believable(it->published_us, now_us))
		out->published_us = now_us;
	out->content_hash = content_hash(a, out);
}

/* ---- deciding ---- */

static bool
is_ours(const struct hub *h, struct span uri)
{
	return span_starts(uri, h->base) &&
	       (uri.n == h->base.n || uri.p[h->base.n] == '/' || uri.p[h->base.n] == '?' ||
		       uri.p[h->base.n] == '#');
}

/* A mirror that tells where it has it from puts our permalink at the end. */
static bool
ends_with_our_post(const struct hub *h, struct span html)
{
	const struct span mark = SPAN("href=\"");
	struct span last = SPAN_NONE;
	size_t at;
	int64_t id;

	while ((at = span_find(html, mark)) != SIZE_MAX) {
		html = span_slice(html, at + mark.n, html.n);
		last = span_slice(html, 0, span_find_byte(html, '"'));
	}
	return last.p && link_parse_object(h, last, &id);
}

/* Why an item never becomes a post, or NULL. */
static const char *
unwanted(const struct hub *h, const struct ingest_item *it, const struct ingest_post *p)
{
	if (is_ours(h, p->url) || is_ours(h, it->remote_id))
		return "it is a post of this hub";
	if (ends_with_our_post(h, p->html.html))
		return "it repeats a post of this hub";
	if (!p->text.n && !p->title.n && !p->n_media)
		return "it says nothing";
	return NULL;
}

static struct ingest_verdict
decide_deleted(const struct post_known *known)
{
	bool live =
		known && (span_is(known->state, "published") || span_is(known->state, "held"));

	return (struct ingest_verdict){.decision = live ? INGEST_DELETE : INGEST_SAME,
		.archive = known && known->archive,
		.reason = "the source withdrew it",
		.until_us = TIME_NONE};
}

static struct ingest_verdict
decide_known(const struct post_known *known, const struct ingest_post *p, int64_t now_us)
{
	struct ingest_verdict v = {
		.decision = INGEST_PUBLISH, .archive = known->archive, .until_us = TIME_NONE};

	if (!span_is(known->state, "published") && !span_is(known->state, "held")) {
		v.decision = INGEST_DROP;
		v.reason = "it was withdrawn here";
	} else if (span_eq(known->content_hash, p->content_hash)) {
		v.decision = INGEST_SAME;
	} else if (span_is(known->state, "held")) {
		v.decision = INGEST_WAIT;
		v.reason = "what is known of it is still held";
		v.until_us = now_us + HELD_AGAIN_US;
	}
	return v;
}

/* Until when a new item has to wait, TIME_NONE = not at all. */
static int64_t
embargo_of(const struct ingest_item *it, int64_t now_us)
{
	int64_t until = it->embargo_us;

	if (until == TIME_NONE && it->published_us != TIME_NONE &&
		!date_believable(it->published_us, now_us) && it->published_us > now_us)
		until = it->published_us;
	/* Too far off to be meant. */
	if (until == TIME_NONE || until <= now_us || until > now_us + EMBARGO_MAX_US)
		return TIME_NONE;
	return until;
}

struct ingest_verdict
ingest_decide(const struct hub *h, const struct source *s, const struct ingest_item *it,
	const struct ingest_post *p, const struct post_known *known, int64_t now_us)
{
	struct ingest_verdict v = {.decision = INGEST_PUBLISH, .until_us = TIME_NONE};
	bool dated = it->published_us != TIME_NONE && date_believable(it->published_us, now_us);

	if (it->deleted)
		return decide_deleted(known);
	if ((v.reason = unwanted(h, it, p))) {
		v.decision = known ? INGEST_SAME : INGEST_DROP;
		return v;
	}
	if (known)
		return decide_known(known, p, now_us);
	v.until_us = embargo_of(it, now_us);
	if (v.until_us != TIME_NONE) {
		v.decision = INGEST_WAIT;
		v.reason = "it is dated in the future";
		return v;
	}
	/* What has no date may be years old: only behind the first connect is it new. */
	v.archive =
		now_us - p->published_us > FRESH_US || (!dated && s->connected_us == TIME_NONE);
	/* A first connect brings the past: it takes its place there, whoever is told of it. */
	v.dated = v.archive || s->connected_us == TIME_NONE;
	return v;
}
