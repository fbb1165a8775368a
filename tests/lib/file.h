/* File: files read whole, by custom of tests/data; and what tests leave behind, removed. */
#ifndef TESTS_LIB_FILE_H
#define TESTS_LIB_FILE_H

#include "base/arena.h"

/* name is relative to tests/data; ends the test when it cannot be read. */
struct span file_read(struct arena *a, const char *name);

struct span file_whole(struct arena *a, const char *path);

/* A directory and all below it; follows no links. */
void file_remove_tree(const char *path);

#endif
