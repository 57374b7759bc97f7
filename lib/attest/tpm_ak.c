/* tpm_ak.c - the certificate of an attestation key. The TPM's names come in one RDN or in three, in
 * any order; the device's identifiers are otherNames that an enterprise's CA puts there,
 * Microsoft's certificates have none. */
#include <openssl/x509v3.h>

#include "attest/tpm.h"
#include "pki/der.h"
#include "pki/ext.h"

#define FIELD_SAN "x5c[0].subjectAltName"
#define OID_SAN SPAN("\x55\x1d\x11")
#define OID_BASIC_CONSTRAINTS SPAN("\x55\x1d\x13")
#define OID_EKU SPAN("\x55\x1d\x25")
#define OID_AIK "\x67\x81\x05\x08\x03" /* 2.23.133.8.3, tcg-kp-AIKCertificate */
#define OID_PERMANENT_ID "\x2b\x06\x01\x05\x05\x07\x08\x03" /* 1.3.6.1.5.5.7.8.3 */
#define OID_HARDWARE_MODULE "\x2b\x06\x01\x05\x05\x07\x08\x04"

enum { GENERAL_OTHER = 0xa0, GENERAL_DIRECTORY = 0xa4 };

/* TPMManufacturer, TPMModel, TPMVersion: 2.23.133.2.1 to 3 */
static bool
read_tcg(struct statement *st, struct span oid, struct span value, struct problem *pr)
{
	struct attest_facts *facts = &st->facts;
	char *const to[] = {facts->manufacturer, facts->model, facts->firmware};
	struct span text;
	unsigned which;

	if (oid.n != 5 || memcmp(oid.p, "\x67\x81\x05\x02", 4) != 0)
		return true;
	which = (unsigned char)oid.p[4] - 1u;
	if (which >= COUNT_OF(to))
		return true;
	if (to[which][0])
		return attest_refuse(pr, FIELD_SAN, "TCG attribute 2.23.133.2.%u twice", which + 1);
	if ((!der_only(value, DER_UTF8, &text) && !der_only(value, DER_PRINTABLE, &text)) ||
		!fact_text(text, to[which]))
		return attest_refuse(
			pr, FIELD_SAN, "TCG attribute 2.23.133.2.%u is no text", which + 1);
	return true;
}

static bool
read_directory(struct statement *st, struct span body, struct problem *pr)
{
	struct span rdns, rdn, attribute, oid;

	if (!der_only(body, DER_SEQUENCE, &rdns))
		return attest_refuse(pr, FIELD_SAN, "a malformed directoryName");
	while (rdns.n) {
		if (!der_take(&rdns, DER_SET, &rdn))
			return attest_refuse(pr, FIELD_SAN, "a malformed directoryName");
		while (rdn.n) {
			if (!der_take(&rdn, DER_SEQUENCE, &attribute) ||
				!der_take(&attribute, DER_OID, &oid))
				return attest_refuse(pr, FIELD_SAN, "a malformed directoryName");
			if (!read_tcg(st, oid, attribute, pr))
				return false;
		}
	}
	return true;
}

/* RFC 4043: SEQUENCE { identifierValue UTF8String OPTIONAL, assigner OBJECT IDENTIFIER OPTIONAL }
 */
static bool
read_permanent(struct statement *st, struct span body, struct problem *pr)
{
	struct span value = SPAN_NONE, assigner = SPAN_NONE;
	char oid[ATTEST_TEXT];
	bool good = true;

	if (der_has(body, DER_UTF8))
		good = der_take(&body, DER_UTF8, &value);
	if (good && der_has(body, DER_OID))
		good = der_take(&body, DER_OID, &assigner) &&
		       der_oid_text(assigner, oid, sizeof(oid));
	if (!good || body.n)
		return attest_refuse(pr, FIELD_SAN, "a malformed PermanentIdentifier");
	/* without a value it means the whole subject (RFC 4043 section 2), which is empty here */
	return !value.p || facts_add_id(st, ATTEST_PERMANENT_IDENTIFIER, value,
				   assigner.n ? oid : NULL, FIELD_SAN, pr);
}

/* RFC 4108: SEQUENCE { hwType OBJECT IDENTIFIER, hwSerialNum OCTET STRING } */
static bool
read_module(struct statement *st, struct span body, struct problem *pr)
{
	struct span type, serial;
	char oid[ATTEST_TEXT];

	if (!der_take(&body, DER_OID, &type) || !der_take(&body, DER_OCTETS, &serial) || body.n ||
		!der_oid_text(type, oid, sizeof(oid)))
		return attest_refuse(pr, FIELD_SAN, "a malformed HardwareModuleName");
	return facts_add_id(st, ATTEST_HARDWARE_MODULE, serial, oid, FIELD_SAN, pr);
}

static bool
read_other(struct statement *st, struct span body, struct problem *pr)
{
	struct span oid, tagged, value;
	bool is_permanent;

	if (!der_take(&body, DER_OID, &oid) || !der_only(body, DER_CONTEXT, &tagged))
		return attest_refuse(pr, FIELD_SAN, "a malformed otherName");
	is_permanent = span_eq(oid, SPAN(OID_PERMANENT_ID));
	if (!is_permanent && !span_eq(oid, SPAN(OID_HARDWARE_MODULE)))
		return true;
	if (!der_only(tagged, DER_SEQUENCE, &value))
		return attest_refuse(pr, FIELD_SAN, "a malformed otherName");
	return (is_permanent ? read_permanent : read_module)(st, value, pr);
}

static bool
read_san(struct statement *st, struct problem *pr)
{
	int at = X509_get_ext_by_NID(stmt_leaf(st)->x509, NID_subject_alt_name, -1);
	struct span ext, names;
	struct der name;

	if (at < 0 || !cert_ext(stmt_leaf(st), OID_SAN, &ext))
		return attest_refuse(pr, FIELD_SAN, "missing");
	/* RFC 5280 4.2.1.6: critical where the subject is empty */
	if (!X509_EXTENSION_get_critical(X509_get_ext(stmt_leaf(st)->x509, at)))
		return attest_refuse(pr, FIELD_SAN, "not critical");
	if (!der_only(ext, DER_SEQUENCE, &names))
		return attest_refuse(pr, FIELD_SAN, "not one SEQUENCE in DER");
	while (names.n) {
		if (!der_next(&names, &name))
			return attest_refuse(pr, FIELD_SAN, "not DER");
		if (name.id == GENERAL_OTHER && !read_other(st, name.body, pr))
			return false;
		if (name.id == GENERAL_DIRECTORY && !read_directory(st, name.body, pr))
			return false;
	}
	if (!st->facts.manufacturer[0] || !st->facts.model[0] || !st->facts.firmware[0])
		return attest_refuse(pr, FIELD_SAN, "TCG attribute 2.23.133.2.%d is missing",
			!st->facts.manufacturer[0] ? 1
			: !st->facts.model[0]      ? 2
						   : 3);
	return true;
}

static bool
check_eku(const struct cert *ak, struct problem *pr)
{
	struct span ext, list, oid;
	bool found = false;

	if (!cert_ext(ak, OID_EKU, &ext) || !der_only(ext, DER_SEQUENCE, &list))
		return attest_refuse(pr, "x5c[0].extendedKeyUsage", "missing or malformed");
	while (list.n) {
		if (!der_take(&list, DER_OID, &oid))
			return attest_refuse(pr, "x5c[0].extendedKeyUsage", "missing or malformed");
		found = found || span_eq(oid, SPAN(OID_AIK));
	}
	return found || attest_refuse(pr, "x5c[0].extendedKeyUsage",
				"lacks 2.23.133.8.3 (tcg-kp-AIKCertificate)");
}

bool
tpm_ak_check(struct statement *st, struct problem *pr)
{
	const struct cert *ak = stmt_leaf(st);
	struct problem why = {0};
	struct span ext;

	if (X509_NAME_entry_count(X509_get_subject_name(ak->x509)) != 0)
		return attest_refuse(pr, "x5c[0].subject", "not empty");
	if (!cert_ext(ak, OID_BASIC_CONSTRAINTS, &ext))
		return attest_refuse(pr, "x5c[0].basicConstraints", "missing");
	if (!(ak->key_usage & USAGE_DIGITAL_SIGNATURE))
		return attest_refuse(pr, "x5c[0].keyUsage", "lacks digitalSignature");
	if (!ak->has_good_key && !key_check(ak->key, PROBLEM_BAD_ATTESTATION, &why))
		return attest_refuse(pr, "x5c[0]", "%s", why.detail);
	return check_eku(ak, pr) && read_san(st, pr);
}
