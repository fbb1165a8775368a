#include "ap/state.h"

struct ap *
ap_of(struct task *t)
{
	struct ap *ap = task_env(t)->ap;

	MAGIC_CHECK(ap, AP_MAGIC);
	return ap;
}
