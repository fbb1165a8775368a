#include "media/helper/transform.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <vips/vips.h>
#include <vips/vector.h>

#include "media/helper/blurhash.h"
#include "media/webp.h"

#define TRANSFORM_QUALITY 80
#define TRANSFORM_BLUR_SIDE 32

/* What the library thinks of a picture is no news for the log of the hub. */
static void
say_nothing(const char *domain, GLogLevelFlags level, const char *message, void *arg)
{
	(void)domain;
	(void)level;
	(void)message;
	(void)arg;
}

bool
transform_init(const char *program)
{
	static const char *const open[] = {"VipsForeignLoadJpeg", "VipsForeignLoadPng",
		"VipsForeignLoadWebp", "VipsForeignLoadNsgif"};

	/* No plug-ins (ImageMagick, poppler …); nothing on disk; one arena, one thread at work.
	 */
	if (setenv("VIPSHOME", "/nonexistent", 1) != 0 ||
		setenv("VIPS_DISC_THRESHOLD", "4g", 1) != 0)
		return false;
	(void)mallopt(M_ARENA_MAX, 1);
	(void)g_log_set_default_handler(say_nothing, NULL);
	if (VIPS_INIT(program) != 0)
		return false;
	vips_concurrency_set(1);
	vips_cache_set_max(0);
	vips_vector_set_enabled(FALSE); /* it would make code at run time */
	vips_block_untrusted_set(TRUE);
	vips_operation_block_set("VipsForeignLoad", TRUE);
	for (size_t i = 0; i < ARRAY_LEN(open); i++)
		vips_operation_block_set(open[i], FALSE);
	return true;
}

/* ---- a run of operations: the last picture counts, all are released at the end ---- */

struct run {
	struct arena *a;
	VipsImage *image;
	struct frame_reply *out;
};

static void
run_unref(void *image)
{
	g_object_unref(image);
}

/* Takes the result of an operation; false when there is none. */
static bool
run_take(struct run *r, int failed, VipsImage **next)
{
	if (failed || !*next)
		return false;
	arena_own(r->a, run_unref, *next);
	r->image = *next;
	*next = NULL;
	return true;
}

static void
run_refuse(struct run *r, struct span reason)
{
	r->out->status = FRAME_REFUSED;
	r->out->reason = reason;
}

/* What the library says about it, its first line. */
static struct span
run_trouble(struct run *r, const char *what)
{
	struct span all = span_of(vips_error_buffer()), line = SPAN("no reason is known");

	if (all.n)
		(void)span_cut(&all, '\n', &line);
	return arena_printf(r->a, "%s: %.*s", what, (int)(line.n < 200 ? line.n : 200), line.p);
}

/* ---- loading ---- */

static int
load(const struct frame_request *r, VipsImage **out)
{
	void *p = (void *)(uintptr_t)r->file.p;

#define LOAD_OPTIONS "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR, NULL
	switch (r->format) {
	case FRAME_JPEG:
		return vips_jpegload_buffer(p, r->file.n, out, LOAD_OPTIONS);
	case FRAME_PNG:
		return vips_pngload_buffer(p, r->file.n, out, LOAD_OPTIONS);
	case FRAME_WEBP:
		return vips_webpload_buffer(p, r->file.n, out, LOAD_OPTIONS);
	case FRAME_GIF:
		return vips_gifload_buffer(p, r->file.n, out, LOAD_OPTIONS);
	case FRAME_UNKNOWN:
		break;
	}
#undef LOAD_OPTIONS
	return -1;
}

static bool
within_limits(struct run *r)
{
	const int64_t width = vips_image_get_width(r->image),
		      height = vips_image_get_height(r->image),
		      pages = vips_image_get_n_pages(r->image);

	if (width < 1 || height < 1)
		run_refuse(r, SPAN("it has no pixels"));
	else if (width > FRAME_SIDE_MAX || height > FRAME_SIDE_MAX ||
		 width * height > FRAME_PIXELS_MAX)
		run_refuse(
			r, arena_printf(r->a,
				   "it is %lld x %lld pixels large: at most %d a side and %d "
				   "million in all are decoded",
				   (long long)width, (long long)height, FRAME_SIDE_MAX,
				   FRAME_PIXELS_MAX / 1000000));
	else if (pages > FRAME_PAGES_MAX || width * height * pages > FRAME_PIXELS_TOTAL_MAX)
		run_refuse(r,
			arena_printf(r->a,
				"it is an animation of %lld frames: at most %d frames and %d "
				"million pixels are decoded",
				(long long)pages, FRAME_PAGES_MAX,
				FRAME_PIXELS_TOTAL_MAX / 1000000));
	else
		return true;
	return false;
}

/* ---- making it anew ---- */

/*
 * Turns it upright as well. A colour profile of its own is applied; without one there is
 * nothing to apply, and asked all the same the library (8.14) shifts the colours.
 */
static bool
shrink(struct run *r, int side)
{
	VipsImage *next = NULL;

	if (vips_image_get_typeof(r->image, VIPS_META_ICC_NAME) == 0)
		return run_take(r,
			vips_thumbnail_image(r->image, &next, side, "height", side, "size",
				VIPS_SIZE_DOWN, NULL),
			&next);
	return run_take(r,
		vips_thumbnail_image(r->image, &next, side, "height", side, "size",
			VIPS_SIZE_DOWN, "export_profile", "srgb", NULL),
		&next);
}

static bool
plain_colours(struct run *r)
{
	VipsImage *next = NULL;

	if (!run_take(r, vips_colourspace(r->image, &next, VIPS_INTERPRETATION_sRGB, NULL),
		    &next))
		return false;
	return run_take(r, vips_cast(r->image, &next, VIPS_FORMAT_UCHAR, NULL), &next);
}

/* Into memory, without anything that is not a pixel: exif, xmp, iptc, profile, comments. */
static bool
pixels_only(struct run *r)
{
	VipsImage *next = vips_image_copy_memory(r->image);
	char **fields;

	if (!run_take(r, 0, &next))
		return false;
	if (!run_take(r, vips_copy(r->image, &next, NULL), &next))
		return false;
	fields = vips_image_get_fields(r->image);
	for (size_t i = 0; fields && fields[i]; i++)
		(void)vips_image_remove(r->image, fields[i]);
	g_strfreev(fields);
	return true;
}

static void
run_buf_fini(void *b)
{
	buf_fini(b);
}

static bool
webp(struct run *r, struct span *file, struct frame_size *size)
{
	struct buf *b = ARENA_NEW(r->a, struct buf);
	void *p = NULL;
	size_t n = 0;

	if (vips_webpsave_buffer(r->image, &p, &n, "Q", TRANSFORM_QUALITY, "smart_subsample",
		    TRUE, "strip", TRUE, NULL) != 0)
		return false;
	arena_own(r->a, g_free, p);
	buf_init(b, n);
	arena_own(r->a, run_buf_fini, b);
	if (!webp_strip(span_from(p, n), b))
		return false;
	*file = buf_span(b);
	size->width = (uint16_t)vips_image_get_width(r->image);
	size->height = (uint16_t)vips_image_get_height(r->image);
	return true;
}

static bool
blurhash(struct run *r, struct span *hash)
{
	VipsImage *next = NULL;
	char *text = arena_alloc(r->a, BLURHASH_SIZE);
	double white[] = {255, 255, 255};
	VipsArrayDouble *background;
	unsigned char *rgb;
	size_t n;
	int failed;

	if (!shrink(r, TRANSFORM_BLUR_SIDE) || !plain_colours(r))
		return false;
	if (vips_image_hasalpha(r->image)) {
		background = vips_array_double_new(white, 3);
		failed = vips_flatten(r->image, &next, "background", background, NULL);
		vips_area_unref(VIPS_AREA(background));
		if (!run_take(r, failed, &next))
			return false;
	}
	rgb = vips_image_write_to_memory(r->image, &n);
	if (!rgb)
		return false;
	arena_own(r->a, g_free, rgb);
	assert(vips_image_get_bands(r->image) == 3);
	blurhash_make(
		rgb, vips_image_get_width(r->image), vips_image_get_height(r->image), text);
	*hash = span_of(text);
	return true;
}

void
transform(struct arena *a, const struct frame_request *q, struct frame_reply *out)
{
	struct run r = {.a = a, .out = out};
	VipsImage *first = NULL;

	*out = (struct frame_reply){.status = FRAME_DONE};
	vips_error_clear();
	if (!run_take(&r, load(q, &first), &first)) {
		run_refuse(&r, run_trouble(&r, "its header cannot be read"));
		return;
	}
	if (!within_limits(&r))
		return;
	if (!shrink(&r, q->large) || !plain_colours(&r) || !pixels_only(&r)) {
		run_refuse(&r, run_trouble(&r, "it cannot be decoded"));
		return;
	}
	if (webp(&r, &out->large, &out->large_size) && shrink(&r, q->small) &&
		plain_colours(&r) && pixels_only(&r) &&
		webp(&r, &out->small, &out->small_size) && blurhash(&r, &out->blurhash))
		return;
	out->status = FRAME_FAILED;
	out->reason = run_trouble(&r, "it could not be made anew");
}
