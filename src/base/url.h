/*
 * URL: parse, resolve and normalise http(s) URLs (RFC 3986, WHATWG where feeds need it).
 *
 * The checked string is the fetched string: url_parse normalises (A-label lower-case host, no
 * default port, no trailing dot) and refuses userinfo, control bytes, backslash, zone ids,
 * empty hosts and numeric spellings of IPv4 other than four decimal octets.
 */
#ifndef BASE_URL_H
#define BASE_URL_H

#include "base/err.h"

#define URL_MAX 2048

struct url {
	struct span scheme;    /* "http" or "https" */
	struct span host;      /* A-labels, lower case; IPv6 with brackets */
	struct span authority; /* host[:port], the port only if not the default */
	struct span origin;    /* scheme://authority */
	struct span path;      /* at least "/" */
	struct span query;     /* without '?', SPAN_NONE when absent */
	struct span fragment;  /* without '#', SPAN_NONE when absent */
	struct span target;    /* path[?query]: the request target */
	struct span text;      /* the whole URL with fragment */
	uint16_t port;
	bool https;
};

/* Absolute http or https URL, at most URL_MAX bytes. */
const struct err *url_parse(struct arena *a, struct span s, struct url *out) MUST_CHECK;
/* Reference against a base (RFC 3986 5.2); other schemes are an error. Spaces and non-ASCII
 * bytes of sloppy sources are percent-encoded. */
const struct err *url_resolve(
	struct arena *a, const struct url *base, struct span ref, struct url *out) MUST_CHECK;
/* Same origin: scheme, host and port (FEP-fe34). Unparsable input is never the same. */
bool url_same_origin(struct arena *a, struct span x, struct span y);
/* Host as A-labels, lower case, without trailing dot, or an address in its canonical spelling;
 * false when it is not a host. */
bool url_host_normalise(struct arena *a, struct span host, struct span *out) MUST_CHECK;
/* Key for comparing permalinks: no fragment, no tracking parameters, http = https, no trailing
 * slash. */
struct span url_key(struct arena *a, const struct url *u);

#endif
