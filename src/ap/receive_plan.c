#include "ap/receive.h"

#include "hub/link.h"

#define RECEIVE_TRIES 10

static struct receive_plan
receive_plan_undo(const struct hub *h, const struct activity_in *in)
{
	struct receive_plan p = {.kind = RECEIVE_UNFOLLOW, .outcome = "unfollowed"};
	const struct activity_object *o = &in->object;

	/* A bare id may be of a Like as well; then it is no follow's and nothing happens. */
	if (o->type.p && activity_kind_of(o->type) != ACTIVITY_FOLLOW)
		return (struct receive_plan){.outcome = "counted"};
	p.follow = o->id;
	if (!link_parse_actor(h, o->object, &p.slug))
		p.slug = SPAN_NONE;
	return p.slug.p || p.follow.p ? p : (struct receive_plan){.outcome = "counted"};
}

struct receive_plan
receive_plan(const struct hub *h, const struct activity_in *in)
{
	struct receive_plan p = {.outcome = "counted"};
	bool ours = link_parse_actor(h, in->object.id, &p.slug);

	switch (in->kind) {
	case ACTIVITY_FOLLOW:
		if (!ours || span_is(p.slug, "actor")) {
			p.outcome = "refused: nobody here can be followed under that id";
			return p;
		}
		p.kind = RECEIVE_FOLLOW;
		p.follow = in->id;
		p.outcome = "followed";
		return p;
	case ACTIVITY_UNDO:
		return receive_plan_undo(h, in);
	case ACTIVITY_BLOCK:
		if (ours)
			p = (struct receive_plan){.kind = RECEIVE_UNFOLLOW,
				.slug = p.slug,
				.outcome = "blocked by the follower"};
		return p;
	case ACTIVITY_ACCEPT:
		p.outcome = "accepted";
		return p;
	case ACTIVITY_REJECT:
		p.outcome = "rejected";
		return p;
	case ACTIVITY_DELETE:
	case ACTIVITY_UPDATE:
		if (!activity_is_of_itself(in))
			return p;
		p.kind = in->kind == ACTIVITY_DELETE ? RECEIVE_GONE : RECEIVE_REFRESH;
		p.outcome = in->kind == ACTIVITY_DELETE ? "actor deleted" : "actor refreshed";
		return p;
	default:
		return p;
	}
}

enum receive_end
receive_judge(const struct err *e, enum receive_kind kind, int64_t attempt)
{
	if (e->kind == ERR_CONFLICT)
		return RECEIVE_END_LOST;
	if (e->kind == ERR_STOPPED)
		return RECEIVE_END_BACK;
	if (kind == RECEIVE_REFRESH && e->kind == ERR_UNAVAILABLE)
		return RECEIVE_END_OUTCOME; /* the next time its key is needed will do */
	if (err_retry(e) == ERR_RETRY_NEVER)
		return RECEIVE_END_OUTCOME;
	if (attempt < RECEIVE_TRIES)
		return RECEIVE_END_AGAIN;
	/* Their server's trouble is no work for our operator; ours is. */
	return kind == RECEIVE_GONE ? RECEIVE_END_OUTCOME : RECEIVE_END_BURY;
}
