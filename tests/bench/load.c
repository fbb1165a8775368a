/*
 * Load: sends prepared requests over kept connections, one at a time on each, and tells how
 * long it took until the last answer.
 *
 * usage: load IP PORT CONNECTIONS FILE     FILE: requests, each behind its length as 4 bytes
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/wire.h"

#define LOAD_BUFFER 16384

struct load_conn {
	int fd;
	size_t n;
	char buffer[LOAD_BUFFER];
};

static struct {
	const char *at, *end;
	unsigned long sent, answered, bad;
	int first_bad;
} load;

/* False when everything has been sent. */
static bool
load_next(struct load_conn *c)
{
	uint32_t size;

	if (load.at == load.end)
		return false;
	memcpy(&size, load.at, 4);
	size = ntohl(size);
	if (send(c->fd, load.at + 4, size, MSG_NOSIGNAL) != (ssize_t)size)
		wire_die("send");
	load.at += 4 + size;
	load.sent++;
	return true;
}

static void
load_read(struct load_conn *c)
{
	const ssize_t got = recv(c->fd, c->buffer + c->n, LOAD_BUFFER - c->n, 0);
	struct wire_message m;

	if (got <= 0) {
		if (got < 0 && errno == EAGAIN)
			return;
		wire_die("the server closed a connection");
	}
	c->n += (size_t)got;
	m = wire_read(c->buffer, c->n);
	if (!m.complete)
		return;
	c->n = 0;
	load.answered++;
	if (m.status < 200 || m.status > 299) {
		if (load.bad++ == 0)
			load.first_bad = m.status;
	}
	(void)load_next(c);
}

int
main(int argc, char **argv)
{
	const int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev[256];
	struct load_conn *all;
	double began;
	size_t size;
	char *file;
	long conns;

	if (argc != 5)
		wire_die("usage: load IP PORT CONNECTIONS FILE");
	conns = strtol(argv[3], NULL, 10);
	all = conns > 0 ? calloc((size_t)conns, sizeof(*all)) : NULL;
	if (!all)
		wire_die("calloc");
	file = wire_file(argv[4], &size);
	load.at = file;
	load.end = file + size;
	began = wire_now();
	for (long i = 0; i < conns; i++) {
		struct load_conn *c = &all[i];

		ev[0] = (struct epoll_event){.events = EPOLLIN, .data.ptr = c};
		c->fd = wire_connect(argv[1], (uint16_t)strtoul(argv[2], NULL, 10));
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &ev[0]) != 0)
			wire_die("epoll_ctl");
		if (!load_next(c))
			break;
	}
	while (load.answered < load.sent) {
		const int n = epoll_wait(epoll, ev, 256, 30000);

		if (n == 0)
			wire_die("no answer within 30 s");
		for (int i = 0; i < n; i++)
			load_read(ev[i].data.ptr);
	}
	(void)printf("{\"n\":%lu,\"seconds\":%.6f,\"bad\":%lu,\"first_bad\":%d}\n",
		load.answered, wire_now() - began, load.bad, load.first_bad);
	free(file);
	free(all);
	return 0;
}
