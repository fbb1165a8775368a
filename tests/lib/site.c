#include "lib/site.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/check.h"

#define SITE_PATHS 64
#define SITE_HEAD 16384

struct site_path {
	const char *path;
	struct site_answer answer;
	int count;
	char head[SITE_HEAD]; /* of the last request */
};

struct site {
	int fd;
	char base[64];
	pthread_t thread;
	pthread_mutex_t lock;
	struct site_path *paths;
	size_t n;
};

static struct site_path *
site_find(struct site *s, const char *path, size_t n)
{
	for (size_t i = 0; i < s->n; i++)
		if (strlen(s->paths[i].path) == n && memcmp(s->paths[i].path, path, n) == 0)
			return &s->paths[i];
	return NULL;
}

static void
site_write(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t put = send(fd, p, n, MSG_NOSIGNAL);

		if (put <= 0)
			return;
		p += put;
		n -= (size_t)put;
	}
}

static void
site_answer(int fd, const struct site_answer *a, const char *head)
{
	char out[2048], tag[256];
	bool same = a->etag &&
		    snprintf(tag, sizeof(tag), "If-None-Match: %s\r\n", a->etag) > 0 &&
		    strstr(head, tag);
	size_t n = same ? 0 : a->body.n;
	int len;

	if (a->status == 0)
		return;
	len = snprintf(out, sizeof(out),
		"HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: "
		"%zu\r\n%s%s%s%s%s%s%s\r\n",
		same ? 304 : a->status, n, a->type ? "Content-Type: " : "",
		a->type ? a->type : "", a->type ? "\r\n" : "", a->etag ? "ETag: " : "",
		a->etag ? a->etag : "", a->etag ? "\r\n" : "", a->headers ? a->headers : "");
	site_write(fd, out, (size_t)len);
	site_write(fd, a->body.p, n);
}

/* A request of GET: the head is all of it. */
static void
site_serve(struct site *s, int fd)
{
	static const struct site_answer missing = {.status = 404, .type = "text/plain"};
	struct site_answer answer = missing;
	struct site_path *p;
	char head[SITE_HEAD];
	size_t n = 0, path;

	do {
		ssize_t got = read(fd, head + n, sizeof(head) - 1 - n);

		if (got <= 0)
			return;
		n += (size_t)got;
		head[n] = '\0';
	} while (!strstr(head, "\r\n\r\n") && n < sizeof(head) - 1);
	if (strncmp(head, "GET ", 4) != 0)
		return;
	path = strcspn(head + 4, " ");
	(void)pthread_mutex_lock(&s->lock);
	p = site_find(s, head + 4, path);
	if (!p)
		p = site_find(s, head + 4, strcspn(head + 4, " ?"));
	if (p) {
		p->count++;
		memcpy(p->head, head, n + 1);
		answer = p->answer;
	}
	(void)pthread_mutex_unlock(&s->lock);
	site_answer(fd, &answer, head);
}

static void *
site_main(void *arg)
{
	struct site *s = arg;

	for (;;) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return NULL;
		site_serve(s, fd);
		(void)shutdown(fd, SHUT_WR);
		(void)close(fd);
	}
}

struct site *
site_start(void)
{
	struct site *s = calloc(1, sizeof(*s));
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(addr);

	assert_non_null(s);
	s->paths = calloc(SITE_PATHS, sizeof(*s->paths));
	assert_non_null(s->paths);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&addr, size), 0);
	assert_int_equal(listen(s->fd, 64), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&addr, &size), 0);
	(void)snprintf(s->base, sizeof(s->base), "http://127.0.0.1:%d", ntohs(addr.sin_port));
	assert_int_equal(pthread_mutex_init(&s->lock, NULL), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, site_main, s), 0);
	return s;
}

void
site_stop(struct site *s)
{
	(void)shutdown(s->fd, SHUT_RDWR);
	(void)pthread_join(s->thread, NULL);
	(void)close(s->fd);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->paths);
	free(s);
}

const char *
site_base(const struct site *s)
{
	return s->base;
}

void
site_give(struct site *s, const char *path, const struct site_answer *a)
{
	struct site_path *p;

	(void)pthread_mutex_lock(&s->lock);
	p = site_find(s, path, strlen(path));
	if (!p) {
		assert_true(s->n < SITE_PATHS);
		p = &s->paths[s->n++];
		p->path = path;
	}
	p->answer = *a;
	(void)pthread_mutex_unlock(&s->lock);
}

int
site_count(struct site *s, const char *path)
{
	struct site_path *p;
	int n;

	(void)pthread_mutex_lock(&s->lock);
	p = site_find(s, path, strlen(path));
	n = p ? p->count : 0;
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

const char *
site_header(struct site *s, const char *path, const char *name)
{
	static char value[1024];
	char line[128];
	struct site_path *p;
	const char *at;

	value[0] = '\0';
	(void)snprintf(line, sizeof(line), "\r\n%s: ", name);
	(void)pthread_mutex_lock(&s->lock);
	p = site_find(s, path, strlen(path));
	at = p ? strstr(p->head, line) : NULL;
	if (at) {
		at += strlen(line);
		(void)snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\r"), at);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return value;
}
