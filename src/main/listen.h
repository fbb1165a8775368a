/*
 * Listen: the listening sockets. The supervisor opens them once and hands them to its children,
 * so that a connection is never refused while workers are replaced.
 */
#ifndef MAIN_LISTEN_H
#define MAIN_LISTEN_H

#include "base/conf.h"

/* Bound, listening, non-blocking, closed on exec. The error says who has the address. */
const struct err *listen_open(
	struct arena *a, const struct conf_addr *addr, int *out) MUST_CHECK;
bool listen_same(const struct conf_addr *a, const struct conf_addr *b);
/* "127.0.0.1:8420" or "[::1]:8420"; the port as it is, when 0 was asked for. */
struct span listen_text(struct arena *a, const struct conf_addr *addr, int fd);

#endif
