/*
 * Checkpoint: signs the head of the record at most one second after it has moved. Every worker
 * of the role ingest tries; whoever is first has done it.
 */
#ifndef MAIN_CHECKPOINT_H
#define MAIN_CHECKPOINT_H

#include "task/env.h"

struct checkpoint;
struct checkpoint *checkpoint_start(struct env *env);
void checkpoint_stop(struct checkpoint *c);
void checkpoint_free(struct checkpoint *c); /* when the loop has ended */

#endif
