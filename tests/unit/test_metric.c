#include "base/metric.h"

#include "lib/check.h"

static void
check_line(struct span all, const char *line)
{
	char want[200];

	(void)snprintf(want, sizeof(want), "\n%s\n", line);
	if (!span_has(all, span_of(want)))
		check_fail("no line \"%s\"", line);
}

static void
test_render(void **state)
{
	struct buf b;

	(void)state;
	metric_inc(METRIC_FETCHES);
	metric_add(METRIC_FETCHES, 4);
	metric_add(METRIC_TASKS, 3);
	metric_add(METRIC_TASKS, -1);
	metric_set(METRIC_CONNECTIONS, 12);
	metric_observe_us(METRIC_DB_SECONDS, 0);
	metric_observe_us(METRIC_DB_SECONDS, 1000); /* on the bound: below it */
	metric_observe_us(METRIC_DB_SECONDS, 1001);
	metric_observe_us(METRIC_DB_SECONDS, 99000000); /* beyond all */
	assert_int_equal(metric_get(METRIC_FETCHES), 5);
	assert_int_equal(metric_get(METRIC_TASKS), 2);
	assert_int_equal(metric_get(METRIC_DB_SECONDS), 4);

	buf_init(&b, 1 << 20);
	buf_byte(&b, '\n');
	metric_render(&b, SPAN("worker=\"1\""));
	assert_false(b.toobig);
	check_line(buf_span(&b), "# TYPE litfass_fetches_total counter");
	check_line(buf_span(&b), "# HELP litfass_tasks Flows alive");
	check_line(buf_span(&b), "litfass_fetches_total{worker=\"1\"} 5");
	check_line(buf_span(&b), "# TYPE litfass_tasks gauge");
	check_line(buf_span(&b), "litfass_tasks{worker=\"1\"} 2");
	check_line(buf_span(&b), "litfass_connections{worker=\"1\"} 12");
	check_line(buf_span(&b), "# TYPE litfass_db_seconds histogram");
	/* Buckets count everything below, seconds and not microseconds. */
	check_line(buf_span(&b), "litfass_db_seconds_bucket{worker=\"1\",le=\"0.001\"} 2");
	check_line(buf_span(&b), "litfass_db_seconds_bucket{worker=\"1\",le=\"0.005\"} 3");
	check_line(buf_span(&b), "litfass_db_seconds_bucket{worker=\"1\",le=\"30\"} 3");
	check_line(buf_span(&b), "litfass_db_seconds_bucket{worker=\"1\",le=\"+Inf\"} 4");
	check_line(buf_span(&b), "litfass_db_seconds_sum{worker=\"1\"} 99.002001");
	check_line(buf_span(&b), "litfass_db_seconds_count{worker=\"1\"} 4");
	assert_int_equal(buf_span(&b).p[b.n - 1], '\n');
	buf_reset(&b);
	buf_byte(&b, '\n');
	metric_render(&b, SPAN(""));
	check_line(buf_span(&b), "litfass_db_seconds_bucket{le=\"0.001\"} 2");
	check_line(buf_span(&b), "litfass_fetches_total{} 5");
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_render)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
