/* tpm.h - the parts of format `tpm`. For lib/attest itself; it alone sees libtss2-mu. Pure. */
#ifndef ATTEST_TPM_H
#define ATTEST_TPM_H

#include "attest/format.h"

/* x5c[0], the attestation key's certificate (WebAuthn Level 2, 8.3.1): empty subject, TCG's names
 * of the TPM in a critical SAN, EKU 2.23.133.8.3, basicConstraints present. Fills names and
 * identifiers of the facts. */
bool tpm_ak_check(struct statement *st, struct problem *pr) MUST_CHECK;

/* pubArea, a TPMT_PUBLIC: its key, if it may only be used in this TPM, was made there and can sign
 * a CSR; that as SubjectPublicKeyInfo, and its name. */
#define TPM_NAME_MAX (2 + 64)
#define TPM_SPKI_MAX_BYTES 2048
struct tpm_name {
	unsigned char octets[TPM_NAME_MAX]; /* nameAlg || H(pubArea) */
	size_t n;
};
bool tpm_public_read(struct span pub_area, EVP_PKEY **ret, struct buf *ret_spki,
	struct tpm_name *ret_name, struct problem *pr) MUST_CHECK;
/* EVP's name of a hash that names are made by, and its length; NULL for SHA-1 and others. */
const char *tpm_hash(uint16_t alg, size_t *ret_bytes);

/* sig over certInfo, TPMT_SIGNATURE or bare; the hash is `alg`'s, the key's type the certificate's
 * (V13). */
bool tpm_signature_check(struct span sig, const struct cose_alg *alg, EVP_PKEY *ak,
	struct span cert_info, struct problem *pr) MUST_CHECK;
#endif
