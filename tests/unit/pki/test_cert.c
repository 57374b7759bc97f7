/* test_cert.c - what is kept of a certificate (RFC 5280, RFC 9773 4.1). */
#include "pki/cert.h"

#include "base/b64url.h"
#include "forge.h"
#include "tap.h"

#define NOW 1790000000
#define KEYID "69885b6b87464041e1b37b847ba0ae2cde01c8d4"
#define AKI "authorityKeyIdentifier=DER:30168014" KEYID

/* RFC 9773 appendix A */
static const char rfc9773[] =
	"MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFtcGxlIENBMCIYDzAwMDEwMTAx"
	"MDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDASBgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZI"
	"zj0DAQcDQgAEeBZu7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFfqzLQ2PPQ"
	"xdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4ByNQwCgYIKoZIzj0EAwIDRwAwRAIge09+"
	"S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK";

static const struct {
	const char *given, *serial, *certid;
} serials[] = {
	{ "0x7f", "7f", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.fw" },
	{ "0x80", "0080", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIA" },
	{ "0xff", "00ff", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AP8" },
	{ "0x0100", "0100", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AQA" },
	{ "0x87654321", "0087654321", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE" },
	{ "0x3C9A1F0E5D7B2846A0C1E2F3041526374859", "3c9a1f0e5d7b2846a0c1e2f3041526374859",
		"aYhba4dGQEHhs3uEe6CuLN4ByNQ.PJofDl17KEagweLzBBUmN0hZ" },
	{ "0", "00", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AA" },
	{ "-1", "ff", "aYhba4dGQEHhs3uEe6CuLN4ByNQ._w" },
	{ "-0x8765", "ff789b", "aYhba4dGQEHhs3uEe6CuLN4ByNQ._3ib" },
	{ "0xffffffffffffffffffffffffffffffffffffffff",
		"00ffffffffffffffffffffffffffffffffffffffff",
		"aYhba4dGQEHhs3uEe6CuLN4ByNQ.AP__________________________" },
};

static EVP_PKEY *key;

static struct cert *
parse(const struct forge_cert *f, struct problem *pr)
{
	X509 *x = forge_x509(f);
	struct span der = forge_x509_der(x);
	struct cert *cert = NULL;

	memset(pr, 0, sizeof(*pr));
	if (!cert_parse(der, &cert, pr))
		cert = NULL;
	forge_free(der);
	X509_free(x);
	return cert;
}

static void
test_rfc9773(void)
{
	AUTO_BUF der = BUF_MAX(4096);
	AUTO_BUF again = BUF_MAX(4096);
	struct cert *cert = NULL;
	struct problem pr = { 0 };

	ok(b64_read_lenient(span_str(rfc9773), &der) && cert_parse(buf_span(&der), &cert, &pr),
		"the certificate of RFC 9773 is read %s", pr.detail);
	if (!cert)
		return;
	is_str(cert->certid, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE", "its certID is the RFC's");
	is_str(cert->serial, "0087654321", "its serial keeps the leading 00");
	is_str(cert->issuer, "CN=Example CA", "its issuer is told");
	is_str(cert->subject, "CN=example.com", "its subject too");
	is_int(cert->not_before_unix_s, -62135596800, "the year 1 is a date");
	is_int(cert->names.count, 0, "a CN is no SAN");
	ok(strlen(cert->sha256) == 64 && strlen(cert->key_hash) == KEY_HASH_TEXT - 1,
		"it has hashes");
	ok(cert_der(cert, &again) && span_eq(buf_span(&der), buf_span(&again)),
		"it is written back");
	cert_free(cert);
}

static void
test_serials(void)
{
	struct problem pr;

	for (size_t i = 0; i < sizeof(serials) / sizeof(serials[0]); i++) {
		struct cert *cert = parse(
			&(struct forge_cert){
				.key = key, .serial = serials[i].given, .exts = { AKI } },
			&pr);

		ok(cert && strcmp(cert->serial, serials[i].serial) == 0 &&
				strcmp(cert->certid, serials[i].certid) == 0,
			"serial %s is %s in the certID", serials[i].given, serials[i].serial);
		cert_free(cert);
	}
	ok(!parse(&(struct forge_cert){ .key = key,
			  .serial = "0x7fffffffffffffffffffffffffffffffffffffffffff" },
		   &pr) &&
			pr.kind == PROBLEM_MALFORMED,
		"a serial of 22 octets is refused");
}

static void
test_fields(void)
{
	struct problem pr;
	char hash[KEY_HASH_TEXT];
	struct cert *cert =
		parse(&(struct forge_cert){ .cn = "B\xc3\xbc"
						  "cher, \n Ltd",
			      .key = key,
			      .not_before_unix_s = NOW - 3600,
			      .not_after_unix_s = 4000000000,
			      .exts = { "subjectAltName=DNS:A.Example,IP:2001:db8::1", AKI } },
			&pr);

	ok(cert && cert->names.count == 2 && strcmp(cert->names.list[0].value, "a.example") == 0 &&
			strcmp(cert->names.list[1].value, "2001:db8::1") == 0 &&
			!cert->has_other_names,
		"the SAN is read, lower-cased");
	ok(cert && cert->not_before_unix_s == NOW - 3600 && cert->not_after_unix_s == 4000000000,
		"the validity is read, beyond 2050 too");
	is_str(cert ? cert->subject : "", "CN=B\\C3\\BCcher\\, \\0A Ltd",
		"names are one line of ASCII");
	ok(cert && key_hash(key, hash) && strcmp(hash, cert->key_hash) == 0,
		"the key has its hash");
	cert_free(cert);
	cert = parse(&(struct forge_cert){ .key = key,
			     .exts = { "subjectAltName=critical,DNS:a.example" } },
		&pr);
	ok(cert && cert->subject[0] == '\0' && cert->certid[0] == '\0' && cert->names.count == 1,
		"an empty subject, a critical SAN, no SKI and no AKI are fine");
	cert_free(cert);
	cert = parse(&(struct forge_cert){ .key = key,
			     .exts = { "subjectAltName=email:a@b.example,DNS:a.example,DNS:a_b" } },
		&pr);
	ok(cert && cert->has_other_names && cert->names.count == 1,
		"what is no identifier in the SAN is noted");
	cert_free(cert);
	cert = parse(
		&(struct forge_cert){ .key = key, .exts = { "authorityKeyIdentifier=DER:3000" } },
		&pr);
	ok(cert && cert->certid[0] == '\0', "an AKI without a key identifier makes no certID");
	cert_free(cert);
	cert_free(NULL);
}

#define ANY_USAGE 0xffffffffu

/* What a certificate says of its right to sign others. */
static void
test_rights(void)
{
	static const struct {
		const char *name, *constraints, *usage;
		bool is_ca, may_issue;
		int path_length;
		unsigned key_usage;
	} cases[] = {
		{ "nothing", NULL, NULL, false, false, -1, ANY_USAGE },
		{ "no CA", "basicConstraints=CA:FALSE", "keyUsage=digitalSignature", false, false, -1, 1 },
		{ "a CA", "basicConstraints=CA:TRUE", NULL, true, true, -1, ANY_USAGE },
		{ "a CA that may sign", "basicConstraints=CA:TRUE,pathlen:2", "keyUsage=keyCertSign,cRLSign", true, true, 2, 0x60 },
		{ "a CA that may not", "basicConstraints=CA:TRUE", "keyUsage=digitalSignature", true, false, -1, 1 },
		{ "no CA that may sign", NULL, "keyUsage=keyCertSign", true, false, -1, 0x20 },
		{ "a path length of 0", "basicConstraints=CA:TRUE,pathlen:0", NULL, true, true, 0, ANY_USAGE },
		{ "a negative one", "basicConstraints=DER:30060101ff0201ff", NULL, true, true, 0, ANY_USAGE },
		{ "a huge one", "basicConstraints=DER:300e0101ff02097fffffffffffffffff", NULL, true, true, 0, ANY_USAGE },
	};
	struct problem pr;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct forge_cert f = { .key = key };
		struct cert *cert;
		size_t n = 0;

		if (cases[i].constraints)
			f.exts[n++] = cases[i].constraints;
		if (cases[i].usage)
			f.exts[n++] = cases[i].usage;
		cert = parse(&f, &pr);
		ok(cert && cert->is_ca == cases[i].is_ca && cert->may_issue == cases[i].may_issue &&
				cert->path_length == cases[i].path_length && cert->key_usage == cases[i].key_usage,
			"%s: what it may sign", cases[i].name);
		cert_free(cert);
	}
}

static void
test_signed_by(void)
{
	EVP_PKEY *other = EVP_EC_gen("P-256"), *weak = EVP_RSA_gen(1024);
	X509 *x = forge_x509(&(struct forge_cert){ .key = weak, .issuer_key = key });
	struct span der = forge_x509_der(x), value;
	struct problem pr = { 0 };
	struct cert *a, *b;

	if (!cert_parse(der, &a, &pr) || !signer_parse(der, &b, &pr))
		abort();
	ok(cert_is_signed_by(a, key) && cert_is_signed_by(b, key), "signed by its issuer, however it was read");
	ok(!cert_is_signed_by(a, other) && !cert_is_signed_by(b, other), "and by nobody else");
	ok(!a->has_good_key && !b->has_good_key, "its key of 1024 bits is no good one");
	ok(!cert_ext(a, SPAN("\x55\x1d\x11"), &value), "an extension it has not");
	cert_free(a);
	cert_free(b);
	forge_free(der);
	X509_free(x);
	EVP_PKEY_free(other);
	EVP_PKEY_free(weak);
}

static void
test_long_names(void)
{
	char cn[600];
	struct problem pr;
	struct cert *cert;

	memset(cn, 'x', sizeof(cn) - 1);
	cn[sizeof(cn) - 1] = '\0';
	cert = parse(&(struct forge_cert){ .cn = cn, .key = key }, &pr);
	ok(cert && strlen(cert->subject) == 255, "a long subject is cut");
	cert_free(cert);
}

static void
test_refused(void)
{
	static const struct {
		const char *name, *exts[3];
	} bad[] = {
		{ "two SANs", { "subjectAltName=DNS:a.example", "subjectAltName=DNS:b.example" } },
		{ "an unreadable SAN", { "subjectAltName=DER:0500" } },
		{ "an unreadable AKI", { "authorityKeyIdentifier=DER:0500" } },
	};
	struct problem pr = { 0 };
	AUTO_BUF der = BUF_MAX(8192);
	struct cert *cert = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!parse(&(struct forge_cert){ .key = key,
				  .exts = { bad[i].exts[0], bad[i].exts[1] } },
			   &pr) &&
				pr.kind == PROBLEM_MALFORMED,
			"%s: refused: %s", bad[i].name, pr.detail);
	ok(!cert_parse(SPAN_NONE, &cert, &pr) && pr.kind == PROBLEM_MALFORMED,
		"nothing is refused");
	b64_read_lenient(span_str(rfc9773), &der);
	ok(!cert_parse(span_of(der.p, der.n - 1), &cert, &pr) && pr.kind == PROBLEM_MALFORMED,
		"a truncated certificate is refused");
	buf_addc(&der, 0);
	ok(!cert_parse(buf_span(&der), &cert, &pr) && pr.kind == PROBLEM_MALFORMED,
		"an octet behind it is refused");
	buf_clear(&der);
	buf_add(&der, "\x30\x80", 2);
	{
		AUTO_BUF inner = BUF_MAX(8192);

		b64_read_lenient(span_str(rfc9773), &inner);
		buf_addspan(&der, span_from(buf_span(&inner), 4));
	}
	buf_add(&der, "\0\0", 2);
	ok(!cert_parse(buf_span(&der), &cert, &pr) && pr.kind == PROBLEM_MALFORMED && !cert,
		"BER is refused: %s", pr.detail);
}

int
main(void)
{
	key = EVP_EC_gen("P-256");
	test_rfc9773();
	test_serials();
	test_fields();
	test_rights();
	test_signed_by();
	test_long_names();
	test_refused();
	EVP_PKEY_free(key);
	return done_testing();
}
