#include "base/fds.h"

#include <fcntl.h>
#include <unistd.h>

bool
fds_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	return fd > 2 && close(fd) == 0;
}
