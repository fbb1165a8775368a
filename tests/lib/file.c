#include "lib/file.h"

#include "lib/check.h"

#define FILE_MAX (4u << 20)

struct span
file_read(struct arena *a, const char *name)
{
	const struct span path = arena_printf(a, "%s/data/%s", TESTS_DIR, name);
	char *bytes = arena_alloc(a, FILE_MAX);
	FILE *f = fopen(path.p, "rb");
	size_t n;

	if (!f)
		check_fail("%s cannot be opened", path.p);
	n = fread(bytes, 1, FILE_MAX, f);
	if (ferror(f) || n == FILE_MAX)
		check_fail("%s cannot be read whole", path.p);
	(void)fclose(f);
	return span_from(bytes, n);
}
