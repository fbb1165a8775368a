/*
 * Hubrun: a loop with the services of a worker, on which tests run jobs and other flows.
 *
 * The database is a real one, the HTTP client may reach 127.0.0.0/8, the helper is the one that
 * was just built. A run serves once: start flows, wait for all of them, end it.
 */
#ifndef TESTS_LIB_HUBRUN_H
#define TESTS_LIB_HUBRUN_H

#include "base/conf.h"
#include "db/queue.h"
#include "hub/hub.h"
#include "lib/hang.h"
#include "task/task.h"

struct hubrun_opts {
	struct span dsn;           /* SPAN_NONE = no database */
	struct span data_dir;      /* SPAN_NONE = no media store */
	const char *const *helper; /* argv, NULL = no helper */
	int helper_wall_ms;
};

struct hubrun_end;

struct hubrun {
	struct arena *arena;
	struct env env;
	struct conf conf;
	struct conf_net_range loopback;
	struct hub hub;
	size_t alive;
};

/* Outcome of one flow; must live until hubrun_wait has returned. */
struct hubrun_end {
	struct hubrun *run;
	struct task *task; /* while it lives */
	bool failed;
	enum err_kind kind;
	char text[512];
};

void hubrun_init(struct hubrun *r, const struct hubrun_opts *o);
void hubrun_start(struct hubrun *r, struct hubrun_end *end, const struct flow *f,
	const void *arg, size_t arg_size, void *out);
void hubrun_wait(struct hubrun *r); /* until all have ended */
void hubrun_fini(struct hubrun *r);

/*
 * For a run that is stopped as soon as a flow is at `at` (see hang_traced) and, if there is a
 * hang, stands before it; the hang is over then.
 */
struct hubrun_stop {
	const char *at;
	struct hang *hang; /* NULL = something else keeps it waiting */
	struct hubrun *run;
	struct look look;
};
void hubrun_stop_start(struct hubrun *r, struct hubrun_stop *s);
void hubrun_stop_end(struct hubrun_stop *s); /* before hubrun_fini */
/* A URL at which somebody listens who never answers; valid until the end of the program. */
const char *hubrun_mute(void);

/* ---- the database ---- */

/* A migrated database with the head of a record and one organisation, "feuerwehr". */
struct pg;
struct span hubrun_database(struct pg *pg);
/* Claims the job (kind, key), whether it is due or not; ends the test when there is none. */
struct job hubrun_claim(struct arena *a, struct span dsn, const char *kind, int64_t key);
/* A query with printf; the first value as text or number. */
const char *hubrun_sql(struct span dsn, const char *fmt, ...) PRINTF_LIKE(2, 3);
int64_t hubrun_int(struct span dsn, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The record of the hub verifies from its first entry to its head. */
void hubrun_verify(struct span dsn);

#endif
