#include "bench/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

_Noreturn void
wire_die(const char *what)
{
	(void)fprintf(stderr, "%s: %s\n", what, errno ? strerror(errno) : "unexpected");
	exit(1);
}

static double
wire_clock(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

double
wire_now(void)
{
	return wire_clock(CLOCK_MONOTONIC);
}

double
wire_wall(void)
{
	return wire_clock(CLOCK_REALTIME);
}

static size_t
wire_length(const char *p, size_t n)
{
	static const char name[] = "\ncontent-length:";

	for (size_t i = 0; i + sizeof(name) < n; i++)
		if (p[i] == '\n' && strncasecmp(p + i, name, sizeof(name) - 1) == 0)
			return (size_t)strtoul(p + i + sizeof(name) - 1, NULL, 10);
	return 0;
}

struct wire_message
wire_read(const char *p, size_t n)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4);
	struct wire_message m = {0};

	if (!end) {
		if (n > WIRE_HEAD_MAX)
			wire_die("head of a message");
		return m;
	}
	m.head = (size_t)(end - p) + 4;
	m.body = wire_length(p, m.head);
	if (m.head > 12 && strncmp(p, "HTTP/1.", 7) == 0)
		m.status = (int)strtol(p + 9, NULL, 10);
	m.complete = n >= m.head + m.body;
	return m;
}

static int
wire_socket(void)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
		wire_die("socket");
	return fd;
}

static void
wire_nonblock(int fd)
{
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		wire_die("fcntl");
}

int
wire_connect(const char *ip, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	const int fd = wire_socket();

	if (inet_pton(AF_INET, ip, &to.sin_addr) != 1 ||
		connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		wire_die("connect");
	wire_nonblock(fd);
	return fd;
}

int
wire_listen(uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	const int fd = wire_socket();

	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 4096) != 0)
		wire_die("listen");
	wire_nonblock(fd);
	return fd;
}

char *
wire_file(const char *path, size_t *n)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *p;

	if (fd < 0 || fstat(fd, &st) != 0)
		wire_die(path);
	p = malloc((size_t)st.st_size + 1);
	for (*n = 0; p && *n < (size_t)st.st_size;) {
		const ssize_t got = read(fd, p + *n, (size_t)st.st_size - *n);

		if (got <= 0)
			wire_die(path);
		*n += (size_t)got;
	}
	(void)close(fd);
	if (!p)
		wire_die(path);
	p[*n] = '\0';
	return p;
}
