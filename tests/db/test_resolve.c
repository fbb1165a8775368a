/*
 * Names of hosts, through a getaddrinfo of our own that libpq meets as well: it refuses to work
 * on the loop, and hangs for as long as a gate is shut.
 */
#include "db/resolve.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/conn.h"
#include "lib/check.h"
#include "lib/dbrun.h"

/* ---- the system's resolver ---- */

static pthread_t loop_thread;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_int asked, asked_on_loop;

typedef int getaddrinfo_fn(
	const char *, const char *, const struct addrinfo *, struct addrinfo **);

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *req,
	struct addrinfo **pai)
{
	void *next = dlsym(RTLD_NEXT, "getaddrinfo");
	getaddrinfo_fn *real;
	int status;

	memcpy(&real, &next, sizeof(real));
	if (!name || !span_ends(span_of(name), SPAN(".test")) ||
		(req && req->ai_flags & AI_NUMERICHOST))
		return real(name, service, req, pai);
	if (pthread_equal(pthread_self(), loop_thread)) {
		(void)atomic_fetch_add(&asked_on_loop, 1);
		return EAI_FAIL;
	}
	(void)atomic_fetch_add(&asked, 1);
	(void)pthread_mutex_lock(&gate);
	(void)pthread_mutex_unlock(&gate);
	if (span_is(span_of(name), "nowhere.test"))
		return EAI_NONAME;
	if (span_is(span_of(name), "broken.test")) {
		errno = ENOMEM;
		return EAI_SYSTEM;
	}
	/* Nobody listens on the first. */
	status = real("127.0.0.2", service, req, pai);
	return status ? status : real("127.0.0.1", service, req, &(*pai)->ai_next);
}

static void
pause_1ms(void)
{
	(void)usleep(1000);
}

static size_t
threads(void)
{
	DIR *d = opendir("/proc/self/task");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

/* ---- a server that lets everybody in, and asks nothing ---- */

struct server {
	int fd, port, client[8];
	size_t clients;
	struct loop_watch *watch;
};

static void
server_accept(void *arg)
{
	static const char greeting[] = "R\0\0\0\10\0\0\0\0"
				       "S\0\0\0\26server_version\00015\0"
				       "S\0\0\0\46default_transaction_read_only\0off\0"
				       "S\0\0\0\27in_hot_standby\0off\0"
				       "Z\0\0\0\5I";
	struct server *s = arg;
	const int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

	assert_true(fd >= 0 && s->clients < ARRAY_LEN(s->client));
	s->client[s->clients++] = fd;
	assert_int_equal(write(fd, greeting, sizeof(greeting) - 1), sizeof(greeting) - 1);
}

static void
server_open(struct server *s)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	*s = (struct server){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(s->fd, 8), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &n), 0);
	s->port = ntohs(a.sin_port);
}

static void
server_close(struct server *s)
{
	loop_watch_free(s->watch);
	(void)close(s->fd);
	while (s->clients > 0)
		(void)close(s->client[--s->clients]);
}

/* ---- tests ---- */

static int
fresh(void **state)
{
	(void)state;
	loop_thread = pthread_self();
	atomic_store(&asked, 0);
	atomic_store(&asked_on_loop, 0);
	return 0;
}

struct opening {
	struct dbrun *run;
	struct loop_timer timer;
	bool shut;
};

/* Only a loop that turns opens the gate. Ends when a connection is up, or never will be. */
static void
open_then_ready(void *arg)
{
	struct opening *o = arg;

	const bool on_loop = atomic_load(&asked_on_loop) > 0;

	if (o->shut && (on_loop || atomic_load(&asked) > 0)) {
		o->shut = false;
		(void)pthread_mutex_unlock(&gate);
	}
	if (on_loop || db_ready(o->run->db))
		loop_stop(o->run->loop, 0);
	else
		loop_timer_set(o->run->loop, &o->timer, 1, open_then_ready, o);
}

static struct db_opts
opts_of(const struct server *s, const char *host, char *dsn, size_t n)
{
	(void)snprintf(dsn, n,
		"host=%s port=%d dbname=x user=x sslmode=disable gssencmode=disable", host,
		s->port);
	return dbrun_opts(span_of(dsn), 3);
}

/* All connections share the lookup; the second address is tried after the first. */
static void
test_name(void **state)
{
	char dsn[128];
	struct server s;
	struct db_opts o;
	struct opening opening = {.shut = true};

	(void)state;
	server_open(&s);
	o = opts_of(&s, "db.test", dsn, sizeof(dsn));
	(void)pthread_mutex_lock(&gate);
	opening.run = dbrun_new(&o);
	s.watch = loop_watch_new(opening.run->loop, s.fd, server_accept, &s);
	loop_timer_set(opening.run->loop, &opening.timer, 0, open_then_ready, &opening);
	loop_run(opening.run->loop);
	assert_int_equal(atomic_load(&asked_on_loop), 0);
	assert_int_equal(atomic_load(&asked), 1);
	server_close(&s);
	dbrun_free(opening.run);
}

/* Addresses and sockets need nobody. */
static void
test_no_name(void **state)
{
	static const char *const none[] = {
		"", "/run/postgresql", "@abstract", "127.0.0.1", "::1", "fe80::1%lo"};
	char dsn[128];
	struct server s;
	struct db_opts o;
	struct opening opening = {.shut = false};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_false(db_resolver_wants(none[i]));
	assert_true(db_resolver_wants("localhost") && db_resolver_wants("db.test"));
	server_open(&s);
	o = opts_of(&s, "db.test hostaddr=127.0.0.1", dsn, sizeof(dsn));
	opening.run = dbrun_new(&o);
	s.watch = loop_watch_new(opening.run->loop, s.fd, server_accept, &s);
	loop_timer_set(opening.run->loop, &opening.timer, 0, open_then_ready, &opening);
	loop_run(opening.run->loop);
	assert_int_equal(atomic_load(&asked) + atomic_load(&asked_on_loop), 0);
	server_close(&s);
	dbrun_free(opening.run);
}

static void
fill_any(struct db_batch *b, void *ctx)
{
	static const struct db_stmt st = {.name = "t_any", .sql = "SELECT 1"};

	(void)ctx;
	(void)db_add0(b, &st);
}

static void
test_unknown(void **state)
{
	const struct {
		const char *host, *why;
	} cases[] = {
		{"nowhere.test", gai_strerror(EAI_NONAME)},
		{"broken.test", strerror(ENOMEM)},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dbrun_call c = {.fill = fill_any};
		char dsn[64];
		struct db_opts o;
		struct dbrun *r;

		(void)snprintf(dsn, sizeof(dsn), "host=%s dbname=x", cases[i].host);
		o = dbrun_opts(span_of(dsn), 1);
		o.wait_ms = 300;
		r = dbrun_new(&o);
		dbrun_start(r, &c);
		dbrun_wait(r);
		dbrun_free(r);
		assert_int_equal(c.kind, ERR_DB_GONE);
		if (!strstr(c.text, cases[i].host) || !strstr(c.text, cases[i].why))
			check_fail("%s", c.text);
		assert_int_equal(atomic_load(&asked_on_loop), 0);
	}
}

/* Out of descriptors nothing can be looked up; that is no reason to end. */
static void
test_no_descriptors(void **state)
{
	struct dbrun_call c = {.fill = fill_any};
	struct db_opts o = dbrun_opts(SPAN("host=db.test dbname=x"), 1);
	struct rlimit all, none;
	struct dbrun *r;

	(void)state;
	o.wait_ms = 50;
	r = dbrun_new(&o);
	dbrun_start(r, &c);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = all.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	dbrun_wait(r);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	dbrun_free(r);
	assert_int_equal(c.kind, ERR_DB_GONE);
	if (!strstr(c.text, strerror(EMFILE)))
		check_fail("%s", c.text);
	assert_int_equal(atomic_load(&asked), 0);
}

static void
skip_idle(void *arg)
{
	loop_skip(arg);
}

struct hang {
	struct dbrun *run;
	struct loop_timer timer;
	struct dbrun_call *late;
};

static void
hang_late(void *arg)
{
	struct hang *h = arg;

	dbrun_start(h->run, h->late);
}

/*
 * The loop's clock runs on while the lookup hangs: each try gives up after its time, not before
 * a second name server could have answered; all of them wait for the one thread, and the pool
 * ends before that does.
 */
static void
test_hang(void **state)
{
	struct dbrun_call early = {.fill = fill_any}, late = {.fill = fill_any};
	struct hang hang = {.late = &late};
	struct db_opts o = dbrun_opts(SPAN("host=hang.test dbname=x"), 3);
	const size_t before = threads();
	const int idle = eventfd(1, EFD_CLOEXEC); /* never read, so readable in every turn */
	struct loop_watch *w;
	struct dbrun *r;

	(void)state;
	(void)pthread_mutex_lock(&gate);
	clock_fake(1772359200000000, 1000000);
	o.wait_ms = 9000;
	hang.run = r = dbrun_new(&o);
	w = loop_watch_new(r->loop, idle, skip_idle, r->loop);
	dbrun_start(r, &early);
	loop_timer_set(r->loop, &hang.timer, 5000, hang_late, &hang);
	dbrun_wait(r);
	loop_watch_free(w);
	(void)close(idle);
	assert_true(early.kind == ERR_DB_GONE && late.kind == ERR_DB_GONE);
	if (!strstr(early.text, "no answer yet"))
		check_fail("%s", early.text);
	if (!strstr(late.text, "hang.test") || !strstr(late.text, "within 12 s"))
		check_fail("%s", late.text);
	assert_int_equal(atomic_load(&asked_on_loop), 0);
	while (atomic_load(&asked) == 0)
		pause_1ms();
	dbrun_free(r);
	clock_fake(0, 0);
	(void)pthread_mutex_unlock(&gate);
	while (threads() > before)
		pause_1ms();
	assert_int_equal(atomic_load(&asked), 1);
}

static const char *
value_of(const struct db_conninfo *ci, const char *key)
{
	for (size_t i = 0; ci->keys[i]; i++)
		if (strcmp(ci->keys[i], key) == 0)
			return ci->values[i];
	return NULL;
}

/* libpq gets the name as often as it has addresses, to compare certificates with it. */
static void
test_conninfo(void **state)
{
	static const struct {
		const char *dsn;
		size_t attempt;
		const char *name, *addrs, *host, *hostaddr, *port;
	} cases[] = {
		{"host=db.test port=1", 0, "db.test", "10.0.0.1,::1,10.0.0.2",
			"db.test,db.test,db.test", "10.0.0.1,::1,10.0.0.2", "1"},
		/* A silent address takes all the time of an attempt: each has its turn. */
		{"host=db.test port=1", 4, "db.test", "10.0.0.1,::1,10.0.0.2",
			"db.test,db.test,db.test", "::1,10.0.0.2,10.0.0.1", "1"},
		{"host=10.0.0.9,db.test port=1,2", 3, "db.test", "10.0.0.1,10.0.0.2",
			"db.test,db.test", "10.0.0.2,10.0.0.1", "2"},
		{"host=10.0.0.9,db.test port=1,2", 1, "db.test", "10.0.0.1", "db.test",
			"10.0.0.1", "2"},
		{"host=10.0.0.9,db.test port=1,2", 0, NULL, NULL, "10.0.0.9", "", "1"},
		{"host=a.test,db.test hostaddr=,10.0.0.1", 0, "a.test", "10.0.0.3", "a.test",
			"10.0.0.3", ""},
		{"host=a.test,db.test hostaddr=,10.0.0.1", 1, NULL, NULL, "db.test", "10.0.0.1",
			""},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct db_opts o = dbrun_opts(span_of(cases[i].dsn), 1);
		struct db_conninfo ci;

		check_ok(a, db_conninfo(a, &o, cases[i].attempt, NULL, &ci));
		check_span(span_of(ci.name), span_of(cases[i].name));
		check_ok(a, db_conninfo(a, &o, cases[i].attempt, cases[i].addrs, &ci));
		assert_null(ci.name);
		assert_string_equal(value_of(&ci, "host"), cases[i].host);
		assert_string_equal(value_of(&ci, "hostaddr"), cases[i].hostaddr);
		assert_string_equal(value_of(&ci, "port"), cases[i].port);
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_conninfo, fresh),
		cmocka_unit_test_setup(test_name, fresh),
		cmocka_unit_test_setup(test_no_name, fresh),
		cmocka_unit_test_setup(test_unknown, fresh),
		cmocka_unit_test_setup(test_hang, fresh),
		cmocka_unit_test_setup(test_no_descriptors, fresh),
	};

	log_setup(getenv("VERBOSE") ? LOG_DEBUG : LOG_ERROR, false, "test");
	return cmocka_run_group_tests_name("db.resolve", tests, NULL, NULL);
}
