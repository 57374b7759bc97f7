/* test_csr.c - certificate requests: what is read, and what is refused (RFC 8555 7.4). */
#include "pki/csr.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "forge.h"
#include "tap.h"

#define SAN "subjectAltName="
#define PERMANENT "06082b06010505070803" /* the forms' OIDs, and the value of the first, as hex */
#define HARDWARE "06082b06010505070804"
#define VALUE "0c0c414243444546313233343536"
#define L60 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"

static const struct {
	const char *name, *cn;
	const char *exts[FORGE_EXTS];
	const char *names; /* then common names, after a blank; NULL = refused with badCSR */
} cases[] = {
	{ "names of the SAN are read", NULL, { SAN "DNS:a.example,DNS:*.b.example,IP:10.0.0.1" },
		"dns:a.example,dns:*.b.example,ip:10.0.0.1" },
	{ "an IPv6 address is read", NULL, { SAN "IP:2001:db8:0:0:0:0:0:1" }, "ip:2001:db8::1" },
	{ "names are lower-cased", NULL, { SAN "DNS:A.Example" }, "dns:a.example" },
	{ "a name twice counts once", NULL, { SAN "DNS:a.example,DNS:A.EXAMPLE" },
		"dns:a.example" },
	{ "a CN is kept as it came", "A.example", { SAN "DNS:a.example" }, "dns:a.example A.example" },
	{ "a CN alone is kept", "b.example", { NULL }, " b.example" },
	{ "a CN that is no name is kept: it may be a device", "SN 1,2", { NULL }, " SN 1,2" },
	{ "a device is read", NULL, { SAN "DER:3023a021" PERMANENT "a0153013" VALUE "06032a0304" },
		"permanent-identifier:ABCDEF123456/1.2.3.4" },
	{ "one without an assigner", NULL, { SAN "DER:301ea01c" PERMANENT "a010300e" VALUE },
		"permanent-identifier:ABCDEF123456" },
	{ "a hardware module is read", NULL, { SAN "DER:301ba019" HARDWARE "a00d300b06032a0304040441424344" },
		"hardware-module:ABCD/1.2.3.4" },
	{ "devices and names are read", NULL, { SAN "DER:3029a01c" PERMANENT "a010300e" VALUE "8209612e6578616d706c65" },
		"permanent-identifier:ABCDEF123456,dns:a.example" },
	{ "the same device twice counts once", NULL, { SAN "DER:303ca01c" PERMANENT "a010300e" VALUE "a01c" PERMANENT "a010300e" VALUE },
		"permanent-identifier:ABCDEF123456" },
	{ "a PermanentIdentifier without a value is refused", NULL, { SAN "DER:3015a013" PERMANENT "a007300506032a0304" }, NULL },
	{ "an empty PermanentIdentifier is refused", NULL, { SAN "DER:3010a00e" PERMANENT "a0023000" }, NULL },
	{ "one with an empty value is refused", NULL, { SAN "DER:3012a010" PERMANENT "a00430020c00" }, NULL },
	{ "a PrintableString as value is refused", NULL, { SAN "DER:3013a011" PERMANENT "a0053003130141" }, NULL },
	{ "a value with a slash is refused", NULL, { SAN "DER:3017a015" PERMANENT "a0093007" "0c05412f312e32" }, NULL },
	{ "a value that is not UTF-8 is refused", NULL, { SAN "DER:3013a011" PERMANENT "a00530030c01ff" }, NULL },
	{ "a value with a NUL is refused", NULL, { SAN "DER:3014a012" PERMANENT "a00630040c024100" }, NULL },
	{ "a value with a newline is refused", NULL, { SAN "DER:3014a012" PERMANENT "a00630040c02410a" }, NULL },
	{ "something behind the assigner is refused", NULL, { SAN "DER:301aa018" PERMANENT "a00c300a0c014106032a03040500" }, NULL },
	{ "the assigner before the value is refused", NULL, { SAN "DER:3018a016" PERMANENT "a00a300806032a03040c0141" }, NULL },
	{ "an assigner with a padded arc is refused", NULL, { SAN "DER:3018a016" PERMANENT "a00a30080c014106032a8004" }, NULL },
	{ "an empty assigner is refused", NULL, { SAN "DER:3015a013" PERMANENT "a00730050c01410600" }, NULL },
	{ "a long length in the value is refused", NULL, { SAN "DER:3014a012" PERMANENT "a00630040c810141" }, NULL },
	{ "a device that is no SEQUENCE is refused", NULL, { SAN "DER:3011a00f" PERMANENT "a0030c0141" }, NULL },
	{ "a hardware module without a serial is refused", NULL, { SAN "DER:3015a013" HARDWARE "a007300506032a0304" }, NULL },
	{ "one without a type is refused", NULL, { SAN "DER:3013a011" HARDWARE "a0053003040141" }, NULL },
	{ "one with its members in the other order is refused", NULL, { SAN "DER:3018a016" HARDWARE "a00a300804014106032a0304" }, NULL },
	{ "one with a serial of text is refused", NULL, { SAN "DER:3018a016" HARDWARE "a00a300806032a03040c0141" }, NULL },
	{ "one with something behind it is refused", NULL, { SAN "DER:301aa018" HARDWARE "a00c300a06032a03040401410500" }, NULL },
	{ "one with a serial of octets is refused", NULL, { SAN "DER:3018a016" HARDWARE "a00a300806032a0304040180" }, NULL },
	{ "another otherName beside a device is refused", NULL,
		{ SAN "DER:302ea01c" PERMANENT "a010300e" VALUE "a00e06032a0304a0070c05414243" "4445" }, NULL },
	{ "no name at all is left to the caller", NULL, { NULL }, "" },
	{ "usual extensions are read past", NULL,
		{ SAN "DNS:a.example", "basicConstraints=critical,CA:FALSE",
			"keyUsage=critical,digitalSignature,keyEncipherment",
			"extendedKeyUsage=serverAuth" },
		"dns:a.example" },
	{ "an unknown extension is ignored", NULL, { SAN "DNS:a.example", "1.2.3.4=DER:0500" },
		"dns:a.example" },
	{ "a critical SAN is fine", NULL, { "subjectAltName=critical,DNS:a.example" },
		"dns:a.example" },
	{ "an email address is refused", NULL, { SAN "DNS:a.example,email:a@b.example" }, NULL },
	{ "a URI is refused", NULL, { SAN "DNS:a.example,URI:https://a.example/" }, NULL },
	{ "a registered id is refused", NULL, { SAN "RID:1.2.3.4" }, NULL },
	{ "an otherName is refused", NULL, { SAN "otherName:1.2.3.4;UTF8:x" }, NULL },
	{ "an underscore is refused", NULL, { SAN "DNS:a_b.example" }, NULL },
	{ "a trailing dot is refused", NULL, { SAN "DNS:a.example." }, NULL },
	{ "a disallowed label is refused", NULL, { SAN "DNS:xn--ls8h.example" }, NULL },
	{ "an address as DNS name is refused", NULL, { SAN "DNS:10.0.0.1" }, NULL },
	{ "a v4-mapped address is refused", NULL, { SAN "IP:::ffff:10.0.0.1" }, NULL },
	{ "an iPAddress of 8 octets is refused", NULL, { SAN "DER:300a87080a000000ff000000" },
		NULL },
	{ "a NUL in a name is refused", NULL, { SAN "DER:300d820b612e6578616d706c65002e" }, NULL },
	{ "an empty SAN is refused", NULL, { SAN "DER:3000" }, NULL },
	{ "a SAN that is no list is refused", NULL, { SAN "DER:0500" }, NULL },
	{ "octets behind the SAN's list are refused", NULL,
		{ SAN "DER:300b8209612e6578616d706c650500" }, NULL },
	{ "a CN of 65 octets is refused", L60 ".exam", { SAN "DNS:" L60 ".exam" }, NULL },
	{ "CA:TRUE is refused", NULL, { SAN "DNS:a.example", "basicConstraints=CA:TRUE" }, NULL },
	{ "a path length is refused", NULL,
		{ SAN "DNS:a.example", "basicConstraints=DER:3003020100" }, NULL },
	{ "unreadable basicConstraints are refused", NULL, { "basicConstraints=DER:0101ff" },
		NULL },
	{ "keyCertSign is refused", NULL, { SAN "DNS:a.example", "keyUsage=keyCertSign" }, NULL },
	{ "cRLSign is refused", NULL, { SAN "DNS:a.example", "keyUsage=cRLSign" }, NULL },
	{ "an unreadable keyUsage is refused", NULL, { "keyUsage=DER:0500" }, NULL },
	{ "an unreadable extendedKeyUsage is refused", NULL, { "extendedKeyUsage=DER:0500" },
		NULL },
	{ "an unreadable TLS feature is refused", NULL, { "1.3.6.1.5.5.7.1.24=DER:0500" }, NULL },
	{ "an unknown critical extension is refused", NULL,
		{ SAN "DNS:a.example", "1.2.3.4=critical,DER:0500" }, NULL },
	{ "the precertificate poison is refused", NULL,
		{ SAN "DNS:a.example", "1.3.6.1.4.1.11129.2.4.3=critical,DER:0500" }, NULL },
	{ "two SANs are refused", NULL, { SAN "DNS:a.example", SAN "DNS:b.example" }, NULL },
	{ "any extension twice is refused", NULL, { "1.2.3.4=DER:0500", "1.2.3.4=DER:0500" },
		NULL },
};

static EVP_PKEY *p256;

/* Parse, free the octets, and tell whether it was as wanted. */
static bool
parses(struct span der, struct csr **ret, struct problem *pr)
{
	bool good;

	memset(pr, 0, sizeof(*pr));
	good = csr_parse(der, ret, pr);
	forge_free(der);
	return good;
}

static void
refused(struct span der, const char *name)
{
	struct problem pr;
	struct csr *csr = NULL;

	ok(!parses(der, &csr, &pr) && pr.kind == PROBLEM_BAD_CSR && pr.detail[0] && !csr, "%s: %s",
		name, pr.detail);
	csr_free(csr);
}

static void
test_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span der = forge_csr(p256, cases[i].cn, cases[i].exts);
		AUTO_BUF names = BUF_MAX(4096);
		struct csr *csr = NULL;
		struct problem pr;

		if (!cases[i].names) {
			refused(der, cases[i].name);
			continue;
		}
		if (!parses(der, &csr, &pr)) {
			ok(false, "%s: %s", cases[i].name, pr.detail);
			continue;
		}
		idents_write(&csr->names, &names);
		for (size_t j = 0; j < csr->common_name_count; j++)
			buf_addf(&names, " %s", csr->common_names[j].text);
		is_str(buf_cstr(&names), cases[i].names, "%s", cases[i].name);
		csr_free(csr);
	}
}

static void
test_wishes(void)
{
	static const char *const exts[FORGE_EXTS] = { SAN "DNS:a.example",
		"extendedKeyUsage=serverAuth,clientAuth", "tlsfeature=status_request" };
	static const char *const none[FORGE_EXTS] = { SAN "DNS:a.example",
		"extendedKeyUsage=serverAuth" };
	struct problem pr;
	struct csr *csr = NULL;
	char hash[KEY_HASH_TEXT];

	ok(parses(forge_csr(p256, NULL, exts), &csr, &pr), "a request with wishes is read");
	ok(csr->must_staple, "it wants must-staple");
	ok(csr_wants_eku(csr, NID_server_auth) && csr_wants_eku(csr, NID_client_auth) &&
			!csr_wants_eku(csr, NID_code_sign),
		"it wants serverAuth and clientAuth and no more");
	ok(csr->key_type == KEY_P256 && key_hash(p256, hash) && strcmp(hash, csr->key_hash) == 0,
		"its key is known by its hash");
	csr_free(csr);
	csr = NULL;
	ok(parses(forge_csr(p256, NULL, none), &csr, &pr) && !csr->must_staple &&
			!csr_wants_eku(csr, NID_client_auth),
		"another wants neither");
	csr_free(csr);
	csr_free(NULL);
}

static const char *const plain[FORGE_EXTS] = { SAN "DNS:a.example" };

static void
test_keys(void)
{
	static const enum key_type types[] = { KEY_P384, KEY_P521, KEY_ED25519, KEY_RSA2048 };
	AUTO_PKEY *small = EVP_RSA_gen(1024), *k1 = EVP_EC_gen("secp256k1"),
		  *other = EVP_EC_gen("P-256");
	AUTO_PKEY *explicit = EVP_EC_gen("P-256"), *ed448 = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
	AUTO_PKEY *rsa = NULL;
	X509_REQ *req;
	struct problem pr;
	struct span der;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		AUTO_PKEY *key = NULL;
		struct csr *csr = NULL;

		ok(key_make(types[i], &key, &pr) &&
				parses(forge_csr(key, NULL, plain), &csr, &pr) &&
				csr->key_type == types[i],
			"%s is taken", key_type_name(types[i]));
		csr_free(csr);
	}
	refused(forge_csr(small, NULL, plain), "RSA 1024 is refused");
	refused(forge_csr(k1, NULL, plain), "secp256k1 is refused");
	refused(forge_req_der(forge_req(ed448, NULL, plain), ed448, NULL), "Ed448 is refused");
	EVP_PKEY_set_utf8_string_param(explicit, OSSL_PKEY_PARAM_EC_ENCODING, "explicit");
	refused(forge_csr(explicit, NULL, plain), "an explicit curve is refused");
	ok(key_make(KEY_RSA2048, &rsa, &pr), "an RSA key");
	refused(forge_req_der(forge_req(rsa, NULL, plain), rsa, EVP_sha1()),
		"SHA-1 with RSA is refused");
	refused(forge_req_der(forge_req(rsa, NULL, plain), rsa, EVP_md5()), "MD5 is refused");
	refused(forge_req_der(forge_req(p256, NULL, plain), p256, EVP_sha1()),
		"SHA-1 with ECDSA is refused");
	refused(forge_req_der(forge_req(p256, NULL, plain), other, EVP_sha256()),
		"a signature by another key is refused");
	refused(forge_req_der(forge_req(p256, NULL, plain), rsa, EVP_sha256()),
		"a signature by a key of another type is refused");
	der = forge_csr(p256, NULL, plain);
	((unsigned char *)(uintptr_t)der.p)[60] ^= 1;
	refused(der, "a changed octet is noticed");
	req = forge_req(p256, NULL, plain);
	X509_REQ_set_version(req, 1);
	refused(forge_req_der(req, p256, EVP_sha256()), "another version is refused");
}

/* An attribute `nid` with the value of these octets */
static void
add_attribute(X509_REQ *req, int nid, int type, const char *p, int n)
{
	X509_REQ_add1_attr_by_NID(req, nid, type, (const unsigned char *)p, n);
}

#define EXTS_B                                                                                     \
	"\x30\x16\x30\x14\x06\x03\x55\x1d\x11\x04\x0d\x30\x0b\x82\x09\x62\x2e\x65\x78\x61\x6d\x70" \
	"\x6c\x65"

/* OpenSSL does not add an attribute twice: add one with an OID of the same length and rename it. */
static struct span
twice_extreq(void)
{
	static const char oid[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x63";
	X509_REQ *req = forge_req(p256, NULL, plain);
	const unsigned char *p;
	struct span der;
	char *at;

	X509_REQ_add1_attr_by_txt(req, "1.2.840.113549.1.9.99", V_ASN1_SEQUENCE,
		(const unsigned char *)EXTS_B, sizeof(EXTS_B) - 1);
	der = forge_req_der(req, p256, EVP_sha256());
	at = memmem(der.p, der.n, oid, sizeof(oid) - 1);
	at[8] = 14;
	p = (const unsigned char *)der.p;
	req = d2i_X509_REQ(NULL, &p, (long)der.n);
	forge_free(der);
	return forge_req_der(req, p256, EVP_sha256());
}

static void
test_attributes(void)
{
	X509_REQ *req = forge_req(p256, NULL, plain);
	X509_ATTRIBUTE *attr;
	struct csr *csr = NULL;
	struct problem pr;

	add_attribute(req, NID_pkcs9_challengePassword, MBSTRING_ASC, "secret", 6);
	ok(parses(forge_req_der(req, p256, EVP_sha256()), &csr, &pr) && csr->names.count == 1,
		"a challengePassword is ignored");
	csr_free(csr);
	csr = NULL;
	req = forge_req(p256, NULL, (const char *const[FORGE_EXTS]){ NULL });
	add_attribute(req, NID_ms_ext_req, V_ASN1_SEQUENCE, EXTS_B, sizeof(EXTS_B) - 1);
	ok(parses(forge_req_der(req, p256, EVP_sha256()), &csr, &pr) && csr->names.count == 1 &&
			strcmp(csr->names.list[0].value, "b.example") == 0,
		"Microsoft's extension request alone is read");
	csr_free(csr);
	req = forge_req(p256, NULL, plain);
	add_attribute(req, NID_ms_ext_req, V_ASN1_SEQUENCE, EXTS_B, sizeof(EXTS_B) - 1);
	refused(forge_req_der(req, p256, EVP_sha256()),
		"Microsoft's beside the usual one is refused");
	refused(twice_extreq(), "two extension requests are refused");
	attr = X509_ATTRIBUTE_create_by_NID(
		NULL, NID_ext_req, V_ASN1_SEQUENCE, EXTS_B, sizeof(EXTS_B) - 1);
	req = forge_req(p256, NULL, (const char *const[FORGE_EXTS]){ NULL });
	X509_ATTRIBUTE_set1_data(attr, V_ASN1_SEQUENCE, EXTS_B, sizeof(EXTS_B) - 1);
	X509_REQ_add1_attr(req, attr);
	X509_ATTRIBUTE_free(attr);
	refused(forge_req_der(req, p256, EVP_sha256()),
		"an extension request of two values is refused");
	req = forge_req(p256, NULL, (const char *const[FORGE_EXTS]){ NULL });
	add_attribute(req, NID_ext_req, V_ASN1_OCTET_STRING, EXTS_B, sizeof(EXTS_B) - 1);
	refused(forge_req_der(req, p256, EVP_sha256()),
		"an extension request that is no list is refused");
	req = forge_req(p256, NULL, (const char *const[FORGE_EXTS]){ NULL });
	add_attribute(req, NID_ext_req, V_ASN1_SEQUENCE, "\x30\x02\x05\x00", 4);
	refused(forge_req_der(req, p256, EVP_sha256()), "a list of something else is refused");
}

static void
test_subject(void)
{
	X509_REQ *req = forge_req(p256, "b.example", plain);
	struct csr *csr = NULL;
	struct problem pr;

	X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN", MBSTRING_ASC,
		(const unsigned char *)"c.example", -1, -1, 0);
	ok(parses(forge_req_der(req, p256, EVP_sha256()), &csr, &pr) && csr->names.count == 1 &&
			csr->common_name_count == 2 && strcmp(csr->common_names[1].text, "c.example") == 0,
		"every CN counts");
	csr_free(csr);
	csr = NULL;
	req = forge_req(p256, NULL, plain);
	X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN", V_ASN1_BMPSTRING,
		(const unsigned char *)"\0b\0.\0e", 6, -1, 0);
	ok(parses(forge_req_der(req, p256, EVP_sha256()), &csr, &pr) && csr->common_name_count == 1 &&
			strcmp(csr->common_names[0].text, "b.e") == 0,
		"a CN in UTF-16 is read");
	csr_free(csr);
	csr = NULL;
	req = forge_req(p256, NULL, plain);
	X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN", V_ASN1_UTF8STRING,
		(const unsigned char *)"a.example\0.b", 12, -1, 0);
	refused(forge_req_der(req, p256, EVP_sha256()), "a CN with a NUL is refused");
	req = forge_req(p256, NULL, plain);
	X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "O", MBSTRING_ASC,
		(const unsigned char *)"my printer", -1, -1, 0);
	X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "serialNumber", V_ASN1_BMPSTRING,
		(const unsigned char *)"\0S\0N\0""1", 6, -1, 0);
	X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "1.2.3.4", V_ASN1_UTF8STRING,
		(const unsigned char *)"x", 1, -1, 0);
	ok(parses(forge_req_der(req, p256, EVP_sha256()), &csr, &pr) && csr->names.count == 1,
		"the rest of the subject asks for nothing");
	ok(csr->rdn_count == 3 && strcmp(csr->rdns[1].name, "serialNumber") == 0 &&
			strcmp(csr->rdns[1].text, "SN1") == 0 && strcmp(csr->rdns[2].name, "1.2.3.4") == 0,
		"but is read");
	csr_free(csr);
}

static struct span
with_names(int count)
{
	AUTO_BUF san = BUF_MAX(64 * 1024);
	const char *exts[FORGE_EXTS] = { NULL };

	buf_adds(&san, SAN);
	for (int i = 0; i < count; i++)
		buf_addf(&san, "%sDNS:n%d.e", i ? "," : "", i);
	exts[0] = buf_cstr(&san);
	return forge_csr(p256, NULL, exts);
}

static void
test_sizes(void)
{
	struct span der = forge_csr(p256, NULL, plain);
	AUTO_BUF longer = BUF_MAX(64 * 1024);
	struct csr *csr = NULL;
	struct problem pr = { 0 };

	buf_addspan(&longer, der);
	buf_addc(&longer, 0);
	ok(!csr_parse(buf_span(&longer), &csr, &pr) && pr.kind == PROBLEM_BAD_CSR,
		"an octet behind the request is refused: %s", pr.detail);
	buf_clear(&longer);
	buf_addspan(&longer, der);
	buf_addspan(&longer, der);
	ok(!csr_parse(buf_span(&longer), &csr, &pr) && pr.kind == PROBLEM_BAD_CSR,
		"two requests are refused");
	ok(!csr_parse(span_of(der.p, der.n - 1), &csr, &pr) && pr.kind == PROBLEM_BAD_CSR,
		"a truncated request is refused");
	ok(!csr_parse(SPAN_NONE, &csr, &pr) && pr.kind == PROBLEM_BAD_CSR, "nothing is refused");
	ok(!csr_parse(SPAN("-----BEGIN CERTIFICATE REQUEST-----"), &csr, &pr) &&
			pr.kind == PROBLEM_BAD_CSR,
		"PEM is refused");
	/* the outer SEQUENCE with an indefinite length, ended by 00 00 */
	buf_clear(&longer);
	buf_add(&longer, "\x30\x80", 2);
	buf_addspan(&longer,
		span_from(der, ((unsigned char)der.p[1] & 0x80) ? 2 + (der.p[1] & 0x7f) : 2));
	buf_add(&longer, "\0\0", 2);
	ok(!csr_parse(buf_span(&longer), &csr, &pr) && pr.kind == PROBLEM_BAD_CSR,
		"BER is refused: %s", pr.detail);
	forge_free(der);
	ok(parses(with_names(1000), &csr, &pr) && csr->names.count == 1000, "1000 names are read");
	csr_free(csr);
	refused(with_names(1001), "1001 names are refused");
	refused(with_names(2000), "more than 16 KiB is refused");
}

int
main(void)
{
	p256 = EVP_EC_gen("P-256");
	test_cases();
	test_wishes();
	test_keys();
	test_attributes();
	test_subject();
	test_sizes();
	EVP_PKEY_free(p256);
	return done_testing();
}
