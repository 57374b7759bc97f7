/* ext.h - extensions of requests and certificates, read and written strictly. For lib/pki itself.
 * Any thread. */
#ifndef PKI_EXT_H
#define PKI_EXT_H

#include <openssl/x509v3.h>

#include "pki/ident.h"

#define EXTS_MAX 64

/* The value by the extension's own ASN.1 type; NULL for one OpenSSL has no type for, or if the
 * octets are not exactly one such value. Freed with that type's function. */
void *ext_decode(X509_EXTENSION *ext);
/* At most EXTS_MAX, none of them twice (RFC 5280 4.2); PROBLEM_MALFORMED. `exts` may be NULL. */
bool exts_check(const STACK_OF(X509_EXTENSION) *exts, struct problem *pr) MUST_CHECK;

/* Add the dns and ip names of a subjectAltName, and its devices. False, with `pr` for the first fault
 * (PROBLEM_MALFORMED), if there is anything else in it or more than IDENTS_MAX names; what could be
 * read is added all the same. */
bool names_read(const GENERAL_NAMES *san, struct idents *names, struct problem *pr);
/* The same names as a subjectAltName, owned by the caller; NULL without memory. */
GENERAL_NAMES *names_make(const struct idents *names);

/* device_name.c: a device's otherName, PROBLEM_MALFORMED for any other; and made, owned by the caller, NULL without memory. */
bool device_name_read(const OTHERNAME *name, struct ident *ret, struct problem *pr) MUST_CHECK;
OTHERNAME *device_name_make(const struct ident *id);

/* Attribute octets as text, at most `max` octets of UTF-8 without NUL. */
bool asn1_text(const ASN1_STRING *s, size_t max, char *dst);

/* One line of ASCII (RFC 4514), perhaps cut, for people. */
void name_line(const X509_NAME *name, char dst[256]);
bool asn1_time_get(const ASN1_TIME *t, int64_t *ret_unix_s);
/* SHA-256, SHA-384, SHA-512 or Ed25519? With RSASSA-PSS the name does not tell, and nobody sends it. */
bool signature_is_good(int signature_nid);

/* What mint.c and sign.c write certificates and CRLs with. Each is false if OpenSSL fails. */
#define KEYID_BYTES 20
#define USAGE_DIGITAL_SIGNATURE (1u << 0)
#define USAGE_KEY_ENCIPHERMENT (1u << 2)
#define USAGE_KEY_AGREEMENT (1u << 4)
#define USAGE_KEY_CERT_SIGN (1u << 5)
#define USAGE_CRL_SIGN (1u << 6)
bool ext_add(X509 *x509, int nid, bool critical, void *value); /* the value stays the caller's */
bool ext_add_basic_constraints(X509 *x509, bool ca);           /* critical; a CA with pathlen 0 */
bool ext_add_key_usage(X509 *x509, unsigned bits);             /* critical; USAGE_ */
bool ext_add_ski(X509 *x509);
/* Leftmost 160 bits of the key's SHA-256 (RFC 7093 section 2, method 1). */
bool keyid_of(const X509 *x509, unsigned char ret[KEYID_BYTES]);
/* Version 3, serial with the top bit cleared, validity, public key. */
bool x509_begin(X509 *x509, const unsigned char serial[16], int64_t not_before_unix_s,
	int64_t not_after_unix_s, EVP_PKEY *key);
bool x509_write(X509 *x509, struct buf *ret_der);
bool crl_write(X509_CRL *crl, struct buf *ret_der);
/* PROBLEM_SERVER_INTERNAL with OpenSSL's oldest error as cause. Always false. */
bool mint_failed(struct problem *pr, const char *what);

#define AUTO_X509 __attribute__((cleanup(x509_auto_free))) X509
#define AUTO_NAMES __attribute__((cleanup(names_auto_free))) GENERAL_NAMES
void x509_auto_free(X509 **x509);
void names_auto_free(GENERAL_NAMES **names);
#endif
