/* test_attest_apple.c - statements of Apple's devices, each with one fault. */
#include "lab.h"

#define APPLE "1.2.840.113635.100.8."
#define ID "C02ACMEGATE1"
#define UDID "00008132-000000000000001E"

enum {
	EXT_SERIAL,
	EXT_UDID,
	EXT_FRESHNESS,
	EXT_OS,
	EXT_SEP,
	EXT_SECURITY,
	EXT_CONSTRAINTS,
	EXT_USAGE,
	EXT_COUNT
};

static char texts[EXT_COUNT][160];

static void
finish(const struct form *form, struct model *m, struct span keep[4])
{
	(void)form, (void)m, (void)keep;
}

/* Raw octets as the extension's value, as Apple has it. */
static const char *
raw(size_t at, const char *oid, struct span value)
{
	char *to = texts[at];

	to += sprintf(to, APPLE "%s=DER:", oid);
	for (size_t i = 0; i < value.n; i++)
		to += sprintf(to, "%02x", value.p[i] & 0xff);
	return texts[at];
}

static struct form
good_form(void)
{
	struct form f = {.fmt = "apple", .leaf = lab_leaf(), .inter = lab_inter(), .in = lab.in};
	unsigned char md[32];

	EVP_Digest(TOKEN, strlen(TOKEN), md, NULL, EVP_sha256(), NULL);
	f.leaf.exts[EXT_SERIAL] = raw(EXT_SERIAL, "9.1", SPAN(ID));
	f.leaf.exts[EXT_UDID] = raw(EXT_UDID, "9.2", SPAN(UDID));
	f.leaf.exts[EXT_FRESHNESS] = raw(EXT_FRESHNESS, "11.1", span_of(md, sizeof(md)));
	f.leaf.exts[EXT_OS] = raw(EXT_OS, "10.1", SPAN("26.1"));
	f.leaf.exts[EXT_SEP] = raw(EXT_SEP, "10.2", SPAN("26.2"));
	f.leaf.exts[EXT_SECURITY] = raw(EXT_SECURITY, "13.2", SPAN("Full Security"));
	f.leaf.exts[EXT_CONSTRAINTS] = "basicConstraints=critical,CA:FALSE";
	f.leaf.exts[EXT_USAGE] = "keyUsage=critical,digitalSignature";
	return f;
}

static void
ext_refused(size_t at, const char *oid, struct span value, const char *what, const char *field)
{
	struct form f = good_form();

	f.leaf.exts[at] = oid ? raw(at, oid, value) : "1.2.3.4=DER:0500";
	form_refused(&f, finish, what, field);
}

static void
test_facts(void)
{
	struct form f = good_form();
	struct attest_facts facts;
	struct problem pr;

	if (!ok(form_verify(&f, finish, &facts, &pr), "a good one"))
		return;
	ok(facts.id_count == 2 && strcmp(facts.ids[0].value, ID) == 0 &&
			strcmp(facts.ids[1].value, UDID) == 0,
		"serial and UDID");
	is_str(facts.os_version, "26.1", "OS version");
	is_str(facts.firmware, "26.2", "version of the Secure Enclave's");
	is_str(facts.boot, "Full Security", "security mode");
	ok(facts.protection == ATTEST_SECURE_ENCLAVE, "protection");
	ok(EVP_PKEY_eq(facts.key, lab.leaf_key) == 1, "the attested key is the leaf's");
	attest_facts_done(&facts);
	f.in.id = SPAN(UDID);
	form_accepted(&f, finish, "the order names the UDID");
}

static void
test_freshness(void)
{
	unsigned char md[33] = {0};

	EVP_Digest(TOKEN, strlen(TOKEN), md, NULL, EVP_sha256(), NULL);
	ext_refused(EXT_FRESHNESS, NULL, SPAN(""), "no freshness code", "freshness: x5c[0] has no");
	ext_refused(EXT_FRESHNESS, "11.1", SPAN(""), "an empty one", "freshness: not SHA-256");
	ext_refused(EXT_FRESHNESS, "11.1", span_of(md, 31), "one octet short",
		"freshness: not SHA-256");
	ext_refused(EXT_FRESHNESS, "11.1", span_of(md, 33), "an octet behind",
		"freshness: not SHA-256");
	ext_refused(
		EXT_FRESHNESS, "11.1", SPAN(TOKEN), "the token itself", "freshness: not SHA-256");
	md[31] ^= 1;
	ext_refused(EXT_FRESHNESS, "11.1", span_of(md, 32), "its last bit flipped",
		"freshness: not SHA-256");
	EVP_Digest(KEY_AUTH, strlen(KEY_AUTH), md, NULL, EVP_sha256(), NULL);
	ext_refused(EXT_FRESHNESS, "11.1", span_of(md, 32), "SHA-256 of the key authorization",
		"freshness: not SHA-256");
	EVP_Digest(TOKEN, strlen(TOKEN), md, NULL, EVP_sha256(), NULL);
	ext_refused(EXT_FRESHNESS, "8.2", span_of(md, 32), "WebAuthn's nonce in its place",
		"freshness: x5c[0] has no");
}

static void
test_ids(void)
{
	struct form f = good_form();
	static char doubled[64];

	f.in.id = SPAN(ID);
	f.leaf.exts[EXT_SERIAL] = "1.2.3.4=DER:0500";
	form_refused(&f, finish, "no serial", "identifier: ");
	f.leaf.exts[EXT_UDID] = "1.2.3.5=DER:0500";
	form_refused(&f, finish, "neither serial nor UDID", "identifier: ");
	ext_refused(EXT_SERIAL, "9.1", SPAN(""), "a blank serial", "identifier: ");
	ext_refused(EXT_SERIAL, "9.1", SPAN("C02ACMEGATE2"), "another serial", "identifier: ");
	ext_refused(
		EXT_SERIAL, "9.1", SPAN("C02ACMEGATE1 "), "a serial with a blank", "identifier: ");
	ext_refused(EXT_SERIAL, "9.1", SPAN("c02acmegate1"), "in lower case", "identifier: ");
	ext_refused(
		EXT_SERIAL, "9.1", SPAN("\x0c\x0c" ID), "an inner DER string", "x5c[0].serial: ");
	ext_refused(
		EXT_SERIAL, "9.1", SPAN("C02\0ACMEGATE"), "a serial with NUL", "x5c[0].serial: ");
	ext_refused(
		EXT_SERIAL, "9.1", SPAN("C02/1.2.3"), "a serial with a slash", "x5c[0].serial: ");
	ext_refused(EXT_SERIAL, "9.1", SPAN("C02\xff"), "a serial that is not UTF-8",
		"x5c[0].serial: ");
	ext_refused(
		EXT_UDID, "9.2", SPAN("0000\n8132"), "a UDID with a line feed", "x5c[0].udid: ");
	ext_refused(EXT_OS, "10.1", SPAN("26\x01"), "an OS version that is no text",
		"x5c[0].osVersion: ");
	ext_refused(EXT_SECURITY, "13.2", SPAN("Full\x7f"), "a security mode that is no text",
		"x5c[0].securityMode: ");
	f = good_form();
	snprintf(doubled, sizeof(doubled), "%s", f.leaf.exts[EXT_SERIAL]);
	form_ext(&f, doubled);
	form_refused(&f, finish, "the serial twice", "x5c[0]: the certificate has extension");
}

static void
test_leaf(void)
{
	struct form f = good_form();

	f.leaf.exts[EXT_CONSTRAINTS] = "basicConstraints=critical,CA:TRUE";
	form_refused(&f, finish, "a leaf that is a CA", "x5c[0]: is the leaf, but a CA");
	f = good_form();
	f.leaf.exts[EXT_USAGE] = "keyUsage=critical,keyCertSign";
	f.leaf.exts[EXT_CONSTRAINTS] = "basicConstraints=critical,CA:TRUE";
	form_refused(
		&f, finish, "a leaf that may sign certificates", "x5c[0]: is the leaf, but a CA");
	f = good_form();
	f.leaf.key = lab.weak_key;
	form_refused(&f, finish, "RSA of 1024 bits", "x5c[0]: an RSA key must have");
	f = good_form();
	form_times_refused(f, finish);
	form_issuer_refused(f, finish);
	f.new_inter = true;
	f.inter.exts[0] = "basicConstraints=critical,CA:TRUE";
	f.inter.exts[1] = "keyUsage=critical,digitalSignature";
	form_refused(&f, finish, "an issuer that may not sign certificates",
		"x5c[1]: is an issuer, but no CA");
}

static void
test_modules(void)
{
	struct form f = good_form();
	struct problem pr = {0};

	f.in.id_type = ATTEST_HARDWARE_MODULE;
	f.in.id = SPAN(UDID "/1.2.840.113635.100.8.9.2");
	form_refused(&f, finish, "a hardware-module, not configured", "identifier: ");
	attest_trust_apple_modules(lab.trust, true);
	form_accepted(&f, finish, "configured (V15)");
	f.in.id = SPAN(UDID);
	form_refused(&f, finish, "without its type", "identifier: ");
	f.in.id = SPAN(ID "/1.2.840.113635.100.8.9.2");
	form_refused(&f, finish, "the serial is no hardware module", "identifier: ");
	f.in.id_type = ATTEST_PERMANENT_IDENTIFIER;
	f.in.id = SPAN(UDID "/1.2.840.113635.100.8.9.2");
	form_refused(&f, finish, "the module's type is no assigner", "identifier: ");
	ok(attest_trust_set_assigner(lab.trust, ATTEST_APPLE, "1.2.840.113635", &pr),
		"an assigner");
	f.in.id = SPAN(ID "/1.2.840.113635");
	form_accepted(&f, finish, "the configured one (V9)");
}

int
main(void)
{
	struct form f;

	lab_init(ATTEST_APPLE, ID);
	f = good_form();
	form_common(&f, finish);
	test_facts();
	test_freshness();
	test_ids();
	test_leaf();
	test_modules();
	lab_done();
	return done_testing();
}
