#include "net/limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/list.h"

struct limit_bucket {
	struct list link; /* the longest unused first */
	double tokens;
	int64_t at_ms;
	char *key;
	size_t n;
};

struct limit {
	struct map *buckets;
	struct list order;
	double rate, burst;
	size_t max;
};

struct limit *
limit_new(double rate, double burst, size_t max_keys)
{
	struct limit *l = xcalloc(1, sizeof(*l));

	assert(rate > 0 && burst >= 1 && max_keys > 0);
	l->buckets = map_new();
	l->rate = rate;
	l->burst = burst;
	l->max = max_keys;
	list_init(&l->order);
	return l;
}

static void
bucket_free(void *arg)
{
	struct limit_bucket *b = arg;

	free(b->key);
	free(b);
}

void
limit_free(struct limit *l)
{
	if (!l)
		return;
	map_free(l->buckets, bucket_free);
	free(l);
}

static struct limit_bucket *
bucket_new(struct limit *l, struct span key)
{
	struct limit_bucket *b;

	if (map_count(l->buckets) >= l->max) {
		b = LIST_ENTRY(l->order.next, struct limit_bucket, link);
		list_unlink(&b->link);
		(void)map_remove(l->buckets, span_from(b->key, b->n));
		bucket_free(b);
	}
	b = xcalloc(1, sizeof(*b));
	b->tokens = l->burst;
	b->at_ms = clock_mono_ms();
	b->key = xmalloc(key.n + 1);
	memcpy(b->key, key.p ? key.p : "", key.n);
	b->n = key.n;
	(void)map_put(l->buckets, key, b);
	return b;
}

bool
limit_take(struct limit *l, struct span key, int *retry_after_s)
{
	struct limit_bucket *b = map_get(l->buckets, key);
	int64_t now = clock_mono_ms();

	if (!b)
		b = bucket_new(l, key);
	list_unlink(&b->link);
	list_append(&l->order, &b->link);
	b->tokens += (double)(now - b->at_ms) / 1000 * l->rate;
	if (b->tokens > l->burst)
		b->tokens = l->burst;
	b->at_ms = now;
	if (b->tokens < 1) {
		*retry_after_s = (int)((1 - b->tokens) / l->rate) + 1;
		return false;
	}
	b->tokens -= 1;
	return true;
}

struct span
limit_client_key(struct span ip, char *buf, size_t size)
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	struct conf_net_range r;
	const unsigned char *p = r.addr;
	int n;

	if (!conf_range_parse(ip, &r) || r.prefix != 128)
		return ip;
	if (memcmp(p, mapped, sizeof(mapped)) == 0)
		n = snprintf(buf, size, "%d.%d.%d.%d", p[12], p[13], p[14], p[15]);
	else
		n = snprintf(buf, size, "%x:%x:%x:%x::/64", p[0] << 8 | p[1], p[2] << 8 | p[3],
			p[4] << 8 | p[5], p[6] << 8 | p[7]);
	assert(n > 0 && (size_t)n < size);
	return span_from(buf, (size_t)n);
}
