#include "main/notify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/span.h"

void
notify_send(const char *fmt, ...)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const size_t n = path ? strlen(path) : 0;
	char text[512];
	va_list ap;
	int fd, len;

	/* "@" stands for the abstract name space, whose names begin with NUL. */
	if (n < 2 || n >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, n);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(text))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, text, (size_t)len, MSG_NOSIGNAL, (const struct sockaddr *)&to,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0) {
		/* The manager is away: there is nobody to tell that. */
	}
	(void)close(fd);
}

int
notify_watchdog_ms(void)
{
	const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	int64_t v, whose;

	if (!us || !span_i64(span_of(us), 2000, INT64_C(3600000000), &v))
		return 0;
	if (pid && (!span_i64(span_of(pid), 1, INT32_MAX, &whose) || whose != getpid()))
		return 0;
	return (int)(v / 1000 / 2);
}
