#include "base/conf.h"

#include <arpa/inet.h>
#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/conf_where.h"
#include "base/log.h"

#define CONF_LIST_MAX 64
#define CONF_BYTES_MAX (256 * 1024)

/* What libconfuse says, kept for the error: it reports through a callback. */
static _Thread_local char conf_said[512];
/* The file it reads: it tells its sections the line, but not the name. */
static _Thread_local const char *conf_reading;

static void conf_report(cfg_t *cfg, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

static void
conf_report(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[400];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	if (cfg && conf_reading)
		(void)snprintf(conf_said, sizeof(conf_said), "%s:%d: %s", conf_reading,
			cfg->line, text);
	else
		(void)snprintf(conf_said, sizeof(conf_said), "%s", text);
}

/* ---- values ---- */

bool
conf_range_parse(struct span s, struct conf_net_range *out)
{
	size_t slash = span_find_byte(s, '/');
	struct span host = slash == SIZE_MAX ? s : span_slice(s, 0, slash);
	uint64_t bits = 128;
	char text[64];
	struct in_addr v4;
	struct in6_addr v6;
	bool is4;

	if (host.n == 0 || host.n >= sizeof(text))
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	is4 = inet_pton(AF_INET, text, &v4) == 1;
	if (!is4 && inet_pton(AF_INET6, text, &v6) != 1)
		return false;
	if (slash != SIZE_MAX &&
		!span_u64(span_slice(s, slash + 1, s.n), is4 ? 32 : 128, &bits))
		return false;
	memset(out->addr, 0, sizeof(out->addr));
	if (is4) {
		out->addr[10] = out->addr[11] = 0xff;
		memcpy(out->addr + 12, &v4, 4);
		out->prefix = slash == SIZE_MAX ? 128 : (int)bits + 96;
	} else {
		memcpy(out->addr, &v6, 16);
		out->prefix = (int)bits;
	}
	return true;
}

bool
conf_range_has(const struct conf_net_range *r, size_t n, const unsigned char addr[16])
{
	for (size_t i = 0; i < n; i++) {
		int bytes = r[i].prefix / 8, bits = r[i].prefix % 8;

		if (memcmp(r[i].addr, addr, (size_t)bytes) != 0)
			continue;
		if (!bits ||
			((r[i].addr[bytes] ^ addr[bytes]) & (0xff << (8 - bits)) & 0xff) == 0)
			return true;
	}
	return false;
}

static bool
conf_addr_parse(struct arena *a, struct span s, struct conf_addr *out)
{
	size_t colon = span_rfind_byte(s, ':');
	struct conf_net_range r;
	struct span host;
	uint64_t port;

	if (colon == SIZE_MAX || !span_u64(span_slice(s, colon + 1, s.n), 65535, &port))
		return false;
	host = span_slice(s, 0, colon);
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = span_slice(host, 1, host.n - 1);
	if (span_find_byte(host, '/') != SIZE_MAX || !conf_range_parse(host, &r))
		return false;
	out->host = arena_dup(a, host);
	out->port = (uint16_t)port;
	return true;
}

/* ---- reading one option: the file's value, or the environment's ---- */

struct conf_read {
	struct arena *a;
	const char *path;
	struct span text;
	const struct err *error; /* the first */
};

/* net.ca_file is overridden by LITFASS_NET_CA_FILE. */
static const char *
conf_env_name(struct arena *a, const char *section, const char *key)
{
	const struct span name = arena_printf(
		a, "LITFASS_%s%s%s", section ? section : "", section ? "_" : "", key);
	char *p = (char *)(uintptr_t)name.p; /* our own copy */

	for (size_t i = 0; i < name.n; i++)
		if (p[i] >= 'a' && p[i] <= 'z')
			p[i] = (char)(p[i] - ('a' - 'A'));
	return p;
}

static const char *
conf_env(struct conf_read *r, const char *section, const char *key)
{
	return getenv(conf_env_name(r->a, section, key));
}

/* The first one counts. It names the variable, or file, line and key. */
static void
conf_bad(struct conf_read *r, const char *section, const char *key, const char *why)
{
	const int line = conf_where(r->text, section, key);
	const char *name = section ? arena_printf(r->a, "%s.%s", section, key).p : key;

	if (r->error)
		return;
	if (conf_env(r, section, key))
		r->error = err_new(r->a, ERR_CONFIG, "%s in the environment %s",
			conf_env_name(r->a, section, key), why);
	else if (line)
		r->error = err_new(r->a, ERR_CONFIG, "%s:%d: %s %s", r->path, line, name, why);
	else
		r->error = err_new(r->a, ERR_CONFIG, "%s: %s %s", r->path, name, why);
}

static struct span
conf_text(struct conf_read *r, cfg_t *cfg, const char *section, const char *key)
{
	const char *env = conf_env(r, section, key);

	return arena_dup(r->a, span_of(env ? env : cfg_getstr(cfg, key)));
}

static size_t
conf_list(
	struct conf_read *r, cfg_t *cfg, const char *section, const char *key, struct span *out)
{
	const char *env = conf_env(r, section, key);
	size_t n = 0;

	if (env) {
		struct span rest = *env ? span_of(env) : SPAN_NONE, field;

		while (span_cut(&rest, ',', &field)) {
			if (n == CONF_LIST_MAX) {
				conf_bad(r, section, key, "has more than 64 entries");
				break;
			}
			out[n++] = arena_dup(r->a, span_trim(field));
		}
		return n;
	}
	n = cfg_size(cfg, key);
	if (n > CONF_LIST_MAX) {
		conf_bad(r, section, key, "has more than 64 entries");
		n = CONF_LIST_MAX;
	}
	for (unsigned i = 0; i < n; i++)
		out[i] = arena_dup(r->a, span_of(cfg_getnstr(cfg, key, i)));
	return n;
}

/* scheme://host[:port] and nothing behind it: it becomes part of permanent ids. */
static void
conf_base(struct conf_read *r, cfg_t *cfg, const char *key, struct url *out)
{
	struct span s = conf_text(r, cfg, NULL, key);
	const struct err *e;

	if (s.n == 0) {
		conf_bad(r, NULL, key,
			"is missing: give scheme://host[:port], e.g. https://hub.example");
		return;
	}
	e = url_parse(r->a, s, out);
	if (e) {
		conf_bad(r, NULL, key,
			arena_printf(r->a, "is wrong: %.*s", SPAN_FMT(err_text(r->a, e))).p);
		return;
	}
	if (out->path.n != 1 || out->query.p || out->fragment.p)
		conf_bad(r, NULL, key, "must be scheme://host[:port] without a path");
}

static void
conf_ranges(struct conf_read *r, cfg_t *cfg, const char *section, const char *key,
	struct conf_net_range **out, size_t *n)
{
	struct span list[CONF_LIST_MAX];

	*n = conf_list(r, cfg, section, key, list);
	*out = ARENA_ARRAY(r->a, *n, struct conf_net_range);
	for (size_t i = 0; i < *n; i++)
		if (!conf_range_parse(list[i], &(*out)[i]))
			conf_bad(r, section, key,
				"holds an entry that is not an address or range "
				"such as 127.0.0.0/8");
}

static void
conf_listen(struct conf_read *r, cfg_t *cfg, struct conf *out)
{
	struct span list[CONF_LIST_MAX];

	out->n_listen = conf_list(r, cfg, NULL, "listen", list);
	if (out->n_listen > CONF_LISTEN_MAX) {
		conf_bad(r, NULL, "listen", "holds more than 16 addresses");
		out->n_listen = CONF_LISTEN_MAX;
	}
	out->listen = ARENA_ARRAY(r->a, out->n_listen, struct conf_addr);
	if (out->n_listen == 0)
		conf_bad(r, NULL, "listen", "is empty: give at least one address:port");
	for (size_t i = 0; i < out->n_listen; i++)
		if (!conf_addr_parse(r->a, list[i], &out->listen[i]))
			conf_bad(r, NULL, "listen",
				"holds an entry that is not an IP address and port such as "
				"127.0.0.1:8420");
}

static void
conf_host_map(struct conf_read *r, cfg_t *net, struct conf *out)
{
	struct span list[CONF_LIST_MAX];

	out->n_host_map = conf_list(r, net, "net", "host_map", list);
	out->host_map = ARENA_ARRAY(r->a, out->n_host_map, struct conf_host_map);
	for (size_t i = 0; i < out->n_host_map; i++) {
		size_t eq = span_find_byte(list[i], '=');
		struct conf_addr addr;
		struct conf_host_map *m = &out->host_map[i];

		if (eq == SIZE_MAX ||
			!conf_addr_parse(r->a, span_slice(list[i], eq + 1, list[i].n), &addr) ||
			!url_host_normalise(r->a, span_slice(list[i], 0, eq), &m->host)) {
			conf_bad(r, "net", "host_map",
				"holds an entry that is not name=address:port");
			return;
		}
		m->target = span_slice(list[i], eq + 1, list[i].n);
	}
}

static void
conf_roles(struct conf_read *r, cfg_t *cfg, struct conf *out)
{
	static const char *const names[] = {"web", "ingest", "deliver", "media"};
	struct span list[CONF_LIST_MAX];
	size_t n = conf_list(r, cfg, NULL, "roles", list);

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(names) && !span_is(list[i], names[k]))
			k++;
		if (k == ARRAY_LEN(names))
			conf_bad(r, NULL, "roles", "knows web, ingest, deliver and media only");
		else
			out->roles |= 1u << k;
	}
	if (!out->roles)
		conf_bad(r, NULL, "roles",
			"is empty: name at least one of web, ingest, deliver, media");
}

static int64_t
conf_number(struct conf_read *r, cfg_t *cfg, const char *key, int64_t min, int64_t max)
{
	const char *env = conf_env(r, NULL, key);
	int64_t v = cfg_getint(cfg, key);

	if ((env && !span_i64(span_of(env), min, max, &v)) || v < min || v > max)
		conf_bad(r, NULL, key,
			arena_printf(r->a, "must be a number from %lld to %lld", (long long)min,
				(long long)max)
				.p);
	return v;
}

static void
conf_fill(struct conf_read *r, cfg_t *cfg, struct conf *out)
{
	cfg_t *log = cfg_getsec(cfg, "log"), *net = cfg_getsec(cfg, "net");
	enum log_level level = LOG_INFO;
	struct span s;

	conf_base(r, cfg, "base_url", &out->base_url);
	conf_base(r, cfg, "media_base_url", &out->media_base_url);
	if (out->base_url.authority.n &&
		span_eq(out->base_url.authority, out->media_base_url.authority))
		conf_bad(r, NULL, "media_base_url",
			"must be another host or port than base_url: media are served apart");
	out->name = conf_text(r, cfg, NULL, "name");
	out->data_dir = conf_text(r, cfg, NULL, "data_dir");
	if (out->data_dir.n == 0 || out->data_dir.p[0] != '/')
		conf_bad(r, NULL, "data_dir", "must be an absolute path");
	out->user = conf_text(r, cfg, NULL, "user");
	out->master_key_file = conf_text(r, cfg, NULL, "master_key_file");
	if (out->master_key_file.n == 0)
		out->master_key_file =
			arena_printf(r->a, "%.*s/master.key", SPAN_FMT(out->data_dir));
	conf_listen(r, cfg, out);
	out->workers = (int)conf_number(r, cfg, "workers", 1, 64);
	out->rate_limit = conf_number(r, cfg, "rate_limit", 0, 1000000);
	conf_roles(r, cfg, out);
	conf_ranges(r, cfg, NULL, "trusted_proxies", &out->trusted_proxies,
		&out->n_trusted_proxies);
	if (!log_level_parse(conf_text(r, log, "log", "level"), &level))
		conf_bad(r, "log", "level", "must be debug, info, warn or error");
	out->log_level = level;
	s = conf_text(r, log, "log", "format");
	out->log_json = span_is(s, "json");
	if (!out->log_json && !span_is(s, "text"))
		conf_bad(r, "log", "format", "must be text or json");
	s = conf_text(r, cfg_getsec(cfg, "metrics"), "metrics", "listen");
	if (s.n && !conf_addr_parse(r->a, s, &out->metrics))
		conf_bad(r, "metrics", "listen", "is not an IP address and port");
	out->dsn = conf_text(r, cfg_getsec(cfg, "database"), "database", "dsn");
	conf_ranges(r, net, "net", "allow_private", &out->allow_private, &out->n_allow_private);
	out->ca_file = conf_text(r, net, "net", "ca_file");
	conf_host_map(r, net, out);
}

static int
conf_parse_stream(cfg_t *cfg, struct span text)
{
	static char nothing[] = "\n"; /* a stream over no bytes cannot be opened */
	FILE *f = text.n ? fmemopen((void *)(uintptr_t)text.p, text.n, "r")
			 : fmemopen(nothing, 1, "r");
	int rc;

	if (!f)
		return CFG_FILE_ERROR;
	rc = cfg_parse_fp(cfg, f);
	(void)fclose(f);
	return rc;
}

const struct err *
conf_parse(struct arena *a, const char *path, struct span text, struct conf *out)
{
	/* libconfuse wants its list defaults writable. */
	static char none[] = "{}", any_listen[] = "{127.0.0.1:8420}";
	static char all_roles[] = "{web, ingest, deliver, media}";
	static cfg_opt_t log_opts[] = {
		CFG_STR("level", "info", CFGF_NONE),
		CFG_STR("format", "text", CFGF_NONE),
		CFG_END(),
	};
	static cfg_opt_t metrics_opts[] = {
		CFG_STR("listen", "", CFGF_NONE),
		CFG_END(),
	};
	static cfg_opt_t database_opts[] = {
		CFG_STR("dsn", "", CFGF_NONE),
		CFG_END(),
	};
	static cfg_opt_t net_opts[] = {
		CFG_STR_LIST("allow_private", none, CFGF_NONE),
		CFG_STR("ca_file", "", CFGF_NONE),
		CFG_STR_LIST("host_map", none, CFGF_NONE),
		CFG_END(),
	};
	static cfg_opt_t opts[] = {
		CFG_STR("base_url", "", CFGF_NONE),
		CFG_STR("media_base_url", "", CFGF_NONE),
		CFG_STR("name", "Litfass", CFGF_NONE),
		CFG_STR("data_dir", "/var/lib/litfass", CFGF_NONE),
		CFG_STR("user", "litfass", CFGF_NONE),
		CFG_STR("master_key_file", "", CFGF_NONE),
		CFG_STR_LIST("listen", any_listen, CFGF_NONE),
		CFG_INT("workers", 2, CFGF_NONE),
		CFG_STR_LIST("roles", all_roles, CFGF_NONE),
		CFG_INT("rate_limit", 300, CFGF_NONE),
		CFG_STR_LIST("trusted_proxies", none, CFGF_NONE),
		CFG_SEC("log", log_opts, CFGF_NONE),
		CFG_SEC("metrics", metrics_opts, CFGF_NONE),
		CFG_SEC("database", database_opts, CFGF_NONE),
		CFG_SEC("net", net_opts, CFGF_NONE),
		CFG_END(),
	};
	struct conf_read r = {.a = a, .path = path, .text = text};
	cfg_t *cfg;
	int rc;

	*out = (struct conf){.path = arena_dup(a, span_of(path))};
	conf_said[0] = '\0';
	cfg = cfg_init(opts, CFGF_NONE);
	if (!cfg)
		return err_new(a, ERR_CONFIG, "%s: not enough memory to read it", path);
	(void)cfg_set_error_function(cfg, conf_report);
	conf_reading = path;
	rc = conf_parse_stream(cfg, text);
	conf_reading = NULL;
	if (rc == CFG_SUCCESS && conf_where_open(text))
		r.error = err_new(a, ERR_CONFIG,
			"%s:%d: the section that begins here has no closing brace", path,
			conf_where_open(text));
	else if (rc != CFG_SUCCESS)
		r.error = err_new(a, ERR_CONFIG, "%s",
			conf_said[0] ? conf_said : "the configuration cannot be understood");
	else
		conf_fill(&r, cfg, out);
	(void)cfg_free(cfg);
	return r.error;
}

const struct err *
conf_read(struct arena *a, const char *path, struct span *out)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = arena_alloc(a, CONF_BYTES_MAX + 1);
	ssize_t got = fd < 0 ? -1 : 0;
	size_t n = 0;

	while (got >= 0 && n <= CONF_BYTES_MAX &&
		(got = read(fd, text + n, CONF_BYTES_MAX + 1 - n)) > 0)
		n += (size_t)got;
	if (got < 0) {
		const struct err *e =
			err_new(a, ERR_CONFIG, "%s cannot be read: %s", path, strerror(errno));

		if (fd >= 0)
			(void)close(fd);
		return e;
	}
	(void)close(fd);
	if (n > CONF_BYTES_MAX)
		return err_new(a, ERR_CONFIG,
			"%s is longer than %d KiB, so it is hardly a configuration", path,
			CONF_BYTES_MAX / 1024);
	*out = span_from(text, n);
	return NULL;
}

const struct err *
conf_load(struct arena *a, const char *path, struct conf *out)
{
	struct span text = SPAN_NONE;
	const struct err *e = conf_read(a, path, &text);

	return e ? e : conf_parse(a, path, text, out);
}
