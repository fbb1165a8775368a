#include "crypto/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/scope.h"
#include "crypto/digest.h"
#include "crypto/token.h"

#define SEAL_VERSION 1
#define SEAL_KEY 32
#define SEAL_ID 4
#define SEAL_NONCE 12
#define SEAL_TAG 16
#define SEAL_HEAD (1 + SEAL_ID + SEAL_NONCE + SEAL_TAG)

AUTO_DEFINE(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)

struct seal {
	unsigned char key[SEAL_KEY];
	unsigned char id[SEAL_ID];
};

/* ---- the key file ---- */

static bool
seal_write(int fd, struct span s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		s = span_slice(s, (size_t)n, s.n);
	}
	return fsync(fd) == 0;
}

static bool
seal_sync_dir(struct arena *a, const char *path)
{
	struct span dir = span_of(path);
	size_t slash = span_rfind_byte(dir, '/');
	int fd = open(slash == SIZE_MAX ? "." : arena_cstr(a, span_slice(dir, 0, slash + 1)),
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		(void)close(fd);
	return ok;
}

/* Under a temporary name first: a key that is half written must never be taken for one. */
static const struct err *
seal_create(struct arena *a, const char *path)
{
	unsigned char key[SEAL_KEY];
	struct span hex, line, tmp = arena_printf(a, "%s.new", path);
	int fd;
	bool ok;

	token_random(key, sizeof(key));
	hex = hex_encode(a, span_from(key, sizeof(key)));
	line = arena_printf(a, "%.*s\n", SPAN_FMT(hex));
	token_wipe(key, sizeof(key));
	(void)unlink(tmp.p);
	fd = open(tmp.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
	ok = fd >= 0 && seal_write(fd, line);
	if (fd >= 0)
		(void)close(fd);
	token_wipe((char *)(uintptr_t)line.p, line.n);
	token_wipe((char *)(uintptr_t)hex.p, hex.n);
	/* link, not rename: another process may have made it meanwhile, and its key stays. */
	if (ok && link(tmp.p, path) != 0 && errno != EEXIST)
		ok = false;
	(void)unlink(tmp.p);
	if (!ok || !seal_sync_dir(a, path))
		return err_new(a, ERR_CONFIG, "the master key %s cannot be written: %s", path,
			strerror(errno));
	return NULL;
}

static const struct err *
seal_read(struct arena *a, const char *path, int fd, struct seal *s)
{
	unsigned char sum[SHA256_SIZE];
	struct stat st;
	char text[80];
	struct span key;
	ssize_t n;

	if (fstat(fd, &st) != 0 || (st.st_mode & 077) != 0)
		return err_new(a, ERR_CONFIG,
			"the master key %s may be read by others: chmod 0400 %s", path, path);
	n = read(fd, text, sizeof(text));
	if (n < 0 || !hex_decode(a, span_trim(span_from(text, (size_t)n)), &key) ||
		key.n != SEAL_KEY)
		return err_new(a, ERR_CONFIG,
			"the master key %s is not 64 hexadecimal digits: restore it from your "
			"backup",
			path);
	memcpy(s->key, key.p, SEAL_KEY);
	token_wipe((char *)(uintptr_t)key.p, key.n);
	token_wipe(text, sizeof(text));
	digest_sha256(span_from(s->key, SEAL_KEY), sum);
	memcpy(s->id, sum, SEAL_ID);
	return NULL;
}

const struct err *
seal_load(struct arena *a, const char *path, bool create, struct seal **out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct err *e = NULL;
	struct seal *s;

	if (fd < 0 && errno == ENOENT && create) {
		if ((e = seal_create(a, path)))
			return e;
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return err_new(a, ERR_CONFIG, "the master key %s cannot be read: %s", path,
			strerror(errno));
	s = xcalloc(1, sizeof(*s));
	e = seal_read(a, path, fd, s);
	(void)close(fd);
	if (e) {
		seal_free(s);
		return e;
	}
	*out = s;
	return NULL;
}

void
seal_free(struct seal *s)
{
	if (!s)
		return;
	token_wipe(s, sizeof(*s));
	free(s);
}

/* ---- closing and opening ---- */

struct span
seal_close(struct arena *a, const struct seal *s, struct span aad, struct span plain)
{
	AUTO(EVP_CIPHER_CTX) *ctx = EVP_CIPHER_CTX_new();
	unsigned char *out = arena_alloc(a, SEAL_HEAD + plain.n);
	unsigned char *nonce = out + 1 + SEAL_ID, *tag = nonce + SEAL_NONCE;
	int n = 0, ok;

	assert(ctx && plain.n < 1 << 20 && aad.n < 1 << 10);
	out[0] = SEAL_VERSION;
	memcpy(out + 1, s->id, SEAL_ID);
	token_random(nonce, SEAL_NONCE);
	ok = EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, s->key, nonce) == 1 &&
	     EVP_EncryptUpdate(ctx, NULL, &n, (const unsigned char *)aad.p, (int)aad.n) == 1 &&
	     EVP_EncryptUpdate(ctx, out + SEAL_HEAD, &n, (const unsigned char *)plain.p,
		     (int)plain.n) == 1 &&
	     EVP_EncryptFinal_ex(ctx, out + SEAL_HEAD + n, &n) == 1 &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, SEAL_TAG, tag) == 1;
	assert(ok);
	(void)ok;
	return span_from(out, SEAL_HEAD + plain.n);
}

const struct err *
seal_open(struct arena *a, const struct seal *s, struct span aad, struct span sealed,
	struct span *plain)
{
	AUTO(EVP_CIPHER_CTX) *ctx = EVP_CIPHER_CTX_new();
	const unsigned char *in = (const unsigned char *)sealed.p, *nonce;
	unsigned char tag[SEAL_TAG], *out;
	int n = 0, tail = 0;

	assert(ctx);
	if (sealed.n < SEAL_HEAD || sealed.n > 1 << 20 || in[0] != SEAL_VERSION)
		return err_new(a, ERR_CORRUPT, "a sealed secret of unknown form");
	if (memcmp(in + 1, s->id, SEAL_ID) != 0)
		return err_new(a, ERR_CONFIG,
			"a secret was sealed with another master key: restore master.key from "
			"the "
			"backup that belongs to this database");
	nonce = in + 1 + SEAL_ID;
	memcpy(tag, nonce + SEAL_NONCE, SEAL_TAG);
	out = arena_alloc(a, sealed.n - SEAL_HEAD + 1);
	if (EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, s->key, nonce) != 1 ||
		EVP_DecryptUpdate(ctx, NULL, &n, (const unsigned char *)aad.p, (int)aad.n) !=
			1 ||
		EVP_DecryptUpdate(ctx, out, &n, in + SEAL_HEAD, (int)(sealed.n - SEAL_HEAD)) !=
			1 ||
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, SEAL_TAG, tag) != 1 ||
		EVP_DecryptFinal_ex(ctx, out + n, &tail) != 1)
		return err_new(a, ERR_CORRUPT, "a sealed secret was changed or moved");
	*plain = span_from(out, (size_t)n);
	return NULL;
}
