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
#define LOG_EVENTS 64
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

/* False when the event has had its share of this minute; *lost then counts what was dropped. */
static bool
log_admit(const char *event, unsigned *lost)
{
	size_t i = (size_t)(((uintptr_t)event >> 3) % LOG_EVENTS);
	int64_t minute = clock_mono_ms() / 60000;

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

static void
log_pair(struct buf *b, const char *key, struct span value)
{
	bool plain = value.n > 0;

	value = span_slice(value, 0, strcmp(key, "text") == 0 ? LOG_TEXT : LOG_VALUE);
	if (log_conf.json) {
		buf_printf(b, ",\"%s\":\"", key);
		text_escape_json(b, value);
		buf_byte(b, '"');
		return;
	}
	for (size_t i = 0; plain && i < value.n; i++)
		plain = value.p[i] > ' ' && value.p[i] != '"' && value.p[i] != '\\' &&
			value.p[i] != 0x7f;
	buf_printf(b, " %s=", key);
	if (plain) {
		buf_add(b, value);
		return;
	}
	buf_byte(b, '"');
	text_escape_json(b, value);
	buf_byte(b, '"');
}

/*
 * The fields arrive as one text "key=value key=value"; a value runs to the next " key=", so
 * it may hold spaces. Keys are [a-z0-9_]+ and are ours.
 */
static size_t
log_value_end(struct span s, size_t from)
{
	for (size_t i = from; i < s.n; i++) {
		size_t k = i + 1;

		if (s.p[i] != ' ')
			continue;
		while (k < s.n && ((s.p[k] >= 'a' && s.p[k] <= 'z') ||
					  (s.p[k] >= '0' && s.p[k] <= '9') || s.p[k] == '_'))
			k++;
		if (k > i + 1 && k < s.n && s.p[k] == '=')
			return i;
	}
	return s.n;
}

static void
log_fields(struct buf *b, struct span s)
{
	while (s.n > 0) {
		char key[32];
		size_t eq = span_find_byte(s, '='), end;

		if (eq == SIZE_MAX || eq >= sizeof(key)) {
			log_pair(b, "text", s);
			return;
		}
		memcpy(key, s.p, eq);
		key[eq] = '\0';
		end = log_value_end(s, eq + 1);
		log_pair(b, key, span_slice(s, eq + 1, end));
		s = end < s.n ? span_slice(s, end + 1, s.n) : SPAN_NONE;
	}
}

void
log_write(enum log_level level, const struct log_ctx *ctx, const char *event, const char *fmt,
	...)
{
	struct arena *a;
	struct buf b, fields;
	unsigned lost;
	va_list ap;

	if (!log_on(level) || !log_admit(event, &lost))
		return;
	a = arena_new();
	buf_init(&b, LOG_LINE);
	buf_init(&fields, LOG_LINE);
	va_start(ap, fmt);
	buf_vprintf(&fields, fmt, ap);
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
	log_fields(&b, buf_span(&fields));
	if (lost)
		log_pair(&b, "suppressed", arena_printf(a, "%u", lost));
	if (log_conf.json)
		buf_byte(&b, '}');
	/* A line that is too long is cut, never dropped, and stays one write. */
	b.max += 2;
	b.toobig = false;
	buf_byte(&b, '\n');
	if (write(STDERR_FILENO, b.p, b.n) < 0) {
		/* Nobody is left to tell. */
	}
	buf_fini(&fields);
	buf_fini(&b);
	arena_free(a);
}
