/* step.c - smallstep's format `step`: a YubiKey's PIV slot, certified by the key's own attestation
 * certificate, which Yubico certified. The attested key signs the key authorization itself; `sig`
 * is a byte string that holds CBOR again, a byte string with the signature. */
#include <stdio.h>

#include "attest/format.h"
#include "pki/der.h"

#define OID_YUBICO_PIV "\x2b\x06\x01\x04\x01\x82\xc4\x0a\x03" /* 1.3.6.1.4.1.41482.3 */
#define OID_SMALLSTEP_ID                                                                           \
	SPAN("\x2b\x06\x01\x04\x01\x82\xa4\x64\xc6\x28\x40\x04") /* 1.3.6.1.4.1.37476.9000.64.4 */

/* A Yubico extension of `n` octets: bare, or (firmware 5.7 as reported) in an OCTET STRING. False
 * if it is absent or of another length. */
static bool
piv_octets(const struct cert *cert, struct span oid, size_t n, struct span *ret)
{
	struct span value;

	if (!cert_ext(cert, oid, &value))
		return false;
	if (value.n != n && (!der_only(value, DER_OCTETS, &value) || value.n != n))
		return false;
	*ret = value;
	return true;
}

static bool
read_piv(struct statement *st, struct problem *pr)
{
	const struct cert *leaf = stmt_leaf(st);
	struct attest_facts *facts = &st->facts;
	struct span octets;

	/* what tells a slot from the other certificates under Yubico's root */
	if (!piv_octets(leaf, SPAN(OID_YUBICO_PIV "\x03"), 3, &octets))
		return attest_refuse(pr, "x5c[0]",
			"the firmware extension (1.3.6.1.4.1.41482.3.3) is missing or malformed");
	snprintf(facts->firmware, ATTEST_TEXT, "%u.%u.%u", octets.p[0] & 0xffu, octets.p[1] & 0xffu,
		octets.p[2] & 0xffu);
	if (!piv_octets(leaf, SPAN(OID_YUBICO_PIV "\x08"), 2, &octets))
		return attest_refuse(pr, "x5c[0]",
			"the policy extension (1.3.6.1.4.1.41482.3.8) is missing or malformed");
	facts->pin_policy = octets.p[0] & 0xff;
	facts->touch_policy = octets.p[1] & 0xff;
	if (piv_octets(leaf, SPAN(OID_YUBICO_PIV "\x09"), 1, &octets))
		facts->form_factor = octets.p[0] & 0xff;
	snprintf(facts->manufacturer, ATTEST_TEXT, "Yubico");
	return true;
}

static bool
read_serial(struct statement *st, struct span value, struct problem *pr)
{
	struct span body;
	uint64_t serial;
	char text[24];

	if (!der_only(value, DER_INTEGER, &body) || !der_uint(body, INT64_MAX, &serial))
		return attest_refuse(pr, "x5c[0]",
			"the serial extension (1.3.6.1.4.1.41482.3.7) is not a positive INTEGER");
	snprintf(text, sizeof(text), "%llu", (unsigned long long)serial);
	return facts_add_id(st, ATTEST_PERMANENT_IDENTIFIER, span_str(text), NULL, "x5c[0]", pr);
}

/* SEQUENCE of one string, for devices that smallstep manages. */
static bool
read_smallstep(struct statement *st, struct span value, struct problem *pr)
{
	struct span body, text;

	if (!der_only(value, DER_SEQUENCE, &body) ||
		(!der_only(body, DER_UTF8, &text) && !der_only(body, DER_PRINTABLE, &text)))
		return attest_refuse(
			pr, "x5c[0]", "extension 1.3.6.1.4.1.37476.9000.64.4 is not one string");
	return facts_add_id(st, ATTEST_PERMANENT_IDENTIFIER, text, NULL, "x5c[0]", pr);
}

static bool
read_device(struct statement *st, struct problem *pr)
{
	struct span smallstep, serial;

	st->facts.protection = ATTEST_YUBIKEY;
	if (cert_ext(stmt_leaf(st), OID_SMALLSTEP_ID, &smallstep))
		return read_smallstep(st, smallstep, pr);
	if (!read_piv(st, pr))
		return false;
	/* a YubiKey 4 has none */
	return !cert_ext(stmt_leaf(st), SPAN(OID_YUBICO_PIV "\x07"), &serial) ||
	       read_serial(st, serial, pr);
}

bool
attest_step(struct statement *st, struct problem *pr)
{
	const struct cose_alg *alg;
	struct cbor inner;
	struct problem why = {0};
	struct span sig;

	if (!stmt_alg(st, &alg, pr) || !stmt_bytes(st, "sig", &sig, pr) || !stmt_certs(st, pr) ||
		!stmt_path(st, (struct path_rules){0}, pr) || !facts_key_of_leaf(st, pr) ||
		!read_device(st, pr))
		return false;
	if (!cbor_parse(sig, PROBLEM_BAD_ATTESTATION, &inner, &why) || inner.type != CBOR_BYTES)
		return attest_refuse(
			pr, "attStmt.sig", "not a CBOR byte string within its byte string");
	return stmt_signature(alg, stmt_leaf(st)->key, inner.data, st->data, pr);
}
