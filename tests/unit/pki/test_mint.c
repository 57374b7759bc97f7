/* test_mint.c - the local CA: templates, what the keeper refuses to sign, and what a verifier says
 * to the result. */
#include "pki/mint.h"

#include "base/rand.h"
#include "forge.h"
#include "tap.h"

#define NOW 1790000000
#define DAY 86400
#define CRL_URL "http://gate.example/crl"
#define L60 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"

static EVP_PKEY *ca_key, *leaf_key, *throw_away;
static X509 *ca;

static X509 *
x509_of(const struct buf *der)
{
	const unsigned char *p = (const unsigned char *)der->p;

	return d2i_X509(NULL, &p, (long)der->n);
}

static X509 *
make_ca(EVP_PKEY *key)
{
	AUTO_BUF der = BUF_MAX(8192);
	struct problem pr = { 0 };

	if (!mint_ca(key, "Local CA", NOW, &der, &pr))
		ok(false, "a CA is made: %s", pr.cause);
	return x509_of(&der);
}

/* What a TLS peer would say at `at`: X509_V_OK or the error. */
static int
verdict(X509 *root, X509 *leaf, X509_CRL *crl, const char *host, int64_t at)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int result;

	X509_STORE_add_cert(store, root);
	if (crl)
		X509_STORE_add_crl(store, crl);
	X509_STORE_CTX_init(ctx, store, leaf, NULL);
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, at);
	X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
	X509_VERIFY_PARAM_set_flags(
		param, X509_V_FLAG_X509_STRICT | (crl ? X509_V_FLAG_CRL_CHECK : 0));
	if (host)
		X509_VERIFY_PARAM_set1_host(param, host, 0);
	result = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return result;
}

static bool
mint(const char *names_text, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, struct buf *ret)
{
	struct idents names = { 0 };
	struct mint_leaf leaf = { .names = &names,
		.key = key,
		.not_before_unix_s = NOW - 3600,
		.not_after_unix_s = NOW + 30 * DAY,
		.crl_url = CRL_URL };
	AUTO_BUF template = BUF_MAX(MINT_LEAF_MAX_BYTES);
	struct problem pr = { 0 };
	bool good;

	rand_bytes(leaf.serial, sizeof(leaf.serial));
	leaf.serial[0] |= 0x80;
	good = idents_read(span_str(names_text), &names) &&
		mint_leaf_template(&leaf, &template, &pr) &&
		mint_sign_leaf(buf_span(&template), issuer, issuer_key, ret, &pr);
	if (!good)
		printf("# %s\n", pr.cause);
	idents_done(&names);
	return good;
}

static bool
crl_of(const struct mint_revoked *list, size_t count, X509_CRL **ret)
{
	AUTO_BUF template = BUF_MAX(MINT_CRL_MAX_BYTES);
	AUTO_BUF der = BUF_MAX(MINT_CRL_MAX_BYTES);
	struct problem pr = { 0 };
	const unsigned char *p;

	*ret = NULL;
	if (!mint_crl_template(list, count, 7, NOW - 60, NOW + 7 * DAY, &template, &pr) ||
		!mint_sign_crl(buf_span(&template), ca, ca_key, &der, &pr)) {
		printf("# %s\n", pr.cause);
		return false;
	}
	p = (const unsigned char *)der.p;
	*ret = d2i_X509_CRL(NULL, &p, (long)der.n);
	return *ret != NULL;
}

static void
test_end_to_end(void)
{
	AUTO_BUF der = BUF_MAX(8192);
	struct mint_revoked revoked[2] = { { "0087654321", NOW - 600, 0 }, { NULL, NOW - 300, 1 } };
	struct cert *leaf = NULL;
	struct problem pr;
	X509_CRL *none, *crl;
	X509_REVOKED *entry;
	bool minted;

	minted = mint("dns:a.example,dns:*.b.example,ip:10.0.0.1", leaf_key, ca, ca_key, &der);
	ok(minted && cert_parse(buf_span(&der), &leaf, &pr), "a leaf is minted");
	if (!leaf)
		return;
	is_str(leaf->subject, "CN=a.example", "its CN is the first dns name");
	is_str(leaf->issuer, "CN=Local CA", "its issuer is the CA");
	ok(leaf->names.count == 3 && !leaf->has_other_names, "it has the names");
	ok(leaf->certid[0] && strlen(leaf->serial) == 32,
		"it has a certID and 16 octets of serial");
	ok(leaf->not_before_unix_s == NOW - 3600 && leaf->not_after_unix_s == NOW + 30 * DAY,
		"it has the dates");
	is_int(X509_get_signature_nid(leaf->x509), NID_ecdsa_with_SHA256,
		"P-256 signs with SHA-256");
	is_int(X509_get_extended_key_usage(leaf->x509), XKU_SSL_SERVER, "it is for servers");
	is_int(X509_get_key_usage(leaf->x509), KU_DIGITAL_SIGNATURE, "it may sign");
	ok(X509_get_ext_by_NID(leaf->x509, NID_crl_distribution_points, -1) >= 0 &&
			X509_get0_subject_key_id(leaf->x509),
		"it says where the CRL is and has an SKI");
	ok(crl_of(NULL, 0, &none), "an empty CRL is signed");
	is_int(verdict(ca, leaf->x509, none, "a.example", NOW), X509_V_OK, "a verifier takes it");
	is_int(verdict(ca, leaf->x509, none, "x.b.example", NOW), X509_V_OK,
		"for the wildcard too");
	is_int(verdict(ca, leaf->x509, none, "c.example", NOW), X509_V_ERR_HOSTNAME_MISMATCH,
		"for no other name");
	is_int(verdict(ca, leaf->x509, NULL, NULL, NOW + 40 * DAY), X509_V_ERR_CERT_HAS_EXPIRED,
		"nor later");
	revoked[1].serial = leaf->serial;
	ok(crl_of(revoked, 2, &crl), "a CRL is signed");
	is_int(verdict(ca, leaf->x509, crl, "a.example", NOW), X509_V_ERR_CERT_REVOKED,
		"a verifier sees it revoked");
	ok(X509_CRL_get0_by_cert(crl, &entry, leaf->x509) == 1 &&
			X509_REVOKED_get_ext_by_NID(entry, NID_crl_reason, -1) >= 0,
		"with its reason");
	revoked[1].serial = "00";
	X509_CRL_free(crl);
	ok(crl_of(revoked, 2, &crl), "another CRL is signed");
	is_int(verdict(ca, leaf->x509, crl, "a.example", NOW), X509_V_OK,
		"another's revocation is not ours");
	X509_CRL_free(crl);
	X509_CRL_free(none);
	cert_free(leaf);
}

static void
test_chain_is_ours(void)
{
	AUTO_BUF der = BUF_MAX(8192);
	struct chain chain = { .count = 2 };
	struct idents names = { 0 };
	struct span ca_der = forge_x509_der(ca);
	struct problem pr = { 0 };
	char hash[KEY_HASH_TEXT];

	ok(mint("ip:2001:db8::1,dns:a.example", leaf_key, ca, ca_key, &der) &&
			cert_parse(buf_span(&der), &chain.certs[0], &pr) &&
			cert_parse(ca_der, &chain.certs[1], &pr) &&
			idents_read(SPAN("dns:a.example,ip:2001:db8::1"), &names) &&
			key_hash(leaf_key, hash) && chain_check(&chain, hash, &names, NOW, &pr),
		"leaf and CA pass our own check %s", pr.detail);
	forge_free(ca_der);
	chain_done(&chain);
	idents_done(&names);
}

static void
test_kinds(void)
{
	static const struct {
		enum key_type type;
		int nid;
	} cas[] = { { KEY_P384, NID_ecdsa_with_SHA384 }, { KEY_P521, NID_ecdsa_with_SHA512 },
		{ KEY_RSA2048, NID_sha256WithRSAEncryption }, { KEY_ED25519, NID_ED25519 } };
	struct problem pr;

	for (size_t i = 0; i < sizeof(cas) / sizeof(cas[0]); i++) {
		AUTO_PKEY *key = NULL;
		AUTO_BUF der = BUF_MAX(8192);
		AUTO_BUF der2 = BUF_MAX(8192);
		X509 *own, *leaf;

		ok(key_make(cas[i].type, &key, &pr), "a key");
		own = make_ca(key);
		ok(mint("dns:a.example", leaf_key, own, key, &der), "a CA with %s mints",
			key_type_name(cas[i].type));
		leaf = x509_of(&der);
		ok(X509_get_signature_nid(leaf) == cas[i].nid &&
				X509_get_signature_nid(own) == cas[i].nid,
			"with its digest");
		is_int(verdict(own, leaf, NULL, "a.example", NOW), X509_V_OK, "and it verifies");
		X509_free(leaf);
		ok(mint("dns:a.example", key, ca, ca_key, &der2), "a leaf with %s is minted",
			key_type_name(cas[i].type));
		leaf = x509_of(&der2);
		is_int(X509_get_key_usage(leaf),
			KU_DIGITAL_SIGNATURE |
				(cas[i].type == KEY_RSA2048 ? KU_KEY_ENCIPHERMENT : 0),
			"with the key usage of its kind");
		is_int(verdict(ca, leaf, NULL, "a.example", NOW), X509_V_OK, "and it verifies");
		X509_free(leaf);
		X509_free(own);
	}
}

static void
subject_is(const char *names, const char *subject, const char *what)
{
	AUTO_BUF der = BUF_MAX(8192);
	struct cert *leaf = NULL;
	struct problem pr;
	int at, critical;

	ok(mint(names, leaf_key, ca, ca_key, &der) && cert_parse(buf_span(&der), &leaf, &pr) &&
			strcmp(leaf->subject, subject) == 0,
		"%s", what);
	at = X509_get_ext_by_NID(leaf->x509, NID_subject_alt_name, -1);
	critical = X509_EXTENSION_get_critical(X509_get_ext(leaf->x509, at));
	ok(!!critical == !subject[0], "the SAN is critical if the subject is empty");
	is_int(verdict(ca, leaf->x509, NULL, NULL, NOW), X509_V_OK, "and it verifies");
	cert_free(leaf);
}

static void
test_subjects(void)
{
	subject_is("ip:10.0.0.1", "", "addresses alone: the subject is empty");
	subject_is("ip:10.0.0.1,dns:a.example", "CN=a.example", "the first dns name is the CN");
	subject_is("dns:" L60 ".exa", "CN=" L60 ".exa", "a name of 64 octets is a CN");
	subject_is("dns:" L60 ".exam,dns:a.example", "", "a name of 65 octets is none");
}

/* The whole GeneralName, as section 3 of the draft has it. */
static const struct {
	const char *name, *text;
	size_t n;
	const char *general;
} devices[] = {
	{ "a permanent identifier", "permanent-identifier:ABCDEF123456", 30,
		"\xa0\x1c\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x03\xa0\x10\x30\x0e\x0c\x0c" "ABCDEF123456" },
	{ "a permanent identifier with its assigner", "permanent-identifier:ABCDEF123456/1.2.3.4", 35,
		"\xa0\x21\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x03\xa0\x15\x30\x13\x0c\x0c" "ABCDEF123456" "\x06\x03\x2a\x03\x04" },
	{ "a hardware module", "hardware-module:ABCD/1.2.3.4", 27,
		"\xa0\x19\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x04\xa0\x0d\x30\x0b\x06\x03\x2a\x03\x04\x04\x04" "ABCD" },
};

static void
test_devices(void)
{
	AUTO_BUF long_oid = BUF_MAX(1024);

	for (size_t i = 0; i < COUNT_OF(devices); i++) {
		AUTO_BUF der = BUF_MAX(8192);

		ok(mint(devices[i].text, leaf_key, ca, ca_key, &der) && memmem(der.p, der.n, devices[i].general, devices[i].n),
			"%s is written as the draft has it", devices[i].name);
		subject_is(devices[i].text, "", devices[i].name);
	}
	subject_is("permanent-identifier:a.example,dns:b.example", "CN=b.example", "a device is never the CN");
	buf_adds(&long_oid, "hardware-module:%2C%25 /2.999");
	for (int i = 0; i < 6; i++)
		buf_adds(&long_oid, ".340282366920938463463374607431768211456");
	buf_adds(&long_oid, ".0.1");
	for (int i = 0; i < 2; i++) {
		AUTO_BUF der = BUF_MAX(8192), text = BUF_MAX(4096);
		const char *all[] = { buf_cstr(&long_oid), "permanent-identifier:\xc3\xa9 %2C%25'\"*/2.39" };
		struct cert *leaf = NULL;
		struct problem pr;

		ok(mint(all[i], leaf_key, ca, ca_key, &der) && cert_parse(buf_span(&der), &leaf, &pr) && !leaf->has_other_names,
			"minted and read back: %s", all[i]);
		if (leaf)
			idents_write(&leaf->names, &text);
		is_str(buf_cstr(&text), all[i], "octet for octet");
		cert_free(leaf);
	}
}

static void
test_client_auth(void)
{
	struct idents names = { 0 };
	struct mint_leaf leaf = { .names = &names,
		.key = leaf_key,
		.serial = { 1 },
		.not_before_unix_s = NOW,
		.not_after_unix_s = NOW + DAY,
		.client_auth = true };
	AUTO_BUF template = BUF_MAX(MINT_LEAF_MAX_BYTES);
	AUTO_BUF small = BUF_MAX(100);
	AUTO_BUF der = BUF_MAX(8192);
	struct problem pr = { 0 };
	X509 *x;

	idents_read(SPAN("dns:a.example"), &names);
	ok(mint_leaf_template(&leaf, &template, &pr) &&
			mint_sign_leaf(buf_span(&template), ca, ca_key, &der, &pr),
		"a leaf for clients without a CRL is minted");
	x = x509_of(&der);
	is_int(X509_get_extended_key_usage(x), XKU_SSL_SERVER | XKU_SSL_CLIENT, "for both");
	ok(X509_get_ext_by_NID(x, NID_crl_distribution_points, -1) < 0, "without a CRL's place");
	X509_free(x);
	ok(!mint_leaf_template(&leaf, &small, &pr) && pr.kind == PROBLEM_SERVER_INTERNAL,
		"a buffer too small is told");
	buf_clear(&template);
	leaf.crl_url = CRL_URL;
	ok(mint_leaf_template(&leaf, &template, &pr), "a template parses");
	x = x509_of(&template);
	ok(x && X509_NAME_entry_count(X509_get_issuer_name(x)) == 0, "and has no issuer yet");
	X509_free(x);
	idents_done(&names);
}

#define SAN "subjectAltName=DNS:a.example,IP:10.0.0.1"
#define BC "basicConstraints=critical,CA:FALSE"
#define KU "keyUsage=critical,digitalSignature"
#define EKU "extendedKeyUsage=serverAuth,clientAuth"

static const struct {
	const char *name, *cn, *serial;
	int64_t from_s, to_s; /* from NOW */
	const char *exts[FORGE_EXTS];
	const char *word; /* of the cause; NULL = signed */
} templates[] = {
	{ "a plain template", "a.example", NULL, 0, DAY, { SAN, BC, KU, EKU }, NULL },
	{ "all extensions of the list", "A.example", NULL, 0, DAY,
		{ SAN, BC, KU, EKU, "subjectKeyIdentifier=hash",
			"crlDistributionPoints=URI:" CRL_URL },
		NULL },
	{ "an AKI of its own", "a.example", NULL, 0, DAY,
		{ SAN, BC, KU, EKU, "authorityKeyIdentifier=DER:3006800401020304" }, NULL },
	{ "397 days", "a.example", NULL, -DAY + 1, 396 * DAY, { SAN, BC, KU, EKU }, NULL },
	{ "CA:TRUE", "a.example", NULL, 0, DAY,
		{ SAN, "basicConstraints=critical,CA:TRUE", KU, EKU }, "of a CA" },
	{ "basicConstraints that are not critical", "a.example", NULL, 0, DAY,
		{ SAN, "basicConstraints=CA:FALSE", KU, EKU }, "critical" },
	{ "no basicConstraints", "a.example", NULL, 0, DAY, { SAN, KU, EKU }, "absent" },
	{ "keyCertSign", "a.example", NULL, 0, DAY,
		{ SAN, BC, "keyUsage=critical,digitalSignature,keyCertSign", EKU }, "usage" },
	{ "cRLSign", "a.example", NULL, 0, DAY, { SAN, BC, "keyUsage=critical,cRLSign", EKU },
		"usage" },
	{ "decipherOnly", "a.example", NULL, 0, DAY,
		{ SAN, BC, "keyUsage=critical,decipherOnly", EKU }, "usage" },
	{ "no keyUsage", "a.example", NULL, 0, DAY, { SAN, BC, EKU }, "absent" },
	{ "codeSigning", "a.example", NULL, 0, DAY,
		{ SAN, BC, KU, "extendedKeyUsage=serverAuth,codeSigning" }, "EKU" },
	{ "anyExtendedKeyUsage", "a.example", NULL, 0, DAY,
		{ SAN, BC, KU, "extendedKeyUsage=anyExtendedKeyUsage" }, "EKU" },
	{ "an empty EKU", "a.example", NULL, 0, DAY, { SAN, BC, KU, "extendedKeyUsage=DER:3000" },
		"EKU" },
	{ "no EKU", "a.example", NULL, 0, DAY, { SAN, BC, KU }, "absent" },
	{ "no SAN", "a.example", NULL, 0, DAY, { BC, KU, EKU }, "absent" },
	{ "an email address", "a.example", NULL, 0, DAY, { SAN ",email:a@a.example", BC, KU, EKU },
		"names" },
	{ "an empty SAN", NULL, NULL, 0, DAY, { "subjectAltName=critical,DER:3000", BC, KU, EKU },
		"names" },
	{ "a SAN that cannot be read", "a.example", NULL, 0, DAY,
		{ "subjectAltName=DER:0500", BC, KU, EKU }, "read" },
	{ "an empty subject with a SAN that is not critical", NULL, NULL, 0, DAY,
		{ SAN, BC, KU, EKU }, "critical" },
	{ "a CN outside of the SAN", "b.example", NULL, 0, DAY, { SAN, BC, KU, EKU }, "subject" },
	{ "an extension twice", "a.example", NULL, 0, DAY, { SAN, BC, KU, EKU, EKU }, "twice" },
	{ "name constraints", "a.example", NULL, 0, DAY,
		{ SAN, BC, KU, EKU, "nameConstraints=permitted;DNS:a" }, "list" },
	{ "an unknown extension", "a.example", NULL, 0, DAY, { SAN, BC, KU, EKU, "1.2.3=DER:0500" },
		"list" },
	{ "an empty SKI", "a.example", NULL, 0, DAY,
		{ SAN, BC, KU, EKU, "subjectKeyIdentifier=DER:0400" }, "SKI" },
	{ "399 days", "a.example", NULL, 0, 399 * DAY, { SAN, BC, KU, EKU }, "398" },
	{ "an end before the beginning", "a.example", NULL, DAY, 0, { SAN, BC, KU, EKU },
		"before" },
	{ "a moment", "a.example", NULL, 0, 0, { SAN, BC, KU, EKU }, "before" },
	{ "a beginning before the CA's", "a.example", NULL, -DAY - 1, DAY, { SAN, BC, KU, EKU },
		"beyond" },
	{ "an end after the CA's", "a.example", NULL, 3600 * DAY, 3651 * DAY, { SAN, BC, KU, EKU },
		"beyond" },
	{ "serial 0", "a.example", "0", 0, DAY, { SAN, BC, KU, EKU }, "serial" },
	{ "a negative serial", "a.example", "-5", 0, DAY, { SAN, BC, KU, EKU }, "serial" },
	{ "a serial of 21 octets", "a.example", "0xffffffffffffffffffffffffffffffffffffffff", 0,
		DAY, { SAN, BC, KU, EKU }, "serial" },
};

static struct forge_cert
form_of(size_t i, EVP_PKEY *key)
{
	struct forge_cert f = { .cn = templates[i].cn,
		.key = key,
		.issuer_key = throw_away,
		.serial = templates[i].serial,
		.not_before_unix_s = NOW + templates[i].from_s,
		.not_after_unix_s = NOW + templates[i].to_s };

	memcpy(f.exts, templates[i].exts, sizeof(f.exts));
	return f;
}

static bool
signs(X509 *template, X509 *issuer, EVP_PKEY *issuer_key, struct buf *ret, struct problem *pr)
{
	struct span der = forge_x509_der(template);
	bool good;

	memset(pr, 0, sizeof(*pr));
	good = mint_sign_leaf(der, issuer, issuer_key, ret, pr);
	forge_free(der);
	X509_free(template);
	return good;
}

static void
test_templates(void)
{
	struct problem pr;

	for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++) {
		AUTO_BUF der = BUF_MAX(8192);
		struct forge_cert f = form_of(i, leaf_key);
		bool good = signs(forge_x509(&f), ca, ca_key, &der, &pr);

		if (!templates[i].word) {
			X509 *x = x509_of(&der);

			ok(good && verdict(ca, x, NULL, "a.example", NOW + 1) == X509_V_OK,
				"signed: %s", templates[i].name);
			X509_free(x);
		} else {
			ok(!good && der.n == 0 && pr.kind == PROBLEM_SERVER_INTERNAL &&
					strstr(pr.cause, templates[i].word),
				"refused: %s (%s)", templates[i].name, pr.cause);
		}
	}
}

static void
test_more_refusals(void)
{
	AUTO_BUF der = BUF_MAX(8192);
	AUTO_PKEY *small = EVP_RSA_gen(1024), *other = EVP_EC_gen("P-256");
	struct forge_cert f = form_of(0, ca_key);
	struct problem pr;
	struct span good_der, bad_der;
	X509 *x;

	ok(!signs(forge_x509(&f), ca, ca_key, &der, &pr) && strstr(pr.cause, "own key"),
		"refused: the CA's own key");
	f = form_of(0, small);
	ok(!signs(forge_x509(&f), ca, ca_key, &der, &pr) && strstr(pr.cause, "acceptable"),
		"refused: RSA 1024");
	f = form_of(0, leaf_key);
	x = forge_x509(&f);
	X509_set_version(x, X509_VERSION_1);
	X509_sign(x, throw_away, EVP_sha256());
	ok(!signs(x, ca, ca_key, &der, &pr) && strstr(pr.cause, "version"), "refused: version 1");
	x = forge_x509(&f);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "O", MBSTRING_ASC,
		(const unsigned char *)"Org", -1, -1, 0);
	X509_sign(x, throw_away, EVP_sha256());
	ok(!signs(x, ca, ca_key, &der, &pr) && strstr(pr.cause, "subject"),
		"refused: more of a subject");
	ok(!signs(forge_x509(&f), ca, other, &der, &pr) && pr.kind == PROBLEM_SERVER_INTERNAL,
		"refused: a key that is not the CA's");
	x = forge_x509(&f);
	ok(!signs(forge_x509(&f), x, throw_away, &der, &pr) && pr.kind == PROBLEM_SERVER_INTERNAL,
		"refused: a CA that is none");
	good_der = forge_x509_der(x);
	ok(!mint_sign_leaf(span_of(good_der.p, good_der.n - 1), ca, ca_key, &der, &pr) &&
			!mint_sign_leaf(SPAN_NONE, ca, ca_key, &der, &pr) && der.n == 0,
		"refused: half a certificate, and none");
	ok(!mint_sign_crl(good_der, ca, ca_key, &der, &pr) && pr.kind == PROBLEM_SERVER_INTERNAL,
		"refused: a certificate as CRL");
	bad_der = span_of(good_der.p, good_der.n);
	{
		AUTO_BUF more = BUF_MAX(8192);

		buf_addspan(&more, bad_der);
		buf_addc(&more, 0);
		ok(!mint_sign_leaf(buf_span(&more), ca, ca_key, &der, &pr),
			"refused: an octet behind");
	}
	forge_free(good_der);
	X509_free(x);
}

static bool
crl_signs(X509_CRL *crl)
{
	AUTO_BUF out = BUF_MAX(8192);
	unsigned char *der = NULL;
	struct problem pr = { 0 };
	bool good;
	int n;

	X509_CRL_sign(crl, throw_away, EVP_sha256());
	n = i2d_X509_CRL(crl, &der);
	good = mint_sign_crl(span_of(der, (size_t)n), ca, ca_key, &out, &pr);
	if (!good && pr.kind != PROBLEM_SERVER_INTERNAL)
		ok(false, "a refused CRL template is our fault");
	OPENSSL_free(der);
	X509_CRL_free(crl);
	return good;
}

static X509_CRL *
crl_template(const struct mint_revoked *revoked, int64_t this_s, int64_t next_s)
{
	AUTO_BUF der = BUF_MAX(8192);
	struct problem pr = { 0 };
	const unsigned char *p;

	if (!mint_crl_template(revoked, revoked ? 1 : 0, 1, this_s, next_s, &der, &pr))
		ok(false, "a CRL's template: %s", pr.cause);
	p = (const unsigned char *)der.p;
	return d2i_X509_CRL(NULL, &p, (long)der.n);
}

static void
test_crl_refusals(void)
{
	X509_CRL *crl = crl_template(NULL, NOW, NOW + DAY);
	AUTO_BUF out = BUF_MAX(8192);
	ASN1_INTEGER *one = s2i_ASN1_INTEGER(NULL, "1");
	struct problem pr;

	ok(crl_signs(crl), "a CRL's template is signed");
	crl = crl_template(NULL, NOW, NOW + DAY);
	X509_CRL_add1_ext_i2d(crl, NID_delta_crl, one, 1, 0);
	ok(!crl_signs(crl), "refused: a delta CRL");
	crl = crl_template(NULL, NOW, NOW + DAY);
	X509_EXTENSION_free(X509_CRL_delete_ext(crl, 0));
	ok(!crl_signs(crl), "refused: a CRL without a number");
	ok(!crl_signs(crl_template(NULL, NOW, NOW)), "refused: a CRL of no time");
	ok(!crl_signs(crl_template(NULL, NOW, NOW - DAY)), "refused: a CRL that ends before");
	ok(!crl_signs(crl_template(NULL, NOW, NOW + 399 * DAY)), "refused: a CRL of 399 days");
	ok(!crl_signs(crl_template(&(struct mint_revoked){ "01", NOW, 7 }, NOW, NOW + DAY)),
		"refused: reason 7");
	ok(!crl_signs(crl_template(&(struct mint_revoked){ "01", NOW, 11 }, NOW, NOW + DAY)),
		"refused: reason 11");
	ok(crl_signs(crl_template(&(struct mint_revoked){ "01", NOW, -1 }, NOW, NOW + DAY)),
		"signed: no reason");
	ok(crl_signs(crl_template(&(struct mint_revoked){ "FF789b", NOW, 5 }, NOW, NOW + DAY)),
		"signed: a negative serial");
	ok(!mint_crl_template(
		   &(struct mint_revoked){ "xy", NOW, 0 }, 1, 1, NOW, NOW + DAY, &out, &pr) &&
			pr.kind == PROBLEM_SERVER_INTERNAL,
		"refused: a serial that is no hex");
	ok(!mint_crl_template(
		   &(struct mint_revoked){ "", NOW, 0 }, 1, 1, NOW, NOW + DAY, &out, &pr),
		"refused: an empty serial");
	ASN1_INTEGER_free(one);
}

static void
test_ca(void)
{
	AUTO_BUF der = BUF_MAX(8192);
	struct problem pr;

	ok(X509_check_ca(ca) == 1 && X509_get_pathlen(ca) == 0, "the CA may sign leaves only");
	is_int(X509_get_key_usage(ca), KU_KEY_CERT_SIGN | KU_CRL_SIGN, "certificates and CRLs");
	ok(X509_self_signed(ca, 1) == 1, "it verifies by itself");
	ok(!mint_ca(ca_key, "", NOW, &der, &pr) && pr.kind == PROBLEM_MALFORMED,
		"an empty common name is refused");
	ok(!mint_ca(ca_key, L60 "12345", NOW, &der, &pr) && pr.kind == PROBLEM_MALFORMED,
		"one of 65 characters too");
	ok(!mint_ca(ca_key, "\xff\xfe", NOW, &der, &pr) && pr.kind == PROBLEM_MALFORMED &&
			der.n == 0,
		"and one that is not UTF-8");
}

int
main(void)
{
	ca_key = EVP_EC_gen("P-256");
	leaf_key = EVP_EC_gen("P-256");
	throw_away = EVP_EC_gen("P-256");
	ca = make_ca(ca_key);
	test_ca();
	test_end_to_end();
	test_chain_is_ours();
	test_kinds();
	test_subjects();
	test_devices();
	test_client_auth();
	test_templates();
	test_more_refusals();
	test_crl_refusals();
	X509_free(ca);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(leaf_key);
	EVP_PKEY_free(throw_away);
	return done_testing();
}
