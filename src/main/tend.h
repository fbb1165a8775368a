/*
 * Tend: every minute or two, sources that nobody polls any more get their job back. Each worker
 * of the role ingest does it.
 */
#ifndef MAIN_TEND_H
#define MAIN_TEND_H

#include "task/env.h"

struct tend;
struct tend *tend_start(struct env *env);
void tend_stop(struct tend *d);
void tend_free(struct tend *d); /* when the loop has ended */

#endif
