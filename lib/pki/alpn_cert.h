/* alpn_cert.h - the certificate that proves a name by tls-alpn-01 (RFC 8737 3, RFC 8738 6): is this one (V3), and made. Pure; any
 * thread. */
#ifndef PKI_ALPN_CERT_H
#define PKI_ALPN_CERT_H

#include <openssl/types.h>

#include "pki/ident.h"

#define ALPN_DIGEST_OCTETS 32

/* A certificate in DER: signed by itself; its subjectAltName is the identifier and nothing else; it has acmeIdentifier once,
 * critical, with this digest of the key authorization; no extension twice, no critical one that is unknown. Else
 * PROBLEM_UNAUTHORIZED with a detail for the device's owner; *ret_final = it is the proof of another key authorization. */
bool alpn_cert_check(struct span der, const struct ident *ident, const unsigned char digest[ALPN_DIGEST_OCTETS], bool *ret_final,
	struct problem *pr) __attribute__((warn_unused_result));

/* One that is, good for a day, and its key, made for it alone; both the caller's. */
bool alpn_cert_make(const struct ident *ident, const unsigned char digest[ALPN_DIGEST_OCTETS], int64_t now_unix_s, X509 **ret,
	EVP_PKEY **ret_key, struct problem *pr) __attribute__((warn_unused_result));
#endif
