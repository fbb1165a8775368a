#include "connector/ingest.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "db/queue.h"

struct ingest_todo {
	const struct ingest_item *item;
	struct ingest_post post;
	struct post_known known;
	bool is_known;
	struct ingest_verdict verdict;
	int64_t id;
	struct record_new entry;
	bool has_entry;
};

void
ingest_run_init(struct ingest_run *r, struct arena *a, const struct hub *h)
{
	*r = (struct ingest_run){.arena = a, .hub = h, .now_us = clock_us()};
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

void
ingest_run_parse(struct ingest_run *r, const struct connector *ops, const struct source *s,
	const struct http_call *answer)
{
	struct ingest *f = &r->found;

	r->error = ops->parse(r->arena, s, answer, r->now_us, f);
	if (r->error)
		return;
	r->n = f->n_items;
	r->todo = ARENA_ARRAY(r->arena, r->n, struct ingest_todo);
	for (size_t i = 0; i < r->n; i++) {
		r->todo[i].item = &f->items[i];
		if (!f->items[i].language.p && !s->language.p)
			f->items[i].language = f->language;
		ingest_normalise(
			r->arena, r->hub, s, &f->items[i], r->now_us, &r->todo[i].post);
	}
	qsort(r->todo, r->n, sizeof(*r->todo), todo_order);
}

static size_t
chunk_end(const struct ingest_run *r)
{
	return r->from + INGEST_CHUNK < r->n ? r->from + INGEST_CHUNK : r->n;
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

void
ingest_run_ask(struct ingest_run *r, int64_t source, struct db_batch *b)
{
	size_t end = chunk_end(r), n = 0;
	struct span *keys = ARENA_ARRAY(r->arena, (end - r->from) * 4, struct span);

	for (size_t i = r->from; i < end; i++) {
		const struct ingest_post *p = &r->todo[i].post;

		keys[n++] = p->remote_id;
		for (size_t k = 0; k < p->n_aliases && k < 3; k++)
			keys[n++] = p->aliases[k];
	}
	if (n > 0)
		(void)post_known(b, source, keys, n);
}

/* Keys of an item in order of trust: its identity, then its aliases. */
static struct post_known *
todo_known(const struct map *m, const struct ingest_post *p)
{
	struct post_known *k = map_get(m, p->remote_id);

	for (size_t i = 0; !k && i < p->n_aliases; i++)
		k = map_get(m, p->aliases[i]);
	return k;
}

const struct err *
ingest_run_decide(struct ingest_run *r, const struct source *s, const struct db_batch *b)
{
	size_t end = chunk_end(r), rows = db_rows(b, 0);
	struct post_known *row = ARENA_ARRAY(r->arena, rows, struct post_known);
	struct map *by_key = map_new(), *taken = map_new();
	const struct err *e = NULL;

	for (size_t i = 0; !e && i < rows; i++) {
		e = post_known_row(b, 0, i, &row[i]);
		/* Rows come with true identities first; an alias never hides one. */
		if (!e && !map_get(by_key, row[i].key))
			(void)map_put(by_key, row[i].key, &row[i]);
	}
	for (size_t i = r->from; !e && i < end; i++) {
		struct ingest_todo *t = &r->todo[i];
		struct post_known *k = todo_known(by_key, &t->post);
		struct span key =
			k ? arena_printf(r->arena, "#%" PRId64, k->id) : t->post.remote_id;

		t->is_known = k != NULL;
		if (k)
			t->known = *k;
		t->verdict = ingest_decide(
			r->hub, s, t->item, &t->post, k ? &t->known : NULL, r->now_us);
		/* Two items of one page that mean the same post: the later one is left alone.
		 */
		if (map_put(taken, key, t))
			t->verdict.decision = INGEST_SAME;
		else if (t->verdict.decision == INGEST_PUBLISH && !k)
			r->n_ids++;
	}
	map_free(by_key, NULL);
	map_free(taken, NULL);
	return e;
}

static bool
todo_is_new(const struct ingest_todo *t)
{
	return t->verdict.decision == INGEST_PUBLISH && !t->is_known;
}

void
ingest_run_ids(struct ingest_run *r, struct db_batch *b)
{
	int64_t *at = ARENA_ARRAY(r->arena, r->n_ids, int64_t);
	size_t end = chunk_end(r), n = 0;

	for (size_t i = r->from; i < end; i++)
		if (todo_is_new(&r->todo[i]))
			at[n++] = r->todo[i].verdict.archive ? r->todo[i].post.published_us
							     : TIME_NONE;
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

static bool
has_pictures(const struct ingest_post *p)
{
	for (size_t i = 0; i < p->n_media; i++)
		if (span_is(p->media[i].type, "image"))
			return true;
	return false;
}

static size_t
write_media(struct ingest_run *r, const struct ingest_todo *t, struct db_batch *b,
	struct post_media *out)
{
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
		post_media_put(b, &out[i]);
	}
	post_media_trim(b, t->id, (int64_t)t->post.n_media);
	if (has_pictures(&t->post)) {
		struct span key = arena_printf(r->arena, "%" PRId64, t->id);
		struct url u;
		const struct job_new job = {.kind = SPAN("media"),
			.key = key,
			.host = url_parse(r->arena, t->post.media[0].url, &u) ? SPAN_NONE
									      : u.host,
			.args = arena_printf(r->arena, "{\"post\":%" PRId64 "}", t->id),
			.run_at_us = TIME_NONE,
			.priority = t->verdict.archive ? 10 : 0};

		queue_add(b, &job);
	}
	return t->post.n_media;
}

static void
todo_entry(struct ingest_run *r, const struct source *s, struct ingest_todo *t,
	enum record_kind kind, int64_t revision, int64_t edited_us, const struct post_media *m,
	size_t n)
{
	const struct post p = {.id = t->id,
		.account = s->account,
		.account_slug = s->account_slug,
		.title = t->post.title,
		.html = t->post.html.html,
		.text = t->post.text,
		.language = t->post.language,
		.url = t->post.url,
		.tags = tags_json(r->arena, &t->post),
		.sensitive = t->post.sensitive,
		.revision = revision,
		.published_us = t->post.published_us,
		.edited_us = edited_us};

	t->has_entry = true;
	t->entry = (struct record_new){.kind = kind,
		.account = s->account,
		.object = t->id,
		.revision = revision,
		.archive = t->verdict.archive,
		.at_us = r->now_us,
		.content = post_content(r->arena, &p, m, n)};
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
		.sensitive = t->post.sensitive,
		.published_us = t->post.published_us};
}

static void
write_new(
	struct ingest_run *r, const struct source *s, struct ingest_todo *t, struct db_batch *b)
{
	struct post_media m[INGEST_MEDIA_MAX];
	struct post_new row = todo_row(t, s);
	bool wait = !t->verdict.archive && has_pictures(&t->post);
	size_t n;

	if (wait) {
		row.state = SPAN("held");
		row.reason = SPAN("media");
	}
	post_insert(b, &row);
	post_alias_put(b, s->id, t->id, t->post.aliases, t->post.n_aliases);
	n = write_media(r, t, b, m);
	if (!wait)
		todo_entry(r, s, t, RECORD_CREATE, 1, TIME_NONE, m, n);
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
	n = write_media(r, t, b, m);
	/* With pictures the media job appends the entry: followers get one Update, not two. */
	if (!has_pictures(&t->post))
		todo_entry(r, s, t, RECORD_UPDATE, t->known.revision + 1, r->now_us, m, n);
	r->n_edited++;
}

static void
write_gone(
	struct ingest_run *r, const struct source *s, struct ingest_todo *t, struct db_batch *b)
{
	t->id = t->known.id;
	post_withdraw(b, t->id, r->now_us, span_of(t->verdict.reason));
	t->has_entry = true;
	t->entry = (struct record_new){.kind = RECORD_DELETE,
		.account = s->account,
		.object = t->id,
		.revision = t->known.revision + 1,
		.archive = t->verdict.archive,
		.at_us = r->now_us};
	r->n_gone++;
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
	}
	for (size_t i = 0; r->from == 0 && i < r->found.n_bad; i++)
		quarantine_put(b, s->id, r->found.bad[i].key, r->found.bad[i].raw,
			r->found.bad[i].error);
}

void
ingest_run_record(struct ingest_run *r, struct db_batch *b)
{
	size_t end = chunk_end(r);

	for (size_t i = r->from; i < end; i++)
		if (r->todo[i].has_entry)
			record_append(b, r->hub, &r->todo[i].entry);
}
