/* forge.h - requests, certificates and chains made to order, good ones and bad ones. */
#ifndef TESTS_PKI_FORGE_H
#define TESTS_PKI_FORGE_H

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/buf.h"

#define FORGE_EXTS 12

/* "subjectAltName=DNS:a.example" in the words of x509v3_config(5), or "1.2.3=critical,DER:0500" */
static inline X509_EXTENSION *
forge_ext(const char *text, X509 *issuer, X509 *subject)
{
	const char *eq = strchr(text, '=');
	char name[64];
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	snprintf(name, sizeof(name), "%.*s", (int)(eq - text), text);
	if (strcmp(eq, "=DER:") == 0) { /* no octets: OpenSSL's words cannot say it */
		ASN1_OBJECT *oid = OBJ_txt2obj(name, 1);
		ASN1_OCTET_STRING *none = ASN1_OCTET_STRING_new();

		ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, none);
		ASN1_OCTET_STRING_free(none);
		ASN1_OBJECT_free(oid);
		return ext;
	}
	X509V3_set_ctx(&ctx, issuer, subject, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&ctx);
	ext = X509V3_EXT_nconf(NULL, &ctx, name, eq + 1);
	if (!ext) {
		ERR_print_errors_fp(stderr);
		abort();
	}
	return ext;
}

static inline X509_NAME *
forge_name(const char *cn)
{
	X509_NAME *name = X509_NAME_new();

	/* as given: MBSTRING_UTF8 would hold to the upper bound of 64 */
	if (cn)
		X509_NAME_add_entry_by_txt(
			name, "CN", V_ASN1_UTF8STRING, (const unsigned char *)cn, -1, -1, 0);
	return name;
}

/* An unsigned request; `exts` ends with NULL or after FORGE_EXTS. */
static inline X509_REQ *
forge_req(EVP_PKEY *key, const char *cn, const char *const exts[FORGE_EXTS])
{
	X509_REQ *req = X509_REQ_new();
	X509_NAME *name = forge_name(cn);
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();

	X509_REQ_set_subject_name(req, name);
	X509_NAME_free(name);
	X509_REQ_set_pubkey(req, key);
	for (int i = 0; i < FORGE_EXTS && exts[i]; i++)
		sk_X509_EXTENSION_push(list, forge_ext(exts[i], NULL, NULL));
	if (sk_X509_EXTENSION_num(list) > 0)
		X509_REQ_add_extensions(req, list);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return req;
}

/* Signs, writes and frees; a NULL md is for Ed25519. */
static inline struct span
forge_req_der(X509_REQ *req, EVP_PKEY *key, const EVP_MD *md)
{
	unsigned char *der = NULL;
	int n;

	X509_REQ_sign(req, key, md);
	n = i2d_X509_REQ(req, &der);
	X509_REQ_free(req);
	return span_of(der, (size_t)n);
}

static inline struct span
forge_csr(EVP_PKEY *key, const char *cn, const char *const exts[FORGE_EXTS])
{
	return forge_req_der(forge_req(key, cn, exts), key,
		EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256());
}

struct forge_cert {
	const char *cn;
	EVP_PKEY *key;
	X509 *issuer;         /* NULL = itself */
	EVP_PKEY *issuer_key; /* NULL = its own */
	int64_t not_before_unix_s, not_after_unix_s;
	const char *serial; /* decimal or 0x, NULL = "1" */
	const char *batch;  /* a serialNumber in the subject */
	const EVP_MD *md;   /* NULL = SHA-256 */
	bool is_v1;
	const char *exts[FORGE_EXTS];
};

static inline X509 *
forge_x509(const struct forge_cert *f)
{
	X509 *x = X509_new();
	X509_NAME *name = forge_name(f->cn);
	EVP_PKEY *signer = f->issuer_key ? f->issuer_key : f->key;
	const EVP_MD *md = NULL;
	ASN1_INTEGER *serial = s2i_ASN1_INTEGER(NULL, f->serial ? f->serial : "1");

	if (f->batch)
		X509_NAME_add_entry_by_txt(name, "serialNumber", V_ASN1_PRINTABLESTRING,
			(const unsigned char *)f->batch, -1, -1, 0);
	X509_set_version(x, f->is_v1 ? X509_VERSION_1 : X509_VERSION_3);
	X509_set_serialNumber(x, serial);
	ASN1_INTEGER_free(serial);
	X509_set_subject_name(x, name);
	X509_set_issuer_name(x, f->issuer ? X509_get_subject_name(f->issuer) : name);
	X509_NAME_free(name);
	ASN1_TIME_set(X509_getm_notBefore(x), f->not_before_unix_s);
	ASN1_TIME_set(X509_getm_notAfter(x), f->not_after_unix_s);
	X509_set_pubkey(x, f->key);
	for (int i = 0; i < FORGE_EXTS && f->exts[i]; i++) {
		X509_EXTENSION *ext = forge_ext(f->exts[i], f->issuer ? f->issuer : x, x);

		X509_add_ext(x, ext, -1);
		X509_EXTENSION_free(ext);
	}
	if (EVP_PKEY_get_base_id(signer) != EVP_PKEY_ED25519)
		md = f->md ? f->md : EVP_sha256();
	X509_sign(x, signer, md);
	return x;
}

static inline struct span
forge_x509_der(X509 *x)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	return span_of(der, (size_t)n);
}

static inline void
forge_pem(struct buf *out, X509 *x)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	PEM_write_bio_X509(bio, x);
	n = BIO_get_mem_data(bio, &text);
	buf_add(out, text, (size_t)n);
	BIO_free(bio);
}

/* A revocation list. `serials` ends with NULL; `exts` are the list's, `entry_ext` each entry's. */
struct forge_crl {
	X509 *issuer;
	EVP_PKEY *key;
	int64_t this_unix_s, next_unix_s; /* 0 = no nextUpdate */
	const EVP_MD *md;                 /* NULL = SHA-256 */
	const char *serials[4];
	const char *exts[4];
	const char *entry_ext;
};

static inline void
forge_crl_entry(X509_CRL *crl, const char *text, const char *ext_text, int64_t at_unix_s)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_INTEGER *serial = s2i_ASN1_INTEGER(NULL, text);
	ASN1_TIME *at = ASN1_TIME_set(NULL, at_unix_s);

	X509_REVOKED_set_serialNumber(entry, serial);
	X509_REVOKED_set_revocationDate(entry, at);
	if (ext_text) {
		X509_EXTENSION *ext = forge_ext(ext_text, NULL, NULL);

		X509_REVOKED_add_ext(entry, ext, -1);
		X509_EXTENSION_free(ext);
	}
	X509_CRL_add0_revoked(crl, entry);
	ASN1_INTEGER_free(serial);
	ASN1_TIME_free(at);
}

static inline struct span
forge_crl_der(const struct forge_crl *f)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *at = ASN1_TIME_set(NULL, f->this_unix_s), *next = ASN1_TIME_set(NULL, f->next_unix_s);
	unsigned char *der = NULL;
	int n;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(f->issuer));
	X509_CRL_set1_lastUpdate(crl, at);
	if (f->next_unix_s)
		X509_CRL_set1_nextUpdate(crl, next);
	ASN1_TIME_free(at);
	ASN1_TIME_free(next);
	for (int i = 0; i < 4 && f->serials[i]; i++)
		forge_crl_entry(crl, f->serials[i], f->entry_ext, f->this_unix_s);
	for (int i = 0; i < 4 && f->exts[i]; i++) {
		X509_EXTENSION *ext = forge_ext(f->exts[i], f->issuer, NULL);

		X509_CRL_add_ext(crl, ext, -1);
		X509_EXTENSION_free(ext);
	}
	X509_CRL_sign(crl, f->key, f->md ? f->md : EVP_sha256());
	n = i2d_X509_CRL(crl, &der);
	X509_CRL_free(crl);
	return span_of(der, (size_t)n);
}

static inline void
forge_crl_pem(struct buf *out, struct span der)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	PEM_write_bio(bio, PEM_STRING_X509_CRL, "", (const unsigned char *)der.p, (long)der.n);
	n = BIO_get_mem_data(bio, &text);
	buf_add(out, text, (size_t)n);
	BIO_free(bio);
}

static inline void
forge_free(struct span s)
{
	OPENSSL_free((void *)(uintptr_t)s.p);
}
#endif
