/*
 * Tend: every minute or two, what has lost its job gets it back: sources that nobody polls any
 * more, posts that wait for pictures that nobody brings. Each worker of the role ingest does
 * it.
 */
#ifndef MAIN_TEND_H
#define MAIN_TEND_H

#include "task/env.h"

struct tend;
struct tend *tend_start(struct env *env);
void tend_stop(struct tend *d);
void tend_free(struct tend *d); /* when the loop has ended */

#endif
