/*
 * Guard: which addresses we connect to. Checked on the address that is really connected, on
 * every hop and on reused connections.
 */
#ifndef NET_GUARD_H
#define NET_GUARD_H

#include "base/conf.h"

/* addr: 16 bytes, IPv4 mapped into IPv6. Ranges of allow_private permit any port and http. */
bool guard_allows(const struct conf *c, const unsigned char addr[16], uint16_t port);
bool guard_private_allowed(const struct conf *c, const unsigned char addr[16]);
/* A host that is an IP literal, or mapped by host_map, inside allow_private: http is permitted.
 */
bool guard_permits_http(const struct conf *c, const struct url *u);

#endif
