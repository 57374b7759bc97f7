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

/* Add the dns and ip names of a subjectAltName. False, with `pr` for the first fault
 * (PROBLEM_MALFORMED), if there is anything else in it or more than IDENTS_MAX names; what could be
 * read is added all the same. */
bool names_read(const GENERAL_NAMES *san, struct idents *names, struct problem *pr);
/* The same names as a subjectAltName, owned by the caller; NULL without memory. */
GENERAL_NAMES *names_make(const struct idents *names);

/* Attribute octets as text, at most `max` octets of UTF-8 without NUL. */
bool asn1_text(const ASN1_STRING *s, size_t max, char *dst);

#define AUTO_X509 __attribute__((cleanup(x509_auto_free))) X509
#define AUTO_NAMES __attribute__((cleanup(names_auto_free))) GENERAL_NAMES
void x509_auto_free(X509 **x509);
void names_auto_free(GENERAL_NAMES **names);
#endif
