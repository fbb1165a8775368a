#include "media/program.h"

#include <limits.h>
#include <unistd.h>

const char *
media_program(struct arena *a)
{
	char self[PATH_MAX];
	const ssize_t n = readlink("/proc/self/exe", self, sizeof(self));
	const struct span path = span_from(self, n > 0 ? (size_t)n : 0);
	const size_t slash = span_rfind_byte(path, '/');
	const char *beside;

	if (slash == SIZE_MAX || path.n == sizeof(self))
		return LITFASS_LIBEXECDIR "/litfass-media";
	beside = arena_printf(a, "%.*s/litfass-media", (int)slash, path.p).p;
	return access(beside, X_OK) == 0 ? beside : LITFASS_LIBEXECDIR "/litfass-media";
}
