#include "media/pull.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "db/queue.h"
#include "hub/post.h"
#include "media/picture.h"
#include "media/plan.h"
#include "task/group.h"

#define PULL_AT_ONCE 2 /* of one post: they mostly come from one host */
#define PULL_ERROR_MAX 300
#define PULL_BACKOFF_MS 500
#define PULL_BACKOFF_MAX_MS 60000

/* A picture that is still to be had. */
struct pull_open {
	struct post_media *m;
	struct media found;
	size_t child;
	const struct err *error; /* NULL = found */
};

struct pull {
	const struct job *job;
	int64_t post_id;
	int64_t bare_until; /* revision up to which pictures that are not there are given up */
	bool bare;          /* that is this one */
	struct db_batch tx;
	struct post post;
	struct post_media *media;
	size_t n_media;
	int64_t said; /* last revision in the record, 0 = none */
	struct group group;
	struct pull_open *open;
	size_t n_open;
	struct pull_outcome {
		size_t came, may_come; /* pictures: there, and worth another try */
		struct span why;       /* of the first that failed */
	} seen;
	int64_t release_as; /* id of a post that was never public; 0 = it keeps its own */
};

static step_fn pull_begin, pull_loaded, pull_fetched, pull_settle, pull_named, pull_write,
	pull_done, pull_failed;

const struct flow media_flow = {
	.name = "media.pull",
	.size = sizeof(struct pull),
	.deadline_ms = 1800000,
	.first = pull_begin,
	.failed = pull_failed,
};

static struct next
pull_begin(struct task *t)
{
	struct pull *p = task_state(t);
	struct arena *a = task_arena(t);
	const struct err *e;
	json_t *args;
	bool bare = false;

	p->job = task_arg(t);
	if ((e = json_parse(a, p->job->args, &json_limits_ap, &args)))
		return fail(t, e);
	if (!json_want_int(args, "post", 1, INT64_MAX, &p->post_id))
		return fail(t, err_new(a, ERR_INPUT, "a media job without its post"));
	if (json_want_bool(args, "bare", &bare) && bare)
		(void)json_want_int(args, "revision", 1, INT64_MAX, &p->bare_until);
	/* After two crashes of the worker at this job it is not tried a third time. */
	if (p->job->crashes >= JOB_CRASHES_MAX - 1)
		p->bare_until = INT64_MAX;
	db_batch_init(&p->tx, a);
	(void)post_any(&p->tx, p->post_id);
	(void)record_said(&p->tx, task_env(t)->hub, p->post_id);
	return await_rows(t, &p->tx, pull_loaded);
}

/* ---- getting them ---- */

static bool
pull_is_open(const struct post_media *m)
{
	return span_is(m->type, "image") && !m->media && !m->error.p;
}

static void
pull_ask(struct task *t, struct pull *p)
{
	struct arena *a = task_arena(t);

	group_init(&p->group, t, PULL_AT_ONCE);
	p->open = ARENA_ARRAY(a, p->n_media, struct pull_open);
	for (size_t i = 0; i < p->n_media; i++) {
		const struct picture_arg arg = {.arena = a, .url = p->media[i].source_url};
		struct pull_open *o;

		if (!pull_is_open(&p->media[i]))
			continue;
		o = &p->open[p->n_open++];
		o->m = &p->media[i];
		if (!p->bare)
			o->child = group_add(
				&p->group, &picture_flow, &arg, sizeof(arg), &o->found);
	}
}

static bool
pull_is_live(const struct post *p)
{
	return span_is(p->state, "published") || span_is(p->state, "held");
}

static struct next
pull_loaded(struct task *t)
{
	struct pull *p = task_state(t);
	const struct err *e;

	if (db_rows(&p->tx, 0) == 0)
		return go(t, pull_settle);
	if ((e = post_row(&p->tx, 0, 0, &p->post)) ||
		(e = record_said_row(&p->tx, 1, &p->said)) ||
		(e = post_media_parse(task_arena(t), &p->post, &p->media, &p->n_media)))
		return fail(t, e);
	if (!pull_is_live(&p->post))
		return go(t, pull_settle);
	/* An edit that came since has pictures of its own, and found this job in its way. */
	p->bare = p->post.revision <= p->bare_until;
	pull_ask(t, p);
	return await_all(t, &p->group, pull_fetched);
}

static struct next
pull_fetched(struct task *t)
{
	struct pull *p = task_state(t);

	for (size_t i = 0; i < p->n_open; i++)
		p->open[i].error = p->bare ? err_new(task_arena(t), ERR_UNPROCESSABLE,
						     "fetching it brought the program down or "
						     "was given up")
					   : group_error(&p->group, p->open[i].child);
	return go(t, pull_settle);
}

/* ---- what has come of it ---- */

static void
pull_found(struct post_media *m, const struct media *f)
{
	m->media = f->id;
	m->blob = f->blob;
	m->blob_type = f->blob_type;
	m->small_blob = f->small_blob;
	m->blurhash = f->blurhash;
	m->width = f->width;
	m->height = f->height;
	m->small_width = f->small_width;
	m->small_height = f->small_height;
	m->bytes = f->bytes;
}

/* Writes what is certain into the post's media; `last`: what may still come is given up. */
static struct pull_outcome
pull_apply(struct task *t, struct pull *p, bool last)
{
	struct pull_outcome out = {.why = SPAN("")};

	for (size_t i = 0; i < p->n_open; i++) {
		struct pull_open *o = &p->open[i];
		struct span why;

		if (!o->error) {
			pull_found(o->m, &o->found);
			out.came++;
			continue;
		}
		why = text_truncate(
			task_arena(t), err_text(task_arena(t), o->error), PULL_ERROR_MAX);
		if (!out.why.n)
			out.why = why;
		if (err_retry(o->error) == ERR_RETRY_NEVER || last)
			o->m->error = why;
		else
			out.may_come++;
	}
	return out;
}

static bool
pull_holds(const struct post *p)
{
	return span_is(p->state, "held") && span_is(p->reason, "media");
}

/*
 * The entry that is due, into *out; false when there is nothing to say. Held posts are said for
 * the first time; an edit that waited for its pictures is said now; pictures that come to what
 * has been said already make a revision of their own. An archive's dates stay as they were.
 */
static bool
pull_say(struct task *t, struct pull *p, size_t came, struct record_new *out)
{
	const int64_t now = clock_us();
	enum record_kind kind = RECORD_UPDATE;

	if (pull_holds(&p->post)) {
		const int64_t held_as = p->post.id;

		if (p->release_as)
			p->post.id = p->release_as;
		post_release(&p->tx, held_as, p->post.id);
		kind = RECORD_CREATE;
	} else if (!span_is(p->post.state, "published")) {
		return false;
	} else if (p->said >= p->post.revision) {
		if (came == 0)
			return false;
		post_pictured(&p->tx, p->post.id, p->post.revision,
			p->post.archive ? TIME_NONE : now);
		p->post.revision++;
		if (!p->post.archive)
			p->post.edited_us = now;
	}
	*out = post_entry(task_arena(t), kind, &p->post, p->media, p->n_media, now);
	return true;
}

static void
pull_finish(struct pull *p)
{
	(void)queue_finish(&p->tx, &p->job->id, &p->job->token, 1);
}

/* The rest is tried on, under the name that the post has now. */
static void
pull_again(struct task *t, struct pull *p)
{
	struct arena *a = task_arena(t);

	if (p->release_as)
		queue_rename(&p->tx, p->job, arena_printf(a, "%" PRId64, p->post.id),
			arena_printf(a, "{\"post\":%" PRId64 "}", p->post.id));
	queue_retry(&p->tx, p->job, plan_pause_ms(p->job->attempt), p->seen.why);
}

static struct next
pull_settle(struct task *t)
{
	struct pull *p = task_state(t);

	p->seen = pull_apply(t, p, plan_pause_ms(p->job->attempt) == 0);
	db_batch_init(&p->tx, task_arena(t));
	if (p->seen.may_come > 0 && p->job->attempt < PULL_HOLD_TRIES) {
		queue_fence(&p->tx, p->job);
		pull_again(t, p);
		return await_commit(t, &p->tx, pull_done);
	}
	if (!pull_holds(&p->post) || p->post.dated || p->said)
		return go(t, pull_write);
	(void)post_ids(&p->tx, &(const int64_t){TIME_NONE}, 1);
	return await_rows(t, &p->tx, pull_named);
}

static struct next
pull_named(struct task *t)
{
	struct pull *p = task_state(t);
	const struct err *e = post_ids_row(&p->tx, 0, 0, &p->release_as);

	return e ? fail(t, e) : go(t, pull_write);
}

static struct next
pull_write(struct task *t)
{
	struct pull *p = task_state(t);
	struct record_new entry;
	bool said = false;

	db_batch_init(&p->tx, task_arena(t));
	queue_fence(&p->tx, p->job);
	if (p->post.id) {
		post_guard(&p->tx, &p->post);
		for (size_t i = 0; i < p->n_open; i++)
			post_media_put(&p->tx, p->open[i].m);
		said = pull_is_live(&p->post) && pull_say(t, p, p->seen.came, &entry);
	}
	if (p->seen.may_come > 0)
		pull_again(t, p);
	else
		pull_finish(p);
	if (said)
		record_append(&p->tx, task_env(t)->hub, &entry);
	if (p->seen.why.n)
		log_info(t, "pictures_missing", "post=%" PRId64 " tries=%" PRId64 " why=%.*s",
			p->post.id, p->job->attempt, LOG_STR(p->seen.why));
	return await_commit(t, &p->tx, pull_done);
}

static struct next
pull_done(struct task *t)
{
	return done(t);
}

/*
 * Our own trouble: the database, a stop, an edit that came in between. It is all done again; a
 * stop does not cost the pictures one of their tries.
 */
static struct next
pull_failed(struct task *t)
{
	struct pull *p = task_state(t);
	struct arena *a = task_arena(t);
	const struct err *e = task_error(t);
	const struct span text = err_text(a, e);

	log_at((enum log_level)err_level(e), task_log_ctx(t), "pull_failed",
		"post=%" PRId64 " error=%.*s", p->post_id, LOG_STR(text));
	db_batch_init(&p->tx, a);
	if (e->kind == ERR_STOPPED)
		queue_give_back(&p->tx, p->job);
	else if (err_retry(e) == ERR_RETRY_NEVER && e->kind != ERR_CONFLICT)
		queue_bury(&p->tx, p->job, text);
	else
		queue_retry(&p->tx, p->job,
			queue_backoff_ms(p->job->attempt, PULL_BACKOFF_MS, PULL_BACKOFF_MAX_MS),
			text);
	return await_commit(t, &p->tx, pull_done);
}
