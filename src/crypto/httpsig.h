/*
 * HTTP signatures, both schemes, pure.
 *
 *   draft-cavage-http-signatures-12 as deployed (rsa-sha256, hs2019 accepted), and
 *   RFC 9421 with rsa-v1_5-sha256 and ed25519, one signature per message.
 *
 * Verification: httpsig_parse reads and judges everything that needs no key (coverage, time,
 * digest, doubled parameters, unknown components), httpsig_verify compares with the key. The
 * algorithm comes from the key; a name that contradicts it is refused. A message that carries
 * Signature-Input is RFC 9421, otherwise draft-cavage.
 */
#ifndef CRYPTO_HTTPSIG_H
#define CRYPTO_HTTPSIG_H

#include "base/err.h"
#include "crypto/pkey.h"

enum httpsig_scheme {
	HTTPSIG_CAVAGE,
	HTTPSIG_RFC9421,
};

struct httpsig_header {
	struct span name, value;
};

/* The message as it was, or will be, on the wire. */
struct httpsig_request {
	struct span method; /* upper case */
	struct span target; /* path[?query], raw */
	struct span scheme; /* "http" or "https" */
	struct span host;   /* value of Host */
	const struct httpsig_header *headers;
	size_t n_headers;
	struct span body;
};

struct httpsig {
	enum httpsig_scheme scheme;
	struct span key_id;
	struct span signature; /* decoded */
	struct span base;      /* what is signed */
	/* draft-cavage only: the same for a target without query, as some servers sign. */
	struct span base_without_query;
	bool wants_rsa, wants_ed25519; /* named by the algorithm parameter */
	int64_t signed_us;             /* by the sender's clock, whole seconds */
};

/* ERR_AUTH with a sentence for the sender; ERR_AUTH also when there is no signature at all. */
const struct err *httpsig_parse(struct arena *a, const struct httpsig_request *r,
	int64_t now_us, struct httpsig *out) MUST_CHECK;
bool httpsig_verify(const struct httpsig *s, const struct pkey *key);

/*
 * Signing in two halves, so that the RSA operation can run on a worker thread: prepare makes
 * the text to sign and the headers but the signature; finish adds it. Headers that result are
 * to be sent beside Host and Content-Type, which are covered.
 */
#define HTTPSIG_HEADERS 4
struct httpsig_out {
	enum httpsig_scheme scheme;
	struct span text; /* to be signed with pkey_sign */
	struct span params;
	struct httpsig_header headers[HTTPSIG_HEADERS];
	size_t n_headers;
};
void httpsig_prepare(struct arena *a, const struct httpsig_request *r,
	enum httpsig_scheme scheme, struct span key_id, int64_t now_us,
	struct httpsig_out *out);
void httpsig_finish(struct arena *a, struct httpsig_out *out, struct span signature);

#endif
