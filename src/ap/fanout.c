#include "ap/fanout.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ap/activity.h"
#include "ap/own.h"
#include "db/db.h"
#include "hub/delivery.h"
#include "hub/hub.h"
#include "task/repeat.h"

#define FANOUT_BEHIND_MS 10000 /* how long hints are left to the worker that was faster */
#define FANOUT_READER SPAN("fanout")

struct fanout {
	struct repeat *repeat;
	int64_t behind_until_ms; /* monotonic */
};

/* ---- pure ---- */

bool
fanout_tells(const struct record_entry *entries, size_t n, size_t i)
{
	const struct record_entry *e = &entries[i];

	if (e->archive)
		return false;
	if (span_is(e->kind, "delete") || span_is(e->kind, "actor"))
		return true;
	if (!e->content.p)
		return false;
	for (size_t k = i + 1; k < n; k++)
		if (entries[k].object == e->object && span_is(entries[k].kind, "delete"))
			return false;
	return true;
}

/* ---- one batch ---- */

struct fanout_run {
	struct db_batch batch;
	size_t i_place;
	struct reader_place place;
	struct record_entry *entries;
	size_t n, at;
	const struct own **author; /* of each entry */
	const struct own *hub;
};

static step_fn fanout_begin, fanout_place, fanout_read, fanout_authors, fanout_build,
	fanout_done, fanout_failed;

static const struct flow fanout_flow = {
	.name = "ap.fanout",
	.size = sizeof(struct fanout_run),
	.deadline_ms = 60000,
	.first = fanout_begin,
	.failed = fanout_failed,
};

static struct next
fanout_begin(struct task *t)
{
	struct fanout_run *r = task_state(t);

	db_batch_init(&r->batch, task_arena(t));
	r->i_place = reader_read(&r->batch, FANOUT_READER, true);
	return await_commit(t, &r->batch, fanout_place);
}

static struct next
fanout_place(struct task *t)
{
	struct fanout_run *r = task_state(t);
	const struct err *e;

	if (db_rows(&r->batch, r->i_place) == 0)
		return fail(t, err_new(task_arena(t), ERR_NOT_FOUND,
				       "this database has no record to read"));
	if ((e = reader_row(&r->batch, r->i_place, &r->place)))
		return fail(t, e);
	db_batch_init(&r->batch, task_arena(t));
	(void)record_after(&r->batch, task_env(t)->hub, r->place.epoch, r->place.seq,
		FANOUT_ENTRIES, true);
	return await_rows(t, &r->batch, fanout_read);
}

static struct next
fanout_read(struct task *t)
{
	struct fanout_run *r = task_state(t);
	struct arena *a = task_arena(t);
	const struct err *e;

	r->n = db_rows(&r->batch, 0);
	if (r->n == 0)
		return done(t);
	r->entries = ARENA_ARRAY(a, r->n, struct record_entry);
	r->author = ARENA_ARRAY(a, r->n, const struct own *);
	for (size_t i = 0; i < r->n; i++)
		if ((e = record_row(&r->batch, 0, i, &r->entries[i])))
			return fail(t, e);
	return await_own(t, task_env(t)->hub->hub_account, &r->hub, fanout_authors);
}

/* One author after the other; nearly always from memory. */
static struct next
fanout_authors(struct task *t)
{
	struct fanout_run *r = task_state(t);

	while (r->at < r->n && !fanout_tells(r->entries, r->n, r->at))
		r->at++;
	if (r->at == r->n)
		return go(t, fanout_build);
	r->at++;
	return await_own(
		t, r->entries[r->at - 1].account, &r->author[r->at - 1], fanout_authors);
}

static void
fanout_tell(struct fanout_run *r, const struct own *by, int64_t object, const char *type,
	enum object_context context, const json_t *j, enum delivery_to to)
{
	const struct activity_new v = {.account = by->account.id,
		.object = object,
		.uri = activity_id(j),
		.type = span_of(type),
		.body = object_document(r->batch.arena, context, j)};

	activity_put(&r->batch, &v);
	delivery_fan_out(&r->batch, &v, to);
}

static void
fanout_delete(struct fanout_run *r, const struct hub *h, const struct record_entry *e,
	const struct own *author)
{
	struct arena *a = r->batch.arena;

	fanout_tell(r, author, e->object, "Delete", CONTEXT_PLAIN,
		activity_delete(a, h, &author->account, e->object, e->at_us), DELIVER_EVERYONE);
	fanout_tell(r, r->hub, e->object, "Undo", CONTEXT_PLAIN,
		activity_undo_announce(a, h, &r->hub->account, &author->account, e->object),
		DELIVER_REACH);
}

static const struct err *
fanout_post(struct fanout_run *r, const struct hub *h, const struct record_entry *e,
	const struct own *author)
{
	struct arena *a = r->batch.arena;
	struct post_media *media;
	struct post post;
	size_t n;
	const struct err *bad = post_content_parse(a, e->content, &post, &media, &n);

	if (bad)
		return bad;
	if (span_is(e->kind, "update")) {
		fanout_tell(r, author, e->object, "Update", CONTEXT_NOTE,
			activity_update(a, h, &post, media, n), DELIVER_EVERYONE);
		return NULL;
	}
	fanout_tell(r, author, e->object, "Create", CONTEXT_NOTE,
		activity_create(a, h, &post, media, n), DELIVER_FOLLOWERS);
	fanout_tell(r, r->hub, e->object, "Announce", CONTEXT_PLAIN,
		activity_announce(a, h, &r->hub->account, &author->account, e->object),
		DELIVER_FOLLOWERS);
	return NULL;
}

static const struct err *
fanout_entry(struct fanout_run *r, const struct hub *h, size_t i)
{
	const struct record_entry *e = &r->entries[i];
	const struct own *author = r->author[i];

	if (!author)
		return NULL;
	if (span_is(e->kind, "delete")) {
		fanout_delete(r, h, e, author);
		return NULL;
	}
	if (!span_is(e->kind, "actor"))
		return fanout_post(r, h, e, author);
	fanout_tell(r, author, author->account.id, "Update", CONTEXT_ACTOR,
		activity_update_actor(r->batch.arena, h, &author->account, e->revision),
		DELIVER_EVERYONE);
	return NULL;
}

static struct next
fanout_build(struct task *t)
{
	struct fanout_run *r = task_state(t);
	const struct hub *h = task_env(t)->hub;
	const struct record_entry *last = &r->entries[r->n - 1];

	db_batch_init(&r->batch, task_arena(t));
	for (size_t i = 0; i < r->n; i++) {
		const struct err *e = fanout_entry(r, h, i);

		/* What cannot be read now will not be read later: it must not hold up the rest.
		 */
		if (e)
			log_error(t, "entry_unreadable",
				"epoch=%" PRId64 " seq=%" PRId64 " error=%.*s",
				r->entries[i].epoch, r->entries[i].seq,
				LOG_STR(err_text(task_arena(t), e)));
	}
	reader_move(&r->batch, FANOUT_READER, r->place,
		(struct reader_place){.epoch = last->epoch, .seq = last->seq});
	return await_commit(t, &r->batch, fanout_done);
}

static struct next
fanout_done(struct task *t)
{
	const struct fanout_run *r = task_state(t);
	struct fanout *f = repeat_arg(t);

	if (r->n == FANOUT_ENTRIES) /* there may be more */
		repeat_hint(f->repeat);
	log_debug(t, "fanned_out", "entries=%zu seq=%" PRId64, r->n, r->entries[r->n - 1].seq);
	return done(t);
}

static struct next
fanout_failed(struct task *t)
{
	struct fanout *f = repeat_arg(t);

	/* Somebody was faster, with the same batch: both need not make it every time. */
	if (task_error(t)->kind == ERR_CONFLICT)
		f->behind_until_ms = clock_mono_ms() + FANOUT_BEHIND_MS;
	return fail(t, task_error(t));
}

/* ---- the service ---- */

static void
fanout_hint(void *arg)
{
	struct fanout *f = arg;

	if (clock_mono_ms() >= f->behind_until_ms)
		repeat_hint(f->repeat);
}

struct fanout *
fanout_start(struct env *env)
{
	struct fanout *f = xcalloc(1, sizeof(*f));

	f->repeat = repeat_start(
		env->loop, &(const struct repeat_opts){
				   .flow = &fanout_flow, .arg = f, .pause_ms = FANOUT_POLL_MS});
	db_listen(env->db, "record", fanout_hint, f);
	return f;
}

void
fanout_free(struct fanout *f)
{
	if (!f)
		return;
	repeat_free(f->repeat);
	free(f);
}
