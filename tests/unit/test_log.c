#include "base/log.h"

#include "base/clock.h"
#include "lib/capture.h"
#include "lib/check.h"

#define NOON INT64_C(1772366400123456) /* 2026-03-01T12:00:00.123Z */

static int
setup(void **state)
{
	static int64_t minute = 100;

	(void)state;
	/* A minute of its own for each test: none has used up the share of another. */
	clock_fake(NOON, (minute += 10) * 60000);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	log_setup(LOG_INFO, false, "");
	clock_fake(0, 0);
	return 0;
}

#define check_log(want, ...)                                                                   \
	do {                                                                                   \
		const char *said_;                                                             \
		capture_begin();                                                               \
		__VA_ARGS__;                                                                   \
		said_ = capture_end();                                                         \
		if (strcmp(said_, (want)) != 0)                                                \
			check_fail("logged \"%s\", want \"%s\"", said_, (want));               \
	} while (0)

static void
test_text(void **state)
{
	const struct log_ctx ctx = {.flow = "ap.inbox", .step = "verify", .id = 7};

	(void)state;
	log_setup(LOG_INFO, false, "web1");
	check_log("2026-03-01T12:00:00.123Z info delivered process=web1 flow=ap.inbox "
		  "step=verify "
		  "task=7 host=a.example status=202\n",
		log_at(LOG_INFO, &ctx, "delivered", "host=%s status=%d", "a.example", 202));
	log_setup(LOG_INFO, false, "");
	check_log("2026-03-01T12:00:00.123Z warn just an=event\n",
		log_at(LOG_WARN, NULL, "just", "an=%s", "event"));
	check_log("2026-03-01T12:00:00.123Z error alone\n",
		log_at(LOG_ERROR, NULL, "alone", "%s", ""));
}

static void
test_json(void **state)
{
	const struct log_ctx ctx = {.flow = "f", .id = 1};

	(void)state;
	log_setup(LOG_DEBUG, true, "p");
	check_log("{\"time\":\"2026-03-01T12:00:00.123Z\",\"level\":\"debug\",\"event\":\"e\","
		  "\"process\":\"p\",\"flow\":\"f\",\"step\":\"-\",\"task\":\"1\","
		  "\"who\":\"a \\\"b\\\"\\n\",\"n\":\"3\"}\n",
		log_at(LOG_DEBUG, &ctx, "e", "who=%s n=%d", "a \"b\"\n", 3));
}

/* What strangers say stays in its field, on its line. */
static void
test_injection(void **state)
{
	static const struct {
		const char *value, *logged;
	} cases[] = {
		{"plain", "plain"}, {"", "\"\""}, {"two words", "\"two words\""},
		{"x\n2026-03-01T12:00:00.123Z error forged a=b",
			"\"x\\n2026-03-01T12:00:00.123Z error forged a=b\""},
		{"x admin=yes", "\"x admin=yes\""}, /* no field of its own */
		{"quote\"back\\slash", "\"quote\\\"back\\\\slash\""},
		{"\x1b[31mred", "\"\\u001b[31mred\""}, {"M\xc3\xbcller", "\"M\xc3\xbcller\""},
		{"\xff", "\"\\ufffd\""}, {"\xe2\x80\xa8", "\"\\u2028\""}, /* a line separator */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char want[256];

		(void)snprintf(want, sizeof(want),
			"2026-03-01T12:00:00.123Z info said who=%s end=1\n", cases[i].logged);
		check_log(want,
			log_at(LOG_INFO, NULL, "said", "who=%s end=%d", cases[i].value, 1));
	}
}

static void
test_levels(void **state)
{
	enum log_level level = LOG_INFO;

	(void)state;
	log_setup(LOG_WARN, false, "");
	assert_false(log_on(LOG_INFO));
	assert_true(log_on(LOG_WARN) && log_on(LOG_ERROR));
	check_log("", log_at(LOG_INFO, NULL, "quiet", "a=%d", 1));
	assert_true(log_level_parse(SPAN("debug"), &level) && level == LOG_DEBUG);
	assert_true(log_level_parse(SPAN("error"), &level) && level == LOG_ERROR);
	assert_false(log_level_parse(SPAN("Error"), &level));
	assert_false(log_level_parse(SPAN(""), &level));
}

/* Values are capped at 200 bytes, sentences at 1000; a line stays one line with its end. */
static void
test_caps(void **state)
{
	static char body[5000], want[6000];

	(void)state;
	memset(body, 'x', sizeof(body) - 1);
	(void)snprintf(want, sizeof(want),
		"2026-03-01T12:00:00.123Z info capped v=%.200s text=%.1000s\n", body, body);
	check_log(want, log_at(LOG_INFO, NULL, "capped", "v=%s text=%s", body, body));
	/* No room for the fifth: left out whole, what fits behind it is there. */
	(void)snprintf(want, sizeof(want),
		"2026-03-01T12:00:00.123Z info long text=%.1000s text=%.1000s text=%.1000s "
		"text=%.1000s e=1\n",
		body, body, body, body);
	want[0] = '2';
	capture_begin();
	log_at(LOG_INFO, NULL, "long", "text=%s text=%s text=%s text=%s text=%s e=%d", body,
		body, body, body, body, 1);
	{
		const char *said = capture_end();
		const size_t n = strlen(said);

		assert_true(n < 4096);
		assert_string_equal(said + n - 5, " e=1\n");
	}
}

/* Over 100 a minute of one event are counted; the next minute says how many there were. */
static void
test_rate(void **state)
{
	const char *said;
	size_t lines = 0;

	(void)state;
	capture_begin();
	for (int i = 0; i < 250; i++) {
		log_at(LOG_INFO, NULL, "flood", "i=%d", i);
		if (i % 50 == 0)
			log_at(LOG_INFO, NULL, "other", "i=%d", i);
	}
	said = capture_end();
	for (const char *p = said; (p = strstr(p, " flood ")); p++)
		lines++;
	assert_int_equal(lines, 100);
	lines = 0;
	for (const char *p = said; (p = strstr(p, " other ")); p++)
		lines++;
	assert_int_equal(lines, 5);
	clock_fake(NOON, clock_mono_ms() + 60000);
	check_log("2026-03-01T12:00:00.123Z info flood i=1 suppressed=150\n",
		log_at(LOG_INFO, NULL, "flood", "i=%d", 1));
	check_log("2026-03-01T12:00:00.123Z info flood i=2\n",
		log_at(LOG_INFO, NULL, "flood", "i=%d", 2));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_text),
		TEST(test_json),
		TEST(test_injection),
		TEST(test_levels),
		TEST(test_caps),
		TEST(test_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
