/* Fds: the three standard descriptors. */
#ifndef BASE_FDS_H
#define BASE_FDS_H

#include <stdbool.h>

/*
 * For the start of a program: opens /dev/null in the place of those that whoever started it has
 * closed. The next file or socket would stand there otherwise, and what is printed would go
 * into it. False: it cannot be opened.
 */
bool fds_standard(void);

#endif
