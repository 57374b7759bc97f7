/* tpm_pub.c - the attested key as the TPM describes it (TPM 2.0 Library part 2, TPMT_PUBLIC). */
#include <openssl/evp.h>
#include <tss2/tss2_mu.h>

#include "attest/tpm.h"

#define FIELD "pubArea"
#define COORDINATE_MAX 66

static const struct {
	uint32_t bit;
	bool set;
	const char *name;
} attributes[] = {
	{TPMA_OBJECT_FIXEDTPM, true, "fixedTPM"},
	{TPMA_OBJECT_FIXEDPARENT, true, "fixedParent"},
	{TPMA_OBJECT_SENSITIVEDATAORIGIN, true, "sensitiveDataOrigin"},
	/* a restricted key signs what the TPM made, so no CSR; decrypt besides sign is common */
	{TPMA_OBJECT_RESTRICTED, false, "restricted"},
	{TPMA_OBJECT_SIGN_ENCRYPT, true, "sign"},
};

static const struct {
	TPMI_ECC_CURVE id;
	enum key_type type;
	size_t octets;
} curves[] = {
	{TPM2_ECC_NIST_P256, KEY_P256, 32},
	{TPM2_ECC_NIST_P384, KEY_P384, 48},
	{TPM2_ECC_NIST_P521, KEY_P521, 66},
};

const char *
tpm_hash(uint16_t alg, size_t *ret_bytes)
{
	static const struct {
		uint16_t alg;
		const char *name;
		size_t bytes;
	} hashes[] = {
		{TPM2_ALG_SHA256, "SHA256", 32},
		{TPM2_ALG_SHA384, "SHA384", 48},
		{TPM2_ALG_SHA512, "SHA512", 64},
	};

	for (size_t i = 0; i < COUNT_OF(hashes); i++) {
		if (hashes[i].alg == alg) {
			*ret_bytes = hashes[i].bytes;
			return hashes[i].name;
		}
	}
	return NULL;
}

static bool
name_make(uint16_t alg, struct span pub_area, struct tpm_name *ret, struct problem *pr)
{
	size_t n;
	const char *md = tpm_hash(alg, &n);

	if (!md)
		return attest_refuse(
			pr, FIELD ".nameAlg", "0x%04x, not SHA-256, SHA-384 or SHA-512", alg);
	ret->octets[0] = (unsigned char)(alg >> 8);
	ret->octets[1] = (unsigned char)alg;
	ret->n = 2 + n;
	if (!EVP_Q_digest(NULL, md, NULL, pub_area.p, pub_area.n, ret->octets + 2, NULL))
		return problem_internal(pr, "hash of a pubArea");
	return true;
}

static bool
rsa_read(const TPMT_PUBLIC *pub, EVP_PKEY **ret, struct buf *ret_spki, struct problem *pr)
{
	const TPM2B_PUBLIC_KEY_RSA *modulus = &pub->unique.rsa;
	/* 0 stands for the default exponent (part 2, 12.2.3.5) */
	uint32_t exponent = pub->parameters.rsaDetail.exponent;
	struct span n = span_of(modulus->buffer, modulus->size);

	exponent = exponent ? exponent : 65537;
	if (modulus->size * 8 == pub->parameters.rsaDetail.keyBits &&
		key_rsa_spki_write(n, exponent, ret_spki))
		*ret = key_from_rsa(n, exponent);
	return *ret || attest_refuse(pr, FIELD, "no RSA key of the %u bits it says",
			       pub->parameters.rsaDetail.keyBits);
}

static bool
ecc_read(const TPMT_PUBLIC *pub, EVP_PKEY **ret, struct buf *ret_spki, struct problem *pr)
{
	const TPM2B_ECC_PARAMETER *x = &pub->unique.ecc.x, *y = &pub->unique.ecc.y;
	unsigned char point[1 + 2 * COORDINATE_MAX] = {4};
	size_t i = 0, n;

	while (i < COUNT_OF(curves) && curves[i].id != pub->parameters.eccDetail.curveID)
		i++;
	if (i == COUNT_OF(curves))
		return attest_refuse(pr, FIELD ".curveID", "0x%04x, not P-256, P-384 or P-521",
			pub->parameters.eccDetail.curveID);
	n = curves[i].octets;
	if (x->size == 0 || x->size > n || y->size == 0 || y->size > n)
		return attest_refuse(pr, FIELD ".unique", "coordinates longer than the curve's");
	memcpy(point + 1 + n - x->size, x->buffer, x->size);
	memcpy(point + 1 + 2 * n - y->size, y->buffer, y->size);
	if (key_point_spki_write(curves[i].type, span_of(point, 1 + 2 * n), ret_spki))
		*ret = key_from_point(curves[i].type, span_of(point, 1 + 2 * n));
	return *ret || attest_refuse(pr, FIELD ".unique", "not a point of its curve");
}

static bool
check_attributes(uint32_t set, struct problem *pr)
{
	for (size_t i = 0; i < COUNT_OF(attributes); i++) {
		if (!(set & attributes[i].bit) == attributes[i].set)
			return attest_refuse(pr, FIELD ".objectAttributes", "%s is %s",
				attributes[i].name, attributes[i].set ? "clear" : "set");
	}
	return true;
}

bool
tpm_public_read(struct span pub_area, EVP_PKEY **ret, struct buf *ret_spki,
	struct tpm_name *ret_name, struct problem *pr)
{
	TPMT_PUBLIC pub = {0};
	size_t at = 0;

	if (Tss2_MU_TPMT_PUBLIC_Unmarshal((const uint8_t *)pub_area.p, pub_area.n, &at, &pub) !=
		TSS2_RC_SUCCESS)
		return attest_refuse(pr, FIELD, "not a TPMT_PUBLIC");
	if (at != pub_area.n)
		return attest_refuse(pr, FIELD, "%zu octets behind it", pub_area.n - at);
	if (!name_make(pub.nameAlg, pub_area, ret_name, pr) ||
		!check_attributes(pub.objectAttributes, pr))
		return false;
	if (pub.type == TPM2_ALG_RSA)
		return rsa_read(&pub, ret, ret_spki, pr);
	if (pub.type == TPM2_ALG_ECC)
		return ecc_read(&pub, ret, ret_spki, pr);
	return attest_refuse(pr, FIELD ".type", "0x%04x, not RSA or ECC", pub.type);
}
