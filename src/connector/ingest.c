#include "connector/ingest.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "base/text.h"
#include "db/queue.h"
#include "hub/record.h"
#include "hub/setting.h"

#define KEYS_MAX 4 /* of an item: its identity and three aliases */

struct ingest_todo {
	const struct ingest_item *item;
	struct ingest_post post;
	struct post_known known;
	bool is_known;
	bool learns; /* known by an alias: its identity of today is one more */
	struct ingest_verdict verdict;
	int64_t id;
	struct record_new entry;
	bool has_entry;
};

/* ---- reading ---- */

static void
run_map_free(void *m)
{
	map_free(m, NULL);
}

void
ingest_run_init(struct ingest_run *r, struct arena *a, const struct hub *h)
{
	*r = (struct ingest_run){
		.arena = a, .hub = h, .now_us = clock_us(), .again_us = TIME_NONE};
	r->taken = map_new();
	arena_own(a, run_map_free, r->taken);
}

/* Oldest first: ids and record entries then follow the order of publication. */
static int
todo_order(const void *x, const void *y)
{
	const struct ingest_todo *a = x, *b = y;

	if (a->post.published_us != b->post.published_us)
		return a->post.published_us < b->post.published_us ? -1 : 1;
	/* Documents list the newest first. */
	return a->item < b->item ? 1 : -1;
}

/* Escaping makes texts longer: what readers of the record could not take in is put aside. */
static bool
todo_fits(struct ingest_run *r, const struct ingest_post *p)
{
	struct ingest *f = &r->found;
	struct ingest_bad *more;

	if (p->html.html.n <= INGEST_HTML_MAX)
		return true;
	more = ARENA_ARRAY(r->arena, f->n_bad + 1, struct ingest_bad);
	for (size_t i = 0; i < f->n_bad; i++)
		more[i] = f->bad[i];
	more[f->n_bad++] = (struct ingest_bad){.key = p->remote_id,
		.raw = utf8_repair(r->arena, span_slice(p->text, 0, 1000)),
		.error = SPAN("its text is longer than 512 KiB as HTML")};
	f->bad = more;
	return false;
}

void
ingest_run_parse(struct ingest_run *r, const struct connector *ops, const struct source *s,
	const struct http_call *answer)
{
	struct ingest *f = &r->found;

	r->error = ops->parse(r->arena, s, answer, r->now_us, f);
	if (r->error)
		return;
	r->todo = ARENA_ARRAY(r->arena, f->n_items, struct ingest_todo);
	for (size_t i = 0; i < f->n_items && !ingest_page_full(r->arena, INGEST_PAGE_MAX, f);
		i++) {
		struct ingest_todo *t = &r->todo[r->n];

		t->item = &f->items[i];
		if (!f->items[i].language.p && !s->language.p)
			f->items[i].language = f->language;
		ingest_normalise(r->arena, r->hub, s, t->item, r->now_us, &t->post);
		r->n += todo_fits(r, &t->post);
	}
	if (r->n > 0)
		qsort(r->todo, r->n, sizeof(*r->todo), todo_order);
}

/* ---- chunks ---- */

/* The end of a chunk: what one transaction holds is in memory several times at once. */
static size_t
chunk_end(const struct ingest_run *r)
{
	size_t bytes = 0, i = r->from;

	while (i < r->n && i < r->from + INGEST_CHUNK && bytes < INGEST_CHUNK_BYTES) {
		bytes += r->todo[i].post.html.html.n + r->todo[i].post.text.n;
		i++;
	}
	return i;
}

bool
ingest_run_last(const struct ingest_run *r)
{
	return chunk_end(r) == r->n;
}

bool
ingest_run_next(struct ingest_run *r)
{
	r->from = chunk_end(r);
	r->n_ids = 0;
	return r->from < r->n;
}

/* Keys of an item in order of trust: its identity, then its aliases. */
static size_t
todo_keys(const struct ingest_run *r, const struct ingest_todo *t, struct span keys[KEYS_MAX])
{
	size_t n = 0;

	keys[n++] = t->post.remote_id;
	for (size_t i = 0; !r->older && i < t->post.n_aliases && n < KEYS_MAX; i++)
		keys[n++] = t->post.aliases[i];
	return n;
}

void
ingest_run_ask(struct ingest_run *r, int64_t source, struct db_batch *b)
{
	size_t end = chunk_end(r), n = 0;
	struct span *keys = ARENA_ARRAY(b->arena, (end - r->from) * KEYS_MAX, struct span);

	for (size_t i = r->from; i < end; i++)
		n += todo_keys(r, &r->todo[i], keys + n);
	if (n > 0)
		(void)post_known(b, source, keys, n);
}

static struct post_known *
todo_known(const struct ingest_run *r, struct ingest_todo *t, const struct map *by_key)
{
	struct span keys[KEYS_MAX];
	size_t n = todo_keys(r, t, keys);
	struct post_known *k = NULL;

	for (size_t i = 0; !k && i < n; i++)
		k = map_get(by_key, keys[i]);
	t->is_known = k != NULL;
	t->learns = k && !map_get(by_key, t->post.remote_id);
	if (k)
		t->known = *k;
	return k;
}

/* Two items of one page that mean the same post: the later one is left alone. */
static bool
todo_is_double(struct ingest_run *r, struct ingest_todo *t, struct arena *a)
{
	bool twice = map_put(r->taken, t->post.remote_id, t) != NULL;

	if (t->is_known &&
		map_put(r->taken, arena_printf(a, "#%" PRId64, t->known.id), t) != NULL)
		twice = true;
	return twice;
}

static bool
todo_is_new(const struct ingest_todo *t)
{
	return t->verdict.decision == INGEST_PUBLISH && !t->is_known;
}

static void
todo_decide(struct ingest_run *r, const struct source *s, struct ingest_todo *t,
	const struct map *by_key, struct arena *a)
{
	const struct post_known *k = todo_known(r, t, by_key);

	t->verdict = ingest_decide(r->hub, s, t->item, &t->post, k, r->now_us);
	if (todo_is_double(r, t, a)) {
		t->verdict.decision = INGEST_SAME;
		t->learns = false;
	}
	if (todo_is_new(t))
		r->n_ids++;
	/* The newest page is read for each, older ones once for all of theirs. */
	if (t->verdict.decision == INGEST_WAIT &&
		(r->again_us == TIME_NONE || (t->verdict.until_us > r->again_us) == r->older))
		r->again_us = t->verdict.until_us;
}

const struct err *
ingest_run_decide(struct ingest_run *r, const struct source *s, const struct db_batch *b)
{
	size_t end = chunk_end(r), rows = db_rows(b, 0);
	struct post_known *row = ARENA_ARRAY(b->arena, rows, struct post_known);
	struct map *by_key = map_new();
	const struct err *e = NULL;

	for (size_t i = 0; !e && i < rows; i++) {
		e = post_known_row(b, 0, i, &row[i]);
		/* Rows come with true identities first; an alias never hides one. */
		if (!e && !map_get(by_key, row[i].key))
			(void)map_put(by_key, row[i].key, &row[i]);
	}
	for (size_t i = r->from; !e && i < end; i++)
		todo_decide(r, s, &r->todo[i], by_key, b->arena);
	map_free(by_key, NULL);
	return e;
}

/* Clocks differ: what is dated some minutes ahead must not stay above all that follows. */
static int64_t
todo_id_time(const struct ingest_run *r, const struct ingest_todo *t)
{
	if (!t->verdict.dated)
		return TIME_NONE;
	return t->post.published_us < r->now_us ? t->post.published_us : r->now_us;
}

void
ingest_run_ids(struct ingest_run *r, struct db_batch *b)
{
	int64_t *at = ARENA_ARRAY(b->arena, r->n_ids, int64_t);
	size_t end = chunk_end(r), n = 0;

	for (size_t i = r->from; i < end; i++)
		if (todo_is_new(&r->todo[i]))
			at[n++] = todo_id_time(r, &r->todo[i]);
	if (n > 0)
		(void)post_ids(b, at, n);
}

const struct err *
ingest_run_take_ids(struct ingest_run *r, const struct db_batch *b)
{
	size_t end = chunk_end(r), n = 0;
	const struct err *e = NULL;

	if (r->n_ids == 0)
		return NULL;
	for (size_t i = r->from; !e && i < end; i++)
		if (todo_is_new(&r->todo[i]))
			e = post_ids_row(b, 0, n++, &r->todo[i].id);
	return e;
}

/* ---- writing ---- */

static struct span
tags_json(struct arena *a, const struct ingest_post *p)
{
	json_t *list = json_own(a, json_array());

	for (size_t i = 0; i < p->n_tags; i++)
		json_array_append_new(list, json_str(p->tags[i]));
	return json_dump(a, list);
}

static const struct ingest_media *
first_picture(const struct ingest_post *p)
{
	for (size_t i = 0; i < p->n_media; i++)
		if (span_is(p->media[i].type, "image"))
			return &p->media[i];
	return NULL;
}

/* Brings the pictures: of a new post, or once more when an edit changed something. */
static void
add_media_job(const struct ingest_todo *t, struct span first, struct db_batch *b)
{
	struct span key = arena_printf(b->arena, "%" PRId64, t->id);
	struct url u;
	const struct job_new job = {.kind = SPAN("media"),
		.key = key,
		.host = url_parse(b->arena, first, &u) ? SPAN_NONE : u.host,
		.args = arena_printf(b->arena, "{\"post\":%" PRId64 "}", t->id),
		.run_at_us = TIME_NONE,
		.priority = t->verdict.archive ? 10 : 0};

	queue_add(b, &job);
	/* One that waits for its next try has news now. */
	if (t->is_known)
		queue_hasten(b, job.kind, key);
}

static size_t
write_media(const struct ingest_todo *t, struct db_batch *b, struct post_media *out)
{
	const struct ingest_media *first = first_picture(&t->post);

	for (size_t i = 0; i < t->post.n_media; i++) {
		const struct ingest_media *m = &t->post.media[i];

		out[i] = (struct post_media){.post = t->id,
			.position = (int64_t)i,
			.source_url = m->url,
			.type = m->type,
			.mime = m->mime.n ? m->mime : SPAN_NONE,
			.alt = m->alt,
			.duration_s = m->duration_s};
		if (!span_is(m->type, "image"))
			out[i].error = SPAN("linked at its source, not archived");
		post_media_say(b, &out[i]);
	}
	if (t->is_known)
		post_media_trim(b, t->id, (int64_t)t->post.n_media);
	if (first)
		add_media_job(t, first->url, b);
	return t->post.n_media;
}

static void
todo_entry(struct ingest_run *r, const struct source *s, struct ingest_todo *t,
	enum record_kind kind, const struct post_media *m, size_t n, struct arena *a)
{
	const bool edit = kind == RECORD_UPDATE;
	const struct post p = {.id = t->id,
		.account = s->account,
		.account_slug = s->account_slug,
		.title = t->post.title,
		.html = t->post.html.html,
		.text = t->post.text,
		.language = t->post.language,
		.url = t->post.url,
		.tags = tags_json(a, &t->post),
		.archive = t->verdict.archive,
		.sensitive = t->post.sensitive,
		.revision = edit ? t->known.revision + 1 : 1,
		.published_us = t->post.published_us,
		.edited_us = edit ? r->now_us : TIME_NONE};

	t->entry = post_entry(a, kind, &p, m, n, r->now_us);
	t->has_entry = true;
}

static struct post_new
todo_row(const struct ingest_todo *t, const struct source *s)
{
	return (struct post_new){.id = t->id,
		.account = s->account,
		.source = s->id,
		.remote_id = t->post.remote_id,
		.state = SPAN("published"),
		.title = t->post.title,
		.html = t->post.html.html,
		.text = t->post.text,
		.language = t->post.language,
		.url = t->post.url,
		.content_hash = t->post.content_hash,
		.tags = t->post.tags,
		.n_tags = t->post.n_tags,
		.archive = t->verdict.archive,
		.dated = t->verdict.dated,
		.sensitive = t->post.sensitive,
		.published_us = t->post.published_us};
}

static void
write_new(
	struct ingest_run *r, const struct source *s, struct ingest_todo *t, struct db_batch *b)
{
	struct post_media m[INGEST_MEDIA_MAX];
	struct post_new row = todo_row(t, s);
	bool wait = !t->verdict.archive && first_picture(&t->post);
	size_t n;

	if (wait) {
		row.state = SPAN("held");
		row.reason = SPAN("media");
	}
	post_insert(b, &row);
	post_alias_put(b, s->id, t->id, t->post.aliases, t->post.n_aliases);
	n = write_media(t, b, m);
	if (!wait)
		todo_entry(r, s, t, RECORD_CREATE, m, n, b->arena);
	r->n_new++;
}

static void
write_edit(
	struct ingest_run *r, const struct source *s, struct ingest_todo *t, struct db_batch *b)
{
	struct post_media m[INGEST_MEDIA_MAX];
	struct post_new row;
	size_t n;

	t->id = t->known.id;
	t->post.published_us = t->known.published_us;
	row = todo_row(t, s);
	post_revise(b, &row, t->known.revision, r->now_us);
	post_alias_put(b, s->id, t->id, t->post.aliases, t->post.n_aliases);
	/* The identity of before may come back as well. */
	if (!span_eq(t->known.remote_id, t->post.remote_id))
		post_alias_put(b, s->id, t->id, &t->known.remote_id, 1);
	n = write_media(t, b, m);
	/* With pictures the media job appends the entry: followers get one Update, not two. */
	if (!first_picture(&t->post))
		todo_entry(r, s, t, RECORD_UPDATE, m, n, b->arena);
	r->n_edited++;
}

static void
write_gone(
	struct ingest_run *r, const struct source *s, struct ingest_todo *t, struct db_batch *b)
{
	const struct post p = {.id = t->known.id,
		.account = s->account,
		.revision = t->known.revision,
		.archive = t->verdict.archive};

	t->id = t->known.id;
	r->n_gone++;
	if (span_is(t->known.state, "held")) {
		post_drop(b, t->id, r->now_us, span_of(t->verdict.reason));
		return;
	}
	t->entry = post_withdraw(b, &p, r->now_us, span_of(t->verdict.reason));
	t->has_entry = true;
}

static void
write_quarantine(struct ingest_run *r, const struct source *s, struct db_batch *b)
{
	size_t end = chunk_end(r), n = end - r->from;
	struct span *good = ARENA_ARRAY(b->arena, n, struct span);

	for (size_t i = 0; i < n; i++)
		good[i] = r->todo[r->from + i].post.remote_id;
	if (n > 0)
		quarantine_clear(b, s->id, good, n);
	if (!ingest_run_last(r) || r->found.n_bad == 0)
		return;
	for (size_t i = 0; i < r->found.n_bad && i < QUARANTINE_MAX; i++)
		quarantine_put(b, s->id, r->found.bad[i].key, r->found.bad[i].raw,
			r->found.bad[i].error);
	quarantine_trim(b, s->id);
}

void
ingest_run_posts(struct ingest_run *r, const struct source *s, struct db_batch *b)
{
	size_t end = chunk_end(r);

	for (size_t i = r->from; i < end; i++) {
		struct ingest_todo *t = &r->todo[i];

		if (todo_is_new(t))
			write_new(r, s, t, b);
		else if (t->verdict.decision == INGEST_PUBLISH)
			write_edit(r, s, t, b);
		else if (t->verdict.decision == INGEST_DELETE)
			write_gone(r, s, t, b);
		else if (t->learns)
			post_alias_put(b, s->id, t->known.id, &t->post.remote_id, 1);
	}
	write_quarantine(r, s, b);
}

void
ingest_run_record(struct ingest_run *r, struct db_batch *b)
{
	size_t end = chunk_end(r), entries = 0;
	bool changed = false;

	for (size_t i = r->from; i < end; i++) {
		const struct ingest_todo *t = &r->todo[i];

		changed = changed || (t->verdict.decision == INGEST_PUBLISH && t->is_known);
		if (!t->has_entry)
			continue;
		record_append(b, r->hub, &t->entry);
		entries++;
	}
	/* An edit that is said later is read on our pages at once. */
	if (changed && entries == 0)
		generation_bump(b);
}
