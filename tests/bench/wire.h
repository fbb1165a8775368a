/*
 * Wire: the little of HTTP/1.1 that the measuring programs need, cheap enough not to be what is
 * measured. Heads of at most 8 KiB, bodies with Content-Length; anything else ends the program.
 */
#ifndef TESTS_BENCH_WIRE_H
#define TESTS_BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_HEAD_MAX 8192

struct wire_message {
	size_t head, body; /* bytes */
	int status;        /* of an answer */
	bool complete;
};

/* What stands at p: complete when head and body are there. */
struct wire_message wire_read(const char *p, size_t n);
/* A connected, non-blocking socket. */
int wire_connect(const char *ip, uint16_t port);
/* A listening, non-blocking socket on every address. */
int wire_listen(uint16_t port);
double wire_now(void);  /* seconds, monotonic */
double wire_wall(void); /* seconds since 1970 */
_Noreturn void wire_die(const char *what);
/* A whole file; the caller frees it. */
char *wire_file(const char *path, size_t *n);

#endif
