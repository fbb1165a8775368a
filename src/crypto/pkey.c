#include "crypto/pkey.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/scope.h"

#define PKEY_MAGIC 0x706b6579u
#define PKEY_PEM_MAX 2048
#define PKEY_PRIVATE_PEM_MAX 8192

AUTO_DEFINE(BIO, BIO_free_all)
AUTO_DEFINE(EVP_MD_CTX, EVP_MD_CTX_free)
AUTO_DEFINE(EVP_PKEY, EVP_PKEY_free)
AUTO_DEFINE(BIGNUM, BN_free)

struct pkey {
	unsigned magic;
	atomic_uint refs;
	enum pkey_type type;
	EVP_PKEY *key;
};

static struct pkey *
pkey_wrap(EVP_PKEY *key, enum pkey_type type)
{
	struct pkey *k = xcalloc(1, sizeof(*k));

	k->magic = PKEY_MAGIC;
	atomic_init(&k->refs, 1);
	k->type = type;
	k->key = key;
	return k;
}

struct pkey *
pkey_ref(struct pkey *k)
{
	MAGIC_CHECK(k, PKEY_MAGIC);
	(void)atomic_fetch_add(&k->refs, 1);
	return k;
}

void
pkey_unref(struct pkey *k)
{
	if (!k)
		return;
	MAGIC_CHECK(k, PKEY_MAGIC);
	if (atomic_fetch_sub(&k->refs, 1) != 1)
		return;
	EVP_PKEY_free(k->key);
	k->magic = 0;
	free(k);
}

enum pkey_type
pkey_type(const struct pkey *k)
{
	MAGIC_CHECK(k, PKEY_MAGIC);
	return k->type;
}

struct pkey *
pkey_generate(enum pkey_type type)
{
	EVP_PKEY *key = type == PKEY_RSA ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
					 : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	assert(key);
	return pkey_wrap(key, type);
}

/* What we accept from others: strong enough, and cheap enough to verify. */
static const struct err *
pkey_check(struct arena *a, const EVP_PKEY *key, enum pkey_type *type)
{
	BIGNUM *raw = NULL;
	int bits = EVP_PKEY_get_bits(key), ok;

	if (EVP_PKEY_is_a(key, "ED25519")) {
		*type = PKEY_ED25519;
		return NULL;
	}
	if (!EVP_PKEY_is_a(key, "RSA"))
		return err_new(a, ERR_INPUT, "the key is neither RSA nor Ed25519");
	*type = PKEY_RSA;
	if (bits < 2048 || bits > 4096)
		return err_new(
			a, ERR_INPUT, "the RSA key has %d bits: 2048 to 4096 are taken", bits);
	ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &raw);
	AUTO(BIGNUM) *e = raw;

	if (ok != 1 || !BN_is_word(e, 65537))
		return err_new(a, ERR_INPUT, "the RSA key's exponent is not 65537");
	return NULL;
}

/* A PEM may say that it is encrypted. Without this, OpenSSL would ask on the terminal. */
static int
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is OpenSSL's */
pkey_no_password(char *out, int size, int writing, void *arg)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static const struct err *
pkey_from_pem(struct arena *a, struct span pem, size_t max, bool private, struct pkey **out)
{
	enum pkey_type type = PKEY_RSA;
	const struct err *e;

	if (pem.n == 0 || pem.n > max)
		return err_new(a, ERR_INPUT, "a PEM key of %zu bytes is not taken", pem.n);
	AUTO(BIO) *bio = BIO_new_mem_buf(pem.p, (int)pem.n);

	assert(bio);
	AUTO(EVP_PKEY) *key =
		private ? PEM_read_bio_PrivateKey(bio, NULL, pkey_no_password, NULL)
			: PEM_read_bio_PUBKEY(bio, NULL, pkey_no_password, NULL);

	if (!key)
		return err_new(a, ERR_INPUT, "the text is not a PEM %s key",
			private ? "private" : "public");
	if ((e = pkey_check(a, key, &type)))
		return e;
	*out = pkey_wrap(AUTO_TAKE(key), type);
	return NULL;
}

const struct err *
pkey_public_from_pem(struct arena *a, struct span pem, struct pkey **out)
{
	return pkey_from_pem(a, pem, PKEY_PEM_MAX, false, out);
}

const struct err *
pkey_private_from_pem(struct arena *a, struct span pem, struct pkey **out)
{
	return pkey_from_pem(a, pem, PKEY_PRIVATE_PEM_MAX, true, out);
}

const struct err *
pkey_ed25519_from_public(struct arena *a, struct span raw, struct pkey **out)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(
		NULL, "ED25519", NULL, (const unsigned char *)raw.p, raw.n);

	if (!key)
		return err_new(a, ERR_INPUT, "an Ed25519 public key has 32 bytes");
	*out = pkey_wrap(key, PKEY_ED25519);
	return NULL;
}

static struct span
pkey_pem(struct arena *a, const struct pkey *k, bool private)
{
	AUTO(BIO) *bio = BIO_new(BIO_s_mem());
	char *p = NULL;
	long n;
	int ok;

	MAGIC_CHECK(k, PKEY_MAGIC);
	assert(bio);
	ok = private ? PEM_write_bio_PrivateKey(bio, k->key, NULL, NULL, 0, NULL, NULL)
		     : PEM_write_bio_PUBKEY(bio, k->key);
	assert(ok == 1);
	(void)ok;
	n = BIO_get_mem_data(bio, &p);
	return arena_dup(a, span_from(p, (size_t)n));
}

struct span
pkey_public_pem(struct arena *a, const struct pkey *k)
{
	return pkey_pem(a, k, false);
}

struct span
pkey_private_pem(struct arena *a, const struct pkey *k)
{
	return pkey_pem(a, k, true);
}

struct span
pkey_ed25519_public(struct arena *a, const struct pkey *k)
{
	unsigned char *raw = arena_alloc(a, 32);
	size_t n = 32;
	int ok = EVP_PKEY_get_raw_public_key(k->key, raw, &n);

	assert(k->type == PKEY_ED25519 && ok == 1 && n == 32);
	(void)ok;
	return span_from(raw, n);
}

static const char *
pkey_md(const struct pkey *k)
{
	return k->type == PKEY_RSA ? "SHA256" : NULL;
}

const struct err *
pkey_sign(struct arena *a, const struct pkey *k, struct span text, struct span *out)
{
	AUTO(EVP_MD_CTX) *ctx = EVP_MD_CTX_new();
	unsigned char *sig = arena_alloc(a, 512);
	size_t n = 512;

	MAGIC_CHECK(k, PKEY_MAGIC);
	assert(ctx);
	if (EVP_DigestSignInit_ex(ctx, NULL, pkey_md(k), NULL, NULL, k->key, NULL) != 1 ||
		EVP_DigestSign(ctx, sig, &n, (const unsigned char *)text.p, text.n) != 1)
		return err_new(a, ERR_INTERNAL, "the key cannot sign");
	*out = span_from(sig, n);
	return NULL;
}

bool
pkey_verify(const struct pkey *k, struct span text, struct span signature)
{
	AUTO(EVP_MD_CTX) *ctx = EVP_MD_CTX_new();

	MAGIC_CHECK(k, PKEY_MAGIC);
	assert(ctx);
	return EVP_DigestVerifyInit_ex(ctx, NULL, pkey_md(k), NULL, NULL, k->key, NULL) == 1 &&
	       EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
		       (const unsigned char *)text.p, text.n) == 1;
}
