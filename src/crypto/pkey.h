/*
 * Pkey: RSA and Ed25519 keys, counted, safe to use from several threads at once.
 *
 * Reading a PEM costs as much as many verifications: keep the object. Public keys of others are
 * held to limits: RSA of 2048 to 4096 bits with exponent 65537, Ed25519; PEM of at most 2 KiB.
 */
#ifndef CRYPTO_PKEY_H
#define CRYPTO_PKEY_H

#include "base/err.h"

struct pkey;

enum pkey_type {
	PKEY_RSA,
	PKEY_ED25519,
};

struct pkey *pkey_ref(struct pkey *k);
void pkey_unref(struct pkey *k); /* NULL is allowed */
enum pkey_type pkey_type(const struct pkey *k);

/* RSA-2048 takes up to some hundred ms of CPU. The caller owns the reference. */
struct pkey *pkey_generate(enum pkey_type type);
/* SubjectPublicKeyInfo PEM, also "RSA PUBLIC KEY". The caller owns the reference. */
const struct err *pkey_public_from_pem(
	struct arena *a, struct span pem, struct pkey **out) MUST_CHECK;
const struct err *pkey_private_from_pem(
	struct arena *a, struct span pem, struct pkey **out) MUST_CHECK;
const struct err *pkey_ed25519_from_public(
	struct arena *a, struct span raw, struct pkey **out) MUST_CHECK;

struct span pkey_public_pem(struct arena *a, const struct pkey *k);
struct span pkey_private_pem(
	struct arena *a, const struct pkey *k); /* PKCS#8; wipe after use */
struct span pkey_ed25519_public(struct arena *a, const struct pkey *k); /* 32 bytes */

/* RSASSA-PKCS1-v1_5 with SHA-256, or Ed25519. CPU work: on a worker thread for RSA. */
const struct err *pkey_sign(
	struct arena *a, const struct pkey *k, struct span text, struct span *out) MUST_CHECK;
/* True only when OpenSSL says exactly 1. */
bool pkey_verify(const struct pkey *k, struct span text, struct span signature);

#endif
