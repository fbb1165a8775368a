#include "ap/origin.h"

#include "ap/get.h"
#include "ap/keydoc.h"
#include "base/json.h"

struct origin_run {
	struct get get;
};

static step_fn origin_begin, origin_read, origin_failed;

static const struct flow origin_flow = {
	.name = "ap.origin",
	.size = sizeof(struct origin_run),
	.deadline_ms = 20000,
	.first = origin_begin,
	.failed = origin_failed,
};

static struct next
origin_begin(struct task *t)
{
	struct origin_run *r = task_state(t);

	return await_get(t, &r->get, *(const struct span *)task_arg(t), origin_read);
}

static struct next
origin_read(struct task *t)
{
	struct origin_run *r = task_state(t);
	struct arena *a = task_arena(t);
	enum origin *out = task_out(t);
	const struct err *e = get_error(&r->get);
	json_t *doc;

	if (e)
		return fail(t, e);
	switch (http_verdict(&r->get.call)) {
	case VERDICT_NOT_FOUND:
		*out = ORIGIN_MISSING;
		return done(t);
	case VERDICT_GONE:
		*out = ORIGIN_GONE;
		return done(t);
	case VERDICT_OK:
		break;
	default:
		return fail(t, err_new(a, ERR_UNAVAILABLE,
				       "its server answered %d when it was asked for the actor",
				       r->get.call.status));
	}
	*out = ORIGIN_THERE;
	if (keydoc_type_is_ap(r->get.call.content_type) &&
		!json_parse(a, r->get.call.reply, &json_limits_ap, &doc) &&
		span_is(json_text(json_object_get(doc, "type")), "Tombstone"))
		*out = ORIGIN_GONE;
	return done(t);
}

static struct next
origin_failed(struct task *t)
{
	return fail(t, task_error(t));
}

struct next
await_origin_at(
	struct task *t, struct span uri, enum origin *out, step_fn *then, const char *name)
{
	return task_call(t, &origin_flow, &uri, sizeof(uri), out, then, name);
}
