/* csr.h - certificate requests (PKCS#10, RFC 2986). Any thread. */
#ifndef PKI_CSR_H
#define PKI_CSR_H

#include <openssl/x509.h>

#include "pki/ident.h"
#include "pki/key.h"

#define CSR_MAX_BYTES (16 * 1024)

struct csr {
	X509_REQ *req;       /* owned */
	EVP_PKEY *key;       /* owned */
	enum key_type key_type;
	char key_hash[KEY_HASH_TEXT];
	struct idents names; /* SAN dns and ip, and CN when it is a dns name that is not in the SAN */
	bool must_staple;
};

/* Exactly one PKCS#10 and nothing behind it; self-signature verified; SHA-2 with RSA, ECDSA or Ed25519. Refused with
 * PROBLEM_BAD_CSR: email/URI/other SANs, IP in CN, CN over 64 octets, CA:TRUE, duplicate extensions, names that are not
 * identifiers, RSA below 2048 or over 8192 bits, unknown critical extensions. EKU and key usage are read, see csr_wants_eku. */
bool csr_parse(struct span der, struct csr **ret, struct problem *pr) __attribute__((warn_unused_result));
void csr_free(struct csr *csr);
/* Does the CSR's extendedKeyUsage list this NID? */
bool csr_wants_eku(const struct csr *csr, int nid);
#endif
