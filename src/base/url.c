#include "base/url.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"

static bool
url_ascii_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static struct span
url_lower(struct arena *a, struct span s)
{
	char *p = arena_alloc(a, s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		p[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + ('a' - 'A') : s.p[i]);
	return span_from(p, s.n);
}

/* Four decimal octets without leading zeros: the only spelling of IPv4 that is let through. */
static bool
url_is_ipv4(struct span host)
{
	struct span rest = host, part;
	uint64_t v;
	int n = 0;

	while (span_cut(&rest, '.', &part)) {
		if (!span_u64(part, 255, &v) || (part.n > 1 && part.p[0] == '0'))
			return false;
		n++;
	}
	return n == 4;
}

/* The last label decides: all digits, or 0x…, makes old parsers read the host as a number. */
static bool
url_numeric_tail(struct span host)
{
	size_t dot = span_rfind_byte(host, '.');
	struct span last = dot == SIZE_MAX ? host : span_slice(host, dot + 1, host.n);
	bool digits = last.n > 0;

	if (span_starts_nocase(last, SPAN("0x")))
		return true;
	for (size_t i = 0; i < last.n; i++)
		digits = digits && last.p[i] >= '0' && last.p[i] <= '9';
	return digits;
}

/* "[address]" in the one spelling of RFC 5952, so that equal addresses are equal texts. */
static bool
url_ipv6(struct arena *a, struct span s, struct span *out)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (s.n < 4 || s.p[s.n - 1] != ']' || s.n - 2 >= sizeof(text))
		return false;
	memcpy(text, s.p + 1, s.n - 2);
	text[s.n - 2] = '\0';
	if (strlen(text) != s.n - 2 || inet_pton(AF_INET6, text, &addr) != 1 ||
		!inet_ntop(AF_INET6, &addr, text, sizeof(text)))
		return false;
	*out = arena_printf(a, "[%s]", text);
	return true;
}

static bool
url_labels_valid(struct span host)
{
	struct span rest = host, label;

	if (host.n == 0 || host.n > 253)
		return false;
	while (span_cut(&rest, '.', &label)) {
		if (label.n == 0 || label.n > 63 || label.p[0] == '-' ||
			label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!url_ascii_alnum(label.p[i]) && label.p[i] != '-' &&
				label.p[i] != '_')
				return false;
	}
	return true;
}

bool
url_host_normalise(struct arena *a, struct span host, struct span *out)
{
	bool ascii = true;
	char *alabel = NULL;

	if (host.n == 0 || host.n > 1000)
		return false;
	if (host.p[0] == '[')
		return url_ipv6(a, host, out);
	for (size_t i = 0; i < host.n; i++) {
		if ((unsigned char)host.p[i] <= ' ' || host.p[i] == 0x7f)
			return false;
		ascii = ascii && (unsigned char)host.p[i] < 0x80;
	}
	if (!ascii) {
		/* Full-width forms and the like are mapped by UTS 46 before they are compared.
		 */
		if (idn2_to_ascii_8z(arena_cstr(a, host), &alabel,
			    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
			return false;
		host = arena_dup(a, span_of(alabel));
		free(alabel);
	}
	if (host.n > 0 && host.p[host.n - 1] == '.')
		host.n--;
	*out = url_lower(a, host);
	if (url_numeric_tail(*out))
		return url_is_ipv4(*out);
	return url_labels_valid(*out);
}

/* Bytes that may never stand in a URL that is fetched or compared. */
static bool
url_bytes_valid(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c >= 0x7f || c == '\\' || c == '"' || c == '<' || c == '>' ||
			c == '`' || c == '{' || c == '}' || c == '|' || c == '^')
			return false;
	}
	return true;
}

static const struct err *
url_bad(struct arena *a, struct span s, const char *why)
{
	return err_new(a, ERR_INPUT, "\"%.*s\" is not a usable URL: %s",
		(int)(s.n > 100 ? 100 : s.n), s.p ? s.p : "", why);
}

/* authority = host[:port], in place; the rest of *out is made by the caller. */
static const struct err *
url_authority(struct arena *a, struct span whole, struct span s, struct url *out)
{
	size_t colon = s.n && s.p[0] == '[' ? span_find_byte(s, ']') : 0;
	struct span host = s, port = SPAN_NONE;
	uint64_t v = out->https ? 443 : 80;

	if (span_find_byte(s, '@') != SIZE_MAX)
		return url_bad(a, whole, "it carries a user name");
	if (colon == SIZE_MAX)
		return url_bad(a, whole, "its host is not valid");
	colon = span_find_byte(span_slice(s, colon, s.n), ':');
	if (s.n && s.p[0] == '[')
		colon = colon == SIZE_MAX ? colon : colon + span_find_byte(s, ']');
	if (colon != SIZE_MAX) {
		host = span_slice(s, 0, colon);
		port = span_slice(s, colon + 1, s.n);
	}
	if (port.p && port.n > 0 && (!span_u64(port, 65535, &v) || v == 0))
		return url_bad(a, whole, "its port is not valid");
	if (!url_host_normalise(a, host, &out->host))
		return url_bad(a, whole, "its host is not valid");
	out->port = (uint16_t)v;
	out->authority = v == (out->https ? 443u : 80u)
				 ? out->host
				 : arena_printf(a, "%.*s:%u", SPAN_FMT(out->host), (unsigned)v);
	return NULL;
}

/* path, query and fragment of what stands behind the authority; makes the whole text. */
static void
url_compose(struct arena *a, struct span rest, struct url *out)
{
	size_t at = span_find_byte(rest, '#');

	out->fragment = SPAN_NONE;
	if (at != SIZE_MAX) {
		out->fragment = span_slice(rest, at + 1, rest.n);
		rest = span_slice(rest, 0, at);
	}
	at = span_find_byte(rest, '?');
	out->query = SPAN_NONE;
	out->path = rest;
	if (at != SIZE_MAX) {
		out->query = span_slice(rest, at + 1, rest.n);
		out->path = span_slice(rest, 0, at);
	}
	if (out->path.n == 0)
		out->path = SPAN("/");
	out->origin =
		arena_printf(a, "%.*s://%.*s", SPAN_FMT(out->scheme), SPAN_FMT(out->authority));
	out->text = arena_printf(a, "%.*s%.*s%s%.*s%s%.*s", SPAN_FMT(out->origin),
		SPAN_FMT(out->path), out->query.p ? "?" : "", SPAN_FMT(out->query),
		out->fragment.p ? "#" : "", SPAN_FMT(out->fragment));
	out->path = span_slice(out->text, out->origin.n, out->origin.n + out->path.n);
	at = out->origin.n + out->path.n;
	if (out->query.p) {
		out->query = span_slice(out->text, at + 1, at + 1 + out->query.n);
		at += 1 + out->query.n;
	}
	if (out->fragment.p)
		out->fragment = span_slice(out->text, at + 1, out->text.n);
	out->target = span_slice(out->text, out->origin.n,
		out->text.n - (out->fragment.p ? out->fragment.n + 1 : 0));
}

const struct err *
url_parse(struct arena *a, struct span s, struct url *out)
{
	const struct err *e;
	size_t end = 0;
	struct span rest;

	*out = (struct url){0};
	if (s.n > URL_MAX)
		return url_bad(a, s, "it is longer than 2048 bytes");
	if (span_starts_nocase(s, SPAN("https://"))) {
		out->https = true;
		out->scheme = SPAN("https");
		rest = span_slice(s, 8, s.n);
	} else if (span_starts_nocase(s, SPAN("http://"))) {
		out->scheme = SPAN("http");
		rest = span_slice(s, 7, s.n);
	} else {
		return url_bad(a, s, "it must begin with https:// or http://");
	}
	while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?' && rest.p[end] != '#')
		end++;
	if (!url_bytes_valid(span_slice(rest, end, rest.n)))
		return url_bad(a, s, "it holds a character that must be percent-encoded");
	if ((e = url_authority(a, s, span_slice(rest, 0, end), out)))
		return e;
	url_compose(a, span_slice(rest, end, rest.n), out);
	return NULL;
}

/* RFC 3986 5.2.4; an escaped dot counts as a dot, as browsers read it. */
static struct span
url_remove_dots(struct arena *a, struct span path)
{
	char *out = arena_alloc(a, path.n + 2);
	size_t n = 0;
	struct span rest = span_starts(path, SPAN("/")) ? span_slice(path, 1, path.n) : path,
		    seg;

	while (span_cut(&rest, '/', &seg)) {
		bool last = !rest.p;

		if (span_is(seg, "..") || span_is_nocase(seg, "%2e%2e") ||
			span_is_nocase(seg, ".%2e") || span_is_nocase(seg, "%2e.")) {
			while (n > 0 && out[--n] != '/')
				;
			if (last)
				out[n++] = '/';
			continue;
		}
		out[n++] = '/';
		if (span_is(seg, ".") || span_is_nocase(seg, "%2e")) {
			if (!last)
				n--;
			continue;
		}
		if (seg.n)
			memcpy(out + n, seg.p, seg.n);
		n += seg.n;
	}
	return span_from(out, n);
}

/* What sloppy sources leave bare is encoded; what is encoded stays as it is. */
static struct span
url_encode_sloppy(struct arena *a, struct span s)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = arena_alloc(a, s.n * 3 + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (url_bytes_valid(span_from(&s.p[i], 1))) {
			out[n++] = (char)c;
		} else if (c > 0x1f) {
			out[n++] = '%';
			out[n++] = digits[c >> 4];
			out[n++] = digits[c & 15];
		}
	}
	return span_from(out, n);
}

/* True when ref begins with a scheme; *end is where its colon stands. */
static bool
url_scheme(struct span ref, size_t *end)
{
	for (size_t i = 0; i < ref.n; i++) {
		if (ref.p[i] == ':') {
			*end = i;
			return i > 0;
		}
		if (!url_ascii_alnum(ref.p[i]) && ref.p[i] != '+' && ref.p[i] != '-' &&
			ref.p[i] != '.')
			return false;
	}
	return false;
}

static struct span
url_split_host(struct span ref, struct span *rest)
{
	size_t end = span_find(ref, SPAN("://"));
	size_t from = end == SIZE_MAX ? 0 : end + 3, i = from;

	while (i < ref.n && ref.p[i] != '/' && ref.p[i] != '?' && ref.p[i] != '#')
		i++;
	*rest = span_slice(ref, i, ref.n);
	return span_slice(ref, 0, i);
}

/* Without line breaks and tabs, as browsers read it: they must not hide a scheme from us. */
static struct span
url_unbroken(struct arena *a, struct span s)
{
	char *out = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\t' && s.p[i] != '\n' && s.p[i] != '\r')
			out[n++] = s.p[i];
	return span_trim(span_from(out, n));
}

/* The reference as an absolute URL, not yet looked at; *why says what forbids it. */
static struct span
url_join(struct arena *a, const struct url *base, struct span ref, const char **why)
{
	struct span path, tail, head, rest;
	size_t cut = 0;

	ref = url_unbroken(a, ref);
	if (url_scheme(ref, &cut)) {
		struct span scheme = span_slice(ref, 0, cut);

		if (!span_is_nocase(scheme, "https") && !span_is_nocase(scheme, "http"))
			*why = "only https and http links are followed";
		head = url_split_host(ref, &rest);
		return arena_printf(
			a, "%.*s%.*s", SPAN_FMT(head), SPAN_FMT(url_encode_sloppy(a, rest)));
	}
	if (span_starts(ref, SPAN("//"))) {
		head = url_split_host(
			arena_printf(a, "%.*s:%.*s", SPAN_FMT(base->scheme), SPAN_FMT(ref)),
			&rest);
		return arena_printf(
			a, "%.*s%.*s", SPAN_FMT(head), SPAN_FMT(url_encode_sloppy(a, rest)));
	}
	ref = url_encode_sloppy(a, ref);
	for (cut = 0; cut < ref.n && ref.p[cut] != '?' && ref.p[cut] != '#'; cut++)
		;
	path = span_slice(ref, 0, cut);
	tail = span_slice(ref, cut, ref.n);
	if (path.n == 0) {
		path = base->path;
		if (!span_starts(tail, SPAN("?")) && base->query.p)
			tail = arena_printf(
				a, "?%.*s%.*s", SPAN_FMT(base->query), SPAN_FMT(tail));
	} else if (path.p[0] != '/') {
		size_t slash = span_rfind_byte(base->path, '/');

		path = arena_printf(a, "%.*s%.*s", (int)(slash == SIZE_MAX ? 0 : slash + 1),
			base->path.p, SPAN_FMT(path));
	}
	return arena_printf(a, "%.*s%.*s%.*s", SPAN_FMT(base->origin),
		SPAN_FMT(url_remove_dots(a, path)), SPAN_FMT(tail));
}

const struct err *
url_resolve(struct arena *a, const struct url *base, struct span ref, struct url *out)
{
	struct arena *scratch;
	const char *why = NULL;
	const struct err *e;
	struct span whole;

	if (ref.n > 2 * URL_MAX)
		return url_bad(a, ref, "it is longer than 2048 bytes");
	/* A page of strangers has links by the ten thousand: only the result stays. */
	scratch = arena_new();
	whole = url_join(scratch, base, ref, &why);
	e = why ? url_bad(a, ref, why) : url_parse(a, whole, out);
	arena_free(scratch);
	return e;
}

bool
url_same_origin(struct arena *a, struct span x, struct span y)
{
	struct url ux, uy;

	return !url_parse(a, x, &ux) && !url_parse(a, y, &uy) && span_eq(ux.origin, uy.origin);
}

/* Parameters that follow readers around and say nothing about the page. */
static bool
url_tracking(struct span key)
{
	static const char *const names[] = {"fbclid", "gclid", "mc_cid", "mc_eid", "igshid"};

	if (span_starts(key, SPAN("utm_")))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_is(key, names[i]))
			return true;
	return false;
}

struct span
url_key(struct arena *a, const struct url *u)
{
	struct span path = u->path, rest = u->query, pair;
	char *query = arena_alloc(a, u->query.n + 2);
	size_t n = 0;

	while (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	while (span_cut(&rest, '&', &pair)) {
		size_t eq = span_find_byte(pair, '=');

		if (url_tracking(eq == SIZE_MAX ? pair : span_slice(pair, 0, eq)))
			continue;
		query[n] = n ? '&' : '?';
		n++;
		if (pair.n)
			memcpy(query + n, pair.p, pair.n);
		n += pair.n;
	}
	return arena_printf(
		a, "%.*s%.*s%.*s", SPAN_FMT(u->authority), SPAN_FMT(path), (int)n, query);
}
