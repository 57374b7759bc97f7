/* test_attest_step.c - statements of a YubiKey's PIV slot, each with one fault. */
#include "lab.h"

#define PIV "1.3.6.1.4.1.41482.3."
#define FIRMWARE PIV "3=DER:050704"
#define SERIAL PIV "7=DER:020400f00f14"
#define POLICY PIV "8=DER:0203"
#define FORM PIV "9=DER:81"
#define ID "15732500"

static void
finish(const struct form *form, struct model *m, struct span keep[4])
{
	AUTO_BUF inner = BUF_MAX(2048);
	unsigned char *copy;

	keep[0] = form_sign(form, form->data);
	cbor_bytes(&inner, keep[0]);
	copy = OPENSSL_memdup(inner.p, inner.n);
	keep[1] = span_of(copy, inner.n);
	m->members[m->count++] = form_alg(form);
	m->members[m->count++] = (struct member){"sig", CBOR_BYTES, 0, keep[1]};
}

static struct form
good_form(void)
{
	struct form f = {.fmt = "step",
		.leaf = lab_leaf(),
		.inter = lab_inter(),
		.alg = -7,
		.data = SPAN(KEY_AUTH),
		.in = lab.in};
	static const char *const exts[] = {FIRMWARE, SERIAL, POLICY, FORM};

	memcpy(f.leaf.exts, exts, sizeof(exts));
	return f;
}

/* Extension number `at` is another, or none. */
static void
ext_refused(size_t at, const char *ext, const char *what, const char *field)
{
	struct form f = good_form();

	f.leaf.exts[at] = ext;
	if (!ext)
		f.leaf.exts[at] = "1.2.3.4=DER:0500";
	form_refused(&f, finish, what, field);
}

static void
test_facts(void)
{
	struct form f = good_form();
	struct attest_facts facts;
	struct problem pr;
	char hash[KEY_HASH_TEXT];

	if (!ok(form_verify(&f, finish, &facts, &pr), "a good one"))
		return;
	is_str(facts.firmware, "5.7.4", "firmware");
	is_int(facts.pin_policy, 2, "PIN policy");
	is_int(facts.touch_policy, 3, "touch policy");
	is_int(facts.form_factor, 0x81, "form factor, FIPS");
	ok(facts.id_count == 1 && strcmp(facts.ids[0].value, ID) == 0, "serial in decimal");
	ok(key_hash(lab.leaf_key, hash) && strcmp(hash, facts.key_hash) == 0 &&
			EVP_PKEY_eq(facts.key, lab.leaf_key) == 1,
		"the attested key is the slot's");
	ok(key_hash(lab.root_key, hash) && strcmp(hash, facts.root) == 0, "the root that vouches");
	is_str(facts.serial, "10", "serial of the certificate");
	ok(facts.protection == ATTEST_YUBIKEY && strlen(facts.sha256) == 64,
		"protection and digest");
	attest_facts_done(&facts);
}

static void
test_extensions(void)
{
	struct form f = good_form();

	ext_refused(0, NULL, "no firmware: not a PIV slot", "x5c[0]: the firmware");
	ext_refused(0, PIV "3=DER:0507", "firmware of two octets", "x5c[0]: the firmware");
	ext_refused(0, PIV "3=DER:04020507", "firmware wrapped, too short", "x5c[0]: the firmware");
	ext_refused(0, PIV "3=DER:0403050704ff", "firmware wrapped, an octet behind",
		"x5c[0]: the firmware");
	ext_refused(2, NULL, "no policy", "x5c[0]: the policy");
	ext_refused(2, PIV "8=DER:02", "policy of one octet", "x5c[0]: the policy");
	ext_refused(2, PIV "8=DER:020202", "policy of three octets", "x5c[0]: the policy");
	ext_refused(1, NULL, "no serial", "identifier: ");
	ext_refused(1, PIV "7=DER:020400f00f15", "another serial", "identifier: ");
	ext_refused(1, PIV "7=DER:040400f00f14", "serial an OCTET STRING", "x5c[0]: the serial");
	ext_refused(1, PIV "7=DER:0204fff00f14", "serial negative", "x5c[0]: the serial");
	ext_refused(1, PIV "7=DER:02050000f00f14", "serial not in its shortest form",
		"x5c[0]: the serial");
	ext_refused(1, PIV "7=DER:020400f00f1400", "serial, an octet behind", "x5c[0]: the serial");
	ext_refused(1, PIV "7=DER:0200", "serial empty", "x5c[0]: the serial");
	ext_refused(
		1, PIV "7=DER:0209010000000000000000", "serial over 63 bits", "x5c[0]: the serial");
	ext_refused(1, "1.3.6.1.4.1.45724.1.1.4=DER:0410000102030405060708090a0b0c0d0e0f",
		"an AAGUID in place of the serial", "identifier: ");
	/* firmware 5.7 as reported: an OCTET STRING within; the policy's length octet is no policy
	 */
	f.leaf.exts[0] = PIV "3=DER:0403050704";
	f.leaf.exts[2] = PIV "8=DER:04020203";
	form_accepted(&f, finish, "firmware and policy in an OCTET STRING");
	f = good_form();
	f.leaf.exts[3] = NULL;
	form_accepted(&f, finish, "no form factor");
}

static void
test_smallstep(void)
{
	struct form f = good_form();

	memset(f.leaf.exts, 0, sizeof(f.leaf.exts));
	f.leaf.exts[0] = "1.3.6.1.4.1.37476.9000.64.4=DER:300a0c083135373332353030";
	form_accepted(&f, finish, "smallstep's own identifier");
	f.leaf.exts[0] = "1.3.6.1.4.1.37476.9000.64.4=DER:300a0c08313537333235303030";
	form_refused(
		&f, finish, "smallstep's, an octet behind", "x5c[0]: extension 1.3.6.1.4.1.37476");
	f.leaf.exts[0] = "1.3.6.1.4.1.37476.9000.64.4=DER:3000";
	form_refused(&f, finish, "smallstep's, empty", "x5c[0]: extension 1.3.6.1.4.1.37476");
	f.leaf.exts[0] = "1.3.6.1.4.1.37476.9000.64.4=DER:30050c03412f42";
	form_refused(&f, finish, "smallstep's, with a slash", "x5c[0]: \"A/B\" cannot be");
	f.leaf.exts[0] = "1.3.6.1.4.1.37476.9000.64.4=DER:30040c024100";
	form_refused(&f, finish, "smallstep's, with NUL", "x5c[0]: ");
	f.leaf.exts[0] = "1.3.6.1.4.1.37476.9000.64.4=DER:30040c02c3ff";
	form_refused(&f, finish, "smallstep's, not UTF-8", "x5c[0]: ");
}

static void
test_signature(void)
{
	struct form f = good_form();
	EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	f.signer = lab.other_key;
	form_refused(&f, finish, "signed by another key", "attStmt.sig: ");
	f = good_form();
	f.data = SPAN(TOKEN);
	form_refused(&f, finish, "the token signed alone", "attStmt.sig: ");
	f = good_form();
	f.md = EVP_sha384();
	form_refused(&f, finish, "signed with another hash", "attStmt.sig: ");
	f = good_form();
	f.alg = -257;
	form_refused(&f, finish, "RS256 with an EC key", "attStmt.alg: ");
	f.alg = -8;
	form_refused(&f, finish, "EdDSA with an EC key", "attStmt.alg: ");
	f.alg = 7;
	form_refused(&f, finish, "an unknown algorithm", "attStmt.alg: ");
	f = good_form();
	f.leaf.key = lab.weak_key;
	f.alg = -257;
	form_refused(&f, finish, "RSA of 1024 bits", "x5c[0]: an RSA key must have");
	f.leaf.key = lab.rsa_key;
	form_accepted(&f, finish, "RSA of 2048 bits");
	f.leaf.key = ed;
	f.alg = -8;
	form_accepted(&f, finish, "Ed25519");
	f.leaf.exts[4] = "basicConstraints=CA:TRUE";
	form_refused(&f, finish, "a leaf that is a CA", "x5c[0]: is the leaf, but a CA");
	EVP_PKEY_free(ed);
	f = good_form();
	form_times_refused(f, finish);
	form_issuer_refused(f, finish);
	f.new_inter = true;
	f.inter.exts[1] = NULL;
	f.inter.exts[0] = "keyUsage=digitalSignature";
	form_refused(&f, finish, "an issuer without basicConstraints",
		"x5c[1]: is an issuer, but no CA");
}

static void
test_assigner(void)
{
	struct form f = good_form();
	struct problem pr = {0};

	f.in.id = SPAN(ID "/1.3.6.1.4.1.41482");
	form_refused(&f, finish, "an assigner that is not configured", "identifier: ");
	ok(!attest_trust_set_assigner(lab.trust, ATTEST_STEP, "1.3.6.1.4.1.041482", &pr) &&
			!attest_trust_set_assigner(lab.trust, ATTEST_STEP, "yubico", &pr) &&
			!attest_trust_set_assigner(lab.trust, ATTEST_STEP, "", &pr) &&
			!attest_trust_set_assigner(lab.trust, ATTEST_TPM, "1.2.3", &pr),
		"what cannot be an assigner");
	ok(attest_trust_set_assigner(lab.trust, ATTEST_STEP, "1.3.6.1.4.1.41482", &pr),
		"an assigner");
	form_accepted(&f, finish, "the configured one (V9)");
	f.in.id = SPAN(ID "/1.3.6.1.4.1.41483");
	form_refused(&f, finish, "another one", "identifier: ");
	f.in.id = SPAN(ID);
	form_accepted(&f, finish, "none");
}

int
main(void)
{
	struct form f;

	lab_init(ATTEST_STEP, ID);
	f = good_form();
	form_common(&f, finish);
	test_facts();
	test_extensions();
	test_smallstep();
	test_signature();
	test_assigner();
	lab_done();
	return done_testing();
}
