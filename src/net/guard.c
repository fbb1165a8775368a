#include "net/guard.h"

#include <arpa/inet.h>
#include <string.h>

struct guard_range {
	unsigned char addr[16];
	int prefix;
};

#define V4(a, b, c, d)                                                                         \
	{                                                                                      \
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, (a), (b), (c), (d)                   \
	}

/* IANA's special-purpose registries: nothing here is a public host. */
static const struct guard_range guard_never4[] = {
	{V4(0, 0, 0, 0), 96 + 8},
	{V4(10, 0, 0, 0), 96 + 8},
	{V4(100, 64, 0, 0), 96 + 10},
	{V4(127, 0, 0, 0), 96 + 8},
	{V4(169, 254, 0, 0), 96 + 16},
	{V4(172, 16, 0, 0), 96 + 12},
	{V4(192, 0, 0, 0), 96 + 24},
	{V4(192, 0, 2, 0), 96 + 24},
	{V4(192, 31, 196, 0), 96 + 24},
	{V4(192, 52, 193, 0), 96 + 24},
	{V4(192, 88, 99, 0), 96 + 24},
	{V4(192, 168, 0, 0), 96 + 16},
	{V4(192, 175, 48, 0), 96 + 24},
	{V4(198, 18, 0, 0), 96 + 15},
	{V4(198, 51, 100, 0), 96 + 24},
	{V4(203, 0, 113, 0), 96 + 24},
	{V4(224, 0, 0, 0), 96 + 4},
	{V4(240, 0, 0, 0), 96 + 4},
};

/* Of IPv6 only 2000::/3 is public at all; these parts of it are not. */
static const struct guard_range guard_never6[] = {
	{{0x20, 0x01, 0x00}, 23},
	{{0x20, 0x01, 0x0d, 0xb8}, 32},
	{{0x20, 0x02}, 16},
	{{0x26, 0x20, 0x00, 0x4f, 0x80, 0x00}, 48},
	{{0x3f, 0xff}, 20},
};

static bool
guard_in(const struct guard_range *r, const unsigned char addr[16])
{
	struct conf_net_range one;

	memcpy(one.addr, r->addr, sizeof(one.addr));
	one.prefix = r->prefix;
	return conf_range_has(&one, 1, addr);
}

static bool
guard_public(const unsigned char addr[16])
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (memcmp(addr, mapped, sizeof(mapped)) == 0) {
		for (size_t i = 0; i < ARRAY_LEN(guard_never4); i++)
			if (guard_in(&guard_never4[i], addr))
				return false;
		return true;
	}
	if ((addr[0] & 0xe0) != 0x20)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(guard_never6); i++)
		if (guard_in(&guard_never6[i], addr))
			return false;
	return true;
}

bool
guard_private_allowed(const struct conf *c, const unsigned char addr[16])
{
	return conf_range_has(c->allow_private, c->n_allow_private, addr);
}

bool
guard_allows(const struct conf *c, const unsigned char addr[16], uint16_t port)
{
	if (guard_private_allowed(c, addr))
		return true;
	return guard_public(addr) && (port == 80 || port == 443);
}

bool
guard_permits_http(const struct conf *c, const struct url *u)
{
	struct conf_net_range r;
	struct span host = u->host;

	for (size_t i = 0; i < c->n_host_map; i++) {
		if (!span_eq(c->host_map[i].host, host))
			continue;
		host = span_slice(
			c->host_map[i].target, 0, span_rfind_byte(c->host_map[i].target, ':'));
		break;
	}
	if (host.n > 2 && host.p[0] == '[')
		host = span_slice(host, 1, host.n - 1);
	return conf_range_parse(host, &r) && r.prefix == 128 &&
	       guard_private_allowed(c, r.addr);
}
