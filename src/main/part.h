/*
 * Part: what a child of the supervisor is, as the arguments it is started with. The supervisor
 * writes them, the child reads them: nobody else uses this interface.
 */
#ifndef MAIN_PART_H
#define MAIN_PART_H

#include "main/child.h"
#include "main/prepare.h"

enum part {
	PART_DATABASE, /* becomes the embedded postmaster, or watches one */
	PART_PREPARE,
	PART_WORKER,
};

struct part_args {
	enum part part;
	struct span conf_path; /* for messages */
	int conf_fd;           /* its text, as the supervisor has read it */
	struct span name;      /* of the instance, or of the worker */
	enum prepare_what what;
	bool crashed;
	/* Of workers. */
	int slot;             /* from 1 */
	int pipe;             /* to the supervisor: one byte a second */
	int listen, n_listen; /* the first of so many in a row */
	int metrics;          /* -1 = none */
};

/* Completes argv behind argv[0]. The descriptors in p are those of the child. */
void part_write(struct arena *a, const struct part_args *p, struct child_spec *s);
/* The first argument of a child. */
#define PART_FLAG "--part"
bool part_read(struct arena *a, int argc, char **argv, struct part_args *out) MUST_CHECK;
/* "litfassd-1", "litfass-db", "litfass-prepare": how it is called in the process list. */
const char *part_name(struct arena *a, const struct part_args *p);

#endif
