/* mint.h - what the local CA signs: templates made outside the keeper, completed and signed inside. Any thread. */
#ifndef PKI_MINT_H
#define PKI_MINT_H

#include "pki/cert.h"

#define MINT_LEAF_MAX_BYTES (64 * 1024)        /* template or certificate */
#define MINT_CRL_MAX_BYTES (16 * 1024 * 1024) /* about 400 000 entries */
#define MINT_LEAF_MAX_S (398 * 86400LL)

struct mint_leaf {
	const struct idents *names;
	EVP_PKEY *key;                  /* the device's public key */
	unsigned char serial[16];       /* random; mint clears the top bit */
	int64_t not_before_unix_s, not_after_unix_s;
	const char *crl_url;            /* NULL = none */
	bool client_auth;               /* add clientAuth to serverAuth */
};

/* A certificate in DER, complete but for issuer, AKI and signature: the keeper sets those (mint_sign_leaf). It is signed
 * with a throw-away key so that it parses. Subject: the first dns name as CN if it has at most 64 octets, else empty and
 * the SAN critical (RFC 5280 4.2.1.6). Key usage digitalSignature, with RSA keyEncipherment too; SKI: RFC 7093 method 1. */
bool mint_leaf_template(const struct mint_leaf *leaf, struct buf *ret_der, struct problem *pr) __attribute__((warn_unused_result));

struct mint_revoked {
	const char *serial; /* hex, as cert->serial has it */
	int64_t at_unix_s;
	int reason;         /* CRLReason, -1 or 0 = none */
};
/* A revocation list in DER, complete but for issuer, AKI and signature (mint_sign_crl). */
bool mint_crl_template(const struct mint_revoked *list, size_t count, int64_t number, int64_t this_unix_s,
	int64_t next_unix_s, struct buf *ret_der, struct problem *pr) __attribute__((warn_unused_result));

/* Inside the keeper. A template is checked before it is signed, since the process that made it parses hostile bytes:
 * basicConstraints CA false, no key usage but digitalSignature, keyEncipherment and keyAgreement, no EKU but serverAuth and
 * clientAuth, SAN of dns and ip names and devices only, a CN out of the SAN or an empty subject, a key of key_check that is not the
 * CA's, a positive serial, validity within the CA's own and at most 398 d; no extension but SAN, basicConstraints, key
 * usage, EKU, SKI, AKI, CRL distribution points. Signed with SHA-256, with P-384 SHA-384, with P-521 SHA-512. A refusal is
 * our own fault: PROBLEM_SERVER_INTERNAL with the reason as cause. */
bool mint_sign_leaf(struct span template_der, X509 *ca, EVP_PKEY *ca_key, struct buf *ret_der, struct problem *pr)
	__attribute__((warn_unused_result));
/* No extension but the CRL number; entries with a reason at most; at most 398 d from this to next update. */
bool mint_sign_crl(struct span template_der, X509 *ca, EVP_PKEY *ca_key, struct buf *ret_der, struct problem *pr)
	__attribute__((warn_unused_result));
/* A self-signed CA certificate, pathlen 0, 10 years, notBefore a day back so that backdated leaves fit inside. A common
 * name that is not 1 to 64 characters: PROBLEM_MALFORMED. */
bool mint_ca(EVP_PKEY *ca_key, const char *common_name, int64_t now_unix_s, struct buf *ret_der, struct problem *pr)
	__attribute__((warn_unused_result));
#endif
