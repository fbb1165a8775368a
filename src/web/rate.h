/*
 * Rate (private to web/): how many requests a client has left until the window ends.
 *
 * Windows of RATE_WINDOW_S begin for all clients at the same time, so that the counts are one
 * table that is emptied, and a look costs one hash. A client is an IPv4 address or an IPv6 /64.
 * When a window has seen RATE_CLIENTS_MAX clients, further ones are not counted: by then the
 * trouble is not a single one, and nginx stands in front. Each process counts by itself.
 */
#ifndef WEB_RATE_H
#define WEB_RATE_H

#include "base/span.h"

#define RATE_WINDOW_S 300
#define RATE_CLIENTS_MAX 8192

struct rate;

struct rate_state {
	int64_t remaining;
	int64_t reset_us; /* when the window ends */
	bool refused;
};

struct rate *rate_new(int64_t limit); /* 0 = no limit: NULL */
void rate_free(struct rate *r);
int64_t rate_limit(const struct rate *r);
/* Counts one request of the client with this IP address. */
struct rate_state rate_take(struct rate *r, struct span ip);

#endif
