#include "crypto/httpsig.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "crypto/digest.h"

#define SIG_HEADER_MAX 8192
#define SIG_COMPONENTS 24
#define CAVAGE_PAST_S (12 * 3600)
#define CAVAGE_FUTURE_S 3600
#define RFC9421_SKEW_S 300

/* ---- the message ---- */

/* Values of one header joined as RFC 9110 5.3 says; false when it is absent. */
static bool
sig_header(
	struct arena *a, const struct httpsig_request *r, struct span name, struct span *value)
{
	bool found = false;

	if (span_is_nocase(name, "host")) {
		*value = span_trim(r->host);
		return r->host.p != NULL;
	}
	for (size_t i = 0; i < r->n_headers; i++) {
		struct span v = span_trim(r->headers[i].value);

		if (!span_eq_nocase(r->headers[i].name, name))
			continue;
		*value = found ? arena_printf(a, "%.*s, %.*s", SPAN_FMT(*value), SPAN_FMT(v))
			       : v;
		found = true;
	}
	return found;
}

static size_t
sig_count(const struct httpsig_request *r, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_headers; i++)
		n += span_is_nocase(r->headers[i].name, name);
	return n;
}

static const struct err *
sig_bad(struct arena *a, const char *why)
{
	return err_new(a, ERR_AUTH, "the HTTP signature is not accepted: %s", why);
}

static bool
sig_has_body(const struct httpsig_request *r)
{
	return span_is(r->method, "POST") || span_is(r->method, "PUT");
}

/* Our clock against theirs, both in seconds. */
static const struct err *
sig_time(struct arena *a, int64_t at, int64_t now, int64_t past, int64_t future)
{
	if (at > now + future)
		return sig_bad(a, "it is dated in the future: check the sender's clock");
	if (at < now - past)
		return sig_bad(a, "it is too old: sign again and check the sender's clock");
	return NULL;
}

/* ---- draft-cavage ---- */

struct cavage {
	struct span key_id, algorithm, headers, signature, created, expires;
};

static bool
cavage_take(struct span *slot, struct span value)
{
	if (slot->p)
		return false; /* doubled: which one counts would be the reader's choice */
	*slot = value;
	return true;
}

/* name="value" or name=number, separated by commas; values hold no escapes in practice. */
static bool
cavage_param(struct span *rest, struct span *name, struct span *value)
{
	size_t eq = span_find_byte(*rest, '='), end;

	if (eq == SIZE_MAX)
		return false;
	*name = span_trim(span_slice(*rest, 0, eq));
	*rest = span_slice(*rest, eq + 1, rest->n);
	if (rest->n > 0 && rest->p[0] == '"') {
		*rest = span_slice(*rest, 1, rest->n);
		end = span_find_byte(*rest, '"');
		if (end == SIZE_MAX)
			return false;
		*value = span_slice(*rest, 0, end);
		*rest = span_trim(span_slice(*rest, end + 1, rest->n));
	} else {
		end = span_find_byte(*rest, ',');
		*value = span_trim(span_slice(*rest, 0, end));
		*rest = span_slice(*rest, end, rest->n);
	}
	if (rest->n == 0)
		return true;
	if (rest->p[0] != ',')
		return false;
	*rest = span_slice(*rest, 1, rest->n);
	return true;
}

static bool
cavage_params(struct span header, struct cavage *c)
{
	struct span rest = header, name, value;
	int n = 0;

	while (rest.n > 0) {
		bool ok = true;

		if (n++ > 16 || !cavage_param(&rest, &name, &value))
			return false;
		if (span_is_nocase(name, "keyId"))
			ok = cavage_take(&c->key_id, value);
		else if (span_is_nocase(name, "algorithm"))
			ok = cavage_take(&c->algorithm, value);
		else if (span_is_nocase(name, "headers"))
			ok = cavage_take(&c->headers, value);
		else if (span_is_nocase(name, "signature"))
			ok = cavage_take(&c->signature, value);
		else if (span_is_nocase(name, "created"))
			ok = cavage_take(&c->created, value);
		else if (span_is_nocase(name, "expires"))
			ok = cavage_take(&c->expires, value);
		if (!ok)
			return false;
	}
	return c->key_id.n > 0 && c->signature.n > 0;
}

/* One line of the signing string; false when the component is not there. */
static bool
cavage_line(struct arena *a, const struct httpsig_request *r, const struct cavage *c,
	struct span name, struct span target, struct buf *b)
{
	struct span value;

	if (span_is(name, "(request-target)")) {
		struct span m = r->method;

		buf_lit(b, "(request-target): ");
		for (size_t i = 0; i < m.n; i++)
			buf_byte(b,
				(char)(m.p[i] >= 'A' && m.p[i] <= 'Z' ? m.p[i] + 32 : m.p[i]));
		buf_byte(b, ' ');
		buf_add(b, target);
		return true;
	}
	if (span_is(name, "(created)"))
		value = c->created;
	else if (span_is(name, "(expires)"))
		value = c->expires;
	else if (!sig_header(a, r, name, &value))
		return false;
	if (!value.p)
		return false;
	for (size_t i = 0; i < name.n; i++)
		buf_byte(b, (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + 32
									: name.p[i]));
	buf_lit(b, ": ");
	buf_add(b, value);
	return true;
}

static bool
cavage_base(struct arena *a, const struct httpsig_request *r, const struct cavage *c,
	struct span target, struct span *out)
{
	struct span rest = c->headers, name;
	struct buf b;
	bool ok = true;
	int n = 0;

	buf_init(&b, 64 * 1024);
	while (ok && span_cut(&rest, ' ', &name)) {
		if (name.n == 0)
			continue;
		if (n++)
			buf_byte(&b, '\n');
		ok = n <= SIG_COMPONENTS && cavage_line(a, r, c, name, target, &b);
	}
	ok = ok && n > 0 && !b.toobig;
	*out = arena_dup(a, buf_span(&b));
	buf_fini(&b);
	return ok;
}

static bool
cavage_covers(const struct cavage *c, const char *what)
{
	struct span rest = c->headers, name;

	while (span_cut(&rest, ' ', &name))
		if (span_is_nocase(name, what))
			return true;
	return false;
}

static const struct err *
cavage_check_time(struct arena *a, const struct httpsig_request *r, const struct cavage *c,
	int64_t now_us, int64_t *signed_us)
{
	bool dated = cavage_covers(c, "date"), created = cavage_covers(c, "(created)");
	int64_t now = now_us / US_PER_S, at;
	const struct err *e = NULL;
	struct span date;

	if (!dated && !created)
		return sig_bad(a, "it must cover Date or (created)");
	if ((created || cavage_covers(c, "(expires)")) && !span_is(c->algorithm, "hs2019"))
		return sig_bad(a, "(created) and (expires) need algorithm=\"hs2019\"");
	if (dated) {
		if (!sig_header(a, r, SPAN("date"), &date) || !time_parse_http(date, &at))
			return sig_bad(a, "the Date header cannot be read");
		e = sig_time(a, at / US_PER_S, now, CAVAGE_PAST_S, CAVAGE_FUTURE_S);
		*signed_us = at;
	}
	if (!e && created) {
		if (!span_i64(c->created, 0, INT64_MAX / US_PER_S, &at))
			return sig_bad(a, "created is not a number of seconds");
		e = sig_time(a, at, now, CAVAGE_PAST_S, CAVAGE_FUTURE_S);
		*signed_us = at * US_PER_S;
	}
	if (!e && c->expires.p &&
		(!span_i64(c->expires, 0, INT64_MAX / US_PER_S, &at) || at < now))
		return sig_bad(a, "it has expired: sign again");
	return e;
}

static const struct err *
cavage_parse(struct arena *a, const struct httpsig_request *r, struct span header,
	int64_t now_us, struct httpsig *out)
{
	struct cavage c = {0};
	const struct err *e;
	struct span digest;
	size_t query = span_find_byte(r->target, '?');

	if (!cavage_params(header, &c))
		return sig_bad(
			a, "the Signature header is malformed or has a doubled parameter");
	if (!c.headers.p)
		c.headers = SPAN("date");
	if (c.algorithm.p && !span_is(c.algorithm, "rsa-sha256") &&
		!span_is(c.algorithm, "hs2019") && !span_is(c.algorithm, "ed25519"))
		return sig_bad(a, "the algorithm is not rsa-sha256, hs2019 or ed25519");
	if (!cavage_covers(&c, "(request-target)") || !cavage_covers(&c, "host"))
		return sig_bad(a, "it must cover (request-target) and host");
	if ((e = cavage_check_time(a, r, &c, now_us, &out->signed_us)))
		return e;
	if (sig_has_body(r)) {
		if (!cavage_covers(&c, "digest"))
			return sig_bad(a, "it must cover the Digest of the body");
		if (!sig_header(a, r, SPAN("digest"), &digest) ||
			!digest_header_matches(a, digest, r->body))
			return sig_bad(a, "the Digest header is not the SHA-256 or "
					  "SHA-512 of the body");
	}
	out->scheme = HTTPSIG_CAVAGE;
	out->key_id = c.key_id;
	out->wants_rsa = span_is(c.algorithm, "rsa-sha256");
	out->wants_ed25519 = span_is(c.algorithm, "ed25519");
	if (!base64_decode(a, c.signature, &out->signature))
		return sig_bad(a, "the signature is not base64");
	if (!cavage_base(a, r, &c, r->target, &out->base))
		return sig_bad(a, "it covers a header that the message does not have");
	if (query != SIZE_MAX && !cavage_base(a, r, &c, span_slice(r->target, 0, query),
					 &out->base_without_query))
		return sig_bad(a, "it covers a header that the message does not have");
	return NULL;
}

/* ---- RFC 9421: one member of the dictionary Signature-Input, parsed as RFC 8941 says ---- */

struct sfv {
	struct span label;
	struct span params; /* "(...)…" as written: the last line of the base */
	struct span component[SIG_COMPONENTS];
	size_t n;
	struct span key_id, alg;
	int64_t created, expires;
	bool has_created, has_expires;
};

static bool
sfv_key(struct span *s, struct span *out)
{
	size_t n = 0;

	while (n < s->n &&
		((s->p[n] >= 'a' && s->p[n] <= 'z') || (s->p[n] >= '0' && s->p[n] <= '9') ||
			s->p[n] == '_' || s->p[n] == '-' || s->p[n] == '*' || s->p[n] == '.'))
		n++;
	if (n == 0 || (s->p[0] >= '0' && s->p[0] <= '9') || s->p[0] == '-' || s->p[0] == '.')
		return false;
	*out = span_slice(*s, 0, n);
	*s = span_slice(*s, n, s->n);
	return true;
}

static bool
sfv_byte(struct span *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = span_slice(*s, 1, s->n);
	return true;
}

/* A string without escapes: component names and key ids need none. */
static bool
sfv_string(struct span *s, struct span *out)
{
	size_t n = 0;

	if (!sfv_byte(s, '"'))
		return false;
	while (n < s->n && s->p[n] != '"') {
		if (s->p[n] == '\\' || (unsigned char)s->p[n] < 0x20 ||
			(unsigned char)s->p[n] > 0x7e)
			return false;
		n++;
	}
	*out = span_slice(*s, 0, n);
	*s = span_slice(*s, n, s->n);
	return sfv_byte(s, '"');
}

static bool
sfv_integer(struct span *s, int64_t *out)
{
	size_t n = 0;

	while (n < s->n && n < 16 && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	if (!span_i64(span_slice(*s, 0, n), 0, INT64_C(999999999999999), out))
		return false;
	*s = span_slice(*s, n, s->n);
	return true;
}

static bool
sfv_components(struct span *s, struct sfv *v)
{
	if (!sfv_byte(s, '('))
		return false;
	while (s->n > 0 && s->p[0] != ')') {
		while (sfv_byte(s, ' '))
			;
		if (s->n > 0 && s->p[0] == ')')
			break;
		/* Parameters of a component (;req ;sf ;bs) are not supported: refused here. */
		if (v->n == SIG_COMPONENTS || !sfv_string(s, &v->component[v->n]))
			return false;
		for (size_t i = 0; i < v->n; i++)
			if (span_eq(v->component[i], v->component[v->n]))
				return false;
		v->n++;
		if (s->n > 0 && s->p[0] != ' ' && s->p[0] != ')')
			return false;
	}
	return sfv_byte(s, ')');
}

static bool
sfv_params(struct span *s, struct sfv *v)
{
	while (sfv_byte(s, ';')) {
		struct span key, text;
		bool ok = true;

		while (sfv_byte(s, ' '))
			;
		if (!sfv_key(s, &key) || !sfv_byte(s, '='))
			return false;
		if (span_is(key, "created")) {
			ok = !v->has_created && sfv_integer(s, &v->created);
			v->has_created = true;
		} else if (span_is(key, "expires")) {
			ok = !v->has_expires && sfv_integer(s, &v->expires);
			v->has_expires = true;
		} else if (span_is(key, "keyid")) {
			ok = !v->key_id.p && sfv_string(s, &v->key_id);
		} else if (span_is(key, "alg")) {
			ok = !v->alg.p && sfv_string(s, &v->alg);
		} else {
			ok = sfv_string(s, &text); /* nonce, tag */
		}
		if (!ok)
			return false;
	}
	return true;
}

/* Exactly one signature: which of two counts would be the reader's choice. */
static bool
sfv_parse(struct span header, struct sfv *v)
{
	struct span s = span_trim(header), from;

	if (!sfv_key(&s, &v->label) || !sfv_byte(&s, '='))
		return false;
	from = s;
	if (!sfv_components(&s, v) || !sfv_params(&s, v) || s.n > 0)
		return false;
	v->params = from;
	return v->n > 0 && v->key_id.n > 0;
}

static bool
sfv_covers(const struct sfv *v, const char *what)
{
	for (size_t i = 0; i < v->n; i++)
		if (span_is(v->component[i], what))
			return true;
	return false;
}

/* The whole target in one component, or in several together. */
static bool
sfv_covers_target(const struct sfv *v, const struct httpsig_request *r)
{
	const bool query = span_find_byte(r->target, '?') != SIZE_MAX;

	if (sfv_covers(v, "@target-uri"))
		return true;
	return sfv_covers(v, "@authority") &&
	       (sfv_covers(v, "@request-target") ||
		       (sfv_covers(v, "@path") && (!query || sfv_covers(v, "@query"))));
}

/* RFC 9421 2.2.3: in lower case and without the port that the scheme implies. */
static struct span
rfc9421_authority(struct arena *a, const struct httpsig_request *r)
{
	const struct span port = span_is(r->scheme, "https") ? SPAN(":443") : SPAN(":80");
	struct span host = arena_dup(a, span_trim(r->host));
	char *p = (char *)(uintptr_t)host.p; /* our own copy */

	if (span_ends(host, port))
		host = span_slice(host, 0, host.n - port.n);
	for (size_t i = 0; i < host.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + ('a' - 'A'));
	return host;
}

static bool
rfc9421_value(
	struct arena *a, const struct httpsig_request *r, struct span c, struct span *value)
{
	size_t query = span_find_byte(r->target, '?');

	if (span_is(c, "@method"))
		*value = r->method;
	else if (span_is(c, "@target-uri"))
		*value = arena_printf(a, "%.*s://%.*s%.*s", SPAN_FMT(r->scheme),
			SPAN_FMT(rfc9421_authority(a, r)), SPAN_FMT(r->target));
	else if (span_is(c, "@authority"))
		*value = rfc9421_authority(a, r);
	else if (span_is(c, "@scheme"))
		*value = r->scheme;
	else if (span_is(c, "@request-target"))
		*value = r->target;
	else if (span_is(c, "@path"))
		*value = span_slice(r->target, 0, query);
	else if (span_is(c, "@query"))
		*value = query == SIZE_MAX ? SPAN("?")
					   : span_slice(r->target, query, r->target.n);
	else if (c.n > 0 && c.p[0] == '@')
		return false;
	else
		return sig_header(a, r, c, value);
	return true;
}

static bool
rfc9421_base(struct arena *a, const struct httpsig_request *r, const struct span *component,
	size_t n, struct span params, struct span *out)
{
	struct span value;
	struct buf b;
	bool ok = true;

	buf_init(&b, 64 * 1024);
	for (size_t i = 0; ok && i < n; i++) {
		ok = rfc9421_value(a, r, component[i], &value);
		if (ok)
			buf_printf(&b, "\"%.*s\": %.*s\n", SPAN_FMT(component[i]),
				SPAN_FMT(value));
	}
	buf_printf(&b, "\"@signature-params\": %.*s", SPAN_FMT(params));
	ok = ok && !b.toobig;
	*out = arena_dup(a, buf_span(&b));
	buf_fini(&b);
	return ok;
}

static const struct err *
rfc9421_check_time(struct arena *a, const struct sfv *v, int64_t now_us)
{
	int64_t now = now_us / US_PER_S;

	if (!v->has_created)
		return sig_bad(a, "it has no time of creation");
	if (v->has_expires && v->expires < now)
		return sig_bad(a, "it has expired: sign again");
	return sig_time(a, v->created, now, RFC9421_SKEW_S, RFC9421_SKEW_S);
}

/* The member of the dictionary Signature that belongs to the label: sig1=:base64: */
static bool
rfc9421_signature(struct arena *a, struct span header, struct span label, struct span *out)
{
	struct span s = span_trim(header), key;

	if (!sfv_key(&s, &key) || !span_eq(key, label) || !sfv_byte(&s, '='))
		return false;
	if (s.n < 2 || s.p[0] != ':' || s.p[s.n - 1] != ':')
		return false;
	return base64_decode(a, span_slice(s, 1, s.n - 1), out);
}

static const struct err *
rfc9421_parse(struct arena *a, const struct httpsig_request *r, struct span input,
	struct span header, int64_t now_us, struct httpsig *out)
{
	struct sfv v = {0};
	const struct err *e;
	struct span digest;

	if (!sfv_parse(input, &v))
		return sig_bad(a, "Signature-Input must hold exactly one signature with keyid, "
				  "without parameters of components");
	if (!sfv_covers(&v, "@method") || !sfv_covers_target(&v, r))
		return sig_bad(a, "it must cover @method and @target-uri");
	if (v.alg.p && !span_is(v.alg, "rsa-v1_5-sha256") && !span_is(v.alg, "ed25519"))
		return sig_bad(a, "the algorithm is not rsa-v1_5-sha256 or ed25519");
	if ((e = rfc9421_check_time(a, &v, now_us)))
		return e;
	if (sig_has_body(r)) {
		if (!sfv_covers(&v, "content-digest"))
			return sig_bad(a, "it must cover the Content-Digest of the body");
		if (!sig_header(a, r, SPAN("content-digest"), &digest) ||
			!content_digest_header_matches(a, digest, r->body))
			return sig_bad(a, "Content-Digest is not the sha-256 or sha-512 "
					  "of the body");
	}
	out->scheme = HTTPSIG_RFC9421;
	out->key_id = v.key_id;
	out->signed_us = v.created * US_PER_S;
	out->wants_rsa = span_is(v.alg, "rsa-v1_5-sha256");
	out->wants_ed25519 = span_is(v.alg, "ed25519");
	if (!rfc9421_signature(a, header, v.label, &out->signature))
		return sig_bad(a, "the Signature header does not hold the signature that "
				  "Signature-Input names");
	if (!rfc9421_base(a, r, v.component, v.n, v.params, &out->base))
		return sig_bad(a, "it covers a component that the message does not have");
	return NULL;
}

const struct err *
httpsig_parse(
	struct arena *a, const struct httpsig_request *r, int64_t now_us, struct httpsig *out)
{
	struct span input, header;

	*out = (struct httpsig){0};
	if (!sig_header(a, r, SPAN("signature"), &header))
		return err_new(a, ERR_AUTH, "the request must carry an HTTP signature");
	if (sig_count(r, "signature") > 1 || sig_count(r, "signature-input") > 1)
		return sig_bad(a, "its headers are doubled");
	if (header.n > SIG_HEADER_MAX)
		return sig_bad(a, "its header is longer than 8 KiB");
	if (!sig_header(a, r, SPAN("signature-input"), &input))
		return cavage_parse(a, r, header, now_us, out);
	if (input.n > SIG_HEADER_MAX)
		return sig_bad(a, "its header is longer than 8 KiB");
	return rfc9421_parse(a, r, input, header, now_us, out);
}

bool
httpsig_verify(const struct httpsig *s, const struct pkey *key)
{
	enum pkey_type type = pkey_type(key);

	if ((s->wants_rsa && type != PKEY_RSA) || (s->wants_ed25519 && type != PKEY_ED25519))
		return false;
	if (pkey_verify(key, s->base, s->signature))
		return true;
	return s->base_without_query.p && pkey_verify(key, s->base_without_query, s->signature);
}

/* ---- signing ---- */

static void
out_header(struct httpsig_out *out, struct span name, struct span value)
{
	assert(out->n_headers < HTTPSIG_HEADERS);
	out->headers[out->n_headers++] = (struct httpsig_header){.name = name, .value = value};
}

/* A request with the headers that are about to be added. */
static struct httpsig_request
sig_with(struct arena *a, const struct httpsig_request *r, const struct httpsig_out *out)
{
	struct httpsig_request all = *r;
	struct httpsig_header *h =
		ARENA_ARRAY(a, r->n_headers + out->n_headers, struct httpsig_header);

	for (size_t i = 0; i < r->n_headers; i++)
		h[i] = r->headers[i];
	for (size_t i = 0; i < out->n_headers; i++)
		h[r->n_headers + i] = out->headers[i];
	all.headers = h;
	all.n_headers = r->n_headers + out->n_headers;
	return all;
}

static void
cavage_prepare(struct arena *a, const struct httpsig_request *r, struct span key_id,
	int64_t now_us, struct httpsig_out *out)
{
	struct cavage c = {.headers = SPAN("(request-target) host date")};
	struct httpsig_request all;
	bool ok;

	out_header(out, SPAN("Date"), time_http(a, now_us));
	if (sig_has_body(r)) {
		out_header(out, SPAN("Digest"), digest_header(a, r->body));
		c.headers = SPAN("(request-target) host date digest content-type");
	}
	all = sig_with(a, r, out);
	ok = cavage_base(a, &all, &c, r->target, &out->text);
	assert(ok);
	(void)ok;
	out->params =
		arena_printf(a, "keyId=\"%.*s\",algorithm=\"rsa-sha256\",headers=\"%.*s\"",
			SPAN_FMT(key_id), SPAN_FMT(c.headers));
}

static void
rfc9421_prepare(struct arena *a, const struct httpsig_request *r, struct span key_id,
	int64_t now_us, struct httpsig_out *out)
{
	const struct span component[] = {SPAN("@method"), SPAN("@target-uri"),
		SPAN("@authority"), SPAN("content-digest")};
	size_t n = sig_has_body(r) ? 4 : 3;
	struct httpsig_request all;
	bool ok;

	out_header(out, SPAN("Date"), time_http(a, now_us));
	if (sig_has_body(r))
		out_header(out, SPAN("Content-Digest"), content_digest_header(a, r->body));
	out->params = arena_printf(a,
		"(\"@method\" \"@target-uri\" \"@authority\"%s);created=%" PRId64
		";keyid=\"%.*s\";alg=\"rsa-v1_5-sha256\"",
		n == 4 ? " \"content-digest\"" : "", now_us / US_PER_S, SPAN_FMT(key_id));
	all = sig_with(a, r, out);
	ok = rfc9421_base(a, &all, component, n, out->params, &out->text);
	assert(ok);
	(void)ok;
}

void
httpsig_prepare(struct arena *a, const struct httpsig_request *r, enum httpsig_scheme scheme,
	struct span key_id, int64_t now_us, struct httpsig_out *out)
{
	*out = (struct httpsig_out){.scheme = scheme};
	if (scheme == HTTPSIG_CAVAGE)
		cavage_prepare(a, r, key_id, now_us, out);
	else
		rfc9421_prepare(a, r, key_id, now_us, out);
}

void
httpsig_finish(struct arena *a, struct httpsig_out *out, struct span signature)
{
	struct span b64 = base64_encode(a, signature);

	if (out->scheme == HTTPSIG_CAVAGE) {
		out_header(out, SPAN("Signature"),
			arena_printf(a, "%.*s,signature=\"%.*s\"", SPAN_FMT(out->params),
				SPAN_FMT(b64)));
		return;
	}
	out_header(out, SPAN("Signature-Input"),
		arena_printf(a, "sig1=%.*s", SPAN_FMT(out->params)));
	out_header(out, SPAN("Signature"), arena_printf(a, "sig1=:%.*s:", SPAN_FMT(b64)));
}
