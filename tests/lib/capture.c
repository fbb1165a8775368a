#include "lib/capture.h"

#include <sys/mman.h>
#include <unistd.h>

#include "lib/check.h"

static int capture_fd = -1, capture_saved = -1;

void
capture_begin(void)
{
	assert_int_equal(capture_fd, -1);
	(void)fflush(stderr);
	capture_fd = memfd_create("stderr", MFD_CLOEXEC);
	capture_saved = dup(STDERR_FILENO);
	assert_true(capture_fd >= 0 && capture_saved >= 0);
	assert_true(dup2(capture_fd, STDERR_FILENO) >= 0);
}

const char *
capture_end(void)
{
	static char text[65536];
	ssize_t n;

	(void)fflush(stderr);
	assert_true(dup2(capture_saved, STDERR_FILENO) >= 0);
	n = pread(capture_fd, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	(void)close(capture_fd);
	(void)close(capture_saved);
	capture_fd = capture_saved = -1;
	return text;
}
