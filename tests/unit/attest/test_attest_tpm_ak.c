/* test_attest_tpm_ak.c - the certificate of a TPM's attestation key: WebAuthn's rules for it, the
 * TPM's names, the device's identifiers. */
#include "tpm_form.h"

static void
test_ak(void)
{
	struct form f = good_form();

	f.leaf.cn = "AK";
	form_refused(&f, finish, "a subject", "x5c[0].subject: ");
	ext_refused(EXT_EKU, "1.2.3.4=DER:0500", "no EKU", "x5c[0].extendedKeyUsage: missing");
	ext_refused(EXT_EKU, "2.5.29.37=DER:3000", "an empty EKU list",
		"x5c[0].extendedKeyUsage: lacks");
	ext_refused(EXT_EKU, "2.5.29.37=DER:", "an EKU of no octets", "x5c[0]");
	ext_refused(EXT_EKU, "2.5.29.37=DER:30050603678105", "an EKU that is too short",
		"x5c[0].extendedKeyUsage: lacks");
	ext_refused(EXT_EKU, "2.5.29.37=DER:0500", "an EKU that is no list", "x5c[0]");
	ext_refused(EXT_EKU, "extendedKeyUsage=clientAuth", "another EKU",
		"x5c[0].extendedKeyUsage: lacks");
	ext_refused(EXT_EKU, "extendedKeyUsage=2.23.133.8.1", "an endorsement key's EKU",
		"x5c[0].extendedKeyUsage: lacks");
	f = good_form();
	f.leaf.exts[EXT_EKU] = "extendedKeyUsage=clientAuth," AIK;
	form_accepted(&f, finish, "the EKU second in the list (V13)");
	ext_refused(EXT_CONSTRAINTS, "1.2.3.4=DER:0500", "no basicConstraints",
		"x5c[0].basicConstraints: ");
	ext_refused(EXT_CONSTRAINTS, "basicConstraints=critical,CA:TRUE", "a CA",
		"x5c[0]: is the leaf, but a CA");
	ext_refused(EXT_USAGE, "keyUsage=critical,keyEncipherment", "no digitalSignature",
		"x5c[0].keyUsage: ");
	f = good_form();
	f.leaf.not_after_unix_s = NOW - 1;
	form_refused(&f, finish, "expired", "x5c[0]: has expired");
	f.leaf.not_before_unix_s = NOW + 1;
	f.leaf.not_after_unix_s = NOW + 2;
	form_refused(&f, finish, "not yet valid", "x5c[0]: is not yet valid");
	f = good_form();
	f.new_inter = true;
	f.inter.exts[0] = "basicConstraints=critical,CA:FALSE";
	f.inter.exts[1] = NULL;
	form_refused(&f, finish, "an issuer that is no CA", "x5c[1]: is an issuer, but no CA");
}

#define SAN_FIELD "x5c[0].subjectAltName: "

static void
test_san(void)
{
	struct san san = good_san();
	struct form f = good_form();
	static const char *const missing[] = {SAN_FIELD "TCG attribute 2.23.133.2.1 is missing",
		SAN_FIELD "TCG attribute 2.23.133.2.2 is missing",
		SAN_FIELD "TCG attribute 2.23.133.2.3 is missing"};

	san.one_rdn = true;
	f.leaf.exts[EXT_SAN] = san_ext(&san);
	form_accepted(&f, finish, "the attributes in one RDN");
	for (size_t i = 0; i < 3; i++) {
		san = good_san();
		san.attributes[i].n = 0;
		san_refused(&san, "an attribute missing", missing[i]);
	}
	san = good_san();
	san.attributes[3] = san.attributes[1];
	san_refused(&san, "an attribute twice", SAN_FIELD "TCG attribute 2.23.133.2.2 twice");
	san = good_san();
	san.attributes[1] = SPAN("\x06\x05\x67\x81\x05\x02\x02\x04\x05swtpm");
	san_refused(&san, "an attribute that is no string", "x5c[0]");
	san.attributes[1] = SPAN("\x06\x05\x67\x81\x05\x02\x02\x16\x05swtpm");
	san_refused(&san, "an attribute that is an IA5String",
		SAN_FIELD "TCG attribute 2.23.133.2.2 is no text");
	san = good_san();
	san.attributes[1] = TCG("\x02", "\x05sw\0pm");
	san_refused(
		&san, "an attribute with NUL", SAN_FIELD "TCG attribute 2.23.133.2.2 is no text");
	san = good_san();
	san.not_critical = true;
	san_refused(&san, "not critical", SAN_FIELD "not critical");
	ext_refused(EXT_SAN, "1.2.3.4=DER:0500", "no SAN", SAN_FIELD "missing");
	ext_refused(EXT_SAN, "subjectAltName=critical,DNS:a.example", "only a DNS name",
		SAN_FIELD "TCG attribute");
	ext_refused(EXT_SAN, "2.5.29.17=critical,DER:0500", "no SEQUENCE", "x5c[0]");
}

static void
test_ids(void)
{
	struct san san = good_san();
	struct form f = good_form();

	san.others[0].n = 0;
	san_refused(&san, "PermanentIdentifier absent: no pass for want of one", "identifier: ");
	san.others[1].n = 0;
	san_refused(&san, "no otherName at all", "identifier: ");
	san = good_san();
	san.others[0] = SPAN(OTHER_PERMANENT "\x08\x30\x06\x0c\x04SN-2");
	san_refused(&san, "another one", "identifier: ");
	san.others[0] = SPAN(OTHER_PERMANENT "\x02\x30\x00");
	san_refused(&san, "one without a value", "identifier: ");
	san.others[0] = SPAN(OTHER_PERMANENT "\x0c\x30\x0a\x0c\x04SN-1\x06\x02\x2a\x03");
	san_refused(&san, "one with an assigner, the order without", "identifier: ");
	f.leaf.exts[EXT_SAN] = san_ext(&san);
	f.in.id = SPAN("SN-1/1.2.3");
	san.others[0] = SPAN(OTHER_PERMANENT "\x0c\x30\x0a\x0c\x04SN-1\x06\x02\x2a\x03");
	form_accepted(&f, finish, "one with an assigner, the order with the same");
	f.in.id = SPAN("SN-1/1.2.4");
	form_refused(&f, finish, "the order with another", "identifier: ");
	san.others[0] = SPAN(OTHER_PERMANENT "\x0e\x30\x0c\x0c\x0aSN-1/1.2.3");
	f.leaf.exts[EXT_SAN] = san_ext(&san);
	f.in.id = SPAN("SN-1/1.2.3");
	form_refused(&f, finish, "an assigner in the value", SAN_FIELD "\"SN-1/1.2.3\" cannot be");
	san.others[0] = SPAN(OTHER_PERMANENT "\x0a\x30\x08\x0c\x04SN-1\x05\x00");
	san_refused(
		&san, "something behind the value", SAN_FIELD "a malformed PermanentIdentifier");
	san.others[0] = SPAN(OTHER_PERMANENT "\x08\x30\x06\x04\x04SN-1");
	san_refused(
		&san, "a value that is no UTF8String", SAN_FIELD "a malformed PermanentIdentifier");
	san.others[0] = SPAN(OTHER_PERMANENT "\x0c\x30\x0a\x0c\x04SN-1\x06\x02\x80\x03");
	san_refused(&san, "an assigner that is no OID", "x5c[0]");
	san = good_san();
	f = good_form();
	f.in.id_type = ATTEST_HARDWARE_MODULE;
	f.in.id = SPAN("A1B2/2.23.133.1.2");
	form_accepted(&f, finish, "hardware-module");
	f.in.id = SPAN("A1B2/2.23.133.1.3");
	form_refused(&f, finish, "hardware-module of another type", "identifier: ");
	f.in.id = SPAN("A1B2");
	form_refused(&f, finish, "hardware-module without its type", "identifier: ");
	f.in.id = SPAN(ID);
	form_refused(&f, finish, "the permanent identifier is no hardware-module", "identifier: ");
	san.others[1] = SPAN(OTHER_MODULE "\x08\x30\x06\x04\x04"
					  "A1B2");
	san_refused(&san, "a module name without type", SAN_FIELD "a malformed HardwareModuleName");
	san.others[1] = SPAN(OTHER_MODULE "\x0b\x30\x09\x06\x05\x67\x81\x05\x01\x02\x04\x00");
	san_refused(&san, "a module name without serial", SAN_FIELD "\"\" cannot be");
}

int
main(void)
{
	tpm_init();
	test_ak();
	test_san();
	test_ids();
	return tpm_done();
}
