/* What is believed about a key: every way in which an answer can lie or be malformed. */
#include "ap/keydoc.h"
#include "base/codec.h"
#include "base/json.h"
#include "crypto/pkey.h"
#include "lib/check.h"

#define BASE "https://a.example"
#define ACTOR BASE "/users/x"
#define KEY ACTOR "#main-key"
#define AP "application/activity+json"

static struct arena *arena;
static struct span pem, multikey;

static int
setup(void **state)
{
	struct pkey *rsa = pkey_generate(PKEY_RSA), *ed = pkey_generate(PKEY_ED25519);
	char raw[34];

	(void)state;
	arena = arena_new();
	pem = json_dump(arena, json_own(arena, json_str(pkey_public_pem(arena, rsa))));
	memcpy(raw, "\xed\x01", 2);
	memcpy(raw + 2, pkey_ed25519_public(arena, ed).p, 32);
	multikey = base58_encode(arena, span_from(raw, sizeof(raw)));
	pkey_unref(rsa);
	pkey_unref(ed);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

/* One answer. final NULL: where it was asked for. */
struct answer {
	int status;
	const char *type, *final;
	struct span body;
	bool twice; /* two Content-Type lines */
};

static const struct err *
read_answer(struct keydoc *k, const struct answer *w)
{
	const struct http_header types[] = {{SPAN("Content-Type"), span_of(w->type)},
		{SPAN("content-type"), span_of(w->type)}};
	struct http_call c = {.status = w->status ? w->status : 200,
		.reply = w->body,
		.content_type = span_of(w->type),
		.reply_headers = (struct http_header *)(uintptr_t)types,
		.n_reply_headers = w->type ? (w->twice ? 2 : 1) : 0};

	check_ok(arena, url_parse(arena, w->final ? span_of(w->final) : k->next, &c.final));
	return keydoc_read(arena, k, &c);
}

/* An actor with one member replaced or added; NULL value leaves it out. */
static struct span
actor(const char *member, const char *value)
{
	const struct {
		const char *name, *value;
	} members[] = {
		{"id", "\"" ACTOR "\""},
		{"type", "\"Person\""},
		{"inbox", "\"" ACTOR "/inbox\""},
		{"preferredUsername", "\"x\""},
		{"publicKey", arena_printf(arena,
				      "{\"id\":\"" KEY "\",\"owner\":\"" ACTOR
				      "\",\"publicKeyPem\":%.*s}",
				      SPAN_FMT(pem))
				      .p},
	};
	struct span s = SPAN("{\"@context\":\"https://www.w3.org/ns/activitystreams\"");
	bool replaced = false;

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		bool this = member && strcmp(members[i].name, member) == 0;
		const char *v = this ? value : members[i].value;

		replaced = replaced || this;
		if (v)
			s = arena_printf(
				arena, "%.*s,\"%s\":%s", SPAN_FMT(s), members[i].name, v);
	}
	if (member && !replaced)
		s = arena_printf(arena, "%.*s,\"%s\":%s", SPAN_FMT(s), member, value);
	return arena_printf(arena, "%.*s}", SPAN_FMT(s));
}

static const char *
key_of(const char *id, const char *owner)
{
	return arena_printf(arena, "{\"id\":\"%s\",\"owner\":\"%s\",\"publicKeyPem\":%.*s}", id,
		owner, SPAN_FMT(pem))
		.p;
}

static struct keydoc
begin(const char *key_id)
{
	struct keydoc k;

	check_ok(arena, keydoc_begin(arena, &k, span_of(key_id)));
	return k;
}

/* ---- what is taken ---- */

static void
test_actor(void **state)
{
	struct keydoc k = begin(KEY);
	const struct answer w = {
		.type = AP, .body = actor("endpoints", "{\"sharedInbox\":\"" BASE "/inbox\"}")};

	(void)state;
	check_span(k.next, SPAN(ACTOR));
	check_ok(arena, read_answer(&k, &w));
	assert_null(k.next.p);
	check_span(k.actor.uri, SPAN(ACTOR));
	check_span(k.actor.host, SPAN("a.example"));
	check_span(k.actor.key_id, SPAN(KEY));
	check_span(k.actor.inbox, SPAN(ACTOR "/inbox"));
	check_span(k.actor.shared_inbox, SPAN(BASE "/inbox"));
	check_span(k.actor.username, SPAN("x"));
	check_span(k.actor.type, SPAN("Person"));
	assert_true(span_starts(k.actor.public_key_pem, SPAN("-----BEGIN PUBLIC KEY-----")));
}

/* Its other keys: one of each id, in the document itself, and not any number. */
static void
test_more_keys(void **state)
{
	const char *const keys = arena_printf(arena, "[%s,%s,%s,%s,%s,%s]",
				  key_of(ACTOR "#k1", ACTOR), key_of(KEY, ACTOR),
				  key_of(ACTOR "#k1", ACTOR),
				  key_of(ACTOR "#k2", BASE "/users/y"),
				  key_of(BASE "/users/y#k3", ACTOR),
				  key_of("https://b.example/users/x#k4", ACTOR))
					 .p,
			  *const many = arena_printf(arena, "[%s,%s,%s,%s,%s]",
				  key_of(ACTOR "#k1", ACTOR), key_of(ACTOR "#k2", ACTOR),
				  key_of(ACTOR "#k3", ACTOR), key_of(ACTOR "#k4", ACTOR),
				  key_of(KEY, ACTOR))
						.p;
	struct keydoc k = begin(KEY);

	(void)state;
	check_ok(arena, read_answer(&k, &(const struct answer){
						.type = AP, .body = actor("publicKey", keys)}));
	assert_int_equal(k.n_more, 1);
	check_span(k.more[0].id, SPAN(ACTOR "#k1"));
	assert_true(span_starts(k.more[0].pem, SPAN("-----BEGIN PUBLIC KEY-----")));
	k = begin(KEY);
	check_ok(arena, read_answer(&k, &(const struct answer){
						.type = AP, .body = actor("publicKey", many)}));
	assert_int_equal(k.n_more, REMOTE_KEYS_MORE);
	check_span(k.actor.key_id, SPAN(KEY));
	k = begin(KEY);
	check_ok(arena, read_answer(&k, &(const struct answer){.type = AP,
						.body = actor("assertionMethod",
							arena_printf(arena,
								"[{\"id\":\"" ACTOR
								"#ed\",\"type\":\"Multikey\","
								"\"controller\":\"" ACTOR
								"\",\"publicKeyMultibase\":"
								"\"z%.*s\"}]",
								SPAN_FMT(multikey))
								.p)}));
	assert_int_equal(k.n_more, 1);
	check_span(k.more[0].id, SPAN(ACTOR "#ed"));
}

static void
test_taken(void **state)
{
	const struct answer cases[] = {
		{.type = "application/ld+json; "
			 "profile=\"https://www.w3.org/ns/activitystreams\"",
			.body = actor(NULL, NULL)},
		{.type = AP "; charset=utf-8", .body = actor(NULL, NULL)},
		{.type = AP, .body = actor("type", "[\"Foo\",\"Service\"]")},
		{.type = AP,
			.body = actor("publicKey",
				arena_printf(arena, "[%s,%s]", key_of(ACTOR "#old", ACTOR),
					key_of(KEY, ACTOR))
					.p)},
		{.type = AP, .final = BASE "/elsewhere", .body = actor(NULL, NULL)},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct keydoc k = begin(KEY);
		const struct err *e = read_answer(&k, &cases[i]);

		if (e)
			check_fail("%zu: %.*s", i, SPAN_FMT(e->text));
		check_span(k.actor.uri, SPAN(ACTOR));
	}
}

/* FEP-521a: the signer's key may be an Ed25519 Multikey of assertionMethod. */
static void
test_multikey(void **state)
{
	struct keydoc k = begin(ACTOR "#ed25519-key");
	const struct answer w = {.type = AP,
		.body = actor("assertionMethod",
			arena_printf(arena,
				"[{\"id\":\"" ACTOR
				"#ed25519-key\",\"type\":\"Multikey\",\"controller\":"
				"\"" ACTOR "\",\"publicKeyMultibase\":\"z%.*s\"}]",
				SPAN_FMT(multikey))
				.p)};
	struct pkey *key;

	(void)state;
	check_ok(arena, read_answer(&k, &w));
	check_ok(arena, pkey_public_from_pem(arena, k.actor.public_key_pem, &key));
	assert_int_equal(pkey_type(key), PKEY_ED25519);
	pkey_unref(key);
}

/* GoToSocial answers for a key with a stub of its actor; others with a document of the key. */
static void
test_two_documents(void **state)
{
	const char *const key_id = ACTOR "/main-key";
	const struct {
		struct span first;
		bool full;
	} cases[] = {
		{arena_printf(arena,
			 "{\"id\":\"" ACTOR "\",\"type\":\"Person\",\"publicKey\":%s}",
			 key_of(key_id, ACTOR)),
			true},
		{span_of(key_of(key_id, ACTOR)), true},
		{span_of(key_of(key_id, ACTOR)), false}, /* the actor does not list it */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct keydoc k = begin(key_id);
		const struct answer first = {.type = AP, .body = cases[i].first};
		const struct answer second = {.type = AP,
			.body = cases[i].full ? actor("publicKey", key_of(key_id, ACTOR))
					      : actor(NULL, NULL)};

		check_span(k.next, span_of(key_id));
		check_ok(arena, read_answer(&k, &first));
		check_span(k.next, SPAN(ACTOR));
		if (cases[i].full)
			check_ok(arena, read_answer(&k, &second));
		else
			assert_int_equal(read_answer(&k, &second)->kind, ERR_AUTH);
	}
}

/* ---- what is not ---- */

static void
test_key_ids(void **state)
{
	static const char *const bad[] = {"", "acct:x@a.example", "ftp://a.example/x",
		"https://a.example:443/x#k", "https://A.example/x#k", "https://a.example./x#k",
		"https://x@a.example/x#k", "https://\xef\xbd\x81.example/x#k", "/users/x#k",
		"https://a.example/x y#k"};
	struct keydoc k;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct err *e = keydoc_begin(arena, &k, span_of(bad[i]));

		if (!e || e->kind != ERR_AUTH)
			check_fail("\"%s\" was taken", bad[i]);
	}
	assert_non_null(keydoc_begin(
		arena, &k, arena_printf(arena, BASE "/%01000d", 1))); /* over 1000 bytes */
}

static void
test_refused(void **state)
{
	const struct {
		const char *name;
		struct answer w;
		enum err_kind kind;
	} cases[] = {
		{"plain text", {.type = "text/plain", .body = actor(NULL, NULL)}, ERR_AUTH},
		{"plain JSON", {.type = "application/json", .body = actor(NULL, NULL)},
			ERR_AUTH},
		{"another +json", {.type = "application/jrd+json", .body = actor(NULL, NULL)},
			ERR_AUTH},
		{"no profile", {.type = "application/ld+json", .body = actor(NULL, NULL)},
			ERR_AUTH},
		{"another profile",
			{.type = "application/ld+json; profile=\"https://www.w3.org/ns/did\"",
				.body = actor(NULL, NULL)},
			ERR_AUTH},
		{"a picture", {.type = "image/png", .body = actor(NULL, NULL)}, ERR_AUTH},
		{"no type", {.body = actor(NULL, NULL)}, ERR_AUTH},
		{"two types", {.type = AP, .twice = true, .body = actor(NULL, NULL)}, ERR_AUTH},
		{"not JSON", {.type = AP, .body = SPAN("{")}, ERR_AUTH},
		{"a list", {.type = AP, .body = SPAN("[]")}, ERR_AUTH},
		{"no id", {.type = AP, .body = actor("id", NULL)}, ERR_AUTH},
		{"id a number", {.type = AP, .body = actor("id", "7")}, ERR_AUTH},
		{"id spelt otherwise",
			{.type = AP, .body = actor("id", "\"HTTPS://a.example/users/x\"")},
			ERR_AUTH},
		{"id of another host",
			{.type = AP, .body = actor("id", "\"https://b.example/users/x\"")},
			ERR_AUTH},
		{"served by another host",
			{.type = AP, .final = "https://b.example/x", .body = actor(NULL, NULL)},
			ERR_AUTH},
		{"served over http",
			{.type = AP,
				.final = "http://a.example/users/x",
				.body = actor(NULL, NULL)},
			ERR_AUTH},
		{"a Note", {.type = AP, .body = actor("type", "\"Note\"")}, ERR_AUTH},
		{"no inbox", {.type = AP, .body = actor("inbox", NULL)}, ERR_AUTH},
		{"an inbox on another host",
			{.type = AP,
				.body = actor("inbox", "\"https://victim.example/inbox\"")},
			ERR_AUTH},
		{"an inbox on another port",
			{.type = AP,
				.body = actor("inbox", "\"" BASE ":8443/users/alice/inbox\"")},
			ERR_AUTH},
		{"a strange inbox", {.type = AP, .body = actor("inbox", "\"javascript:1\"")},
			ERR_AUTH},
		{"no key", {.type = AP, .body = actor("publicKey", NULL)}, ERR_AUTH},
		{"another key",
			{.type = AP, .body = actor("publicKey", key_of(ACTOR "#x", ACTOR))},
			ERR_AUTH},
		{"a key of somebody else",
			{.type = AP, .body = actor("publicKey", key_of(KEY, BASE "/users/y"))},
			ERR_AUTH},
		{"a key without owner",
			{.type = AP,
				.body = actor("publicKey",
					"{\"id\":\"" KEY "\",\"publicKeyPem\":\"x\"}")},
			ERR_AUTH},
		{"a key that is none",
			{.type = AP,
				.body = actor("publicKey",
					"{\"id\":\"" KEY "\",\"owner\":\"" ACTOR
					"\",\"publicKeyPem\":\"x\"}")},
			ERR_AUTH},
		{"a Multikey that is none",
			{.type = AP,
				.body = actor("publicKey",
					"{\"id\":\"" KEY "\",\"owner\":\"" ACTOR
					"\",\"publicKeyMultibase\":\"z6Mk\"}")},
			ERR_AUTH},
		{"404", {.status = 404}, ERR_GONE},
		{"410", {.status = 410}, ERR_GONE},
		{"a tombstone", {.type = AP, .body = actor("type", "\"Tombstone\"")}, ERR_GONE},
		{"401", {.status = 401}, ERR_AUTH},
		{"500", {.status = 500}, ERR_UNAVAILABLE},
		{"429", {.status = 429}, ERR_UNAVAILABLE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct keydoc k = begin(KEY);
		const struct err *e = read_answer(&k, &cases[i].w);

		if (!e || e->kind != cases[i].kind)
			check_fail("%s: %s", cases[i].name, e ? err_name(e->kind) : "taken");
		assert_int_equal(k.gone, cases[i].kind == ERR_GONE && cases[i].w.status != 404);
	}
}

/* An id that leads on is followed once, on the same host, and then has to be right. */
static void
test_chain(void **state)
{
	struct keydoc k = begin(KEY);
	const struct answer other = {.type = AP, .body = actor("id", "\"" BASE "/users/y\"")};
	const struct answer third = {.type = AP, .body = actor("id", "\"" BASE "/users/z\"")};

	(void)state;
	check_ok(arena, read_answer(&k, &other));
	check_span(k.next, SPAN(BASE "/users/y"));
	assert_int_equal(read_answer(&k, &third)->kind, ERR_AUTH);
	/* A document of another key than the one asked for. */
	k = begin(ACTOR "/main-key");
	assert_int_equal(
		read_answer(&k, &(const struct answer){.type = AP,
					.body = span_of(key_of(ACTOR "/other", ACTOR))})
			->kind,
		ERR_AUTH);
	/* An owner elsewhere. */
	k = begin(ACTOR "/main-key");
	assert_int_equal(read_answer(&k, &(const struct answer){.type = AP,
						 .body = span_of(key_of(ACTOR "/main-key",
							 "https://b.example/users/x"))})
				 ->kind,
		ERR_AUTH);
}

/* A shared inbox on another host would have us post to a victim of the actor's choice. */
static void
test_foreign_shared_inbox(void **state)
{
	struct keydoc k = begin(KEY);
	const struct answer w = {.type = AP,
		.body = actor(
			"endpoints", "{\"sharedInbox\":\"https://victim.example/inbox\"}")};

	(void)state;
	check_ok(arena, read_answer(&k, &w));
	assert_null(k.actor.shared_inbox.p);
	check_span(k.actor.inbox, SPAN(ACTOR "/inbox"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_actor),
		cmocka_unit_test(test_more_keys),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_multikey),
		cmocka_unit_test(test_two_documents),
		cmocka_unit_test(test_key_ids),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_foreign_shared_inbox),
	};

	return cmocka_run_group_tests_name("unit.keydoc", tests, setup, teardown);
}
