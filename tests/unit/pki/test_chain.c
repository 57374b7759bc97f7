/* test_chain.c - chains: PEM read strictly, and is it what we asked for (RFC 8555 9.1, 11.4). */
#include "pki/cert.h"

#include "forge.h"
#include "tap.h"

#define NOW 1790000000
#define DAY 86400
#define SAN "subjectAltName=DNS:a.example,DNS:*.b.example,IP:10.0.0.1"
#define AKI "authorityKeyIdentifier=keyid"
#define BC "basicConstraints=critical,CA:FALSE"
#define CA_EXTS                                                                                    \
	"basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign",              \
		"subjectKeyIdentifier=hash"

static EVP_PKEY *root_key, *inter_key, *leaf_key, *other_key;
static X509 *root, *inter, *leaf;
static struct idents names;
static char csr_key[KEY_HASH_TEXT];

static struct forge_cert
inter_form(void)
{
	return (struct forge_cert){ .cn = "Inter",
		.key = inter_key,
		.issuer = root,
		.issuer_key = root_key,
		.not_before_unix_s = NOW - 100 * DAY,
		.not_after_unix_s = NOW + 100 * DAY,
		.exts = { CA_EXTS, AKI } };
}

static struct forge_cert
leaf_form(void)
{
	return (struct forge_cert){ .key = leaf_key,
		.issuer = inter,
		.issuer_key = inter_key,
		.not_before_unix_s = NOW - DAY,
		.not_after_unix_s = NOW + 30 * DAY,
		.exts = { SAN, AKI, BC } };
}

static void
set_up(void)
{
	struct forge_cert f = { .cn = "Root",
		.not_before_unix_s = NOW - 1000 * DAY,
		.not_after_unix_s = NOW + 1000 * DAY,
		.exts = { CA_EXTS } };

	root_key = EVP_EC_gen("P-384");
	inter_key = EVP_EC_gen("P-256");
	leaf_key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	f.key = root_key;
	root = forge_x509(&f);
	f = inter_form();
	inter = forge_x509(&f);
	f = leaf_form();
	leaf = forge_x509(&f);
	ok(idents_read(SPAN("dns:*.b.example,ip:10.0.0.1,dns:a.example"), &names), "names");
	ok(key_hash(leaf_key, csr_key), "key");
}

static bool
check(X509 *a, X509 *b, X509 *c, struct problem *pr)
{
	AUTO_BUF pem = BUF_MAX(64 * 1024);
	struct chain chain;
	bool good;

	memset(pr, 0, sizeof(*pr));
	forge_pem(&pem, a);
	if (b)
		forge_pem(&pem, b);
	if (c)
		forge_pem(&pem, c);
	if (!chain_parse(buf_span(&pem), &chain, pr))
		return false;
	good = chain_check(&chain, csr_key, &names, NOW, pr);
	chain_done(&chain);
	return good;
}

static void
refused(X509 *a, X509 *b, X509 *c, const char *name, const char *word)
{
	struct problem pr;

	ok(!check(a, b, c, &pr) && pr.kind == PROBLEM_SERVER_INTERNAL && strstr(pr.detail, word),
		"%s: %s", name, pr.detail);
}

/* The good leaf but for what the caller changed in its form */
static void
leaf_refused(const struct forge_cert *f, const char *name, const char *word)
{
	X509 *x = forge_x509(f);

	refused(x, inter, root, name, word);
	X509_free(x);
}

static void
test_good(void)
{
	struct problem pr;
	struct forge_cert f = leaf_form();
	X509 *x;

	ok(check(leaf, inter, NULL, &pr), "leaf and intermediate pass %s", pr.detail);
	ok(check(leaf, inter, root, &pr), "with the root too");
	ok(check(leaf, NULL, NULL, &pr), "a leaf alone passes");
	f.not_before_unix_s = NOW + 299;
	x = forge_x509(&f);
	ok(check(x, inter, NULL, &pr), "a notBefore a little ahead is forgiven");
	X509_free(x);
	f = leaf_form();
	f.exts[0] = "subjectAltName=critical,DNS:A.EXAMPLE,IP:10.0.0.1,DNS:*.B.example";
	x = forge_x509(&f);
	ok(check(x, inter, NULL, &pr), "names in capitals and another order are the same names");
	X509_free(x);
	f.cn = "a.example";
	f.exts[2] = NULL;
	x = forge_x509(&f);
	ok(check(x, inter, NULL, &pr), "a CN and absent basicConstraints are fine");
	X509_free(x);
}

static void
test_leaf(void)
{
	struct forge_cert f;

	f = leaf_form(), f.key = other_key;
	leaf_refused(&f, "another key is refused", "key");
	f = leaf_form(), f.exts[0] = "subjectAltName=DNS:a.example,DNS:*.b.example";
	leaf_refused(&f, "a missing name is refused", "lacks");
	f = leaf_form(), f.exts[0] = SAN ",DNS:c.example";
	leaf_refused(&f, "an extra name is refused", "c.example");
	f = leaf_form(), f.exts[0] = SAN ",email:a@b.example";
	leaf_refused(&f, "an extra email address is refused", "nobody asked for");
	f = leaf_form(), f.exts[0] = SAN ",DNS:a_b.example";
	leaf_refused(&f, "an extra name that is no identifier is refused", "nobody asked for");
	f = leaf_form(), f.exts[0] = BC, f.exts[2] = NULL;
	leaf_refused(&f, "a leaf without a SAN is refused", "lacks");
	f = leaf_form(), f.not_after_unix_s = NOW;
	leaf_refused(&f, "an expired leaf is refused", "expired");
	f = leaf_form(), f.not_before_unix_s = NOW + 301;
	leaf_refused(&f, "a leaf not yet valid is refused", "not yet");
	f = leaf_form(), f.exts[3] = "1.3.6.1.4.1.11129.2.4.3=critical,DER:0500";
	leaf_refused(&f, "a precertificate is refused", "precertificate");
	f = leaf_form(), f.exts[1] = BC, f.exts[2] = NULL;
	leaf_refused(&f, "a leaf without an AKI is refused", "authorityKeyIdentifier");
	f = leaf_form(), f.exts[2] = "basicConstraints=critical,CA:TRUE";
	leaf_refused(&f, "a CA as leaf is refused", "CA certificate");
	f = leaf_form(), f.exts[3] = "extendedKeyUsage=DER:0500";
	leaf_refused(&f, "an extension that cannot be read is refused", "cannot be read");
	f = leaf_form(), f.issuer_key = other_key;
	leaf_refused(&f, "a signature by another key is refused", "did not sign");
	f = leaf_form(), f.issuer = root;
	leaf_refused(&f, "another issuer's name is refused", "not the issuer");
}

static void
inter_refused(const struct forge_cert *f, const char *name, const char *word)
{
	X509 *x = forge_x509(f);

	refused(leaf, x, root, name, word);
	X509_free(x);
}

static void
test_issuers(void)
{
	struct forge_cert f;
	X509 *x, *y;
	struct problem pr;
	const ASN1_BIT_STRING *signature;

	refused(inter, leaf, root, "the intermediate first is refused", "key");
	refused(leaf, root, inter, "issuers in the wrong order are refused", "not the issuer");
	refused(leaf, root, NULL, "a missing intermediate is refused", "not the issuer");
	refused(leaf, leaf, NULL, "a leaf as issuer is refused", "CA certificate");
	f = inter_form(), f.exts[0] = "basicConstraints=critical,CA:FALSE";
	inter_refused(&f, "an issuer without the CA flag is refused", "CA certificate");
	f = inter_form(), f.exts[1] = "keyUsage=critical,digitalSignature";
	inter_refused(&f, "an issuer that may not sign certificates is refused", "");
	f = inter_form(), f.not_after_unix_s = NOW - DAY;
	inter_refused(&f, "an expired intermediate is refused", "expired");
	f = inter_form(), f.not_before_unix_s = NOW + DAY;
	inter_refused(&f, "an intermediate not yet valid is refused", "not yet");
	f = inter_form(), f.issuer_key = other_key;
	inter_refused(&f, "an intermediate signed by another is refused", "did not sign");
	f = (struct forge_cert){ .cn = "Root",
		.key = root_key,
		.not_before_unix_s = NOW - 9 * DAY,
		.not_after_unix_s = NOW - DAY,
		.exts = { CA_EXTS, AKI } };
	x = forge_x509(&f);
	ok(check(leaf, inter, x, &pr), "an expired root on top is the verifier's business");
	X509_free(x);
	/* the last octet of a signature, so that it still parses */
	y = X509_dup(leaf);
	X509_get0_signature(&signature, NULL, y);
	signature->data[signature->length - 1] ^= 1;
	refused(y, inter, root, "a broken signature is refused", "did not sign");
	X509_free(y);
	ok(!chain_check(&(struct chain){ 0 }, csr_key, &names, NOW, &pr) &&
			pr.kind == PROBLEM_SERVER_INTERNAL,
		"an empty chain is refused");
}

/* leaf and intermediate with something before, between and behind */
static void
put(struct buf *out, const char *before, const char *between, const char *behind)
{
	buf_clear(out);
	buf_adds(out, before);
	forge_pem(out, leaf);
	buf_adds(out, between);
	forge_pem(out, inter);
	buf_adds(out, behind);
}

static void
pem_is(struct span pem, bool want, const char *name)
{
	struct chain chain = { 0 };
	struct problem pr = { 0 };
	bool good = chain_parse(pem, &chain, &pr);

	ok(good == want && (good ? chain.count > 0 : pr.kind == PROBLEM_SERVER_INTERNAL), "%s%s%s",
		name, good ? "" : ": ", pr.detail);
	chain_done(&chain);
}

#define KEY_BLOCK "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"

static void
test_pem(void)
{
	AUTO_BUF pem = BUF_MAX(64 * 1024);
	AUTO_BUF copy = BUF_MAX(64 * 1024);
	char *at;

	put(&pem, "", "", "");
	pem_is(buf_span(&pem), true, "two certificates are read");
	pem_is(span_of(pem.p, pem.n - 1), true, "the last newline may be absent");
	for (size_t i = 0; i < pem.n; i++)
		buf_add(&copy, pem.p[i] == '\n' ? "\r\n" : &pem.p[i], pem.p[i] == '\n' ? 2 : 1);
	pem_is(buf_span(&copy), true, "CRLF is read");
	put(&pem, "\n", "\r\n\n", "\n\n");
	pem_is(buf_span(&pem), true, "blank lines around certificates are read past");
	put(&pem, "", KEY_BLOCK, "");
	pem_is(buf_span(&pem), false, "a private key between is refused");
	put(&pem, "", "", KEY_BLOCK);
	pem_is(buf_span(&pem), false, "a private key behind is refused");
	put(&pem, "", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "");
	pem_is(buf_span(&pem), false, "a CRL between is refused");
	put(&pem, "", "-----BEGIN TRUSTED CERTIFICATE-----\n", "");
	pem_is(buf_span(&pem), false, "a trusted certificate is refused");
	put(&pem, "", "subject: x\n", "");
	pem_is(buf_span(&pem), false, "text between is refused");
	put(&pem, "hello\n", "", "");
	pem_is(buf_span(&pem), false, "text before is refused");
	put(&pem, "", "", "x");
	pem_is(buf_span(&pem), false, "text behind is refused");
	put(&pem, "", " \n", "");
	pem_is(buf_span(&pem), false, "a line of blanks is refused");
	put(&pem, " ", "", "");
	pem_is(buf_span(&pem), false, "a blank before BEGIN is refused");
	put(&pem, "", "", "-----END CERTIFICATE-----\n");
	pem_is(buf_span(&pem), false, "an END without BEGIN is refused");
	put(&pem, "-----BEGIN CERTIFICATE-----\n", "", "");
	pem_is(buf_span(&pem), false, "a BEGIN in a certificate is refused");
	put(&pem, "", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "");
	pem_is(buf_span(&pem), false, "an empty block is refused");
	put(&pem, "", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "");
	pem_is(buf_span(&pem), false, "a block that is no certificate is refused");
	put(&pem, "", "", "");
	pem_is(span_of(pem.p, pem.n - 5), false, "a truncated END is refused");
	pem_is(span_of(pem.p, pem.n - 40), false, "a certificate without END is refused");
	pem_is(SPAN(""), false, "nothing is refused");
	pem_is(SPAN("\n\n"), false, "blank lines alone are refused");
	pem_is(span_of("\0", 1), false, "a NUL is refused");
	at = pem.p + 60;
	*at = '!';
	pem_is(buf_span(&pem), false, "what is not base64 is refused");
	put(&pem, "", "", "");
	pem.p[60] = '-';
	pem_is(buf_span(&pem), false, "base64url is refused");
	put(&pem, "", "", "");
	pem.p[60] = '=';
	pem_is(buf_span(&pem), false, "padding in the middle is refused");
	put(&pem, "", "", "");
	pem.p[60] = '\n';
	pem_is(buf_span(&pem), false, "a short line in the middle is refused");
	put(&pem, "", "", "");
	memmove(pem.p + 28 + 64, pem.p + 28 + 65, pem.n - (28 + 65));
	pem.n--;
	pem_is(buf_span(&pem), false, "a line over 64 characters is refused");
}

static void
test_pem_sizes(void)
{
	AUTO_BUF pem = BUF_MAX(1024 * 1024);

	for (int i = 0; i < CHAIN_MAX_CERTS; i++)
		forge_pem(&pem, leaf);
	pem_is(buf_span(&pem), true, "ten certificates are read");
	forge_pem(&pem, leaf);
	pem_is(buf_span(&pem), false, "eleven are refused");
	put(&pem, "", "", "");
	while (pem.n <= CHAIN_MAX_BYTES)
		buf_addc(&pem, '\n');
	pem_is(buf_span(&pem), false, "a chain over 256 KiB is refused");
}

static void
test_write(void)
{
	AUTO_BUF pem = BUF_MAX(64 * 1024);
	AUTO_BUF loose = BUF_MAX(64 * 1024);
	AUTO_BUF out = BUF_MAX(64 * 1024);
	AUTO_BUF small = BUF_MAX(100);
	struct chain chain = { 0 };
	struct problem pr = { 0 };

	put(&pem, "", "", "");
	put(&loose, "\r\n", "\r\n", "\n");
	ok(chain_parse(buf_span(&loose), &chain, &pr) && chain.count == 2, "a loose chain is read");
	ok(chain_write_pem(&chain, &out) && span_eq(buf_span(&out), buf_span(&pem)),
		"and written strictly");
	ok(!chain_write_pem(&chain, &small), "a buffer too small is told");
	chain_done(&chain);
	is_int(chain.count, 0, "a chain that is done is empty");
}

static void
test_preferred(void)
{
	AUTO_BUF pem = BUF_MAX(64 * 1024);
	struct chain chain = { 0 };
	struct problem pr = { 0 };
	unsigned char *spki = NULL, md[32];
	char hex[65];
	int n = i2d_PUBKEY(inter_key, &spki);

	EVP_Digest(spki, (size_t)n, md, NULL, EVP_sha256(), NULL);
	OPENSSL_free(spki);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02X", md[i]);
	put(&pem, "", "", "");
	ok(chain_parse(buf_span(&pem), &chain, &pr), "a chain");
	ok(chain_is_preferred(&chain, "Inter"), "the topmost certificate's CN is found");
	ok(chain_is_preferred(&chain, "root"), "its issuer's too, in any case");
	ok(chain_is_preferred(&chain, hex), "its SPKI hash too");
	hex[0] = hex[0] == 'A' ? 'B' : 'A';
	ok(!chain_is_preferred(&chain, hex), "another hash is not");
	ok(!chain_is_preferred(&chain, "Roo") && !chain_is_preferred(&chain, ""), "a part is not");
	chain_done(&chain);
	ok(!chain_is_preferred(&chain, "Root"), "an empty chain is never preferred");
}

int
main(void)
{
	set_up();
	test_good();
	test_leaf();
	test_issuers();
	test_pem();
	test_pem_sizes();
	test_write();
	test_preferred();
	idents_done(&names);
	X509_free(root);
	X509_free(inter);
	X509_free(leaf);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(inter_key);
	EVP_PKEY_free(leaf_key);
	EVP_PKEY_free(other_key);
	return done_testing();
}
