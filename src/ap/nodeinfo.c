#include "ap/nodeinfo.h"

#include "base/json.h"
#include "hub/link.h"

#define NODEINFO_SCHEMA "http://nodeinfo.diaspora.software/ns/schema/"

static void
link_add(json_t *links, const char *rel, struct span href)
{
	json_t *j = json_object();

	json_object_set_new(j, "rel", json_string(rel));
	json_object_set_new(j, "href", json_str(href));
	json_array_append_new(links, j);
}

struct span
nodeinfo_links(struct arena *a, const struct hub *h)
{
	json_t *j = json_own(a, json_object()), *links = json_array();

	link_add(links, NODEINFO_SCHEMA "2.0", link_path(a, h, SPAN("/nodeinfo/2.0")));
	link_add(links, NODEINFO_SCHEMA "2.1", link_path(a, h, SPAN("/nodeinfo/2.1")));
	link_add(links, "https://www.w3.org/ns/activitystreams#Application",
		link_path(a, h, SPAN("/actor")));
	json_object_set_new(j, "links", links);
	return json_dump(a, j);
}

struct span
nodeinfo_type(struct arena *a, int minor)
{
	return arena_printf(a, "application/json; profile=\"" NODEINFO_SCHEMA "2.%d#\"", minor);
}

struct span
nodeinfo_document(struct arena *a, int minor, const struct nodeinfo *n)
{
	/* The schema wants every one of these, also where there is nothing to say. */
	json_t *j = json_pack("{s:o, s:{s:s, s:s}, s:[s], s:{s:[s, s], s:[s, s]}, s:b,"
			      " s:{s:{s:I, s:I, s:I}, s:I, s:i}, s:{s:o, s:o}}",
		"version", json_str(arena_printf(a, "2.%d", minor)), "software", "name",
		"litfass", "version", PACKAGE_VERSION, "protocols", "activitypub", "services",
		"inbound", "rss2.0", "atom1.0", "outbound", "rss2.0", "atom1.0",
		"openRegistrations", 0, "usage", "users", "total", (json_int_t)n->users,
		"activeMonth", (json_int_t)n->active_month, "activeHalfyear",
		(json_int_t)n->active_halfyear, "localPosts", (json_int_t)n->posts,
		"localComments", 0, "metadata", "nodeName", json_str(n->name),
		"nodeDescription", json_str(n->description));

	assert(j);
	return json_dump(a, json_own(a, j));
}
