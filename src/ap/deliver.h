/*
 * Deliver: what an answer to a delivery means, and when it is tried again. Pure; see deliver.c
 * for the flow.
 *
 * Draft-cavage first, then without the query, then RFC 9421, at most
 * three requests in one attempt; what a host took is remembered. Refusals end the delivery, the
 * rest is repeated for about three days; a delivery that still fails then is buried.
 */
#ifndef AP_DELIVER_H
#define AP_DELIVER_H

#include "base/err.h"
#include "crypto/httpsig.h"

#define DELIVER_ATTEMPTS 16
#define DELIVER_DAYS 4

/* How a request is signed. */
struct deliver_way {
	enum httpsig_scheme scheme;
	bool without_query; /* draft-cavage: of the target only the path, as some servers do */
};
/* The n-th way, from 0, for a host that is known to take `known`; false: there is none. */
bool deliver_way(enum httpsig_scheme known, bool has_query, int n, struct deliver_way *out);

enum deliver_end {
	DELIVER_DONE,
	DELIVER_OTHER_WAY, /* at once, signed differently */
	DELIVER_LATER,     /* on the schedule */
	DELIVER_BACK,      /* our own trouble, or the host is resting: does not count */
	DELIVER_DROP,      /* refused for good */
	DELIVER_MOVED,     /* dropped, and its actors are asked for their inboxes */
	DELIVER_OVERTAKEN, /* not sent: its post was withdrawn before */
	DELIVER_BURY,
};

struct deliver_answer {
	const struct err *error; /* NULL: there is a status */
	int status;
	int retry_after_s;
	bool other_way; /* there is one left */
	int64_t attempt, age_s;
};
enum deliver_host {
	HOST_UNTOUCHED, /* says nothing about the host */
	HOST_OK,
	HOST_FAILED,
};
struct deliver_verdict {
	enum deliver_end end;
	enum deliver_host host;
	int wait_s; /* the whole host asked for it */
};
struct deliver_verdict deliver_judge(const struct deliver_answer *w);
/* LATER or BACK; past the last attempt, or when nobody waits for it any more, BURY. */
enum deliver_end deliver_again(const struct deliver_answer *w, enum deliver_end end);

/* Until the next attempt after the attempt-th failed; random: any number. */
int64_t deliver_delay_ms(int64_t attempt, uint32_t random);

#endif
