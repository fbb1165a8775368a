#include "lib/hostile.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "lib/check.h"

#define THREADS 200
#define TICK_MS 20

struct hostile {
	int fd;
	char ip[64];
	uint16_t port;
	hostile_fn *fn;
	void *arg;
	SSL_CTX *tls;
	pthread_t accepting, threads[THREADS];
	size_t n_threads;
	atomic_bool stopping;
	atomic_size_t connections, requests, written;
};

struct hostile_start_arg {
	struct hostile *server;
	int fd;
};

/* ---- bytes ---- */

static bool
hostile_ready(struct hostile_conn *c, short events)
{
	struct pollfd p = {.fd = c->fd, .events = events};

	while (!atomic_load(&c->server->stopping)) {
		int n = poll(&p, 1, TICK_MS);

		if (n > 0)
			return (p.revents & events) != 0;
	}
	return false;
}

bool
hostile_send(struct hostile_conn *c, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0 && !c->closed) {
		ssize_t k;

		if (!hostile_ready(c, POLLOUT))
			return false;
		k = c->ssl ? SSL_write(c->ssl, p, (int)(n > 16384 ? 16384 : n))
			   : send(c->fd, p, n > 65536 ? 65536 : n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
		c->written += (size_t)k;
		atomic_fetch_add(&c->server->written, (size_t)k);
	}
	return !c->closed;
}

bool
hostile_text(struct hostile_conn *c, const char *text)
{
	return hostile_send(c, text, strlen(text));
}

bool
hostile_fill(struct hostile_conn *c, char byte, size_t n)
{
	char block[8192];

	memset(block, byte, sizeof(block));
	for (size_t k; n > 0; n -= k) {
		k = n < sizeof(block) ? n : sizeof(block);
		if (!hostile_send(c, block, k))
			return false;
	}
	return true;
}

bool
hostile_wait(struct hostile_conn *c, int ms)
{
	for (; ms > 0; ms -= TICK_MS) {
		char byte;

		(void)usleep((useconds_t)(ms < TICK_MS ? ms : TICK_MS) * 1000);
		if (atomic_load(&c->server->stopping))
			return false;
		if (!c->ssl && recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
			return false;
	}
	return true;
}

void
hostile_close(struct hostile_conn *c)
{
	c->closed = true;
}

void
hostile_reset(struct hostile_conn *c)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	c->closed = true;
}

/* ---- connections ---- */

/* One head; what the client has sent behind it is its body and is thrown away. */
static bool
hostile_read_head(struct hostile_conn *c)
{
	c->got = 0;
	for (;;) {
		ssize_t n;
		char *from, *to;

		if (!(c->ssl && SSL_pending(c->ssl) > 0) && !hostile_ready(c, POLLIN))
			return false;
		n = c->ssl ? SSL_read(c->ssl, c->head + c->got,
				     (int)(sizeof(c->head) - 1 - c->got))
			   : recv(c->fd, c->head + c->got, sizeof(c->head) - 1 - c->got, 0);
		if (n <= 0)
			return false;
		c->got += (size_t)n;
		c->head[c->got] = '\0';
		if (c->head[0] < 'A' || c->head[0] > 'Z') { /* TLS, say, where none is spoken */
			(void)hostile_text(c, "HTTP/1.1 400 Bad Request\r\n\r\n");
			return false;
		}
		if (!strstr(c->head, "\r\n\r\n"))
			continue;
		from = strchr(c->head, ' ');
		to = from ? strchr(from + 1, ' ') : NULL;
		if (!to || (size_t)(to - from) > sizeof(c->path))
			return false;
		(void)snprintf(
			c->path, sizeof(c->path), "%.*s", (int)(to - from - 1), from + 1);
		return true;
	}
}

static void *
hostile_serve(void *arg)
{
	struct hostile_start_arg *start = arg;
	struct hostile_conn *c = xcalloc(1, sizeof(*c));

	c->server = start->server;
	c->fd = start->fd;
	free(start);
	if (c->server->tls) {
		c->ssl = SSL_new(c->server->tls);
		(void)SSL_set_fd(c->ssl, c->fd);
		c->closed = SSL_accept(c->ssl) != 1;
	}
	while (c->server->fn && !c->closed && hostile_read_head(c)) {
		atomic_fetch_add(&c->server->requests, 1);
		c->server->fn(c, c->server->arg);
	}
	SSL_free(c->ssl);
	(void)close(c->fd);
	free(c);
	return NULL;
}

static void *
hostile_accept(void *arg)
{
	struct hostile *h = arg;
	struct pollfd p = {.fd = h->fd, .events = POLLIN};

	while (!atomic_load(&h->stopping)) {
		struct hostile_start_arg *start;
		int fd;

		if (poll(&p, 1, TICK_MS) <= 0 || (fd = accept(h->fd, NULL, NULL)) < 0)
			continue;
		atomic_fetch_add(&h->connections, 1);
		if (h->n_threads == THREADS) {
			(void)close(fd);
			continue;
		}
		start = xcalloc(1, sizeof(*start));
		start->server = h;
		start->fd = fd;
		if (pthread_create(&h->threads[h->n_threads], NULL, hostile_serve, start) == 0)
			h->n_threads++;
	}
	return NULL;
}

/* ---- life ---- */

static SSL_CTX *
hostile_tls(const struct tls_identity *t)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	assert(ctx);
	if (SSL_CTX_use_certificate(ctx, t->cert) != 1 ||
		SSL_CTX_use_PrivateKey(ctx, t->key) != 1)
		check_fail("the certificate does not fit its key");
	return ctx;
}

struct hostile *
hostile_start(const char *ip, hostile_fn *fn, void *arg, const struct tls_identity *identity)
{
	struct hostile *h = xcalloc(1, sizeof(*h));
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t n = sizeof(sa);

	(void)sigaction(SIGPIPE, &(const struct sigaction){.sa_handler = SIG_IGN}, NULL);
	h->fn = fn;
	h->arg = arg;
	h->tls = identity ? hostile_tls(identity) : NULL;
	(void)snprintf(h->ip, sizeof(h->ip), "%s", ip);
	h->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (inet_pton(AF_INET, ip, &sa.sin_addr) != 1 ||
		bind(h->fd, (struct sockaddr *)(void *)&sa, sizeof(sa)) != 0 ||
		listen(h->fd, 64) != 0 ||
		getsockname(h->fd, (struct sockaddr *)(void *)&sa, &n) != 0)
		check_fail("%s cannot be listened on", ip);
	h->port = ntohs(sa.sin_port);
	if (pthread_create(&h->accepting, NULL, hostile_accept, h) != 0)
		check_fail("no thread");
	return h;
}

void
hostile_stop(struct hostile *h)
{
	if (!h)
		return;
	atomic_store(&h->stopping, true);
	(void)pthread_join(h->accepting, NULL);
	for (size_t i = 0; i < h->n_threads; i++)
		(void)pthread_join(h->threads[i], NULL);
	(void)close(h->fd);
	SSL_CTX_free(h->tls);
	free(h);
}

uint16_t
hostile_port(const struct hostile *h)
{
	return h->port;
}

const char *
hostile_ip(const struct hostile *h)
{
	return h->ip;
}

size_t
hostile_connections(const struct hostile *h)
{
	return atomic_load(&h->connections);
}

size_t
hostile_requests(const struct hostile *h)
{
	return atomic_load(&h->requests);
}

size_t
hostile_written(const struct hostile *h)
{
	return atomic_load(&h->written);
}
