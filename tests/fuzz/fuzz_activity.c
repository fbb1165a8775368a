/*
 * A body from an inbox. What is taken keeps the promises that the flows rely on, and what we
 * answer to it is taken by another hub.
 */
#include "fuzz/fuzz.h"
#include "ap/activity.h"
#include "hub/link.h"

static const struct hub here = {.base = {.p = "https://hub.example", .n = 19},
	.authority = {.p = "hub.example", .n = 11},
	.media_base = {.p = "https://media.hub.example", .n = 25}};
static const struct hub elsewhere = {.base = {.p = "https://elsewhere.example", .n = 25}};

static bool
is_url(struct arena *a, struct span s)
{
	struct url u;

	return !url_parse(a, s, &u);
}

static bool
is_of_actor(enum activity_kind k)
{
	return k == ACTIVITY_CREATE || k == ACTIVITY_UPDATE || k == ACTIVITY_DELETE ||
	       k == ACTIVITY_UNDO;
}

static void
check_object(struct arena *a, const struct activity_in *in)
{
	const struct activity_object *o = &in->object;
	bool own = is_of_actor(in->kind);

	assert(!o->id.p || is_url(a, o->id));
	if (in->kind == ACTIVITY_OTHER)
		return;
	assert(o->id.p || in->kind == ACTIVITY_UNDO || in->kind == ACTIVITY_ACCEPT ||
		in->kind == ACTIVITY_REJECT);
	if (!own)
		return;
	assert(!o->id.p || url_same_origin(a, o->id, in->actor));
	assert(!o->id.p || !link_is_ours(a, &here, o->id));
	assert(!o->owner.p || span_eq(o->owner, in->actor));
}

static void
check_answer(struct arena *a, const struct activity_in *in)
{
	const struct account hub = {.id = 8,
		.kind = SPAN("hub"),
		.slug = SPAN("hub"),
		.actor_type = SPAN("Service")};
	json_t *accept = activity_accept(a, &here, &hub, in);
	struct activity_in back;
	bool taken = !activity_parse(
		a, &elsewhere, object_document(a, CONTEXT_PLAIN, accept), &back);

	/* Unless the Follow was of somebody else, which is not ours to accept. */
	assert(taken == span_is(in->object.id, "https://hub.example/hub"));
	if (taken)
		assert(span_eq(back.object.id, in->id));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct activity_in in;
	const struct err *e = activity_parse(a, &here, span_from(data, size), &in);

	if (e) {
		assert(err_status(e) == 400 || err_status(e) == 413);
		assert(err_text(a, e).n > 0);
	} else {
		assert(in.type.n > 0 && json_is_object(in.json));
		assert(is_url(a, in.id) && is_url(a, in.actor));
		assert(url_same_origin(a, in.id, in.actor));
		assert(!link_is_ours(a, &here, in.actor));
		check_object(a, &in);
		if (in.kind == ACTIVITY_FOLLOW)
			check_answer(a, &in);
	}
	arena_free(a);
	return 0;
}
