#include "media/picture.h"

#include "base/text.h"
#include "crypto/digest.h"
#include "media/plan.h"
#include "net/blob.h"
#include "net/http.h"
#include "task/proc.h"
#include "task/work.h"

#define PICTURE_ACCEPT "image/webp, image/jpeg, image/png, image/gif, */*;q=0.1"

struct picture {
	struct arena *arena;
	struct span url;
	struct db_batch tx;
	size_t row;
	struct http_call call;
	struct http_header accept;
	unsigned char sha256[SHA256_SIZE];
	struct plan plan;
	struct span request, reply;
	struct frame_reply made;
	struct span refused; /* why nothing can be made of it */
	char large[BLOB_NAME_MAX], small[BLOB_NAME_MAX];
};

static step_fn picture_begin, picture_seen, picture_fetched, picture_read, picture_known,
	picture_made, picture_large, picture_small, picture_kept, picture_failed;

const struct flow picture_flow = {
	.name = "media.picture",
	.size = sizeof(struct picture),
	.deadline_ms = 300000,
	.first = picture_begin,
	.failed = picture_failed,
};

static struct next
picture_begin(struct task *t)
{
	struct picture *p = task_state(t);
	const struct picture_arg *arg = task_arg(t);

	p->arena = arg->arena;
	p->url = arg->url;
	db_batch_init(&p->tx, task_arena(t));
	(void)media_by_url(&p->tx, p->url);
	return await_rows(t, &p->tx, picture_seen);
}

/* Out of the batch's memory into the asker's. */
static struct next
picture_take(struct task *t)
{
	struct picture *p = task_state(t);
	struct media *out = task_out(t);
	const struct err *e = media_row(&p->tx, p->row, 0, out);
	struct span *const texts[] = {&out->sha256, &out->source_url, &out->type, &out->state,
		&out->blob, &out->blob_type, &out->small_blob, &out->blurhash, &out->error};

	if (e)
		return fail(t, e);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (texts[i]->p)
			*texts[i] = arena_dup(p->arena, *texts[i]);
	if (!span_is(out->state, "ready"))
		return fail(t, err_new(task_arena(t), ERR_UNPROCESSABLE, "%.*s",
				       SPAN_FMT(out->error.n ? out->error
							     : SPAN("it cannot be decoded"))));
	return done(t);
}

static struct next
picture_seen(struct task *t)
{
	struct picture *p = task_state(t);

	if (db_rows(&p->tx, 0) > 0)
		return picture_take(t);
	p->accept = (struct http_header){.name = SPAN("Accept"), .value = SPAN(PICTURE_ACCEPT)};
	p->call = (struct http_call){
		.kind = HTTP_IMAGE, .url = p->url, .headers = &p->accept, .n_headers = 1};
	return await_http(t, &p->call, picture_fetched);
}

/* ---- the bytes ---- */

static void
picture_read_work(void *arg)
{
	struct picture *p = arg;

	digest_sha256(p->call.reply, p->sha256);
}

static struct next
picture_fetched(struct task *t)
{
	struct picture *p = task_state(t);

	if (http_verdict(&p->call) != VERDICT_OK)
		return fail(t, http_error(task_arena(t), &p->call));
	return await_work(t, picture_read_work, p, picture_read);
}

static struct next
picture_read(struct task *t)
{
	struct picture *p = task_state(t);
	const struct err *e =
		plan_picture(task_arena(t), p->call.content_type, p->call.reply, &p->plan);

	if (e)
		return fail(t, e);
	db_batch_init(&p->tx, task_arena(t));
	(void)media_by_sha256(&p->tx, span_from(p->sha256, sizeof(p->sha256)));
	return await_rows(t, &p->tx, picture_known);
}

/* ---- made anew ---- */

static void
picture_request_fini(void *b)
{
	buf_fini(b);
}

static struct next
picture_known(struct task *t)
{
	struct picture *p = task_state(t);
	struct arena *a = task_arena(t);
	const struct frame_request r = {.format = p->plan.format,
		.large = p->plan.large,
		.small = p->plan.small,
		.file = p->call.reply};
	struct buf *b;

	if (db_rows(&p->tx, 0) > 0)
		return picture_take(t);
	b = ARENA_NEW(a, struct buf);
	buf_init(b, FRAME_REQUEST_MAX);
	arena_own(a, picture_request_fini, b);
	frame_request_put(b, &r);
	p->request = buf_span(b);
	return await_proc(t, task_env(t)->media, p->request, &p->reply, picture_made);
}

/* The row of these bytes, good or bad, in one commit of its own: it is about nothing else. */
static struct next
picture_keep(struct task *t)
{
	struct picture *p = task_state(t);
	struct media m = {.sha256 = span_from(p->sha256, sizeof(p->sha256)),
		.source_url = p->url,
		.type = SPAN("image"),
		.state = SPAN("bad"),
		.error = p->refused};

	if (!p->refused.p) {
		m.state = SPAN("ready");
		m.error = SPAN_NONE;
		m.blob = span_of(p->large);
		m.blob_type = SPAN("image/webp");
		m.small_blob = span_of(p->small);
		m.blurhash = p->made.blurhash;
		m.width = p->made.large_size.width;
		m.height = p->made.large_size.height;
		m.bytes = (int64_t)p->made.large.n;
		m.small_width = p->made.small_size.width;
		m.small_height = p->made.small_size.height;
	}
	db_batch_init(&p->tx, task_arena(t));
	p->row = media_put(&p->tx, &m);
	return await_commit(t, &p->tx, picture_kept);
}

static struct next
picture_made(struct task *t)
{
	struct picture *p = task_state(t);
	struct arena *a = task_arena(t);
	const struct err *e;

	if (!frame_reply_get(p->reply, &p->made))
		return fail(t,
			err_new(a, ERR_UPSTREAM, "the helper's answer cannot be understood"));
	if (p->made.status == FRAME_FAILED)
		return fail(t, err_new(a, ERR_UNAVAILABLE, "%.*s",
				       SPAN_FMT(text_clean_line(a, p->made.reason, 300))));
	if (p->made.status == FRAME_REFUSED) {
		p->refused = text_clean_line(a, p->made.reason, 300);
		return picture_keep(t);
	}
	if ((e = plan_check(a, &p->plan, &p->made)))
		return fail(t, e);
	return await_blob_put(t, p->made.large, SPAN("webp"), p->large, picture_large);
}

static struct next
picture_large(struct task *t)
{
	struct picture *p = task_state(t);

	return await_blob_put(t, p->made.small, SPAN("webp"), p->small, picture_small);
}

/* Both files are on disk: now a row may name them. */
static struct next
picture_small(struct task *t)
{
	return picture_keep(t);
}

static struct next
picture_kept(struct task *t)
{
	return picture_take(t);
}

static struct next
picture_failed(struct task *t)
{
	return fail(t, task_error(t));
}
