#include "media/helper/blurhash.h"

#include <math.h>

struct colour {
	double r, g, b;
};

static double
linear_of(unsigned char v)
{
	double s = v / 255.0;

	return s <= 0.04045 ? s / 12.92 : pow((s + 0.055) / 1.055, 2.4);
}

static int
srgb_of(double v)
{
	double s = v < 0 ? 0 : v > 1 ? 1 : v;

	s = s <= 0.0031308 ? s * 12.92 : 1.055 * pow(s, 1 / 2.4) - 0.055;
	return (int)(s * 255 + 0.5);
}

/* How much of the wave (i, j) is in the picture. */
static struct colour
component(const unsigned char *rgb, int width, int height, int i, int j)
{
	const double pi = acos(-1.0);
	struct colour c = {0};
	double scale = (i == 0 && j == 0 ? 1.0 : 2.0) / (width * height);

	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++) {
			const unsigned char *p =
				rgb + 3 * ((size_t)y * (size_t)width + (size_t)x);
			double wave = cos(pi * i * x / width) * cos(pi * j * y / height);

			c.r += wave * linear_of(p[0]);
			c.g += wave * linear_of(p[1]);
			c.b += wave * linear_of(p[2]);
		}
	return (struct colour){c.r * scale, c.g * scale, c.b * scale};
}

static char *
put83(char *out, int value, int digits)
{
	static const char alphabet[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"#$%*+,-.:;=?@[]^_{|}~";

	for (int i = digits - 1; i >= 0; i--) {
		out[i] = alphabet[value % 83];
		value /= 83;
	}
	return out + digits;
}

/* One of 19 steps on a square-root scale, as a share of the largest one. */
static int
step_of(double v, double most)
{
	double s = v / most;
	int step;

	s = s < 0 ? -sqrt(-s) : sqrt(s);
	step = (int)floor(s * 9 + 9.5);
	return step < 0 ? 0 : step > 18 ? 18 : step;
}

static double
largest(const struct colour *c, int n)
{
	double most = 0;

	for (int i = 0; i < n; i++) {
		most = fmax(most, fabs(c[i].r));
		most = fmax(most, fabs(c[i].g));
		most = fmax(most, fabs(c[i].b));
	}
	return most;
}

void
blurhash_make(const unsigned char *rgb, int width, int height, char out[static BLURHASH_SIZE])
{
	struct colour c[BLURHASH_X * BLURHASH_Y];
	int n = 0, most_step;
	double most;

	for (int j = 0; j < BLURHASH_Y; j++)
		for (int i = 0; i < BLURHASH_X; i++)
			c[n++] = component(rgb, width, height, i, j);
	most_step = (int)floor(largest(c + 1, n - 1) * 166 - 0.5);
	most_step = most_step < 0 ? 0 : most_step > 82 ? 82 : most_step;
	most = (most_step + 1) / 166.0;
	out = put83(out, BLURHASH_X - 1 + (BLURHASH_Y - 1) * 9, 1);
	out = put83(out, most_step, 1);
	out = put83(out, srgb_of(c[0].r) << 16 | srgb_of(c[0].g) << 8 | srgb_of(c[0].b), 4);
	for (int k = 1; k < n; k++)
		out = put83(out,
			(step_of(c[k].r, most) * 19 + step_of(c[k].g, most)) * 19 +
				step_of(c[k].b, most),
			2);
	*out = '\0';
}
