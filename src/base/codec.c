#include "base/codec.h"

#include <string.h>

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

struct span
hex_encode(struct arena *a, struct span s)
{
	static const char digits[] = "0123456789abcdef";
	char *out = arena_alloc(a, s.n * 2 + 1);

	for (size_t i = 0; i < s.n; i++) {
		out[2 * i] = digits[(unsigned char)s.p[i] >> 4];
		out[2 * i + 1] = digits[(unsigned char)s.p[i] & 15];
	}
	return span_from(out, s.n * 2);
}

bool
hex_decode(struct arena *a, struct span s, struct span *out)
{
	char *p;

	if (s.n % 2 != 0)
		return false;
	p = arena_alloc(a, s.n / 2 + 1);
	for (size_t i = 0; i < s.n; i += 2) {
		int hi = hex_value(s.p[i]), lo = hex_value(s.p[i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		p[i / 2] = (char)(hi << 4 | lo);
	}
	*out = span_from(p, s.n / 2);
	return true;
}

static const char base64_std[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static struct span
base64_write(struct arena *a, struct span s, const char *alphabet, bool pad)
{
	char *out = arena_alloc(a, (s.n + 2) / 3 * 4 + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i += 3) {
		size_t left = s.n - i;
		uint32_t v = (uint32_t)(unsigned char)s.p[i] << 16;

		if (left > 1)
			v |= (uint32_t)(unsigned char)s.p[i + 1] << 8;
		if (left > 2)
			v |= (unsigned char)s.p[i + 2];
		out[n++] = alphabet[v >> 18];
		out[n++] = alphabet[v >> 12 & 63];
		if (left > 1)
			out[n++] = alphabet[v >> 6 & 63];
		else if (pad)
			out[n++] = '=';
		if (left > 2)
			out[n++] = alphabet[v & 63];
		else if (pad)
			out[n++] = '=';
	}
	return span_from(out, n);
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool
base64_decode(struct arena *a, struct span s, struct span *out)
{
	uint32_t v = 0;
	unsigned bits = 0;
	size_t n = 0;
	char *p;

	if (s.n % 4 == 0 && span_ends(s, SPAN("==")))
		s.n -= 2;
	else if (s.n % 4 == 0 && span_ends(s, SPAN("=")))
		s.n -= 1;
	if (s.n % 4 == 1)
		return false;
	p = arena_alloc(a, s.n / 4 * 3 + 3);
	for (size_t i = 0; i < s.n; i++) {
		int d = base64_value(s.p[i]);

		if (d < 0)
			return false;
		v = v << 6 | (uint32_t)d;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			p[n++] = (char)(v >> bits & 255);
		}
	}
	/* Bits left over must be zero, or one value would have several spellings. */
	if (bits && (v & ((1u << bits) - 1)))
		return false;
	*out = span_from(p, n);
	return true;
}

struct span
base64_encode(struct arena *a, struct span s)
{
	return base64_write(a, s, base64_std, true);
}

struct span
base64url_encode(struct arena *a, struct span s)
{
	return base64_write(a, s, base64_url, false);
}

#define BASE58_IN 128
#define BASE58_OUT 180

static const char base58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

struct span
base58_encode(struct arena *a, struct span s)
{
	unsigned char digits[BASE58_OUT] = {0};
	size_t zeros = 0, n = 0;
	char *out;

	assert(s.n <= BASE58_IN);
	while (zeros < s.n && s.p[zeros] == 0)
		zeros++;
	for (size_t i = zeros; i < s.n; i++) {
		unsigned carry = (unsigned char)s.p[i];

		for (size_t k = 0; k < n || carry; k++) {
			carry += (unsigned)digits[k] * 256;
			digits[k] = (unsigned char)(carry % 58);
			carry /= 58;
			if (k >= n)
				n = k + 1;
		}
	}
	out = arena_alloc(a, zeros + n + 1);
	memset(out, '1', zeros);
	for (size_t k = 0; k < n; k++)
		out[zeros + k] = base58[digits[n - 1 - k]];
	return span_from(out, zeros + n);
}

bool
base58_decode(struct arena *a, struct span s, struct span *out)
{
	unsigned char bytes[BASE58_OUT] = {0};
	size_t zeros = 0, n = 0;
	char *p;

	if (s.n > BASE58_OUT - 4)
		return false;
	while (zeros < s.n && s.p[zeros] == '1')
		zeros++;
	for (size_t i = zeros; i < s.n; i++) {
		const char *at = s.p[i] ? strchr(base58, s.p[i]) : NULL;
		unsigned carry;

		if (!at)
			return false;
		carry = (unsigned)(at - base58);
		for (size_t k = 0; k < n || carry; k++) {
			carry += (unsigned)bytes[k] * 58;
			bytes[k] = (unsigned char)(carry & 255);
			carry >>= 8;
			if (k >= n)
				n = k + 1;
		}
	}
	p = arena_alloc(a, zeros + n + 1);
	for (size_t k = 0; k < n; k++)
		p[zeros + k] = (char)bytes[n - 1 - k];
	*out = span_from(p, zeros + n);
	return true;
}

struct span
percent_encode(struct arena *a, struct span s)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = arena_alloc(a, s.n * 3 + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
			c == '~') {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '%';
		out[n++] = digits[c >> 4];
		out[n++] = digits[c & 15];
	}
	return span_from(out, n);
}

bool
percent_decode(struct arena *a, struct span s, bool plus, struct span *out)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%') {
			int hi = s.n - i > 2 ? hex_value(s.p[i + 1]) : -1;
			int lo = s.n - i > 2 ? hex_value(s.p[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return false;
			p[n++] = (char)(hi << 4 | lo);
			i += 2;
		} else {
			p[n++] = (char)(s.p[i] == '+' && plus ? ' ' : s.p[i]);
		}
	}
	*out = span_from(p, n);
	return true;
}
