/* test_crl.c - revocation lists: which are read, who may sign them, who is on them. */
#include "pki/crl.h"

#include "forge.h"
#include "tap.h"

#define NOW 1796000000
#define DAY 86400LL

static EVP_PKEY *key, *other_key;
static X509 *ca, *no_signer, *namesake;

static X509 *
make_ca(const char *cn, EVP_PKEY *of, const char *usage)
{
	struct forge_cert f = { .cn = cn, .key = of, .not_before_unix_s = NOW - DAY, .not_after_unix_s = NOW + DAY,
		.exts = { "basicConstraints=critical,CA:TRUE", usage } };

	return forge_x509(&f);
}

static struct cert *
as_cert(X509 *x509)
{
	struct span der = forge_x509_der(x509);
	struct cert *cert = NULL;
	struct problem pr = { 0 };

	if (!cert_parse(der, &cert, &pr))
		abort();
	forge_free(der);
	return cert;
}

static struct forge_crl
good_form(void)
{
	return (struct forge_crl){ .issuer = ca, .key = key, .this_unix_s = NOW, .next_unix_s = NOW + DAY, .serials = { "0x1234", "7" } };
}

static struct crl *
parse(const struct forge_crl *f, struct problem *pr)
{
	struct span der = forge_crl_der(f);
	struct crl *crl = NULL;
	bool good;

	*pr = (struct problem){ 0 };
	good = crl_parse(der, &crl, pr);
	forge_free(der);
	return good ? crl : NULL;
}

static void
refused(const struct forge_crl *f, const char *want)
{
	struct problem pr;
	struct crl *crl = parse(f, &pr);

	ok(!crl && pr.kind == PROBLEM_MALFORMED && strstr(pr.detail, want), "refused: %s", pr.detail);
	crl_free(crl);
}

static void
test_kinds(void)
{
	struct forge_crl f = good_form();

	f.next_unix_s = 0;
	refused(&f, "when the next one comes");
	f = good_form();
	f.exts[0] = "issuingDistributionPoint=critical,onlyuser:TRUE";
	refused(&f, "issuingDistributionPoint");
	f.exts[0] = "issuingDistributionPoint=onlyuser:TRUE";
	refused(&f, "issuingDistributionPoint");
	f.exts[0] = "2.5.29.27=critical,DER:020101";
	refused(&f, "is a delta");
	f.exts[0] = "1.2.3=critical,DER:0500";
	refused(&f, "has a critical extension");
	f = good_form();
	f.entry_ext = "1.2.3=critical,DER:0500";
	refused(&f, "an entry with a critical extension");
	f = good_form();
	f.md = EVP_sha1();
	refused(&f, "is not signed with");
}

static void
test_octets(void)
{
	struct forge_crl f = good_form();
	struct span der = forge_crl_der(&f);
	AUTO_BUF longer = BUF_MAX(1 << 16);
	struct problem pr = { 0 };
	struct crl *crl = NULL;
	unsigned accepted = 0;

	for (size_t n = 0; n < der.n; n++) {
		if (crl_parse(span_of(der.p, n), &crl, &pr)) {
			crl_free(crl);
			accepted++;
		}
	}
	ok(accepted == 0, "no part of one is one");
	buf_addspan(&longer, der);
	buf_addc(&longer, 0);
	ok(!crl_parse(buf_span(&longer), &crl, &pr), "nor is one with an octet behind");
	forge_free(der);
}

static void
test_signers(void)
{
	struct cert *good = as_cert(ca), *silent = as_cert(no_signer), *other = as_cert(namesake);
	struct forge_crl f = good_form();
	struct problem pr;
	struct crl *crl = parse(&f, &pr);

	ok(crl && !crl_is_of(crl, good), "before it is verified a list is nobody's");
	ok(crl && !crl_verify(crl, other) && !crl_is_of(crl, other), "another key of the same name did not sign it");
	ok(crl && !crl_verify(crl, silent), "nor may one that has no cRLSign");
	ok(crl && crl_verify(crl, good) && crl_is_of(crl, good) && !crl_is_of(crl, other), "the issuer did");
	crl_free(crl);
	f.key = other_key;
	crl = parse(&f, &pr);
	ok(crl && !crl_verify(crl, good), "a list by another key in its name is not the issuer's");
	crl_free(crl);
	cert_free(good);
	cert_free(silent);
	cert_free(other);
}

static void
test_entries(void)
{
	static const struct {
		const char *serial;
		bool on;
	} cases[] = { { "0x1234", true }, { "7", true }, { "0x12", false }, { "0x123400", false }, { "-7", false }, { "8", false } };
	struct forge_crl f = good_form();
	struct problem pr;
	struct crl *crl = parse(&f, &pr), *empty;

	f.serials[0] = NULL;
	empty = parse(&f, &pr);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct forge_cert c = { .cn = "leaf", .key = other_key, .issuer = ca, .issuer_key = key, .not_before_unix_s = NOW,
			.not_after_unix_s = NOW + DAY, .serial = cases[i].serial };
		X509 *x509 = forge_x509(&c);
		struct cert *cert = as_cert(x509);

		ok(crl && crl_has(crl, cert) == cases[i].on, "serial %s is%s on it", cases[i].serial, cases[i].on ? "" : " not");
		ok(empty && !crl_has(empty, cert), "and not on an empty one");
		cert_free(cert);
		X509_free(x509);
	}
	crl_free(crl);
	crl_free(empty);
}

static void
test_files(void)
{
	struct forge_crl f = good_form();
	struct span der = forge_crl_der(&f);
	AUTO_BUF pem = BUF_MAX(1 << 16), bad = BUF_MAX(1 << 16);
	struct crls crls = { 0 };
	struct problem pr = { 0 };

	ok(crls_read(&crls, der, &pr) && crls.count == 1, "a file of one in DER");
	buf_adds(&pem, "words about it\n");
	forge_crl_pem(&pem, der);
	forge_crl_pem(&pem, der);
	ok(crls_read(&crls, buf_span(&pem), &pr) && crls.count == 3, "of several in PEM");
	buf_addspan(&bad, buf_span(&pem));
	forge_pem(&bad, ca);
	ok(!crls_read(&crls, buf_span(&bad), &pr) && crls.count == 3, "with a certificate among them: none is taken (%s)", pr.detail);
	buf_clear(&bad);
	buf_addspan(&bad, buf_span(&pem));
	buf_adds(&bad, "-----BEGIN X509 CRL-----\nAAAA\n");
	ok(!crls_read(&crls, buf_span(&bad), &pr) && crls.count == 3, "nor with one that breaks off");
	ok(!crls_read(&crls, SPAN("no list"), &pr) && !crls_read(&crls, SPAN_NONE, &pr) && crls.count == 3, "nor of a file that has none");
	crls_done(&crls);
	forge_free(der);
}

int
main(void)
{
	key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	ca = make_ca("CA", key, "keyUsage=critical,keyCertSign,cRLSign");
	no_signer = make_ca("CA", key, "keyUsage=critical,keyCertSign");
	namesake = make_ca("CA", other_key, "keyUsage=critical,keyCertSign,cRLSign");
	test_kinds();
	test_octets();
	test_signers();
	test_entries();
	test_files();
	X509_free(ca);
	X509_free(no_signer);
	X509_free(namesake);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	return done_testing();
}
