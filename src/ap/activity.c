#include "ap/activity.h"

#include "ap/context.h"
#include "hub/link.h"

/* Depth as FEDERATION.md says. */
static const struct json_limits activity_limits = {
	.bytes = 1 << 20, .depth = 20, .values = 10000, .string = 256 << 10};
#define ACTIVITY_TYPE_MAX 100
#define ACTIVITY_TAGS_MAX 50
#define ACTIVITY_ATTACHMENTS_MAX 20
#define ACTIVITY_OPTIONS_MAX 20

/* What an activity's object must be. */
enum activity_rule {
	RULE_ANY,    /* nothing is asked: it is only counted */
	RULE_ONE,    /* one id, of whomever */
	RULE_SOME,   /* one id or several */
	RULE_OWN,    /* one id of the actor's own */
	RULE_SAID,   /* the same, and a document that names the actor as its owner */
	RULE_UNDO,   /* a document of the actor's, perhaps without id */
	RULE_ANSWER, /* a document that was addressed to the actor */
};

static const struct {
	const char *name;
	enum activity_rule rule;
} activity_kinds[ACTIVITY_KINDS] = {
	[ACTIVITY_OTHER] = {"Other", RULE_ANY},
	[ACTIVITY_ACCEPT] = {"Accept", RULE_ANSWER},
	[ACTIVITY_ADD] = {"Add", RULE_ONE},
	[ACTIVITY_ANNOUNCE] = {"Announce", RULE_ONE},
	[ACTIVITY_BLOCK] = {"Block", RULE_ONE},
	[ACTIVITY_CREATE] = {"Create", RULE_SAID},
	[ACTIVITY_DELETE] = {"Delete", RULE_OWN},
	[ACTIVITY_EMOJI_REACT] = {"EmojiReact", RULE_ONE},
	[ACTIVITY_FLAG] = {"Flag", RULE_SOME},
	[ACTIVITY_FOLLOW] = {"Follow", RULE_ONE},
	[ACTIVITY_LIKE] = {"Like", RULE_ONE},
	[ACTIVITY_MOVE] = {"Move", RULE_ONE},
	[ACTIVITY_REJECT] = {"Reject", RULE_ANSWER},
	[ACTIVITY_REMOVE] = {"Remove", RULE_ONE},
	[ACTIVITY_UNDO] = {"Undo", RULE_UNDO},
	[ACTIVITY_UPDATE] = {"Update", RULE_SAID},
};

enum activity_kind
activity_kind_of(struct span type)
{
	for (int k = ACTIVITY_OTHER + 1; k < ACTIVITY_KINDS; k++)
		if (span_is(type, activity_kinds[k].name))
			return (enum activity_kind)k;
	return ACTIVITY_OTHER;
}

const char *
activity_kind_name(enum activity_kind k)
{
	assert(k >= 0 && k < ACTIVITY_KINDS);
	return activity_kinds[k].name;
}

bool
activity_is_of_itself(const struct activity_in *in)
{
	return (in->kind == ACTIVITY_DELETE || in->kind == ACTIVITY_UPDATE) &&
	       in->object.id.p && span_eq(in->object.id, in->actor);
}

/* ---- single members ---- */

/* The id where "string" or an object with an id may stand; a list gives none. */
static struct span
ref_id(const json_t *v)
{
	return json_is_object(v) ? json_text(json_object_get(v, "id")) : json_text(v);
}

static bool
same_origin(struct arena *a, struct span x, struct span y)
{
	return x.p && y.p && url_same_origin(a, x, y);
}

/* The first text of "type", which may be a list. */
static struct span
type_of(const json_t *j)
{
	const json_t *v = json_object_get(j, "type");
	struct span s = json_text(json_is_array(v) ? json_array_get(v, 0) : v);

	return s.n > 0 && s.n <= ACTIVITY_TYPE_MAX ? s : SPAN_NONE;
}

/* *out = an http(s) id at v, as written; or an error that names the member. */
static const struct err *
need_url(struct arena *a, const json_t *v, const char *member, struct span *out)
{
	const struct err *e;
	struct url u;

	*out = ref_id(v);
	if (!v || json_is_null(v))
		return err_new(a, ERR_INPUT, "\"%s\" is missing", member);
	if (!out->p)
		return err_new(a, ERR_INPUT,
			"\"%s\" must be one id, as a text or in an object's \"id\"", member);
	if ((e = url_parse(a, *out, &u)))
		return err_wrap(a, e, "\"%s\"", member);
	return NULL;
}

/* ---- the object ---- */

/*
 * Who a nested document says it is by. A list, a number or anything else that is not one id
 * is not "nobody" but wrong: *bad.
 */
static struct span
owner_of(const json_t *j, bool *bad)
{
	static const char *const members[] = {"attributedTo", "actor"};
	struct span owner = SPAN_NONE;

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const json_t *v = json_object_get(j, members[i]);
		struct span id = ref_id(v);

		if (!v || json_is_null(v))
			continue;
		if (!id.p || (owner.p && !span_eq(owner, id)))
			*bad = true;
		owner = id;
	}
	return owner;
}

static const struct err *
refuse_owner(struct arena *a, const struct activity_in *in)
{
	return err_new(a, ERR_INPUT, "the object of this %s is not its actor's own",
		activity_kind_name(in->kind));
}

static const struct err *
check_sizes(struct arena *a, const json_t *j)
{
	static const struct {
		const char *member;
		size_t max;
	} sizes[] = {{"tag", ACTIVITY_TAGS_MAX}, {"attachment", ACTIVITY_ATTACHMENTS_MAX},
		{"oneOf", ACTIVITY_OPTIONS_MAX}, {"anyOf", ACTIVITY_OPTIONS_MAX}};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		if (json_array_size(json_object_get(j, sizes[i].member)) > sizes[i].max)
			return err_new(a, ERR_TOO_LARGE, "\"%s\" has over %zu members",
				sizes[i].member, sizes[i].max);
	return NULL;
}

static const struct err *
check_own(struct arena *a, struct activity_in *in, const json_t *v)
{
	const struct activity_object *o = &in->object;
	bool whole = json_is_object(v);

	if (!o->id.p && in->kind != ACTIVITY_UNDO)
		return err_new(a, ERR_INPUT, "\"object.id\" is missing");
	if (o->id.p && !same_origin(a, o->id, in->actor))
		return refuse_owner(a, in);
	if (o->owner.p && !span_eq(o->owner, in->actor))
		return refuse_owner(a, in);
	if (!whole && in->kind == ACTIVITY_UNDO)
		return NULL;
	/* An actor owns itself and does not say so. */
	if (in->kind != ACTIVITY_DELETE && whole && !o->owner.p && !span_eq(o->id, in->actor))
		return refuse_owner(a, in);
	return check_sizes(a, v);
}

static const struct err *
check_answer(struct arena *a, struct activity_in *in)
{
	if (in->object.object.p && !span_eq(in->object.object, in->actor))
		return err_new(a, ERR_INPUT, "this %s answers what was asked of somebody else",
			activity_kind_name(in->kind));
	return NULL;
}

static const struct err *
read_object(struct arena *a, struct activity_in *in, const json_t *v)
{
	struct activity_object *o = &in->object;
	const struct err *e = NULL;
	bool bad = false;
	struct url u;

	o->id = ref_id(v);
	o->type = type_of(v);
	o->owner = owner_of(v, &bad);
	o->object = ref_id(json_object_get(v, "object"));
	if (o->id.p && (e = url_parse(a, o->id, &u)))
		return err_wrap(a, e, "\"object\"");
	switch (activity_kinds[in->kind].rule) {
	case RULE_ANY:
		return NULL;
	case RULE_ONE:
	case RULE_SOME:
		return o->id.p ? NULL : err_new(a, ERR_INPUT, "\"object\" has no id");
	case RULE_ANSWER:
		return check_answer(a, in);
	case RULE_OWN:
	case RULE_SAID:
	case RULE_UNDO:
		break;
	}
	return bad ? refuse_owner(a, in) : check_own(a, in, v);
}

/* "object" may be a list of one everywhere, of several only where that makes sense. */
static const struct err *
parse_object(struct arena *a, struct activity_in *in, const json_t *v)
{
	enum activity_rule rule = activity_kinds[in->kind].rule;
	const size_t n = json_is_array(v) ? json_array_size(v) : v && !json_is_null(v);

	if (n > 1 && rule != RULE_ANY && rule != RULE_SOME)
		return err_new(a, ERR_INPUT, "this %s has %zu objects: send one at a time",
			activity_kind_name(in->kind), n);
	if (n == 0)
		return rule == RULE_ANY ? NULL : err_new(a, ERR_INPUT, "\"object\" is missing");
	return read_object(a, in, json_is_array(v) ? json_array_get(v, 0) : v);
}

/* ---- the whole ---- */

static const struct err *
parse_signer(struct arena *a, const struct hub *h, struct activity_in *in)
{
	const json_t *actor = json_object_get(in->json, "actor");
	struct url u;
	const struct err *e = need_url(a, actor, "actor", &in->actor);

	if (!e)
		e = need_url(a, json_object_get(in->json, "id"), "id", &in->id);
	if (e)
		return e;
	if (url_parse(a, in->actor, &u) || u.fragment.p)
		return err_new(a, ERR_INPUT, "\"actor\" must be an id without a fragment");
	if (link_is_ours(a, h, in->actor))
		return err_new(a, ERR_INPUT, "\"actor\" is one of this hub");
	if (!same_origin(a, in->id, in->actor))
		return err_new(a, ERR_INPUT, "\"id\" and \"actor\" are of different hosts");
	return NULL;
}

static const struct err *
parse_target(struct arena *a, struct activity_in *in)
{
	bool move = in->kind == ACTIVITY_MOVE;
	const json_t *v = json_object_get(in->json, "target");
	struct span target;

	if (!move && in->kind != ACTIVITY_ADD && in->kind != ACTIVITY_REMOVE)
		return NULL;
	if (move && !span_eq(in->object.id, in->actor))
		return refuse_owner(a, in);
	return need_url(a, v, "target", &target);
}

const struct err *
activity_parse(struct arena *a, const struct hub *h, struct span body, struct activity_in *out)
{
	const struct err *e;
	json_t *doc;

	*out = (struct activity_in){0};
	if ((e = json_parse(a, body, &activity_limits, &doc)))
		return e;
	if (!json_is_object(doc))
		return err_new(a, ERR_INPUT, "the document is not an object");
	if ((e = context_check(a, doc)))
		return e;
	out->json = doc;
	out->type = type_of(doc);
	if (!out->type.p)
		return err_new(a, ERR_INPUT, "\"type\" is missing or not a short text");
	out->kind = activity_kind_of(out->type);
	if ((e = parse_signer(a, h, out)))
		return e;
	if ((e = parse_object(a, out, json_object_get(doc, "object"))))
		return e;
	return parse_target(a, out);
}
