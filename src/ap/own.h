/*
 * Own: our own accounts with their private keys opened, kept by this worker for a minute.
 *
 * Opening costs a decryption and two PEM readings, so it happens once for many signatures; the
 * minute makes a changed profile reach the activities we build. The account and its keys are
 * counted and belong to the arena of the task that asked. An account whose keys cannot be
 * opened is there all the same, only nothing can be signed in its name.
 */
#ifndef AP_OWN_H
#define AP_OWN_H

#include "crypto/httpsig.h"
#include "crypto/pkey.h"
#include "hub/account.h"
#include "task/task.h"

struct own {
	struct account account;
	struct span actor, key_id; /* URLs */
	struct pkey *rsa, *ed25519;
	struct span locked; /* why there are no keys; SPAN_NONE = they are open */
};

/* ERR_NOT_FOUND when there is no such account. */
struct next await_own_at(struct task *t, int64_t account, const struct own **out, step_fn *then,
	const char *name) MUST_CHECK;
#define await_own(t, account, out, step) await_own_at((t), (account), (out), (step), #step)
struct next await_own_slug_at(struct task *t, struct span slug, const struct own **out,
	step_fn *then, const char *name) MUST_CHECK;
#define await_own_slug(t, slug, out, step) await_own_slug_at((t), (slug), (out), (step), #step)

/*
 * The headers that sign a request with the account's RSA key, in the arena. For a worker
 * thread: a digest of the body and one RSA operation. ERR_CORRUPT when it is locked.
 */
const struct err *own_sign(struct arena *a, const struct own *own, enum httpsig_scheme scheme,
	const struct httpsig_request *r, struct httpsig_out *out) MUST_CHECK;

#endif
