/*
 * Conf: the configuration file as one const struct.
 *
 * One libconfuse table; unknown keys are errors with file and line; every key may be overridden
 * by LITFASS_<PATH> in the environment (lists comma separated). Only what is needed to reach
 * the database, the store and the network stands here; the rest is in the table `setting`.
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include "base/err.h"
#include "base/url.h"

enum conf_role {
	ROLE_WEB = 1,
	ROLE_INGEST = 2,
	ROLE_DELIVER = 4,
	ROLE_MEDIA = 8,
	ROLE_ALL = 15,
};

#define CONF_LISTEN_MAX 16

struct conf_addr {
	struct span host; /* IP literal, without brackets */
	uint16_t port;    /* 0 = any free port */
};

struct conf_net_range {
	unsigned char addr[16]; /* IPv4 mapped into IPv6 */
	int prefix;             /* of 128 */
};

struct conf_host_map {
	struct span host;   /* name as it stands in URLs */
	struct span target; /* "ip:port" */
};

struct conf {
	struct span path; /* of the file */
	struct url base_url, media_base_url;
	struct span name;
	struct span data_dir, user, master_key_file;
	struct conf_addr *listen;
	size_t n_listen;
	int workers;
	unsigned roles; /* set of enum conf_role */
	/* API requests of one client (IPv4 address, IPv6 /64) in 5 minutes, per worker; 0 =
	 * no limit. */
	int64_t rate_limit;
	struct conf_net_range *trusted_proxies;
	size_t n_trusted_proxies;
	int log_level;
	bool log_json;
	struct conf_addr metrics; /* host.n == 0: off */
	struct span dsn;          /* empty = embedded PostgreSQL */
	struct conf_net_range *allow_private;
	size_t n_allow_private;
	struct span ca_file;
	struct conf_host_map *host_map;
	size_t n_host_map;
};

/* The struct and all it points to live in the arena. The error names file, line and key. */
const struct err *conf_load(struct arena *a, const char *path, struct conf *out) MUST_CHECK;
/* The two halves of it, for a text that must outlive its file: path names it in errors. */
const struct err *conf_read(struct arena *a, const char *path, struct span *out) MUST_CHECK;
const struct err *conf_parse(
	struct arena *a, const char *path, struct span text, struct conf *out) MUST_CHECK;
/* "127.0.0.0/8", "::1", "10.1.2.3". */
bool conf_range_parse(struct span s, struct conf_net_range *out) MUST_CHECK;
/* addr is 16 bytes, IPv4 mapped. */
bool conf_range_has(const struct conf_net_range *r, size_t n, const unsigned char addr[16]);

#endif
