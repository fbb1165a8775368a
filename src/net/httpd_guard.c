#include "net/httpd_req.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <string.h>
#include <sys/queue.h>

#include "base/codec.h"
#include "base/text.h"

#define HEADERS_MAX 64
#define TARGET_MAX 4096

static bool
token_valid(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", (int)c))
			return false;
	}
	return true;
}

static bool
value_valid(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
			return false;
	return true;
}

static const struct err *
guard_headers(struct httpd_req *r, struct evhttp_request *ev, struct span *host)
{
	struct evkeyvalq *in = evhttp_request_get_input_headers(ev);
	unsigned lengths = 0, codings = 0, hosts = 0;
	struct evkeyval *kv;
	uint64_t v;

	r->headers = ARENA_ARRAY(r->arena, HEADERS_MAX, struct http_header);
	TAILQ_FOREACH(kv, in, next)
	{
		struct span name = span_of(kv->key), value = span_of(kv->value);

		if (r->n_headers == HEADERS_MAX)
			return err_new(
				r->arena, ERR_INPUT, "a request has at most 64 header lines");
		if (!token_valid(kv->key) || !value_valid(kv->value))
			return err_new(r->arena, ERR_INPUT, "a header line is malformed");
		r->headers[r->n_headers++] = (struct http_header){.name = name, .value = value};
		if (span_is_nocase(name, "content-length")) {
			lengths++;
			if (!span_u64(value, INT64_MAX, &v))
				return err_new(
					r->arena, ERR_INPUT, "Content-Length is not a number");
		} else if (span_is_nocase(name, "transfer-encoding")) {
			codings++;
			if (!span_is_nocase(value, "chunked") || ev->minor == 0)
				return err_new(r->arena, ERR_INPUT,
					"Transfer-Encoding must be chunked, in HTTP/1.1");
		} else if (span_is_nocase(name, "host")) {
			hosts++;
			*host = value;
		}
	}
	if (lengths > 1 || codings > 1 || (lengths && codings))
		return err_new(r->arena, ERR_INPUT, "the length of the body is ambiguous");
	if (hosts != 1)
		return err_new(r->arena, ERR_INPUT, "a request has exactly one Host header");
	return NULL;
}

/* The authority as our configuration writes it: lower case, no default port. */
static bool
guard_site(struct httpd_req *r, struct span host)
{
	const struct conf *c = r->httpd->opts.conf;
	const struct url *sites[] = {&c->base_url, &c->media_base_url};

	if (r->httpd->opts.any_host)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(sites); i++) {
		struct span tail = SPAN_NONE;

		if (span_starts_nocase(host, sites[i]->authority))
			tail = span_slice(host, sites[i]->authority.n, host.n);
		if (!tail.p || (tail.n > 0 && !span_is(tail, sites[i]->https ? ":443" : ":80")))
			continue;
		if (tail.n > 0 && span_find_byte(sites[i]->authority, ':') != SIZE_MAX &&
			sites[i]->authority.p[0] != '[')
			continue;
		r->site = (enum httpd_site)i;
		return true;
	}
	return false;
}

/* UTF-8 without control characters: a path ends up in logs, in headers and on pages. */
static bool
path_text_valid(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return utf8_valid(s);
}

static const struct err *
guard_path(struct httpd_req *r, const char *uri, struct span host)
{
	struct span raw = span_of(uri), rest, seg;
	size_t query;

	/* absolute-form: our own host may be spelled out before the path. */
	if (raw.n > 0 && raw.p[0] != '/') {
		struct span head = arena_printf(r->arena, "%s://%.*s",
			r->httpd->opts.conf->base_url.https ? "https" : "http", SPAN_FMT(host));

		if (!span_starts_nocase(raw, head) || raw.n == head.n || raw.p[head.n] != '/')
			return err_new(
				r->arena, ERR_INPUT, "the request target must be a path");
		raw = span_slice(raw, head.n, raw.n);
	}
	if (raw.n == 0 || raw.n > TARGET_MAX)
		return err_new(r->arena, ERR_INPUT, "the request target has 1 to 4096 bytes");
	for (size_t i = 0; i < raw.n; i++)
		if ((unsigned char)raw.p[i] <= ' ' || (unsigned char)raw.p[i] >= 0x7f ||
			raw.p[i] == '#' || raw.p[i] == '\\')
			return err_new(r->arena, ERR_INPUT,
				"the request target holds a character that must be encoded");
	r->target = raw;
	query = span_find_byte(raw, '?');
	r->query = query == SIZE_MAX ? SPAN_NONE : span_slice(raw, query + 1, raw.n);
	raw = span_slice(raw, 0, query);
	if (span_find_nocase(raw, SPAN("%2f")) != SIZE_MAX ||
		span_find_nocase(raw, SPAN("%5c")) != SIZE_MAX || span_has(raw, SPAN("%00")) ||
		!percent_decode(r->arena, raw, false, &r->path) || !path_text_valid(r->path))
		return err_new(r->arena, ERR_INPUT, "the path is not properly encoded");
	rest = span_slice(r->path, 1, r->path.n);
	while (span_cut(&rest, '/', &seg))
		if (span_is(seg, "..") || span_is(seg, ".") || (seg.n == 0 && rest.p))
			return err_new(
				r->arena, ERR_INPUT, "the path holds empty or dot segments");
	return NULL;
}

static bool
guard_method(struct evhttp_request *ev, enum httpd_method *m)
{
	switch (evhttp_request_get_command(ev)) {
	case EVHTTP_REQ_GET:
		*m = HTTPD_GET;
		return true;
	case EVHTTP_REQ_HEAD:
		*m = HTTPD_HEAD;
		return true;
	case EVHTTP_REQ_POST:
		*m = HTTPD_POST;
		return true;
	case EVHTTP_REQ_PUT:
		*m = HTTPD_PUT;
		return true;
	case EVHTTP_REQ_PATCH:
		*m = HTTPD_PATCH;
		return true;
	case EVHTTP_REQ_DELETE:
		*m = HTTPD_DELETE;
		return true;
	case EVHTTP_REQ_OPTIONS:
		*m = HTTPD_OPTIONS;
		return true;
	default:
		return false;
	}
}

/* The lines of X-Forwarded-For as one list: a proxy may add its own line behind others. */
static struct span
forwarded_for(struct httpd_req *r)
{
	struct span list = SPAN_NONE;

	for (size_t i = 0; i < r->n_headers; i++) {
		struct span value = r->headers[i].value;

		if (!span_is_nocase(r->headers[i].name, "x-forwarded-for"))
			continue;
		list = list.p ? arena_printf(
					r->arena, "%.*s,%.*s", SPAN_FMT(list), SPAN_FMT(value))
			      : value;
	}
	return list;
}

/* The address behind trusted proxies: the last entry that is not one of them. */
static void
guard_client(struct httpd_req *r, struct evhttp_request *ev)
{
	const struct conf *c = r->httpd->opts.conf;
	struct span list = forwarded_for(r);
	struct conf_net_range addr;
	char *peer = NULL;
	ev_uint16_t port;

	evhttp_connection_get_peer(evhttp_request_get_connection(ev), &peer, &port);
	r->client = arena_dup(r->arena, span_of(peer ? peer : "unknown"));
	while (list.p && conf_range_parse(r->client, &addr) &&
		conf_range_has(c->trusted_proxies, c->n_trusted_proxies, addr.addr)) {
		size_t comma = span_rfind_byte(list, ',');
		struct span last = span_trim(
			comma == SIZE_MAX ? list : span_slice(list, comma + 1, list.n));

		if (span_find_byte(last, '/') != SIZE_MAX || !conf_range_parse(last, &addr))
			return;
		r->client = last;
		list = comma == SIZE_MAX ? SPAN_NONE : span_slice(list, 0, comma);
	}
}

const struct err *
httpd_guard(struct httpd_req *r, struct evhttp_request *ev)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(ev);
	size_t n = evbuffer_get_length(in), max;
	const bool odd = ev->major != 1 || (ev->minor != 0 && ev->minor != 1);
	const bool known = guard_method(ev, &r->method); /* first: HEAD has no body, ever */
	struct span host = SPAN_NONE;
	const struct err *e;

	/* evhttp would answer in the version it was asked, and an absolute target as a proxy.
	 */
	if (odd)
		ev->major = ev->minor = 1;
	ev->flags &= ~EVHTTP_PROXY_REQUEST;
	if ((e = guard_headers(r, ev, &host)))
		return e;
	if (odd)
		return err_new(
			r->arena, ERR_VERSION, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	if (!known)
		return err_new(r->arena, ERR_NOT_IMPLEMENTED, "this method is not known here");
	if (!guard_site(r, host))
		return err_new(r->arena, ERR_MISDIRECTED,
			"this server does not answer for that host: check Host and base_url");
	if ((e = guard_path(r, evhttp_request_get_uri(ev), host)))
		return e;
	guard_client(r, ev);
	max = r->httpd->opts.body_limit ? r->httpd->opts.body_limit(r->method, r->site, r->path,
						  r->httpd->opts.arg)
					: 0;
	if (n > max)
		return err_new(r->arena, ERR_TOO_LARGE, "a body of %zu bytes: at most %zu here",
			n, max);
	if (n > 0)
		r->body = span_from(evbuffer_pullup(in, -1), n);
	else
		r->body = SPAN("");
	return NULL;
}
