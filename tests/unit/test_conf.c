#include "base/conf.h"

#include <unistd.h>

#include "base/conf_where.h"
#include "base/log.h"
#include "lib/check.h"

static int
setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	arena_free(*state);
	return 0;
}

#define BASE                                                                                   \
	"base_url = \"https://hub.example\"\n"                                                 \
	"media_base_url = \"https://media.hub.example\"\n"

static void
test_defaults(void **state)
{
	struct arena *a = *state;
	struct conf c;

	check_ok(a, conf_parse(a, "x.conf", SPAN(BASE), &c));
	check_span(c.path, SPAN("x.conf"));
	check_span(c.base_url.origin, SPAN("https://hub.example"));
	check_span(c.media_base_url.origin, SPAN("https://media.hub.example"));
	check_span(c.name, SPAN("Litfass"));
	check_span(c.data_dir, SPAN("/var/lib/litfass"));
	check_span(c.user, SPAN("litfass"));
	check_span(c.master_key_file, SPAN("/var/lib/litfass/master.key"));
	assert_int_equal(c.n_listen, 1);
	check_span(c.listen[0].host, SPAN("127.0.0.1"));
	assert_int_equal(c.listen[0].port, 8420);
	assert_int_equal(c.workers, 2);
	assert_int_equal(c.roles, ROLE_ALL);
	assert_int_equal(c.n_trusted_proxies + c.n_allow_private + c.n_host_map, 0);
	assert_int_equal(c.log_level, LOG_INFO);
	assert_false(c.log_json);
	assert_int_equal(c.metrics.host.n, 0);
	assert_int_equal(c.dsn.n, 0);
	assert_int_equal(c.ca_file.n, 0);
}

static void
test_everything(void **state)
{
	static const char text[] =
		"# comment\n" BASE "name = 'Kreis \\'M\\''\n"
		"data_dir = \"/srv/hub\"\nuser = \"hub\"\nmaster_key_file = \"/etc/key\"\n"
		"listen = {\"0.0.0.0:80\", \"[::1]:8080\", \"127.0.0.1:0\"}\n"
		"workers = 7\nroles = {web, media}\nrate_limit = 0\n"
		"trusted_proxies = {\"10.0.0.0/8\", \"::1\"}\n"
		"log { level = debug\n format = json }\n"
		"metrics { listen = \"127.0.0.1:9100\" }\n"
		"database { dsn = \"host=db dbname=x\" }\n"
		"net { allow_private = {\"127.0.0.0/8\"}\n ca_file = \"/ca.pem\"\n"
		" host_map = {\"M\xc3\xbcller.example=127.0.0.2:8443\"} }\n";
	struct arena *a = *state;
	struct conf c;

	check_ok(a, conf_parse(a, "x.conf", span_of(text), &c));
	check_span(c.name, SPAN("Kreis 'M'"));
	check_span(c.data_dir, SPAN("/srv/hub"));
	check_span(c.user, SPAN("hub"));
	check_span(c.master_key_file, SPAN("/etc/key"));
	assert_int_equal(c.n_listen, 3);
	check_span(c.listen[1].host, SPAN("::1"));
	assert_int_equal(c.listen[1].port, 8080);
	assert_int_equal(c.listen[2].port, 0);
	assert_int_equal(c.workers, 7);
	assert_int_equal(c.roles, ROLE_WEB | ROLE_MEDIA);
	assert_int_equal(c.rate_limit, 0);
	assert_int_equal(c.n_trusted_proxies, 2);
	assert_int_equal(c.log_level, LOG_DEBUG);
	assert_true(c.log_json);
	assert_int_equal(c.metrics.port, 9100);
	check_span(c.dsn, SPAN("host=db dbname=x"));
	assert_int_equal(c.n_allow_private, 1);
	check_span(c.ca_file, SPAN("/ca.pem"));
	assert_int_equal(c.n_host_map, 1);
	check_span(c.host_map[0].host, SPAN("xn--mller-kva.example"));
	check_span(c.host_map[0].target, SPAN("127.0.0.2:8443"));
}

/* Each error names the file, the line and the key, and says what would be right. */
static void
test_errors(void **state)
{
	static const struct {
		const char *text, *where, *says;
	} cases[] = {
		{"", "x.conf: base_url", "is missing: give scheme://host[:port]"},
		{"base_url = \"https://hub.example\"\n", "x.conf: media_base_url",
			"is missing"},
		{"\n\nbase_url = \"hub.example\"\n", "x.conf:3: base_url",
			"must begin with https:// or http://"},
		{"base_url = \"https://hub.example/path\"\n", "x.conf:1: base_url",
			"without a path"},
		{"base_url = \"https://hub.example/?x\"\n", "x.conf:1: base_url",
			"without a path"},
		{"base_url = \"https://hub.example\"\nmedia_base_url = "
		 "\"http://HUB.example:443\"\n",
			NULL, NULL}, /* another port than 443 of https: taken */
		{"base_url = \"https://hub.example\"\nmedia_base_url = "
		 "\"https://HUB.example:443\"\n",
			"x.conf:2: media_base_url", "another host or port"},
		{BASE "colour = red\n", "x.conf:3:", "colour"},
		{BASE "net { colour = red }\n", "x.conf:3:", "colour"},
		{BASE "net {\n", "x.conf:3:", "no closing brace"},
		{BASE "net {\n ca_file = \"}\"\n # }\n", "x.conf:3:", "no closing brace"},
		{BASE "name = \"open\n", "x.conf:", ""},
		{BASE "workers = many\n", "x.conf:3:", "workers"},
		{BASE "workers = 0\n", "x.conf:3: workers", "a number from 1 to 64"},
		{BASE "workers = 65\n", "x.conf:3: workers", "a number from 1 to 64"},
		{BASE "workers = 99999999999999999999\n", "x.conf:3:", "workers"},
		{BASE "rate_limit = -1\n", "x.conf:3: rate_limit", "a number from 0"},
		{BASE "\nroles = {}\n", "x.conf:4: roles", "name at least one"},
		{BASE "roles = {web, cook}\n", "x.conf:3: roles",
			"web, ingest, deliver and media"},
		{BASE "data_dir = \"relative\"\n", "x.conf:3: data_dir", "an absolute path"},
		{BASE "data_dir = \"\"\n", "x.conf:3: data_dir", "an absolute path"},
		{BASE "listen = {}\n", "x.conf:3: listen", "at least one address:port"},
		{BASE "listen = {\"localhost:80\"}\n", "x.conf:3: listen", "127.0.0.1:8420"},
		{BASE "listen = {\"127.0.0.1\"}\n", "x.conf:3: listen", "127.0.0.1:8420"},
		{BASE "listen = {\"127.0.0.1:65536\"}\n", "x.conf:3: listen", "127.0.0.1:8420"},
		{BASE "listen = {\"127.0.0.0/8:80\"}\n", "x.conf:3: listen", "127.0.0.1:8420"},
		{BASE "trusted_proxies = {\"10.0.0.0/33\"}\n", "x.conf:3: trusted_proxies",
			"127.0.0.0/8"},
		{BASE "log {\n level = loud\n}\n", "x.conf:4: log.level",
			"debug, info, warn or error"},
		{BASE "log { format = xml }\n", "x.conf:3: log.format", "text or json"},
		{BASE "metrics { listen = here }\n", "x.conf:3: metrics.listen",
			"address and port"},
		{BASE "net {\n # host_map = 1\n allow_private = {\"x\"} }\n",
			"x.conf:5: net.allow_private", "127.0.0.0/8"},
		{BASE "net { host_map = {\"a.example\"} }\n", "x.conf:3: net.host_map",
			"name=address:port"},
		{BASE "net { host_map = {\"a b=127.0.0.1:1\"} }\n", "x.conf:3: net.host_map",
			"name=address:port"},
	};
	struct arena *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct err *e;
		struct span text;
		struct conf c;

		e = conf_parse(a, "x.conf", span_of(cases[i].text), &c);
		if (!e != !cases[i].where)
			check_fail("case %zu: \"%s\"", i, cases[i].text);
		if (!e)
			continue;
		text = err_text(a, e);
		assert_int_equal(e->kind, ERR_CONFIG);
		if (!span_starts(text, span_of(cases[i].where)) ||
			!span_has(text, span_of(cases[i].says)))
			check_fail("case %zu: \"%.*s\", want \"%s\" and \"%s\"", i,
				SPAN_FMT(text), cases[i].where, cases[i].says);
	}
}

/* The environment wins over the file, and is named when it is what is wrong. */
static void
test_environment(void **state)
{
	static const char *const names[] = {"LITFASS_BASE_URL", "LITFASS_WORKERS",
		"LITFASS_ROLES", "LITFASS_LOG_LEVEL", "LITFASS_NET_ALLOW_PRIVATE",
		"LITFASS_DATABASE_DSN", "LITFASS_LISTEN"};
	static const struct {
		const char *name, *value, *error;
	} bad[] = {
		{"LITFASS_WORKERS", "many",
			"LITFASS_WORKERS in the environment must be a number from 1 to 64"},
		{"LITFASS_WORKERS", "", "LITFASS_WORKERS in the environment must be a number"},
		{"LITFASS_BASE_URL", "", "LITFASS_BASE_URL in the environment is missing"},
		{"LITFASS_BASE_URL", "x", "LITFASS_BASE_URL in the environment is wrong"},
		{"LITFASS_LOG_LEVEL", "loud", "LITFASS_LOG_LEVEL in the environment must be"},
		{"LITFASS_LISTEN", "", "LITFASS_LISTEN in the environment is empty"},
		{"LITFASS_NET_ALLOW_PRIVATE", "10.0.0.0/8,,",
			"LITFASS_NET_ALLOW_PRIVATE in the environment holds an entry"},
		{"LITFASS_ROLES", "web,cook", "LITFASS_ROLES in the environment knows"},
	};
	struct arena *a = *state;
	char many[600] = "";
	struct conf c;

	assert_int_equal(setenv("LITFASS_BASE_URL", "http://other.example:81", 1), 0);
	assert_int_equal(setenv("LITFASS_WORKERS", "3", 1), 0);
	assert_int_equal(setenv("LITFASS_ROLES", "web, deliver", 1), 0);
	assert_int_equal(setenv("LITFASS_LOG_LEVEL", "error", 1), 0);
	assert_int_equal(setenv("LITFASS_NET_ALLOW_PRIVATE", "10.0.0.0/8,::1", 1), 0);
	assert_int_equal(setenv("LITFASS_DATABASE_DSN", "host=/run", 1), 0);
	assert_int_equal(setenv("LITFASS_LISTEN", "127.0.0.1:1", 1), 0);
	check_ok(a,
		conf_parse(a, "x.conf", SPAN(BASE "workers = 9\nlog { level = debug }\n"), &c));
	check_span(c.base_url.origin, SPAN("http://other.example:81"));
	assert_int_equal(c.workers, 3);
	assert_int_equal(c.roles, ROLE_WEB | ROLE_DELIVER);
	assert_int_equal(c.log_level, LOG_ERROR);
	assert_int_equal(c.n_allow_private, 2);
	check_span(c.dsn, SPAN("host=/run"));
	assert_int_equal(c.listen[0].port, 1);
	/* An empty list is none. */
	assert_int_equal(setenv("LITFASS_NET_ALLOW_PRIVATE", "", 1), 0);
	check_ok(a, conf_parse(a, "x.conf",
			    SPAN(BASE "net { allow_private = {\"10.0.0.0/8\"} }\n"), &c));
	assert_int_equal(c.n_allow_private, 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(unsetenv(names[i]), 0);

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct err *e;

		assert_int_equal(setenv(bad[i].name, bad[i].value, 1), 0);
		e = conf_parse(a, "x.conf", SPAN(BASE), &c);
		assert_non_null(e);
		if (!span_starts(err_text(a, e), span_of(bad[i].error)))
			check_fail("%s: \"%.*s\"", bad[i].error, SPAN_FMT(err_text(a, e)));
		assert_int_equal(unsetenv(bad[i].name), 0);
	}

	for (int i = 0; i < 65; i++)
		(void)snprintf(many + strlen(many), 5, "%s", i ? ",::1" : "::1");
	assert_int_equal(setenv("LITFASS_NET_ALLOW_PRIVATE", many, 1), 0);
	assert_non_null(conf_parse(a, "x.conf", SPAN(BASE), &c));
	many[strlen(many) - 4] = '\0';
	assert_int_equal(setenv("LITFASS_NET_ALLOW_PRIVATE", many, 1), 0);
	check_ok(a, conf_parse(a, "x.conf", SPAN(BASE), &c));
	assert_int_equal(c.n_allow_private, 64);
	assert_int_equal(unsetenv("LITFASS_NET_ALLOW_PRIVATE"), 0);
}

static void
test_file(void **state)
{
	struct arena *a = *state;
	char path[] = "/tmp/litfass-conf-XXXXXX";
	const int fd = mkstemp(path);
	char *large = arena_alloc(a, 300000);
	const struct err *e;
	struct conf c;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, BASE, sizeof(BASE) - 1), sizeof(BASE) - 1);
	check_ok(a, conf_load(a, path, &c));
	check_span(c.path, span_of(path));
	memset(large, '\n', 300000);
	assert_int_equal(write(fd, large, 300000), 300000);
	e = conf_load(a, path, &c);
	assert_non_null(e);
	assert_true(span_has(err_text(a, e), SPAN("longer than 256 KiB")));
	(void)close(fd);
	(void)unlink(path);
	e = conf_load(a, path, &c);
	assert_non_null(e);
	assert_true(span_has(err_text(a, e), SPAN("cannot be read: No such file")));
	e = conf_load(a, "/", &c);
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_CONFIG);
}

static void
test_ranges(void **state)
{
	static const struct {
		const char *range, *addr;
		bool has;
	} cases[] = {
		{"127.0.0.0/8", "127.255.1.2", true},
		{"127.0.0.0/8", "128.0.0.0", false},
		{"10.1.2.3", "10.1.2.3", true},
		{"10.1.2.3", "10.1.2.2", false},
		{"10.0.0.0/9", "10.127.0.1", true},
		{"10.0.0.0/9", "10.128.0.1", false},
		{"10.255.0.0/9", "10.128.0.1", true}, /* bits behind the prefix do not count */
		{"0.0.0.0/0", "255.1.2.3", true},
		{"0.0.0.0/0", "::1", false}, /* all of IPv4 is not all of IPv6 */
		{"::/0", "10.0.0.1", true},
		{"::1", "::1", true},
		{"fe80::/10", "febf::1", true},
		{"fe80::/10", "fec0::1", false},
		{"::ffff:10.0.0.0/104", "10.9.9.9", true},
	};
	static const char *const refused[] = {"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129",
		"10.0.0/8", "10.0.0.0/-1", "10.0.0.0/8x", "x", "[::1]", "010.0.0.1",
		"1.2.3.4.5", "::1%lo",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct conf_net_range r[2], addr;

		assert_true(conf_range_parse(SPAN("203.0.113.7"), &r[0]));
		assert_true(conf_range_parse(span_of(cases[i].range), &r[1]));
		assert_true(conf_range_parse(span_of(cases[i].addr), &addr));
		if (conf_range_has(r, 2, addr.addr) != cases[i].has)
			check_fail("%s in %s", cases[i].addr, cases[i].range);
		assert_false(conf_range_has(r, 0, addr.addr));
	}
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct conf_net_range r;

		if (conf_range_parse(span_of(refused[i]), &r))
			check_fail("%s was taken", refused[i]);
	}
}

static void
test_where(void **state)
{
	static const char text[] = "a = 1\n"                   /* 1 */
				   "# b = 2\n"                 /* 2 */
				   "s = \"b = 2\nb = 2\"\n"    /* 3, 4 */
				   "/* b = 2\n b = 2 */\n"     /* 5, 6 */
				   "// b = 2\n"                /* 7 */
				   "list = {x,\n b, y}\n"      /* 8, 9 */
				   "sec {\n b = 3\n a = {1} }" /* 10, 11, 12 */
				   "\nb\n=\n4 q = '\\'b = '\n" /* 13, 14, 15 */
				   "other { }\n a = 9\n";      /* 16, 17 */

	(void)state;
	assert_int_equal(conf_where(span_of(text), NULL, "b"), 14);
	assert_int_equal(conf_where(span_of(text), NULL, "s"), 3);
	assert_int_equal(conf_where(span_of(text), NULL, "list"), 8);
	assert_int_equal(conf_where(span_of(text), "sec", "b"), 11);
	assert_int_equal(conf_where(span_of(text), "sec", "a"), 12);
	assert_int_equal(conf_where(span_of(text), NULL, "a"), 17); /* the last one counts */
	assert_int_equal(conf_where(span_of(text), NULL, "q"), 15);
	assert_int_equal(conf_where(span_of(text), "other", "b"), 0);
	assert_int_equal(conf_where(span_of(text), NULL, "x"), 0);
	assert_int_equal(conf_where_open(span_of(text)), 0);
	assert_int_equal(conf_where(SPAN("/* open"), NULL, "x"), 0);
	assert_int_equal(conf_where(SPAN("s = \"open\\"), NULL, "x"), 0);
	assert_int_equal(conf_where(SPAN(""), NULL, "x"), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults),
		TEST(test_everything),
		TEST(test_errors),
		TEST(test_environment),
		TEST(test_file),
		TEST(test_ranges),
		TEST(test_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
