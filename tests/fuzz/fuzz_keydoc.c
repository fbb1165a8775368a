/*
 * The answer to "whose key is this?": a line with the key id, one with the content type, one
 * with the URL it came from, and the document. What is believed stays on the key's host.
 */
#include "fuzz/fuzz.h"
#include "ap/keydoc.h"
#include "crypto/pkey.h"

static void
check_url_of(struct arena *a, struct span s, const struct url *key)
{
	struct url u;

	assert(!url_parse(a, s, &u) && span_eq(u.origin, key->origin));
}

static void
check_actor(struct arena *a, const struct keydoc *k, const struct url *key)
{
	struct pkey *pkey;
	struct url inbox;

	check_url_of(a, k->actor.uri, key);
	assert(span_eq(k->actor.key_id, k->key_id));
	assert(!url_parse(a, k->actor.inbox, &inbox));
	if (k->actor.shared_inbox.p)
		check_url_of(a, k->actor.shared_inbox, &inbox);
	/* The flow relies on it: what was believed can be read again from the database. */
	assert(!pkey_public_from_pem(a, k->actor.public_key_pem, &pkey));
	pkey_unref(pkey);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct span rest = span_from(data, size), key_id = fuzz_head(&rest, '\n');
	struct http_header type = {
		.name = SPAN("Content-Type"), .value = fuzz_head(&rest, '\n')};
	struct http_call answer = {.status = 200,
		.content_type = type.value,
		.reply_headers = &type,
		.n_reply_headers = 1};
	struct span final = fuzz_head(&rest, '\n');
	struct keydoc k;
	struct url key;

	answer.reply = rest;
	if (!keydoc_begin(a, &k, key_id) && !url_parse(a, final, &answer.final)) {
		assert(!url_parse(a, key_id, &key));
		/* The same document again: a chain has to end. */
		for (int i = 0; i <= KEYDOC_READS && k.next.p; i++) {
			const struct err *e = keydoc_read(a, &k, &answer);

			assert(i < KEYDOC_READS || e);
			if (e) {
				assert(e->kind == ERR_AUTH || e->kind == ERR_GONE);
				assert(k.gone == (e->kind == ERR_GONE));
				break;
			}
			if (k.next.p)
				check_url_of(a, k.next, &key);
			else
				check_actor(a, &k, &key);
		}
	}
	arena_free(a);
	return 0;
}
