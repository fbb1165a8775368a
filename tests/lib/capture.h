/* Capture: what is written to stderr meanwhile, as text. Not nested. */
#ifndef TESTS_LIB_CAPTURE_H
#define TESTS_LIB_CAPTURE_H

void capture_begin(void);
/* Static memory, NUL-terminated, cut at 64 kB. */
const char *capture_end(void);

#endif
