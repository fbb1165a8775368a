#include "lib/tls.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "lib/check.h"

static void
tls_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!e || X509_add_ext(cert, e, -1) != 1)
		check_fail("the certificate takes no %s", value);
	X509_EXTENSION_free(e);
}

/* A certificate that nobody has signed yet. */
static struct tls_identity *
tls_blank(const char *name, long from_s)
{
	static long serial;
	struct tls_identity *t = xcalloc(1, sizeof(*t));
	X509_NAME *subject;

	t->key = EVP_EC_gen("P-256");
	t->cert = X509_new();
	assert(t->key && t->cert);
	(void)X509_set_version(t->cert, 2);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(t->cert), ++serial);
	(void)X509_gmtime_adj(X509_getm_notBefore(t->cert), from_s);
	(void)X509_gmtime_adj(X509_getm_notAfter(t->cert), from_s + 3600);
	(void)X509_set_pubkey(t->cert, t->key);
	subject = X509_get_subject_name(t->cert);
	(void)X509_NAME_add_entry_by_txt(
		subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	return t;
}

static void
tls_sign(struct tls_identity *t, const struct tls_identity *by)
{
	(void)X509_set_issuer_name(t->cert, X509_get_subject_name(by->cert));
	if (X509_sign(t->cert, by->key, EVP_sha256()) == 0)
		check_fail("the certificate cannot be signed");
}

struct tls_identity *
tls_ca_new(const char *file)
{
	struct tls_identity *t = tls_blank("test authority", -60);
	FILE *f = fopen(file, "w");

	tls_extension(t->cert, NID_basic_constraints, "critical,CA:TRUE");
	tls_sign(t, t);
	if (!f || PEM_write_X509(f, t->cert) != 1 || fclose(f) != 0)
		check_fail("%s cannot be written", file);
	return t;
}

struct tls_identity *
tls_identity_new(const struct tls_identity *ca, const char *ip_or_name, long from_s)
{
	struct tls_identity *t = tls_blank("test host", from_s);
	struct in_addr ip;
	char san[300];

	(void)snprintf(san, sizeof(san), "%s:%s",
		inet_pton(AF_INET, ip_or_name, &ip) == 1 ? "IP" : "DNS", ip_or_name);
	tls_extension(t->cert, NID_subject_alt_name, san);
	tls_sign(t, ca);
	return t;
}

void
tls_identity_free(struct tls_identity *t)
{
	if (!t)
		return;
	X509_free(t->cert);
	EVP_PKEY_free(t->key);
	free(t);
}
