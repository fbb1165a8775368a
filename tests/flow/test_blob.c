/*
 * The media store: names, the order in which a file becomes durable, what a full disk leaves
 * behind, and that no name and no symbolic link leads out of it.
 */
#include "lib/check.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/conf.h"
#include "lib/flowrun.h"
#include "net/blob.h"
#include "task/work.h"

/* ---- what the store asks of the system, in order ---- */

static char calls[4096];
static int slow_ms; /* how long the disk takes over a file */

static void
note(const char *call)
{
	size_t n = strlen(calls);

	(void)snprintf(calls + n, sizeof(calls) - n, "%s ", call);
}

int
fsync(int fd)
{
	int (*real)(int);
	struct stat st;

	*(void **)&real = dlsym(RTLD_NEXT, "fsync");
	note(fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? "sync-dir" : "sync-file");
	if (slow_ms && S_ISREG(st.st_mode))
		(void)usleep((useconds_t)slow_ms * 1000);
	return real(fd);
}

int noted_renameat(int from_dir, const char *from, int to_dir, const char *to) __asm__(
	"renameat");

int
noted_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	int (*real)(int, const char *, int, const char *);

	*(void **)&real = dlsym(RTLD_NEXT, "renameat");
	note("rename");
	return real(from_dir, from, to_dir, to);
}

/* ---- storing ---- */

struct fixture {
	struct arena *arena;
	char dir[64];
	struct conf conf;
	struct blob_store *store;
};

struct put {
	struct span bytes, ext;
	char name[BLOB_NAME_MAX];
	struct flowrun_end end;
};

struct putting {
	char name[BLOB_NAME_MAX];
};

static step_fn put_begin, put_end;

static const struct flow put_flow = {
	.name = "test.put",
	.size = sizeof(struct putting),
	.deadline_ms = 30000,
	.first = put_begin,
	.failed = flowrun_failed,
};

static const struct flow put_short_flow = {
	.name = "test.put.short",
	.size = sizeof(struct putting),
	.deadline_ms = 30,
	.first = put_begin,
	.failed = flowrun_failed,
};

static struct next
put_begin(struct task *t)
{
	struct put *const *p = task_arg(t);
	struct putting *s = task_state(t);

	return await_blob_put(t, (*p)->bytes, (*p)->ext, s->name, put_end);
}

static struct next
put_end(struct task *t)
{
	struct put *const *p = task_arg(t);
	struct putting *s = task_state(t);

	memcpy((*p)->name, s->name, sizeof(s->name));
	return done(t);
}

/* All at the same time. */
static void
put_all(struct fixture *f, struct put *puts, size_t n)
{
	struct flowrun r;

	flowrun_init(&r);
	r.env.conf = &f->conf;
	r.env.blobs = f->store;
	r.env.work = work_pool_new(r.loop, 4, 100);
	for (size_t i = 0; i < n; i++) {
		struct put *p = &puts[i];

		flowrun_start(&r, &p->end, &put_flow, &p, sizeof(p), NULL);
	}
	flowrun_wait(&r);
	work_pool_free(r.env.work);
	flowrun_fini(&r);
}

static struct put
put(struct fixture *f, struct span bytes, struct span ext)
{
	struct put p = {.bytes = bytes, .ext = ext};

	put_all(f, &p, 1);
	return p;
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	const struct err *e;

	f->arena = arena_new();
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/litfass-blob.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->conf.data_dir = span_of(f->dir);
	f->store = blob_store_files(f->arena, &f->conf, &e);
	check_ok(f->arena, e);
	*state = f;
	return 0;
}

/* Removes everything below; the number of files that there were. */
static size_t
empty_dir(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	char below[600];
	size_t n = 0;

	while (d && (entry = readdir(d))) {
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		(void)snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (lstat(below, &st) == 0 && S_ISDIR(st.st_mode)) {
			n += empty_dir(below);
			(void)rmdir(below);
		} else {
			(void)unlink(below);
			n++;
		}
	}
	if (d)
		(void)closedir(d);
	return n;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	blob_store_free(f->store);
	(void)empty_dir(f->dir);
	(void)rmdir(f->dir);
	arena_free(f->arena);
	free(f);
	return 0;
}

static const char *
path_of(struct fixture *f, const char *name)
{
	return arena_printf(f->arena, "%s/media/%.2s/%.2s/%s", f->dir, name, name + 2, name).p;
}

static size_t
open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

/* ---- tests ---- */

static void
stores_and_reads(void **state)
{
	struct fixture *f = *state;
	struct put p = put(f, SPAN("Bild"), SPAN("webp"));
	char text[10] = "";
	int64_t size;
	int fd;

	assert_false(p.end.failed);
	assert_true(blob_name_valid(span_of(p.name)));
	assert_true(span_ends(span_of(p.name), SPAN(".webp")));
	check_ok(f->arena, blob_open(f->store, f->arena, span_of(p.name), &fd, &size));
	assert_int_equal(size, 4);
	assert_int_equal(read(fd, text, sizeof(text)), 4);
	assert_string_equal(text, "Bild");
	assert_true(write(fd, "x", 1) < 0);
	(void)close(fd);
	assert_int_equal(unlink(path_of(f, p.name)), 0);
	assert_int_equal(blob_open(f->store, f->arena, span_of(p.name), &fd, &size)->kind,
		ERR_NOT_FOUND);
	/* Nothing is left of it, no temporary file either. */
	assert_int_equal(empty_dir(arena_printf(f->arena, "%s/media", f->dir).p), 0);
}

static void
becomes_durable_in_order(void **state)
{
	struct fixture *f = *state;
	const struct err *e;
	struct put p;

	calls[0] = '\0';
	p = put(f, SPAN("Ordnung"), SPAN("jpg"));
	assert_false(p.end.failed);
	/* New folders first, then the bytes, then the name, then the folder that holds it. */
	assert_string_equal(calls, "sync-dir sync-dir sync-file rename sync-dir ");
	calls[0] = '\0';
	p = put(f, SPAN("Ordnung"), SPAN("jpg"));
	assert_false(p.end.failed);
	assert_string_equal(calls, "sync-dir ");
	/* Another process, which cannot know whether who made the folders has come so far. */
	blob_store_free(f->store);
	f->store = blob_store_files(f->arena, &f->conf, &e);
	check_ok(f->arena, e);
	calls[0] = '\0';
	p = put(f, SPAN("Ordnung"), SPAN("jpg"));
	assert_false(p.end.failed);
	assert_string_equal(calls, "sync-dir sync-dir sync-dir ");
}

static void
same_bytes_are_one_blob(void **state)
{
	struct fixture *f = *state;
	struct put p[20];

	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		p[i] = (struct put){.bytes = SPAN("viele"), .ext = SPAN("png")};
	put_all(f, p, ARRAY_LEN(p));
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		assert_false(p[i].end.failed);
		assert_string_equal(p[i].name, p[0].name);
	}
	assert_int_equal(empty_dir(arena_printf(f->arena, "%s/media", f->dir).p), 1);
}

/* A file of the wrong size under a right name (a disk's fault) is written again. */
static void
half_a_file_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct put p = put(f, SPAN("ganz"), SPAN("gif"));
	int64_t size;
	int fd;

	assert_int_equal(truncate(path_of(f, p.name), 2), 0);
	p = put(f, SPAN("ganz"), SPAN("gif"));
	assert_false(p.end.failed);
	check_ok(f->arena, blob_open(f->store, f->arena, span_of(p.name), &fd, &size));
	assert_int_equal(size, 4);
	(void)close(fd);
}

static void
names_are_checked(void **state)
{
	struct fixture *f = *state;
	struct put p = put(f, SPAN("name"), SPAN("mp4"));
	struct span good = span_of(p.name), hex = span_slice(good, 0, 64);
	const struct span bad[] = {SPAN(""), SPAN("."), SPAN(".."), hex,
		arena_printf(f->arena, "%.*s.", SPAN_FMT(hex)),
		arena_printf(f->arena, "%.*s.exe", SPAN_FMT(hex)),
		arena_printf(f->arena, "%.*s.html", SPAN_FMT(hex)),
		arena_printf(f->arena, "%.*s.svg", SPAN_FMT(hex)),
		arena_printf(f->arena, "%.*s.MP4", SPAN_FMT(hex)),
		arena_printf(f->arena, "%.*s.mp4/", SPAN_FMT(hex)),
		arena_printf(f->arena, "%.*s.mp4\n", SPAN_FMT(hex)),
		arena_printf(f->arena, "../%.*s", SPAN_FMT(good)),
		arena_printf(f->arena, "/%.*s", SPAN_FMT(good)),
		arena_printf(f->arena, "A%.*s", SPAN_FMT(span_slice(good, 1, good.n))),
		span_slice(good, 1, good.n), SPAN("../../../../../../../../etc/passwd"),
		SPAN("aa/../../../../../../../../../../../../../../../../../../../../../"
		     "etc.webp")};
	int64_t size;
	int fd;

	assert_true(blob_name_valid(good));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_false(blob_name_valid(bad[i]));
		assert_int_equal(
			blob_open(f->store, f->arena, bad[i], &fd, &size)->kind, ERR_NOT_FOUND);
	}
	check_ok(f->arena, blob_open(f->store, f->arena, good, &fd, &size));
	(void)close(fd);
}

static void
links_lead_nowhere(void **state)
{
	struct fixture *f = *state;
	struct put p = put(f, SPAN("Verweis"), SPAN("webp"));
	struct span outside = arena_printf(f->arena, "%s/outside", f->dir);
	struct span folder = arena_printf(f->arena, "%s/media/%.2s", f->dir, p.name);
	int64_t size;
	int fd;

	/* The file itself is a link. */
	assert_int_equal(unlink(path_of(f, p.name)), 0);
	assert_int_equal(symlink("/etc/passwd", path_of(f, p.name)), 0);
	assert_non_null(blob_open(f->store, f->arena, span_of(p.name), &fd, &size));
	/* Stored again, it is a file again. */
	p = put(f, SPAN("Verweis"), SPAN("webp"));
	assert_false(p.end.failed);
	check_ok(f->arena, blob_open(f->store, f->arena, span_of(p.name), &fd, &size));
	(void)close(fd);
	/* A folder is a link to elsewhere: nothing is written there. */
	(void)empty_dir(folder.p);
	assert_int_equal(rmdir(folder.p), 0);
	assert_int_equal(mkdir(outside.p, 0755), 0);
	assert_int_equal(symlink(outside.p, folder.p), 0);
	p = put(f, SPAN("Verweis"), SPAN("webp"));
	assert_true(p.end.failed);
	assert_int_equal(p.end.kind, ERR_UNAVAILABLE);
	assert_int_equal(empty_dir(outside.p), 0);
}

/* A folder under the name of a blob is no blob. */
static void
folders_are_no_blobs(void **state)
{
	struct fixture *f = *state;
	struct put p = put(f, SPAN("Ordner"), SPAN("pdf"));
	int64_t size;
	int fd;

	assert_int_equal(unlink(path_of(f, p.name)), 0);
	assert_int_equal(mkdir(path_of(f, p.name), 0755), 0);
	assert_int_equal(blob_open(f->store, f->arena, span_of(p.name), &fd, &size)->kind,
		ERR_NOT_FOUND);
}

/* A disk that takes no more: an error, no half file, no descriptor lost. */
static void
full_disk_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct rlimit was, tight;
	size_t before = open_descriptors();
	struct put p;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	tight = was;
	tight.rlim_cur = 1000;
	(void)sigaction(SIGXFSZ, &(const struct sigaction){.sa_handler = SIG_IGN}, NULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	p = put(f, span_from(arena_alloc(f->arena, 5000), 5000), SPAN("mp3"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_true(p.end.failed);
	assert_int_equal(p.end.kind, ERR_UNAVAILABLE);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(empty_dir(arena_printf(f->arena, "%s/media", f->dir).p), 0);
}

static void
needs_its_folder(void **state)
{
	struct fixture *f = *state;
	struct conf c = {.data_dir = SPAN("/nirgends/litfass")};
	const struct err *e = NULL;

	assert_null(blob_store_files(f->arena, &c, &e));
	assert_int_equal(e->kind, ERR_CONFIG);
	c.data_dir = arena_printf(f->arena, "%s/file", f->dir);
	(void)close(open(c.data_dir.p, O_CREAT | O_WRONLY, 0600));
	assert_null(blob_store_files(f->arena, &c, &e));
	assert_int_equal(e->kind, ERR_CONFIG);
	blob_store_free(NULL);
}

static void
stop_now(void *arg)
{
	loop_stop(arg, 0);
}

/*
 * The deadline or the stop comes while the disk is at work: the thread has the caller's bytes,
 * so the caller ends when it is through, and what it stored is whole.
 */
static void
given_up_in_the_middle(void **state)
{
	struct fixture *f = *state;

	for (int stop = 0; stop <= 1; stop++) {
		const int64_t began = clock_mono_ms();
		struct put p = {.bytes = stop ? SPAN("two") : SPAN("one"), .ext = SPAN("webp")},
			   *at = &p;
		struct loop_timer timer = {0};
		struct put again;
		struct flowrun r;

		slow_ms = 150;
		flowrun_init(&r);
		r.env.conf = &f->conf;
		r.env.blobs = f->store;
		r.env.work = work_pool_new(r.loop, 1, 10);
		flowrun_start(
			&r, &p.end, stop ? &put_flow : &put_short_flow, &at, sizeof(at), NULL);
		if (stop)
			loop_timer_set(r.loop, &timer, 30, stop_now, r.loop);
		flowrun_wait(&r);
		work_pool_free(r.env.work);
		flowrun_fini(&r);
		slow_ms = 0;
		assert_true(clock_mono_ms() - began >= 150);
		assert_true(p.end.failed);
		assert_int_equal(p.end.kind, stop ? ERR_STOPPED : ERR_TIMEOUT);
		assert_string_equal(p.name, ""); /* nobody was told a name */
		again = put(f, p.bytes, p.ext);
		assert_false(again.end.failed);
	}
	assert_int_equal(empty_dir(f->dir), 2); /* and no temporary file is left */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stores_and_reads),
		TEST(becomes_durable_in_order),
		TEST(same_bytes_are_one_blob),
		TEST(half_a_file_is_replaced),
		TEST(names_are_checked),
		TEST(links_lead_nowhere),
		TEST(folders_are_no_blobs),
		TEST(full_disk_leaves_nothing),
		TEST(needs_its_folder),
		TEST(given_up_in_the_middle),
	};

	return cmocka_run_group_tests_name("blob", tests, NULL, NULL);
}
