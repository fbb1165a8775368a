/*
 * Httpd child: the HTTP server in a process of its own, with a handler for tests.
 *
 *	/echo          method, path, client and body, a line each; bodies up to 1000 bytes by
 *POST /param?to=X    X in the header Location /page          a frozen page of 5000 bytes with
 *an ETag /file?n=N      a file of N bytes, with ranges /slow          answers after 300 ms
 *
 * base_url http://hub.example, media_base_url http://media.example:8081; 127.43.0.2 is a
 * trusted proxy.
 */
#ifndef TESTS_LIB_HTTPD_CHILD_H
#define TESTS_LIB_HTTPD_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct httpd_child {
	pid_t pid;
	uint16_t port; /* on 127.43.0.1 */
};

#define HTTPD_CHILD_IP "127.43.0.1"

/* free_descriptors: how many it has left for connections, 0 = plenty. */
struct httpd_child httpd_child_start(int free_descriptors);
/* Asks it to end; true when it did so in order. */
bool httpd_child_stop(struct httpd_child *c);
double httpd_child_cpu_s(const struct httpd_child *c);

#endif
