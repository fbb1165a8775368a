/*
 * Fuzz: what every target shares.
 *
 * A target is one file fuzz_<format>.c. It takes any bytes and must not crash, leak or hang;
 * what it promises beyond that it asserts. ./configure --enable-fuzz CC=clang links it with
 * libFuzzer; otherwise replay.c runs it over corpus/<format>/ in `make check`. A crash that was
 * found is kept there as a seed under a name that says what it was.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input up to the first separator; *rest is what stands behind it. */
static inline struct span
fuzz_head(struct span *rest, char separator)
{
	struct span head = *rest;

	if (!span_cut(rest, separator, &head))
		head = SPAN("");
	if (!rest->p)
		*rest = SPAN("");
	return head;
}

#endif
