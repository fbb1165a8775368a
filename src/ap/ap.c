#include "ap/ap.h"

#include <stdlib.h>

#include "ap/fanout.h"
#include "ap/state.h"
#include "ap/sweep.h"
#include "base/conf.h"

struct ap *
ap_new(struct env *env)
{
	struct ap *ap = xcalloc(1, sizeof(*ap));

	ap->magic = AP_MAGIC;
	ap->env = env;
	own_setup(ap);
	actor_setup(ap);
	inbox_setup(ap);
	receive_setup(ap);
	outgoing_setup(ap);
	return ap;
}

void
ap_start(struct ap *ap)
{
	MAGIC_CHECK(ap, AP_MAGIC);
	if (!(ap->env->conf->roles & ROLE_DELIVER))
		return;
	ap->fanout = fanout_start(ap->env);
	ap->sweep = sweep_start(ap->env);
}

void
ap_free(struct ap *ap)
{
	if (!ap)
		return;
	MAGIC_CHECK(ap, AP_MAGIC);
	fanout_free(ap->fanout);
	repeat_free(ap->sweep);
	outgoing_teardown(ap);
	receive_teardown(ap);
	inbox_teardown(ap);
	actor_teardown(ap);
	own_teardown(ap);
	ap->magic = 0;
	free(ap);
}
