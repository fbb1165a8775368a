/*
 * The media host: files of the store by name, as long as something public shows them.
 *
 * That a file may be served is remembered in the cache under its name, so it ends with the
 * generation: a withdrawn post takes its pictures along. A name never gets other bytes, so
 * clients keep what they have.
 */
#include "hub/media.h"
#include "net/blob.h"
#include "web/app.h"
#include "web/cache.h"

static struct span
blob_type(struct span name)
{
	static const struct {
		const char *ext, *type;
	} types[] = {{".webp", "image/webp"}, {".jpg", "image/jpeg"}, {".png", "image/png"},
		{".gif", "image/gif"}, {".mp4", "video/mp4"}, {".mp3", "audio/mpeg"},
		{".pdf", "application/pdf"}};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (span_ends(name, span_of(types[i].ext)))
			return span_of(types[i].type);
	return SPAN("application/octet-stream");
}

static const struct err *
blob_none(struct httpd_req *r)
{
	return err_new(httpd_arena(r), ERR_NOT_FOUND, "there is no such file");
}

static void
blob_send(struct httpd_req *r, struct span name)
{
	static const struct http_header download = {
		.name = {"Content-Disposition", 19}, .value = {"attachment", 10}};
	struct httpd_reply head = {
		.status = 200,
		.type = blob_type(name),
		.etag = arena_printf(httpd_arena(r), "\"%.*s\"", SPAN_FMT(name)),
		.cache_control = SPAN("public, max-age=31536000, s-maxage=86400, immutable"),
		.csp = SPAN("default-src 'none'; sandbox"),
		.cors = true,
	};
	int fd;
	int64_t size;
	const struct err *e = blob_open(httpd_env(r)->blobs, httpd_arena(r), name, &fd, &size);

	if (e) {
		httpd_send_error(r, e);
		return;
	}
	if (!span_starts(head.type, SPAN("image/"))) {
		head.more = &download;
		head.n_more = 1;
	}
	httpd_send_file(r, fd, size, &head);
}

/* ---- may it be seen? ---- */

struct blob_ask {
	struct db_batch batch;
	int64_t generation;
};

static step_fn blob_look, blob_looked, blob_failed;

static const struct flow blob_flow = {
	.name = "web.blob",
	.size = sizeof(struct blob_ask),
	.deadline_ms = 8000,
	.first = blob_look,
	.failed = blob_failed,
};

static struct next
blob_look(struct task *t)
{
	struct blob_ask *s = task_state(t);

	s->generation = cache_generation(task_env(t)->web->cache);
	db_batch_init(&s->batch, task_arena(t));
	s->batch.lane = DB_LANE_PUBLIC;
	(void)media_blob_public(&s->batch, httpd_match(httpd_task_req(t))->capture[0]);
	return await_rows(t, &s->batch, blob_looked);
}

static struct next
blob_looked(struct task *t)
{
	struct blob_ask *s = task_state(t);
	struct httpd_req *r = httpd_task_req(t);
	struct web *w = task_env(t)->web;
	struct span name = httpd_match(r)->capture[0];
	int64_t shown = 0;

	if (!db_one_int(&s->batch, 0, &shown) || !shown)
		return fail(t, blob_none(r));
	cache_put(w->cache, name, s->generation, w->yes);
	blob_send(r, name);
	return done(t);
}

static struct next
blob_failed(struct task *t)
{
	httpd_send_error(httpd_task_req(t), task_error(t));
	return done(t);
}

static void
blob_handle(struct httpd_req *r, const struct route_match *m)
{
	struct span name = m->capture[0];

	/* Names are 64 digits and more: no page's key is one. */
	if (!blob_name_valid(name))
		httpd_send_error(r, blob_none(r));
	else if (cache_get(httpd_env(r)->web->cache, name))
		blob_send(r, name);
	else
		httpd_run(r, &blob_flow);
}

static const struct route blob_list[] = {
	{.methods = HTTPD_GET, .pattern = "/{blob}", .site = SITE_MEDIA, .handle = blob_handle},
};
const struct route_table blob_routes = WEB_ROUTES(blob_list);
