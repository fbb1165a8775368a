#include "crypto/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/check.h"

struct place {
	struct arena *a;
	char dir[64], key[80], other[80];
};

static int
setup(void **state)
{
	static struct place p;

	p.a = arena_new();
	(void)snprintf(p.dir, sizeof(p.dir), "/tmp/litfass-seal-XXXXXX");
	if (!mkdtemp(p.dir))
		return -1;
	(void)snprintf(p.key, sizeof(p.key), "%s/master.key", p.dir);
	(void)snprintf(p.other, sizeof(p.other), "%s/other.key", p.dir);
	*state = &p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;

	(void)unlink(p->key);
	(void)unlink(p->other);
	arena_free(p->a);
	return rmdir(p->dir); /* nothing else is left behind */
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

#define KEY_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_B "f00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void
test_file(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		const char *says; /* NULL = taken */
	} cases[] = {
		{KEY_A "\n", 0400, NULL},
		{KEY_A, 0600, NULL},
		{" " KEY_A "\r\n", 0400, NULL},
		{KEY_A "\n", 0440, "may be read by others"},
		{KEY_A "\n", 0404, "may be read by others"},
		{KEY_A "\n", 0420, "may be read by others"},
		{"", 0400, "not 64 hexadecimal digits"},
		{"00", 0400, "not 64 hexadecimal digits"},
		{KEY_A "00", 0400, "not 64 hexadecimal digits"},
		{KEY_A KEY_A, 0400, "not 64 hexadecimal digits"},
		{"g" KEY_A, 0400, "not 64 hexadecimal digits"},
		{KEY_A "\n" KEY_B, 0400, "not 64 hexadecimal digits"},
	};
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct seal *s = NULL;
		const struct err *e;

		(void)unlink(p->key);
		write_file(p->key, cases[i].text, cases[i].mode);
		e = seal_load(p->a, p->key, true, &s);
		if (!e != !cases[i].says)
			check_fail("case %zu: %s", i, e ? "refused" : "taken");
		if (e) {
			assert_int_equal(e->kind, ERR_CONFIG);
			assert_true(span_has(e->text, span_of(cases[i].says)));
			assert_true(span_has(e->text, span_of(p->key)));
		}
		seal_free(s);
	}
}

static void
test_create(void **state)
{
	struct place *p = *state;
	struct seal *s = NULL, *again = NULL;
	struct span sealed, plain;
	const struct err *e = seal_load(p->a, p->key, false, &s);
	struct stat st;

	assert_non_null(e);
	assert_true(span_has(e->text, SPAN("cannot be read: No such file")));
	check_ok(p->a, seal_load(p->a, p->key, true, &s));
	assert_int_equal(stat(p->key, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_int_equal(st.st_size, 65);
	check_ok(p->a, seal_load(p->a, p->key, true, &again)); /* not made anew */
	sealed = seal_close(p->a, s, SPAN("x"), SPAN("secret"));
	check_ok(p->a, seal_open(p->a, again, SPAN("x"), sealed, &plain));
	check_span(plain, SPAN("secret"));
	seal_free(s);
	seal_free(again);
	check_ok(p->a, seal_load(p->a, p->other, true, &s));
	e = seal_open(p->a, s, SPAN("x"), sealed, &plain); /* two keys are never the same */
	assert_non_null(e);
	seal_free(s);
	seal_free(NULL);
	/* A directory that is not there. */
	e = seal_load(p->a, "/nonexistent/master.key", true, &s);
	assert_non_null(e);
	assert_true(span_has(e->text, SPAN("/nonexistent/master.key cannot be written")));
	/* A leftover of a crash in the middle of making it does no harm. */
	(void)unlink(p->other);
	{
		char half[100];

		(void)snprintf(half, sizeof(half), "%s.new", p->other);
		write_file(half, "0001", 0400);
		check_ok(p->a, seal_load(p->a, p->other, true, &s));
		seal_free(s);
		assert_int_not_equal(access(half, F_OK), 0);
	}
}

static struct seal *
load(struct place *p, const char *path, const char *key)
{
	struct seal *s;

	write_file(path, key, 0400);
	check_ok(p->a, seal_load(p->a, path, false, &s));
	return s;
}

static void
test_round_trip(void **state)
{
	struct place *p = *state;
	struct seal *s = load(p, p->key, KEY_A);
	char *large = arena_alloc(p->a, 100000);
	const struct span cases[] = {SPAN(""), SPAN("x"), SPAN("-----BEGIN PRIVATE KEY-----"),
		span_from("\0\0", 2), span_from(large, 100000), SPAN_NONE};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct span aad = SPAN("account/feuerwehr/private_keys");
		const struct span one = seal_close(p->a, s, aad, cases[i]);
		const struct span two = seal_close(p->a, s, aad, cases[i]);
		struct span plain;

		assert_int_equal(one.n, 33 + cases[i].n);
		assert_false(span_eq(one, two)); /* a nonce of its own each time */
		if (cases[i].n > 4)
			assert_false(span_has(one, cases[i]));
		check_ok(p->a, seal_open(p->a, s, aad, one, &plain));
		check_span(plain, cases[i]);
		check_ok(p->a, seal_open(p->a, s, aad, two, &plain));
		check_span(plain, cases[i]);
	}
	seal_free(s);
}

/* Any bit changed, anything cut off or added, and any other place. */
static void
test_tampered(void **state)
{
	struct place *p = *state;
	struct seal *s = load(p, p->key, KEY_A);
	const struct span aad = SPAN("setting/smtp_password");
	const struct span sealed = seal_close(p->a, s, aad, SPAN("secret"));
	char *copy = (char *)(uintptr_t)arena_dup(p->a, sealed).p;
	struct span plain = SPAN("untouched");
	const struct err *e;

	for (size_t i = 0; i < sealed.n; i++) {
		for (int bit = 0; bit < 8; bit++) {
			copy[i] = (char)(copy[i] ^ (1 << bit));
			e = seal_open(p->a, s, aad, span_from(copy, sealed.n), &plain);
			assert_non_null(e);
			assert_int_equal(e->kind, i > 0 && i < 5 ? ERR_CONFIG : ERR_CORRUPT);
			copy[i] = (char)(copy[i] ^ (1 << bit));
		}
	}
	for (size_t n = 0; n < sealed.n; n++) {
		e = seal_open(p->a, s, aad, span_slice(sealed, 0, n), &plain);
		assert_non_null(e);
		assert_int_equal(e->kind, ERR_CORRUPT);
	}
	e = seal_open(p->a, s, aad, span_from(copy, sealed.n + 1), &plain);
	assert_non_null(e);
	assert_non_null(seal_open(p->a, s, aad, SPAN_NONE, &plain));
	e = seal_open(p->a, s, SPAN("setting/smtp_user"), sealed, &plain);
	assert_non_null(e);
	assert_true(span_has(e->text, SPAN("changed or moved")));
	assert_non_null(seal_open(p->a, s, SPAN(""), sealed, &plain));
	check_span(plain, SPAN("untouched"));
	check_ok(p->a, seal_open(p->a, s, aad, sealed, &plain));
	check_span(plain, SPAN("secret"));
	seal_free(s);
}

/* With the wrong master key the operator is told that, not that the data are broken. */
static void
test_wrong_key(void **state)
{
	struct place *p = *state;
	struct seal *a = load(p, p->key, KEY_A), *b = load(p, p->other, KEY_B);
	const struct span sealed = seal_close(p->a, a, SPAN("x"), SPAN("secret"));
	struct span plain;
	const struct err *e = seal_open(p->a, b, SPAN("x"), sealed, &plain);

	assert_non_null(e);
	assert_int_equal(e->kind, ERR_CONFIG);
	assert_true(span_has(e->text, SPAN("another master key: restore")));
	seal_free(a);
	seal_free(b);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_file),
		TEST(test_create),
		TEST(test_round_trip),
		TEST(test_tampered),
		TEST(test_wrong_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
