/*
 * Sink: two thousand inboxes in one process. Takes every POST on every loopback address with
 * 202, reads its body, and tells on GET how many came and when the last one did.
 *
 * usage: sink PORT
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/wire.h"

#define SINK_BUFFER 32768

struct sink_conn {
	int fd;
	size_t n;
	char buffer[SINK_BUFFER];
};

static struct {
	unsigned long posts;
	double first, last;
} seen;

static void
sink_say(struct sink_conn *c, const char *text, size_t n)
{
	if (send(c->fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		wire_die("send");
}

static void
sink_answer(struct sink_conn *c)
{
	static const char taken[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
	char text[256], body[128];
	int n;

	if (strncmp(c->buffer, "POST ", 5) == 0) {
		seen.last = wire_wall();
		if (seen.posts++ == 0)
			seen.first = seen.last;
		sink_say(c, taken, sizeof(taken) - 1);
		return;
	}
	n = snprintf(body, sizeof(body), "{\"posts\":%lu,\"first\":%.6f,\"last\":%.6f}",
		seen.posts, seen.first, seen.last);
	n = snprintf(text, sizeof(text),
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
		"%d\r\n\r\n%s",
		n, body);
	if (strncmp(c->buffer, "GET /reset", 10) == 0)
		memset(&seen, 0, sizeof(seen));
	sink_say(c, text, (size_t)n);
}

static void
sink_close(struct sink_conn *c)
{
	(void)close(c->fd);
	free(c);
}

static void
sink_read(struct sink_conn *c)
{
	const ssize_t got = recv(c->fd, c->buffer + c->n, SINK_BUFFER - c->n, 0);

	if (got <= 0) {
		if (got == 0 || errno != EAGAIN)
			sink_close(c);
		return;
	}
	c->n += (size_t)got;
	for (;;) {
		const struct wire_message m = wire_read(c->buffer, c->n);

		if (!m.complete)
			break;
		sink_answer(c);
		c->n -= m.head + m.body;
		memmove(c->buffer, c->buffer + m.head + m.body, c->n);
	}
	if (c->n == SINK_BUFFER)
		wire_die("a request larger than the buffer");
}

static void
sink_accept(int epoll, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct sink_conn *c = calloc(1, sizeof(*c));
		struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};

		if (!c || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
			wire_die("epoll_ctl");
		c->fd = fd;
	}
}

int
main(int argc, char **argv)
{
	const int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev[256] = {{.events = EPOLLIN}};
	int listener;

	if (argc != 2)
		wire_die("usage: sink PORT");
	listener = wire_listen((uint16_t)strtoul(argv[1], NULL, 10));
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &ev[0]) != 0)
		wire_die("epoll");
	(void)puts("listening");
	(void)fflush(stdout);
	for (;;) {
		const int n = epoll_wait(epoll, ev, 256, -1);

		for (int i = 0; i < n; i++) {
			if (ev[i].data.ptr)
				sink_read(ev[i].data.ptr);
			else
				sink_accept(epoll, listener);
		}
	}
}
