#include "web/rate.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/limit.h"

#define RATE_SLOTS ((size_t)(RATE_CLIENTS_MAX * 2)) /* a power of two, at most half full */

struct rate_slot {
	uint64_t client; /* hash; 0 = free */
	int64_t used;
};

struct rate {
	int64_t limit, window; /* number of the window since 1970 */
	size_t n;
	struct rate_slot slots[RATE_SLOTS];
};

struct rate *
rate_new(int64_t limit)
{
	struct rate *r;

	if (limit <= 0)
		return NULL;
	r = xcalloc(1, sizeof(*r));
	r->limit = limit;
	return r;
}

void
rate_free(struct rate *r)
{
	free(r);
}

int64_t
rate_limit(const struct rate *r)
{
	return r->limit;
}

/* NULL when it is new and the table is full. */
static struct rate_slot *
rate_slot(struct rate *r, struct span ip)
{
	char buf[64];
	uint64_t client = span_hash(limit_client_key(ip, buf, sizeof(buf))) | 1;
	size_t at = client & (RATE_SLOTS - 1);

	while (r->slots[at].client && r->slots[at].client != client)
		at = (at + 1) & (RATE_SLOTS - 1);
	if (!r->slots[at].client) {
		if (r->n == RATE_CLIENTS_MAX)
			return NULL;
		r->n++;
		r->slots[at].client = client;
	}
	return &r->slots[at];
}

struct rate_state
rate_take(struct rate *r, struct span ip)
{
	const int64_t window = clock_us() / (RATE_WINDOW_S * US_PER_S);
	struct rate_state s = {
		.remaining = r->limit, .reset_us = (window + 1) * RATE_WINDOW_S * US_PER_S};
	struct rate_slot *slot;

	if (window != r->window) {
		memset(r->slots, 0, sizeof(r->slots));
		r->n = 0;
		r->window = window;
	}
	slot = rate_slot(r, ip);
	if (!slot)
		return s;
	if (slot->used < r->limit)
		slot->used++;
	else
		s.refused = true;
	s.remaining = r->limit - slot->used;
	return s;
}
