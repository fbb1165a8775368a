/*
 * Errors: `const struct err *`, NULL is success.
 *
 * An error has a kind (err.def gives HTTP status, retry, log level), one sentence for people
 * that says what is wrong and what to do, and the wrapped cause. It lives in an arena.
 * Nobody logs and returns: the one who handles it logs it once.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/arena.h"

enum err_kind {
#define ERR(kind, status, retry, level, title) kind,
#include "base/err.def"
#undef ERR
	ERR_KINDS
};

enum err_retry {
	ERR_RETRY_NEVER,
	ERR_RETRY_LATER,
	ERR_RETRY_UNSURE,
};

struct err {
	enum err_kind kind;
	int retry_after_s; /* hint of the other side, 0 = none */
	struct span text;
	const struct err *cause;
};

const struct err *err_new(struct arena *a, enum err_kind kind, const char *fmt, ...)
	PRINTF_LIKE(3, 4) MUST_CHECK;
/* Keeps the kind of the cause and puts a sentence in front of it. */
const struct err *err_wrap(struct arena *a, const struct err *cause, const char *fmt, ...)
	PRINTF_LIKE(3, 4) MUST_CHECK;
/* Copy with all causes into another arena (errors cross tasks). */
const struct err *err_copy(struct arena *a, const struct err *e) MUST_CHECK;

int err_status(const struct err *e); /* HTTP status */
enum err_retry err_retry(const struct err *e);
int err_level(const struct err *e);        /* enum log_level */
const char *err_name(enum err_kind kind);  /* "input", "not_found": stable, for JSON and logs */
const char *err_title(enum err_kind kind); /* HTTP reason phrase */
/* "sentence: cause: cause", at most 1000 bytes, in which what is not UTF-8 is replaced. */
struct span err_text(struct arena *a, const struct err *e);

#endif
