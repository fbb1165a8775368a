/*
 * Fedi: a hub on a real database, and a scripted foreign server, for tests of the flows of ap/.
 *
 * The world (database, keys, the hub, one organisation "stadt", addresses) lives as long as the
 * test program; a run is one loop with its services. In a run both servers are there, over real
 * HTTP on loopback: the peer answers by the test's function and what it saw is kept.
 */
#ifndef TESTS_LIB_FEDI_H
#define TESTS_LIB_FEDI_H

#include "ap/ap.h"
#include "base/conf.h"
#include "crypto/httpsig.h"
#include "crypto/pkey.h"
#include "db/db.h"
#include "db/queue.h"
#include "hub/hub.h"
#include "lib/hang.h"
#include "net/http.h"
#include "net/httpd.h"

#define FEDI_SEEN 3000

struct fedi_seen {
	char method[8], target[256], signature[1200], input[600], digest[100], agent[100];
	char *body;
};

struct fedi {
	/* the world */
	struct arena *arena;
	struct pg *pg;
	struct span dsn;
	struct conf conf;
	struct hub hub;
	int64_t stadt; /* account of the organisation */
	struct span hub_base, peer_base;
	int hub_fd, peer_fd;
	struct pkey *key, *other; /* RSA of the peer's actors, by custom alice and bob */
	/* a run */
	struct env env;
	struct loop *loop;
	struct httpd *hub_http, *peer_http;
	size_t alive;
	bool (*when)(struct fedi *f); /* looked at every few ms: then ... */
	void (*then)(struct fedi *f); /* ... again and again; NULL = the loop is stopped */
	struct look look;
	struct hang *hang; /* given back when the run has ended, if not before */
	void (*answer)(struct fedi *f, struct httpd_req *r); /* of the peer; NULL = actors */
	void *arg;                                           /* the test's own */
	httpd_handler *serve;                                /* of the hub; NULL = its inbox */
	void (*closing)(struct fedi *f); /* frees what the test has hung into env; or NULL */
	struct fedi_seen *seen;
	size_t n_seen;
};

/* One world for all tests of a program, with its arena, by cmocka's fixtures. */
extern struct fedi *fedi;
extern struct arena *arena;
int fedi_setup(void **state);
int fedi_teardown(void **state);
int fedi_fresh(void **state); /* for each test: fedi_clean */

struct fedi *fedi_new_apart(void); /* on a cluster of its own, which the test may kill */
void fedi_free(struct fedi *f);
/* Nothing but the hub and the organisation are left. */
void fedi_clean(struct fedi *f);

/* One run: open, start what is wanted, wait. Runs may follow each other. */
void fedi_open(struct fedi *f);
/* Outcome of one flow; *error, if not NULL, lives in the world's arena. */
struct fedi_end {
	struct fedi *fedi;
	bool ended;
	const struct err *error;
};
struct task *fedi_start(struct fedi *f, struct fedi_end *end, const struct flow *flow,
	const void *arg, size_t arg_size, void *out);
void fedi_wait(struct fedi *f); /* until all have ended, then everything of the run is closed */

/* Claims all jobs of a kind that are due and runs the flow for each; how many it were. */
size_t fedi_jobs(struct fedi *f, const char *kind, const struct flow *flow);

/* ---- the peer ---- */

/* "http://peer/users/<name>" and its key. */
struct span fedi_actor(struct fedi *f, const char *name);
struct span fedi_key_id(struct fedi *f, const char *name);
/* Takes the request and never answers it; fedi_asked: there was one. */
void fedi_mute(struct fedi *f, struct httpd_req *r);
bool fedi_asked(struct fedi *f);
/* Answers /users/<name> with an actor whose key is `key`; /inbox and others with 202. */
void fedi_answer_actor(struct fedi *f, struct httpd_req *r, const struct pkey *key);
void fedi_reply(struct httpd_req *r, int status, const char *type, struct span body);
/*
 * The run that is opened next hangs on the database, NULL = on the peer; and it is stopped
 * then, unless `then` is set to something else.
 */
void fedi_hang(struct fedi *f, struct hang *h);
/* A `then`: stopped, and what was sent to the database goes on behind its back. */
void fedi_stop_and_go_on(struct fedi *f);
size_t fedi_count(const struct fedi *f, const char *method, const char *target);

/* ---- posting to the hub ---- */

struct fedi_post {
	const char *path;
	struct span body;
	struct span key_id;
	const struct pkey *key;
	/* what differs from a correct request */
	enum httpsig_scheme scheme;
	bool unsigned_, wrong_body, without_query;
	const char *type, *coding;
	int64_t age_s;
	/* the answer */
	int status;
	char text[1000], accept_signature[300];
	int retry_after_s;
};
/* One after the other, in one run. */
void fedi_posts(struct fedi *f, struct fedi_post *posts, size_t n);
/*
 * In a run that is stopped: sends over a socket that is none of the run's. What came back is
 * read after the run; status 0 = nothing.
 */
int fedi_post_send(struct fedi *f, const struct fedi_post *post);
void fedi_post_read(int fd, struct fedi_post *post);

#endif
