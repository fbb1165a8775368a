/*
 * Prepare: short-lived children of the supervisor, as the account, that bring the database into
 * order: the schema, the hub with its keys at the first start, leases that nobody holds any
 * more. They wait for the database as long as it takes, only a reload is refused after 20 s.
 */
#ifndef MAIN_PREPARE_H
#define MAIN_PREPARE_H

#include "base/conf.h"

enum prepare_what {
	PREPARE_START,   /* all of it; no worker of ours is alive */
	PREPARE_RELOAD,  /* is this database still ours? */
	PREPARE_RELEASE, /* the leases of one worker that has ended */
};

struct prepare_opts {
	const struct conf *conf;
	enum prepare_what what;
	struct span name; /* of our instance, or of the worker */
	bool crashed;     /* it counts towards burying its jobs */
};
/* Returns an exit code of enum cmd_exit. */
int prepare_run(struct arena *a, const struct prepare_opts *o);

/* Worth another try: the database is away or busy, nothing is wrong with the request. */
bool prepare_may_retry(const struct err *e);

#endif
