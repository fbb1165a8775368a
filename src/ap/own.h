/*
 * Own: our own accounts with their private keys opened, kept by this worker for a minute.
 *
 * Opening costs a decryption and two PEM readings, so it happens once for many signatures; the
 * minute makes a changed profile reach the activities we build. The account and its keys are
 * counted and belong to the arena of the task that asked.
 */
#ifndef AP_OWN_H
#define AP_OWN_H

#include "crypto/pkey.h"
#include "hub/account.h"
#include "net/http.h"

struct own {
	struct account account;
	struct span actor, key_id; /* URLs */
	struct pkey *rsa, *ed25519;
};

/* ERR_NOT_FOUND when there is no such account. */
struct next await_own_at(struct task *t, int64_t account, const struct own **out, step_fn *then,
	const char *name) MUST_CHECK;
#define await_own(t, account, out, step) await_own_at((t), (account), (out), (step), #step)
struct next await_own_slug_at(struct task *t, struct span slug, const struct own **out,
	step_fn *then, const char *name) MUST_CHECK;
#define await_own_slug(t, slug, out, step) await_own_slug_at((t), (slug), (out), (step), #step)

/*
 * An http_sign_fn for GETs: draft-cavage, anew for each hop. arg is the `struct own` that
 * signs, by custom the instance actor. One RSA operation on the loop: for single requests.
 */
const struct err *own_sign_hop(
	struct arena *a, struct http_call *call, const struct url *hop, void *arg) MUST_CHECK;

#endif
