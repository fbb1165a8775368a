/* A configuration with its sockets, and which one may follow another without a restart. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/check.h"
#include "main/listen.h"
#include "main/setup.h"

#define HOST "127.93.17.5"

static struct arena *arena;
static char dir[] = "/tmp/litfass-setup-XXXXXX", path[64];

static int
setup(void **state)
{
	(void)state;
	arena = arena_new();
	if (!mkdtemp(dir))
		return 1;
	(void)snprintf(path, sizeof(path), "%s/litfass.conf", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)rmdir(dir);
	arena_free(arena);
	return 0;
}

static void
write_conf(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

#define BASE                                                                                   \
	"base_url = \"http://a.example\"\nmedia_base_url = \"http://m.example\"\n"             \
	"data_dir = \"/d\"\n"

static struct setup *
read_conf(const char *text)
{
	struct setup *s = NULL;

	write_conf(text);
	check_ok(arena, setup_read(arena, path, 7, &s));
	return s;
}

static void
test_read(void **state)
{
	struct setup *s = read_conf(BASE "workers = 3\n");
	char copy[512];
	const struct err *e;

	(void)state;
	assert_int_equal(s->number, 7);
	assert_int_equal(s->conf.workers, 3);
	check_span(s->conf.path, span_of(path));
	/* The children's copy stays when the file goes, and nobody can change it. */
	write_conf("nonsense");
	assert_int_equal(
		pread(s->conf_fd, copy, sizeof(copy), 0), (int)strlen(BASE "workers = 3\n"));
	assert_memory_equal(copy, BASE "workers = 3\n", strlen(BASE "workers = 3\n"));
	assert_int_equal(pwrite(s->conf_fd, "x", 1, 0), -1);
	setup_free(s);

	e = setup_read(arena, path, 8, &s);
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_CONFIG);
	assert_true(span_has(err_text(arena, e), span_of(path)));
	e = setup_read(arena, "/nonexistent/litfass.conf", 8, &s);
	assert_int_equal(e->kind, ERR_CONFIG);
	assert_true(span_has(err_text(arena, e), SPAN("No such file")));
}

static ino_t
inode(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static uint16_t
free_port(void)
{
	const struct conf_addr any = {.host = SPAN(HOST)};
	int64_t port = 0;
	int fd = -1;
	struct span text;

	check_ok(arena, listen_open(arena, &any, &fd));
	text = listen_text(arena, &any, fd);
	assert_true(span_i64(
		span_slice(text, span_rfind_byte(text, ':') + 1, text.n), 1, 65535, &port));
	(void)close(fd);
	return (uint16_t)port;
}

/* What listens goes on listening; only what is new is opened. */
static void
test_sockets(void **state)
{
	const int a = free_port(), b = free_port();
	struct setup *first = read_conf(
		arena_printf(arena, BASE "listen = {\"" HOST ":%d\"}\nworkers = 2\n", a).p);
	struct setup *second, *third, *other;
	const struct err *e;

	(void)state;
	check_ok(arena, setup_open(arena, first, NULL));
	assert_int_equal(first->n_listen, 1);
	assert_int_equal(first->n_metrics, 0);

	second = read_conf(
		arena_printf(arena, BASE "listen = {\"" HOST ":%d\", \"" HOST ":%d\"}\n", b, a)
			.p);
	check_ok(arena, setup_open(arena, second, first));
	assert_int_equal(second->n_listen, 2);
	assert_int_equal(inode(second->listen[1]), inode(first->listen[0]));
	assert_int_not_equal(inode(second->listen[0]), inode(first->listen[0]));
	setup_free(first);
	/* The first one's descriptor has gone, the socket has not. */
	other = read_conf(arena_printf(arena, BASE "listen = {\"" HOST ":%d\"}\n", a).p);
	e = setup_open(arena, other, NULL);
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_CONFIG);
	assert_true(span_has(err_text(arena, e), SPAN("is taken by another program")));
	setup_free(other);

	/* Without the role web there is nothing to listen for. */
	third = read_conf(
		arena_printf(arena, BASE "listen = {\"" HOST ":%d\"}\nroles = {ingest}\n", a)
			.p);
	check_ok(arena, setup_open(arena, third, second));
	assert_int_equal(third->n_listen, 0);
	setup_free(third);
	setup_free(second);
}

static void
test_listen_errors(void **state)
{
	static const struct {
		const char *host;
		const char *want;
	} table[] = {
		{"192.0.2.77", "this machine has no such address"},
		{"2001:db8::77", "[2001:db8::77]:"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct conf_addr addr = {.host = span_of(table[i].host), .port = 8420};
		int fd = -1;
		const struct err *e = listen_open(arena, &addr, &fd);

		assert_non_null(e);
		assert_int_equal(e->kind, ERR_CONFIG);
		if (!span_has(err_text(arena, e), span_of(table[i].want)))
			check_fail("%.*s", SPAN_FMT(err_text(arena, e)));
		assert_int_equal(fd, -1);
	}
}

/* One port for each worker, as many as there are. */
static void
test_metrics(void **state)
{
	const int a = free_port();
	struct setup *s = read_conf(arena_printf(arena,
		BASE "listen = {\"" HOST ":0\"}\nworkers = 3\n"
		     "metrics {\nlisten = \"" HOST ":%d\"\n}\n",
		a < 60000 ? a : a - 5000)
					    .p);
	const struct err *e = setup_open(arena, s, NULL);

	(void)state;
	/* The ports behind a free one may be taken; then that is what is said. */
	if (e)
		assert_true(span_has(err_text(arena, e), SPAN("is taken")));
	else
		assert_int_equal(s->n_metrics, 3);
	setup_free(s);
	s = read_conf(BASE "listen = {\"" HOST ":0\"}\nworkers = 3\n"
			   "metrics {\nlisten = \"" HOST ":65534\"\n}\n");
	e = setup_open(arena, s, NULL);
	assert_non_null(e);
	assert_true(span_has(err_text(arena, e), SPAN("metrics.listen")));
	setup_free(s);
}

static void
test_may_follow(void **state)
{
	static const struct {
		int database_workers;          /* 0 = as now */
		const char *now, *next, *want; /* NULL = it may */
	} table[] = {
		{0, "", "", NULL},
		{0, "workers = 2\n", "workers = 3\n", NULL},
		{0, "", "listen = {\"127.0.0.1:9999\"}\n", NULL},
		{0, "", "log {\nlevel = debug\n}\n", NULL},
		{0, "", "roles = {web}\n", NULL},
		{0, "", "data_dir = \"/e\"\n", "data_dir"},
		{0, "", "user = other\n", "user"},
		{0, "", "database {\ndsn = \"host=x\"\n}\n", "database.dsn"},
		{0, "database {\ndsn = \"host=x\"\n}\n", "", "database.dsn"},
		{0, "database {\ndsn = \"host=x\"\n}\n", "database {\ndsn = \"host=y\"\n}\n",
			NULL},
		{0, "workers = 1\n", "workers = 60\n", "workers"},
		/* Step by step it gets no more connections. */
		{0, "workers = 3\n", "workers = 6\n", NULL},
		{1, "workers = 3\n", "workers = 6\n", "at most 3"},
		{3, "workers = 1\n", "workers = 6\n", NULL},
		{0, "workers = 1\ndatabase {\ndsn = \"host=x\"\n}\n",
			"workers = 60\ndatabase {\ndsn = \"host=x\"\n}\n", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct setup *now =
			read_conf(arena_printf(arena, "%s%s", BASE, table[i].now).p);
		struct setup *next =
			read_conf(arena_printf(arena, "%s%s", BASE, table[i].next).p);
		const struct err *e = setup_may_follow(arena, &now->conf,
			table[i].database_workers ? table[i].database_workers
						  : now->conf.workers,
			&next->conf);

		if (!e != !table[i].want)
			check_fail("row %zu: %s", i, e ? "refused" : "accepted");
		if (e) {
			assert_int_equal(e->kind, ERR_CONFIG);
			assert_true(span_has(err_text(arena, e), span_of(table[i].want)));
			assert_true(span_has(err_text(arena, e), SPAN("restart")));
		}
		setup_free(now);
		setup_free(next);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_listen_errors),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_may_follow),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
