/*
 * Keydoc: what an answer to "whose key is this?" may be believed. Pure.
 *
 * A key id leads to its actor's document, or to a document of the key itself (GoToSocial serves
 * a stub there) whose owner is then read. At most two documents are read for one key. What
 * counts in the end is the actor's own document: served from its own id with an ActivityPub
 * type, listing exactly this key, with its inbox, all on one host (FEP-521a for keys in
 * assertionMethod).
 */
#ifndef AP_KEYDOC_H
#define AP_KEYDOC_H

#include "hub/remote.h"
#include "net/http.h"

#define KEYDOC_READS 2

struct keydoc {
	struct span key_id;
	struct span next; /* the document to read now; SPAN_NONE when all is known */
	int reads;
	bool read; /* a document was there: if it is an error, it is not for want of an answer
		    */
	bool gone; /* for good: a tombstone, or 410; a 404 may be over tomorrow */
	/* The actor's document does not list the key, but others: the key is refused, while
	 * what is known of the actor is read anew all the same. */
	bool others;
	struct remote_actor actor; /* the result: all but id and fetched_us */
	/* Its other keys, a few: who signs with two of them in turn is read once. */
	struct remote_key more[REMOTE_KEYS_MORE];
	size_t n_more;
};

/* ERR_AUTH when the key id cannot belong to an actor elsewhere. */
const struct err *keydoc_begin(
	struct arena *a, struct keydoc *k, struct span key_id) MUST_CHECK;
/*
 * Takes the answer for k->next. ERR_AUTH: it proves nothing, ever; ERR_GONE: there is no such
 * actor (any more); ERR_UNAVAILABLE: ask again later.
 */
const struct err *keydoc_read(
	struct arena *a, struct keydoc *k, const struct http_call *answer) MUST_CHECK;

/* application/activity+json, or application/ld+json with the profile of ActivityStreams. */
bool keydoc_type_is_ap(struct span content_type);

#endif
