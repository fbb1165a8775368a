/*
 * Hostile: an HTTP server for tests that answers with whatever bytes the test wants.
 *
 * Each connection has a thread of its own that reads one request head after the other and calls
 * the test's function for each; that writes raw bytes, waits, breaks off. Optionally over TLS
 * with a certificate made for the test.
 */
#ifndef TESTS_LIB_HOSTILE_H
#define TESTS_LIB_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/tls.h"

struct hostile;

struct hostile_conn {
	struct hostile *server;
	int fd;
	void *ssl;
	char head[16384]; /* request line and headers, NUL-terminated */
	char path[2048];  /* of the request line */
	size_t got;       /* bytes of the head */
	bool closed;      /* the function has broken off */
	size_t written;
};

/* Returning keeps the connection for the next request unless closed. */
typedef void hostile_fn(struct hostile_conn *c, void *arg);

/* ip: of the loopback; identity NULL = plain. fn NULL: connections are counted and closed. */
struct hostile *hostile_start(
	const char *ip, hostile_fn *fn, void *arg, const struct tls_identity *identity);
/* Ends all threads; waiting functions return. */
void hostile_stop(struct hostile *h);
uint16_t hostile_port(const struct hostile *h);
const char *hostile_ip(const struct hostile *h);
size_t hostile_connections(const struct hostile *h);
size_t hostile_requests(const struct hostile *h);
size_t hostile_written(const struct hostile *h); /* bytes, all connections */

/* False when the client has gone or the server is to stop. */
bool hostile_send(struct hostile_conn *c, const void *p, size_t n);
bool hostile_text(struct hostile_conn *c, const char *text);
bool hostile_fill(struct hostile_conn *c, char byte, size_t n);
bool hostile_wait(struct hostile_conn *c, int ms);
void hostile_close(struct hostile_conn *c);
void hostile_reset(struct hostile_conn *c); /* RST instead of FIN */

#endif
