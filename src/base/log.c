#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

#define LOG_LINE 4096
#define LOG_VALUE 200
#define LOG_TEXT 1000 /* of "text": a whole err_text, which says what to do at its end */
#define LOG_KEY 32
#define LOG_EVENTS 128
#define LOG_NEAR 8 /* slots that an event may have */
#define LOG_PER_MINUTE 100

static struct {
	enum log_level level;
	bool json;
	char process[32];
} log_conf = {.level = LOG_INFO};

static const char *const log_names[] = {"debug", "info", "warn", "error"};

/* How often each event was written in the current minute; events are string constants. */
static struct {
	const char *event;
	int64_t minute;
	unsigned n;
} log_rate[LOG_EVENTS];

void
log_setup(enum log_level level, bool json, const char *process)
{
	log_conf.level = level;
	log_conf.json = json;
	(void)snprintf(log_conf.process, sizeof(log_conf.process), "%s", process);
}

bool
log_level_parse(struct span s, enum log_level *out)
{
	for (size_t i = 0; i < ARRAY_LEN(log_names); i++) {
		if (span_is(s, log_names[i])) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

bool
log_on(enum log_level level)
{
	return level >= log_conf.level;
}

/* The event's own slot, or the one of its neighbourhood that has been quiet for longest. */
static size_t
log_slot(const char *event)
{
	const size_t home = (size_t)((uintptr_t)event >> 3);
	size_t oldest = home % LOG_EVENTS;

	for (size_t k = 0; k < LOG_NEAR; k++) {
		const size_t i = (home + k) % LOG_EVENTS;

		if (log_rate[i].event == event)
			return i;
		if (log_rate[i].minute < log_rate[oldest].minute)
			oldest = i;
	}
	return oldest;
}

/* False when the event has had its share of this minute; *lost then counts what was dropped. */
static bool
log_admit(const char *event, unsigned *lost)
{
	const size_t i = log_slot(event);
	const int64_t minute = clock_mono_ms() / 60000;

	*lost = 0;
	if (log_rate[i].event != event || log_rate[i].minute != minute) {
		if (log_rate[i].event == event && log_rate[i].n > LOG_PER_MINUTE)
			*lost = log_rate[i].n - LOG_PER_MINUTE;
		log_rate[i].event = event;
		log_rate[i].minute = minute;
		log_rate[i].n = 0;
	}
	return ++log_rate[i].n <= LOG_PER_MINUTE;
}

/* One field, or nothing of it when the line has no room for it. */
static void
log_pair(struct buf *b, const char *key, struct span value)
{
	const size_t before = b->n;
	bool plain = value.n > 0;

	value = span_slice(value, 0, strcmp(key, "text") == 0 ? LOG_TEXT : LOG_VALUE);
	for (size_t i = 0; plain && i < value.n; i++)
		plain = value.p[i] > ' ' && value.p[i] != '"' && value.p[i] != '\\' &&
			value.p[i] != 0x7f;
	if (log_conf.json)
		buf_printf(b, ",\"%s\":\"", key);
	else
		buf_printf(b, plain ? " %s=" : " %s=\"", key);
	if (plain && !log_conf.json) {
		buf_add(b, value);
	} else {
		text_escape_json(b, value);
		buf_byte(b, '"');
	}
	if (b->toobig) {
		b->n = before;
		b->toobig = false;
	}
}

static bool
log_key_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* The next key of a format such as "host=%s status=%d"; what follows its '=', or NULL. */
static const char *
log_key(const char *fmt, char key[LOG_KEY])
{
	for (const char *eq; (eq = strchr(fmt, '=')); fmt = eq + 1) {
		const char *from = eq;
		size_t n;

		while (from > fmt && log_key_byte(from[-1]))
			from--;
		n = (size_t)(eq - from);
		if (n > 0 && n < LOG_KEY && (from == fmt || from[-1] == ' ')) {
			memcpy(key, from, n);
			key[n] = '\0';
			return eq + 1;
		}
	}
	return NULL;
}

/*
 * The fields arrive as one text, made with a format of ours. A value may hold spaces and what
 * looks like a field; only the keys of the format make fields, each ends where the next begins.
 */
static void
log_fields(struct arena *a, struct buf *b, const char *fmt, struct span s)
{
	char key[LOG_KEY], next[LOG_KEY];

	fmt = log_key(fmt, key);
	if (!fmt) {
		if (s.n)
			log_pair(b, "text", s);
		return;
	}
	s = span_slice(s, strlen(key) + 1, s.n);
	while ((fmt = log_key(fmt, next))) {
		const struct span mark = arena_printf(a, " %s=", next);
		const size_t end = span_find(s, mark);

		log_pair(b, key, span_slice(s, 0, end));
		s = span_slice(s, end == SIZE_MAX ? s.n : end + mark.n, s.n);
		memcpy(key, next, sizeof(key));
	}
	log_pair(b, key, s);
}

void
log_write(enum log_level level, const struct log_ctx *ctx, const char *event, const char *fmt,
	...)
{
	struct arena *a;
	struct span fields;
	struct buf b;
	unsigned lost;
	va_list ap;

	if (!log_on(level) || !log_admit(event, &lost))
		return;
	a = arena_new();
	buf_init(&b, LOG_LINE - 2); /* the end of the line always has its place */
	va_start(ap, fmt);
	fields = arena_vprintf(a, fmt, ap);
	va_end(ap);
	if (log_conf.json) {
		buf_printf(&b, "{\"time\":\"%.*s\",\"level\":\"%s\",\"event\":\"",
			SPAN_FMT(time_rfc3339_ms(a, clock_us())), log_names[level]);
		text_escape_json(&b, span_of(event));
		buf_byte(&b, '"');
	} else {
		buf_printf(&b, "%.*s %s %s", SPAN_FMT(time_rfc3339_ms(a, clock_us())),
			log_names[level], event);
	}
	if (log_conf.process[0])
		log_pair(&b, "process", span_of(log_conf.process));
	if (ctx && ctx->flow) {
		log_pair(&b, "flow", span_of(ctx->flow));
		log_pair(&b, "step", span_of(ctx->step ? ctx->step : "-"));
		log_pair(&b, "task", arena_printf(a, "%" PRIu64, ctx->id));
	}
	log_fields(a, &b, fmt, fields);
	if (lost)
		log_pair(&b, "suppressed", arena_printf(a, "%u", lost));
	b.max = LOG_LINE;
	buf_add_cstr(&b, log_conf.json ? "}\n" : "\n");
	if (write(STDERR_FILENO, b.p, b.n) < 0) {
		/* Nobody is left to tell. */
	}
	buf_fini(&b);
	arena_free(a);
}
