#include "ap/deliver.h"

bool
deliver_way(enum httpsig_scheme known, bool has_query, int n, struct deliver_way *out)
{
	const struct deliver_way cavage = {HTTPSIG_CAVAGE, false},
				 bare = {HTTPSIG_CAVAGE, true},
				 rfc9421 = {HTTPSIG_RFC9421, false};
	struct deliver_way ways[3];
	int ways_n = 0;

	if (known == HTTPSIG_RFC9421)
		ways[ways_n++] = rfc9421;
	ways[ways_n++] = cavage;
	if (has_query)
		ways[ways_n++] = bare;
	if (known != HTTPSIG_RFC9421)
		ways[ways_n++] = rfc9421;
	if (n < 0 || n >= ways_n)
		return false;
	*out = ways[n];
	return true;
}

enum deliver_end
deliver_again(const struct deliver_answer *w, enum deliver_end end)
{
	if (w->age_s > DELIVER_DAYS * INT64_C(86400))
		return DELIVER_BURY;
	if (end == DELIVER_LATER && w->attempt >= DELIVER_ATTEMPTS)
		return DELIVER_BURY;
	return end;
}

static struct deliver_verdict
deliver_judge_error(const struct deliver_answer *w)
{
	switch (w->error->kind) {
	case ERR_NETWORK:
	case ERR_TLS:
	case ERR_TIMEOUT:
	case ERR_UPSTREAM:
	case ERR_ADDRESS: /* what its name server says may be wrong for an hour */
		return (struct deliver_verdict){
			.end = deliver_again(w, DELIVER_LATER), .host = HOST_FAILED};
	case ERR_INPUT:
	case ERR_TOO_LARGE:
		return (struct deliver_verdict){.end = DELIVER_DROP};
	case ERR_NOT_FOUND:
	case ERR_CORRUPT:
	case ERR_CONFIG:
		return (struct deliver_verdict){.end = DELIVER_BURY};
	default:
		return (struct deliver_verdict){.end = deliver_again(w, DELIVER_BACK)};
	}
}

struct deliver_verdict
deliver_judge(const struct deliver_answer *w)
{
	const int s = w->status;

	if (w->error)
		return deliver_judge_error(w);
	if (s >= 200 && s < 300)
		return (struct deliver_verdict){.end = DELIVER_DONE, .host = HOST_OK};
	if ((s == 400 || s == 401) && w->other_way)
		return (struct deliver_verdict){.end = DELIVER_OTHER_WAY};
	if (s == 401) /* it may not be able to fetch our key just now */
		return (struct deliver_verdict){
			.end = deliver_again(w, DELIVER_LATER), .host = HOST_OK};
	if (s == 429 || (s == 503 && w->retry_after_s > 0))
		return (struct deliver_verdict){.end = deliver_again(w, DELIVER_LATER),
			.host = s == 429 ? HOST_OK : HOST_FAILED,
			.wait_s = w->retry_after_s};
	if (s == 408 || (s >= 500 && s != 501))
		return (struct deliver_verdict){
			.end = deliver_again(w, DELIVER_LATER), .host = HOST_FAILED};
	if (s == 410 || s == 301 || s == 308)
		return (struct deliver_verdict){.end = DELIVER_MOVED, .host = HOST_OK};
	return (struct deliver_verdict){.end = DELIVER_DROP, .host = HOST_OK};
}

int64_t
deliver_delay_ms(int64_t attempt, uint32_t random)
{
	const int64_t n = attempt < 1                  ? 0
			  : attempt > DELIVER_ATTEMPTS ? DELIVER_ATTEMPTS - 1
						       : attempt - 1;
	const int64_t ms = (15 + n * n * n * n) * 1000;

	/* One to one and a half times: those that failed together do not come back together. */
	return ms + (int64_t)(random % 1000) * ms / 2000;
}
