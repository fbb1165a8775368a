#include "base/metric.h"

#include <inttypes.h>

enum metric_kind {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_HISTOGRAM,
};

static const struct {
	enum metric_kind kind;
	const char *name, *help;
} metric_defs[] = {
#define COUNTER(id, name_, help_) [id] = {METRIC_COUNTER, name_, help_},
#define GAUGE(id, name_, help_) [id] = {METRIC_GAUGE, name_, help_},
#define HISTOGRAM(id, name_, help_) [id] = {METRIC_HISTOGRAM, name_, help_},
#include "base/metric.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

/* Upper bounds in microseconds; the last bucket is +Inf. */
static const int64_t metric_bounds[] = {
	1000, 5000, 10000, 50000, 100000, 500000, 1000000, 5000000, 10000000, 30000000};
#define METRIC_BUCKETS (ARRAY_LEN(metric_bounds) + 1)

static struct {
	int64_t value; /* count of a histogram */
	int64_t sum;
	int64_t bucket[METRIC_BUCKETS];
} metric_values[METRICS];

void
metric_add(enum metric m, int64_t by)
{
	metric_values[m].value += by;
}

void
metric_set(enum metric m, int64_t value)
{
	metric_values[m].value = value;
}

int64_t
metric_get(enum metric m)
{
	return metric_values[m].value;
}

void
metric_observe_us(enum metric m, int64_t us)
{
	size_t i = 0;

	while (i < ARRAY_LEN(metric_bounds) && us > metric_bounds[i])
		i++;
	metric_values[m].bucket[i]++;
	metric_values[m].value++;
	metric_values[m].sum += us;
}

static void
metric_histogram(struct buf *b, size_t m, struct span label)
{
	const char *name = metric_defs[m].name, *comma = label.n ? "," : "";
	int64_t count = 0;

	for (size_t i = 0; i < METRIC_BUCKETS; i++) {
		count += metric_values[m].bucket[i];
		buf_printf(b, "%s_bucket{%.*s%sle=\"", name, SPAN_FMT(label), comma);
		if (i < ARRAY_LEN(metric_bounds))
			buf_printf(b, "%g", (double)metric_bounds[i] / 1e6);
		else
			buf_lit(b, "+Inf");
		buf_printf(b, "\"} %" PRId64 "\n", count);
	}
	buf_printf(b, "%s_sum{%.*s} %.6f\n", name, SPAN_FMT(label),
		(double)metric_values[m].sum / 1e6);
	buf_printf(b, "%s_count{%.*s} %" PRId64 "\n", name, SPAN_FMT(label), count);
}

void
metric_render(struct buf *b, struct span label)
{
	static const char *const kinds[] = {"counter", "gauge", "histogram"};

	for (size_t m = 0; m < METRICS; m++) {
		buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", metric_defs[m].name,
			metric_defs[m].help, metric_defs[m].name, kinds[metric_defs[m].kind]);
		if (metric_defs[m].kind == METRIC_HISTOGRAM)
			metric_histogram(b, m, label);
		else
			buf_printf(b, "%s{%.*s} %" PRId64 "\n", metric_defs[m].name,
				SPAN_FMT(label), metric_values[m].value);
	}
}
