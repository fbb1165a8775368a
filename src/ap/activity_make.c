#include "ap/activity.h"

#include <inttypes.h>

#include "base/codec.h"
#include "crypto/digest.h"
#include "hub/link.h"

static json_t *
make(struct arena *a, struct span id, const char *type, struct span actor)
{
	json_t *j = json_own(a, json_object());

	json_object_set_new(j, "id", json_str(id));
	json_object_set_new(j, "type", json_string(type));
	json_object_set_new(j, "actor", json_str(actor));
	return j;
}

static void
published(struct arena *a, json_t *j, int64_t us)
{
	json_object_set_new(j, "published", json_str(time_rfc3339(a, us)));
}

struct span
activity_id(const json_t *activity)
{
	return json_text(json_object_get(activity, "id"));
}

static json_t *
make_of_post(struct arena *a, const struct hub *h, const struct post *p, const char *type,
	struct span what, int64_t at_us)
{
	struct account author = object_author(p);
	json_t *j = make(a, link_activity(a, h, &author, p->id, what), type,
		link_actor(a, h, &author, LINK_SELF));

	published(a, j, at_us);
	object_address(a, h, &author, j);
	return j;
}

json_t *
activity_create(struct arena *a, const struct hub *h, const struct post *p,
	const struct post_media *m, size_t n)
{
	json_t *j = make_of_post(a, h, p, "Create", SPAN("create"), p->published_us);

	json_object_set(j, "object", object_note(a, h, p, m, n));
	return j;
}

json_t *
activity_update(struct arena *a, const struct hub *h, const struct post *p,
	const struct post_media *m, size_t n)
{
	struct span what = arena_printf(a, "update-%" PRId64, p->revision);
	json_t *j = make_of_post(a, h, p, "Update", what,
		p->edited_us == TIME_NONE ? p->published_us : p->edited_us);

	json_object_set(j, "object", object_note(a, h, p, m, n));
	return j;
}

json_t *
activity_update_actor(
	struct arena *a, const struct hub *h, const struct account *acc, int64_t revision)
{
	struct span what = arena_printf(a, "update-%" PRId64, revision);
	json_t *j = make(a, link_activity(a, h, acc, acc->id, what), "Update",
		link_actor(a, h, acc, LINK_SELF));

	published(a, j, acc->updated_us);
	object_address(a, h, acc, j);
	json_object_set(j, "object", object_actor(a, h, acc));
	return j;
}

json_t *
activity_delete(struct arena *a, const struct hub *h, const struct account *author,
	int64_t post, int64_t deleted_us)
{
	json_t *j = make(a, link_activity(a, h, author, post, SPAN("delete")), "Delete",
		link_actor(a, h, author, LINK_SELF));

	published(a, j, deleted_us);
	object_address(a, h, author, j);
	json_object_set(
		j, "object", object_tombstone(a, link_object(a, h, post), "Note", deleted_us));
	return j;
}

/* The time in an id is that of the announcement, or of publication where that was before. */
static int64_t
post_id_time(int64_t post)
{
	return (post >> 16) * 1000;
}

json_t *
activity_announce(struct arena *a, const struct hub *h, const struct account *announcer,
	const struct account *author, int64_t post)
{
	json_t *j = make(a, link_activity(a, h, announcer, post, SPAN("announce")), "Announce",
		link_actor(a, h, announcer, LINK_SELF));

	published(a, j, post_id_time(post));
	object_address(a, h, announcer, j);
	/* The author in copy, so that their server counts the share. */
	json_array_append_new(
		json_object_get(j, "cc"), json_str(link_actor(a, h, author, LINK_SELF)));
	/* The bare id: embedded objects are thrown away and fetched anyway. */
	json_object_set_new(j, "object", json_str(link_object(a, h, post)));
	return j;
}

json_t *
activity_undo_announce(struct arena *a, const struct hub *h, const struct account *announcer,
	const struct account *author, int64_t post)
{
	json_t *j = make(a, link_activity(a, h, announcer, post, SPAN("undo-announce")), "Undo",
		link_actor(a, h, announcer, LINK_SELF));

	object_address(a, h, announcer, j);
	/* Whole: Mastodon and Misskey need type, actor and object to find what is undone. */
	json_object_set(j, "object", activity_announce(a, h, announcer, author, post));
	return j;
}

json_t *
activity_accept(struct arena *a, const struct hub *h, const struct account *acc,
	const struct activity_in *follow)
{
	struct span self = link_actor(a, h, acc, LINK_SELF), sum;
	unsigned char hash[SHA256_SIZE];
	json_t *j, *echo, *to = json_array();

	digest_sha256(follow->id, hash);
	sum = hex_encode(a, span_from(hash, 16));
	j = make(a,
		link_activity(
			a, h, acc, acc->id, arena_printf(a, "accept-%.*s", SPAN_FMT(sum))),
		"Accept", self);
	/* To the follower alone: with the public in copy some servers spread it everywhere. */
	json_array_append_new(to, json_str(follow->actor));
	json_object_set_new(j, "to", to);
	/* The Follow as it came: Mastodon matches its id, Misskey its actor and object. */
	echo = make(a, follow->id, "Follow", follow->actor);
	json_object_set_new(echo, "object", json_str(follow->object.id));
	json_object_set(j, "object", echo);
	return j;
}
