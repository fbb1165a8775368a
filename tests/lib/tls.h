/* TLS: certificates for tests, made when they are needed. */
#ifndef TESTS_LIB_TLS_H
#define TESTS_LIB_TLS_H

#include <openssl/evp.h>
#include <openssl/x509.h>

struct tls_identity {
	EVP_PKEY *key;
	X509 *cert;
};

struct tls_identity *tls_ca_new(const char *file); /* its certificate is written to the file */
/* Signed by ca, for an IP or a name, valid from now + from_s for an hour. */
struct tls_identity *tls_identity_new(
	const struct tls_identity *ca, const char *ip_or_name, long from_s);
void tls_identity_free(struct tls_identity *t);

#endif
