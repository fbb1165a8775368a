/*
 * Place: the data directory and what lies in it.
 *
 *	litfassd.pid   pid of the supervisor, locked for as long as it lives
 *	instance       our name among all machines that share a database, made once
 *	master.key     seals the secrets in the database
 *	pg, run        the embedded cluster and its socket
 *	media          files served to the public
 */
#ifndef MAIN_PLACE_H
#define MAIN_PLACE_H

#include "main/child.h"

/* Makes the directory when it is missing. As root it becomes the account's. */
const struct err *place_make(
	struct arena *a, const struct conf *c, const struct runas *as) MUST_CHECK;
/* As the account: every directory above is open to us, and this one is ours to write. */
const struct err *place_check(struct arena *a, const struct conf *c) MUST_CHECK;
/* Writes our pid into <data_dir>/litfassd.pid; ERR_CONFLICT names who is there already. */
const struct err *place_lock(
	struct arena *a, const struct conf *c, const struct runas *as, int *out) MUST_CHECK;
/* "<random id>@<host>": what all worker names of this data directory begin with. */
const struct err *place_instance(struct arena *a, const struct conf *c, const struct runas *as,
	struct span *out) MUST_CHECK;

#endif
