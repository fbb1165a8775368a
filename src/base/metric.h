/* Metrics: counters, gauges and histograms of this process, from metric.def. Loop thread only.
 */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include "base/buf.h"

enum metric {
#define COUNTER(id, name, help) id,
#define GAUGE(id, name, help) id,
#define HISTOGRAM(id, name, help) id,
#include "base/metric.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
	METRICS
};

void metric_add(enum metric m, int64_t by);
#define metric_inc(m) metric_add((m), 1)
void metric_set(enum metric m, int64_t value);     /* gauges */
void metric_observe_us(enum metric m, int64_t us); /* histograms */
int64_t metric_get(enum metric m);
/* Prometheus text exposition format 0.0.4; label is added to every sample, e.g. worker="1". */
void metric_render(struct buf *b, struct span label);

#endif
