/* Check: cmocka with its helpers, without the macro that hides `fail` of task.h. */
#ifndef TESTS_LIB_CHECK_H
#define TESTS_LIB_CHECK_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#undef fail
#undef fail_msg

/* abort is never reached: it tells analyzers that a failed check does not return. */
#define check_fail(...)                                                                        \
	(print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__), abort())
#define check_span(got, want)                                                                  \
	do {                                                                                   \
		const struct span got_ = (got), want_ = (want);                                \
		if (!span_eq(got_, want_))                                                     \
			check_fail("got \"%.*s\", want \"%.*s\"", SPAN_FMT(got_),              \
				SPAN_FMT(want_));                                              \
	} while (0)
/* e must be NULL. */
#define check_ok(a, e)                                                                         \
	do {                                                                                   \
		const struct err *e_ = (e);                                                    \
		if (e_)                                                                        \
			check_fail("%.*s", SPAN_FMT(err_text((a), e_)));                       \
	} while (0)

#endif
