/* Loop's inside for task.c: the run queue and the list of all tasks. Private to src/task. */
#ifndef TASK_LOOP_RUN_H
#define TASK_LOOP_RUN_H

#include "task/loop.h"

struct loop_tasks {
	struct list all;   /* every task alive */
	struct list ready; /* tasks to run in the next turn */
	size_t count;
	uint64_t last_id;
	int slow_step_ms;
	bool cancelling; /* the grace of the stop is over */
	/* Of task.c, known from its first task on: one turn of the run queue; ask every root
	 * flow to fail with ERR_STOPPED. */
	void (*run_ready)(struct loop *l);
	void (*stop_all)(struct loop *l);
};

struct loop_tasks *loop_tasks(struct loop *l);

#endif
