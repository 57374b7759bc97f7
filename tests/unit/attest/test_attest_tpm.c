/* test_attest_tpm.c - statements of a TPM, each with one fault in what the TPM says; see
 * test_attest_tpm_ak.c for the certificate of its attestation key. */
#include "tpm_form.h"

static void
test_facts(void)
{
	struct form f = good_form();
	struct attest_facts facts;
	struct problem pr;

	if (!ok(form_verify(&f, finish, &facts, &pr), "a good one %s", pr.detail))
		return;
	is_str(facts.manufacturer, "id:00001014", "manufacturer");
	is_str(facts.model, "swtpm", "model");
	is_str(facts.firmware, "id:20191023", "version");
	ok(facts.id_count == 2 && facts.ids[0].type == ATTEST_PERMANENT_IDENTIFIER &&
			strcmp(facts.ids[0].value, ID) == 0 &&
			facts.ids[1].type == ATTEST_HARDWARE_MODULE &&
			strcmp(facts.ids[1].value, "A1B2/2.23.133.1.2") == 0,
		"both kinds of identifiers");
	ok(EVP_PKEY_eq(facts.key, app_ec) == 1 && EVP_PKEY_eq(facts.key, lab.rsa_key) != 1,
		"the attested key is pubArea's, not the attestation key");
	ok(facts.protection == ATTEST_IN_TPM, "protection");
	attest_facts_done(&facts);
}

static void
test_info(void)
{
	unsigned char md[33] = {0};

	parts.ver = SPAN("1.2");
	parts_refused("version 1.2", "attStmt.ver: ");
	parts.magic = 0xff544348;
	parts_refused("another magic: not made by the TPM", "certInfo.magic: ");
	parts.type = 0x8018;
	parts_refused("a quote", "certInfo.type: ");
	parts.type = 0x801a;
	parts_refused("a creation proof", "certInfo.type: ");
	parts.info_tail = SPAN("\0");
	parts_refused("an octet behind certInfo", "certInfo: 1 octets behind");
	EVP_Digest(TOKEN, strlen(TOKEN), md, NULL, EVP_sha256(), NULL);
	parts.extra = span_of(md, 32);
	parts_refused("the token alone", "certInfo.extraData: ");
	EVP_Digest(KEY_AUTH, strlen(KEY_AUTH), md, NULL, EVP_sha256(), NULL);
	parts.extra = span_of(md, 31);
	parts_refused("an octet of extraData missing", "certInfo.extraData: ");
	parts.extra = span_of(md, 33);
	parts_refused("an octet behind extraData", "certInfo.extraData: ");
	parts.extra = SPAN("");
	parts_refused("no extraData", "certInfo.extraData: ");
	parts.extra =
		SPAN("0123456789012345678901234567890123456789012345678901234567890123456789");
	parts_refused("extraData longer than a TPM's", "certInfo");
	parts.signer = SPAN("");
	parts_refused("no qualified signer", "certInfo.qualifiedSigner: ");
	parts.signer = SPAN("\x40\x00\x00\x0b");
	parts_refused("a handle as qualified signer", "certInfo.qualifiedSigner: ");
	parts.signer = SPAN("\x00\x04"
			    "0123456789abcdef0123");
	parts_refused("a qualified signer by SHA-1", "certInfo.qualifiedSigner: ");
	parts.qualified = SPAN("\x00\x0b"
			       "0123456789abcdef0123456789abcde");
	parts_refused("a qualified name one octet short", "certInfo.attested.qualifiedName: ");
	parts.name = SPAN("\x00\x0b"
			  "0123456789abcdef0123456789abcdef");
	parts_refused("another name", "certInfo.attested.name: ");
	parts.name = SPAN("");
	parts_refused("no name", "certInfo.attested.name: ");
	parts.named = lab.other_key;
	parts_refused("another key certified than that of pubArea", "certInfo.attested.name: ");
}

static void
test_public(void)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} bits[] = {{1u << 1, "fixedTPM"}, {1u << 4, "fixedParent"},
		{1u << 5, "sensitiveDataOrigin"}, {1u << 16, "restricted"}, {1u << 18, "sign"}};
	char field[64];

	for (size_t i = 0; i < COUNT_OF(bits); i++) {
		parts.attributes ^= bits[i].bit;
		snprintf(field, sizeof(field), "pubArea.objectAttributes: %s is", bits[i].name);
		parts_refused(bits[i].name, field);
	}
	parts.attributes |= 1u << 17;
	parts_accepted("a key that also decrypts, as Windows makes them");
	parts.pub_tail = SPAN("\0");
	parts_refused("an octet behind pubArea", "pubArea: 1 octets behind");
	parts.name_alg = 0x0004;
	parts_refused("a name by SHA-1", "pubArea.nameAlg: ");
	parts.name_alg = 0x0010;
	parts_refused("no name algorithm", "pubArea.nameAlg: ");
	parts.name_alg = 0x000c;
	parts_accepted("a name by SHA-384");
	parts.curve = 0x0020;
	parts_refused("curve SM2", "pubArea.curveID: ");
	parts.curve = 4;
	parts_refused("a curve that is not the point's", "pubArea.unique: ");
	parts.off_curve = true;
	parts_refused("a point off the curve", "pubArea.unique: ");
	parts.short_x = true;
	parts_refused("a coordinate cut off", "pubArea");
	parts.long_x = true;
	parts_refused("a coordinate longer than the curve's", "pubArea.unique: ");
	parts.key_type = 0x0008;
	parts_refused("a keyed hash", "pubArea");
	parts.key_type = 0x0025;
	parts_refused("a symmetric key", "pubArea");
	parts.scheme = 0x0018;
	parts_accepted("with the scheme ECDSA");
	parts.key_type = 0x0001;
	parts.app = app_rsa;
	parts_accepted("RSA");
	parts.key_type = 0x0001;
	parts.app = app_rsa;
	parts.exponent = 65537;
	parts_accepted("RSA, the exponent said");
	parts.key_type = 0x0001;
	parts.app = app_rsa;
	parts.exponent = 3;
	parts_refused("RSA with exponent 3", "pubArea: ");
	parts.key_type = 0x0001;
	parts.app = app_rsa;
	parts.key_bits = 1024;
	parts_refused("RSA of other bits than it says", "pubArea: no RSA key");
	parts.key_type = 0x0001;
	parts.app = lab.weak_key;
	parts_refused("RSA of 1024 bits", "pubArea: an RSA key must have");
}

static void
test_signature(void)
{
	struct form f = good_form();

	f.signer = app_rsa;
	form_refused(&f, finish, "signed by another key", "attStmt.sig: ");
	parts.bare = true;
	form_refused(&f, finish, "a bare signature by another key", "attStmt.sig: ");
	parts = good_parts();
	parts.bare = true;
	parts_accepted("a bare RSA signature, as Windows sends it");
	parts.sig_tail = SPAN("\0");
	parts_refused("an octet behind the signature", "attStmt.sig: ");
	parts.bare = true;
	parts.sig_tail = SPAN("\0");
	parts_refused("an octet behind a bare one", "attStmt.sig: ");
	parts.sig_hash = 0x000c;
	parts_refused("another hash in the signature than in alg", "attStmt.alg: another hash");
	parts.sig_hash = 0x0004;
	parts_refused("SHA-1 in the signature", "attStmt.alg: another hash");
	parts.pss = true;
	parts_refused("RSAPSS", "attStmt.sig: ");
	f = good_form();
	f.alg = -65535;
	form_refused(&f, finish, "RS1", "attStmt.alg: ");
	f.alg = -8;
	form_refused(&f, finish, "EdDSA", "attStmt.alg: ");
	f.alg = -258;
	f.md = EVP_sha384();
	form_refused(&f, finish, "SHA-384 by alg, SHA-256 in the signature",
		"attStmt.alg: another hash");
	parts.sig_hash = 0x000c;
	form_accepted(&f, finish, "SHA-384 in both");
	parts = good_parts();
	f = good_form();
	f.alg = -7;
	form_accepted(&f, finish,
		"alg that names the attested key's type, as smallstep's clients send it (V13)");
	f = good_form();
	f.leaf.key = lab.leaf_key;
	f.alg = -7;
	form_accepted(&f, finish, "an attestation key on P-256");
	parts.bare = true;
	form_accepted(&f, finish, "its signature bare");
	parts.sig_tail = SPAN("\0");
	form_refused(&f, finish, "its signature bare, an octet behind", "attStmt.sig: ");
	parts = good_parts();
	f.leaf.key = lab.weak_key;
	f.alg = -257;
	form_refused(&f, finish, "an attestation key of 1024 bits", "x5c[0]: an RSA key must have");
}

int
main(void)
{
	struct form f;

	tpm_init();
	f = good_form();
	form_common(&f, finish);
	test_facts();
	test_info();
	test_public();
	test_signature();
	return tpm_done();
}
