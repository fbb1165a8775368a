#include "lib/golden.h"

#include "base/arena.h"
#include "lib/check.h"

#define GOLDEN_MAX ((size_t)1 << 20)

static void
golden_write(const char *path, struct span got)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(got.p, 1, got.n, f) != got.n || fputc('\n', f) == EOF || fclose(f))
		check_fail("cannot write %s", path);
}

void
check_golden(const char *name, struct span got)
{
	struct arena *a = arena_new();
	const char *path = arena_printf(a, "%s/golden/%s", TESTS_DIR, name).p;
	char *want = arena_alloc(a, GOLDEN_MAX);
	size_t n = 0, at = 0;
	FILE *f;

	if (getenv("GOLDEN_UPDATE")) {
		golden_write(path, got);
		arena_free(a);
		return;
	}
	f = fopen(path, "rb");
	if (f) {
		n = fread(want, 1, GOLDEN_MAX, f);
		(void)fclose(f);
	}
	if (n > 0 && want[n - 1] == '\n')
		n--;
	while (at < n && at < got.n && want[at] == got.p[at])
		at++;
	if (at < n || at < got.n) {
		struct span rest = span_slice(got, at, at + 60);
		struct span line = span_slice(span_from(want, n), at, at + 60);

		check_fail("%s: from byte %zu got \"%.*s\", want \"%.*s\"", path, at,
			SPAN_FMT(rest), SPAN_FMT(line));
	}
	arena_free(a);
}
