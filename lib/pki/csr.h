/* csr.h - certificate requests (PKCS#10, RFC 2986). Any thread. */
#ifndef PKI_CSR_H
#define PKI_CSR_H

#include <openssl/x509.h>

#include "pki/ident.h"
#include "pki/key.h"

#define CSR_MAX_BYTES (16 * 1024)
#define CSR_RDN_NAME_TEXT 65
#define CSR_CN_TEXT 65 /* ub-common-name, RFC 5280 appendix A.1 */

struct csr {
	EVP_PKEY *key;       /* owned */
	enum key_type key_type;
	char key_hash[KEY_HASH_TEXT];
	struct idents names; /* of the SAN; may be empty */
	/* of the subject, as they came but for empty ones: names too, or a device in the words of a client that has no other
	 * place for it; that is for the caller to judge */
	struct csr_cn { char text[CSR_CN_TEXT]; } *common_names; /* owned */
	size_t common_name_count;
	/* what else the subject says, by the attribute's short name or OID; what is longer than an identifier can be is none */
	struct csr_rdn { char name[CSR_RDN_NAME_TEXT], text[IDENT_VALUE]; } *rdns; /* owned */
	size_t rdn_count;
	bool must_staple;
	STACK_OF(ASN1_OBJECT) *eku; /* owned; NULL if not asked for */
};

/* Exactly one PKCS#10 in DER and nothing behind it; self-signature verified; SHA-2 with RSA (PKCS #1 v1.5), ECDSA or
 * Ed25519. Refused with PROBLEM_BAD_CSR: email/URI/other SANs but those of devices (ext.h), a CN over 64 octets, CA:TRUE or keyCertSign, duplicate extensions, a second extensionRequest (PKCS#9 or Microsoft's), names that are not
 * identifiers, more than IDENTS_MAX of them, keys that key_check refuses, unknown critical extensions. Other attributes
 * (challengePassword) and unknown extensions that are not critical mean nothing to us and are ignored. */
bool csr_parse(struct span der, struct csr **ret, struct problem *pr) __attribute__((warn_unused_result));
void csr_free(struct csr *csr);
/* A request of our own: these names in the SAN, an empty subject, signed with SHA-256. DER. */
bool csr_make(EVP_PKEY *key, const struct idents *names, struct buf *ret_der, struct problem *pr) __attribute__((warn_unused_result));
/* Does the CSR's extendedKeyUsage list this NID? */
bool csr_wants_eku(const struct csr *csr, int nid);
#endif
