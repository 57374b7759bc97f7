/* android.c - Android's format `android-key`: Google certifies a key of the phone's TEE or
 * StrongBox, and that certifies the attested key together with its description. What the
 * description's hardwareEnforced says comes from there; softwareEnforced is only the operating
 * system's word. */
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "attest/format.h"
#include "attest/key_desc.h"
#include "base/secret.h"

#define OID_KEY_DESC                                                                               \
	SPAN("\x2b\x06\x01\x04\x01\xd6\x79\x02\x01\x11") /* 1.3.6.1.4.1.11129.2.1.17               \
							  */
#define HARDWARE "keyDescription.hardwareEnforced"

enum { ORIGIN_GENERATED, LEVEL_STRONGBOX = 2 };

/* Only the leaf may have the extension: an attested key that is used as a CA shows by its own (it
 * is what lets issuers go without a CA flag, which real phones' intermediates lack). */
static bool
read_desc(const struct statement *st, struct key_desc *ret, struct problem *pr)
{
	struct span ext;

	for (size_t i = 1; i < st->path.held; i++) {
		if (cert_ext(st->path.certs[i], OID_KEY_DESC, &ext))
			return problem_set(pr, PROBLEM_BAD_ATTESTATION,
				"x5c[%zu]: has a keyDescription, so it is an attested key and no "
				"issuer",
				i);
	}
	if (!cert_ext(stmt_leaf(st), OID_KEY_DESC, &ext))
		return attest_refuse(
			pr, "keyDescription", "x5c[0] has no extension 1.3.6.1.4.1.11129.2.1.17");
	return key_desc_parse(ext, ret, pr);
}

/* Chains made in the factory outlive their dates: Google ignores those if the certificate below the
 * root names a batch by a serialNumber. Those provisioned over the network are renewed every few
 * weeks. */
static bool
is_factory_chain(const struct path *path)
{
	const X509_NAME *subject, *issuer;

	for (size_t i = path->given; i-- > 1;) {
		subject = X509_get_subject_name(path->certs[i]->x509);
		issuer = X509_get_issuer_name(path->certs[i]->x509);
		if (X509_NAME_cmp(subject, issuer) != 0)
			return X509_NAME_get_index_by_NID(subject, NID_serialNumber, -1) >= 0;
	}
	return false;
}

static bool
check_path(struct statement *st, struct problem *pr)
{
	/* the phone's own clock dates the leaf, often to 1970 */
	struct path_rules rules = {.leaf_any_time = true, .plain_issuers = true};

	if (!stmt_certs(st, pr))
		return false;
	rules.expired_issuers = is_factory_chain(&st->path);
	if (!stmt_path(st, rules, pr))
		return false;
	if (st->path.count < 2)
		return attest_refuse(pr, "x5c", "no certificate between the leaf and the root");
	return true;
}

/* V14: the key authorization as it is, or its SHA-256; in WebAuthn the hash at the end of the data.
 */
static bool
check_challenge(const struct statement *st, const struct key_desc *desc, struct problem *pr)
{
	struct span want = st->data;

	if (attest_is_webauthn(st))
		want = span_from(want, want.n - 32);
	else if (secret_eq(desc->challenge, span_of(st->sha256, sizeof(st->sha256))))
		return true;
	if (!secret_eq(desc->challenge, want))
		return attest_refuse(
			pr, "keyDescription.attestationChallenge", "not the key authorization");
	return true;
}

static bool
check_protection(struct statement *st, const struct key_desc *desc, struct problem *pr)
{
	if (desc->attestation_level == 0)
		return attest_refuse(pr, "keyDescription.attestationSecurityLevel", "software");
	if (desc->keymint_level == 0)
		return attest_refuse(pr, "keyDescription.keyMintSecurityLevel", "software");
	if (desc->hardware.origin != ORIGIN_GENERATED)
		return attest_refuse(
			pr, HARDWARE ".origin", "missing, or the key was not generated there");
	if (!desc->hardware.root_of_trust.n)
		return attest_refuse(pr, HARDWARE ".rootOfTrust", "missing");
	if (!desc->root_of_trust.device_locked)
		return attest_refuse(
			pr, HARDWARE ".rootOfTrust.deviceLocked", "the boot loader is unlocked");
	if (desc->root_of_trust.boot_state != 0)
		return attest_refuse(pr, HARDWARE ".rootOfTrust.verifiedBootState",
			"%llu, not verified (0)",
			(unsigned long long)desc->root_of_trust.boot_state);
	st->facts.protection =
		desc->attestation_level == LEVEL_STRONGBOX && desc->keymint_level == LEVEL_STRONGBOX
			? ATTEST_STRONGBOX
			: ATTEST_TEE;
	return true;
}

static bool
add_id(struct statement *st, struct span id, const char *field, struct problem *pr)
{
	return !id.n || facts_add_id(st, ATTEST_PERMANENT_IDENTIFIER, id, NULL, field, pr);
}

static bool
read_device(struct statement *st, const struct auth_list *hw, struct problem *pr)
{
	struct attest_facts *facts = &st->facts;

	if (hw->manufacturer.n)
		fact_text(hw->manufacturer, facts->manufacturer);
	if (hw->model.n)
		fact_text(hw->model, facts->model);
	if (hw->os_version >= 0)
		snprintf(facts->os_version, ATTEST_TEXT, "%d.%d.%d", (int)(hw->os_version / 10000),
			(int)(hw->os_version / 100 % 100), (int)(hw->os_version % 100));
	facts->os_patch = (int)hw->os_patch;
	facts->vendor_patch = (int)hw->vendor_patch;
	facts->boot_patch = (int)hw->boot_patch;
	facts->device_locked = 1;
	snprintf(facts->boot, ATTEST_TEXT, "verified");
	return add_id(st, hw->serial, HARDWARE ".attestationIdSerial", pr) &&
	       add_id(st, hw->imei, HARDWARE ".attestationIdImei", pr) &&
	       add_id(st, hw->meid, HARDWARE ".attestationIdMeid", pr) &&
	       add_id(st, hw->second_imei, HARDWARE ".attestationIdSecondImei", pr);
}

bool
attest_android(struct statement *st, struct problem *pr)
{
	const struct cose_alg *alg;
	struct key_desc desc;
	struct span sig;

	if (!stmt_alg(st, &alg, pr) || !stmt_bytes(st, "sig", &sig, pr) || !check_path(st, pr) ||
		!read_desc(st, &desc, pr) || !facts_key_of_leaf(st, pr))
		return false;
	return check_protection(st, &desc, pr) && check_challenge(st, &desc, pr) &&
	       read_device(st, &desc.hardware, pr) &&
	       stmt_signature(alg, stmt_leaf(st)->key, sig, st->data, pr);
}
