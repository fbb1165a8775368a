#include "base/err.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"

#define ERR_TEXT_MAX 1000

struct err_row {
	int status;
	enum err_retry retry;
	int level;
	const char *name, *title;
};

#define NEVER ERR_RETRY_NEVER
#define LATER ERR_RETRY_LATER
#define UNSURE ERR_RETRY_UNSURE

static const struct err_row err_rows[] = {
#define ERR(kind, status_, retry_, level_, title_)                                             \
	[kind] = {.status = (status_),                                                         \
		.retry = (retry_),                                                             \
		.level = (level_),                                                             \
		.name = #kind,                                                                 \
		.title = (title_)},
#include "base/err.def"
#undef ERR
};

/* The name without "ERR_", in lower case, made once from the table. */
const char *
err_name(enum err_kind kind)
{
	static char names[ERR_KINDS][24];
	char *out = names[kind];
	const char *in = err_rows[kind].name + 4;

	if (!out[0]) {
		size_t i = 0;

		for (; in[i] && i < sizeof(names[0]) - 1; i++)
			out[i] = (char)(in[i] == '_' ? '_' : in[i] + ('a' - 'A'));
		out[i] = '\0';
	}
	return out;
}

const char *
err_title(enum err_kind kind)
{
	return err_rows[kind].title;
}

static const struct err *err_make(struct arena *a, enum err_kind kind, const struct err *cause,
	const char *fmt, va_list ap) PRINTF_LIKE(4, 0);

static const struct err *
err_make(struct arena *a, enum err_kind kind, const struct err *cause, const char *fmt,
	va_list ap)
{
	struct err *e = ARENA_NEW(a, struct err);

	assert((unsigned)kind < ERR_KINDS);
	e->kind = kind;
	e->cause = cause;
	e->retry_after_s = cause ? cause->retry_after_s : 0;
	e->text = arena_vprintf(a, fmt, ap);
	return e;
}

const struct err *
err_new(struct arena *a, enum err_kind kind, const char *fmt, ...)
{
	const struct err *e;
	va_list ap;

	va_start(ap, fmt);
	e = err_make(a, kind, NULL, fmt, ap);
	va_end(ap);
	return e;
}

const struct err *
err_wrap(struct arena *a, const struct err *cause, const char *fmt, ...)
{
	const struct err *e;
	va_list ap;

	va_start(ap, fmt);
	e = err_make(a, cause->kind, cause, fmt, ap);
	va_end(ap);
	return e;
}

const struct err *
err_copy(struct arena *a, const struct err *e)
{
	const struct err *first = NULL, **at = &first;

	for (; e; e = e->cause) {
		struct err *copy = ARENA_NEW(a, struct err);

		*copy = *e;
		copy->text = arena_dup(a, e->text);
		copy->cause = NULL;
		*at = copy;
		at = &copy->cause;
	}
	return first;
}

int
err_status(const struct err *e)
{
	return err_rows[e->kind].status;
}

enum err_retry
err_retry(const struct err *e)
{
	return err_rows[e->kind].retry;
}

int
err_level(const struct err *e)
{
	return err_rows[e->kind].level;
}

struct span
err_text(struct arena *a, const struct err *e)
{
	struct buf b;
	struct span s;

	buf_init(&b, ERR_TEXT_MAX);
	for (; e && !b.toobig; e = e->cause) {
		if (b.n)
			buf_lit(&b, ": ");
		buf_add(&b, span_slice(e->text, 0, ERR_TEXT_MAX - b.n));
	}
	/* What strangers sent stands in some; it goes into the database and into answers. */
	s = utf8_repair(a, buf_span(&b));
	buf_fini(&b);
	return s;
}
