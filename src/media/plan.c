#include "media/plan.h"

#include "base/text.h"
#include "media/pull.h"
#include "media/webp.h"

/* ---- what it is ---- */

static enum frame_format
format_of(struct span f)
{
	if (span_starts(f, SPAN("\xff\xd8\xff")))
		return FRAME_JPEG;
	if (span_starts(f, SPAN("\x89PNG\r\n\x1a\n")))
		return FRAME_PNG;
	if (span_starts(f, SPAN("RIFF")) && span_is(span_slice(f, 8, 12), "WEBP"))
		return FRAME_WEBP;
	if (span_starts(f, SPAN("GIF87a")) || span_starts(f, SPAN("GIF89a")))
		return FRAME_GIF;
	return FRAME_UNKNOWN;
}

/* Names for what is sent instead of pictures, so that the reason helps. */
static const char *
stranger(struct span f)
{
	struct span head = span_trim(span_slice(f, 0, 1024));

	if (span_find_nocase(head, SPAN("<svg")) != SIZE_MAX)
		return "a drawing (SVG)";
	if (span_starts(head, SPAN("<")))
		return "a web page or XML";
	if (span_starts(f, SPAN("%PDF")))
		return "a PDF document";
	if (span_is(span_slice(f, 4, 8), "ftyp"))
		return "a HEIC, AVIF or video file";
	if (span_starts(f, SPAN("II*")) || span_starts(f, SPAN("MM")))
		return "a TIFF file";
	if (span_starts(f, SPAN("PK\x03\x04")))
		return "a ZIP archive";
	return "something else";
}

/* ---- how large it is ---- */

static uint32_t
number(struct span f, size_t at, size_t bytes, bool little)
{
	uint32_t v = 0;

	for (size_t i = 0; i < bytes; i++) {
		size_t k = at + (little ? bytes - 1 - i : i);

		v = v << 8 | (k < f.n ? (unsigned char)f.p[k] : 0);
	}
	return v;
}

#define BIG(f, at, bytes) number((f), (at), (bytes), false)
#define LITTLE(f, at, bytes) number((f), (at), (bytes), true)

/* Walks the segments to the frame header SOFn (ITU T.81 B.2.2). */
static void
jpeg_size(struct span f, struct plan *out)
{
	for (size_t at = 2; at + 9 < f.n;) {
		unsigned marker = BIG(f, at + 1, 1);

		if (f.p[at] != '\xff')
			return;
		if (marker == 0xff) { /* fill byte */
			at++;
			continue;
		}
		if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
			marker != 0xcc) {
			out->height = BIG(f, at + 5, 2);
			out->width = BIG(f, at + 7, 2);
			return;
		}
		if (marker == 0xda || marker == 0xd9 || BIG(f, at + 2, 2) < 2)
			return;
		at += 2 + BIG(f, at + 2, 2);
	}
}

/* RFC 9649: a canvas, a lossless or a lossy picture. */
static void
webp_size(struct span f, struct plan *out)
{
	struct span kind = span_slice(f, 12, 16);
	uint32_t bits;

	if (span_is(kind, "VP8X")) {
		out->width = LITTLE(f, 24, 3) + 1;
		out->height = LITTLE(f, 27, 3) + 1;
	} else if (span_is(kind, "VP8L") && BIG(f, 20, 1) == 0x2f) {
		bits = LITTLE(f, 21, 4);
		out->width = (bits & 0x3fff) + 1;
		out->height = (bits >> 14 & 0x3fff) + 1;
	} else if (span_is(kind, "VP8 ") && BIG(f, 23, 3) == 0x9d012a) {
		out->width = LITTLE(f, 26, 2) & 0x3fff;
		out->height = LITTLE(f, 28, 2) & 0x3fff;
	}
}

static void
size_of(struct span f, struct plan *out)
{
	switch (out->format) {
	case FRAME_JPEG:
		jpeg_size(f, out);
		break;
	case FRAME_PNG:
		if (f.n >= 24 && span_is(span_slice(f, 12, 16), "IHDR")) {
			out->width = BIG(f, 16, 4);
			out->height = BIG(f, 20, 4);
		}
		break;
	case FRAME_WEBP:
		if (f.n >= 30)
			webp_size(f, out);
		break;
	case FRAME_GIF:
		if (f.n >= 10) {
			out->width = LITTLE(f, 6, 2);
			out->height = LITTLE(f, 8, 2);
		}
		break;
	case FRAME_UNKNOWN:
		break;
	}
}

static uint16_t
side_of(const struct plan *p, int64_t most)
{
	int64_t longest = p->width > p->height ? p->width : p->height;

	return (uint16_t)(longest < most ? longest : most);
}

/* ---- deciding ---- */

/* Servers name pictures carelessly, but what calls itself a page is none. */
static bool
type_may_be_picture(struct span type)
{
	struct span kind = span_trim(span_slice(type, 0, span_find_byte(type, ';')));

	return kind.n == 0 ||
	       (span_starts_nocase(kind, SPAN("image/")) &&
		       !span_starts_nocase(kind, SPAN("image/svg"))) ||
	       span_is_nocase(kind, "application/octet-stream") ||
	       span_is_nocase(kind, "binary/octet-stream");
}

const struct err *
plan_picture(struct arena *a, struct span content_type, struct span file, struct plan *out)
{
	*out = (struct plan){.format = format_of(file)};
	if (file.n == 0)
		return err_new(a, ERR_UNPROCESSABLE, "the file is empty");
	if (file.n > FRAME_FILE_MAX)
		return err_new(a, ERR_TOO_LARGE, "the file is larger than %u MiB",
			FRAME_FILE_MAX >> 20);
	if (out->format == FRAME_UNKNOWN)
		return err_new(a, ERR_MEDIA_TYPE,
			"it is %s, not a JPEG, PNG, WebP or GIF picture", stranger(file));
	if (!type_may_be_picture(content_type))
		return err_new(a, ERR_MEDIA_TYPE,
			"its server calls it \"%.*s\", which is no picture",
			SPAN_FMT(text_clean_line(a, content_type, 80)));
	size_of(file, out);
	if (out->width < 1 || out->height < 1)
		return err_new(a, ERR_UNPROCESSABLE, "the picture's header is damaged");
	if (out->width > FRAME_SIDE_MAX || out->height > FRAME_SIDE_MAX ||
		out->width * out->height > FRAME_PIXELS_MAX)
		return err_new(a, ERR_TOO_LARGE,
			"it is %lld x %lld pixels large: at most %d a side and %d million in "
			"all are decoded",
			(long long)out->width, (long long)out->height, FRAME_SIDE_MAX,
			FRAME_PIXELS_MAX / 1000000);
	if (out->width < PLAN_SIDE_MIN || out->height < PLAN_SIDE_MIN)
		return err_new(a, ERR_UNPROCESSABLE,
			"it is %lld x %lld pixels small: a spacer or an icon, not a picture",
			(long long)out->width, (long long)out->height);
	out->large = side_of(out, PLAN_LARGE);
	out->small = side_of(out, PLAN_SMALL);
	return NULL;
}

const struct err *
plan_check(struct arena *a, const struct plan *p, const struct frame_reply *r)
{
	const struct frame_size *l = &r->large_size, *s = &r->small_size;

	if (l->width > p->large || l->height > p->large || s->width > p->small ||
		s->height > p->small || !webp_pixels_only(r->large) ||
		!webp_pixels_only(r->small))
		return err_new(
			a, ERR_UPSTREAM, "the helper made something else than asked for");
	return NULL;
}

int64_t
plan_pause_ms(int64_t tries)
{
	static const int64_t pauses[PULL_TRIES - 1] = {5, 30, 180, 900, 3600};

	if (tries < 1 || tries >= PULL_TRIES)
		return 0;
	return pauses[tries - 1] * 1000;
}
