/*
 * Checkpoint: signs the head of the record at most one second after it has moved. Every worker
 * of the role ingest tries; whoever is first has done it.
 */
#ifndef MAIN_CHECKPOINT_H
#define MAIN_CHECKPOINT_H

#include "task/repeat.h"

struct repeat *checkpoint_start(struct env *env); /* NULL without the role */

#endif
