/* tpm_sig.c - the attestation key's signature over certInfo, in both encodings that exist:
 * TPMT_SIGNATURE, as smallstep's clients send it, and the bare signature of Windows. A bare PKCS #1
 * signature that fills a TPMT_SIGNATURE exactly is a chance of 2^-48; a bare ECDSA one begins with
 * 0x30 and never does. */
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <tss2/tss2_mu.h>

#include "attest/tpm.h"

#define FIELD "attStmt.sig"

static uint16_t
begins_with(struct span sig)
{
	return sig.n < 2 ? 0 : (uint16_t)((unsigned char)sig.p[0] << 8 | (unsigned char)sig.p[1]);
}

/* Is it a TPMT_SIGNATURE, all of it? The library is not asked about anything else: it would say on
 * stderr that it does not know it. */
static bool
is_structure(struct span sig, TPMT_SIGNATURE *ret)
{
	uint16_t alg = begins_with(sig);
	size_t at = 0;

	if (alg != TPM2_ALG_RSASSA && alg != TPM2_ALG_ECDSA)
		return false;
	return Tss2_MU_TPMT_SIGNATURE_Unmarshal((const uint8_t *)sig.p, sig.n, &at, ret) ==
		       TSS2_RC_SUCCESS &&
	       at == sig.n;
}

/* r and s as DER; its length, 0 = failed. */
static size_t
ecdsa_der(const TPMS_SIGNATURE_ECDSA *sig, unsigned char **ret)
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(sig->signatureR.buffer, sig->signatureR.size, NULL);
	BIGNUM *s = BN_bin2bn(sig->signatureS.buffer, sig->signatureS.size, NULL);
	int n = 0;

	if (pair && r && s && ECDSA_SIG_set0(pair, r, s)) {
		n = i2d_ECDSA_SIG(pair, ret);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(pair);
	return n > 0 ? (size_t)n : 0;
}

static bool
check_structure(const TPMT_SIGNATURE *sig, const struct cose_alg *alg, EVP_PKEY *ak,
	struct span cert_info, struct problem *pr)
{
	size_t bytes;
	const char *md = tpm_hash(sig->signature.any.hashAlg, &bytes);
	unsigned char *der = NULL;
	size_t n;
	bool good;

	if (!md || strcmp(md, alg->md) != 0)
		return attest_refuse(pr, "attStmt.alg",
			"another hash than that of the signature (0x%04x)",
			sig->signature.any.hashAlg);
	if ((sig->sigAlg == TPM2_ALG_RSASSA) != (EVP_PKEY_get_base_id(ak) == EVP_PKEY_RSA))
		return attest_refuse(pr, FIELD, "its algorithm 0x%04x is not for the key of x5c[0]",
			sig->sigAlg);
	if (sig->sigAlg == TPM2_ALG_RSASSA)
		return signature_verifies(md, ak,
			       span_of(sig->signature.rsassa.sig.buffer,
				       sig->signature.rsassa.sig.size),
			       cert_info) ||
		       attest_refuse(pr, FIELD, "does not sign certInfo by the key of x5c[0]");
	n = ecdsa_der(&sig->signature.ecdsa, &der);
	good = n && signature_verifies(md, ak, span_of(der, n), cert_info);
	OPENSSL_free(der);
	ERR_clear_error();
	return good || attest_refuse(pr, FIELD, "does not sign certInfo by the key of x5c[0]");
}

bool
tpm_signature_check(struct span sig, const struct cose_alg *alg, EVP_PKEY *ak,
	struct span cert_info, struct problem *pr)
{
	TPMT_SIGNATURE structure = {0};

	if (!alg->md)
		return attest_refuse(pr, "attStmt.alg", "COSE algorithm %lld is not one of a TPM",
			(long long)alg->alg);
	if (is_structure(sig, &structure))
		return check_structure(&structure, alg, ak, cert_info, pr);
	return signature_verifies(alg->md, ak, sig, cert_info) ||
	       attest_refuse(pr, FIELD, "does not sign certInfo by the key of x5c[0]");
}
