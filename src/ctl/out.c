/* Results for people and for programs. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "ctl/cmd.h"

#define OUT_CELL_MAX 60
#define OUT_LAST_MAX 300 /* nothing stands behind it */
#define OUT_MAX (64 << 20)

json_t *
cmd_json_id(int64_t id)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRId64, id);
	return json_string(text);
}

json_t *
cmd_json_time(int64_t us)
{
	struct arena *a;
	json_t *j;

	if (us == TIME_NONE)
		return json_null();
	a = arena_new();
	j = json_str(time_rfc3339(a, us));
	arena_free(a);
	return j;
}

static void
out_flush(struct buf *b)
{
	assert(!b->toobig);
	(void)fwrite(b->p, 1, b->n, stdout);
	buf_fini(b);
}

static void
out_json(const json_t *j)
{
	(void)json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	(void)fputc('\n', stdout);
}

static struct span
out_ago(struct arena *a, int64_t us)
{
	const int64_t s = (clock_us() - us) / US_PER_S, abs = s < 0 ? -s : s;
	const char *unit = abs < 120 ? "s" : abs < 7200 ? "min" : abs < 172800 ? "h" : "days";
	const int64_t n = abs < 120      ? abs
			  : abs < 7200   ? abs / 60
			  : abs < 172800 ? abs / 3600
					 : abs / 86400;

	return s < 0 ? arena_printf(a, "in %" PRId64 " %s", n, unit)
		     : arena_printf(a, "%" PRId64 " %s ago", n, unit);
}

static struct span
out_time(struct arena *a, struct span rfc3339)
{
	int64_t us;
	struct span text, ago;

	if (!time_parse_rfc3339(rfc3339, &us))
		return rfc3339;
	text = time_rfc3339(a, us);
	ago = out_ago(a, us);
	return arena_printf(a, "%.10s %.5s (%.*s)", text.p, text.p + 11, SPAN_FMT(ago));
}

static struct span
out_value(struct arena *a, const json_t *j, enum cmd_format format)
{
	if (!j || json_is_null(j))
		return SPAN("-");
	if (json_is_boolean(j))
		return json_is_true(j) ? SPAN("yes") : SPAN("no");
	if (json_is_integer(j))
		return arena_printf(a, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
	if (json_is_string(j) && format == CMD_TIME)
		return out_time(a, json_text(j));
	if (json_is_string(j))
		return json_text(j);
	return json_dump(a, j);
}

/* What others wrote must not steer the terminal. */
static struct span
out_cell(struct arena *a, const json_t *row, const struct cmd_column *col, bool last)
{
	const struct span v = out_value(a, json_object_get(row, col->key), col->format);

	return text_clean_line(a, v, last ? OUT_LAST_MAX : OUT_CELL_MAX);
}

static void
out_pad(struct buf *b, struct span s, size_t width, bool last)
{
	buf_add(b, s);
	for (size_t n = utf8_count(s); !last && n < width + 2; n++)
		buf_byte(b, ' ');
}

static void
out_table(struct arena *a, const json_t *rows, const struct cmd_column *cols, size_t n)
{
	const size_t n_rows = json_array_size(rows);
	struct span *cells = ARENA_ARRAY(a, (n_rows + 1) * n, struct span);
	size_t *width = ARENA_ARRAY(a, n, size_t);
	struct buf b;

	for (size_t c = 0; c < n; c++)
		cells[c] = span_of(cols[c].title);
	for (size_t r = 0; r < n_rows; r++)
		for (size_t c = 0; c < n; c++)
			cells[(r + 1) * n + c] =
				out_cell(a, json_array_get(rows, r), &cols[c], c + 1 == n);
	for (size_t i = 0; i < (n_rows + 1) * n; i++)
		if (utf8_count(cells[i]) > width[i % n])
			width[i % n] = utf8_count(cells[i]);
	buf_init(&b, OUT_MAX);
	for (size_t i = 0; i < (n_rows + 1) * n; i++) {
		out_pad(&b, cells[i], width[i % n], (i + 1) % n == 0);
		if ((i + 1) % n == 0)
			buf_byte(&b, '\n');
	}
	out_flush(&b);
}

void
cmd_list(struct cmd_call *c, json_t *rows, const struct cmd_column *cols, size_t n)
{
	(void)json_own(c->arena, rows);
	if (c->json)
		out_json(rows);
	else if (json_array_size(rows) == 0)
		(void)fputs("(none)\n", stdout);
	else
		out_table(c->arena, rows, cols, n);
}

void
cmd_show(struct cmd_call *c, json_t *object, const struct cmd_column *cols, size_t n)
{
	size_t width = 0;
	struct buf b;

	(void)json_own(c->arena, object);
	if (c->json) {
		out_json(object);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (utf8_count(span_of(cols[i].title)) > width)
			width = utf8_count(span_of(cols[i].title));
	buf_init(&b, OUT_MAX);
	for (size_t i = 0; i < n; i++) {
		const struct span v = out_value(
			c->arena, json_object_get(object, cols[i].key), cols[i].format);

		out_pad(&b, span_of(cols[i].title), width, false);
		if (cols[i].format == CMD_LONG)
			buf_add(&b, text_clean(c->arena, v, 20000));
		else
			buf_add(&b, text_clean_line(c->arena, v, 2000));
		buf_byte(&b, '\n');
	}
	out_flush(&b);
}

void
cmd_said(struct cmd_call *c, json_t *object, const char *fmt, ...)
{
	va_list ap;
	struct span text;

	(void)json_own(c->arena, object);
	if (c->json) {
		out_json(object);
		return;
	}
	va_start(ap, fmt);
	text = arena_vprintf(c->arena, fmt, ap);
	va_end(ap);
	(void)printf("%.*s\n", SPAN_FMT(text));
}

void
cmd_note(struct cmd_call *c, const char *fmt, ...)
{
	va_list ap;

	if (c->json)
		return;
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
}
