/* Compiler attributes and the two words every layer needs. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#include <assert.h>
#include <stddef.h>

/* The caller must look at the result. `[[nodiscard]]` is not C17. */
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Objects that cross a callback carry a magic number as their first checked member.
 * MAGIC_CHECK asserts it on entry; asserts stay on in production.
 */
#define MAGIC_CHECK(obj, value)                                                                \
	do {                                                                                   \
		assert((obj) != NULL);                                                         \
		assert((obj)->magic == (value));                                               \
	} while (0)

#endif
