/*
 * Notify: tells the service manager how we are, by the protocol of sd_notify(3): one datagram
 * to $NOTIFY_SOCKET. Without that variable nothing happens.
 */
#ifndef MAIN_NOTIFY_H
#define MAIN_NOTIFY_H

#include "base/attr.h"

/* Lines such as "READY=1\nSTATUS=...". */
void notify_send(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* How often WATCHDOG=1 is to be sent, 0 = never. */
int notify_watchdog_ms(void);

#endif
