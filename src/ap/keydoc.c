#include "ap/keydoc.h"

#include "base/codec.h"
#include "base/json.h"
#include "base/text.h"
#include "crypto/pkey.h"

#define KEYDOC_KEYS 10
#define KEYDOC_PEM_MAX 2048
#define KEYDOC_NAME_MAX 200
#define KEYDOC_ID_MAX 1000 /* two of them fit into an index entry of the database */

static const struct err *
keydoc_bad(struct arena *a, const struct keydoc *k, const char *why)
{
	return err_new(
		a, ERR_AUTH, "the key %.*s is not accepted: %s", LOG_STR(k->key_id), why);
}

/* ---- URLs ---- */

static struct span
keydoc_without_fragment(const struct url *u)
{
	return span_slice(u->text, 0, u->origin.n + u->target.n);
}

/* An id is its one normal spelling: whoever writes it otherwise means something else. */
static bool
keydoc_id(struct arena *a, struct span s, struct url *out)
{
	return s.n > 0 && s.n <= KEYDOC_ID_MAX && !url_parse(a, s, out) &&
	       span_eq(s, out->text);
}

const struct err *
keydoc_begin(struct arena *a, struct keydoc *k, struct span key_id)
{
	struct url u;

	*k = (struct keydoc){.key_id = key_id};
	if (!keydoc_id(a, key_id, &u))
		return err_new(a, ERR_AUTH,
			"the key id is not a plain http(s) URL of at most %d bytes",
			KEYDOC_ID_MAX);
	k->next = keydoc_without_fragment(&u);
	return NULL;
}

/* ---- the answer as such ---- */

static bool
keydoc_profile_is_as(struct span value)
{
	struct span field;

	value = span_trim(value);
	if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
		value = span_slice(value, 1, value.n - 1);
	while (span_cut(&value, ' ', &field))
		if (span_is(field, "https://www.w3.org/ns/activitystreams"))
			return true;
	return false;
}

bool
keydoc_type_is_ap(struct span content_type)
{
	struct span rest = content_type, type, param;

	if (!content_type.p || !span_cut(&rest, ';', &type))
		return false;
	type = span_trim(type);
	if (span_is_nocase(type, "application/activity+json"))
		return true;
	if (!span_is_nocase(type, "application/ld+json"))
		return false;
	while (rest.p && span_cut(&rest, ';', &param)) {
		size_t eq = span_find_byte(param, '=');

		if (eq != SIZE_MAX &&
			span_is_nocase(span_trim(span_slice(param, 0, eq)), "profile") &&
			keydoc_profile_is_as(span_slice(param, eq + 1, param.n)))
			return true;
	}
	return false;
}

static bool
keydoc_one_type(const struct http_call *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_reply_headers; i++)
		n += span_is_nocase(c->reply_headers[i].name, "content-type");
	return n == 1;
}

/* What another host says after a redirect is no word of the key's server. */
static bool
keydoc_elsewhere(struct arena *a, const struct keydoc *k, const struct http_call *c)
{
	struct url asked;

	return url_parse(a, k->next, &asked) || !span_eq(asked.origin, c->final.origin);
}

static const struct err *
keydoc_status(struct arena *a, struct keydoc *k, const struct http_call *c)
{
	switch (http_verdict(c)) {
	case VERDICT_OK:
		break;
	case VERDICT_NOT_FOUND:
	case VERDICT_GONE:
		k->gone = http_verdict(c) == VERDICT_GONE && !keydoc_elsewhere(a, k, c);
		return err_new(a, ERR_GONE, "the actor of the key %.*s does not exist",
			LOG_STR(k->key_id));
	case VERDICT_RETRY:
		return err_new(a, ERR_UNAVAILABLE,
			"the key %.*s cannot be fetched now: its server answered %d",
			LOG_STR(k->key_id), c->status);
	default:
		return err_new(a, ERR_AUTH,
			"the key %.*s cannot be fetched: its server answered %d",
			LOG_STR(k->key_id), c->status);
	}
	if (!keydoc_one_type(c) || !keydoc_type_is_ap(c->content_type))
		return keydoc_bad(a, k, "its document is not served as ActivityPub");
	return NULL;
}

/* ---- keys listed in an actor ---- */

static struct span
keydoc_owner(const json_t *key)
{
	struct span s = json_text(json_object_get(key, "owner"));

	return s.p ? s : json_text(json_object_get(key, "controller"));
}

/* Multikey: 'z', base58btc of 0xed 0x01 and 32 bytes. The PEM says the same for our store. */
static bool
keydoc_multikey(struct arena *a, const json_t *key, struct span *pem)
{
	struct span s = json_text(json_object_get(key, "publicKeyMultibase")), raw;
	struct pkey *k;

	if (s.n < 2 || s.n > 100 || s.p[0] != 'z' ||
		!base58_decode(a, span_slice(s, 1, s.n), &raw) || raw.n != 34 ||
		(unsigned char)raw.p[0] != 0xed || raw.p[1] != 0x01)
		return false;
	if (pkey_ed25519_from_public(a, span_slice(raw, 2, 34), &k))
		return false;
	*pem = pkey_public_pem(a, k);
	pkey_unref(k);
	return true;
}

static bool
keydoc_pem(struct arena *a, const json_t *key, struct span *pem)
{
	struct pkey *k;

	if (!json_want_text(key, "publicKeyPem", KEYDOC_PEM_MAX, pem))
		return keydoc_multikey(a, key, pem);
	if (pkey_public_from_pem(a, *pem, &k))
		return false;
	pkey_unref(k);
	return true;
}

/* The one entry with our key's id that names the actor as its owner. */
static const json_t *
keydoc_listed(const struct keydoc *k, const json_t *list, struct span actor)
{
	size_t n = json_is_array(list) ? json_array_size(list) : list != NULL;

	for (size_t i = 0; i < n && i < KEYDOC_KEYS; i++) {
		const json_t *key = json_is_array(list) ? json_array_get(list, i) : list;

		if (span_eq(json_text(json_object_get(key, "id")), k->key_id) &&
			span_eq(keydoc_owner(key), actor))
			return key;
	}
	return NULL;
}

static bool
keydoc_has(const struct keydoc *k, struct span key_id)
{
	if (span_eq(key_id, k->key_id))
		return true;
	for (size_t i = 0; i < k->n_more; i++)
		if (span_eq(key_id, k->more[i].id))
			return true;
	return false;
}

/* Only what is part of this very document: nobody else can say what such an id stands for. */
static void
keydoc_more(struct arena *a, struct keydoc *k, const json_t *list, struct span actor)
{
	size_t n = json_is_array(list) ? json_array_size(list) : list != NULL;

	for (size_t i = 0; i < n && i < KEYDOC_KEYS && k->n_more < REMOTE_KEYS_MORE; i++) {
		const json_t *key = json_is_array(list) ? json_array_get(list, i) : list;
		struct span id = json_text(json_object_get(key, "id")), pem;
		struct url u;

		if (!keydoc_id(a, id, &u) || !u.fragment.p ||
			!span_eq(keydoc_without_fragment(&u), actor) ||
			!span_eq(keydoc_owner(key), actor) || keydoc_has(k, id) ||
			!keydoc_pem(a, key, &pem))
			continue;
		k->more[k->n_more++] = (struct remote_key){.id = id, .pem = pem};
	}
}

/* ---- the two kinds of document ---- */

static bool
keydoc_is_actor(const json_t *doc)
{
	static const char *const types[] = {
		"Person", "Organization", "Service", "Application", "Group"};
	const json_t *type = json_object_get(doc, "type");
	size_t n = json_is_array(type) ? json_array_size(type) : 1;

	for (size_t i = 0; i < n && i < KEYDOC_KEYS; i++) {
		struct span s = json_text(json_is_array(type) ? json_array_get(type, i) : type);

		for (size_t k = 0; k < ARRAY_LEN(types); k++)
			if (s.p && span_is(s, types[k]))
				return true;
	}
	return false;
}

static struct span
keydoc_line(struct arena *a, const json_t *doc, const char *member)
{
	struct span s = json_text(json_object_get(doc, member));

	return s.p ? text_clean_line(a, s, KEYDOC_NAME_MAX) : SPAN_NONE;
}

static struct span
keydoc_first_type(struct arena *a, const json_t *doc)
{
	const json_t *type = json_object_get(doc, "type");
	struct span s = json_text(json_is_array(type) ? json_array_get(type, 0) : type);

	return s.p ? text_clean_line(a, s, KEYDOC_NAME_MAX) : SPAN_NONE;
}

static const struct err *
keydoc_inboxes(struct arena *a, struct keydoc *k, const json_t *doc, const struct url *id)
{
	struct span shared =
		json_text(json_object_get(json_object_get(doc, "endpoints"), "sharedInbox"));
	struct url own, other;

	if (!keydoc_id(a, json_text(json_object_get(doc, "inbox")), &own) || own.fragment.p)
		return keydoc_bad(a, k, "its actor has no usable inbox");
	/* An inbox elsewhere would have us post to whomever the actor likes to name. */
	if (!span_eq(own.origin, id->origin))
		return keydoc_bad(a, k, "the inbox of its actor is on another host");
	k->actor.inbox = own.text;
	if (shared.p && keydoc_id(a, shared, &other) && !other.fragment.p &&
		span_eq(id->origin, other.origin))
		k->actor.shared_inbox = other.text;
	return NULL;
}

static void
keydoc_take_other(struct keydoc *k)
{
	k->actor.key_id = k->more[0].id;
	k->actor.public_key_pem = k->more[0].pem;
	k->n_more--;
	for (size_t i = 0; i < k->n_more; i++)
		k->more[i] = k->more[i + 1];
}

static const struct err *
keydoc_actor(struct arena *a, struct keydoc *k, const json_t *doc, const struct url *id)
{
	static const char unlisted[] = "its actor does not list it as its own";
	const struct err *e;
	const json_t *key = keydoc_listed(k, json_object_get(doc, "publicKey"), id->text);
	struct span url = json_text(json_object_get(doc, "url"));
	struct url u;

	if (!key)
		key = keydoc_listed(k, json_object_get(doc, "assertionMethod"), id->text);
	if (key && !keydoc_pem(a, key, &k->actor.public_key_pem))
		return keydoc_bad(a, k, "it is not an RSA key of 2048 to 4096 bits or Ed25519");
	keydoc_more(a, k, json_object_get(doc, "publicKey"), id->text);
	keydoc_more(a, k, json_object_get(doc, "assertionMethod"), id->text);
	if (!key && k->n_more == 0)
		return keydoc_bad(a, k, unlisted);
	k->actor.key_id = k->key_id;
	if (!key)
		keydoc_take_other(k);
	k->actor.uri = id->text;
	k->actor.host = id->authority;
	k->actor.type = keydoc_first_type(a, doc);
	k->actor.username = keydoc_line(a, doc, "preferredUsername");
	k->actor.name = keydoc_line(a, doc, "name");
	if (url.p && keydoc_id(a, url, &u))
		k->actor.url = u.text;
	k->next = SPAN_NONE;
	e = keydoc_inboxes(a, k, doc, id);
	if (e || key)
		return e;
	k->others = true;
	return keydoc_bad(a, k, unlisted);
}

/* Where to read on, if that is still allowed and stays on the key's host. */
static const struct err *
keydoc_follow(struct arena *a, struct keydoc *k, struct span to)
{
	struct url key, u;

	if (k->reads >= KEYDOC_READS)
		return keydoc_bad(a, k, "its document names another id than its own address");
	if (!keydoc_id(a, to, &u) || u.fragment.p)
		return keydoc_bad(a, k, "its document names no usable actor");
	if (!keydoc_id(a, k->key_id, &key) || !span_eq(u.origin, key.origin))
		return keydoc_bad(a, k, "its owner is on another host");
	k->read = false; /* it has only sent on */
	k->next = u.text;
	return NULL;
}

const struct err *
keydoc_read(struct arena *a, struct keydoc *k, const struct http_call *answer)
{
	const struct err *e = keydoc_status(a, k, answer);
	struct url id;
	json_t *doc;

	k->reads++;
	if (e)
		return e;
	if (json_parse(a, answer->reply, &json_limits_ap, &doc) || !json_is_object(doc))
		return keydoc_bad(a, k, "its document is not a JSON object");
	if (keydoc_elsewhere(a, k, answer))
		return keydoc_bad(a, k, "its document was served by another host");
	k->read = true;
	if (span_is(json_text(json_object_get(doc, "type")), "Tombstone")) {
		k->gone = true;
		return err_new(a, ERR_GONE, "the actor of the key %.*s has been deleted",
			LOG_STR(k->key_id));
	}
	if (!keydoc_id(a, json_text(json_object_get(doc, "id")), &id))
		return keydoc_bad(a, k, "its document has no usable id");
	if (!span_eq(id.origin, answer->final.origin))
		return keydoc_bad(a, k, "its document was served by another host");
	if (json_object_get(doc, "publicKeyPem") ||
		json_object_get(doc, "publicKeyMultibase")) {
		if (!span_eq(id.text, k->key_id))
			return keydoc_bad(a, k, "the document is of another key");
		return keydoc_follow(a, k, keydoc_owner(doc));
	}
	if (!keydoc_is_actor(doc))
		return keydoc_bad(a, k, "its document is not an actor");
	if (!span_eq(id.text, k->next))
		return keydoc_follow(a, k, id.text);
	return keydoc_actor(a, k, doc, &id);
}
