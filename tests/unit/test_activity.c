/* Activities: what is taken from an inbox and what is refused; what we send. */
#include "ap/activity.h"

#include "lib/check.h"
#include "lib/example.h"
#include "lib/golden.h"

static struct arena *a;
static struct hub h;

static int
setup(void **state)
{
	(void)state;
	a = arena_new();
	h = example_hub();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

/* Tables below write ' for ". */
static struct span
quoted(const char *text)
{
	char *p = (char *)(uintptr_t)arena_cstr(a, span_of(text));

	for (size_t i = 0; p[i]; i++)
		if (p[i] == '\'')
			p[i] = '"';
	return span_of(p);
}

#define P "'https://p.example/users/alice'"
#define ID "'id':'https://p.example/act/1'"
#define HEAD ID ",'actor':" P
#define OURS "'https://hub.example/o/feuerwehr_musterstadt'"
#define OTHER "'https://other.example/users/eve'"
#define NOTE "'https://p.example/notes/1'"

static const struct {
	const char *name, *json;
	enum activity_kind kind;
	const char *object, *owner; /* NULL = none */
} taken[] = {
	{"Follow", "{" HEAD ",'type':'Follow','object':" OURS "}", ACTIVITY_FOLLOW,
		"https://hub.example/o/feuerwehr_musterstadt", NULL},
	{"Follow, object in a list of one", "{" HEAD ",'type':'Follow','object':[" OURS "]}",
		ACTIVITY_FOLLOW, "https://hub.example/o/feuerwehr_musterstadt", NULL},
	{"Follow, object as object, actor as object",
		"{" ID ",'actor':{'type':'Person','id':" P "},'type':'Follow',"
		"'object':{'id':" OURS ",'type':'Organization'}}",
		ACTIVITY_FOLLOW, "https://hub.example/o/feuerwehr_musterstadt", NULL},
	{"type in a list", "{" HEAD ",'type':['Follow','x:Y'],'object':" OURS "}",
		ACTIVITY_FOLLOW, "https://hub.example/o/feuerwehr_musterstadt", NULL},
	{"fragment in the id",
		"{'id':'https://p.example/users/alice#likes/1','actor':" P
		",'type':'Like','object':" OURS "}",
		ACTIVITY_LIKE, "https://hub.example/o/feuerwehr_musterstadt", NULL},
	{"host of the id in capitals",
		"{'id':'https://P.Example:443/act/1','actor':" P ",'type':'Like','object':" OURS
		"}",
		ACTIVITY_LIKE, "https://hub.example/o/feuerwehr_musterstadt", NULL},
	{"Announce with a whole object: hearsay",
		"{" HEAD
		",'type':'Announce','object':{'id':'https://o.example/1','type':'Note',"
		"'attributedTo':" OTHER "}}",
		ACTIVITY_ANNOUNCE, "https://o.example/1", "https://other.example/users/eve"},
	{"Create",
		"{" HEAD ",'type':'Create','object':{'id':" NOTE ",'type':'Note',"
		"'attributedTo':" P "}}",
		ACTIVITY_CREATE, "https://p.example/notes/1", "https://p.example/users/alice"},
	{"Create by id alone", "{" HEAD ",'type':'Create','object':" NOTE "}", ACTIVITY_CREATE,
		"https://p.example/notes/1", NULL},
	{"Create, owner named twice alike",
		"{" HEAD ",'type':'Create','object':{'id':" NOTE ",'attributedTo':" P
		",'actor':" P ",'summary':null,'unknown':[1,{'x':2.5}]}}",
		ACTIVITY_CREATE, "https://p.example/notes/1", "https://p.example/users/alice"},
	{"Update of the actor",
		"{" HEAD ",'type':'Update','object':{'id':" P ",'type':'Person','name':'A'}}",
		ACTIVITY_UPDATE, "https://p.example/users/alice", NULL},
	{"Delete by id", "{" HEAD ",'type':'Delete','object':" NOTE "}", ACTIVITY_DELETE,
		"https://p.example/notes/1", NULL},
	{"Delete with Tombstone",
		"{" HEAD ",'type':'Delete','object':{'id':" NOTE ",'type':'Tombstone'}}",
		ACTIVITY_DELETE, "https://p.example/notes/1", NULL},
	{"Delete of the actor", "{" HEAD ",'type':'Delete','object':" P "}", ACTIVITY_DELETE,
		"https://p.example/users/alice", NULL},
	{"Undo of a whole Follow",
		"{" HEAD ",'type':'Undo','object':{'id':'https://p.example/f/1',"
		"'type':'Follow','actor':" P ",'object':" OURS "}}",
		ACTIVITY_UNDO, "https://p.example/f/1", "https://p.example/users/alice"},
	{"Undo of a Follow without id",
		"{" HEAD ",'type':'Undo','object':{'type':'Follow','actor':" P ",'object':" OURS
		"}}",
		ACTIVITY_UNDO, NULL, "https://p.example/users/alice"},
	{"Undo by id", "{" HEAD ",'type':'Undo','object':'https://p.example/f/1'}",
		ACTIVITY_UNDO, "https://p.example/f/1", NULL},
	{"Accept of our Follow",
		"{" HEAD ",'type':'Accept','object':{'id':'https://hub.example/hub/a/1/f',"
		"'type':'Follow','actor':'https://hub.example/hub','object':" P "}}",
		ACTIVITY_ACCEPT, "https://hub.example/hub/a/1/f", "https://hub.example/hub"},
	{"Reject by id", "{" HEAD ",'type':'Reject','object':'https://hub.example/hub/a/1/f'}",
		ACTIVITY_REJECT, "https://hub.example/hub/a/1/f", NULL},
	{"Flag of an actor and posts",
		"{" HEAD ",'type':'Flag','object':[" OURS ",'https://hub.example/p/1']}",
		ACTIVITY_FLAG, "https://hub.example/o/feuerwehr_musterstadt", NULL},
	{"Move", "{" HEAD ",'type':'Move','object':" P ",'target':" OTHER "}", ACTIVITY_MOVE,
		"https://p.example/users/alice", NULL},
	{"EmojiReact",
		"{" HEAD ",'type':'EmojiReact','object':'https://hub.example/p/1',"
		"'content':'👍'}",
		ACTIVITY_EMOJI_REACT, "https://hub.example/p/1", NULL},
	{"a kind that is not for us", "{" HEAD ",'type':'Travel'}", ACTIVITY_OTHER, NULL, NULL},
	{"a kind that is not for us, with anything",
		"{" HEAD ",'type':'View','object':[1,2,3],'target':5}", ACTIVITY_OTHER, NULL,
		NULL},
	{"contexts as they are in the wild",
		"{'@context':['https://www.w3.org/ns/activitystreams',"
		"'https://w3id.org/security/v1',{'@language':'und','@vocab':'_:',"
		"'toot':'http://joinmastodon.org/ns#','sensitive':'as:sensitive',"
		"'featured':{'@id':'toot:featured','@type':'@id'},'id':'@id','type':'@type',"
		"'to':{'@id':'as:to','@type':'@id'},'misskey:x':null,"
		"'orderedItems':{'@id':'as:items','@type':'@id','@container':'@list'}}]," HEAD
		",'type':'Like','object':" OURS "}",
		ACTIVITY_LIKE, "https://hub.example/o/feuerwehr_musterstadt", NULL},
	{"an embedded document with its own context",
		"{'@context':'https://www.w3.org/ns/activitystreams'," HEAD
		",'type':'Undo','object':{'@context':'https://www.w3.org/ns/activitystreams',"
		"'id':'https://p.example/f/1','type':'Like','actor':" P
		",'object':'https://hub.example/p/1'}}",
		ACTIVITY_UNDO, "https://p.example/f/1", "https://p.example/users/alice"},
	{"signature and proof are left alone",
		"{" HEAD ",'type':'Like','object':" OURS
		",'signature':{'type':'RsaSignature2017'},'proof':{}}",
		ACTIVITY_LIKE, "https://hub.example/o/feuerwehr_musterstadt", NULL},
};

static void
test_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
		struct activity_in in;
		const struct err *e = activity_parse(a, &h, quoted(taken[i].json), &in);

		if (e)
			check_fail("%s: %.*s", taken[i].name, SPAN_FMT(err_text(a, e)));
		if (in.kind != taken[i].kind)
			check_fail(
				"%s: read as %s", taken[i].name, activity_kind_name(in.kind));
		check_span(in.actor, SPAN("https://p.example/users/alice"));
		if (!span_eq(in.object.id, span_of(taken[i].object)))
			check_fail("%s: object %.*s", taken[i].name, SPAN_FMT(in.object.id));
		if (!span_eq(in.object.owner, span_of(taken[i].owner)))
			check_fail("%s: owner %.*s", taken[i].name, SPAN_FMT(in.object.owner));
	}
}

#define LIKE(members) "{" HEAD ",'type':'Like','object':" OURS "," members "}"
#define CONTEXT(inline_)                                                                       \
	LIKE("'@context':['https://www.w3.org/ns/activitystreams'," inline_ "]")
#define CREATE(object) "{" HEAD ",'type':'Create','object':" object "}"

static const struct {
	const char *name, *json;
} refused[] = {
	{"no JSON", "{'id'"},
	{"nothing", ""},
	{"a list", "[]"},
	{"a number", "1"},
	{"empty", "{}"},
	{"two documents", "{}{}"},
	{"a member twice", "{" HEAD ",'type':'Like','type':'Like','object':" OURS "}"},
	{"no type", "{" HEAD ",'object':" OURS "}"},
	{"type is a number", "{" HEAD ",'type':3,'object':" OURS "}"},
	{"type is an empty list", "{" HEAD ",'type':[],'object':" OURS "}"},
	/* the actor */
	{"no actor", "{" ID ",'type':'Like','object':" OURS "}"},
	{"actor null", "{" ID ",'actor':null,'type':'Like','object':" OURS "}"},
	{"actor is a number", "{" ID ",'actor':42,'type':'Like','object':" OURS "}"},
	{"actor is a list", "{" ID ",'actor':[" P "],'type':'Like','object':" OURS "}"},
	{"actor is an object without id",
		"{" ID ",'actor':{'type':'Person'},'type':'Like','object':" OURS "}"},
	{"actor's id is a list",
		"{" ID ",'actor':{'id':[" P "]},'type':'Like','object':" OURS "}"},
	{"actor is an account",
		"{" ID ",'actor':'acct:alice@p.example','type':'Like','object':" OURS "}"},
	{"actor is script",
		"{" ID ",'actor':'javascript:alert(1)','type':'Like','object':" OURS "}"},
	{"actor is relative",
		"{" ID ",'actor':'/users/alice','type':'Like','object':" OURS "}"},
	{"actor with a fragment",
		"{" ID
		",'actor':'https://p.example/users/alice#me','type':'Like','object':" OURS "}"},
	{"actor with a user name in its URL",
		"{" ID ",'actor':'https://x@p.example/users/alice','type':'Like','object':" OURS
		"}"},
	{"actor of ours", "{'id':'https://hub.example/x','actor':" OURS
			  ",'type':'Like','object':'https://hub.example/p/1'}"},
	{"actor of ours in capitals",
		"{'id':'https://hub.example/x','actor':'https://HUB.example/hub','type':'Like',"
		"'object':'https://hub.example/p/1'}"},
	/* the id */
	{"no id", "{'actor':" P ",'type':'Like','object':" OURS "}"},
	{"id is a number", "{'id':1,'actor':" P ",'type':'Like','object':" OURS "}"},
	{"id is an urn", "{'id':'urn:uuid:1','actor':" P ",'type':'Like','object':" OURS "}"},
	{"id of another host", "{'id':'https://other.example/1','actor':" P
			       ",'type':'Like','object':" OURS "}"},
	{"id of another port", "{'id':'https://p.example:8443/1','actor':" P
			       ",'type':'Like','object':" OURS "}"},
	{"id by http",
		"{'id':'http://p.example/1','actor':" P ",'type':'Like','object':" OURS "}"},
	{"id of a host that looks alike", "{'id':'https://p.example.evil.example/1','actor':" P
					  ",'type':'Like','object':" OURS "}"},
	/* the object */
	{"no object", "{" HEAD ",'type':'Like'}"},
	{"object null", "{" HEAD ",'type':'Follow','object':null}"},
	{"object is a number", "{" HEAD ",'type':'Follow','object':7}"},
	{"object is an empty list", "{" HEAD ",'type':'Follow','object':[]}"},
	{"several objects", "{" HEAD ",'type':'Follow','object':[" OURS "," OURS "]}"},
	{"object is data", "{" HEAD ",'type':'Like','object':'data:text/plain,x'}"},
	{"object's id is hidden in url",
		"{" HEAD ",'type':'Delete','object':{'url':" NOTE "}}"},
	/* what must be the actor's own */
	{"Create of another host",
		CREATE("{'id':'https://other.example/1','attributedTo':" P "}")},
	{"Create of ours", CREATE("{'id':'https://hub.example/p/1','attributedTo':" P "}")},
	{"Create by somebody else", CREATE("{'id':" NOTE ",'attributedTo':" OTHER "}")},
	{"Create by a neighbour",
		CREATE("{'id':" NOTE ",'attributedTo':'https://p.example/users/bob'}")},
	{"Create by ours", CREATE("{'id':" NOTE ",'attributedTo':" OURS "}")},
	{"Create by a number", CREATE("{'id':" NOTE ",'attributedTo':1}")},
	{"Create by a list", CREATE("{'id':" NOTE ",'attributedTo':[" P "]}")},
	{"Create by nobody", CREATE("{'id':" NOTE ",'type':'Note'}")},
	{"Create by two", CREATE("{'id':" NOTE ",'attributedTo':" P ",'actor':" OTHER "}")},
	{"Create without id", CREATE("{'attributedTo':" P "}")},
	{"Create with an id that is a list", CREATE("{'id':[" NOTE "],'attributedTo':" P "}")},
	{"Create of another host by id", CREATE("'https://other.example/1'")},
	{"Update of another host",
		"{" HEAD ",'type':'Update','object':{'id':" OTHER ",'type':'Person'}}"},
	{"Update of a neighbour",
		"{" HEAD ",'type':'Update','object':{'id':'https://p.example/users/bob',"
		"'type':'Person'}}"},
	{"Update of ours", "{" HEAD ",'type':'Update','object':{'id':" OURS ",'actor':" P "}}"},
	{"Delete of another host", "{" HEAD ",'type':'Delete','object':" OTHER "}"},
	{"Delete of ours", "{" HEAD ",'type':'Delete','object':'https://hub.example/p/1'}"},
	{"Delete of a neighbour's, who is named",
		"{" HEAD ",'type':'Delete','object':{'id':" NOTE
		",'attributedTo':'https://p.example/users/bob'}}"},
	{"Undo of somebody else's",
		"{" HEAD
		",'type':'Undo','object':{'id':'https://p.example/f/1','type':'Follow',"
		"'actor':" OTHER ",'object':" OURS "}}"},
	{"Undo of another host's id",
		"{" HEAD ",'type':'Undo','object':'https://o.example/f'}"},
	{"Undo by nobody", "{" HEAD ",'type':'Undo','object':{'id':'https://p.example/f/1',"
			   "'type':'Follow','object':" OURS "}}"},
	{"Accept of what somebody else was asked",
		"{" HEAD ",'type':'Accept','object':{'type':'Follow','object':" OTHER "}}"},
	{"Move of somebody else",
		"{" HEAD ",'type':'Move','object':" OTHER ",'target':" OTHER "}"},
	{"Move to nowhere", "{" HEAD ",'type':'Move','object':" P "}"},
	/* other names for the same */
	{"@id", LIKE("'@id':'https://other.example/1'")},
	{"@type", LIKE("'@type':'Delete'")},
	{"@graph", LIKE("'@graph':[{}]")},
	{"@included", LIKE("'@included':{}")},
	{"@reverse deep inside", LIKE("'x':[{'y':{'@reverse':{}}}]")},
	{"as:actor", LIKE("'as:actor':" OTHER)},
	{"the full name of object",
		LIKE("'https://www.w3.org/ns/activitystreams#object':" OTHER)},
	{"a second name of a keyword", CONTEXT("{'kind':'@type'}")},
	{"a second name of @id, as an object", CONTEXT("{'ident':{'@id':'@id'}}")},
	{"a second name of actor", CONTEXT("{'author':'as:actor'}")},
	{"a second name of actor, in full",
		CONTEXT("{'author':{'@id':'https://www.w3.org/ns/activitystreams#actor'}}")},
	{"actor means something else", CONTEXT("{'actor':'as:object'}")},
	{"object means something else", CONTEXT("{'object':{'@id':'x:y'}}")},
	{"object means nothing", CONTEXT("{'object':null}")},
	{"object without meaning", CONTEXT("{'object':{'@type':'@id'}}")},
	{"id is another keyword", CONTEXT("{'id':'@type'}")},
	{"as is somebody else's", CONTEXT("{'as':'https://evil.example/ns#'}")},
	{"a context inside a term", CONTEXT("{'x':{'@id':'y:x','@context':{}}}")},
	{"a reversed term", CONTEXT("{'x':{'@reverse':'as:actor'}}")},
	{"another base", CONTEXT("{'@base':'https://evil.example/'}")},
	{"an import", CONTEXT("{'@import':'https://evil.example/'}")},
	{"a term that is a number", CONTEXT("{'x':5}")},
	{"the same in an embedded context",
		CREATE("{'id':" NOTE ",'attributedTo':" P ",'@context':{'a':'@id'}}")},
};

static void
test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct activity_in in;
		const struct err *e = activity_parse(a, &h, quoted(refused[i].json), &in);

		if (!e)
			check_fail("%s: taken", refused[i].name);
		if (e->kind != ERR_INPUT)
			check_fail("%s: %s", refused[i].name, err_name(e->kind));
		if (err_text(a, e).n < 12)
			check_fail("%s: does not say why", refused[i].name);
	}
}

static struct span
repeat(const char *before, const char *what, int n, const char *after)
{
	struct buf b;
	struct span s;

	buf_init(&b, 4 << 20);
	buf_add(&b, quoted(before));
	for (int i = 0; i < n; i++)
		buf_add(&b, quoted(what));
	buf_add(&b, quoted(after));
	s = arena_dup(a, buf_span(&b));
	buf_fini(&b);
	return s;
}

#define CREATE_OF "{" HEAD ",'type':'Create','object':{'id':" NOTE ",'attributedTo':" P
#define CREATE_WITH(member) CREATE_OF ",'" member "':[1"

static void
test_limits(void **state)
{
	struct {
		const char *name;
		struct span body;
		enum err_kind kind; /* 0 of ERR_INPUT is told apart by ok */
		bool ok;
	} cases[] = {
		{"20 levels",
			repeat("{" HEAD ",'type':'X','x':", "[", 19, "]]]]]]]]]]]]]]]]]]]}"),
			ERR_INPUT, true},
		{"21 levels",
			repeat("{" HEAD ",'type':'X','x':", "[", 20, "]]]]]]]]]]]]]]]]]]]]}"),
			ERR_INPUT, false},
		{"a million levels", repeat("", "[", 1000000, ""), ERR_INPUT, false},
		{"over a megabyte", repeat("{" HEAD ",'type':'X'}", " ", 1 << 20, ""),
			ERR_TOO_LARGE, false},
		{"too many values", repeat("{" HEAD ",'type':'X','x':[1", ",1", 10000, "]}"),
			ERR_TOO_LARGE, false},
		{"a long text", repeat("{" HEAD ",'type':'X','x':'", "x", 300000, "'}"),
			ERR_TOO_LARGE, false},
		{"50 tags", repeat(CREATE_WITH("tag"), ",1", 49, "]}}"), ERR_INPUT, true},
		{"51 tags", repeat(CREATE_WITH("tag"), ",1", 50, "]}}"), ERR_TOO_LARGE, false},
		{"21 attachments", repeat(CREATE_WITH("attachment"), ",1", 20, "]}}"),
			ERR_TOO_LARGE, false},
		{"21 options", repeat(CREATE_WITH("oneOf"), ",1", 20, "]}}"), ERR_TOO_LARGE,
			false},
		{"a long id",
			repeat("{'id':'https://p.example/", "x", 3000,
				"','actor':" P ",'type':'Like','object':" OURS "}"),
			ERR_INPUT, false},
		{"a long type", repeat("{" HEAD ",'object':" OURS ",'type':'", "x", 200, "'}"),
			ERR_INPUT, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct activity_in in;
		const struct err *e = activity_parse(a, &h, cases[i].body, &in);

		if (cases[i].ok && e)
			check_fail("%s: %.*s", cases[i].name, SPAN_FMT(err_text(a, e)));
		if (!cases[i].ok && (!e || e->kind != cases[i].kind))
			check_fail("%s: %s", cases[i].name, e ? err_name(e->kind) : "taken");
	}
}

static void
test_bytes(void **state)
{
	static const char *const bad[] = {"\xef\xbb\xbf{}", /* a mark of byte order */
		"{\"id\":\"\xff\"}",                        /* no UTF-8 */
		"{\"id\":\"\\u0000\"}",                     /* a zero in a text */
		"{\"id\":\"\\ud800\"}",                     /* half a pair */
		"{\"n\":1e999}", "{\"n\":99999999999999999999}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct activity_in in;

		assert_non_null(activity_parse(a, &h, span_of(bad[i]), &in));
	}
}

/* Details that the flows rely on. */
static void
test_details(void **state)
{
	struct activity_in in;

	(void)state;
	check_ok(a,
		activity_parse(a, &h,
			quoted("{" HEAD ",'type':'Create','published':'2026-03-01T10:00:00Z',"
			       "'to':[{'id':'https://x.example/'},'as:Public'],"
			       "'object':{'id':" NOTE ",'attributedTo':" P
			       ",'inReplyTo':{'id':'https://hub.example/p/1'}}}"),
			&in));
	assert_false(activity_is_of_itself(&in));

	check_ok(a, activity_parse(a, &h,
			    quoted("{" HEAD ",'type':'Create','to':'https://x.example/',"
				   "'object':{'id':" NOTE ",'attributedTo':" P ",'cc':["
				   "'https://www.w3.org/ns/activitystreams#Public']}}"),
			    &in));

	check_ok(a, activity_parse(a, &h,
			    quoted("{" HEAD ",'type':'Delete','to':'Public2','object':" P "}"),
			    &in));
	assert_true(activity_is_of_itself(&in));

	check_ok(a, activity_parse(a, &h,
			    quoted("{" HEAD ",'type':'Undo','object':{'type':'Like','actor':" P
				   ",'object':'https://hub.example/p/1'}}"),
			    &in));
	assert_int_equal(activity_kind_of(in.object.type), ACTIVITY_LIKE);
	check_span(in.object.object, SPAN("https://hub.example/p/1"));

	check_ok(
		a, activity_parse(a, &h,
			   quoted("{" HEAD ",'type':'Move','object':" P ",'target':" OTHER "}"),
			   &in));
	assert_string_equal(activity_kind_name(ACTIVITY_OTHER), "Other");
	assert_int_equal(activity_kind_of(SPAN("Other")), ACTIVITY_OTHER);
	assert_int_equal(activity_kind_of(SPAN("follow")), ACTIVITY_OTHER);
}

/* ---- what we send ---- */

static void
check_activity(const char *name, enum object_context c, const json_t *j)
{
	struct span text = object_document(a, c, j);
	struct hub elsewhere = {.base = SPAN("https://elsewhere.example")};
	struct activity_in in;
	json_t *doc;
	char *pretty;

	check_ok(a, json_parse(a, text, &json_limits_ap, &doc));
	pretty = json_dumps(doc, JSON_INDENT(1));
	check_golden(name, span_of(pretty));
	free(pretty);
	/* Another hub takes it. */
	check_ok(a, activity_parse(a, &elsewhere, text, &in));
	check_span(in.id, activity_id(j));
	assert_true(in.kind != ACTIVITY_OTHER);
}

static void
test_made(void **state)
{
	struct post p = example_post();
	struct post_media m = example_picture("Eine Drehleiter");
	struct account org = example_account("organization"), hub = example_account("hub");
	struct activity_in follow;

	(void)state;
	check_activity("ap/create.json", CONTEXT_NOTE, activity_create(a, &h, &p, &m, 1));
	check_activity("ap/delete.json", CONTEXT_PLAIN,
		activity_delete(a, &h, &org, p.id, EXAMPLE_US));
	check_activity(
		"ap/announce.json", CONTEXT_PLAIN, activity_announce(a, &h, &hub, &org, p.id));
	check_activity("ap/undo-announce.json", CONTEXT_PLAIN,
		activity_undo_announce(a, &h, &hub, &org, p.id));
	check_activity(
		"ap/update-actor.json", CONTEXT_ACTOR, activity_update_actor(a, &h, &org, 3));
	p.revision = 2;
	p.edited_us = EXAMPLE_US + US_PER_S;
	check_activity("ap/update.json", CONTEXT_NOTE, activity_update(a, &h, &p, &m, 1));
	check_ok(a, activity_parse(a, &h,
			    quoted("{" HEAD ",'type':'Follow','object':[{'id':" OURS
				   ",'type':'Organization'}],'junk':{'a':[1]}}"),
			    &follow));
	check_activity("ap/accept.json", CONTEXT_PLAIN, activity_accept(a, &h, &org, &follow));
}

/* Ids are the same after every crash, and differ where the event does. */
static void
test_ids(void **state)
{
	struct account org = example_account("organization"), hub = example_account("hub");
	struct post p = example_post();
	struct activity_in one, two;
	struct span id;

	(void)state;
	check_span(activity_id(activity_create(a, &h, &p, NULL, 0)),
		SPAN("https://hub.example/o/feuerwehr_musterstadt/a/116153332531200001/"
		     "create"));
	p.revision = 3;
	check_span(activity_id(activity_update(a, &h, &p, NULL, 0)),
		SPAN("https://hub.example/o/feuerwehr_musterstadt/a/116153332531200001/"
		     "update-3"));
	check_span(activity_id(activity_announce(a, &h, &hub, &org, p.id)),
		SPAN("https://hub.example/hub/a/116153332531200001/announce"));
	check_ok(a, activity_parse(a, &h,
			    quoted("{" HEAD ",'type':'Follow','object':" OURS "}"), &one));
	check_ok(a, activity_parse(a, &h,
			    quoted("{'id':'https://p.example/act/2','actor':" P
				   ",'type':'Follow','object':" OURS "}"),
			    &two));
	id = activity_id(activity_accept(a, &h, &org, &one));
	check_span(activity_id(activity_accept(a, &h, &org, &one)), id);
	assert_false(span_eq(activity_id(activity_accept(a, &h, &org, &two)), id));
	assert_false(span_eq(activity_id(activity_accept(a, &h, &hub, &one)), id));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_taken),
		TEST(test_refused),
		TEST(test_limits),
		TEST(test_bytes),
		TEST(test_details),
		TEST(test_made),
		TEST(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
