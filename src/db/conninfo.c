#include "db/conn.h"

#include <stdlib.h>

#include "db/resolve.h"

#define CONNINFO_MAX 64

static struct span
conninfo_value(PQconninfoOption *all, const char *key)
{
	for (PQconninfoOption *o = all; o->keyword; o++)
		if (span_is(span_of(o->keyword), key))
			return o->val && o->val[0] ? span_of(o->val) : SPAN_NONE;
	return SPAN_NONE;
}

static size_t
conninfo_count(struct span list)
{
	size_t n = 0;
	struct span f;

	while (span_cut(&list, ',', &f))
		n++;
	return n;
}

/* Element i of a comma list; a list of one stands for all. */
static const char *
conninfo_pick(struct arena *a, struct span list, size_t i)
{
	const size_t n = conninfo_count(list);
	struct span f = SPAN_NONE;

	if (n == 1)
		i = 0;
	for (size_t at = 0; at <= i; at++)
		if (!span_cut(&list, ',', &f))
			return "";
	return arena_cstr(a, f);
}

static void
conninfo_put(struct db_conninfo *ci, size_t *n, const char *key, const char *value)
{
	assert(*n < CONNINFO_MAX);
	ci->keys[*n] = key;
	ci->values[*n] = value;
	(*n)++;
}

/* Another address in front at every turn: a silent one takes all the time of an attempt. */
static const char *
conninfo_turned(struct arena *a, struct span addrs, size_t turn)
{
	const size_t n = conninfo_count(addrs);
	const char *out = conninfo_pick(a, addrs, turn % n);

	for (size_t i = 1; i < n; i++)
		out = arena_cstr(a,
			arena_printf(a, "%s,%s", out, conninfo_pick(a, addrs, (turn + i) % n)));
	return out;
}

/* One host; its name as often as it has addresses, for TLS and the file of passwords. */
static void
conninfo_host(struct arena *a, PQconninfoOption *all, size_t attempt, const char *addrs,
	struct db_conninfo *ci, size_t *n)
{
	const size_t i = attempt % ci->hosts;
	const char *host = conninfo_pick(a, conninfo_value(all, "host"), i);
	const char *hostaddr = conninfo_pick(a, conninfo_value(all, "hostaddr"), i);
	const char *hosts = host;

	if (!hostaddr[0] && !addrs && db_resolver_wants(host))
		ci->name = host;
	for (size_t more = conninfo_count(span_of(addrs)); more > 1; more--)
		hosts = arena_cstr(a, arena_printf(a, "%s,%s", hosts, host));
	conninfo_put(ci, n, "host", hosts);
	if (addrs)
		hostaddr = conninfo_turned(a, span_of(addrs), attempt / ci->hosts);
	conninfo_put(ci, n, "hostaddr", hostaddr);
	conninfo_put(ci, n, "port", conninfo_pick(a, conninfo_value(all, "port"), i));
}

/* What the operator did not say is said by us. */
static void
conninfo_defaults(PQconninfoOption *all, struct db_conninfo *ci, size_t *n)
{
	static const char *const defaults[][2] = {
		{"connect_timeout", "5"},
		{"tcp_user_timeout", "10000"},
		{"keepalives_idle", "10"},
		{"keepalives_interval", "5"},
		{"keepalives_count", "3"},
		{"target_session_attrs", "read-write"},
	};

	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		if (!conninfo_value(all, defaults[i][0]).p)
			conninfo_put(ci, n, defaults[i][0], defaults[i][1]);
}

static void
conninfo_session(struct arena *a, PQconninfoOption *all, const struct db_opts *o,
	struct db_conninfo *ci, size_t *n)
{
	const struct span given = conninfo_value(all, "options");
	const struct span settings = arena_printf(a,
		"%.*s -c statement_timeout=%d -c lock_timeout=%d"
		" -c idle_in_transaction_session_timeout=15000 -c timezone=UTC"
		" -c search_path=public -c client_min_messages=warning",
		SPAN_FMT(given), o->statement_timeout_ms,
		o->statement_timeout_ms < 3000 ? o->statement_timeout_ms : 3000);

	conninfo_put(ci, n, "options", arena_cstr(a, settings));
	conninfo_put(ci, n, "client_encoding", "UTF8");
	if (o->name.n)
		conninfo_put(ci, n, "application_name", arena_cstr(a, o->name));
}

/* libpq ends user and password of a URI at the first @, if that comes before a slash. */
static bool
conninfo_uri_is_clear(struct span dsn)
{
	struct span rest = dsn;
	size_t at, slash;

	if (!span_starts(dsn, SPAN("postgres://")) && !span_starts(dsn, SPAN("postgresql://")))
		return true;
	rest = span_slice(rest, span_find(rest, SPAN("://")) + 3, rest.n);
	at = span_find_byte(rest, '@');
	slash = span_find_byte(rest, '/');
	if (at < slash) {
		struct span user = span_slice(rest, 0, at);

		/* An @ of a parameter is taken for the one before the host. */
		user = span_slice(user, span_find_byte(user, '?'), user.n);
		if (span_has(user, SPAN("=")))
			return false;
		rest = span_slice(rest, at + 1, rest.n);
	}
	return !span_has(span_slice(rest, 0, span_find_byte(rest, '?')), SPAN("@"));
}

static bool
conninfo_ports_are_numbers(struct span ports)
{
	struct span port;
	uint64_t n;

	while (span_cut(&ports, ',', &port))
		if (port.n && !span_u64(span_trim(port), 65535, &n))
			return false;
	return true;
}

/*
 * libpq's own words would quote the string, and with it the password: when it cannot be read,
 * and when it takes a part of the password for a host or a port.
 */
static const struct err *
conninfo_parse(struct arena *a, struct span dsn, PQconninfoOption **out)
{
	*out = PQconninfoParse(arena_cstr(a, dsn), NULL);
	if (*out && conninfo_uri_is_clear(dsn) &&
		conninfo_ports_are_numbers(conninfo_value(*out, "port")))
		return NULL;
	PQconninfoFree(*out);
	*out = NULL;
	return err_new(a, ERR_CONFIG,
		"the database connection string cannot be read: put values with spaces between "
		"single quotes; in a URI, percent-encode what is special in user and password: "
		"@ is %%40, : is %%3A, / is %%2F, ? is %%3F");
}

const struct err *
db_dsn_check(struct arena *a, struct span dsn)
{
	PQconninfoOption *all;
	const struct err *e = conninfo_parse(a, dsn, &all);

	PQconninfoFree(all);
	return e;
}

static bool
conninfo_is_ours(struct span key)
{
	return span_is(key, "options") || span_is(key, "host") || span_is(key, "hostaddr") ||
	       span_is(key, "port");
}

const struct err *
db_conninfo(struct arena *a, const struct db_opts *o, size_t attempt, const char *addrs,
	struct db_conninfo *out)
{
	PQconninfoOption *all;
	const struct err *e = conninfo_parse(a, o->dsn, &all);
	size_t n = 0, hosts;

	if (e)
		return e;
	out->keys = ARENA_ARRAY(a, CONNINFO_MAX, const char *);
	out->values = ARENA_ARRAY(a, CONNINFO_MAX, const char *);
	hosts = conninfo_count(conninfo_value(all, "hostaddr"));
	if (!hosts)
		hosts = conninfo_count(conninfo_value(all, "host"));
	out->hosts = hosts ? hosts : 1;
	out->name = NULL;
	for (PQconninfoOption *opt = all; opt->keyword; opt++) {
		const struct span v = opt->val ? span_of(opt->val) : SPAN_NONE;

		if (v.n && !conninfo_is_ours(span_of(opt->keyword)))
			conninfo_put(out, &n, arena_cstr(a, span_of(opt->keyword)),
				arena_cstr(a, v));
	}
	conninfo_host(a, all, attempt, addrs, out, &n);
	conninfo_defaults(all, out, &n);
	conninfo_session(a, all, o, out, &n);
	conninfo_put(out, &n, NULL, NULL);
	PQconninfoFree(all);
	return NULL;
}
