#include "db/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/arena.h"

#define ADDRS_MAX 8 /* of one name */
#define ADDR_MAX 64 /* IPv6 with the name of an interface */

struct db_resolver {
	struct loop *loop;
	struct list lookups; /* under way */
};

struct lookup {
	/* The loop's. */
	struct list link, asks;
	struct loop_watch *watch;
	/* Of both, unchanged. */
	char *name;
	int fd; /* eventfd: done */
	/* The thread's, until done. */
	int status; /* of getaddrinfo */
	int error;  /* errno, when that is EAI_SYSTEM */
	char addrs[ADDRS_MAX * ADDR_MAX];
	atomic_bool done;
	atomic_int holders; /* the loop and the thread */
};

static void
lookup_release(struct lookup *k)
{
	if (atomic_fetch_sub(&k->holders, 1) > 1)
		return;
	(void)close(k->fd);
	free(k->name);
	free(k);
}

static int
lookup_ask(struct lookup *k)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *all;
	size_t n = 0;
	const int status = getaddrinfo(k->name, NULL, &hints, &all);

	k->error = errno;
	if (status != 0)
		return status;
	for (const struct addrinfo *ai = all; ai && n < ADDRS_MAX; ai = ai->ai_next) {
		char addr[ADDR_MAX];
		const size_t at = strlen(k->addrs);

		if (getnameinfo(ai->ai_addr, ai->ai_addrlen, addr, sizeof(addr), NULL, 0,
			    NI_NUMERICHOST) != 0)
			continue;
		(void)snprintf(
			k->addrs + at, sizeof(k->addrs) - at, "%s%s", n ? "," : "", addr);
		n++;
	}
	freeaddrinfo(all);
	return n ? 0 : EAI_NONAME;
}

static void
lookup_finish(struct lookup *k, int status)
{
	k->status = status;
	atomic_store(&k->done, true);
	if (eventfd_write(k->fd, 1) != 0)
		abort(); /* a counter of 64 bits cannot be full */
	lookup_release(k);
}

static void *
lookup_thread(void *arg)
{
	struct lookup *k = arg;

	lookup_finish(k, lookup_ask(k));
	return NULL;
}

static const char *
lookup_why(const struct lookup *k)
{
	return k->status == EAI_SYSTEM ? strerror(k->error) : gai_strerror(k->status);
}

static void
lookup_end(struct lookup *k)
{
	list_unlink(&k->link);
	loop_watch_free(k->watch);
	lookup_release(k);
}

static void
lookup_done(void *arg)
{
	struct lookup *k = arg;

	assert(atomic_load(&k->done));
	while (!list_empty(&k->asks)) {
		struct db_ask *q = LIST_ENTRY(k->asks.next, struct db_ask, link);

		db_ask_stop(q);
		if (k->status == 0)
			q->fn(q->arg, k->addrs, NULL);
		else
			q->fn(q->arg, NULL, lookup_why(k));
	}
	lookup_end(k);
}

static struct lookup *
lookup_start(struct db_resolver *r, const char *name)
{
	const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct lookup *k;
	pthread_t thread;
	sigset_t all, old;

	if (fd < 0)
		return NULL;
	k = xcalloc(1, sizeof(*k));
	list_init(&k->asks);
	k->name = xstrdup(name);
	k->fd = fd;
	atomic_init(&k->holders, 2);
	k->watch = loop_watch_new(r->loop, k->fd, lookup_done, k);
	list_append(&r->lookups, &k->link);
	/* Signals belong to the loop's thread. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	if (pthread_create(&thread, NULL, lookup_thread, k) == 0)
		(void)pthread_detach(thread);
	else
		lookup_finish(k, EAI_MEMORY);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return k;
}

struct db_resolver *
db_resolver_new(struct loop *l)
{
	struct db_resolver *r = xcalloc(1, sizeof(*r));

	r->loop = l;
	list_init(&r->lookups);
	return r;
}

void
db_resolver_free(struct db_resolver *r)
{
	while (!list_empty(&r->lookups)) {
		struct lookup *k = LIST_ENTRY(r->lookups.next, struct lookup, link);

		assert(list_empty(&k->asks));
		lookup_end(k);
	}
	free(r);
}

bool
db_resolver_wants(const char *host)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
	struct addrinfo *numeric;

	/* libpq's marks of a socket, in the file system or abstract. */
	if (!host[0] || host[0] == '/' || host[0] == '@')
		return false;
	if (getaddrinfo(host, NULL, &hints, &numeric) != 0)
		return true;
	freeaddrinfo(numeric);
	return false;
}

bool
db_ask_start(struct db_ask *q, struct db_resolver *r, const char *name, db_resolved_fn *fn,
	void *arg)
{
	struct lookup *k = NULL;

	LIST_EACH(it, &r->lookups)
	if (strcmp(LIST_ENTRY(it, struct lookup, link)->name, name) == 0)
		k = LIST_ENTRY(it, struct lookup, link);
	if (!k)
		k = lookup_start(r, name);
	if (!k)
		return false;
	*q = (struct db_ask){.name = k->name, .fn = fn, .arg = arg};
	list_append(&k->asks, &q->link);
	return true;
}

void
db_ask_stop(struct db_ask *q)
{
	list_unlink(&q->link);
}
