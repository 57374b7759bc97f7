/* mint.h - what the local CA signs: templates made outside the keeper, completed and signed inside. Any thread. */
#ifndef PKI_MINT_H
#define PKI_MINT_H

#include "pki/cert.h"

struct mint_leaf {
	const struct idents *names;
	EVP_PKEY *key;                  /* the device's public key */
	unsigned char serial[16];       /* random; mint clears the top bit */
	int64_t not_before_unix_s, not_after_unix_s;
	const char *crl_url;            /* NULL = none */
	bool client_auth;               /* add clientAuth to serverAuth */
};

/* A certificate in DER, complete but for issuer, AKI and signature: the keeper sets those (mint_sign_leaf). It is signed
 * with a throw-away key so that it parses. */
bool mint_leaf_template(const struct mint_leaf *leaf, struct buf *ret_der, struct problem *pr) __attribute__((warn_unused_result));

struct mint_revoked {
	const char *serial; /* hex */
	int64_t at_unix_s;
	int reason;         /* CRLReason, -1 or 0 = none */
};
bool mint_crl_template(const struct mint_revoked *list, size_t count, int64_t number, int64_t this_unix_s,
	int64_t next_unix_s, struct buf *ret_der, struct problem *pr) __attribute__((warn_unused_result));

/* Inside the keeper. A template is checked before it is signed: basicConstraints CA false, no keyCertSign, validity within
 * the CA's own, at most 398 d; extensions only from a fixed list. */
bool mint_sign_leaf(struct span template_der, X509 *ca, EVP_PKEY *ca_key, struct buf *ret_der, struct problem *pr)
	__attribute__((warn_unused_result));
bool mint_sign_crl(struct span template_der, X509 *ca, EVP_PKEY *ca_key, struct buf *ret_der, struct problem *pr)
	__attribute__((warn_unused_result));
/* A self-signed CA certificate, pathlen 0, 10 years. */
bool mint_ca(EVP_PKEY *ca_key, const char *common_name, int64_t now_unix_s, struct buf *ret_der, struct problem *pr)
	__attribute__((warn_unused_result));
#endif
