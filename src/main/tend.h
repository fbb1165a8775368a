/*
 * Tend: every minute or two, what has lost its job gets it back: sources that nobody polls any
 * more, posts that wait for pictures that nobody brings. Each worker of the role ingest does
 * it.
 */
#ifndef MAIN_TEND_H
#define MAIN_TEND_H

#include "task/repeat.h"

struct repeat *tend_start(struct env *env); /* NULL without the role */

#endif
