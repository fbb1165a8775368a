/*
 * Log: one line per event to stderr, key=value or JSON, escaped, values capped at 200 bytes,
 * `text` (our own sentences) at 1000.
 *
 * The event name comes first, then fields. Debug costs one comparison when off. Tokens, keys,
 * signatures and private content never appear; URLs are logged without query. Repetitions of
 * one event beyond 100 a minute are counted and summed up instead of written.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/span.h"

enum log_level {
	LOG_DEBUG,
	LOG_INFO,
	LOG_WARN,
	LOG_ERROR,
};

/* Prefix fields of the writer, e.g. of a task: "flow=… step=… id=…". May be NULL. */
struct log_ctx {
	const char *flow, *step;
	uint64_t id;
};

void log_setup(enum log_level level, bool json, const char *process);
bool log_level_parse(struct span s, enum log_level *out) MUST_CHECK;
bool log_on(enum log_level level);
/*
 * fmt makes the fields: "host=%s status=%d". Only its keys make fields, whatever the values
 * say; values are quoted and escaped where needed. A field that the line has no room for is
 * left out.
 */
void log_write(enum log_level level, const struct log_ctx *ctx, const char *event,
	const char *fmt, ...) PRINTF_LIKE(4, 5);
#define log_at(level, ctx, ...)                                                                \
	do {                                                                                   \
		if (log_on(level))                                                             \
			log_write((level), (ctx), __VA_ARGS__);                                \
	} while (0)
/* For "%.*s" of a text from outside. */
#define LOG_STR(s) (int)((s).n > 200 ? 200 : (s).n), ((s).p ? (s).p : "")

#endif
