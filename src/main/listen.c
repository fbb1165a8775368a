#include "main/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

union listen_sockaddr {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t
listen_sockaddr(struct arena *a, const struct conf_addr *addr, union listen_sockaddr *out)
{
	const char *host = arena_cstr(a, addr->host);

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, host, &out->v4.sin_addr) == 1) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons(addr->port);
		return sizeof(out->v4);
	}
	if (inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons(addr->port);
		return sizeof(out->v6);
	}
	return 0;
}

static struct span
listen_join(struct arena *a, struct span host, uint16_t port)
{
	const bool v6 = span_find_byte(host, ':') != SIZE_MAX;

	return arena_printf(
		a, "%s%.*s%s:%u", v6 ? "[" : "", SPAN_FMT(host), v6 ? "]" : "", (unsigned)port);
}

static const struct err *
listen_error(struct arena *a, const struct conf_addr *addr, int why)
{
	const struct span where = listen_join(a, addr->host, addr->port);

	switch (why) {
	case EADDRINUSE:
		return err_new(a, ERR_CONFIG,
			"listen: %.*s is taken by another program (`ss -ltnp` names it); stop "
			"that one, or choose another port",
			SPAN_FMT(where));
	case EACCES:
		return err_new(a, ERR_CONFIG,
			"listen: %.*s needs privileges, as ports below 1024 do; choose a "
			"higher one and put a proxy in front",
			SPAN_FMT(where));
	case EADDRNOTAVAIL:
		return err_new(a, ERR_CONFIG,
			"listen: %.*s: this machine has no such address (`ip address` lists "
			"them)",
			SPAN_FMT(where));
	default:
		return err_new(
			a, ERR_CONFIG, "listen: %.*s: %s", SPAN_FMT(where), strerror(why));
	}
}

const struct err *
listen_open(struct arena *a, const struct conf_addr *addr, int *out)
{
	union listen_sockaddr sa;
	const socklen_t len = listen_sockaddr(a, addr, &sa);
	const int one = 1;
	int fd, why;

	if (!len)
		return listen_error(a, addr, EINVAL);
	fd = socket(sa.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (sa.sa.sa_family == AF_INET6)
			(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
		if (bind(fd, &sa.sa, len) == 0 && listen(fd, LISTEN_BACKLOG) == 0) {
			*out = fd;
			return NULL;
		}
	}
	why = errno;
	if (fd >= 0)
		(void)close(fd);
	return listen_error(a, addr, why);
}

bool
listen_same(const struct conf_addr *a, const struct conf_addr *b)
{
	return a->port == b->port && span_eq(a->host, b->host);
}

struct span
listen_text(struct arena *a, const struct conf_addr *addr, int fd)
{
	union listen_sockaddr sa = {.sa.sa_family = AF_UNSPEC};
	socklen_t len = sizeof(sa);
	uint16_t port = addr->port;

	if (getsockname(fd, &sa.sa, &len) == 0)
		port = ntohs(sa.sa.sa_family == AF_INET6 ? sa.v6.sin6_port : sa.v4.sin_port);
	return listen_join(a, addr->host, port);
}
