#include "db/run.h"

#include <stdlib.h>

void
db_run_drop(struct db_run *r)
{
	for (size_t i = 0; i < r->n; i++)
		PQclear(r->results[i]);
	free(r->prepare);
	free(r->stmts);
	free(r->results);
	r->prepare = r->stmts = NULL;
	r->results = NULL;
	r->n = r->n_prepare = r->at = 0;
	r->pipe = NULL;
}
