/* packed.c - WebAuthn's format `packed` with a batch certificate (WebAuthn Level 2, 8.2). Never
 * accepted as an answer to a challenge (V12; attest.c refuses it): here for the real statements of
 * many makers that signatures and chains are tested by.
 */
#include <stdio.h>

#include "attest/format.h"
#include "pki/der.h"

#define OID_AAGUID                                                                                 \
	SPAN("\x2b\x06\x01\x04\x01\x82\xe5\x1c\x01\x01\x04") /* 1.3.6.1.4.1.45724.1.1.4 */
#define AAGUID_AT 37 /* in authData, behind the hash of the party, flags and counter */
#define AAGUID_BYTES 16
#define UNIT "Authenticator Attestation"

static bool
check_unit(const struct cert *leaf, struct problem *pr)
{
	const X509_NAME *subject = X509_get_subject_name(leaf->x509);
	int at = X509_NAME_get_index_by_NID(subject, NID_organizationalUnitName, -1);
	const ASN1_STRING *unit =
		at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));

	if (!unit ||
		!span_is(span_of(ASN1_STRING_get0_data(unit), (size_t)ASN1_STRING_length(unit)),
			UNIT))
		return attest_refuse(pr, "x5c[0].subject", "its OU is not \"" UNIT "\"");
	return true;
}

static bool
check_aaguid(struct statement *st, struct problem *pr)
{
	struct span value, aaguid;

	if (st->data.n < AAGUID_AT + AAGUID_BYTES)
		return attest_refuse(pr, "authData", "too short");
	aaguid = span_of(st->data.p + AAGUID_AT, AAGUID_BYTES);
	if (cert_ext(stmt_leaf(st), OID_AAGUID, &value) &&
		(!der_only(value, DER_OCTETS, &value) || !span_eq(value, aaguid)))
		return attest_refuse(pr, "x5c[0]", "its AAGUID is not that of authData");
	for (size_t i = 0; i < AAGUID_BYTES; i++)
		snprintf(st->facts.model + 2 * i, 3, "%02x", aaguid.p[i] & 0xff);
	return true;
}

bool
attest_packed(struct statement *st, struct problem *pr)
{
	const struct cose_alg *alg;
	struct span sig;

	if (!stmt_alg(st, &alg, pr) || !stmt_bytes(st, "sig", &sig, pr) || !stmt_certs(st, pr) ||
		!stmt_path(st, (struct path_rules){0}, pr) || !facts_key_of_leaf(st, pr))
		return false;
	st->facts.protection = ATTEST_AUTHENTICATOR;
	return check_unit(stmt_leaf(st), pr) && check_aaguid(st, pr) &&
	       stmt_signature(alg, stmt_leaf(st)->key, sig, st->data, pr);
}
