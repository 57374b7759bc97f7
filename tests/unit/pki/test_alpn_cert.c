/* The certificate of tls-alpn-01 (RFC 8737 3, RFC 8738 6, V3): what proves, and each thing that does not. */
#include "pki/alpn_cert.h"

#include "forge.h"
#include "base/mem.h"
#include "tap.h"

/* validation.md's vector: SHA-256 of the key authorization of RFC 8555 8.4's token and the key of RFC 7638 3.1 */
#define DIGEST "653471d42925d7eb4cd39a39cda8b34d3034c94cb90067ab78c8123560ba2e5f"
#define OTHER "653471d42925d7eb4cd39a39cda8b34d3034c94cb90067ab78c8123560ba2e5e"
#define ACME "1.3.6.1.5.5.7.1.31="
#define GOOD ACME "critical,DER:0420" DIGEST
#define SAN "subjectAltName=DNS:device.test"

static const struct {
	const char *exts[FORGE_EXTS];
	const char *detail; /* NULL = proven */
	const char *what;
	const char *ip;     /* the identifier, if not device.test */
	bool final;
} cases[] = {
	{ { SAN, GOOD }, NULL, "the certificate that RFC 8737 describes" },
	{ { GOOD, SAN }, NULL, "its extensions the other way round" },
	{ { "subjectAltName=DNS:DEVICE.test", GOOD }, NULL, "a name in another case (RFC 4343)" },
	{ { "subjectAltName=critical,DNS:device.test", GOOD }, NULL, "a critical subjectAltName" },
	{ { SAN, GOOD, "basicConstraints=critical,CA:TRUE", "keyUsage=critical,digitalSignature" }, NULL, "extensions that are known" },
	{ { SAN, GOOD, "1.2.3.4=DER:0500" }, NULL, "an unknown extension that is not critical" },
	{ { SAN, GOOD, "1.2.3.4=critical,DER:0500" }, "critical extension that is unknown", "an unknown one that is" },
	{ { SAN }, "no acmeIdentifier extension", "without acmeIdentifier" },
	{ { SAN, "1.3.6.1.5.5.7.1.30=critical,DER:0420" DIGEST }, "critical extension that is unknown", "under its neighbour's OID" },
	{ { SAN, "1.3.6.1.5.5.7.1.30.1=DER:0420" DIGEST }, "no acmeIdentifier extension", "under an OID of an early draft" },
	{ { SAN, ACME "DER:0420" DIGEST }, "is not critical", "not critical" },
	{ { SAN, GOOD, GOOD }, "an extension twice", "acmeIdentifier twice" },
	{ { SAN, SAN, GOOD }, "an extension twice", "subjectAltName twice" },
	{ { SAN, ACME "critical,DER:0420" OTHER }, "not the digest of this challenge's key authorization", "another digest", .final = true },
	{ { SAN, ACME "critical,DER:" DIGEST }, "not an OCTET STRING of 32 octets", "the digest without its OCTET STRING" },
	{ { SAN, ACME "critical,DER:0420" DIGEST "00" }, "not an OCTET STRING of 32 octets", "an octet behind it" },
	{ { SAN, ACME "critical,DER:041f" DIGEST }, "not an OCTET STRING of 32 octets", "a shorter string" },
	{ { SAN, ACME "critical,DER:048120" DIGEST }, "not an OCTET STRING of 32 octets", "a length that is not DER" },
	{ { SAN, ACME "critical,DER:0320" DIGEST }, "not an OCTET STRING of 32 octets", "a BIT STRING" },
	{ { SAN, ACME "critical,DER:0500" }, "not an OCTET STRING of 32 octets", "NULL" },
	{ { GOOD }, "is not dNSName \"device.test\" alone", "without subjectAltName" },
	{ { "subjectAltName=DNS:other.test", GOOD }, "is not dNSName \"device.test\" alone", "another name" },
	{ { "subjectAltName=DNS:device.test.", GOOD }, "is not dNSName \"device.test\" alone", "with a final dot" },
	{ { "subjectAltName=DNS:*.test", GOOD }, "is not dNSName \"device.test\" alone", "a wildcard that covers it" },
	{ { "subjectAltName=DNS:device.test,DNS:device.test", GOOD }, "more than one name", "its name twice" },
	{ { "subjectAltName=DNS:device.test,IP:127.0.0.1", GOOD }, "more than one name", "an address beside it" },
	{ { "subjectAltName=email:device.test", GOOD }, "is not dNSName \"device.test\" alone", "as an email address" },
	{ { "2.5.29.17=DER:300f820d64657669632e74657374002e78", GOOD }, "is not dNSName \"device.test\" alone", "a NUL in the name" },
	{ { "2.5.29.17=DER:3000", GOOD }, "is not dNSName \"device.test\" alone", "no name at all" },
	{ { "2.5.29.17=DER:0500", GOOD }, "is not dNSName \"device.test\" alone", "a subjectAltName that cannot be read" },
	{ { "subjectAltName=IP:192.0.2.1", GOOD }, NULL, "an IPv4 address (RFC 8738 6)", "192.0.2.1" },
	{ { "subjectAltName=IP:2001:db8::1", GOOD }, NULL, "an IPv6 address", "2001:db8::1" },
	{ { "subjectAltName=IP:192.0.2.2", GOOD }, "is not iPAddress \"192.0.2.1\" alone", "another address", "192.0.2.1" },
	{ { "subjectAltName=DNS:192.0.2.1", GOOD }, "is not iPAddress \"192.0.2.1\" alone", "an address as a name", "192.0.2.1" },
	{ { "subjectAltName=IP:::ffff:192.0.2.1", GOOD }, "is not iPAddress \"192.0.2.1\" alone", "a mapped address", "192.0.2.1" },
	{ { "2.5.29.17=DER:3007870564657669c0", GOOD }, "is not iPAddress \"192.0.2.1\" alone", "an address of five octets", "192.0.2.1" },
};

static EVP_PKEY *key, *other_key;
static unsigned char digest[ALPN_DIGEST_OCTETS];

static void
check(struct span der, const char *ip, const char *detail, bool final, const char *what)
{
	struct ident ident = { .type = ip ? IDENT_IP : IDENT_DNS };
	struct problem pr = { 0 };
	bool is_final = true, good;

	snprintf(ident.value, sizeof(ident.value), "%s", ip ? ip : "device.test");
	good = alpn_cert_check(der, &ident, digest, &is_final, &pr);
	ok(good == !detail && pr.kind == (detail ? PROBLEM_UNAUTHORIZED : PROBLEM_NONE) && is_final == final, "%s", what);
	if (detail)
		ok(strstr(pr.detail, detail), "\"%s\"", pr.detail);
}

static void
check_forged(const struct forge_cert *f, const char *ip, const char *detail, bool final, const char *what)
{
	X509 *x = forge_x509(f);
	struct span der = forge_x509_der(x);

	check(der, ip, detail, final, what);
	forge_free(der);
	X509_free(x);
}

static void
test_signature(void)
{
	struct forge_cert plain = { .cn = "a", .key = key, .not_before_unix_s = 1, .not_after_unix_s = 2, .exts = { SAN, GOOD } },
			  other = plain, issued = plain;
	X509 *ca = forge_x509(&(struct forge_cert){ .cn = "ca", .key = other_key, .not_before_unix_s = 1, .not_after_unix_s = 2 });

	other.issuer_key = other_key;
	check_forged(&other, NULL, "not signed by itself", false, "its own issuer, signed by another key");
	issued.issuer = ca;
	issued.issuer_key = other_key;
	check_forged(&issued, NULL, "not signed by itself", false, "issued by a CA");
	issued.issuer_key = key;
	check_forged(&issued, NULL, "not signed by itself", false, "signed by its own key in another's name");
	X509_free(ca);
}

static void
test_bytes(void)
{
	X509 *x = forge_x509(&(struct forge_cert){ .cn = "a", .key = key, .not_before_unix_s = 1, .not_after_unix_s = 2, .exts = { SAN, GOOD } });
	struct span der = forge_x509_der(x);
	char *longer = xmalloc(der.n + 1);
	bool none = true;

	memcpy(longer, der.p, der.n);
	longer[der.n] = 0;
	check(span_of(longer, der.n + 1), NULL, "cannot be read", false, "an octet behind the certificate");
	check(SPAN_NONE, NULL, "cannot be read", false, "nothing");
	for (size_t n = 0; n < der.n; n++) {
		struct problem pr = { 0 };
		struct ident ident = { .value = "device.test" };
		bool final;

		none = none && !alpn_cert_check(span_of(longer, n), &ident, digest, &final, &pr);
	}
	ok(none, "no part of it proves anything");
	free(longer);
	forge_free(der);
	X509_free(x);
}

static void
test_many(void)
{
	X509 *x = forge_x509(&(struct forge_cert){ .cn = "a", .key = key, .not_before_unix_s = 1, .not_after_unix_s = 2, .exts = { SAN, GOOD } });
	struct span der;

	for (int i = 0; i < 63; i++) {
		char text[32];
		X509_EXTENSION *ext;

		snprintf(text, sizeof(text), "1.2.3.%d=DER:0500", i + 1);
		ext = forge_ext(text, x, x);
		X509_add_ext(x, ext, -1);
		X509_EXTENSION_free(ext);
	}
	X509_sign(x, key, EVP_sha256());
	der = forge_x509_der(x);
	check(der, NULL, "too many extensions", false, "65 extensions");
	forge_free(der);
	X509_free(x);
}

static void
test_made(void)
{
	static const struct ident idents[] = { { IDENT_DNS, "device.test" }, { IDENT_IP, "192.0.2.1" }, { IDENT_IP, "2001:db8::1" } };

	for (size_t i = 0; i < COUNT_OF(idents); i++) {
		struct problem pr = { 0 };
		EVP_PKEY *made_key = NULL;
		X509 *x = NULL;
		struct span der;
		bool final;

		ok(alpn_cert_make(&idents[i], digest, 1800000000, &x, &made_key, &pr), "a certificate is made for %s", idents[i].value);
		der = forge_x509_der(x);
		ok(alpn_cert_check(der, &idents[i], digest, &final, &pr), "and proves it");
		ok(X509_check_private_key(x, made_key) == 1, "its key is the one that came with it");
		ok(ASN1_TIME_cmp_time_t(X509_get0_notBefore(x), 1800000000) < 0 && ASN1_TIME_cmp_time_t(X509_get0_notAfter(x), 1800000000) > 0,
			"it is good now");
		ok(!alpn_cert_check(der, &idents[(i + 1) % COUNT_OF(idents)], digest, &final, &pr), "and proves nothing else");
		forge_free(der);
		X509_free(x);
		EVP_PKEY_free(made_key);
	}
}

int
main(void)
{
	key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	for (size_t i = 0; i < ALPN_DIGEST_OCTETS; i++)
		sscanf(&DIGEST[2 * i], "%2hhx", &digest[i]);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct forge_cert f = { .cn = "a", .key = key, .not_before_unix_s = 1, .not_after_unix_s = 2 };

		memcpy(f.exts, cases[i].exts, sizeof(f.exts));
		check_forged(&f, cases[i].ip, cases[i].detail, cases[i].final, cases[i].what);
	}
	test_signature();
	test_bytes();
	test_many();
	test_made();
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	return done_testing();
}
