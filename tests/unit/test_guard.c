/* Which addresses we connect to: every range, its last address and the first beside it. */
#include "lib/check.h"

#include "net/guard.h"

static bool
allows(const struct conf *c, const char *text, uint16_t port)
{
	struct conf_net_range r;

	if (!conf_range_parse(span_of(text), &r) || r.prefix != 128)
		check_fail("%s is no address", text);
	return guard_allows(c, r.addr, port);
}

static void
reserved_ranges(void **state)
{
	static const char *const never[] = {/* IPv4: first and last of each range */
		"0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0",
		"100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.0.0",
		"169.254.169.254", "169.254.255.255", "172.16.0.0", "172.31.255.255",
		"192.0.0.0", "192.0.0.255", "192.0.2.0", "192.0.2.255", "192.31.196.0",
		"192.31.196.255", "192.52.193.0", "192.52.193.255", "192.88.99.0",
		"192.88.99.255", "192.168.0.0", "192.168.255.255", "192.175.48.0",
		"192.175.48.255", "198.18.0.0", "198.19.255.255", "198.51.100.0",
		"198.51.100.255", "203.0.113.0", "203.0.113.255", "224.0.0.0",
		"239.255.255.255", "240.0.0.0", "255.255.255.255",
		/* IPv6: what is not 2000::/3 */
		"::", "::1", "::2", "::ffff:0:0", "64:ff9b::1", "64:ff9b::7f00:1",
		"64:ff9b:1::1", "100::1", "1fff:ffff::1", "4000::1", "5f00::1", "fc00::1",
		"fdff:ffff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "ffff::1",
		/* and what is, but reserved */
		"2001::", "2001::1", "2001:1ff:ffff::1", "2001:db8::", "2001:db8:ffff::1",
		"2002::", "2002:7f00:1::1", "2002:ffff::1", "2620:4f:8000::1",
		"2620:4f:8000:ffff::1", "3fff::", "3fff:fff:ffff::1",
		/* IPv4 in IPv6 */
		"::ffff:127.0.0.1", "::ffff:10.1.2.3", "::ffff:169.254.169.254",
		"::ffff:0.0.0.0", "::127.0.0.1", "::10.0.0.1"};
	const struct conf c = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(never); i++)
		if (allows(&c, never[i], 443) || allows(&c, never[i], 80))
			check_fail("%s must not be connected to", never[i]);
}

static void
public_neighbours(void **state)
{
	static const char *const open[] = {"1.0.0.0", "9.255.255.255", "11.0.0.0",
		"100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
		"169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0",
		"192.0.3.0", "192.31.195.255", "192.31.197.0", "192.52.192.255", "192.52.194.0",
		"192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0",
		"192.175.47.255", "192.175.49.0", "198.17.255.255", "198.20.0.0",
		"198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0",
		"223.255.255.255", "2000::1", "2001:200::1", "2001:db7:ffff::1", "2001:db9::1",
		"2003::1", "2620:4f:7fff::1", "2620:4f:8001::1", "2a01:4f8::1", "3ffe::1",
		"3fff:1000::1", "::ffff:8.8.8.8"};
	const struct conf c = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(open); i++)
		if (!allows(&c, open[i], 443) || !allows(&c, open[i], 80))
			check_fail("%s is public", open[i]);
}

static void
only_web_ports(void **state)
{
	static const uint16_t ports[] = {
		0, 1, 22, 25, 79, 81, 442, 444, 5432, 6379, 8080, 65535};
	const struct conf c = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
		assert_false(allows(&c, "8.8.8.8", ports[i]));
		assert_false(allows(&c, "2a01:4f8::1", ports[i]));
	}
}

/* allow_private opens exactly its ranges, on any port; nothing else changes. */
static void
private_when_allowed(void **state)
{
	struct conf_net_range r[2];
	struct conf c = {.allow_private = r, .n_allow_private = 2};

	(void)state;
	assert_true(conf_range_parse(SPAN("127.5.0.0/16"), &r[0]));
	assert_true(conf_range_parse(SPAN("fd00:1::/32"), &r[1]));
	assert_true(allows(&c, "127.5.0.1", 8080));
	assert_true(allows(&c, "::ffff:127.5.255.255", 1));
	assert_true(allows(&c, "fd00:1:2::3", 443));
	assert_false(allows(&c, "127.4.255.255", 443));
	assert_false(allows(&c, "127.6.0.0", 443));
	assert_false(allows(&c, "fd00:2::1", 443));
	assert_false(allows(&c, "10.0.0.1", 443));
	assert_false(allows(&c, "8.8.8.8", 8080));
	assert_true(allows(&c, "8.8.8.8", 443));
}

static void
http_only_to_private(void **state)
{
	static const struct {
		const char *url;
		bool permitted;
	} rows[] = {
		{"http://127.5.0.1:8080/", true},
		{"http://[::1]/", true},
		{"http://127.6.0.1/", false},
		{"http://8.8.8.8/", false},
		{"http://kreis.example/", true},   /* mapped into the range */
		{"http://stadt.example/", false},  /* mapped elsewhere */
		{"http://andere.example/", false}, /* a name says nothing about its address */
		{"http://localhost/", false},
	};
	struct conf_host_map map[] = {{SPAN("kreis.example"), SPAN("127.5.0.9:80")},
		{SPAN("stadt.example"), SPAN("10.0.0.1:80")}};
	struct conf_net_range r[2];
	struct conf c = {
		.allow_private = r, .n_allow_private = 2, .host_map = map, .n_host_map = 2};
	struct arena *a = arena_new();
	struct url u;

	(void)state;
	assert_true(conf_range_parse(SPAN("127.5.0.0/16"), &r[0]));
	assert_true(conf_range_parse(SPAN("::1"), &r[1]));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		check_ok(a, url_parse(a, span_of(rows[i].url), &u));
		if (guard_permits_http(&c, &u) != rows[i].permitted)
			check_fail("%s", rows[i].url);
	}
	arena_free(a);
}

static void
ranges_parse(void **state)
{
	static const char *const bad[] = {"", "/", "1.2.3", "1.2.3.4.5", "1.2.3.4/33",
		"1.2.3.4/", "1.2.3.4/-1", "::/129", "::1%lo", "host", "01.2.3.4", "1.2.3.4 ",
		"[::1]", "1.2.3.256", "0x7f.0.0.1", "127.1"};
	struct conf_net_range r;
	unsigned char any[16] = {1, 2, 3};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (conf_range_parse(span_of(bad[i]), &r))
			check_fail("\"%s\" is no range", bad[i]);
	assert_true(conf_range_parse(SPAN("::/0"), &r));
	assert_true(conf_range_has(&r, 1, any));
	assert_false(conf_range_has(&r, 0, any));
	assert_true(conf_range_parse(SPAN("1.2.3.4/0"), &r));
	assert_false(conf_range_has(&r, 1, any)); /* all of IPv4 is not all of IPv6 */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reserved_ranges),
		cmocka_unit_test(public_neighbours),
		cmocka_unit_test(only_web_ports),
		cmocka_unit_test(private_when_allowed),
		cmocka_unit_test(http_only_to_private),
		cmocka_unit_test(ranges_parse),
	};

	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
