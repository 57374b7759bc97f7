/* crl.h - revocation lists of other CAs (X.509 CRLs, RFC 5280 section 5): whole ones, of an issuer that
 * signs its own. Any thread: a list is constant once it is verified. */
#ifndef PKI_CRL_H
#define PKI_CRL_H

#include "pki/cert.h"

#define CRL_FILE_MAX_BYTES (16 * 1024 * 1024)
#define CRLS_MAX 1024

struct crl {
	X509_CRL *x509; /* owned */
	int64_t this_update_unix_s, next_update_unix_s;
	char issuer[256]; /* one line of ASCII, perhaps cut, for people */
	char key_hash[KEY_HASH_TEXT]; /* of the key that signed it; "" before crl_verify */
};

/* Exactly one list in DER. Refused with PROBLEM_MALFORMED: one without nextUpdate, one that is a
 * delta, indirect or for some certificates only (issuingDistributionPoint), a critical extension, of
 * an entry, too, a signature that is not SHA-2 or Ed25519. Nothing is verified. */
bool crl_parse(struct span der, struct crl **ret, struct problem *pr) MUST_CHECK;
void crl_free(struct crl *crl);
/* Does it have the certificate's name, and is it signed by its key, which may sign lists? */
bool crl_verify(struct crl *crl, const struct cert *issuer);
/* Is it one that was verified to be of this issuer, by this certificate or another of the same name
 * and key? */
bool crl_is_of(const struct crl *crl, const struct cert *issuer);
/* Is the certificate on it? Whoever asks knows that both have one issuer. */
bool crl_has(const struct crl *crl, const struct cert *cert);

/* The lists of a file: one in DER, or any number in PEM. Added to `crls`; on failure none. */
struct crls {
	struct crl **list; /* owned */
	size_t count;
};
bool crls_read(struct crls *crls, struct span file, struct problem *pr) MUST_CHECK;
void crls_done(struct crls *crls);
#endif
