/* Program: where litfass-media is: beside a program that runs from its build directory, or
 * where it is installed. */
#ifndef MEDIA_PROGRAM_H
#define MEDIA_PROGRAM_H

#include "base/arena.h"

/* Where it should be, also when it is not there. */
const char *media_program(struct arena *a);

#endif
