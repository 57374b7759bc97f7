/* tpm.c - format `tpm` (WebAuthn Level 2, 8.3): an attestation key, whose certificate says which
 * TPM it is in, certifies the application's key. Order: structure, chain, the certificate, then
 * what the TPM signed, then what it signed about.
 *
 * What cannot be seen here: that the attestation key itself is restricted, so that it signs nothing
 * forged. The CA that certifies it must have looked (draft, section 8; TPM2_ActivateCredential). */
#include <openssl/evp.h>
#include <tss2/tss2_mu.h>

#include "attest/tpm.h"
#include "base/secret.h"

#define FIELD "certInfo"

struct members {
	struct span ver, sig, cert_info, pub_area;
	const struct cose_alg *alg;
};

static bool
read_members(const struct statement *st, struct members *m, struct problem *pr)
{
	if (!stmt_text(st, "ver", &m->ver, pr) || !stmt_alg(st, &m->alg, pr) ||
		!stmt_bytes(st, "sig", &m->sig, pr) ||
		!stmt_bytes(st, "certInfo", &m->cert_info, pr) ||
		!stmt_bytes(st, "pubArea", &m->pub_area, pr))
		return false;
	if (!span_is(m->ver, "2.0"))
		return attest_refuse(pr, "attStmt.ver", "\"%s\", not \"2.0\"", QUOTE(m->ver));
	return true;
}

/* Magic and type first, by hand: they say of what kind the rest is, and deserve a word of their
 * own. */
static bool
read_cert_info(struct span in, TPMS_ATTEST *ret, struct problem *pr)
{
	const uint8_t *p = (const uint8_t *)in.p;
	UINT32 magic;
	TPM2_ST type;
	size_t at = 0;

	if (in.n < sizeof(magic) + sizeof(type))
		return attest_refuse(pr, FIELD, "too short");
	if (Tss2_MU_UINT32_Unmarshal(p, in.n, &at, &magic) != TSS2_RC_SUCCESS ||
		magic != TPM2_GENERATED_VALUE)
		return attest_refuse(pr, FIELD ".magic", "not 0xff544347: not made by a TPM");
	if (Tss2_MU_TPM2_ST_Unmarshal(p, in.n, &at, &type) != TSS2_RC_SUCCESS ||
		type != TPM2_ST_ATTEST_CERTIFY)
		return attest_refuse(pr, FIELD ".type", "not 0x8017 (TPM_ST_ATTEST_CERTIFY)");
	at = 0;
	if (Tss2_MU_TPMS_ATTEST_Unmarshal(p, in.n, &at, ret) != TSS2_RC_SUCCESS)
		return attest_refuse(pr, FIELD, "not a TPMS_ATTEST");
	if (at != in.n)
		return attest_refuse(pr, FIELD, "%zu octets behind it", in.n - at);
	return true;
}

/* V13: SHA-256 of the key authorization whatever `alg` is; WebAuthn takes the hash of `alg`. */
static bool
check_extra_data(const struct statement *st, const struct cose_alg *alg, const TPM2B_DATA *extra,
	struct problem *pr)
{
	struct span got = span_of(extra->buffer, extra->size),
		    want = span_of(st->sha256, sizeof(st->sha256));
	unsigned char md[EVP_MAX_MD_SIZE];

	if (attest_is_webauthn(st)) {
		if (!EVP_Q_digest(NULL, alg->md, NULL, st->data.p, st->data.n, md, NULL))
			return problem_internal(pr, "hash of WebAuthn data");
		want = span_of(md, alg->md_bytes);
	}
	return secret_eq(got, want) ||
	       attest_refuse(pr, FIELD ".extraData", "not SHA-256 of the key authorization");
}

/* A qualified name's parents are not in the statement, so its value cannot be checked; its form
 * can. */
static bool
check_qualified(const TPM2B_NAME *name, const char *field, struct problem *pr)
{
	size_t n;

	if (name->size < 2 || !tpm_hash((uint16_t)(name->name[0] << 8 | name->name[1]), &n) ||
		name->size != 2 + n)
		return attest_refuse(pr, field, "not the name of an object");
	return true;
}

static bool
check_certified(
	struct statement *st, const struct members *m, const TPMS_ATTEST *info, struct problem *pr)
{
	const TPMS_CERTIFY_INFO *certify = &info->attested.certify;
	EVP_PKEY *key = NULL;
	AUTO_BUF spki = BUF_MAX(TPM_SPKI_MAX_BYTES);
	struct tpm_name name;

	if (!check_extra_data(st, m->alg, &info->extraData, pr) ||
		!check_qualified(&info->qualifiedSigner, FIELD ".qualifiedSigner", pr) ||
		!check_qualified(&certify->qualifiedName, FIELD ".attested.qualifiedName", pr) ||
		!tpm_public_read(m->pub_area, &key, &spki, &name, pr) ||
		!facts_set_key(st, key, buf_span(&spki), "pubArea", pr))
		return false;
	/* the one tie between what was signed and the key */
	if (!secret_eq(
		    span_of(certify->name.name, certify->name.size), span_of(name.octets, name.n)))
		return attest_refuse(pr, FIELD ".attested.name", "not the name of pubArea");
	return true;
}

bool
attest_tpm(struct statement *st, struct problem *pr)
{
	struct members m;
	TPMS_ATTEST info = {0};

	if (!read_members(st, &m, pr) || !stmt_certs(st, pr) ||
		!stmt_path(st, (struct path_rules){0}, pr) || !tpm_ak_check(st, pr) ||
		!read_cert_info(m.cert_info, &info, pr) ||
		!tpm_signature_check(m.sig, m.alg, stmt_leaf(st)->key, m.cert_info, pr))
		return false;
	st->facts.protection = ATTEST_IN_TPM;
	return check_certified(st, &m, &info, pr);
}
