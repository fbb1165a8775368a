/* Pg's inside, for pg.c and pg_shared.c. */
#ifndef TESTS_LIB_PG_RUN_H
#define TESTS_LIB_PG_RUN_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/pg.h"

struct pg {
	char dir[64], data[80], log[96];
	pid_t pid; /* of our postmaster */
	bool shared;
	int users_fd; /* holds the shared one */
	int made;     /* databases */
	int databases;
	char *dsns; /* DATABASES_MAX times DSN_MAX */
};

_Noreturn void pg_die(const char *what);
void pg_pause(void);
struct pg *pg_new(const char *dir); /* stopped at exit */
void pg_forget(void);               /* not any more */
void pg_give(const char *dir);      /* to the account that runs PostgreSQL */
void pg_init(struct pg *p);         /* initdb */
pid_t pg_spawn(struct pg *p, char *const argv[]);
void pg_remove(struct pg *p); /* its directory */

#endif
