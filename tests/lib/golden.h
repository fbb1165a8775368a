/*
 * Golden: output compared byte by byte with a file of tests/golden/.
 *
 * With GOLDEN_UPDATE=1 in the environment the files are written instead; read the difference
 * before committing it.
 */
#ifndef TESTS_LIB_GOLDEN_H
#define TESTS_LIB_GOLDEN_H

#include "base/span.h"

/* Fails the test and shows where the two begin to differ. A file ends with a line feed. */
void check_golden(const char *name, struct span got);

#endif
