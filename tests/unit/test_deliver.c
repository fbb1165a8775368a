/* What an answer to a delivery means, how it is signed again, and when it is repeated. */
#include "ap/deliver.h"
#include "base/clock.h"
#include "lib/check.h"

static void
test_ways(void **state)
{
	static const struct {
		enum httpsig_scheme known;
		bool query;
		int n;
		struct deliver_way way[3];
	} cases[] = {
		{HTTPSIG_CAVAGE, false, 2, {{HTTPSIG_CAVAGE, false}, {HTTPSIG_RFC9421, false}}},
		{HTTPSIG_RFC9421, false, 2,
			{{HTTPSIG_RFC9421, false}, {HTTPSIG_CAVAGE, false}}},
		{HTTPSIG_CAVAGE, true, 3,
			{{HTTPSIG_CAVAGE, false}, {HTTPSIG_CAVAGE, true},
				{HTTPSIG_RFC9421, false}}},
		{HTTPSIG_RFC9421, true, 3,
			{{HTTPSIG_RFC9421, false}, {HTTPSIG_CAVAGE, false},
				{HTTPSIG_CAVAGE, true}}},
	};
	struct deliver_way w;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (int n = 0; n < cases[i].n; n++) {
			assert_true(deliver_way(cases[i].known, cases[i].query, n, &w));
			assert_int_equal(w.scheme, cases[i].way[n].scheme);
			assert_int_equal(w.without_query, cases[i].way[n].without_query);
		}
		assert_false(deliver_way(cases[i].known, cases[i].query, cases[i].n, &w));
		assert_false(deliver_way(cases[i].known, cases[i].query, -1, &w));
	}
}

static void
test_statuses(void **state)
{
	static const struct {
		int status, retry_after_s;
		bool other_way;
		enum deliver_end end;
		enum deliver_host host;
		int wait_s;
	} cases[] = {
		{200, 0, true, DELIVER_DONE, HOST_OK, 0},
		{202, 0, true, DELIVER_DONE, HOST_OK, 0},
		{401, 0, true, DELIVER_OTHER_WAY, HOST_UNTOUCHED, 0},
		{400, 0, true, DELIVER_OTHER_WAY, HOST_UNTOUCHED, 0},
		{401, 0, false, DELIVER_LATER, HOST_OK, 0},
		{400, 0, false, DELIVER_DROP, HOST_OK, 0},
		{403, 0, true, DELIVER_DROP, HOST_OK, 0},
		{404, 0, true, DELIVER_DROP, HOST_OK, 0},
		{405, 0, true, DELIVER_DROP, HOST_OK, 0},
		{413, 0, true, DELIVER_DROP, HOST_OK, 0},
		{451, 0, true, DELIVER_DROP, HOST_OK, 0},
		{410, 0, true, DELIVER_MOVED, HOST_OK, 0},
		{301, 0, true, DELIVER_MOVED, HOST_OK, 0},
		{308, 0, true, DELIVER_MOVED, HOST_OK, 0},
		{302, 0, true, DELIVER_DROP, HOST_OK, 0},
		{100, 0, true, DELIVER_DROP, HOST_OK, 0},
		{408, 0, true, DELIVER_LATER, HOST_FAILED, 0},
		{500, 0, true, DELIVER_LATER, HOST_FAILED, 0},
		{501, 0, true, DELIVER_DROP, HOST_OK, 0},
		{502, 90, true, DELIVER_LATER, HOST_FAILED, 0},
		{503, 90, true, DELIVER_LATER, HOST_FAILED, 90},
		{503, 0, true, DELIVER_LATER, HOST_FAILED, 0},
		{429, 90, true, DELIVER_LATER, HOST_OK, 90},
		{429, 0, true, DELIVER_LATER, HOST_OK, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct deliver_verdict v =
			deliver_judge(&(const struct deliver_answer){.status = cases[i].status,
				.retry_after_s = cases[i].retry_after_s,
				.other_way = cases[i].other_way,
				.attempt = 1});

		if (v.end != cases[i].end || v.host != cases[i].host ||
			v.wait_s != cases[i].wait_s)
			check_fail("case %zu (%d): end %d, host %d, wait %d", i,
				cases[i].status, v.end, v.host, v.wait_s);
	}
}

static void
test_errors(void **state)
{
	static const struct {
		enum err_kind kind;
		enum deliver_end end;
		enum deliver_host host;
	} cases[] = {
		{ERR_NETWORK, DELIVER_LATER, HOST_FAILED},
		{ERR_TLS, DELIVER_LATER, HOST_FAILED},
		{ERR_TIMEOUT, DELIVER_LATER, HOST_FAILED},
		{ERR_UPSTREAM, DELIVER_LATER, HOST_FAILED},
		{ERR_ADDRESS, DELIVER_LATER, HOST_FAILED},
		{ERR_INPUT, DELIVER_DROP, HOST_UNTOUCHED},
		{ERR_DB_GONE, DELIVER_BACK, HOST_UNTOUCHED},
		{ERR_UNCERTAIN, DELIVER_BACK, HOST_UNTOUCHED},
		{ERR_UNAVAILABLE, DELIVER_BACK, HOST_UNTOUCHED},
		{ERR_NOT_FOUND, DELIVER_BURY, HOST_UNTOUCHED},
		{ERR_CORRUPT, DELIVER_BURY, HOST_UNTOUCHED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct err e = {.kind = cases[i].kind, .text = SPAN("x")};
		const struct deliver_verdict v = deliver_judge(
			&(const struct deliver_answer){.error = &e, .attempt = 1});

		if (v.end != cases[i].end || v.host != cases[i].host)
			check_fail("%s: end %d, host %d", err_name(e.kind), v.end, v.host);
	}
}

static void
test_given_up(void **state)
{
	const struct err away = {.kind = ERR_UNAVAILABLE, .text = SPAN("x")};
	const int64_t old = DELIVER_DAYS * INT64_C(86400) + 1;

	(void)state;
	assert_int_equal(deliver_judge(&(const struct deliver_answer){
					       .status = 500, .attempt = DELIVER_ATTEMPTS - 1})
				 .end,
		DELIVER_LATER);
	assert_int_equal(deliver_judge(&(const struct deliver_answer){
					       .status = 500, .attempt = DELIVER_ATTEMPTS})
				 .end,
		DELIVER_BURY);
	/* A host that only rests uses up no attempts, but nobody waits for ever. */
	assert_int_equal(deliver_judge(&(const struct deliver_answer){
					       .error = &away, .attempt = DELIVER_ATTEMPTS})
				 .end,
		DELIVER_BACK);
	assert_int_equal(
		deliver_judge(&(const struct deliver_answer){.error = &away, .age_s = old}).end,
		DELIVER_BURY);
	assert_int_equal(
		deliver_judge(&(const struct deliver_answer){.status = 200, .age_s = old}).end,
		DELIVER_DONE);
}

static void
test_delay(void **state)
{
	int64_t sum = 0;

	(void)state;
	for (int64_t attempt = 1; attempt <= DELIVER_ATTEMPTS; attempt++) {
		const int64_t n = attempt - 1, ms = (15 + n * n * n * n) * 1000;

		assert_int_equal(deliver_delay_ms(attempt, 0), ms);
		assert_in_range(deliver_delay_ms(attempt, 999), ms * 14 / 10, ms * 15 / 10);
		sum += ms;
	}
	assert_in_range(sum / 86400000, 2, 3); /* about three days in all */
	assert_int_equal(deliver_delay_ms(0, 0), 15000);
	assert_int_equal(deliver_delay_ms(INT64_MAX, 0), deliver_delay_ms(DELIVER_ATTEMPTS, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_delay),
	};

	return cmocka_run_group_tests_name("unit.deliver", tests, NULL, NULL);
}
