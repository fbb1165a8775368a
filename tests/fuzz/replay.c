/*
 * Replay: runs a fuzz target over its corpus in builds without libFuzzer.
 *
 *	fuzz_<format> [FILE or DIRECTORY]...
 *
 * Without arguments: tests/fuzz/corpus/<format>. Each file is run as it is, cut off at some
 * places, and with some bytes changed; the changes are the same in every run. LITFASS_TEST_LONG
 * makes a hundred times as many of them.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"

#define FILE_MAX (16 * 1024 * 1024)
#define CHANGES 20

static uint64_t
replay_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

/* In memory of exactly this size, so that reading past it is seen. */
static void
replay_bytes(const uint8_t *p, size_t n)
{
	uint8_t *copy = xmalloc(n ? n : 1);

	if (n)
		memcpy(copy, p, n);
	if (LLVMFuzzerTestOneInput(copy, n) != 0)
		abort();
	free(copy);
}

static void
replay_changed(uint8_t *p, size_t n, size_t times)
{
	uint64_t state = n;

	for (size_t i = 0; n > 0 && i < times; i++) {
		size_t at = replay_random(&state) % n, until = n;
		uint8_t was = p[at];

		if (i % 4 == 0)
			until = at;
		else if (i % 4 == 1)
			p[at] = (uint8_t)replay_random(&state);
		else
			p[at] = p[replay_random(&state) % n];
		replay_bytes(p, until);
		p[at] = was;
	}
}

static bool
replay_file(const char *path, size_t times)
{
	uint8_t *p = xmalloc(FILE_MAX);
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f) {
		perror(path);
		free(p);
		return false;
	}
	n = fread(p, 1, FILE_MAX, f);
	(void)fclose(f);
	(void)printf("%s\n", path);
	(void)fflush(stdout); /* the last line names the culprit */
	replay_bytes(p, n);
	replay_changed(p, n, times);
	free(p);
	return true;
}

/* Number of files, -1 when one could not be read. */
static int
replay_path(const char *path, size_t times)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	char file[4096];
	int count = 0;

	if (!d)
		return replay_file(path, times) ? 1 : -1;
	while (count >= 0 && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		count = replay_file(file, times) ? count + 1 : -1;
	}
	(void)closedir(d);
	return count;
}

int
main(int argc, char **argv)
{
	size_t times = getenv("LITFASS_TEST_LONG") ? 100 * CHANGES : CHANGES;
	const char *name = strstr(argv[0], "fuzz_");
	char corpus[4096];
	int files = 0;

	for (const char *next = name; next; next = strstr(next + 1, "fuzz_"))
		name = next;
	(void)snprintf(corpus, sizeof(corpus), "%s/%s", FUZZ_CORPUS, name ? name + 5 : "");
	if (argc < 2)
		files = replay_path(corpus, times);
	for (int i = 1; i < argc && files >= 0; i++) {
		int n = replay_path(argv[i], times);

		files = n < 0 ? n : files + n;
	}
	if (files < 1) {
		(void)fprintf(stderr, "no seeds in %s\n", argc < 2 ? corpus : "what was named");
		return 1;
	}
	return 0;
}
