/* Addresses in X-Forwarded-For and in rules, and the keys of clients. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "base/conf.h"
#include "net/guard.h"
#include "net/limit.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span s = span_from(data, size), key;
	struct conf c = {0};
	struct conf_net_range r;
	char buf[64];

	if (conf_range_parse(s, &r)) {
		assert(r.prefix >= 0 && r.prefix <= 128);
		assert(conf_range_has(&r, 1, r.addr));
		(void)guard_allows(&c, r.addr, 443);
		assert(!guard_allows(&c, r.addr, 8080));
		c.allow_private = &r;
		c.n_allow_private = 1;
		assert(guard_allows(&c, r.addr, 8080));
	}
	key = limit_client_key(s, buf, sizeof(buf));
	assert(key.n < sizeof(buf) || key.p == s.p);
	return 0;
}
