#include "lib/file.h"

#include <ftw.h>
#include <sys/stat.h>

#include "lib/check.h"

struct span
file_whole(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "rb");
	char *bytes;
	long n;

	if (!f || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0 ||
		fseek(f, 0, SEEK_SET) != 0)
		check_fail("%s cannot be opened", path);
	bytes = arena_alloc(a, (size_t)n);
	if (fread(bytes, 1, (size_t)n, f) != (size_t)n)
		check_fail("%s cannot be read", path);
	(void)fclose(f);
	return span_from(bytes, (size_t)n);
}

struct span
file_read(struct arena *a, const char *name)
{
	return file_whole(a, arena_printf(a, "%s/data/%s", TESTS_DIR, name).p);
}

static int
file_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
file_remove_tree(const char *path)
{
	assert_int_equal(nftw(path, file_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}
