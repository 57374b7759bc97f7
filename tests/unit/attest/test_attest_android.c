/* test_attest_android.c - statements of Android's keystore, each with one fault. */
#include "lab.h"

#include "attest/key_desc.h"

#define ID "R5CTACMEGATE"
#define OID "1.3.6.1.4.1.11129.2.1.17"

/* KeyDescription, in parts that a test may put others for. NULL or n = 0: left out. */
struct parts {
	struct span version, level, km_version, km_level, challenge, unique;
	struct span software, origin, rot, os, patch, serial, imei; /* contents of the lists */
	struct span tail, more; /* behind the last field; in hardwareEnforced, at its end */
};

static struct parts parts;
static char ext_text[4096];

static struct parts
good_parts(void)
{
	return (struct parts){.version = SPAN("\x02\x02\x01\x2c"),
		.level = SPAN("\x0a\x01\x01"),
		.km_version = SPAN("\x02\x02\x01\x2c"),
		.km_level = SPAN("\x0a\x01\x01"),
		.challenge = SPAN(KEY_AUTH),
		.unique = SPAN("\x04\x00"),
		.origin = SPAN("\xbf\x85\x3e\x03\x02\x01\x00"),
		.rot = SPAN("\x04\x01k\x01\x01\xff\x0a\x01\x00\x04\x01h"),
		.os = SPAN("\xbf\x85\x41\x05\x02\x03\x02\x71\x00"),
		.patch = SPAN("\xbf\x85\x42\x05\x02\x03\x03\x17\x73"),
		.serial = SPAN(ID)};
}

static void
write_hardware(struct buf *out)
{
	AUTO_BUF inner = BUF_MAX(1024);

	buf_addspan(out, parts.origin);
	if (parts.rot.n) {
		tlv(&inner, SPAN("\x30"), parts.rot);
		tlv(out, SPAN("\xbf\x85\x40"), buf_span(&inner));
	}
	buf_addspan(out, parts.os);
	buf_addspan(out, parts.patch);
	buf_clear(&inner);
	if (parts.serial.n) {
		tlv(&inner, SPAN("\x04"), parts.serial);
		tlv(out, SPAN("\xbf\x85\x49"), buf_span(&inner));
	}
	buf_clear(&inner);
	if (parts.imei.n) {
		tlv(&inner, SPAN("\x04"), parts.imei);
		tlv(out, SPAN("\xbf\x85\x4a"), buf_span(&inner));
	}
	buf_addspan(out, parts.more);
}

static void
write_desc(struct buf *out)
{
	AUTO_BUF body = BUF_MAX(4096), list = BUF_MAX(4096);

	buf_addspan(&body, parts.version);
	buf_addspan(&body, parts.level);
	buf_addspan(&body, parts.km_version);
	buf_addspan(&body, parts.km_level);
	tlv(&body, SPAN("\x04"), parts.challenge);
	buf_addspan(&body, parts.unique);
	tlv(&body, SPAN("\x30"), parts.software);
	write_hardware(&list);
	tlv(&body, SPAN("\x30"), buf_span(&list));
	buf_addspan(&body, parts.tail);
	tlv(out, SPAN("\x30"), buf_span(&body));
}

static const char *
ext(void)
{
	AUTO_BUF desc = BUF_MAX(4096);
	char *to = ext_text;

	write_desc(&desc);
	to += sprintf(to, OID "=DER:");
	for (size_t i = 0; i < desc.n; i++)
		to += sprintf(to, "%02x", desc.p[i] & 0xff);
	return ext_text;
}

static void
finish(const struct form *form, struct model *m, struct span keep[4])
{
	keep[0] = form_sign(form, form->data);
	m->members[m->count++] = form_alg(form);
	m->members[m->count++] = (struct member){"sig", CBOR_BYTES, 0, keep[0]};
}

static struct form
good_form(void)
{
	struct form f = {.fmt = "android-key",
		.leaf = lab_leaf(),
		.inter = lab_inter(),
		.alg = -7,
		.data = SPAN(KEY_AUTH),
		.in = lab.in};

	f.leaf.not_before_unix_s = 0;
	f.leaf.not_after_unix_s = 1;
	f.leaf.exts[0] = ext();
	f.leaf.exts[1] = "keyUsage=critical,digitalSignature";
	return f;
}

/* With the parts as they are now; they are good again afterwards. */
static void
parts_refused(const char *what, const char *field)
{
	struct form f = good_form();

	form_refused(&f, finish, what, field);
	parts = good_parts();
}

static void
parts_accepted(const char *what)
{
	struct form f = good_form();

	form_accepted(&f, finish, what);
	parts = good_parts();
}

#define DESC "keyDescription"
#define HARDWARE DESC ".hardwareEnforced"
#define ROT HARDWARE ".rootOfTrust"

static void
test_facts(void)
{
	struct attest_facts facts;
	struct problem pr;
	struct form f;

	parts.level = parts.km_level = SPAN("\x0a\x01\x02");
	parts.imei = SPAN("356738000000000");
	parts.more = SPAN("\xbf\x85\x4c\x08\x04\x06Google\xbf\x85\x4d\x09\x04\x07Pixel 8");
	f = good_form();
	if (!ok(form_verify(&f, finish, &facts, &pr), "a good one %s", pr.detail))
		return;
	ok(facts.id_count == 2 && strcmp(facts.ids[0].value, ID) == 0 &&
			strcmp(facts.ids[1].value, "356738000000000") == 0,
		"serial and IMEI");
	is_str(facts.manufacturer, "Google", "manufacturer");
	is_str(facts.model, "Pixel 8", "model");
	is_str(facts.os_version, "16.0.0", "OS version");
	is_int(facts.os_patch, 202611, "patch level");
	is_int(facts.vendor_patch, -1, "no vendor patch level");
	is_int(facts.device_locked, 1, "locked");
	is_str(facts.boot, "verified", "boot state");
	ok(facts.protection == ATTEST_STRONGBOX, "StrongBox");
	ok(EVP_PKEY_eq(facts.key, lab.leaf_key) == 1, "the attested key is the leaf's");
	attest_facts_done(&facts);
	parts = good_parts();
	parts.level = SPAN("\x0a\x01\x02");
	f = good_form();
	ok(form_verify(&f, finish, &facts, &pr) && facts.protection == ATTEST_TEE,
		"StrongBox and TEE are TEE");
	attest_facts_done(&facts);
	parts = good_parts();
}

static void
test_protection(void)
{
	parts.level = SPAN("\x0a\x01\x00");
	parts_refused("attested by software", DESC ".attestationSecurityLevel: software");
	parts.km_level = SPAN("\x0a\x01\x00");
	parts_refused("kept by software", DESC ".keyMintSecurityLevel: software");
	parts.level = SPAN("\x0a\x01\x03");
	parts_refused("an unknown level", DESC ".attestationSecurityLevel: ");
	parts.origin = SPAN_NONE;
	parts_refused("no origin", HARDWARE ".origin: ");
	parts.origin = SPAN("\xbf\x85\x3e\x03\x02\x01\x02");
	parts_refused("an imported key", HARDWARE ".origin: ");
	parts.origin = SPAN_NONE;
	parts.software = SPAN("\xbf\x85\x3e\x03\x02\x01\x00");
	parts_refused("origin only in softwareEnforced", HARDWARE ".origin: ");
	parts.rot = SPAN_NONE;
	parts_refused("no root of trust", ROT ": missing");
	parts.rot = SPAN("\x04\x01k\x01\x01\x00\x0a\x01\x00\x04\x01h");
	parts_refused("unlocked", ROT ".deviceLocked: ");
	parts.rot = SPAN("\x04\x01k\x01\x01\xff\x0a\x01\x01\x04\x01h");
	parts_refused("another system", ROT ".verifiedBootState: 1");
	parts.rot = SPAN("\x04\x01k\x01\x01\xff\x0a\x01\x02\x04\x01h");
	parts_refused("an unverified one", ROT ".verifiedBootState: 2");
	parts.rot = SPAN("\x04\x01k\x01\x01\xff\x0a\x01\x03\x04\x01h");
	parts_refused("a failed one", ROT ".verifiedBootState: 3");
	parts.rot = SPAN("\x04\x01k\x01\x01\xff\x0a\x01\x04\x04\x01h");
	parts_refused("an unknown boot state", ROT ": malformed");
	parts.rot = SPAN("\x04\x01k\x01\x01\x01\x0a\x01\x00\x04\x01h");
	parts_refused("a BOOLEAN of 1", ROT ": malformed");
	parts.rot = SPAN("\x04\x01k\x01\x02\xff\xff\x0a\x01\x00\x04\x01h");
	parts_refused("a BOOLEAN of two octets", ROT ": malformed");
	parts.rot = SPAN("\x04\x01k\x01\x01\xff\x0a\x01\x00");
	parts_refused("no boot hash", ROT ": malformed");
	parts.version = SPAN("\x02\x01\x02");
	parts.rot = SPAN("\x04\x01k\x01\x01\xff\x0a\x01\x00");
	parts_accepted("no boot hash in version 2");
	parts.rot = SPAN("\x04\x01k\x01\x01\xff\x0a\x01\x00\x04\x01h\x05\x00");
	parts_refused("a value behind the root of trust", ROT ": malformed");
}

static void
test_challenge(void)
{
	unsigned char md[32];
	struct form f;

	EVP_Digest(KEY_AUTH, strlen(KEY_AUTH), md, NULL, EVP_sha256(), NULL);
	parts.challenge = span_of(md, 32);
	parts_accepted("SHA-256 of the key authorization (V14)");
	parts.challenge = SPAN(TOKEN);
	parts_refused("the token alone", DESC ".attestationChallenge: ");
	parts.challenge = SPAN("");
	parts_refused("an empty challenge", DESC ".attestationChallenge: ");
	parts.challenge = span_of(md, 31);
	parts_refused("a short hash", DESC ".attestationChallenge: ");
	parts.challenge = SPAN(KEY_AUTH "x");
	parts_refused("an octet behind", DESC ".attestationChallenge: ");
	f = good_form();
	f.signer = lab.other_key;
	form_refused(&f, finish, "signed by another key", "attStmt.sig: ");
	f = good_form();
	f.data = SPAN(TOKEN);
	form_refused(&f, finish, "the token signed", "attStmt.sig: ");
	f = good_form();
	f.alg = -257;
	form_refused(&f, finish, "RS256 with an EC key", "attStmt.alg: ");
	f.alg = -65535;
	form_refused(&f, finish, "RS1", "attStmt.alg: ");
	f = good_form();
	f.leaf.key = lab.weak_key;
	f.alg = -257;
	form_refused(&f, finish, "RSA of 1024 bits", "x5c[0]: an RSA key must have");
	f.leaf.key = lab.rsa_key;
	form_accepted(&f, finish, "RSA of 2048 bits");
}

static void
test_ids(void)
{
	parts.serial = SPAN_NONE;
	parts_refused("no serial", "identifier: ");
	parts.serial = SPAN_NONE;
	parts.software = SPAN("\xbf\x85\x49\x0e\x04\x0cR5CTACMEGATE");
	parts_refused("a serial that only the system vouches for", "identifier: ");
	parts.serial = SPAN("R5CTACMEGATF");
	parts_refused("another serial", "identifier: ");
	parts.serial = SPAN("R5CT/1.2.3");
	parts_refused("a serial with a slash", HARDWARE ".attestationIdSerial: ");
	parts.serial = SPAN("R5CT\0");
	parts_refused("a serial with NUL", HARDWARE ".attestationIdSerial: ");
	parts.imei = SPAN("35673\x07");
	parts_refused("an IMEI that rings", HARDWARE ".attestationIdImei: ");
	parts.serial = SPAN("x");
	parts.imei = SPAN(ID);
	parts_accepted("the order names the IMEI");
}

static void
test_der(void)
{
	parts.version = SPAN_NONE;
	parts_refused("no version", DESC ".attestationVersion: ");
	parts.version = SPAN("\x02\x03\x00\x01\x2c");
	parts_refused("a version not in its shortest form", DESC ".attestationVersion: ");
	parts.level = SPAN("\x02\x01\x01");
	parts_refused("a level that is an INTEGER", DESC ".attestationSecurityLevel: ");
	parts.km_version = SPAN_NONE;
	parts_refused("no KeyMint version", DESC ".keyMintVersion: ");
	parts.km_level = SPAN_NONE;
	parts_refused("no KeyMint level", DESC ".keyMintSecurityLevel: ");
	parts.unique = SPAN_NONE;
	parts_refused("no unique id", DESC ".uniqueId: ");
	parts.tail = SPAN("\x05\x00");
	parts_refused("a ninth field", DESC ": 2 octets behind");
	parts.more = SPAN("\xbf\x85\x49\x03\x04\x01x");
	parts_refused("the serial twice", HARDWARE ": tag 713 behind tag 713");
	parts.more = SPAN("\xbf\x85\x3e\x03\x02\x01\x00");
	parts_refused("tags that do not ascend", HARDWARE ": tag 702 behind tag 713");
	parts.more = SPAN("\xbf\x8f\x00\x02\x05\x00");
	parts_accepted("an unknown tag");
	parts.more = SPAN("\xbf\x8f\x00\x00");
	parts_refused("an unknown tag without a value", HARDWARE ": the value of tag 1920");
	parts.more = SPAN("\xbf\x8f\x00\x04\x05\x00\x05\x00");
	parts_refused("an unknown tag with two values", HARDWARE ": the value of tag 1920");
	parts.more = SPAN("\xbf\x80\x81\x00\x02\x05\x00");
	parts_refused("a tag not in its shortest form", HARDWARE ": not a list");
	parts.more = SPAN("\xbf\x1e\x02\x05\x00");
	parts_refused("a low tag in the long form", HARDWARE ": not a list");
	parts.more = SPAN("\x9f\x8f\x00\x02\x05\x00");
	parts_refused("a primitive tag", HARDWARE ": not a list");
	parts.more = SPAN("\xbf\x8f\x00\x81\x02\x05\x00");
	parts_refused("a length not in its shortest form", HARDWARE ": not a list");
	parts.more = SPAN("\xbf\x8f\x00\x80\x05\x00\x00\x00");
	parts_refused("an indefinite length", HARDWARE ": not a list");
	parts.more = SPAN("\xbf\x8f\x00\x84\xff\xff\xff\xff\x05\x00");
	parts_refused("a huge length", HARDWARE ": not a list");
	parts.more = SPAN("\xbf\x8f");
	parts_refused("a tag cut off", HARDWARE ": not a list");
	parts.os = SPAN("\xbf\x85\x41\x05\x04\x03\x02\x71\x00");
	parts_refused(
		"a version of the system that is no INTEGER", HARDWARE ": the value of tag 705");
	parts.patch = SPAN("\xbf\x85\x42\x0b\x02\x09\x01\x00\x00\x00\x00\x00\x00\x00\x00");
	parts_refused("a patch level over 64 bits", HARDWARE ": the value of tag 706");
	parts.software = SPAN("\xbf\x85\x3e\x03\x02\x01");
	parts_refused("softwareEnforced cut off", DESC ".softwareEnforced: ");
}

/* The extension where it must not be, and what only this format forgives. */
static void
test_chain(void)
{
	struct form f = good_form();
	struct forge_cert between = lab_inter();

	f.leaf.exts[0] = "1.2.3.4=DER:0500";
	form_refused(&f, finish, "no keyDescription", DESC ": x5c[0] has no");
	f.leaf.exts[0] = OID "=DER:0500";
	form_refused(&f, finish, "one that is no SEQUENCE", DESC ": not one SEQUENCE");
	f = good_form();
	f.new_inter = true;
	form_accepted(&f, finish, "an issuer made anew");
	f.inter.exts[0] = ext();
	f.inter.exts[1] = NULL;
	form_refused(
		&f, finish, "a genuine attested key used as a CA", "x5c[1]: has a keyDescription");
	f = good_form();
	f.new_inter = true;
	f.inter.exts[0] = "basicConstraints=critical,CA:FALSE";
	f.inter.exts[1] = "keyUsage=critical,digitalSignature";
	form_accepted(&f, finish, "an issuer without CA flag, as real phones have");
	f = good_form();
	f.leaf.exts[1] = "basicConstraints=CA:TRUE";
	form_refused(&f, finish, "a leaf that is a CA", "x5c[0]: is the leaf, but a CA");
	f = good_form();
	f.no_inter = true;
	f.leaf.issuer = lab.root;
	f.leaf.issuer_key = lab.root_key;
	form_refused(&f, finish, "a leaf of the root itself", "x5c: no certificate between");
	f = good_form();
	f.new_inter = true;
	f.inter = between;
	f.inter.not_after_unix_s = NOW - 1;
	form_refused(&f, finish, "a network-provisioned issuer, expired", "x5c[1]: has expired");
	f.inter.batch = "f92009e853b6b045";
	form_accepted(&f, finish, "a factory's batch, expired");
	f.with_root = true;
	form_accepted(&f, finish, "the same with its root");
	f.inter.not_after_unix_s = NOW + 2;
	f.inter.not_before_unix_s = NOW + 1;
	form_refused(&f, finish, "a factory's batch, not yet made", "x5c[1]: is not yet valid");
}

static void
test_no_list(void)
{
	struct attest_trust *bare = attest_trust_new();
	AUTO_BUF pem = BUF_MAX(1 << 16);
	struct form f = good_form();
	struct attest_facts facts;
	struct problem pr;

	forge_pem(&pem, lab.root);
	ok(attest_trust_add_roots(bare, ATTEST_ANDROID, buf_span(&pem), &pr), "a root");
	f.in.trust = bare;
	ok(!form_verify(&f, finish, &facts, &pr) && pr.kind == PROBLEM_SERVER_INTERNAL &&
			strstr(pr.cause, "no revocation list"),
		"without a revocation list nothing is verified, and it is our own fault");
	attest_trust_free(bare);
}

int
main(void)
{
	struct form f;

	lab_init(ATTEST_ANDROID, ID);
	parts = good_parts();
	f = good_form();
	form_common(&f, finish);
	test_facts();
	test_protection();
	test_challenge();
	test_ids();
	test_der();
	test_chain();
	test_no_list();
	lab_done();
	return done_testing();
}
