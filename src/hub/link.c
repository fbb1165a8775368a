#include "hub/link.h"

#include <inttypes.h>

#include "base/codec.h"

struct span
link_path(struct arena *a, const struct hub *h, struct span path)
{
	return arena_printf(a, "%.*s%.*s", SPAN_FMT(h->base), SPAN_FMT(path));
}

/* Path of an actor: the hub and the instance are the only ones outside /o/. */
static struct span
link_actor_path(struct arena *a, const struct account *acc)
{
	if (span_is(acc->kind, "hub"))
		return SPAN("/hub");
	if (span_is(acc->kind, "instance"))
		return SPAN("/actor");
	return arena_printf(a, "/o/%.*s", SPAN_FMT(acc->slug));
}

struct span
link_actor(struct arena *a, const struct hub *h, const struct account *acc, enum link_part part)
{
	static const char *const suffix[] = {
		[LINK_SELF] = "",
		[LINK_INBOX] = "/inbox",
		[LINK_OUTBOX] = "/outbox",
		[LINK_FOLLOWERS] = "/followers",
		[LINK_FOLLOWING] = "/following",
		[LINK_FEATURED] = "/featured",
		[LINK_KEY] = "#main-key",
		[LINK_ED25519] = "#ed25519-key",
	};
	struct span path = link_actor_path(a, acc);

	assert((size_t)part < ARRAY_LEN(suffix));
	return arena_printf(a, "%.*s%.*s%s", SPAN_FMT(h->base), SPAN_FMT(path), suffix[part]);
}

struct span
link_shared_inbox(struct arena *a, const struct hub *h)
{
	return link_path(a, h, SPAN("/inbox"));
}

struct span
link_object(struct arena *a, const struct hub *h, int64_t post)
{
	return arena_printf(a, "%.*s/p/%" PRId64, SPAN_FMT(h->base), post);
}

struct span
link_profile(struct arena *a, const struct hub *h, struct span slug)
{
	return arena_printf(a, "%.*s/@%.*s", SPAN_FMT(h->base), SPAN_FMT(slug));
}

struct span
link_status(struct arena *a, const struct hub *h, struct span slug, int64_t post)
{
	return arena_printf(a, "%.*s/@%.*s/%" PRId64, SPAN_FMT(h->base), SPAN_FMT(slug), post);
}

struct span
link_tag(struct arena *a, const struct hub *h, struct span tag)
{
	struct span enc = percent_encode(a, tag);

	return arena_printf(a, "%.*s/tags/%.*s", SPAN_FMT(h->base), SPAN_FMT(enc));
}

struct span
link_media(struct arena *a, const struct hub *h, struct span blob)
{
	return arena_printf(a, "%.*s/%.*s", SPAN_FMT(h->media_base), SPAN_FMT(blob));
}

struct span
link_activity(struct arena *a, const struct hub *h, const struct account *acc, int64_t object,
	struct span what)
{
	struct span path = link_actor_path(a, acc);

	return arena_printf(a, "%.*s%.*s/a/%" PRId64 "/%.*s", SPAN_FMT(h->base), SPAN_FMT(path),
		object, SPAN_FMT(what));
}

struct span
link_handle(struct arena *a, const struct hub *h, const struct account *acc)
{
	/* The instance actor is named like its host, as Mastodon names its own. */
	struct span user = span_is(acc->kind, "instance") ? h->authority : acc->slug;

	return arena_printf(a, "%.*s@%.*s", SPAN_FMT(user), SPAN_FMT(h->authority));
}

/* What stands behind our base URL, or false. */
static bool
link_tail(const struct hub *h, struct span uri, struct span *tail)
{
	if (!span_starts(uri, h->base) || uri.n == h->base.n || uri.p[h->base.n] != '/')
		return false;
	*tail = span_slice(uri, h->base.n, uri.n);
	return true;
}

static bool
link_id(struct span s, int64_t *id)
{
	/* One spelling only: a leading zero would be a second name of the same object. */
	return s.n > 0 && s.p[0] != '0' && span_i64(s, 1, INT64_MAX, id);
}

bool
link_parse_object(const struct hub *h, struct span uri, int64_t *post)
{
	struct span tail;
	size_t slash;

	if (!link_tail(h, uri, &tail))
		return false;
	if (span_starts(tail, SPAN("/p/")))
		return link_id(span_slice(tail, 3, tail.n), post);
	if (!span_starts(tail, SPAN("/@")))
		return false;
	tail = span_slice(tail, 2, tail.n);
	slash = span_find_byte(tail, '/');
	return slash != SIZE_MAX && link_id(span_slice(tail, slash + 1, tail.n), post);
}

bool
link_parse_actor(const struct hub *h, struct span uri, struct span *slug)
{
	struct span tail;

	if (!link_tail(h, uri, &tail))
		return false;
	if (span_is(tail, "/hub") || span_is(tail, "/actor")) {
		*slug = span_slice(tail, 1, tail.n);
		return true;
	}
	if (!span_starts(tail, SPAN("/o/")))
		return false;
	tail = span_slice(tail, 3, tail.n);
	if (tail.n == 0 || span_find_byte(tail, '/') != SIZE_MAX || span_is(tail, "hub") ||
		span_is(tail, "actor"))
		return false;
	*slug = tail;
	return true;
}

bool
link_is_ours(struct arena *a, const struct hub *h, struct span uri)
{
	return url_same_origin(a, uri, h->base);
}
